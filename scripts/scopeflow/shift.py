"""Move frames by their correction, and count which frames saw each pixel."""

import numba
import numpy as np

SLOPE = -0.75  # of the interpolating cubic at its first zero
FRAMES_AT_ONCE = 4096  # of which it is counted who saw a pixel

# Lowest and highest value of an interpolated pixel, and what is added before its fraction is cut.
NO_LIMITS = np.array([-np.inf, np.inf, 0.0], np.float32)


def shift_frames(frames: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Move the content of every frame by its correction.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        In camera counts.
    motion : ndarray of float, shape (frame, 2)
        Rows and columns in px; positive moves the content to larger index.

    Returns
    -------
    ndarray, same shape and dtype
        Whole shifts are copies and exact; others are interpolated once, by bicubic
        splines in float32, and rounded to the nearest integer. What comes in from outside
        repeats the edge: a made-up zero would look like a change of brightness.

    Raises
    ------
    ValueError
        If there is not one shift for each frame.
    """
    if len(motion) != len(frames):
        raise ValueError(f"{len(motion)} shifts for {len(frames)} frames")
    moved = np.empty(frames.shape, frames.dtype)
    if frames.dtype.kind == "f":
        lowest, highest, rounding = -np.inf, np.inf, 0.0
    else:  # the fraction is cut off afterwards
        lowest, highest, rounding = 0.0, np.iinfo(frames.dtype).max, 0.5
    whole = np.rint(motion).astype(np.int64)
    rows, cols = (_cubic_weights(rest) for rest in np.clip(motion - whole, -0.5, 0.5).T)
    limits = np.array([lowest, highest, rounding], np.float32)
    _interpolate(np.ascontiguousarray(frames), whole, rows, cols, limits, moved)
    return moved


def _cubic_weights(shift: np.ndarray) -> np.ndarray:
    """Return the weights of the samples -2 ... 2 around a place that content moves to.

    Cubic convolution (Keys 1981) with a = -0.75; `shift` (frame,) lies between -0.5 and 0.5.
    """
    away = np.abs(np.arange(-2, 3) + shift[:, None])
    near = ((SLOPE + 2) * away - (SLOPE + 3)) * away**2 + 1
    far = ((away - 5) * away + 8) * away * SLOPE - 4 * SLOPE
    return np.select([away <= 1, away < 2], [near, far], 0.0).astype(np.float32)


@numba.njit(nogil=True, cache=True)
def _interpolate(frames, whole, rows, cols, limits, moved):
    """Write each frame moved; the last five lines interpolated along the row are at hand."""
    height, width = frames.shape[1:]
    padded = np.empty(width + 4, np.float32)
    lines = np.empty((5, width), np.float32)
    for t in range(len(frames)):
        down, right = whole[t]
        for place in range(-2, height + 2):
            source = min(max(place - down, 0), height - 1)
            _pad(frames[t, source], right, padded)
            taps = (padded[:width], padded[1:], padded[2:], padded[3:], padded[4:])
            _blend(taps, cols[t], NO_LIMITS, lines[place % 5])
            y = place - 2
            if y >= 0:
                taps = (
                    lines[(y - 2) % 5], lines[(y - 1) % 5], lines[y % 5], lines[(y + 1) % 5],
                    lines[(y + 2) % 5],
                )  # fmt: skip
                _blend(taps, rows[t], limits, moved[t, y])


@numba.njit(nogil=True, cache=True)
def _pad(line, right, padded):
    """Write a line moved to the right, with two pixels more at either end."""
    width = len(line)
    first = min(max(right + 2, 0), width + 4)
    last = min(max(right + 2 + width, 0), width + 4)
    padded[:first] = line[0]
    middle, source = padded[first:last], line[max(first - right - 2, 0) :]
    for x in range(len(middle)):  # quicker than one assignment
        middle[x] = source[x]
    padded[last:] = line[width - 1]


@numba.njit(nogil=True, cache=True, fastmath={"contract", "nsz", "reassoc"})
def _blend(taps, weights, limits, out):
    """Write the weighted sum of five lines, within limits and rounded."""
    a, b, c, d, e = taps
    # As numbers, not arrays, so that the loop works on many pixels at once.
    u, v, w, p, q = weights[0], weights[1], weights[2], weights[3], weights[4]
    lowest, highest, rounding = limits[0], limits[1], limits[2]
    for x in range(len(out)):
        value = u * a[x] + v * b[x] + w * c[x] + p * d[x] + q * e[x]
        value = highest if value > highest else value
        value = lowest if value < lowest else value
        out[x] = value + rounding


def seen_fraction(motion: np.ndarray, good: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which part of the good frames truly saw each pixel of the corrected image.

    Parameters
    ----------
    motion : ndarray of float, shape (frame, 2)
        Corrections in px.
    good : ndarray of bool, shape (frame,)
        Frames that count.
    shape : tuple of int
        (height, width) in px.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Between 0 and 1; all 0 without a good frame.
    """
    moves = motion[good]
    seen = np.zeros(shape, dtype=np.float32)  # whole numbers, exact up to 2 ** 24
    for start in range(0, len(moves), FRAMES_AT_ONCE):
        rows, cols = (
            _inside(size, move)
            for size, move in zip(shape, moves[start : start + FRAMES_AT_ONCE].T, strict=True)
        )
        seen += rows.T @ cols
    return (seen / max(len(moves), 1)).astype(np.float32)


def _inside(size: int, move: np.ndarray) -> np.ndarray:
    """Return, as 0 or 1, where along an axis each frame had a source, shape (frame, size)."""
    source = np.arange(size) - move[:, None]
    return ((source >= 0) & (source <= size - 1)).astype(np.float32)
