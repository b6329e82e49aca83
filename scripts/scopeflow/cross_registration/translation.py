"""Whole-field shifts between pictures: correlation over the part that both show."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft

OVERLAP_MIN = 0.2  # of the image; with less in common no shift is looked for


@dataclass(frozen=True, eq=False)
class Searched:
    """What the search needs of a picture, computed once for all its pairs.

    Attributes
    ----------
    spectrum : ndarray of complex64
        Of the picture with zeros around it.
    energy : ndarray of float64, shape (2 reach + 1, 2 reach + 1), a reach for each axis
        Sum of squares of the part that stays inside when the picture moves by a shift.
    shape : tuple of int
        Height and width, px.
    """

    spectrum: np.ndarray
    energy: np.ndarray
    shape: tuple[int, int]


def searchable(picture: np.ndarray, max_shift: int) -> Searched:
    """Prepare a picture (height, width; mean near 0) for shifts up to `max_shift` px.

    Shifts by which the picture would leave its own place are not searched.
    """
    reach = [min(max_shift, n - 1) for n in picture.shape]
    size = _padded(picture.shape, reach)
    spectrum = fft.rfft2(picture.astype(np.float32), size, workers=1)
    squares = np.zeros(tuple(n + 1 for n in picture.shape))
    squares[1:, 1:] = (picture.astype(np.float64) ** 2).cumsum(axis=0).cumsum(axis=1)
    # Moved by s, a picture keeps its places max(-s, 0) ... n - max(s, 0).
    (top, bottom), (left, right) = (
        (np.maximum(-shifts, 0), n - np.maximum(shifts, 0))
        for n, shifts in zip(picture.shape, (np.arange(-r, r + 1) for r in reach), strict=True)
    )
    energy = (
        squares[np.ix_(bottom, right)] - squares[np.ix_(top, right)]
        - squares[np.ix_(bottom, left)] + squares[np.ix_(top, left)]
    )  # fmt: skip
    return Searched(spectrum, energy, picture.shape)


def _padded(shape: tuple[int, int], reach: Sequence[int]) -> list[int]:
    """Return the size at which no shift within reach brings a picture around to its other side."""
    return [fft.next_fast_len(n + r, real=True) for n, r in zip(shape, reach, strict=True)]


def best_shift(moving: Searched, fixed: Searched) -> tuple[float, np.ndarray]:
    """Return how well two pictures fit at best, and the shift of the first that does it.

    Parameters
    ----------
    moving, fixed : Searched
        Two pictures of one size, prepared for one range of shifts.

    Returns
    -------
    fit : float
        Of `fit_of`, 0 for an empty picture.
    shift : ndarray of float64, shape (2,)
        Rows and columns in px, a parabola through the peak giving fractions.
    """
    down, right = (n // 2 for n in fixed.energy.shape)
    height, width = fixed.shape
    size = _padded(fixed.shape, (down, right))
    surface = fft.irfft2(fixed.spectrum * moving.spectrum.conj(), size, workers=1)
    surface = np.roll(surface, (down, right), (0, 1))[: 2 * down + 1, : 2 * right + 1]
    # What moves by s meets that part of the fixed picture which would move out by -s.
    energies = np.maximum(moving.energy * fixed.energy[::-1, ::-1], 0)
    whole = moving.energy.max() * fixed.energy.max()
    rows, cols = np.abs(np.mgrid[-down : down + 1, -right : right + 1])
    shared = (height - rows) * (width - cols) / (height * width)
    allowed = (shared >= OVERLAP_MIN) & (energies > 1e-6 * whole) & (energies > 0)
    surface = np.where(allowed, surface / np.where(allowed, energies * whole, 1) ** 0.25, 0)
    row, col = np.unravel_index(surface.argmax(), surface.shape)
    shift = np.array(
        [
            row - down + _vertex(surface[max(row - 1, 0) : row + 2, col]),
            col - right + _vertex(surface[row, max(col - 1, 0) : col + 2]),
        ]
    )
    return float(surface[row, col]), shift


def fit_of(moved: np.ndarray, seen: np.ndarray, fixed: np.ndarray, energy: float) -> float:
    """Return how well a moved picture fits a fixed one.

    Parameters
    ----------
    moved, fixed : ndarray of float32, shape (height, width)
        Means near 0; the moved one 0 where nothing is seen.
    seen : ndarray of bool, shape (height, width)
        Where the moved picture shows something.
    energy : float
        Sum of squares of the whole picture before it was moved.

    Returns
    -------
    float
        Pearson's r of the parts in common, times the root of the share of the contents (their
        energies, geometric mean) that is in common. By chance r is as large as one over the
        root of what is compared: at the edge of the range a few cells that lie alike would win.
    """
    common = float((moved**2).sum()) * float((fixed[seen] ** 2).sum())
    scale = (common * energy * float((fixed**2).sum())) ** 0.25
    return float((moved * fixed).sum()) / scale if scale > 0 else 0.0


def _vertex(y: np.ndarray) -> float:
    """Offset of a parabola's vertex from the middle of three samples (0 at an edge)."""
    if len(y) < 3 or (curvature := y[0] - 2 * y[1] + y[2]) == 0:
        return 0.0
    return float(np.clip(0.5 * (y[0] - y[2]) / curvature, -1, 1))


def halved(picture: np.ndarray) -> np.ndarray:
    """Return a picture at half size, means over 2 x 2 px (a last odd line is left out)."""
    height, width = (n // 2 * 2 for n in picture.shape)
    return cv2.resize(
        picture[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA
    )


def pairwise_scores(pictures: list[np.ndarray], max_shift_px: float) -> np.ndarray:
    """Return the best fit of any two pictures over shifts, at half size.

    Parameters
    ----------
    pictures : list of ndarray of float32, shape (height, width)
        Of one size.
    max_shift_px : float
        Largest shift along each axis, px.

    Returns
    -------
    ndarray of float64, shape (session, session)
        Symmetric; 1 on the diagonal.
    """
    reach = max(round(max_shift_px / 2), 1)
    prepared = [searchable(halved(p), reach) for p in pictures]
    scores = np.eye(len(pictures))
    for i, moving in enumerate(prepared):
        for j in range(i):
            scores[i, j] = scores[j, i] = best_shift(moving, prepared[j])[0]
    return scores


def best_template(scores: np.ndarray) -> int:
    """Return the position of the session whose picture fits the others best, on average."""
    return int(np.argmax(scores.sum(axis=1)))
