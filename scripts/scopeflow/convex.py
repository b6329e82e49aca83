"""The temporal problems written for CVXPY: a reference, and the paper's own form."""

import cvxpy as cp
import numpy as np
from scipy import sparse

from scopeflow.deconvolve import Fit, response_norms, roots, undo_shrinkage


def deconvolve_reference(
    y: np.ndarray, g: np.ndarray, sigma: float, z: float = 2.0, rescale: bool = True
) -> Fit:
    """Solve the problem of `scopeflow.deconvolve.deconvolve` with a general solver.

    Parameters and result are the same.
    """
    weight = np.isfinite(y)
    lowest = float(np.nanmin(y))
    scaled = np.where(weight, (y - lowest) / sigma, 0.0)
    c, b0, c0, decay, G = _unknowns(len(y), g)
    residual = cp.multiply(weight.astype(float), scaled - c - b0 - c0 * decay)
    cost = 0.5 * cp.sum_squares(residual) + z * response_norms(g)[0] * cp.sum(G @ c)
    limits = [G @ c >= 0, c0 >= 0, b0 >= 0]
    if not weight.all():
        limits.append((G @ c)[~weight] == 0)
    problem = cp.Problem(cp.Minimize(cost), limits)
    problem.solve(solver=cp.CLARABEL)
    factor, level = 1.0, float(b0.value)
    if rescale:
        fit = c.value + c0.value * decay
        factor, level = undo_shrinkage(scaled[weight], fit[weight], level)
    s = np.maximum(G @ c.value, 0)
    return Fit(
        factor * c.value * sigma,
        factor * s * sigma,
        level * sigma + lowest,
        factor * float(c0.value) * sigma,
        problem.value,
    )


def deconvolve_published(
    y: np.ndarray, g: np.ndarray, sigma: float, sparse_penalty: float, scale: float
) -> Fit:
    """Solve the paper's temporal problem in the form that its code solves.

    Parameters
    ----------
    y : ndarray of float, shape (frame,)
        Raw trace (never smoothed, which the published code does by accident); NaN at
        missing frames.
    g : ndarray of float, shape (2,)
        Autoregressive coefficients.
    sigma : float
        Noise of the trace.
    sparse_penalty : float
        As in the paper.
    scale : float
        What the trace is divided by first: the mean of the traces of its group.

    Returns
    -------
    Fit

    Notes
    -----
    ``min |y - c - b0 - c0 d|_2 + sparse_penalty sigma |G c|_1`` with ``G c >= 0, c0 >= 0, b0
    >= min y``, after the division. The norm is not squared: results
    change with the length of the recording and with an offset of the trace.
    """
    weight = np.isfinite(y)
    scaled = np.where(weight, y / scale, 0.0)
    c, b0, c0, decay, G = _unknowns(len(y), g)
    residual = cp.multiply(weight.astype(float), scaled - c - b0 - c0 * decay)
    cost = cp.norm(residual, 2) + sparse_penalty * sigma / scale * cp.sum(G @ c)
    limits = [G @ c >= 0, c0 >= 0, b0 >= float(np.nanmin(y)) / scale]
    problem = cp.Problem(cp.Minimize(cost), limits)
    problem.solve(solver=cp.CLARABEL)
    if c.value is None:
        n = len(y)
        return Fit(np.zeros(n), np.zeros(n), float(np.nanmedian(y)), 0.0, np.inf)
    s = G @ c.value
    s[s < 1e-6 * max(s.max(), 1e-12)] = 0
    return Fit(
        np.maximum(c.value, 0) * scale,
        s * scale,
        float(b0.value) * scale,
        float(c0.value) * scale,
        problem.value,
    )


def _unknowns(n: int, g: np.ndarray):
    """Return the unknowns c, b0, c0, the first decay d, and the matrix G."""
    ones = np.ones(n)
    diagonals = [ones, -g[0] * ones[1:], -g[1] * ones[2:]]
    G = sparse.diags_array(diagonals, offsets=[0, -1, -2], shape=(n, n), format="csc")
    decay = roots(g)[0] ** np.arange(n)
    return cp.Variable(n), cp.Variable(), cp.Variable(), decay, G
