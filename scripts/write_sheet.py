"""Write a draft of the sample sheet: ``python scripts/write_sheet.py FOLDER sessions.tsv``.

Finds every recording below the folder and takes animal, date and device from what the recording
software left there. Look the rows over before the first run.
"""

import argparse
import csv
import sys
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.plan.scan import COLUMNS, draft_sheet
from scopeflow.stores import new_store


def main(root: str, sheet: str) -> None:
    """Write the sheet; one that is there already is never written over."""
    if Path(sheet).exists():
        raise InputError(f"{sheet} is there already. Name another file, or remove it first.")
    rows = draft_sheet(Path(root).absolute())
    with new_store(sheet) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    guesses = sum(bool(row["note"]) for row in rows)
    sys.stdout.write(f"{sheet}: {len(rows)} sessions, {guesses} with a note to look at\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draft a sample sheet from a tree of recordings.")
    parser.add_argument("folder", help="folder that holds the recordings")
    parser.add_argument("sheet", help="file to write, such as sessions.tsv")
    given = parser.parse_args()
    try:
        main(given.folder, given.sheet)
    except InputError as error:
        sys.exit(str(error))
