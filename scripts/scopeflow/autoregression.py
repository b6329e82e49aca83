"""Kinetics of single units from the autocovariance of their traces, as in the paper."""

import numpy as np
from scipy import linalg

from scopeflow.deconvolve import roots
from scopeflow.filters import low_pass

ROOT_MAX = 0.9995  # slower decays cannot be told from a drifting baseline


def unit_coefficients(
    trace: np.ndarray,
    sigma: float,
    order: int,
    add_lag: int,
    fps_hz: float,
    cutoff_hz: float | None,
) -> np.ndarray:
    """Estimate the autoregressive coefficients of one trace.

    Parameters
    ----------
    trace : ndarray of float, shape (frame,)
        Raw trace, free of NaN.
    sigma : float
        Its noise.
    order : {1, 2}
        Of the model.
    add_lag : int
        Lags used beyond the order.
    fps_hz, cutoff_hz : float
        Frame rate, and the cut-off of the smoothing that precedes the estimate, in Hz.
        None leaves the trace as it is and takes the noise off the covariance instead.

    Returns
    -------
    ndarray of float64, shape (2,)
        With real roots in [0, 1); the published code lets unstable models pass.

    Notes
    -----
    Least squares on ``r_k = g_1 r_(k-1) + g_2 r_(k-2)`` over lags 1 ... order + add_lag.
    """
    used = trace if cutoff_hz is None else low_pass(trace[None], fps_hz, cutoff_hz)[0]
    centred = used - used.mean()
    n, n_lags = len(centred), order + add_lag
    n_lags = min(n_lags, n - 1)
    full = np.correlate(centred, centred[:n], "full")[n - 1 :][: n_lags + 1] / n
    if cutoff_hz is None:
        full[0] = max(full[0] - sigma**2, 1e-12)
    if full[0] <= 0:
        return np.array([0.5, 0.0])
    rows = linalg.toeplitz(full[:n_lags], full[:order])
    g = np.zeros(2)
    g[:order] = linalg.lstsq(rows, full[1 : n_lags + 1])[0]
    return stable(g)


def stable(g: np.ndarray) -> np.ndarray:
    """Return the model with real roots in [0, 1) that is nearest in its roots."""
    slow, fast = roots(g)
    slow = float(np.clip(slow, 0.0, ROOT_MAX))
    fast = float(np.clip(fast, 0.0, slow))
    return np.array([slow + fast, -slow * fast])
