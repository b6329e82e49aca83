"""Noise of traces and of pixels, from the fast end of their spectrum."""

from collections.abc import Iterable

import numpy as np
from scipy import fft

from scopeflow.filters import fill_gaps


def band_noise(traces: np.ndarray, fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the noise of signals from their power above a frequency.

    Parameters
    ----------
    traces : ndarray of float, shape (frame, ...)
        Time along the first axis; free of NaN.
    fps_hz, cutoff_hz : float
        Frame rate and lower end of the band in Hz; the upper end is half the frame rate.

    Returns
    -------
    ndarray of float64, shape (...)
        Standard deviation that white noise of the band's power has. The mean of the power is
        taken; the published code takes the mean of its logarithm, which is 25 % too low.
    """
    n = len(traces)
    power = np.abs(fft.rfft(traces - traces.mean(axis=0), axis=0, workers=1)) ** 2 / n
    band = fft.rfftfreq(n, 1 / fps_hz) >= min(cutoff_hz, fps_hz / 2 * (1 - 2 / n))
    return np.sqrt(power[band].mean(axis=0))


def fast_variance(frames: np.ndarray, fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the variance of every pixel's noise, from what is faster than a frequency.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        At least 4 frames, in a row.
    fps_hz, cutoff_hz : float
        Frame rate and frequency in Hz.

    Returns
    -------
    ndarray of float64, shape (height, width)
        Of white noise with as much power at each higher frequency. The mean, and sines and
        cosines of the lower ones, are taken off by a product of matrices, which is quicker than
        all transforms.
    """
    n = len(frames)
    n_waves = max(min(int(np.ceil(cutoff_hz * n / fps_hz)), (n - 1) // 2), 1) - 1
    angle = 2 * np.pi * np.outer(np.arange(1, n_waves + 1), np.arange(n)) / n
    constant = np.full((1, n), np.sqrt(0.5))
    slow = np.concatenate([constant, np.cos(angle), np.sin(angle)]) * np.sqrt(2 / n)
    slow = slow.astype(np.float32)
    variance = np.empty(frames.shape[1:])
    for row in range(frames.shape[1]):  # keeps the work arrays in the cache
        values = frames[:, row].astype(np.float32)
        values -= values[0].copy()  # a dead pixel is exactly 0
        part = slow @ values
        variance[row] = np.einsum("tx,tx->x", values, values) - np.einsum("tx,tx->x", part, part)
    return np.maximum(variance, 0) / (n - len(slow))


def pixel_noise(segments: Iterable[tuple[int, np.ndarray]], shape: tuple[int, int]) -> np.ndarray:
    """Return the noise of every pixel from segments of the movie.

    Parameters
    ----------
    segments : iterable of (int, ndarray of float64, shape (height, width))
        Number of frames, and their `fast_variance`, of stretches spread over the recording. The
        cost depends on how many there are, not on the length of the recording.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    ndarray of float32, shape (height, width)
        In the unit of the movie; 0 where a pixel never changes (dead or saturated).
    """
    total, count = np.zeros(shape), 0
    for n_frames, variance in segments:
        total += n_frames * variance
        count += n_frames
    if not count:
        raise ValueError("no stretch of good frames to measure the noise of pixels on")
    return np.sqrt(total / count).astype(np.float32)


def trace_noise(traces: np.ndarray, fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the noise of traces (unit_id, frame), NaN at missing frames allowed."""
    missing = np.isnan(traces).mean(axis=1)
    noise = band_noise(fill_gaps(traces).T, fps_hz, cutoff_hz) if len(traces) else np.zeros(0)
    # Filled frames have no fast part.
    return noise / np.sqrt(np.maximum(1 - missing, 1e-6))
