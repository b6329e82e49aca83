"""Synthetic cells added to the raw frames of a recording."""

import numpy as np

from scopeflow.gaussians import add_cells


def saturation(highest: float, dtype: np.dtype) -> float:
    """Return the camera's largest count: the full range of its bits that the data reach into.

    Cameras of 10 or 12 bit are stored in 16. Floating-point frames have none: infinity.
    """
    if dtype.kind == "f":
        return np.inf
    bits = max(int(highest).bit_length(), 8)
    return min(2**bits - 1, int(np.iinfo(dtype).max))


def implanted(
    frames: np.ndarray,
    C: np.ndarray,
    centres: np.ndarray,
    variances: np.ndarray,
    motion: np.ndarray,
    good: np.ndarray,
    ceiling: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return frames with synthetic cells in them.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        Raw, as the camera gave them.
    C : ndarray of float32, shape (cell, frame)
        Calcium in camera counts at each cell's centre.
    centres, variances : ndarray of float64, shape (cell, 2)
        In the motion-corrected image, px.
    motion : ndarray of float, shape (frame, 2)
        Correction of the frames; the cells move the other way.
    good : ndarray of bool, shape (frame,)
        Frames that are changed; black or repeated ones stay as they are.
    ceiling : float
        Of `saturation`; for whole numbers.
    rng : Generator
        Of this slab of frames.

    Returns
    -------
    ndarray of the same dtype and shape

    Notes
    -----
    Light is added in fractions of a count, but most frames are whole numbers. Rounded to the
    nearest, whatever is under half a count would vanish, so that a number drawn from 0 to 1
    decides: on average nothing is lost, and pixels without a cell keep their value. To frames of
    floating-point numbers the light is added as it is.
    """
    light = np.zeros(frames.shape, dtype=np.float32)
    movement = np.broadcast_to(-motion.astype(np.float64), (len(C), *motion.shape))
    add_cells(light, np.where(good, C, np.float32(0)), centres, variances, movement)
    if frames.dtype.kind == "f":
        return np.add(frames, light, out=light)
    light += rng.random(light.shape, dtype=np.float32)
    counts = np.floor(light, out=light).astype(np.int32)
    counts += frames
    np.minimum(counts, np.maximum(frames, frames.dtype.type(ceiling)), out=counts)
    return counts.astype(frames.dtype)
