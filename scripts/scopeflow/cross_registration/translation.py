"""Whole-field shifts between pictures: normalized correlation over the part that both show."""

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
    energy : ndarray of float64, shape (2 max_shift + 1, 2 max_shift + 1)
        Sum of squares of the part that stays inside when the picture moves by a shift.
    shape : tuple of int
        Height and width, px.
    """

    spectrum: np.ndarray
    energy: np.ndarray
    shape: tuple[int, int]


def searchable(picture: np.ndarray, max_shift: int) -> Searched:
    """Prepare a picture (height, width; mean near 0) for shifts up to `max_shift` px."""
    size = [fft.next_fast_len(n + max_shift, real=True) for n in picture.shape]
    spectrum = fft.rfft2(picture.astype(np.float32), size, workers=1)
    squares = np.zeros(tuple(n + 1 for n in picture.shape))
    squares[1:, 1:] = (picture.astype(np.float64) ** 2).cumsum(axis=0).cumsum(axis=1)
    shifts = np.arange(-max_shift, max_shift + 1)
    # Moved by s, a picture keeps its places max(-s, 0) ... n - max(s, 0).
    (top, bottom), (left, right) = (
        (np.maximum(-shifts, 0), n - np.maximum(shifts, 0)) for n in picture.shape
    )
    energy = (
        squares[np.ix_(bottom, right)] - squares[np.ix_(top, right)]
        - squares[np.ix_(bottom, left)] + squares[np.ix_(top, left)]
    )  # fmt: skip
    return Searched(spectrum, energy, picture.shape)


def best_shift(
    moving: Searched, fixed: Searched, left_out_px: float = -1.0
) -> tuple[float, np.ndarray]:
    """Return the highest correlation of two pictures, and the shift of the first that gives it.

    Parameters
    ----------
    moving, fixed : Searched
        Two pictures of one size, prepared for one range of shifts.
    left_out_px : float, optional
        Shifts no longer than this are not looked at.

    Returns
    -------
    score : float
        Pearson's r of the parts in common, for pictures whose mean is near 0; 0 for an empty one.
    shift : ndarray of float64, shape (2,)
        Rows and columns in px, a parabola through the peak giving fractions.
    """
    reach = len(fixed.energy) // 2
    height, width = fixed.shape
    size = [fft.next_fast_len(n + reach, real=True) for n in fixed.shape]
    surface = fft.irfft2(fixed.spectrum * moving.spectrum.conj(), size, workers=1)
    surface = np.roll(surface, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    # What moves by s meets that part of the fixed picture which would move out by -s.
    scale = np.sqrt(np.maximum(moving.energy * fixed.energy[::-1, ::-1], 0))
    whole = np.sqrt(moving.energy.max() * fixed.energy.max())
    rows, cols = np.abs(np.mgrid[-reach : reach + 1, -reach : reach + 1])
    shared = (height - rows) * (width - cols) / (height * width)
    allowed = np.hypot(rows, cols) > left_out_px
    allowed &= (shared >= OVERLAP_MIN) & (scale > 1e-3 * whole) & (scale > 0)
    surface = np.where(allowed, surface / np.where(allowed, scale, 1), 0)
    row, col = np.unravel_index(surface.argmax(), surface.shape)
    shift = np.array(
        [
            row - reach + _vertex(surface[max(row - 1, 0) : row + 2, col]),
            col - reach + _vertex(surface[row, max(col - 1, 0) : col + 2]),
        ]
    )
    return float(surface[row, col]), shift


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
    """Return the highest correlation of any two pictures over shifts, at half size.

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
