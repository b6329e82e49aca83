"""Morphological opening by a disk, of whole images and exact.

A disk is a stack of horizontal chords. The minimum over a chord follows from those over
shorter ones, so that an erosion costs one comparison for each row of the disk instead of one
for each of its pixels. All comparisons run over many rows at once, laid out in one line.
"""

import functools

import numba
import numpy as np

STRIP_ROWS = 128  # worked on together, so that all chords stay in the cache


def open_with_disk(image: np.ndarray, radius_px: int) -> np.ndarray:
    """Return the opening of an image by a disk.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (height, width)
        In any unit; free of NaN.
    radius_px : int
        Radius of the disk, at least 1.

    Returns
    -------
    ndarray, same shape and dtype
        The largest value for which a disk that covers the pixel fits under the image. What
        lies outside the image takes no part.
    """
    top = np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).max
    top = image.dtype.type(top)
    eroded = _eroded(image, radius_px, top)
    # A dilation is an erosion of the negative.
    if image.dtype.kind == "f":
        return -_eroded(-eroded, radius_px, top)
    return top - _eroded(top - eroded, radius_px, top)


def _eroded(image: np.ndarray, radius: int, top: np.generic) -> np.ndarray:
    """Return the smallest value in the disk around each pixel; `top` lies around the image.

    The padding beside the rows keeps a window that starts in one row and ends in the next
    from seeing foreign pixels.
    """
    height, width = image.shape
    padded = np.full((height + 2 * radius, width + 2 * radius), top, dtype=image.dtype)
    padded[radius:-radius, radius:-radius] = image
    least = np.empty((height, padded.shape[1]), dtype=image.dtype)
    _erode(padded.ravel(), *_chords(radius), padded.shape[1], least.ravel())
    return least[:, :width]


@functools.cache
def _chords(radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Return half chord lengths in growing order, and the index of each row's among them.

    Each is at most three times its forerunner plus one, so that three windows of the one
    before cover it.
    """
    rows = np.arange(radius + 1)
    wanted = np.floor(np.sqrt(radius**2 - rows**2)).astype(int)
    halves = [0]
    for half in np.unique(wanted):
        while halves[-1] < half:
            halves.append(min(half, 3 * halves[-1] + 1))
    return np.array(halves), np.array([halves.index(half) for half in wanted])


@numba.njit(nogil=True, cache=True)
def _erode(padded, halves, chord_of_row, stride, eroded):
    """Write the smallest value in the disk around each pixel to `eroded`, rows of `stride`."""
    radius = len(chord_of_row) - 1
    height = len(eroded) // stride
    longest = min(STRIP_ROWS, height) + 2 * radius
    chords = np.empty((len(halves), longest * stride), padded.dtype)
    for start in range(0, height, STRIP_ROWS):
        n_rows = min(STRIP_ROWS, height - start)
        n = (n_rows + 2 * radius) * stride
        chords[0, :n] = padded[start * stride : start * stride + n]
        for k in range(1, len(halves)):
            step = halves[k] - halves[k - 1]
            shorter = chords[k - 1]
            _least(
                chords[k, step : n - step],
                shorter[: n - 2 * step],
                shorter[step : n - step],
                shorter[2 * step : n],
            )
        origin, n = radius * stride + radius, n_rows * stride - 2 * radius
        least = eroded[start * stride : start * stride + n]
        least[:] = chords[chord_of_row[0], origin : origin + n]
        for row in range(1, radius + 1):
            chord = chords[chord_of_row[row]]
            above, below = origin - row * stride, origin + row * stride
            _lower(least, chord[above : above + n], chord[below : below + n])


@numba.njit(nogil=True, cache=True)
def _least(out, a, b, c):
    for i in range(len(out)):
        out[i] = min(min(a[i], b[i]), c[i])


@numba.njit(nogil=True, cache=True)
def _lower(out, a, b):
    for i in range(len(out)):
        out[i] = min(out[i], min(a[i], b[i]))
