"""What is exported: a store of units, read piece by piece."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from scopeflow.footprints import in_box, read_footprints
from scopeflow.intact import open_store
from scopeflow.movie import FRAMES_PER_LONG_CHUNK

FRAMES_AT_ONCE = FRAMES_PER_LONG_CHUNK
UNITS_AT_ONCE = 64

TRACES = ("C", "S", "YrA")
NOT_COLUMNS = ("unit_id",)

# Side in px of a footprint's chunks in HDF5 and NWB files. Only those that its box touches are
# written; elsewhere such a file reads as 0.
FOOTPRINT_CHUNK = 64


class Box(NamedTuple):
    """The smallest box around a footprint.

    Attributes
    ----------
    unit : int
        Position of the unit.
    rows, cols : slice
        Of the image.
    values : ndarray of float64, shape (row, column)
        The footprint within.
    """

    unit: int
    rows: slice
    cols: slice
    values: np.ndarray


class Source:
    """A store of units (`units.zarr` or `curated.zarr`), opened for reading.

    Parameters
    ----------
    path : str or Path
        The store.

    Attributes
    ----------
    group : zarr.Group
        The store itself.
    attrs : dict
        Its attributes.
    unit_id : ndarray of int64, shape (unit_id,)
    time_s : ndarray of float64, shape (frame,)
    frame_good : ndarray of uint8, shape (frame,)
    fps_hz : float
        Frame rate.
    session : dict of str
        The row of the sample sheet, with what the recording software tells where it is empty.
    """

    def __init__(self, path: str | Path) -> None:
        self.group = open_store(path)
        self._path = str(path)
        self.attrs = dict(self.group.attrs)
        self.unit_id = self.group["unit_id"][:]
        self.time_s = self.group["time_s"][:]
        self.frame_good = self.group["frame_good"][:]
        self.fps_hz = float(self.attrs["fps_hz"])
        row = self.attrs.get("parameters", {}).get("session", {})
        self.session = {"session": self.attrs["session"], **row}
        for column, value in self._told_by_software().items():
            if not row.get(column):  # the sheet goes before
                self.session[column] = value

    def _told_by_software(self) -> dict[str, str]:
        """Return what the recording's own metadata tell, by column of the sample sheet."""
        told = self.attrs.get("recording", {})
        device = ", ".join(str(told[key]) for key in ("device_type", "device_name") if key in told)
        named = {
            "date": told.get("start"),
            "device": device,
            "experimenter": told.get("researcher"),
        }
        return {column: str(value) for column, value in named.items() if value}

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.unit_id)

    @property
    def n_frames(self) -> int:
        """Number of frames, those left out included."""
        return len(self.time_s)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.group["A"].shape[1:]

    @cached_property
    def footprints(self) -> sparse.csr_array:
        """Footprints, shape (unit_id, pixel)."""
        return read_footprints(self._path)[0]

    def boxes(self) -> Iterator[Box]:
        """Yield the box of every footprint that is not empty."""
        A, width = self.footprints, self.shape[1]
        for unit in range(self.n_units):
            own = slice(A.indptr[unit], A.indptr[unit + 1])
            if own.start < own.stop:
                first, values = in_box(A.indices[own], A.data[own], width)
                rows, cols = map(slice, first, first + values.shape)
                yield Box(unit, rows, cols, values)

    @property
    def movie_path(self) -> str | None:
        """Where the motion-corrected movie lies, relative to the folder of the export, if any."""
        owner = self.attrs["computed_by"].get("apply_motion")
        if owner is None:  # units of another program
            return None
        return f"../../{owner}/motion/Y.zarr"

    @cached_property
    def columns(self) -> dict[str, tuple[np.ndarray, str]]:
        """Values and unit of every number that a unit has, by name; `f0` is added."""
        found = {}
        for name in sorted(self.group.array_keys()):
            array = self.group[name]
            if array.metadata.dimension_names == ("unit_id",) and name not in NOT_COLUMNS:
                found[name] = (array[:], array.attrs.get("units", "1"))
        found["f0"] = (self._resting_fluorescence(), "counts")
        return found

    def _resting_fluorescence(self) -> np.ndarray:
        """Return F0 of each unit, as the data dictionary defines it; NaN where it has none."""
        rest = np.full(self.n_units, np.nan, dtype=np.float32)
        processed = self.attrs.get("parameters", {}).get("preprocess", {})
        if "glow" not in self.group or processed.get("cnmf_movie") == "filtered":
            return rest
        fixed = self.group["glow"][:].astype(np.float64)
        course = self.group["f"][:][self.frame_good > 0]
        fixed += self.group["b"][:] * (np.median(course) if len(course) else 1.0)
        for box in self.boxes():
            rest[box.unit] = fixed[box.rows, box.cols].flat[box.values.argmax()]
        rest += self.group["b0"][:]
        return np.where(rest > 0, rest, np.nan).astype(np.float32)

    def frames(self) -> Iterator[slice]:
        """Yield slices that cover the frames."""
        for start in range(0, self.n_frames, FRAMES_AT_ONCE):
            yield slice(start, min(start + FRAMES_AT_ONCE, self.n_frames))

    def units(self) -> Iterator[slice]:
        """Yield slices that cover the units."""
        for start in range(0, self.n_units, UNITS_AT_ONCE):
            yield slice(start, min(start + UNITS_AT_ONCE, self.n_units))
