"""What all tabs share: the result, the labels, and what is computed once."""

import functools
import getpass
import threading
from pathlib import Path

import numpy as np

from scopeflow.errors import InputError
from scopeflow.pages.curation import pictures
from scopeflow.pages.curation.agreement import compare_raters, report
from scopeflow.pages.curation.data import Result
from scopeflow.pages.curation.state import Decisions
from scopeflow.pages.curation.store import LabelStore, carry_over, is_rater, labels_path

WORKFLOW = "workflow"  # the labels that the workflow applies, among the raters


class Session:
    """A result with the labels of one rater.

    Parameters
    ----------
    folder : Path
        ``results/{session}/{variant}``.
    rater : str, optional
        Labels are kept under this name, beside those of the workflow.
    carry : bool, optional
        Move labels that were made on other units to the cells at their places.

    Attributes
    ----------
    result : Result
    store : LabelStore
    carried : str
        What was carried over, in a sentence; else empty.
    position : dict of int
        Position of each unit in the result.
    outlines : list of (ndarray, ndarray)
        x and y of each unit's outline, px.
    field : ndarray of uint8, shape (height, width)
        All footprints.
    """

    def __init__(self, folder: Path, rater: str | None = None, carry: bool = False) -> None:
        self.result = Result(folder)
        self.curation = curation_folder(folder)
        who = rater or _user()
        result = self.result
        path = labels_path(self.curation, result.session, result.variant, rater)
        self._variants = {one.name for one in folder.resolve().parent.iterdir() if one.is_dir()}
        if rater and path.stem in self._variants:
            raise InputError(
                f"--rater {rater}: {path} is for the labels of variant {path.stem}. Choose another "
                "name."
            )
        self.carried = ""
        if carry:
            size = float(np.nanmedian(result.columns["diameter_px"])) if result.n_units else 0
            self.carried = carry_over(path, result.unit_id, result.place, result.units, size)
        self.store = LabelStore(path, result.unit_id, result.place, result.units, who)
        self.position = {unit: k for k, unit in enumerate(result.unit_id.tolist())}
        self.outlines = [pictures.outline(one, result.shape[1]) for one in result.footprints]
        self.field = pictures.footprint_image(result.footprints, result.shape)
        self._lock = threading.Lock()

    @functools.cached_property
    def walk(self) -> np.ndarray:
        """Positions of the units in a walk from neighbour to neighbour."""
        return pictures.neighbour_walk(self.result.place)

    def unit_at(self, x: float | None, y: float | None) -> int | None:
        """Return the position of the unit at a place in px, None where there is none."""
        if x is None or y is None or not self.result.n_units or not np.isfinite([x, y]).all():
            return None
        row, col = round(y), round(x)
        height, width = self.result.shape
        if not (0 <= row < height and 0 <= col < width):
            return None
        place, pixel = self.result.place, row * width + col
        best, value = None, 0.0
        for k in np.argsort(np.hypot(*(place - (y, x)).T), kind="stable")[:20]:
            one = self.result.footprints[k]
            at = int(np.searchsorted(one.pixels, pixel))
            if at < len(one.pixels) and one.pixels[at] == pixel and one.values[at] > value:
                best, value = int(k), float(one.values[at])
        return best

    def pairs(self):
        """Return pairs that may be one cell; computed once."""
        with self._lock:
            return self._pairs

    @functools.cached_property
    def _pairs(self):
        from scopeflow.pages.curation.suggestions import suggested_pairs

        result = self.result
        return suggested_pairs(result.footprints, result.stretches_of_C(), result.shape)

    def other_raters(self) -> dict[str, Path]:
        """Return the tables of labels that lie beside ours, by name of the rater."""
        own, variant = self.store.path, self.result.variant
        main = labels_path(self.curation, self.result.session, variant)
        found = {WORKFLOW: main} if main.is_file() and main != own else {}
        for path in sorted(main.parent.glob(f"{variant}.*.csv")):
            name = path.name.removeprefix(f"{variant}.").removesuffix(".csv")
            if is_rater(name) and path.stem not in self._variants and path != own:
                found[name] = path
        return found

    def decisions_of(self, name: str) -> Decisions:
        """Return what another rater decided of the same units."""
        raters = self.other_raters()
        if name not in raters:
            raise InputError(f"There is no rater {name!r} beside these labels.")
        result = self.result
        place, units = result.place, result.units
        return LabelStore(raters[name], result.unit_id, place, units, name).decisions


def curation_folder(folder: Path) -> Path:
    """Return the folder ``curation`` beside that of the results."""
    return folder.resolve().parents[2] / "curation"


def compared(folder: Path, first: str, second: str) -> str:
    """Return how far two raters of a result agree, as text."""
    session = Session(folder)
    raters = session.other_raters() | {WORKFLOW: session.store.path}
    for name in (first, second):
        if name not in raters:
            raise InputError(
                f"--compare {name}: there are no labels of that rater in "
                f"{session.store.path.parent}; found: {', '.join(sorted(raters))}."
            )
    pair = [session.decisions_of(n) if n != WORKFLOW else session.store.decisions
            for n in (first, second)]  # fmt: skip
    return report(compare_raters(*pair), (first, second))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
