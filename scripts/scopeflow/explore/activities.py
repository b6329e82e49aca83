"""Calcium and activity of single units under any setting of the temporal update."""

from dataclasses import dataclass

import numpy as np

from scopeflow.autoregression import unit_coefficients
from scopeflow.deconvolve import (
    coefficients,
    deconvolve,
    impulse_response,
    response_norms,
    roots,
)
from scopeflow.filters import fill_gaps

SHORT = 1e-6  # a root below it is no rise at all
PULSE_DECAYS = 5.0  # length of the pulse response that is shown, in decay times


@dataclass(frozen=True)
class Course:
    """What is fitted to a raw trace; all of shape (frame,) and in counts.

    Attributes
    ----------
    raw : ndarray of float64
        The trace, NaN at missing frames.
    fit : ndarray of float64
        Calcium with baseline and first decay.
    C, S : ndarray of float64
        Calcium; height of the transient that starts at each frame.
    g : ndarray of float64, shape (2,)
        Coefficients of the model.
    tau_decay_s, tau_rise_s : float
        Its time constants in s; a rise of 0 is a model of order 1.
    """

    raw: np.ndarray
    fit: np.ndarray
    C: np.ndarray
    S: np.ndarray
    g: np.ndarray
    tau_decay_s: float
    tau_rise_s: float


def fitted(y: np.ndarray, sigma: float, g: np.ndarray, penalty: float, fps_hz: float) -> Course:
    """Fit calcium and activity to one raw trace, exactly as the rule does.

    Parameters
    ----------
    y : ndarray of float, shape (frame,)
        Raw trace in counts; NaN at frames left out.
    sigma : float
        Its noise in counts.
    g : ndarray of float, shape (2,)
        Coefficients of the model.
    penalty : float
        Sparseness penalty in standard deviations of the noise.
    fps_hz : float
        Frame rate in Hz.
    """
    y = np.asarray(y, dtype=np.float64)
    found = deconvolve(y, g, sigma, penalty)
    slow, fast = roots(g)
    decay = slow ** np.arange(len(y), dtype=np.float64)
    return Course(
        y,
        found.c + found.b0 + found.c0 * decay,
        found.c,
        response_norms(g)[1] * found.s,
        g,
        time_constant_s(slow, fps_hz),
        time_constant_s(fast, fps_hz),
    )


def time_constant_s(root: float, fps_hz: float) -> float:
    """Return the time in s in which a root of the model lets calcium fall to 1 / e."""
    return float(-1 / np.log(root) / fps_hz) if SHORT < root < 1 else 0.0


def own_coefficients(
    y: np.ndarray, sigma: float, order: int, add_lag: int, fps_hz: float, cutoff_hz: float
) -> np.ndarray:
    """Return the coefficients estimated from one unit's trace, as with ``kinetics: unit``."""
    filled = fill_gaps(np.asarray(y, dtype=np.float64)[None])[0]
    return unit_coefficients(filled, sigma, order, add_lag, fps_hz, cutoff_hz)


def shared_coefficients(tau_decay_s: float, tau_rise_s: float, fps_hz: float) -> np.ndarray:
    """Return the coefficients of time constants; a rise not shorter than the decay is refused.

    Raises
    ------
    ValueError
        If the rise is not shorter than the decay.
    """
    if tau_rise_s >= tau_decay_s:
        raise ValueError(
            f"the rise ({tau_rise_s:.3g} s) must be shorter than the decay ({tau_decay_s:.3g} s)"
        )
    return coefficients(tau_decay_s, tau_rise_s, fps_hz)


def pulse(g: np.ndarray, fps_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the calcium after one pulse of activity, peak 1, and its times in s."""
    slow = roots(g)[0]
    decay_frames = -1 / np.log(slow) if SHORT < slow < 1 else 1.0
    n = int(np.clip(PULSE_DECAYS * decay_frames, 5, 20_000))
    response = impulse_response(g, n)
    time_s = np.arange(-1, n) / fps_hz
    return time_s, np.append(0.0, response / max(response.max(), 1e-12))
