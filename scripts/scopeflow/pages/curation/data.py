"""The result that is looked at: opened read-only, read in small pieces."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scopeflow.errors import InputError
from scopeflow.intact import open_store
from scopeflow.labels import digest_of_units
from scopeflow.stores import read_frame

TRACES_KEPT = 48  # units whose traces stay in memory
TRACE_BYTES = 192 * 2**20  # and what these may take at most
UNITS_AT_ONCE = 16  # dense footprints in memory; a chunk of `A`
NAMES = ("YrA", "C", "S")
REQUIRED = ("A", "C", "S", "YrA", "unit_id", "time_s", "b", "f", "max_proj", "sigma")


@dataclass(frozen=True)
class Footprint:
    """One unit's pixels: flat indices in the image, and values with a largest one of 1."""

    pixels: np.ndarray
    values: np.ndarray


def check_result(folder: Path) -> None:
    """Refuse a folder without a readable result, before anything slow begins."""
    store = folder / "units.zarr"
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder. Give results/SESSION/VARIANT of a finished run."
        )
    if not (store / "zarr.json").is_file():
        inside = sorted(path.parent.name for path in folder.glob("*/units.zarr"))
        if inside:
            raise InputError(f"{folder} is a session. Add the variant: {', '.join(inside)}.")
        raise InputError(
            f"{folder} holds no units.zarr. Give results/SESSION/VARIANT of a session that is "
            "finished, or run snakemake first."
        )
    try:
        found = json.loads((store / "zarr.json").read_text("utf-8"))["consolidated_metadata"]
        missing = [name for name in REQUIRED if name not in found["metadata"]]
    except (ValueError, KeyError, TypeError, OSError):
        raise InputError(f"{store} cannot be read. Remove it and run snakemake again.") from None
    if missing:
        raise InputError(f"{store} lacks {', '.join(missing)}. Remove it and run snakemake again.")


class Result:
    """Units, traces and movie of one session and variant.

    Parameters
    ----------
    folder : Path
        ``results/{session}/{variant}``.

    Attributes
    ----------
    session, variant : str
    unit_id : ndarray of int64, shape (unit_id,)
    time_s : ndarray of float64, shape (frame,)
        From the first frame on, in s.
    shape : tuple of int
        (height, width) in px.
    footprints : list of Footprint
    place : ndarray of float64, shape (unit_id, 2)
        Centres of mass (height, width) in px.
    columns : dict of ndarray
        Numbers per unit, by name.
    column_units : dict of str
    units : str
        Digest of the units.
    movie : zarr.Array or None
        Motion-corrected movie (frame, height, width); None where it was not kept.
    why_no_movie : str
        A sentence, where it was not kept.
    """

    def __init__(self, folder: Path) -> None:
        check_result(folder)
        self._group = open_store(folder / "units.zarr")
        attrs = dict(self._group.attrs)
        self.session, self.variant = attrs["session"], attrs["variant"]
        self.fps_hz = float(attrs["fps_hz"])
        self.unit_id = self._group["unit_id"][:].astype(np.int64)
        time_s = self._group["time_s"][:]
        self.time_s = time_s - time_s[0] if len(time_s) else time_s
        self.shape = tuple(self._group["A"].shape[1:])
        self.max_proj = self._group["max_proj"][:].astype(np.float32)
        self.background = self._group["b"][:].astype(np.float32)
        self.course = np.nan_to_num(self._group["f"][:].astype(np.float32), nan=1.0)  # bad frames
        self._read_footprints()
        self._read_columns()
        self._traces: OrderedDict[int, dict[str, np.ndarray]] = OrderedDict()
        bytes_of_one = 4 * len(NAMES) * max(self.n_frames, 1)
        self._kept = int(np.clip(TRACE_BYTES // bytes_of_one, 8, TRACES_KEPT))
        self._open_movie(folder, attrs)

    @property
    def n_frames(self) -> int:
        """Number of frames, bad ones included."""
        return len(self.time_s)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.unit_id)

    def _read_footprints(self) -> None:
        dense, width = self._group["A"], self.shape[1]
        self.footprints: list[Footprint] = []
        for start in range(0, dense.shape[0], UNITS_AT_ONCE):
            block = dense[start : start + UNITS_AT_ONCE].reshape(-1, self.shape[0] * width)
            for row in block:
                pixels = np.flatnonzero(row)
                self.footprints.append(Footprint(pixels, row[pixels]))
        self.place = np.zeros((self.n_units, 2))
        for k, one in enumerate(self.footprints):
            weight = one.values / max(one.values.sum(), 1e-12)
            self.place[k] = weight @ (one.pixels // width), weight @ (one.pixels % width)
        rows = ((one.pixels, one.values) for one in self.footprints)
        self.units = digest_of_units(self.unit_id, self.shape, rows)

    def _read_columns(self) -> None:
        self.columns, self.column_units = {}, {}
        for name, array in self._group.arrays():
            if array.metadata.dimension_names == ("unit_id",) and name != "unit_id":
                self.columns[name] = array[:].astype(np.float64)
                self.column_units[name] = array.attrs.get("units", "")

    def _open_movie(self, folder: Path, attrs: dict) -> None:
        """Open the movie of the variant that computed it, if it is still there."""
        computed_by = attrs.get("computed_by", {})
        owner = computed_by.get("apply_motion", self.variant)
        path = folder.resolve().parent / owner / "motion" / "Y.zarr"
        self.movie, self.why_no_movie = None, ""
        if "import_units" in computed_by:
            self.why_no_movie = (
                "These are units of another program: there is no movie here; all else works."
            )
            return
        if not (path / "zarr.json").is_file():
            self.why_no_movie = (
                f"The movie ({owner}/motion/Y.zarr) was not kept; all else works without it. "
                "Set keep_movies: true and run again to see it here."
            )
            return
        movie = open_store(path)["Y"]
        if movie.shape != (self.n_frames, *self.shape):
            self.why_no_movie = f"The movie in {path} has another size than the units."
            return
        self.movie = movie

    def frame(self, t: int, rows: slice = slice(None)) -> np.ndarray:
        """Return one frame of the movie, or some rows of it, in counts."""
        return read_frame(self.movie, t, rows)

    def traces(self, k: int) -> dict[str, np.ndarray]:
        """Return ``YrA``, ``C`` and ``S`` of the unit at position `k`, each of shape (frame,)."""
        found = self._traces.get(k)
        if found is None:
            found = {name: self._group[name][k] for name in NAMES}
            self._traces[k] = found
            while len(self._traces) > self._kept:
                self._traces.popitem(last=False)
        self._traces.move_to_end(k)
        return found

    def stretches_of_C(self):
        """Yield ``C`` in stretches of frames, shape (unit_id, frame), for sums over all units."""
        C = self._group["C"]
        step = C.chunks[1]
        for start in range(0, C.shape[1], step):
            yield C[:, start : start + step]
