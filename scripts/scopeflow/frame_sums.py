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
