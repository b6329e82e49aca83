"""Temporal update of one unit: calcium and activity from its raw trace, exactly.

Source: the paper, "Temporal update", with the residual squared as in its text.
"""

from dataclasses import dataclass

import numba
import numpy as np

MAX_ITERATIONS = 60
GAP = 1e-6  # duality gap relative to the objective at which the solver stops

# Frames without weight take no activity: it is held at zero by a stiff spring.
STIFF = 1e6


@dataclass
class Fit:
    """What was fitted to one trace, in the unit of the trace.

    Attributes
    ----------
    c : ndarray of float64, shape (frame,)
        Calcium, without baseline and first decay.
    s : ndarray of float64, shape (frame,)
        ``G c``: the activity that drives it; >= 0.
    b0 : float
        Baseline.
    c0 : float
        Calcium at the first frame that stems from before the recording.
    objective : float
        Value of the problem in units of the noise.
    """

    c: np.ndarray
    s: np.ndarray
    b0: float
    c0: float
    objective: float


def coefficients(tau_decay_s: float, tau_rise_s: float, fps_hz: float) -> np.ndarray:
    """Return the autoregressive coefficients g of a rise and a decay time.

    Parameters
    ----------
    tau_decay_s, tau_rise_s : float
        In s; a rise time of 0 gives a model of order 1.
    fps_hz : float
        Frame rate in Hz.

    Returns
    -------
    ndarray of float64, shape (2,)
        ``c[t] = g[0] c[t-1] + g[1] c[t-2] + s[t]``, the sampled form of
        ``exp(-t / tau_decay) - exp(-t / tau_rise)``.
    """
    slow = np.exp(-1 / (tau_decay_s * fps_hz))
    fast = np.exp(-1 / (tau_rise_s * fps_hz)) if tau_rise_s > 0 else 0.0
    return np.array([slow + fast, -slow * fast])


def roots(g: np.ndarray) -> tuple[float, float]:
    """Return the larger and the smaller root of a stable model with real roots."""
    half = np.sqrt(max(g[0] ** 2 + 4 * g[1], 0))
    return (g[0] + half) / 2, (g[0] - half) / 2


def impulse_response(g: np.ndarray, n_frames: int) -> np.ndarray:
    """Return the calcium that one unit of activity at frame 0 leaves, shape (frame,)."""
    slow, fast = roots(g)
    k = np.arange(1, n_frames + 1)
    if slow - fast < 1e-9:
        return k * slow ** (k - 1.0)
    return (slow**k - fast**k) / (slow - fast)


def response_norms(g: np.ndarray) -> tuple[float, float]:
    """Return the Euclidean norm and the peak of the impulse response."""
    slow = roots(g)[0]
    n = int(min(max(20 / max(-np.log(slow), 1e-4), 20), 200_000)) if slow > 0 else 20
    h = impulse_response(g, n)
    return float(np.linalg.norm(h)), float(h.max())


def deconvolve(
    y: np.ndarray, g: np.ndarray, sigma: float, z: float = 2.0, rescale: bool = True
) -> Fit:
    """Fit calcium, activity, baseline and first decay to a raw trace.

    Parameters
    ----------
    y : ndarray of float, shape (frame,)
        Raw trace; NaN at frames without weight.
    g : ndarray of float, shape (2,)
        Autoregressive coefficients with roots in [0, 1).
    sigma : float
        Noise of the trace, > 0.
    z : float, optional
        Sparseness penalty, in standard deviations of the noise of ``h' y / |h|``.
    rescale : bool, optional
        Undo the penalty's shrinkage by a factor and an intercept, fitted by least squares
        (the paper's post-hoc scaling).

    Returns
    -------
    Fit

    Notes
    -----
    Solves ``min 1/2 sum_t w_t (y - c - b0 - c0 d)_t^2 + lambda 1' G c`` subject to ``G c >=
    0, c0 >= 0, b0 >= min y``, with ``d_t = (largest root)^t``, ``lambda = z sigma |h|_2`` and
    h the impulse response. Invariant: a gain and an offset of y are those of the result,
    and lambda does not depend on the length of the recording. The published code does not
    square the residual's norm, so that its penalty grows with the length.

    A gap of missing frames needs no special case: the model decays through it.
    """
    weight = np.isfinite(y)
    n = len(y)
    if weight.sum() < 3 or sigma <= 0:
        return Fit(
            np.zeros(n), np.zeros(n), float(np.nanmean(y)) if weight.any() else 0.0, 0.0, 0.0
        )
    lowest = float(np.nanmin(y))
    scaled = np.where(weight, (y - lowest) / sigma, 0.0)
    norm, _ = response_norms(g)
    slow = roots(g)[0]
    decay = slow ** np.arange(n, dtype=np.float64)
    c, b0, c0, objective = _interior_point(
        scaled, weight.astype(np.float64), float(g[0]), float(g[1]), decay, z * norm
    )
    s = _driving(c, float(g[0]), float(g[1]))
    s[~weight] = 0
    s[s < 1e-4 * z * norm / (norm * norm)] = 0  # an interior point never touches zero
    c = _calcium(s, float(g[0]), float(g[1]))
    if rescale:
        factor, b0 = undo_shrinkage(scaled[weight], (c + c0 * decay)[weight], b0)
        c, s, c0 = factor * c, factor * s, factor * c0
    return Fit(c * sigma, s * sigma, b0 * sigma + lowest, c0 * sigma, objective)


def undo_shrinkage(y: np.ndarray, fit: np.ndarray, b0: float) -> tuple[float, float]:
    """Return the factor >= 0 and the intercept that bring a fit nearest to a trace >= 0."""
    centred = fit - fit.mean()
    power = centred @ centred
    if power <= 0:
        return 1.0, b0
    factor = max(centred @ (y - y.mean()) / power, 0.0)
    return factor, max(float(y.mean() - factor * fit.mean()), 0.0)


@numba.njit(nogil=True, cache=True)
def _driving(c, g1, g2):
    """G c: the activity that drives the calcium c."""
    s = np.empty_like(c)
    for t in range(len(c)):
        s[t] = c[t]
        if t > 0:
            s[t] -= g1 * c[t - 1]
        if t > 1:
            s[t] -= g2 * c[t - 2]
    return s


@numba.njit(nogil=True, cache=True)
def _calcium(s, g1, g2):
    """The calcium that the activity s drives: the inverse of `_driving`."""
    c = np.empty_like(s)
    for t in range(len(s)):
        c[t] = s[t]
        if t > 0:
            c[t] += g1 * c[t - 1]
        if t > 1:
            c[t] += g2 * c[t - 2]
    return c


@numba.njit(nogil=True, cache=True)
def _adjoint(v, g1, g2):
    """G' v."""
    n = len(v)
    out = np.empty_like(v)
    for t in range(n):
        out[t] = v[t]
        if t + 1 < n:
            out[t] -= g1 * v[t + 1]
        if t + 2 < n:
            out[t] -= g2 * v[t + 2]
    return out


@numba.njit(nogil=True, cache=True)
def _factor(weight, curve, g1, g2):
    """Factor diag(weight) + G' diag(curve) G as L D L': 1 / D, and the diagonals below L's."""
    n = len(weight)
    inverse, one, two = np.empty(n), np.zeros(n), np.zeros(n)
    for t in range(n):
        m = weight[t] + curve[t]
        if t + 1 < n:
            m += g1 * g1 * curve[t + 1]
        if t + 2 < n:
            m += g2 * g2 * curve[t + 2]
        a = 0.0  # entry (t, t-1)
        if t > 0:
            a = -g1 * curve[t]
            if t + 1 < n:
                a += g1 * g2 * curve[t + 1]
        if t > 1:
            b = -g2 * curve[t]  # entry (t, t-2)
            two[t] = b * inverse[t - 2]
            m -= two[t] * b
            a -= one[t - 1] * b
        if t > 0:
            one[t] = a * inverse[t - 1]
            m -= one[t] * a
        inverse[t] = 1 / max(m, 1e-300)
    return inverse, one, two


@numba.njit(nogil=True, cache=True)
def _solve(inverse, one, two, first, second, third):
    """Solve for three right sides with the factors of `_factor`.

    Each is a chain in which a step waits for the one before; three side by side take
    little longer than one.
    """
    n = len(first)
    x, y, z = np.empty(n), np.empty(n), np.empty(n)
    x1 = x2 = y1 = y2 = z1 = z2 = 0.0
    for t in range(n):
        a, b = one[t], two[t]
        x1, x2 = first[t] - b * x2 - a * x1, x1
        y1, y2 = second[t] - b * y2 - a * y1, y1
        z1, z2 = third[t] - b * z2 - a * z1, z1
        x[t], y[t], z[t] = x1, y1, z1
    x1 = x2 = y1 = y2 = z1 = z2 = a = b = b_next = 0.0
    for t in range(n - 1, -1, -1):
        d = inverse[t]
        x1, x2 = x[t] * d - b * x2 - a * x1, x1
        y1, y2 = y[t] * d - b * y2 - a * y1, y1
        z1, z2 = z[t] * d - b * z2 - a * z1, z1
        x[t], y[t], z[t] = x1, y1, z1
        a, b, b_next = one[t], b_next, two[t]
    return x, y, z


@numba.njit(nogil=True, cache=True)
def _longest_step(value, change, free):
    """Largest step up to 1 that keeps values positive, with a margin."""
    step = 1.0
    for t in range(len(value)):
        if free[t] and value[t] + step * change[t] < 0.005 * value[t]:
            step = -0.995 * value[t] / change[t]
    return step


@numba.njit(nogil=True, cache=True)
def _interior_point(y, weight, g1, g2, decay, penalty):
    """Primal-dual interior point; y >= 0 in units of the noise. Returns c, b0, c0, objective.

    Unknowns are c (banded, eliminated by its factors) and b0, c0 (a border of 2). At frames
    without weight the activity is held at 0 by a spring instead of a multiplier.
    """
    n = len(y)
    free = weight > 0
    n_free = free.sum()
    faded = weight * decay
    sum_w, sum_d, sum_dd = weight.sum(), faded.sum(), (faded * decay).sum()
    cost = penalty * _adjoint(np.ones(n), g1, g2)
    mean = (y * weight).sum() / n_free
    s = np.where(free, 0.1, 0.0)
    c = _calcium(s, g1, g2)
    level = max(0.5 * mean / max(c.mean(), 1e-9), 1e-6)
    s, c = s * level, c * level
    b0, c0 = max(0.3 * mean, 1e-3), max(0.1 * mean, 1e-3)
    mu = np.where(free, penalty, 0.0)
    mu_b, mu_c = 1.0, 1.0
    objective, centring = 0.0, 0.1
    residual, held, curve = np.empty(n), np.empty(n), np.empty(n)
    for _ in range(MAX_ITERATIONS):
        gap, sum_s = b0 * mu_b + c0 * mu_c, 0.0
        square = sum_r = sum_rd = 0.0
        for t in range(n):
            r = weight[t] * (y[t] - c[t] - b0 - c0 * decay[t])
            residual[t] = r
            square += r * r
            sum_r += r
            sum_rd += r * decay[t]
            if free[t]:
                gap += s[t] * mu[t]
                sum_s += s[t]
        objective = 0.5 * square + penalty * sum_s
        spring = STIFF * _driving(c, g1, g2)
        for t in range(n):
            held[t] = mu[t] if free[t] else -spring[t]
        slope = cost - residual - _adjoint(held, g1, g2)
        slope_b, slope_c = -sum_r - mu_b, -sum_rd - mu_c
        infeasible = max(np.abs(slope).max(), abs(slope_b) / n_free, abs(slope_c) / n_free)
        if gap < GAP * (1 + objective) and infeasible < 1e-6 * (1 + penalty):
            break
        target = centring * gap / (n_free + 2)
        for t in range(n):
            curve[t] = mu[t] / s[t] if free[t] else STIFF
            held[t] = target / s[t] if free[t] else -spring[t]
        right = residual - cost + _adjoint(held, g1, g2)
        right_b = -slope_b + target / b0 - mu_b
        right_c = -slope_c + target / c0 - mu_c
        inverse, one, two = _factor(weight, curve, g1, g2)
        by_b, by_c, plain = _solve(inverse, one, two, weight, faded, right)
        # Border: b0 and c0 after c is eliminated.
        bb = sum_w + mu_b / b0 - weight @ by_b
        bc = sum_d - faded @ by_b
        cc = sum_dd + mu_c / c0 - faded @ by_c
        rest_b = right_b - weight @ plain
        rest_c = right_c - faded @ plain
        det = max(bb * cc - bc * bc, 1e-300)
        step_b = (cc * rest_b - bc * rest_c) / det
        step_c = (bb * rest_c - bc * rest_b) / det
        step = plain - by_b * step_b - by_c * step_c
        move = _driving(step, g1, g2)
        mu_move = held  # no longer needed
        for t in range(n):
            mu_move[t] = held[t] - mu[t] - curve[t] * move[t] if free[t] else 0.0
            move[t] = move[t] if free[t] else 0.0
        mu_b_move = (target - mu_b * step_b) / b0 - mu_b
        mu_c_move = (target - mu_c * step_c) / c0 - mu_c
        ends, end_moves = (
            np.array([b0, c0, mu_b, mu_c]),
            np.array([step_b, step_c, mu_b_move, mu_c_move]),
        )
        # One length for all: the problem is quadratic.
        length = min(
            _longest_step(s, move, free),
            _longest_step(mu, mu_move, free),
            _longest_step(ends, end_moves, ends > 0),
        )
        centring = min(max(1 - length, 0.05), 0.5)  # a short step: too near to a bound
        c += length * step
        s += length * move
        mu += length * mu_move
        b0 += length * step_b
        c0 += length * step_c
        mu_b += length * mu_b_move
        mu_c += length * mu_c_move
    return c, b0, c0, objective
