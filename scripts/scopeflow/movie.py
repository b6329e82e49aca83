"""Reading the motion-corrected movie slab by slab, and writing traces alike."""

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import zarr

from scopeflow.intact import open_store
from scopeflow.logs import progress
from scopeflow.parallel import (
    BASE_MB,
    give_back_freed_memory,
    map_slabs,
    room_beside_slabs,
    threads_that_fit,
)
from scopeflow.stores import create_array, put, read_slab, slab_bytes, slabs

R = TypeVar("R")

UNITS_PER_CHUNK = 64
FRAMES_PER_CHUNK = 1024  # of traces written slab by slab; any size of slab divides it
FRAMES_PER_LONG_CHUNK = 4096  # of traces written unit by unit: fewer files
SEEN_MIN = 0.5  # a pixel that fewer frames saw takes no part


class Movie:
    """The movie that cells are extracted from.

    Attributes
    ----------
    Y : zarr.Array
        (frame, height, width), camera counts; `read` it by `slabs`.
    weight : ndarray of bool, shape (frame,)
        Good and placed frames.
    usable : ndarray of bool, shape (height, width)
        Pixels that at least half of the good frames saw.
    fps_hz : float
        Frame rate in Hz.
    threads : int
        Slabs that may be worked on at once: as many as fit into the memory of the job.
    room_bytes : float
        What is left of that memory for what a step sums up.

    Parameters
    ----------
    path : str
        Where it lies.
    threads : int, optional
        Allowed to the job.
    mem_mb : float, optional
        Memory allowed to the job, in MB.
    share : float, optional
        Part of that memory, beside the program's own, that slabs may take at most.
    """

    def __init__(
        self, path: str, threads: int = 1, mem_mb: float = math.inf, share: float = 1.0
    ) -> None:
        group = open_store(path)
        self.Y = group["Y"]
        self.weight = group["weight"][:].astype(bool)
        self.usable = group["seen"][:] >= SEEN_MIN
        self.fps_hz = float(group.attrs["fps_hz"])
        self.slabs = slabs(self.Y)
        size = slab_bytes(self.Y)
        allowed_mb = BASE_MB + share * max(mem_mb - BASE_MB, 0)
        self.threads = threads_that_fit(threads, allowed_mb, size)
        self.room_bytes = room_beside_slabs(self.threads, mem_mb, size)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.Y.shape[1:]

    @property
    def n_frames(self) -> int:
        """Number of frames, bad ones included."""
        return self.Y.shape[0]

    def read(self, slab: slice) -> np.ndarray:
        """Read one of the `slabs`."""
        return read_slab(self.Y, slab)

    def good(self, slab: slice) -> np.ndarray:
        """Read the good frames of a slab."""
        frames, good = self.read(slab), self.weight[slab]
        return frames if good.all() else frames[good]

    def sample(self, n: int, least: int = 0) -> list[slice]:
        """Return at most `n` slabs of `least` good frames or more, evenly spread over them all."""
        slabs = [slab for slab in self.slabs if self.weight[slab].sum() >= least]
        picks = np.unique(np.linspace(0, len(slabs) - 1, min(n, len(slabs))).round())
        return [slabs[int(i)] for i in picks]

    def map(self, function: Callable[[slice], R], what: str) -> Iterator[tuple[slice, R]]:
        """Apply a function to every slab in threads; yield slabs and results in order.

        What the pass before has freed is given back first, lest it counts beside what is needed.
        """
        give_back_freed_memory()
        results = progress(map_slabs(function, self.slabs, self.threads), len(self.slabs), what)
        return zip(self.slabs, results, strict=True)


def create_traces(
    group: zarr.Group,
    name: str,
    n_units: int,
    n_frames: int,
    chunk_frames: int = FRAMES_PER_CHUNK,
    **attrs,
) -> zarr.Array:
    """Create an array (unit_id, frame), cut into blocks of units and stretches of frames."""
    chunks = UNITS_PER_CHUNK, min(n_frames, chunk_frames)
    dims = "unit_id", "frame"
    return create_array(group, name, (n_units, n_frames), np.float32, chunks, dims, **attrs)


class TraceWriter:
    """Takes traces slab by slab and writes whole chunks of an array (unit_id, frame).

    Parameters
    ----------
    array : zarr.Array
        Where to write to.
    weight : ndarray of bool, shape (frame,)
        Frames without it become NaN.
    """

    def __init__(self, array: zarr.Array, weight: np.ndarray) -> None:
        self._array, self._weight = array, weight
        self._start = 0
        self._parts: list[np.ndarray] = []

    def add(self, traces: np.ndarray) -> None:
        """Take the traces (unit_id, frame) of the next slab; the last one ends the array."""
        start = self._start + sum(part.shape[1] for part in self._parts)
        stop = start + traces.shape[1]
        traces[:, ~self._weight[start:stop]] = np.nan
        self._parts.append(traces)
        if stop % self._array.chunks[1] and stop < self._array.shape[1]:
            return
        if self._array.shape[0]:
            self._array[:, self._start : stop] = np.concatenate(self._parts, axis=1)
        self._start, self._parts = stop, []


def stretches(traces: zarr.Array) -> list[slice]:
    """Return the slices of frames that cover an array (unit_id, frame), one chunk each."""
    step, n_frames = traces.chunks[1], traces.shape[1]
    return [slice(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]


def unit_blocks(n_units: int) -> list[slice]:
    """Return slices of units that are worked on together, one chunk of traces each."""
    return [
        slice(start, min(start + UNITS_PER_CHUNK, n_units))
        for start in range(0, n_units, UNITS_PER_CHUNK)
    ]


def put_unit_ids(group: zarr.Group, unit_id: np.ndarray) -> None:
    """Write the labels of units, which survive every later selection."""
    put(group, "unit_id", np.asarray(unit_id, dtype=np.int64), ("unit_id",))
