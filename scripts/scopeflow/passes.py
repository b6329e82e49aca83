"""Passes over the motion-corrected movie, a slab at a time, shared by several rules."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import zarr
from scipy import sparse

from scopeflow.movie import Movie, TraceWriter
from scopeflow.parallel import LEAST_ROOM_BYTES
from scopeflow.patch_sums import (
    Averages,
    PatchSums,
    average_slab,
    blocks_that_fit,
    sum_averages,
)
from scopeflow.patches import Patch
from scopeflow.traces import background_course, read_traces

R = TypeVar("R")

AVERAGED_S = 0.2  # shorter than the decay of common indicators
# Of the memory of a step that sums up: with the other half a thousand cells take one pass.
SHARE_OF_SLABS = 0.5


def read_traces_and_course(
    movie: Movie,
    patches: list[Patch],
    A: sparse.csr_array,
    b: np.ndarray,
    out: zarr.Array,
) -> np.ndarray:
    """Write the raw traces of all units to `out` and return the background's course.

    Parameters
    ----------
    movie : Movie
        Read once.
    patches : list of Patch
        One for each unit.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints of the same units.
    b : ndarray of float32, shape (height, width)
        Background image.
    out : zarr.Array of float32, shape (unit_id, frame)
        Takes the traces; NaN at frames without weight.

    Returns
    -------
    ndarray of float32, shape (frame,)
        f; NaN at frames without weight.
    """
    f = np.empty(movie.n_frames, dtype=np.float32)
    writer = TraceWriter(out, movie.weight)

    def read(slab: slice) -> tuple[np.ndarray, np.ndarray]:
        frames = movie.read(slab)
        traces = read_traces(frames, patches)
        return traces, background_course(frames, traces, A, b)

    for slab, (traces, course) in movie.map(read, "slabs read for traces"):
        writer.add(traces)
        f[slab] = course
    f[~movie.weight] = np.nan
    return f


def frames_averaged(fps_hz: float) -> int:
    """Return how many frames in a row `fit_patches` takes as one."""
    return max(round(AVERAGED_S * fps_hz), 1)


def fit_patches(
    movie: Movie,
    C: np.ndarray | zarr.Array,
    patches: list[Patch],
    mean_image: np.ndarray,
    fit: Callable[[list[PatchSums], list[Patch]], R],
) -> list[R]:
    """Fit patches to their sums over all good frames, as many at a time as fit into memory.

    Parameters
    ----------
    movie : Movie
        Read once for each block of patches: once, unless there are thousands.
    C : array of float32, shape (unit_id, frame)
        Calcium traces. May stay on disk: they are read slab by slab, as the movie is.
    patches : list of Patch
        One for each unit.
    mean_image : ndarray of float32, shape (height, width)
        Mean of the movie over good frames.
    fit : callable
        Takes the sums of a block, and its patches.

    Returns
    -------
    list
        What `fit` returned, block by block; at least one.

    Notes
    -----
    Frames within 0.2 s are averaged: calcium changes little in that time, and the sums cost a
    sixth. No sum depends on how patches are cut into blocks.
    """
    every = frames_averaged(movie.fps_hz)

    def average(slab: slice) -> Averages:
        good = movie.weight[slab]
        return average_slab(movie.good(slab), C[:, slab][:, good], mean_image, every)

    def sums(own: list[Patch]) -> list[PatchSums]:
        slabs = movie.map(average, "slabs summed up for footprints")
        return sum_averages((averages for _, averages in slabs), own, movie.shape, movie.threads)

    held = sum(patch.filters.nbytes + patch.inside.nbytes for patch in patches)
    room = max(movie.room_bytes - held, LEAST_ROOM_BYTES)
    blocks = [patches[block] for block in blocks_that_fit(patches, room)]
    return [fit(sums(own), own) for own in blocks]


def mean_background(
    movie: Movie,
    A: sparse.csr_array,
    read_C: Callable[[slice], np.ndarray],
    mean_image: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the paper's background: b, the mean of Y - A C, and its course f.

    Parameters
    ----------
    movie : Movie
        Read once.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    read_C : callable
        Returns the calcium traces (unit_id, frame) of a slab; NaN at frames without weight
        is allowed.
    mean_image : ndarray of float32, shape (height, width)
        Mean of the movie over good frames.

    Returns
    -------
    b : ndarray of float32, shape (height, width)
        In camera counts, >= 0.
    f : ndarray of float32, shape (frame,)
        Without unit, about 1 on average; NaN at frames without weight.
    """
    total = np.zeros(A.shape[0])
    for slab in movie.slabs:
        total += read_C(slab)[:, movie.weight[slab]].sum(axis=1, dtype=np.float64)
    mean_C = total / max(movie.weight.sum(), 1)
    b = np.maximum(mean_image - (mean_C @ A).reshape(movie.shape), 0).astype(np.float32)
    f = np.empty(movie.n_frames, dtype=np.float32)

    def course(slab: slice) -> np.ndarray:
        return background_course(movie.read(slab), read_C(slab), A, b)

    for slab, values in movie.map(course, "slabs read for background"):
        f[slab] = values
    f[~movie.weight] = np.nan
    return b, f
