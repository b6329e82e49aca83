"""Move frames by their correction, and count which frames saw each pixel."""

import cv2
import numpy as np

SLOPE = -0.75  # of the interpolating cubic at its first zero
FRAMES_AT_ONCE = 4096  # of which it is counted who saw a pixel


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
    """
    return np.stack([_shift(frame, move) for frame, move in zip(frames, motion, strict=True)])


def _shift(frame: np.ndarray, move: np.ndarray) -> np.ndarray:
    size = np.array(frame.shape)
    whole = np.clip(np.rint(move).astype(int), 1 - size, size - 1)
    down, right = whole
    stays = frame[max(-down, 0) : size[0] - max(down, 0), max(-right, 0) : size[1] - max(right, 0)]
    moved = cv2.copyMakeBorder(
        stays, *(max(n, 0) for n in (down, -down, right, -right)), cv2.BORDER_REPLICATE
    )
    rest = move - whole
    if not rest.any():
        return moved
    rows, cols = (_cubic_weights(part) for part in np.clip(rest, -0.5, 0.5))
    return cv2.sepFilter2D(moved, -1, cols, rows, borderType=cv2.BORDER_REPLICATE)


def _cubic_weights(shift: float) -> np.ndarray:
    """Return the weights of the samples -2 ... 2 around a place that content moves to.

    Cubic convolution (Keys 1981) with a = -0.75; `shift` lies between -0.5 and 0.5.
    """
    away = np.abs(np.arange(-2, 3) + shift)
    near = ((SLOPE + 2) * away - (SLOPE + 3)) * away**2 + 1
    far = ((away - 5) * away + 8) * away * SLOPE - 4 * SLOPE
    return np.select([away <= 1, away < 2], [near, far], 0.0)


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
