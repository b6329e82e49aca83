"""Open the page on which the units of a session are looked at and labelled.

Call: ``python scripts/open_curation.py results/SESSION/VARIANT``
"""

import argparse
from pathlib import Path

from scopeflow.pages.serve import add_options, run, serve


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Look at the cells of a session and label them; docs/curation.md tells more.",
    )
    parser.add_argument("result", type=Path, help="results/SESSION/VARIANT of a finished run")
    parser.add_argument(
        "--rater", help="keep labels under this name, beside those that the workflow uses"
    )
    parser.add_argument(
        "--carry-over", action="store_true",
        help="labels were made on other units: move them to the cells at the same places",
    )  # fmt: skip
    parser.add_argument(
        "--compare", nargs=2, metavar="RATER",
        help="open nothing, tell how far two raters agree ('workflow': the labels in use)",
    )  # fmt: skip
    add_options(parser)
    return parser.parse_args()


def main() -> None:
    """Do what the command line says."""
    chosen = options()
    from scopeflow.pages.curation.data import check_result

    check_result(chosen.result)
    if chosen.compare:
        from scopeflow.pages.curation.session import compared

        print(compared(chosen.result, *chosen.compare))
        return

    opened = []

    def picture() -> bytes:
        from scopeflow.pages.curation.pictures import png
        from scopeflow.pages.curation.session import Session

        session = Session(chosen.result, chosen.rater, chosen.carry_over)
        opened.append(session)
        if session.carried:
            print(session.carried)
        return png(session.field)

    def load():
        from scopeflow.pages.curation.view import View

        return lambda document: View(document, opened[0])

    serve(load, chosen, f"Curation of {chosen.result}", picture)


if __name__ == "__main__":
    run(main)
