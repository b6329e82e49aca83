"""A draft of the sample sheet, from a tree of folders and what the software left in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.miniscope import read_metadata
from scopeflow.plan.settings import read_schema
from scopeflow.plan.videos import find_recording, has_recording, natural_key

COLUMNS = ("session", "animal", "path", "fps_hz", "date", "device", "note")
UNKNOWN_ANIMAL = "unknown"


def draft_sheet(root: str | Path) -> list[dict[str, str]]:
    """Find all recordings below a folder and describe each as a row of the sheet.

    Parameters
    ----------
    root : str or Path
        Folder to search. A folder with videos is a session; its own folders are not searched.

    Returns
    -------
    list of dict of str
        Rows with `COLUMNS`, in natural order. `session` is made of the folder's path below
        `root`; `animal`, `date` and `device` are those of the metadata, else `animal` is the
        first folder below `root`; `note` says what needs a look.

    Raises
    ------
    InputError
        If there is no such folder, or no recording in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no folder {root} (looked for in {Path.cwd()}).")
    rows: list[dict[str, str]] = []
    taken: set[str] = set()
    for folder in _sessions(root):
        row = _row(folder, root)
        name, number = row["session"], 2
        while row["session"].lower() in taken:
            row["session"] = f"{name}-{number}"
            number += 1
        taken.add(row["session"].lower())
        rows.append(row)
    if not rows:
        raise InputError(f"No recording was found in {root} or below it.")
    return rows


def _sessions(folder: Path) -> Iterator[Path]:
    """Yield the folders that hold a recording, not those within such a folder."""
    if has_recording(folder):
        yield folder
        return
    inside = [e for e in folder.iterdir() if e.is_dir() and not e.name.startswith(".")]
    for entry in sorted(inside, key=lambda e: natural_key(e.name)):
        yield from _sessions(entry)


def _row(folder: Path, root: Path) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "")
    parts = folder.relative_to(root).parts or (root.absolute().name,)
    row["session"], row["path"] = _name("-".join(parts), "session"), folder.as_posix()
    notes = []
    told: dict = {}
    try:
        told = read_metadata(find_recording(folder, None, str(folder)).metadata)
    except InputError as error:
        notes.append(str(error).replace("\n", " ").replace("\t", " "))
    animal = told.get("animal") or (parts[0] if len(parts) > 1 else UNKNOWN_ANIMAL)
    if not told.get("animal"):
        notes.append("the animal is a guess")
    row["animal"] = _name(str(animal), "animal")
    row["date"] = told.get("start", "")
    row["device"] = str(told.get("device_type", ""))
    row["note"] = "; ".join(notes)
    return row


def _name(text: str, column: str) -> str:
    """Return a name with the characters that the sheet allows."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or column
    allowed = read_schema("sessions")["properties"][column]["pattern"]
    return plain if re.fullmatch(allowed, plain) else f"{column}-{plain}"
