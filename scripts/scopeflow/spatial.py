"""Spatial update: footprints from the movie, given the traces.

Everything a patch needs from the movie is a set of sums over frames (Gram matrices), so the
movie is read once, a slab at a time, and the regressions are solved afterwards.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numba
import numpy as np
from scipy import sparse

from scopeflow.footprints import dilated, from_rows, main_component
from scopeflow.parallel import map_slabs
from scopeflow.patches import Patch, pixels_of

CONVERGED = 1e-5  # of the largest footprint value at a pixel, between two sweeps
MAX_SWEEPS = 200

# Pixels without a cell that a patch needs to tell a polynomial of degree 2, or a plane.
FAR_FOR_QUADRATIC = 150
FAR_FOR_PLANE = 20


@dataclass
class PatchSums:
    """Sums over frames for one patch; regressors are members, background, intercept.

    Attributes
    ----------
    gram : ndarray of float64, shape (regressor, regressor)
        Products of the regressors.
    cross : ndarray of float64, shape (regressor, pixel)
        Products of the regressors with the pixels.
    power : ndarray of float64, shape (pixel,)
        Sums of the squares of the pixels.
    """

    gram: np.ndarray
    cross: np.ndarray
    power: np.ndarray

    @classmethod
    def zero(cls, patch: Patch) -> "PatchSums":
        """Return the sums before the first frame."""
        n_pixels, n_background = patch.inside.size, len(patch.filters) - 1
        n = len(patch.members) + n_background + 1
        return cls(np.zeros((n, n)), np.zeros((n, n_pixels)), np.zeros(n_pixels))

    def without_background(self, n_members: int) -> "PatchSums":
        """Take background and intercept, free of sign as they are, off everything else."""
        free = slice(n_members, None)
        gain = np.linalg.lstsq(self.gram[free, free], self.gram[free, :n_members], rcond=1e-10)[0].T
        fitted = np.linalg.lstsq(self.gram[free, free], self.cross[free], rcond=1e-10)[0]
        return PatchSums(
            self.gram[:n_members, :n_members] - gain @ self.gram[free, :n_members],
            self.cross[:n_members] - gain @ self.cross[free],
            self.power - (fitted * self.cross[free]).sum(axis=0),
        )


@dataclass(frozen=True)
class Averages:
    """Averages over a few frames in a row, times the root of how many there are.

    Products of these are sums over frames, as far as neither movie nor calcium change within
    the few; they cost that much less.

    Attributes
    ----------
    movie : ndarray of float32, shape (average, height, width)
        Less the mean image, which keeps single precision exact enough.
    C : ndarray of float32, shape (unit_id, average)
        Calcium traces.
    root : ndarray of float32, shape (average,)
        Root of the number of frames: the average of 1.
    power : ndarray of float32, shape (height, width)
        Sum of the squares of `movie`.
    """

    movie: np.ndarray
    C: np.ndarray
    root: np.ndarray
    power: np.ndarray


def average_slab(frames: np.ndarray, C: np.ndarray, mean_image: np.ndarray, every: int) -> Averages:
    """Return the averages over runs of frames of one slab.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Good frames only, in camera counts.
    C : ndarray of float32, shape (unit_id, frame)
        Calcium traces of the same frames.
    mean_image : ndarray of float32, shape (height, width)
        Mean of the movie.
    every : int
        Number of frames in a run; the last one may be shorter.
    """
    starts = np.arange(0, len(frames), every)
    root = np.sqrt(np.diff(starts, append=len(frames))).astype(np.float32)
    C = np.add.reduceat(C, starts, axis=1) / root if len(starts) else C
    movie = np.empty((len(starts), *mean_image.shape), dtype=np.float32)
    power = np.zeros(mean_image.shape, dtype=np.float32)
    _average(frames, mean_image, every, movie, power)
    return Averages(movie, C, root, power)


def sum_averages(
    slabs: Iterable[Averages], patches: list[Patch], shape: tuple[int, int], threads: int
) -> list[PatchSums]:
    """Return the sums that a spatial fit needs, one for each patch.

    Parameters
    ----------
    slabs : iterable of Averages
        Of the whole recording, in order.
    patches : list of Patch
        One for each unit.
    shape : tuple of int
        (height, width) of the image.
    threads : int
        Each adds to patches of its own, slab after slab, so that sums do not depend on it.
    """
    sums = [PatchSums.zero(patch) for patch in patches]
    power = np.zeros(shape)
    parts = [range(k, len(patches), threads) for k in range(threads)]
    for averages in slabs:
        power += averages.power

        def add(part: range, averages: Averages = averages) -> None:
            for k in part:
                _add(sums[k], patches[k], averages)

        deque(map_slabs(add, parts, threads), maxlen=0)
    for patch, whole in zip(patches, sums, strict=True):
        whole.power += power[patch.rows, patch.cols].ravel()
    return sums


def _add(sums: PatchSums, patch: Patch, averages: Averages) -> None:
    movie = averages.movie
    pixels = movie[:, patch.rows, patch.cols].reshape(len(movie), -1)
    background = (pixels @ patch.filters[1:].T).T
    regressors = np.concatenate([averages.C[patch.members], background, averages.root[None]])
    sums.gram += regressors @ regressors.T
    sums.cross += regressors @ pixels


@numba.njit(nogil=True, cache=True)
def _average(frames, mean_image, every, averages, power):
    """Write the sum of each run of `every` frames less its mean, over the root of its number.

    Also add its square to `power`.
    """
    n_frames, height, width = frames.shape
    for i in range(len(averages)):
        first, stop = i * every, min((i + 1) * every, n_frames)
        scale = np.float32(1 / np.sqrt(stop - first))
        shift = np.float32((stop - first) * scale)
        for y in range(height):
            for x in range(width):
                averages[i, y, x] = -shift * mean_image[y, x]
            for t in range(first, stop):
                for x in range(width):
                    averages[i, y, x] += scale * np.float32(frames[t, y, x])
            for x in range(width):
                power[y, x] += averages[i, y, x] * averages[i, y, x]


def without_polynomials(cells: PatchSums, patch: Patch, allowed: np.ndarray) -> PatchSums:
    """Take from the pixels what the background's courses hold of the cells' own activity.

    Parameters
    ----------
    cells : PatchSums
        Sums without background, of the patch's members.
    patch : Patch
        The patch.
    allowed : ndarray of bool, shape (member, pixel)
        Where each member may have a footprint.

    Returns
    -------
    PatchSums
        With which footprints vanish, on average, where no cell is allowed.

    Notes
    -----
    The background's courses were read from the movie with the footprints of the iteration
    before. What those missed of a cell went into the courses, so that a fit on traces and
    courses gives the cell's footprint less some polynomial of degree 2 (if the old footprint
    was too narrow, the new one loses its flanks again). The polynomial shows where no cell
    is, and from there it is taken off everywhere.
    """
    far = patch.inside & ~allowed.any(axis=0)
    basis = patch.basis[: 6 if far.sum() >= FAR_FOR_QUADRATIC else 3]
    if far.sum() < FAR_FOR_PLANE:
        return cells
    shown = np.linalg.lstsq(cells.gram, cells.cross, rcond=1e-6)[0]
    coefficients = np.linalg.lstsq(basis[:, far].T, shown[:, far].T, rcond=None)[0]
    return PatchSums(cells.gram, cells.cross - cells.gram @ (coefficients.T @ basis), cells.power)


def solve_patch(cells: PatchSums, allowed: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Fit all pixels of a patch to the members' traces.

    Parameters
    ----------
    cells : PatchSums
        Over all good frames, without background.
    allowed : ndarray of bool, shape (member, pixel)
        Where each member may have a footprint.
    penalty : ndarray of float, shape (pixel,)
        Weight of the sparseness penalty: ``z sigma_p`` in camera counts.

    Returns
    -------
    ndarray of float64, shape (pixel,)
        New footprint of the patch's own unit, in counts of the movie per count of C.

    Notes
    -----
    Solves, for every pixel p, ``min over a >= 0, beta of 1/2 |y_p - a C - beta [B, 1]|^2 +
    z sigma_p sum_k |C_k| a_k`` over the members allowed there, where |C_k| is the norm of
    what background and intercept leave of C_k. The penalty is then z standard deviations of
    the noise in ``C_k y_p``: it does not change with the camera's gain and its effect
    vanishes as recordings get longer. The paper ("Spatial update") penalises by
    ``sparse_penalty * sigma_p`` alone and has a rank-1 background.
    """
    weights = np.sqrt(np.maximum(np.diag(cells.gram), 0))
    return descend(cells.gram, cells.cross, weights[:, None] * penalty, allowed)[0]


@numba.njit(nogil=True, cache=True)
def descend(gram, cross, penalty, allowed):
    """Non-negative least squares with an l1 penalty, column by column, by coordinate descent.

    Minimises ``1/2 a' gram a - cross' a + penalty' a`` over ``a >= 0`` with the entries that
    are not allowed held at 0, for the columns in which the first entry is allowed.
    """
    n_members, n_pixels = cross.shape
    solution = np.zeros((n_members, n_pixels))
    for p in range(n_pixels):
        if not allowed[0, p]:
            continue
        for _ in range(MAX_SWEEPS):
            change = 0.0
            largest = 0.0
            for k in range(n_members):
                if not allowed[k, p] or gram[k, k] <= 0:
                    continue
                slope = cross[k, p] - penalty[k, p]
                for j in range(n_members):
                    slope -= gram[k, j] * solution[j, p]
                value = max(solution[k, p] + slope / gram[k, k], 0.0)
                change = max(change, abs(value - solution[k, p]))
                largest = max(largest, value)
                solution[k, p] = value
            if change <= CONVERGED * largest:
                break
    return solution


def update_footprints(
    sums: list[PatchSums],
    patches: list[Patch],
    support: sparse.csr_array,
    sn: np.ndarray,
    sparse_penalty: float,
) -> tuple[sparse.csr_array, np.ndarray]:
    """Solve all patches and return connected footprints.

    Parameters
    ----------
    sums : list of PatchSums
        Over all good frames, one for each unit.
    patches : list of Patch
        Of the same units.
    support : csr_array of bool, shape (unit_id, pixel)
        Where each unit may have a footprint.
    sn : ndarray of float32, shape (height, width)
        Noise of the pixels in camera counts; 0 marks pixels to be left out.
    sparse_penalty : float
        z of `solve_patch`.

    Returns
    -------
    A : csr_array of float32, shape (unit_id, pixel)
        Not normalised; a unit that found no pixel has an empty row.
    spatial_r : ndarray of float32, shape (unit_id,)
        Correlation, over the pixels allowed, of the footprint with what the movie shows
        when the unit is active (the fit without constraint); 0 for an empty footprint.

    Notes
    -----
    The penalty chooses the pixels; a second fit without it, on those pixels, takes its
    shrinkage away, which would otherwise clip the flanks of dim cells.
    """
    by_pixel = sparse.csc_array(support)
    footprints, spatial_r = [], np.zeros(len(patches), dtype=np.float32)
    for unit, (patch_sums, patch) in enumerate(zip(sums, patches, strict=True)):
        pixels = pixels_of(patch.rows, patch.cols, sn.shape[1])
        allowed = sparse.csr_array(by_pixel[:, pixels])[patch.members].toarray().astype(bool)
        noise = sn[patch.rows, patch.cols].ravel()
        allowed &= noise > 0
        own = allowed[0].copy()
        cells = patch_sums.without_background(len(patch.members))
        cells = without_polynomials(cells, patch, allowed)
        chosen = solve_patch(cells, allowed, sparse_penalty * noise)
        allowed[0] &= main_component(chosen.reshape(patch.shape)).ravel() > 0
        footprint = solve_patch(cells, allowed, np.zeros_like(noise))
        footprint = main_component(footprint.reshape(patch.shape)).ravel()
        if footprint.any() and own.sum() > 2:
            shown = np.linalg.lstsq(cells.gram, cells.cross, rcond=1e-6)[0][0]
            spatial_r[unit] = np.corrcoef(shown[own], footprint[own])[0, 1]
        present = np.flatnonzero(footprint)
        footprints.append((pixels[present], footprint[present]))
    return from_rows(footprints, sn.size), np.nan_to_num(spatial_r)


def grown_support(A: sparse.csr_array, shape: tuple[int, int], reach_px: float) -> sparse.csr_array:
    """Return where footprints may grow to: all pixels within `reach_px` of each.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    shape : tuple of int
        (height, width) of the image.
    reach_px : float
        The dilation window of the paper, as a radius in px.

    Returns
    -------
    csr_array of bool, shape (unit_id, pixel)
    """
    margin = int(np.ceil(reach_px))
    rows_of_units = []
    for unit in range(A.shape[0]):
        flat = A.indices[A.indptr[unit] : A.indptr[unit + 1]]
        rows, cols = np.divmod(flat, shape[1])
        top, left = max(rows.min() - margin, 0), max(cols.min() - margin, 0)
        bottom = min(rows.max() + margin + 1, shape[0])
        right = min(cols.max() + margin + 1, shape[1])
        box = np.zeros((bottom - top, right - left))
        box[rows - top, cols - left] = 1
        grown = dilated(box, reach_px)
        pixels = pixels_of(slice(top, bottom), slice(left, right), shape[1])[grown.ravel()]
        rows_of_units.append((pixels, np.ones(len(pixels), dtype=bool)))
    return from_rows(rows_of_units, shape[0] * shape[1], bool)
