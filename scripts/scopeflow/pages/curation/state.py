"""What a rater decided: labels, undo and redo. Knows nothing of files and pages."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scopeflow.errors import InputError
from scopeflow.labels import ACCEPT, REJECT, SPLIT

NOTE_LENGTH = 500  # characters
KEEP, DROP, MERGE, CUT, NOTE, CLEAR = "keep", "drop", "merge", "split", "note", "clear"


@dataclass(frozen=True)
class Label:
    """What is decided of one unit.

    Attributes
    ----------
    label : {"", "accept", "reject", "split"}
    merge_into : int or None
        Unit that this one becomes part of.
    note : str
    rater, time : str
        Who decided last, and when (ISO 8601, UTC).
    """

    label: str = ""
    merge_into: int | None = None
    note: str = ""
    rater: str = ""
    time: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is said of the unit."""
        return not self.label and self.merge_into is None and not self.note


class Decisions:
    """The labels of all units, and the way back.

    Parameters
    ----------
    unit_id : iterable of int
        Units that there are; every other number is refused.
    labels : dict of Label, optional
        By unit, as they were found.
    """

    def __init__(self, unit_id: Iterable[int], labels: dict[int, Label] | None = None) -> None:
        self.known = set(unit_id)
        self.labels = dict(labels or {})
        self._past: list[dict[int, Label]] = []
        self._future: list[dict[int, Label]] = []

    def of(self, unit: int) -> Label:
        """Return the label of a unit; an empty one if nothing was decided."""
        return self.labels.get(unit, Label())

    def members(self, survivor: int) -> list[int]:
        """Return the units that are merged into one, in order, without itself."""
        return sorted(u for u, label in self.labels.items() if label.merge_into == survivor)

    def group(self, unit: int) -> list[int]:
        """Return the survivor of a unit's merge and all its members; the unit alone if none."""
        target = self.of(unit).merge_into
        survivor = unit if target is None else target
        return [survivor, *self.members(survivor)]

    def word(self, unit: int) -> str:
        """Return the state of a unit in a word or two, for tables."""
        label = self.of(unit)
        if label.merge_into is not None:
            return f"in {label.merge_into}"
        word = {ACCEPT: "keep", REJECT: "drop", SPLIT: "split", "": ""}[label.label]
        return f"{word} + {len(self.members(unit))}".strip(" ") if self.members(unit) else word

    # ------------------------------------------------------------------ decisions

    def act(self, action: str, units: list[int], text: str, rater: str, time: str) -> list[int]:
        """Decide something of units.

        Parameters
        ----------
        action : {"keep", "drop", "merge", "split", "note", "clear"}
            A merge makes one of all units, under the first one's number.
        units : list of int
            The units meant.
        text : str
            The note, where the action is ``note``.
        rater, time : str
            Who decides, and when.

        Returns
        -------
        list of int
            Units whose labels are now different.

        Raises
        ------
        InputError
            If a unit does not exist, or the action makes no sense for these units.
        """
        strange = [unit for unit in units if unit not in self.known]
        if strange or not units:
            raise InputError(f"There is no unit {strange[0]}." if strange else "No unit is chosen.")
        change = {
            KEEP: self._keep, DROP: self._drop, MERGE: self._merge,
            CUT: self._split, CLEAR: self._clear,
        }  # fmt: skip
        if action == NOTE:
            note = " ".join(text.split())[:NOTE_LENGTH]
            after = {unit: replace(self.of(unit), note=note) for unit in units}
        elif action in change:
            after = change[action](list(dict.fromkeys(units)))
        else:
            raise InputError(f"There is no action {action!r}.")
        after = {u: replace(v, rater=rater, time=time) for u, v in after.items()}
        self._past.append({unit: self.of(unit) for unit in after})
        self._future.clear()
        self._set(after)
        return sorted(after)

    def _keep(self, units: list[int]) -> dict[int, Label]:
        """Keep units; the parts of a merged one stay parts."""
        return {unit: replace(self.of(unit), label=ACCEPT) for unit in units}

    def _drop(self, units: list[int]) -> dict[int, Label]:
        """Drop units: with all its parts where it is merged, else out of its merge."""
        whole = [member for unit in units for member in [unit, *self.members(unit)]]
        return {unit: replace(self.of(unit), label=REJECT, merge_into=None) for unit in whole}

    def _merge(self, units: list[int]) -> dict[int, Label]:
        whole = list(dict.fromkeys(member for unit in units for member in self.group(unit)))
        survivor = units[0]
        if len(whole) < 2:
            raise InputError("Choose at least two units to merge: Shift-click adds one.")
        after = {u: replace(self.of(u), label="", merge_into=survivor) for u in whole}
        kept = ACCEPT if self.of(survivor).label == ACCEPT else ""
        return after | {survivor: replace(self.of(survivor), label=kept, merge_into=None)}

    def _split(self, units: list[int]) -> dict[int, Label]:
        for unit in units:
            if len(self.group(unit)) > 1:
                raise InputError(f"Unit {unit} is part of a merge. Clear it first.")
        return {unit: replace(self.of(unit), label=SPLIT) for unit in units}

    def _clear(self, units: list[int]) -> dict[int, Label]:
        """Forget what was decided; a merge is dissolved with its survivor. Notes stay."""
        parts = {m: replace(self.of(m), merge_into=None) for u in units for m in self.members(u)}
        return parts | {unit: Label(note=self.of(unit).note) for unit in units}

    # ------------------------------------------------------------------ way back

    def undo(self) -> list[int]:
        """Take the last decision back; returns the units concerned, none if there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> list[int]:
        """Decide again what was taken back last."""
        return self._step(self._future, self._past)

    def _step(self, source: list[dict[int, Label]], goal: list[dict[int, Label]]) -> list[int]:
        if not source:
            return []
        before = source.pop()
        goal.append({unit: self.of(unit) for unit in before})
        self._set(before)
        return sorted(before)

    def _set(self, values: dict[int, Label]) -> None:
        self.labels |= values
        for unit in values:
            if self.labels[unit].empty:
                del self.labels[unit]

    def counts(self) -> dict[str, int]:
        """Return how many units are kept, dropped, merged into others, split, not decided."""
        labels = self.labels.values()
        counts = {
            "kept": sum(x.label == ACCEPT and x.merge_into is None for x in labels),
            "dropped": sum(x.label == REJECT for x in labels),
            "merged": sum(x.merge_into is not None for x in labels),
            "split": sum(x.label == SPLIT for x in labels),
        }
        return counts | {"open": len(self.known) - sum(counts.values())}
