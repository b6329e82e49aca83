"""Units of two sessions that lie near each other in the common field, and how alike they are."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

SHARED_MIN = 0.5  # of a footprint's mass must lie where both sessions look


@dataclass(frozen=True, eq=False)
class Placed:
    """The units of one session in the common field.

    Attributes
    ----------
    A : csr_array of float32, shape (unit, pixel)
        Footprints over the pixels of the common field; may be empty where a unit left it.
    seen : ndarray of bool, shape (pixel,)
        Where the session's image lies.
    width : int
        Columns of the common field: a pixel is ``row * width + column``.
    centres : ndarray of float64, shape (unit, 2)
        Centres of mass, rows and columns.
    mass : ndarray of float64, shape (unit,)
        Sums of the footprints.
    """

    A: sparse.csr_array
    seen: np.ndarray
    width: int
    centres: np.ndarray
    mass: np.ndarray


def placed(A: sparse.csr_array, seen: np.ndarray) -> Placed:
    """Place footprints (unit, pixel) in the common field that a session sees in part.

    Parameters
    ----------
    A : csr_array of float32, shape (unit, pixel)
        Footprints in the common field.
    seen : ndarray of bool, shape (height, width)
        Where the session's image lies.
    """
    centres, mass = _centres(A, seen.shape[1])
    return Placed(A, seen.ravel(), seen.shape[1], centres, mass)


def _centres(A: sparse.csr_array, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centres of mass (unit, 2) and masses of footprints; NaN centres where empty."""
    rows, cols = np.divmod(A.indices, width)
    unit = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    mass, by_row, by_col = (
        np.bincount(unit, weights, A.shape[0]) for weights in (A.data, A.data * rows, A.data * cols)
    )
    some = np.where(mass > 0, mass, np.nan)
    return np.column_stack([by_row / some, by_col / some]), mass


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of units of two sessions.

    Attributes
    ----------
    first, second : ndarray of int64, shape (pair,)
        Positions of the units in their sessions.
    distance_px : ndarray of float64, shape (pair,)
        Between the centres of mass.
    footprint_r : ndarray of float64, shape (pair,)
        Correlation of the footprints over a field much larger than they are, that is, their
        cosine.
    first_in, second_in : ndarray of bool, shape (unit of that session,)
        Units that lie where both sessions look.
    """

    first: np.ndarray
    second: np.ndarray
    distance_px: np.ndarray
    footprint_r: np.ndarray
    first_in: np.ndarray
    second_in: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def near_pairs(first: Placed, second: Placed, radius_px: float, shift: tuple = (0, 0)) -> Pairs:
    """Find the pairs of units within `radius_px` and compare them over what both sessions see.

    Parameters
    ----------
    first, second : Placed
        Two sessions in one common field.
    radius_px : float
        Largest distance.
    shift : tuple of int, optional
        Whole px by which the second session is moved first: a control.

    Returns
    -------
    Pairs
        Every pair of units that lie in the part common to both sessions.
    """
    whole_mass, second = second.mass, _displaced(second, shift)
    (A, a, mass_a), (B, b, mass_b) = _common(first, second), _common(second, first)
    with np.errstate(invalid="ignore"):
        first_in = mass_a >= SHARED_MIN * np.where(first.mass > 0, first.mass, np.inf)
        second_in = mass_b >= SHARED_MIN * np.where(whole_mass > 0, whole_mass, np.inf)
    own, other = np.flatnonzero(first_in), np.flatnonzero(second_in)
    i = j = np.zeros(0, dtype=np.int64)
    if len(own) and len(other):
        near = KDTree(a[own]).query_ball_point(b[other], radius_px, return_sorted=True)
        j = np.repeat(other, [len(n) for n in near])
        i = own[np.concatenate([np.asarray(n, dtype=np.int64) for n in near])]
    distance = np.linalg.norm(a[i] - b[j], axis=1)
    return Pairs(i, j, distance, _cosines(A, B, i, j), first_in, second_in)


def _displaced(session: Placed, shift: tuple) -> Placed:
    """Return a session moved by whole px; what leaves the field is cut off."""
    if not any(shift):
        return session
    down, right = shift
    n_pixels, width = len(session.seen), session.width
    rows, cols = np.divmod(session.A.indices, width)
    rows, cols = rows + down, cols + right
    height = n_pixels // width
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    pixels = (rows * width + cols)[inside].astype(session.A.indices.dtype)
    ends = np.concatenate([[0], np.cumsum(inside)])[session.A.indptr]
    moved = sparse.csr_array((session.A.data[inside], pixels, ends), shape=session.A.shape)
    seen = np.zeros((height, width), dtype=bool)
    top, left = max(down, 0), max(right, 0)
    kept = session.seen.reshape(height, width)[
        max(-down, 0) : height - top, max(-right, 0) : width - left
    ]
    seen[top : top + kept.shape[0], left : left + kept.shape[1]] = kept
    return Placed(moved, seen.ravel(), width, *_centres(moved, width))


def _common(own: Placed, other: Placed) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Return footprints, centres and masses over what the other session sees as well."""
    visible = other.seen[own.A.indices]
    if visible.all():
        return own.A, own.centres, own.mass
    data = np.where(visible, own.A.data, 0)
    A = sparse.csr_array((data, own.A.indices, own.A.indptr), shape=own.A.shape)
    return A, *_centres(A, own.width)


def _cosines(A: sparse.csr_array, B: sparse.csr_array, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    if not len(i):
        return np.zeros(0)
    size_a, size_b = (np.sqrt(np.asarray(M.multiply(M).sum(axis=1)).ravel()) for M in (A, B))
    dot = np.asarray(A[i].multiply(B[j]).sum(axis=1)).ravel()
    scale = size_a[i] * size_b[j]
    return np.divide(dot, scale, out=np.zeros(len(dot)), where=scale > 0).astype(np.float64)
