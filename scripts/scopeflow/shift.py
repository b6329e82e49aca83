"""Move frames by their correction, and count which frames saw each pixel."""

import cv2
import numpy as np


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
    whole = np.rint(move).astype(int)
    if np.all(whole == move):
        rows = np.clip(np.arange(frame.shape[0]) - whole[0], 0, frame.shape[0] - 1)
        cols = np.clip(np.arange(frame.shape[1]) - whole[1], 0, frame.shape[1] - 1)
        return frame[rows][:, cols]
    matrix = np.float32([[1, 0, move[1]], [0, 1, move[0]]])
    moved = cv2.warpAffine(
        frame.astype(np.float32),
        matrix,
        frame.shape[::-1],
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if np.issubdtype(frame.dtype, np.integer):
        limits = np.iinfo(frame.dtype)
        moved = np.clip(np.rint(moved), limits.min, limits.max)
    return moved.astype(frame.dtype)


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
    if not good.any():
        return np.zeros(shape, dtype=np.float32)
    inside = []
    for size, move in zip(shape, motion[good].T, strict=True):
        source = np.arange(size) - move[:, None]
        inside.append(((source >= 0) & (source <= size - 1)).astype(np.float32))
    return (inside[0].T @ inside[1] / good.sum()).astype(np.float32)
