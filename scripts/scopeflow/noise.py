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


def pixel_noise(segments: Iterable[np.ndarray], fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the noise of every pixel from segments of the movie.

    Parameters
    ----------
    segments : iterable of ndarray, shape (frame, height, width)
        Stretches of good frames, spread over the recording; those under 8 frames are left
        out. The cost depends on how many there are, not on the length of the recording.
    fps_hz, cutoff_hz : float
        Frame rate and lower end of the band in Hz.

    Returns
    -------
    ndarray of float32, shape (height, width)
        In the unit of the movie; 0 where a pixel never changes (dead or saturated).
    """
    total, count = 0.0, 0
    for frames in segments:
        if len(frames) < 8:
            continue
        # Row by row of the image, so that the transform's arrays stay small.
        rows = [
            band_noise(frames[:, row].astype(np.float32), fps_hz, cutoff_hz) ** 2
            for row in range(frames.shape[1])
        ]
        total = total + len(frames) * np.stack(rows)
        count += len(frames)
    if not count:
        raise ValueError("no stretch of 8 good frames to measure the noise of pixels on")
    return np.sqrt(total / count).astype(np.float32)


def trace_noise(traces: np.ndarray, fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the noise of traces (unit_id, frame), NaN at missing frames allowed."""
    missing = np.isnan(traces).mean(axis=1)
    noise = band_noise(fill_gaps(traces).T, fps_hz, cutoff_hz) if len(traces) else np.zeros(0)
    # Filled frames have no fast part.
    return noise / np.sqrt(np.maximum(1 - missing, 1e-6))
