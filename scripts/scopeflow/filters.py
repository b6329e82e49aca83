"""Splitting traces into slow signal and fast noise, and their spectra.

SciPy has both, in a package whose import takes longer than the work of most steps that need it.
"""

import numba
import numpy as np
from scipy import fft

from scopeflow.errors import InputError


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


def chosen_cutoff_hz(given: float | None, fps_hz: float, section: str) -> float:
    """Return the cut-off in Hz of `noise_cutoff_hz`, or the default where it is None.

    Parameters
    ----------
    given : float or None
        Value of the setting, in Hz.
    fps_hz : float
        Frame rate in Hz.
    section : str
        Of the setting, for the message.

    Raises
    ------
    InputError
        Where it is not below half the frame rate.
    """
    if given is None:
        return default_cutoff_hz(fps_hz)
    if given >= fps_hz / 2:
        raise InputError(
            f"{section}.noise_cutoff_hz is {given:g} Hz; it must be below half the frame rate, "
            f"which is {fps_hz / 2:g} Hz here. Lower it, or leave it out."
        )
    return given


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

    Raises
    ------
    ValueError
        For a cut-off that is not within 0 and half the frame rate.

    Notes
    -----
    A Butterworth filter of order 2 run forward and backward: no ringing and no wrapping of
    the end of a recording into its start, unlike a cut in the Fourier domain. Traces go on
    beyond both ends as their reflection through the end point.
    """
    if not 0 < cutoff_hz < fps_hz / 2:
        raise ValueError(f"cut-off of {cutoff_hz:g} Hz is not within 0 and {fps_hz / 2:g} Hz")
    n_frames = traces.shape[-1]
    pad = min(int(3 * fps_hz / cutoff_hz), n_frames - 1)
    lines = np.ascontiguousarray(traces, dtype=np.float64).reshape(-1, n_frames)
    out = np.empty_like(lines)
    _forward_and_backward(lines, *_butterworth(cutoff_hz / fps_hz), pad, out)
    return out.reshape(traces.shape)


def _butterworth(cutoff: float) -> tuple[float, float, float]:
    """Return b0, a1 and a2 of the filter of order 2 (b1 = 2 b0, b2 = b0), in cycles per frame."""
    k = np.tan(np.pi * cutoff)
    norm = 1 / (1 + np.sqrt(2) * k + k**2)
    return k**2 * norm, 2 * (k**2 - 1) * norm, (1 - np.sqrt(2) * k + k**2) * norm


@numba.njit(nogil=True, cache=True)
def _forward_and_backward(traces, b0, a1, a2, pad, out):
    n = traces.shape[1]
    line = np.empty(n + 2 * pad)
    for k in range(len(traces)):
        trace = traces[k]
        line[pad : pad + n] = trace
        for i in range(pad):
            line[i] = 2 * trace[0] - trace[pad - i]
            line[pad + n + i] = 2 * trace[n - 1] - trace[n - 2 - i]
        _filter(line, b0, a1, a2, 0, 1)
        _filter(line, b0, a1, a2, len(line) - 1, -1)
        out[k] = line[pad : pad + n]


@numba.njit(nogil=True, cache=True)
def _filter(line, b0, a1, a2, i, step):
    """Filter a line in place from sample `i` on, as if its first value had been there for ever."""
    # Transposed direct form II; a constant passes unchanged.
    first, second = (1 - b0) * line[i], (b0 - a2) * line[i]
    for _ in range(len(line)):
        x = line[i]
        y = b0 * x + first
        first = 2 * b0 * x - a1 * y + second
        second = b0 * x - a2 * y
        line[i] = y
        i += step


def spectra(traces: np.ndarray, fps_hz: float, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of traces at each frequency, by Welch's method.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, frame)
        Free of NaN.
    fps_hz : float
        Frame rate in Hz.
    length : int
        Frames of each piece, at least 2 and at most all; pieces overlap by half, are freed of
        their straight line and weighted by a Hann window.

    Returns
    -------
    freqs : ndarray of float64, shape (frequency,)
        In Hz, without 0.
    power : ndarray of float64, shape (trace, frequency)
        In squares of the traces' unit, per Hz.
    """
    frames = np.arange(length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * frames / length)
    slope = frames - frames.mean()
    slope /= np.linalg.norm(slope)
    starts = range(0, traces.shape[1] - length + 1, length - length // 2)
    power = np.zeros((len(traces), length // 2 + 1))
    for start in starts:
        piece = traces[:, start : start + length].astype(np.float64)
        piece -= piece.mean(axis=1, keepdims=True)
        piece -= np.outer(piece @ slope, slope)
        power += np.abs(fft.rfft(piece * window, axis=1, workers=1)) ** 2
    power *= 2 / (len(starts) * fps_hz * (window @ window))
    if length % 2 == 0:
        power[:, -1] /= 2  # half the frame rate has no negative twin
    return fft.rfftfreq(length, 1 / fps_hz)[1:], power[:, 1:]
