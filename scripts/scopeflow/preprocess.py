"""Glow, sensor noise and background are taken off every frame.

Source: the paper, "Vignetting correction", "Denoising" and "Morphological background
removal". The filtered movie serves to show cells (and to register frames, on request);
traces are read from the movie without glow only, because these filters distort amplitudes.
"""

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from scopeflow.median import median_blur
from scopeflow.opening import open_with_disk

ANISOTROPIC_STEPS = 5
GLOW_DIAMETERS = 1.5  # width of the smoothing of the glow
EDGE_NOISES = 3.0  # differences above this many times the noise are taken for edges


@dataclass(frozen=True)
class Filters:
    """What is done to each frame, all sizes resolved.

    Attributes
    ----------
    denoise : {"median", "gaussian", "bilateral", "anisotropic", "none"}
        How sensor noise is reduced.
    window_px : int
        Window of the denoising; odd.
    background : {"tophat", "uniform", "none"}
        How the background within a frame is removed.
    radius_px : int
        Radius of the disk (tophat), or half the box (uniform).
    """

    denoise: str
    window_px: int
    background: str
    radius_px: int

    @classmethod
    def for_cells(
        cls,
        denoise: str,
        window_px: int | None,
        background: str,
        radius_px: float | None,
        cell_diameter_px: float,
    ) -> "Filters":
        """Fill in the sizes that are not given, from the width of a cell.

        The window of the denoising is about a third of a cell; the disk has a radius of three
        quarters of a cell, so that it never fits into one. (The paper speaks of a window
        of the cell's diameter and its code takes that number for the radius.)
        """
        window = window_px or 2 * round(cell_diameter_px / 8) + 1
        radius = radius_px or max(round(0.75 * cell_diameter_px), 2)
        return cls(denoise, int(window), background, round(radius))

    def check(self, shape: tuple[int, int]) -> None:
        """Raise ValueError when a window does not fit into an image (height, width)."""
        height, width = shape
        if self.denoise != "none" and self.window_px > min(shape):
            raise ValueError(
                f"preprocess.denoise.window_px is {self.window_px}, but the image has only "
                f"{height} x {width} px"
            )
        if self.background != "none" and 2 * self.radius_px + 1 > min(shape):
            raise ValueError(
                f"preprocess.background.radius_px is {self.radius_px} (a window of "
                f"{2 * self.radius_px + 1} px), but the image has only {height} x {width} px"
            )


def glow_image(minimum: np.ndarray, method: str, cell_diameter_px: float) -> np.ndarray:
    """Return the image that is taken off every frame.

    Parameters
    ----------
    minimum : ndarray, shape (height, width)
        Smallest value of each pixel over the good frames.
    method : {"opened_minimum", "minimum", "none"}
        ``minimum`` is the paper's. What it shows of the tissue, vessels or a cell that hardly
        ever rests, moves with the brain: taken off before the frames are aligned, its ghost
        moves with every correction and makes false cells. ``opened_minimum`` holds only what
        is wider than cells and vessels, as lamp and lens make it.
    cell_diameter_px : float
        Width of a cell.

    Returns
    -------
    ndarray, shape (height, width)
        Of the dtype of `minimum`, nowhere above it.
    """
    if method == "none":
        return np.zeros_like(minimum)
    if method == "minimum":
        return minimum
    radius = max(round(0.75 * cell_diameter_px), 2)
    fine = cv2.GaussianBlur(minimum.astype(np.float32), (0, 0), max(cell_diameter_px / 16, 0.5))
    opened = open_with_disk(fine, radius)
    wide = cv2.GaussianBlur(opened, (0, 0), GLOW_DIAMETERS * cell_diameter_px)
    # Lowered as a whole, so that no pixel is cut off at zero, or at the lowest value below it.
    lowered = wide - max(float((wide - minimum).max()), 0.0)
    lowered = np.maximum(lowered, min(minimum.min(), 0))
    return lowered.astype(minimum.dtype)


def remove_glow(frames: np.ndarray, glow: np.ndarray) -> np.ndarray:
    """Subtract the glow; integers stop at zero instead of wrapping around."""
    return np.maximum(frames, glow) - glow if glow.any() else frames


def filter_frames(frames: np.ndarray, filters: Filters) -> np.ndarray:
    """Denoise frames and remove their background.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        Frames without glow, in camera counts.
    filters : Filters
        What to do.

    Returns
    -------
    ndarray, same shape and dtype
    """
    return np.stack([remove_background(denoise(frame, filters), filters) for frame in frames])


def denoise(frame: np.ndarray, filters: Filters) -> np.ndarray:
    """Reduce the sensor noise of one frame."""
    window = filters.window_px
    if filters.denoise == "none":
        return frame
    if filters.denoise == "median":
        if frame.dtype == np.uint8 or window <= 5:
            return cv2.medianBlur(np.ascontiguousarray(frame), window)
        return median_blur(frame, window)
    if filters.denoise == "gaussian":
        return cv2.GaussianBlur(frame, (0, 0), window / 4)
    exact = frame.astype(np.float32)
    edge = EDGE_NOISES * max(frame_noise(exact), 1e-6)
    if filters.denoise == "bilateral":
        smooth = cv2.bilateralFilter(exact, window, edge, window / 4)
    else:
        smooth = _perona_malik(exact, np.float32(edge), ANISOTROPIC_STEPS)
    return _rounded(smooth, frame.dtype)


def remove_background(frame: np.ndarray, filters: Filters) -> np.ndarray:
    """Remove what is wider than the disk (tophat), or the mean around (uniform)."""
    if filters.background == "none":
        return frame
    if filters.background == "tophat":
        return frame - open_with_disk(frame, filters.radius_px)
    side = 2 * filters.radius_px + 1
    around = cv2.blur(frame.astype(np.float32), (side, side))
    return _rounded(np.maximum(frame - around, 0), frame.dtype)


def frame_noise(frame: np.ndarray) -> float:
    """Return the noise of one frame from the differences of neighbouring pixels."""
    return float(np.median(np.abs(np.diff(frame, axis=1))) / 0.6745 / np.sqrt(2))


def _rounded(frame: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(frame), limits.min, limits.max).astype(dtype)
    return frame.astype(dtype)


@numba.njit(nogil=True, cache=True)
def _perona_malik(frame, edge, n_steps):
    """Diffusion that stops at edges (Perona & Malik 1990, exponential conductance)."""
    height, width = frame.shape
    for _ in range(n_steps):
        change = np.zeros_like(frame)
        for y in range(height):
            for x in range(width):
                for dy, dx in ((0, 1), (1, 0)):
                    if y + dy < height and x + dx < width:
                        step = frame[y + dy, x + dx] - frame[y, x]
                        flow = np.float32(0.2) * step * np.exp(-((step / edge) ** 2))
                        change[y, x] += flow
                        change[y + dy, x + dx] -= flow
        frame = frame + change
    return frame
