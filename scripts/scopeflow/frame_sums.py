"""Sums over frames of a movie, read as it is stored: no copy in floating point."""

import numba
import numpy as np


def sum_frames(frames: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the sum of some frames.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        In camera counts; C-contiguous.
    chosen : ndarray of bool, shape (frame,)
        Frames that take part.

    Returns
    -------
    ndarray of float64, shape (height, width)
    """
    total = np.zeros(frames.shape[1:])
    _sum_frames(frames, np.flatnonzero(chosen), total)
    return total


@numba.njit(nogil=True, cache=True)
def _sum_frames(frames, chosen, total):
    for t in chosen:
        for y in range(frames.shape[1]):
            for x in range(frames.shape[2]):
                total[y, x] += frames[t, y, x]


@numba.njit(nogil=True, cache=True)
def add_binned(frames, chosen, bin_px, image):
    """Add the pixels of each square of `bin_px` over the chosen frames to an image.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        In camera counts.
    chosen : ndarray of int, shape (number,)
        Indices of the frames that take part.
    bin_px : int
        Side of a square.
    image : ndarray of float32, shape (height // bin_px, width // bin_px)
        Takes the sums.
    """
    height, width = image.shape
    line = np.empty(width * bin_px, dtype=np.float32)
    for y in range(height):
        line[:] = 0
        for t in chosen:
            for row in range(y * bin_px, (y + 1) * bin_px):
                _add_line(line, frames[t, row])
        for k in range(bin_px):
            _add_line(image[y], line[k::bin_px])


@numba.njit(nogil=True, cache=True)
def _add_line(total, values):
    for x in range(len(total)):
        total[x] += np.float32(values[x])
