"""Splitting traces into slow signal and fast noise."""

import numpy as np
from scipy import signal


def default_cutoff_hz(fps_hz: float, tau_rise_s: float = 0.1) -> float:
    """Return the frequency that separates signal from noise.

    Parameters
    ----------
    fps_hz : float
        Frame rate in Hz.
    tau_rise_s : float, optional
        Rise time of the indicator in s.

    Returns
    -------
    float
        ``min(1 / (2 pi tau_rise_s), fps_hz / 4)`` in Hz.
    """
    return min(1 / (2 * np.pi * tau_rise_s), fps_hz / 4)


def fill_gaps(traces: np.ndarray) -> np.ndarray:
    """Replace NaN by the straight line between the values around it, trace by trace."""
    missing = np.isnan(traces)
    if not missing.any():
        return traces
    filled = traces.copy()
    frames = np.arange(traces.shape[1])
    for trace, gaps in zip(filled, missing, strict=True):
        if gaps.any() and not gaps.all():
            trace[gaps] = np.interp(frames[gaps], frames[~gaps], trace[~gaps])
    return np.nan_to_num(filled)


def low_pass(traces: np.ndarray, fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the part of traces below a frequency, without shifting it in time.

    Parameters
    ----------
    traces : ndarray of float, shape (..., frame)
        Free of NaN.
    fps_hz, cutoff_hz : float
        Frame rate and cut-off in Hz; ``0 < cutoff_hz < fps_hz / 2``.

    Returns
    -------
    ndarray of float, same shape
        A copy; the input is never changed.

    Notes
    -----
    A Butterworth filter of order 2 run forward and backward: no ringing and no wrapping of
    the end of a recording into its start, unlike a cut in the Fourier domain.
    """
    sections = signal.butter(2, cutoff_hz, fs=fps_hz, output="sos")
    pad = min(int(3 * fps_hz / cutoff_hz), traces.shape[-1] - 1)
    return signal.sosfiltfilt(sections, traces, axis=-1, padlen=pad)
