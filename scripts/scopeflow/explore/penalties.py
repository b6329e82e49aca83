"""Footprints of a few units under any penalty, from sums over frames that are made once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from scopeflow.footprints import centroids
from scopeflow.patch_sums import PatchSums, average_slab, sum_averages
from scopeflow.patches import PATCH_DIAMETERS, Patch, make_patches
from scopeflow.spatial import grown_support, update_footprints

ARRAY = np.ndarray


def with_neighbours(
    A: sparse.csr_array, shape: tuple[int, int], units: ARRAY, cell_diameter_px: float
) -> ARRAY:
    """Return positions of units and of all that reach into their patches, the units first."""
    places = centroids(A, shape)
    away = np.hypot(*np.moveaxis(places[:, None] - places[units], -1, 0)).min(axis=1)
    near = np.flatnonzero(away < 2 * PATCH_DIAMETERS * cell_diameter_px + cell_diameter_px)
    return np.concatenate([units, np.setdiff1d(near, units)])


@dataclass(frozen=True)
class Trial:
    """A few units, and what the movie says about them.

    Attributes
    ----------
    patches : list of Patch
        One for each of the units.
    support : csr_array of bool, shape (unit_id, pixel)
        Where each unit, neighbours included, may have a footprint.
    sums : list of PatchSums
        Of the patches.
    sn : ndarray of float32, shape (height, width)
        Noise of the pixels in camera counts.
    """

    patches: list[Patch]
    support: sparse.csr_array
    sums: list[PatchSums]
    sn: ARRAY

    def footprints(self, sparse_penalty: float) -> tuple[sparse.csr_array, ARRAY]:
        """Return footprints and their agreement with the movie, as `update_footprints`."""
        return update_footprints(self.sums, self.patches, self.support, self.sn, sparse_penalty)


def make_trial(
    A: sparse.csr_array,
    shape: tuple[int, int],
    n_units: int,
    slabs: Iterable[tuple[ARRAY, ARRAY]],
    n_frames: int,
    mean_image: ARRAY,
    sn: ARRAY,
    usable: ARRAY,
    cell_diameter_px: float,
    dilation_px: float,
    every: int,
    told: Callable[[int], None] = lambda n: None,
) -> Trial:
    """Sum up what a few footprints need of the movie.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints before; the first `n_units` are tried, the others are neighbours.
    shape : tuple of int
        (height, width) of the image.
    n_units : int
        How many are tried.
    slabs : iterable of (ndarray, ndarray)
        Good frames (frame, height, width) and calcium (unit_id, frame) of stretches of the movie;
        all of it, or some.
    n_frames : int
        Good frames of the whole movie: sums over fewer are scaled up to it, so that a penalty
        does what it will do in the run.
    mean_image, sn : ndarray of float32, shape (height, width)
        Mean and noise of the movie.
    usable : ndarray of bool, shape (height, width)
        Pixels that may be used.
    cell_diameter_px, dilation_px : float
        Width of a cell, and how far a footprint may grow.
    every : int
        Frames averaged into one.
    told : callable, optional
        Called with the number of frames summed up so far.
    """
    support = grown_support(A, shape, dilation_px)
    usable = usable & (sn > 0)
    patches = make_patches(A, shape, PATCH_DIAMETERS * cell_diameter_px, usable)[:n_units]
    seen = 0

    def averages():
        nonlocal seen
        for frames, C in slabs:
            seen += len(frames)
            told(seen)
            yield average_slab(frames, np.nan_to_num(C), mean_image, every)

    sums = sum_averages(averages(), patches, shape, 1)
    gain = n_frames / max(seen, 1)
    sums = [PatchSums(gain * s.gram, gain * s.cross, gain * s.power) for s in sums]
    return Trial(patches, support, sums, sn)


def cut_out(footprint: sparse.csr_array, patch: Patch, shape: tuple[int, int]) -> ARRAY:
    """Return one footprint (1, pixel) within the box of its patch, largest value 1, or all 0."""
    image = footprint.toarray().reshape(shape)[patch.rows, patch.cols]
    top = image.max()
    return image / top if top > 0 else image
