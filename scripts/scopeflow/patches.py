"""Square patches around units and the least-squares filters that read traces from them.

Around a unit the movie is modelled as the footprints present there plus a background that
is, in every frame, a polynomial of degree 2 in space. The rows of the pseudo-inverse of
that design are linear filters: one gives the unit's trace with its neighbours and the
background taken off, six give the background's courses.
"""

from dataclasses import dataclass

import numba
import numpy as np
from scipy import sparse

from scopeflow.footprints import centroids

N_BACKGROUND = 6  # 1, x, y, xy, x^2, y^2

# Radius of a patch in cell diameters: the wider, the better the background is told from the
# cell, until a polynomial of degree 2 no longer follows it. On simulated fields (background
# of sigma 30 px, cells of 4 px) 1.5 beats 1 and 1.25 for footprints and traces.
PATCH_DIAMETERS = 1.5

# Neighbours weaker than this everywhere in a patch are left to the polynomial.
FAINTEST_NEIGHBOUR = 0.02


@dataclass(frozen=True)
class Patch:
    """The surroundings of one unit and its filters.

    Attributes
    ----------
    rows, cols : slice
        Box in the image.
    centre : tuple of float
        Row and column of the unit's centre of mass, in px.
    radius_px : float
        Of the disk around it.
    members : ndarray of int, shape (member,)
        Positions of the units present in the box, the patch's own unit first.
    filters : ndarray of float32, shape (1 + 6, pixel)
        Rows that turn a frame's box into the unit's trace and the background's courses;
        zero at pixels outside the disk or not usable.
    inside : ndarray of bool, shape (pixel,)
        Pixels of the disk that may be used.
    """

    rows: slice
    cols: slice
    centre: tuple[float, float]
    radius_px: float
    members: np.ndarray
    filters: np.ndarray
    inside: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the box."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start

    @property
    def distance(self) -> np.ndarray:
        """Distance of each pixel from the centre in px, shape (pixel,)."""
        return np.hypot(*_offsets(self.rows, self.cols, self.centre))

    @property
    def basis(self) -> np.ndarray:
        """The polynomials of the local background, shape (6, pixel)."""
        return polynomial(*_offsets(self.rows, self.cols, self.centre), self.radius_px)


def pixels_of(rows: slice, cols: slice, width: int) -> np.ndarray:
    """Return the flat indices of the pixels of a box."""
    first = np.arange(rows.start, rows.stop)[:, None] * width
    return (first + np.arange(cols.start, cols.stop)).ravel()


def _offsets(
    rows: slice, cols: slice, centre: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each pixel of a box lies below and right of a centre, in px."""
    dy, dx = (np.arange(s.start, s.stop) - c for s, c in zip((rows, cols), centre, strict=True))
    return np.repeat(dy, len(dx)), np.tile(dx, len(dy))


def polynomial(rows: np.ndarray, cols: np.ndarray, radius_px: float) -> np.ndarray:
    """Return the six monomials up to degree 2 at offsets from the patch's centre."""
    y, x = rows / radius_px, cols / radius_px
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y])


def make_patches(
    A: sparse.csr_array,
    shape: tuple[int, int],
    radius_px: float,
    usable: np.ndarray,
    alone: bool = False,
) -> list[Patch]:
    """Cut a patch around each unit and compute its filters.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints, none empty.
    shape : tuple of int
        (height, width) of the image.
    radius_px : float
        Radius of the disk around the footprint's centre of mass, in px.
    usable : ndarray of bool, shape (height, width)
        Pixels that may be used (seen by enough frames, not saturated).
    alone : bool, optional
        Fit each unit without its neighbours, for candidates of which many are doubles.

    Returns
    -------
    list of Patch
        In the order of the units.
    """
    A = sparse.csr_array(A)
    boxes = _boxes(A, shape[1])
    patches = []
    for unit, centre in enumerate(centroids(A, shape)):
        rows, cols = (_reach(c, radius_px, n) for c, n in zip(centre, shape, strict=True))
        box = np.array([rows.start, rows.stop, cols.start, cols.stop])
        near = np.array([unit]) if alone else _near(unit, box, boxes)
        present = _cut_out(near, A.indptr, A.indices, A.data, box, shape[1])
        kept = present.max(axis=1) > FAINTEST_NEIGHBOUR
        kept[0] = True
        offsets = _offsets(rows, cols, centre)
        inside = (np.hypot(*offsets) <= radius_px) & usable[rows, cols].ravel()
        design = np.concatenate([present[kept], polynomial(*offsets, radius_px)]) * inside
        members = near[kept]
        filters = _filters(design, len(members))
        patches.append(Patch(rows, cols, tuple(centre), radius_px, members, filters, inside))
    return patches


def _boxes(A: sparse.csr_array, width: int) -> np.ndarray:
    """Return first and last row and column of each footprint, shape (4, unit_id)."""
    if not A.nnz:
        return np.zeros((4, 0), dtype=np.int64)
    places, starts = np.divmod(A.indices, width), np.minimum(A.indptr[:-1], A.nnz - 1)
    return np.stack([f.reduceat(p, starts) for p in places for f in (np.minimum, np.maximum)])


def _near(unit: int, box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the units whose boxes touch a box (last row and column excluded), `unit` first."""
    top, bottom, left, right = box
    first_row, last_row, first_col, last_col = boxes
    touching = (first_row < bottom) & (last_row >= top) & (first_col < right) & (last_col >= left)
    touching[unit] = False
    return np.append(unit, np.flatnonzero(touching))


@numba.njit(nogil=True, cache=True)
def _cut_out(units, indptr, indices, data, box, width):
    """Return the footprints of some units within a box, shape (unit, pixel)."""
    top, bottom, left, right = box
    present = np.zeros((len(units), (bottom - top) * (right - left)))
    for k in range(len(units)):
        for i in range(indptr[units[k]], indptr[units[k] + 1]):
            row, col = indices[i] // width, indices[i] % width
            if top <= row < bottom and left <= col < right:
                present[k, (row - top) * (right - left) + col - left] = data[i]
    return present


def _reach(centre: float, radius_px: float, size: int) -> slice:
    first, last = int(np.floor(centre - radius_px)), int(np.ceil(centre + radius_px))
    return slice(max(first, 0), min(last + 1, size))


def _filters(design: np.ndarray, n_members: int) -> np.ndarray:
    """Return the rows of the pseudo-inverse for the first unit and the background.

    By the products of the design's rows, which is quicker than by its singular values.
    """
    norms = np.linalg.norm(design, axis=1)
    norms[norms == 0] = 1
    design = design / norms[:, None]
    inverse = np.linalg.pinv(design @ design.T, rcond=1e-8, hermitian=True)
    kept = [0, *range(n_members, len(design))]
    return (inverse[kept] @ design / norms[kept, None]).astype(np.float32)
