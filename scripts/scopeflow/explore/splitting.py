"""Traces split at a frequency, and their spectra."""

import numpy as np

from scopeflow import filters

RESOLUTION_S = 20.0  # length of the pieces that a spectrum is averaged over


def split(traces: np.ndarray, fps_hz: float, cutoff_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of traces below and above a frequency.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, frame)
        NaN allowed where frames are missing.
    fps_hz, cutoff_hz : float
        Frame rate and cut-off in Hz.

    Returns
    -------
    slow, fast : ndarray of float64, shape (trace, frame)
        The slow part with the trace's median taken off.
    """
    filled = filters.fill_gaps(traces.astype(np.float64))
    slow = filters.low_pass(filled, fps_hz, min(cutoff_hz, 0.49 * fps_hz))
    return slow - np.median(filled, axis=1, keepdims=True), filled - slow


def spectra(traces: np.ndarray, fps_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in Hz, and the power of traces at each, in counts^2 / Hz.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, frame)
        NaN allowed.
    fps_hz : float
        Frame rate in Hz.

    Returns
    -------
    freqs : ndarray of float64, shape (frequency,)
        Without 0.
    power : ndarray of float64, shape (trace, frequency)
    """
    filled = filters.fill_gaps(traces.astype(np.float64))
    length = int(min(filled.shape[1], max(RESOLUTION_S * fps_hz, 16)))
    return filters.spectra(filled, fps_hz, length)


def spread(values: np.ndarray, n: int, page: int = 0) -> np.ndarray:
    """Return the positions of `n` values spread evenly over all, from least to largest.

    Parameters
    ----------
    values : ndarray of float
        What to spread over.
    n : int
        How many, at most.
    page : int, optional
        Other ones, as many times as there are.
    """
    order = np.argsort(values, kind="stable")
    if len(order) <= n:
        return order
    step = len(order) / n
    return order[(np.arange(n) * step + page % max(int(step), 1)).astype(int)]
