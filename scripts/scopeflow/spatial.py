"""Spatial update: footprints from the movie, given the traces.

Everything a patch needs from the movie is a set of sums over frames, see `patch_sums`; the
regressions are solved on those.
"""

import numba
import numpy as np
from scipy import sparse

from scopeflow.footprints import centroids, from_rows
from scopeflow.patch_sums import PatchSums
from scopeflow.patches import Patch, pixels_of
from scopeflow.shapes import dilated, main_component

CONVERGED = 1e-5  # of the largest footprint value at a pixel, between two sweeps
MAX_SWEEPS = 200

DARK = 0.5  # of a footprint's peak: no cell is darker at its centre of mass

# Pixels without a cell that a patch needs to tell a polynomial of degree 2, or a plane.
FAR_FOR_QUADRATIC = 150
FAR_FOR_PLANE = 20


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
    shown = unconstrained(cells)
    coefficients = np.linalg.lstsq(basis[:, far].T, shown[:, far].T, rcond=None)[0]
    return PatchSums(cells.gram, cells.cross - cells.gram @ (coefficients.T @ basis), cells.power)


def unconstrained(cells: PatchSums) -> np.ndarray:
    """Return what the movie shows when each member is active, shape (member, pixel)."""
    return np.linalg.pinv(cells.gram, rcond=1e-6, hermitian=True) @ cells.cross


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
            spatial_r[unit] = np.corrcoef(unconstrained(cells)[0, own], footprint[own])[0, 1]
        present = np.flatnonzero(footprint)
        footprints.append((pixels[present], footprint[present]))
    return from_rows(footprints, sn.size), np.nan_to_num(spatial_r)


def hollow(A: sparse.csr_array, shape: tuple[int, int]) -> np.ndarray:
    """Return which footprints are rings: dark at their centre of mass, where another is bright.

    Where a camera saturates, the middle of a bright cell rises less than its rim. What the
    cell's own footprint leaves of the rim has been taken for a unit of its own.

    Parameters
    ----------
    A : csr_array of float, shape (unit_id, pixel)
        Footprints, largest value 1 each.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    ndarray of bool, shape (unit_id,)
        Of two rings around each other neither.
    """
    rows, cols = np.rint(centroids(A, shape)).astype(int).T
    at_centre = sparse.csr_array(A[:, rows * shape[1] + cols] >= DARK)  # of each unit (column)
    bright = at_centre.diagonal()
    covered = at_centre[bright].sum(axis=0) > 0
    return ~bright & covered


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
