"""The table of labels that a person gives to units: reading, checking, and whose units it names.

Imports little: the plan of a run looks into the table, too.
"""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scopeflow.errors import InputError

if TYPE_CHECKING:
    import numpy as np

COLUMNS = ("unit_id", "label", "merge_into")
ACCEPT, REJECT, SPLIT = "accept", "reject", "split"
LABELS = (ACCEPT, REJECT, SPLIT, "")  # an empty one accepts


@dataclass(frozen=True)
class Labels:
    """What shall become of the units.

    Attributes
    ----------
    rejected : list of int
        Units to leave out.
    merged : dict of list of int
        By surviving unit: all units that it is made of, itself first.
    accepted : list of int
        Units that a person accepted, whatever the criteria say.
    split : list of int
        Units that are two cells.
    """

    rejected: list[int] = field(default_factory=list)
    merged: dict[int, list[int]] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)
    split: list[int] = field(default_factory=list)


def digest_of_units(
    unit_id: "np.ndarray",
    shape: tuple[int, int],
    rows: Iterable[tuple["np.ndarray", "np.ndarray"]],
) -> str:
    """Return a digest by which labels know the units that they were made on.

    Parameters
    ----------
    unit_id : ndarray of int, shape (unit_id,)
        Labels of the units.
    shape : tuple of int
        (height, width) of the image.
    rows : iterable of (ndarray of int, ndarray of float32)
        For each unit the flat indices, in order, and values of the footprint's pixels that
        are not zero.

    Returns
    -------
    str
        Twelve hexadecimal digits. Equal for equal units and footprints; traces do not count.
    """
    digest = hashlib.sha256(unit_id.astype("<i8").tobytes())
    digest.update("{} x {}".format(*shape).encode())
    for pixels, values in rows:
        digest.update(pixels.astype("<i8").tobytes())
        digest.update(values.astype("<f4").tobytes())
    return digest.hexdigest()[:12]


def read_labels(path: str | Path, unit_id: "np.ndarray", units: str | None = None) -> Labels:
    """Read and check a table of labels.

    Parameters
    ----------
    path : str or Path
        CSV (commas, semicolons or tabs) with the columns ``unit_id``, ``label`` and, if
        units are to be merged, ``merge_into``. Units without a row are kept.
    unit_id : ndarray of int, shape (unit_id,)
        The units that there are.
    units : str, optional
        Their `digest_of_units`: rows that name another one in the column ``units`` are
        refused. Rows of a table written by hand name none.

    Raises
    ------
    InputError
        With one line for each fault.
    """
    rows = read_rows(Path(path))
    if units is not None:
        refuse_other_units(path, [row for _, row in rows], units)
    known = set(unit_id.tolist())
    faults, lists, targets = [], {label: [] for label in LABELS}, {}
    seen = set()
    for number, row in rows:
        where = f"{path}, row {number}"
        unit, label, target = (row.get(column, "").strip() for column in COLUMNS)
        label = label.lower()
        if not unit.isdigit() or int(unit) not in known:
            faults.append(f"{where}: there is no unit {unit!r}; allowed: {_some(known)}.")
        elif int(unit) in seen:
            faults.append(f"{where}: unit {unit} has a row already. Remove one.")
        elif label not in LABELS:
            faults.append(f"{where}: label is {label!r}; allowed: accept, reject, split.")
        elif target and (not target.isdigit() or int(target) not in known or target == unit):
            faults.append(f"{where}: merge_into is {target!r}; allowed: another unit, or nothing.")
        elif target and label in (REJECT, SPLIT):
            fate = "rejected" if label == REJECT else "split"
            faults.append(f"{where}: unit {unit} is {fate} and merged. Choose one.")
        elif target:
            targets[int(unit)] = int(target)
        else:
            lists[label].append(int(unit))
        if unit.isdigit():
            seen.add(int(unit))
    for unit, target in targets.items():
        fates = {REJECT: "rejected", SPLIT: "split"}
        fate = next((word for label, word in fates.items() if target in lists[label]), None)
        if target in targets:
            fate = "itself merged into another"
        if fate:
            faults.append(f"{path}: unit {unit} is merged into {target}, which is {fate}.")
    if faults:
        raise InputError("\n".join(faults))
    merged: dict[int, list[int]] = {}
    for unit, target in sorted(targets.items()):
        merged.setdefault(target, [target]).append(unit)
    return Labels(sorted(lists[REJECT]), merged, sorted(lists[ACCEPT]), sorted(lists[SPLIT]))


def refuse_other_units(path: str | Path, rows: list[dict[str, str]], units: str) -> None:
    """Refuse labels that were made on units of another digest."""
    others = sorted({row.get("units", "") for row in rows} - {"", units})
    if others:
        raise InputError(
            f"{path}: these labels were made on other units (column units: {', '.join(others)}; "
            f"the units now: {units}), so that the same number may be another cell. Carry them "
            f"over: `python scripts/open_curation.py results/{Path(path).parent.name}/"
            f"{Path(path).stem} --carry-over` finds the cells again by their place; or remove the "
            "file to begin anew; or, if you know that the numbers still hold, empty the column "
            "units."
        )


def remakes_units(path: Path) -> bool:
    """Tell whether a table merges or splits any unit; whether it is sound is not asked."""
    try:
        rows = read_rows(path)
    except InputError:
        return False
    return any(row.get("merge_into") or row["label"].lower() == SPLIT for _, row in rows)


def read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (number of the row, values by column) of every row that is not blank.

    Cells that a short row lacks are empty.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
            handle.seek(0)
            delimiter = max(",;\t", key=first.count)
            table = [[c.strip() for c in row] for row in csv.reader(handle, delimiter=delimiter)]
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8. Save it as CSV in UTF-8.") from None
    columns = table[0] if table else []
    for column in COLUMNS[:2]:
        if column not in columns:
            raise InputError(
                f"{path}: column {column} is missing; found: {', '.join(columns) or 'nothing'}. "
                "The first row must name the columns unit_id, label and, if needed, merge_into."
            )
    return [
        (number, dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False)))
        for number, cells in enumerate(table[1:], start=2)
        if any(cells)
    ]


def _some(units: set[int]) -> str:
    names = [str(unit) for unit in sorted(units)]
    return ", ".join(names[:8]) + (f" ... {names[-1]}" if len(names) > 8 else "") or "none"
