"""Square patches around units and the least-squares filters that read traces from them.

Around a unit the movie is modelled as the footprints present there plus a background that
is, in every frame, a polynomial of degree 2 in space. The rows of the pseudo-inverse of
that design are linear filters: one gives the unit's trace with its neighbours and the
background taken off, six give the background's courses.
"""

from dataclasses import dataclass

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
    members : ndarray of int, shape (member,)
        Positions of the units present in the box, the patch's own unit first.
    filters : ndarray of float32, shape (1 + 6, pixel)
        Rows that turn a frame's box into the unit's trace and the background's courses;
        zero at pixels outside the disk or not usable.
    distance : ndarray of float64, shape (pixel,)
        From the unit's centre of mass, in px.
    basis : ndarray of float64, shape (6, pixel)
        The polynomials of the local background.
    inside : ndarray of bool, shape (pixel,)
        Pixels of the disk that may be used.
    """

    rows: slice
    cols: slice
    members: np.ndarray
    filters: np.ndarray
    distance: np.ndarray
    basis: np.ndarray
    inside: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the box."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start


def pixels_of(rows: slice, cols: slice, width: int) -> np.ndarray:
    """Return the flat indices of the pixels of a box."""
    first = np.arange(rows.start, rows.stop)[:, None] * width
    return (first + np.arange(cols.start, cols.stop)).ravel()


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
    by_pixel = sparse.csc_array(A)
    patches = []
    for unit, (row, col) in enumerate(centroids(A, shape)):
        rows, cols = (_reach(row, radius_px, shape[0]), _reach(col, radius_px, shape[1]))
        present = by_pixel[:, pixels_of(rows, cols, shape[1])]
        members = np.array([unit])
        if not alone:
            peaks = present.max(axis=1).toarray().ravel()
            peaks[unit] = 0
            members = np.append(members, np.flatnonzero(peaks > FAINTEST_NEIGHBOUR))
        dy, dx = (np.arange(s.start, s.stop) - c for s, c in ((rows, row), (cols, col)))
        dy, dx = np.repeat(dy, len(dx)), np.tile(dx, len(dy))
        distance = np.hypot(dy, dx)
        basis = polynomial(dy, dx, radius_px)
        design = np.concatenate([sparse.csr_array(present)[members].toarray(), basis])
        inside = (distance <= radius_px) & usable[rows, cols].ravel()
        filters = _filters(design * inside, len(members))
        patches.append(Patch(rows, cols, members, filters, distance, basis, inside))
    return patches


def _reach(centre: float, radius_px: float, size: int) -> slice:
    first, last = int(np.floor(centre - radius_px)), int(np.ceil(centre + radius_px))
    return slice(max(first, 0), min(last + 1, size))


def _filters(design: np.ndarray, n_members: int) -> np.ndarray:
    """Return the rows of the pseudo-inverse for the first unit and the background."""
    norms = np.linalg.norm(design, axis=1)
    norms[norms == 0] = 1
    inverse = np.linalg.pinv((design / norms[:, None]).T, rcond=1e-4) / norms[:, None]
    return inverse[[0, *range(n_members, len(design))]].astype(np.float32)
