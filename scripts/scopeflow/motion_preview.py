"""Images of a few frames before and after the correction of motion, and how sharp they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SMOOTHING = 0.1  # of a cell's width


@dataclass(frozen=True)
class Preview:
    """Images and numbers of a stack of frames.

    Attributes
    ----------
    mean, max : ndarray of float32, shape (height, width)
        Over the frames.
    sharpness : float
        See `sharpness`; of the mean, smoothed.
    agreement : float
        See `agreement`; of the frames with their mean, both smoothed.
    """

    mean: np.ndarray
    max: np.ndarray
    sharpness: float
    agreement: float


def preview_of(frames: np.ndarray, cell_diameter_px: float, margin: int = 0) -> Preview:
    """Return images and numbers of frames.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Camera counts; at least one.
    cell_diameter_px : float
        Width of a cell.
    margin : int
        Rim in px that takes no part in the numbers, because content moved in there.
    """
    mean = frames.mean(axis=0, dtype=np.float64)
    inner = tuple(slice(min(margin, n // 3), n - min(margin, n // 3)) for n in mean.shape)
    smooth = [_smoothed(frame, cell_diameter_px)[inner] for frame in frames]
    target = _smoothed(mean, cell_diameter_px)[inner]
    numbers = sharpness(target), agreement(smooth, target)
    return Preview(mean.astype(np.float32), frames.max(axis=0).astype(np.float32), *numbers)


def _smoothed(image: np.ndarray, cell_diameter_px: float) -> np.ndarray:
    """Return an image without grain, float32.

    Grain must not count, because moving frames by parts of a pixel smooths it: less slope
    and more agreement, whether the correction is right or wrong. A Gaussian with a standard
    deviation of a tenth of a cell's width takes it away and leaves the edges of cells.
    """
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), SMOOTHING * cell_diameter_px)


def sharpness(image: np.ndarray) -> float:
    """Return the root mean square of an image's slope, in counts per px.

    Motion blurs the mean of frames, which makes its edges less steep.
    """
    slopes = np.gradient(image.astype(np.float64))
    return float(np.sqrt(np.mean(slopes[0] ** 2 + slopes[1] ** 2)))


def agreement(frames: Sequence[np.ndarray], image: np.ndarray) -> float:
    """Return the mean correlation of frames with an image; frames without contrast count as 0."""
    target = image.astype(np.float64).ravel() - image.mean()
    size = np.linalg.norm(target)
    total = 0.0
    for frame in frames:
        own = frame.astype(np.float64).ravel()
        own -= own.mean()
        scale = size * np.linalg.norm(own)
        total += float(own @ target / scale) if scale > 0 else 0.0
    return total / len(frames)
