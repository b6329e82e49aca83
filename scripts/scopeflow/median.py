"""Median of 16 bits and real numbers over a square window, for windows that OpenCV leaves out.

The window moves a pixel at a time, there and back along the rows, and a histogram of what is in
it follows (Huang et al. 1979). Three levels of the histogram, each coarser than the one
below, find its middle in a few steps.
"""

import numba
import numpy as np

MID_BITS, COARSE_BITS = 5, 10  # lowest bits of a value that a level does not tell apart


def median_blur(frame: np.ndarray, window: int) -> np.ndarray:
    """Return the median around each pixel; beyond the edge the edge's pixels are repeated.

    Parameters
    ----------
    frame : ndarray of uint16 or float32, shape (height, width)
        Without NaN.
    window : int
        Side of the square, odd.

    Returns
    -------
    ndarray, same shape and dtype
        The same as ``scipy.ndimage.median_filter(frame, window, mode="nearest")``, some ten
        times as fast.
    """
    if frame.dtype.kind == "f":  # the median is one of the values: their ranks do as well
        values, codes = np.unique(frame, return_inverse=True)
        return values[_slid(codes.reshape(frame.shape).astype(np.uint32), window, len(values))]
    return _slid(frame, window, int(frame.max()) + 1)


def _slid(frame: np.ndarray, window: int, n_levels: int) -> np.ndarray:
    found = np.empty_like(frame)
    _slide(np.pad(frame, window // 2, mode="edge"), window, n_levels, found)
    return found


@numba.njit(nogil=True, cache=True)
def _slide(padded, window, n_levels, found):
    height, width = found.shape
    half = window * window // 2
    # Rounded up to whole bins of the coarse level. More than half of the window lies in them
    # together, so that no search goes beyond the last.
    fine = np.zeros(((n_levels >> COARSE_BITS) + 1) << COARSE_BITS, np.int32)
    mid = np.zeros(len(fine) >> MID_BITS, np.int32)
    coarse = np.zeros(len(fine) >> COARSE_BITS, np.int32)
    for value in padded[:window, :window].ravel():
        fine[value] += 1
        mid[value >> MID_BITS] += 1
        coarse[value >> COARSE_BITS] += 1
    place, below = 0, 0  # bin of the coarse level that holds the median, and what lies below it
    x = 0
    for y in range(height):
        forth = y % 2 == 0
        for step in range(width):
            while below > half:
                place -= 1
                below -= coarse[place]
            while below + coarse[place] <= half:
                below += coarse[place]
                place += 1
            found[y, x] = _level(fine, mid, place, below, half)
            if step == width - 1:
                break
            old, new = (x, x + window) if forth else (x + window - 1, x - 1)
            for row in range(y, y + window):
                below += _swap(padded[row, old], padded[row, new], fine, mid, coarse, place)
            x = x + 1 if forth else x - 1
        if y < height - 1:
            for col in range(x, x + window):
                old, new = padded[y, col], padded[y + window, col]
                below += _swap(old, new, fine, mid, coarse, place)


@numba.njit(nogil=True, cache=True)
def _level(fine, mid, place, count, half):
    """Return the value in a bin of the coarse level at which `count` gets above half."""
    m = place << (COARSE_BITS - MID_BITS)
    while count + mid[m] <= half:
        count += mid[m]
        m += 1
    level = m << MID_BITS
    while count + fine[level] <= half:
        count += fine[level]
        level += 1
    return level


@numba.njit(nogil=True, cache=True)
def _swap(old, new, fine, mid, coarse, place):
    """Take a value out of the histogram and another in; return the change below a coarse bin."""
    fine[old] -= 1
    fine[new] += 1
    mid[old >> MID_BITS] -= 1
    mid[new >> MID_BITS] += 1
    before, after = old >> COARSE_BITS, new >> COARSE_BITS
    coarse[before] -= 1
    coarse[after] += 1
    return (after < place) - (before < place)
