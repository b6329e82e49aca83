"""Gaussian cells, drawn into frames and as footprints."""

import numba
import numpy as np

REACH_SD = 5.0  # a cell is drawn out to here; it has 4e-6 of its peak there


def gaussian(
    centre: np.ndarray, variance: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return pixel indices and values of a Gaussian of height 1 inside the image."""
    sides = []
    for place, var, n in zip(centre, variance, shape, strict=True):
        reach = REACH_SD * np.sqrt(var)
        at = np.arange(max(int(np.ceil(place - reach)), 0), min(int(place + reach) + 1, n))
        sides.append((at, np.exp(-((at - place) ** 2) / (2 * var))))
    (rows, by_row), (cols, by_col) = sides
    return (rows[:, None] * shape[1] + cols).ravel(), np.outer(by_row, by_col).ravel()


@numba.njit(nogil=True, cache=True)
def add_cells(frames, C, centres, variances, movement):
    """Add cells to frames, in place.

    Parameters
    ----------
    frames : ndarray of float32, shape (frame, height, width)
        Changed in place.
    C : ndarray of float32, shape (cell, frame)
        Height at the centre of each cell.
    centres, variances : ndarray of float64, shape (cell, 2)
        Row and column in px, and variances along them in px^2.
    movement : ndarray of float, shape (cell, frame, 2)
        How far each cell has moved, px.
    """
    height, width = frames.shape[1:]
    profile = np.empty(width, dtype=np.float32)
    for t in range(frames.shape[0]):
        for k in range(C.shape[0]):
            value = C[k, t]
            if value == 0:
                continue
            row, col = centres[k, 0] + movement[k, t, 0], centres[k, 1] + movement[k, t, 1]
            reach_row = REACH_SD * np.sqrt(variances[k, 0])
            reach_col = REACH_SD * np.sqrt(variances[k, 1])
            left = max(int(np.ceil(col - reach_col)), 0)
            right = min(int(np.floor(col + reach_col)) + 1, width)
            for x in range(left, right):
                profile[x] = np.exp(-((x - col) ** 2) / (2 * variances[k, 1]))
            top = max(int(np.ceil(row - reach_row)), 0)
            for y in range(top, min(int(np.floor(row + reach_row)) + 1, height)):
                scale = np.float32(value * np.exp(-((y - row) ** 2) / (2 * variances[k, 0])))
                for x in range(left, right):
                    frames[t, y, x] += scale * profile[x]
