"""Labels on disk: written whole after every action, with a log beside them that only grows."""

import csv
import io
import itertools
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from scopeflow.durable import flush
from scopeflow.errors import InputError
from scopeflow.labels import read_labels, read_rows, refuse_other_units
from scopeflow.pages.curation.state import Decisions, Label

COLUMNS = (
    *("unit_id", "label", "merge_into", "note", "rater", "time", "units"),
    *("centroid_height", "centroid_width"),
)
LOG_COLUMNS = ("time", "rater", "action", "unit_id", "note", "units")
RATER = r"[A-Za-z0-9_-]{1,40}"
RESERVED = ("log", "workflow")  # not names of raters
CARRY_MAX = 0.5  # of a cell's diameter: labels are carried over to a cell that is not farther


def labels_path(folder: Path, session: str, variant: str, rater: str | None = None) -> Path:
    """Return where labels lie: those of the workflow, or those of one rater beside them."""
    if rater is not None and not is_rater(rater):
        raise InputError(
            f"--rater {rater!r}: a rater is named by up to 40 letters, digits, '_' and '-', "
            f"and not {' or '.join(RESERVED)}."
        )
    return (
        folder / session / f"{variant}.{rater}.csv"
        if rater
        else folder / session / f"{variant}.csv"
    )


def is_rater(name: str) -> bool:
    """Tell whether a rater can be named so."""
    return re.fullmatch(RATER, name) is not None and name not in RESERVED


class LabelStore:
    """The labels of one rater for one result.

    Parameters
    ----------
    path : Path
        Table of labels; need not exist.
    unit_id : ndarray of int, shape (unit_id,)
        Units of the result.
    place : ndarray of float, shape (unit_id, 2)
        Their centres of mass (height, width) in px, kept beside each label.
    units : str
        Digest of the units.
    rater : str
        Who decides.

    Raises
    ------
    InputError
        If the table is not sound, or was made on other units.
    """

    def __init__(
        self, path: Path, unit_id: np.ndarray, place: np.ndarray, units: str, rater: str
    ) -> None:
        self.path, self.log_path = path, path.with_name(f"{path.stem}.log.csv")
        self.units, self.rater = units, rater
        self._unit_id = unit_id
        self._place = {unit: tuple(place[k]) for k, unit in enumerate(unit_id.tolist())}
        self._load()

    def _load(self) -> None:
        self._seen = self._signature()
        self._stamps: dict[int, str] = {}
        self.decisions = Decisions(self._unit_id.tolist())
        if self._seen is None:
            return
        read_labels(self.path, self._unit_id, self.units)
        labels = {}
        for _, row in read_rows(self.path):
            unit, target = int(row["unit_id"]), row.get("merge_into", "")
            labels[unit] = Label(
                row["label"].lower(), int(target) if target else None,
                *(row.get(column, "") for column in ("note", "rater", "time")),
            )  # fmt: skip
            self._stamps[unit] = row.get("units", "")
        decided = {unit: label for unit, label in labels.items() if not label.empty}
        self.decisions = Decisions(self._unit_id.tolist(), decided)

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def act(self, action: str, units: list[int], text: str = "") -> list[int]:
        """Decide, and have it on disk before this returns.

        Parameters
        ----------
        action : str
            Of `Decisions.act`, or ``undo`` or ``redo``.
        units : list of int
            Units meant; not used to undo and redo.
        text : str, optional
            Note.

        Returns
        -------
        list of int
            Units whose labels changed.

        Raises
        ------
        InputError
            If the action makes no sense, or the disk refuses; then nothing has changed.
        """
        if self._signature() != self._seen:  # another window or editor wrote it
            self._load()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if action in ("undo", "redo"):
            changed = getattr(self.decisions, action)()
        else:
            changed = self.decisions.act(action, units, text, self.rater, now)
        if not changed:
            return changed
        stamps = dict(self._stamps)
        self._stamps |= dict.fromkeys(changed, self.units)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._log(now, action, changed if action in ("undo", "redo") else units, text)
            self._save()
        except OSError as error:
            self.decisions.redo() if action == "undo" else self.decisions.undo()
            self._stamps = stamps
            raise InputError(f"Not saved: {self.path}: {error.strerror or error}.") from None
        return changed

    def _log(self, now: str, action: str, units: list[int], text: str) -> None:
        """Append a line and force it to the disk."""
        line = io.StringIO()
        writer = csv.writer(line, lineterminator="\n")
        if not self.log_path.exists():
            writer.writerow(LOG_COLUMNS)
        note = " ".join(text.split())
        writer.writerow([now, self.rater, action, " ".join(map(str, units)), note, self.units])
        with self.log_path.open("a", encoding="utf-8", newline="") as handle:
            handle.write(line.getvalue())
            handle.flush()
            os.fsync(handle.fileno())

    def _save(self) -> None:
        """Replace the table as a whole, so that no reader ever sees half of it.

        Units that nothing is decided of have a row, too: `carry_over` is to know their places,
        be it to find the survivor of a merge, or which of two cells a label belongs to.
        """
        part = self.path.with_name(f".{self.path.name}.part")
        with part.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(COLUMNS)
            for unit in sorted(self._place) if self.decisions.labels else []:
                label = self.decisions.of(unit)
                target = "" if label.merge_into is None else label.merge_into
                height, width = (f"{x:.2f}" for x in self._place[unit])
                writer.writerow([
                    unit, label.label, target, label.note, label.rater, label.time,
                    self._stamps.get(unit, self.units), height, width,
                ])  # fmt: skip
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(part, self.path)
        self._seen = self._signature()


def carry_over(
    path: Path, unit_id: np.ndarray, place: np.ndarray, units: str, diameter_px: float
) -> str:
    """Move labels that were made on other units to the cells at the same places.

    Parameters
    ----------
    path : Path
        Table of labels; the old one is kept beside it as ``{name}~{its digest}.csv``.
    unit_id, place, units
        As of `LabelStore`: the units now.
    diameter_px : float
        Width of a cell: a label is carried to the nearest unit within half of it, and only
        if no other old unit is nearer to that one.

    Returns
    -------
    str
        A sentence about what was done.
    """
    if not path.is_file():
        return "There are no labels to carry over."
    rows = [row for _, row in read_rows(path)]
    try:
        refuse_other_units(path, rows, units)
    except InputError:
        pass
    else:
        return "The labels belong to these units already."
    try:
        old_place = [[float(row[c]) for c in COLUMNS[-2:]] for row in rows]
    except (KeyError, ValueError):
        raise InputError(
            f"{path}: rows without centroid_height and centroid_width cannot be carried over. "
            "Remove the file to begin anew."
        ) from None
    new_of = _same_places(rows, np.array(old_place), unit_id, place, CARRY_MAX * diameter_px)
    decided = [row for row in rows if any(row.get(c) for c in ("label", "merge_into", "note"))]
    new_path = path.with_name(f".{path.name}.new")
    new_path.unlink(missing_ok=True)  # of a call that was killed
    store = LabelStore(new_path, unit_id, place, units, "")
    for row in decided:
        new, target = new_of.get(row["unit_id"]), row.get("merge_into", "")
        if new is None or (target and target not in new_of):
            continue
        store.decisions.labels[new] = Label(
            row["label"].lower(), new_of[target] if target else None,
            *(row.get(c, "") for c in ("note", "rater", "time")),
        )  # fmt: skip
    digest = next(r["units"] for r in rows if r.get("units") not in (None, "", units))
    old = _kept_aside(path, digest)
    store._save()
    os.replace(new_path, path)
    n = len(store.decisions.labels)
    return (
        f"{n} of {len(decided)} labels were carried over to the cells at their places; old: {old}"
    )


def _kept_aside(path: Path, digest: str) -> Path:
    """Copy a table beside itself, under a name that no variant and no rater can have."""
    contents = path.read_bytes()
    for number in itertools.count(1):
        old = path.with_name(f"{path.stem}~{digest}{f'~{number}' if number > 1 else ''}.csv")
        if not old.exists():
            part = path.with_name(f".{old.name}.part")
            part.write_bytes(contents)
            flush(part)
            os.replace(part, old)
        if old.read_bytes() == contents:
            return old


def _same_places(
    rows: list[dict], old: np.ndarray, unit_id: np.ndarray, place: np.ndarray, reach_px: float
) -> dict[str, int]:
    """Return which unit now lies at the place of each old one: nearest to each other."""
    if not len(unit_id) or not len(old):
        return {}
    distance = np.hypot(*(old[:, None] - place[None]).transpose(2, 0, 1))
    nearest, back = distance.argmin(axis=1), distance.argmin(axis=0)
    return {
        row["unit_id"]: int(unit_id[nearest[k]])
        for k, row in enumerate(rows)
        if back[nearest[k]] == k and distance[k, nearest[k]] <= reach_px
    }
