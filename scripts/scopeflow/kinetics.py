"""Rise and decay time of the indicator, shared by the units of a session.

Estimated cell by cell, the kinetics are what limits deconvolution most; the indicator is the
same in all cells of a session, so that good units are pooled. First their mean spectrum is
fitted (Whittle likelihood), which assumes spikes without memory; then the temporal problem
itself decides on the decay, which slow changes of activity lengthen in a spectrum: the one
under which its optimum is lowest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from scopeflow.deconvolve import coefficients, deconvolve
from scopeflow.filters import fill_gaps, spectra

# Common indicators (GCaMP6f in one-photon recordings), where a session has too few units.
PRIOR_DECAY_S, PRIOR_RISE_S = 0.6, 0.07

UNITS_MIN = 10  # fewer good units are not enough to go by
UNITS_MAX = 16  # used for the second step, of at most FRAMES_MAX frames each
FRAMES_MAX = 2000
RISE_MAX = 1 / 3  # of the decay: bursts look like a slow rise in a spectrum
Z_KINETICS = 4.0  # sparseness penalty of the second step
PEAK_MIN = 6.0  # in noises: dimmer transients are lost to that penalty, and mislead
SEARCH = (0.25, 1.25)  # of the first step's decay: slow modulation of activity lengthens it


@dataclass(frozen=True)
class Kinetics:
    """Time constants of an indicator and where they come from.

    Attributes
    ----------
    tau_decay_s, tau_rise_s : float
        In s; a rise time of 0 stands for a model of order 1.
    decay_interval_s, rise_interval_s : tuple of float
        10th and 90th percentile over halves of the units; equal to the value where nothing
        was estimated.
    source : str
        ``"spectrum and fit of N units"``, ``"prior"`` or ``"given"``.
    """

    tau_decay_s: float
    tau_rise_s: float
    decay_interval_s: tuple[float, float]
    rise_interval_s: tuple[float, float]
    source: str

    @classmethod
    def fixed(cls, tau_decay_s: float, tau_rise_s: float, source: str) -> "Kinetics":
        """Return kinetics that were not estimated."""
        decay, rise = float(tau_decay_s), float(tau_rise_s)
        return cls(decay, rise, (decay, decay), (rise, rise), source)


def pooled_kinetics(
    traces: np.ndarray, sigma: np.ndarray, fps_hz: float, order: int | None, seed: int
) -> Kinetics:
    """Estimate the kinetics that a session's good units share.

    Parameters
    ----------
    traces : ndarray of float, shape (unit_id, frame)
        Raw traces of bright and isolated units, NaN at missing frames.
    sigma : ndarray of float, shape (unit_id,)
        Their noise.
    fps_hz : float
        Frame rate in Hz.
    order : {1, 2, None}
        Order of the model; None takes 1 when the rise is under half a frame.
    seed : int
        Of the halves that the intervals are taken over.

    Returns
    -------
    Kinetics
        The prior, where there are fewer than ten units.
    """
    traces, sigma = traces[sigma > 0], sigma[sigma > 0]
    if len(traces) < UNITS_MIN:
        rise = 0.0 if order == 1 else PRIOR_RISE_S
        return Kinetics.fixed(PRIOR_DECAY_S, rise, "prior")
    scaled = traces / sigma[:, None]
    filled = fill_gaps(scaled)
    length = int(min(filled.shape[1], max(64, 2 ** round(np.log2(40 * fps_hz)))))
    freqs, power = spectra(filled, fps_hz, length)
    params = _whittle(freqs, power.mean(axis=0), fps_hz, order)
    start = _times(params, order)
    decay, rise = start
    bright = scaled[_peak(scaled) >= PEAK_MIN][:UNITS_MAX, :FRAMES_MAX]
    if len(bright) >= UNITS_MIN:
        decay, rise = _times_of_lowest_optimum(bright, start, fps_hz)
    if order is None and rise < 0.5 / fps_hz:
        rise = 0.0
    rng = np.random.default_rng(seed)
    halves = []
    for _ in range(20):
        half = power[rng.permutation(len(power))[: len(power) // 2]].mean(axis=0)
        used = _used(freqs, start[0])
        halves.append(_times(_fit_spectrum(freqs, half, used, fps_hz, order, params)[1], order))
    # The spread of the first step, around the value of the second.
    spread = np.quantile(np.array(halves), [0.1, 0.9], axis=0) / np.maximum(start, 1e-9)
    return Kinetics(
        float(decay),
        float(rise),
        tuple(float(x) for x in decay * spread[:, 0]),
        tuple(float(x) for x in rise * spread[:, 1]),
        f"spectrum and fit of {len(traces)} units",
    )


def _peak(scaled: np.ndarray) -> np.ndarray:
    """Return the height of the largest values of traces above their middle."""
    high, middle = np.nanquantile(scaled, [0.995, 0.5], axis=1)
    return high - middle


def _whittle(freqs: np.ndarray, power: np.ndarray, fps_hz: float, order: int | None) -> np.ndarray:
    """Fit the spectrum of filtered white spikes plus noise; return the parameters.

    Frequencies below a third of the decay's corner are left out: drift lives there, and
    would double the decay time.
    """
    decay, best = PRIOR_DECAY_S, np.zeros(4)
    for _ in range(3):
        used = _used(freqs, decay)
        floor = power[-len(power) // 4 :].mean()
        starts = [
            [np.log(max(guess, 1.5 / fps_hz)), np.log(power[used].max()), np.log(floor), 2.0]
            for guess in (0.15, 0.6, 2.0)
        ]
        fits = [_fit_spectrum(freqs, power, used, fps_hz, order, start) for start in starts]
        best = min(fits, key=lambda fit: fit[0])[1]
        decay = _times(best, order)[0]
    return best


def _used(freqs: np.ndarray, decay_s: float) -> np.ndarray:
    return freqs >= min(1 / (6 * np.pi * decay_s), freqs[len(freqs) // 4])


def _times(params: np.ndarray, order: int | None) -> tuple[float, float]:
    """Return decay and rise time in s of the parameters of a spectrum."""
    decay = float(np.exp(params[0]))
    return decay, 0.0 if order == 1 else float(decay * special.expit(-params[3]))


def _fit_spectrum(
    freqs: np.ndarray,
    power: np.ndarray,
    used: np.ndarray,
    fps_hz: float,
    order: int | None,
    start: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Return the lowest loss and its parameters.

    These are the logarithms of decay time, of the signal's highest power and of the noise's,
    and the logit of decay over rise.
    """
    cosine, power = np.cos(2 * np.pi * freqs[used] / fps_hz), power[used]

    def loss(params: np.ndarray) -> float:
        decay, rise = _times(params, order)
        if not 1 / fps_hz < decay < 60:
            return 1e9
        slow = np.exp(-1 / (decay * fps_hz))
        fast = np.exp(-1 / (rise * fps_hz)) if rise > 0 else 0.0
        inverse = (1 + slow**2 - 2 * slow * cosine) * (1 + fast**2 - 2 * fast * cosine)
        model = np.exp(params[1]) * (inverse.min() / inverse) + np.exp(params[2])
        return float(np.sum(np.log(model) + power / model))

    fit = optimize.minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 600, "xatol": 1e-3, "fatol": 1e-4}
    )
    return float(fit.fun), fit.x


def _times_of_lowest_optimum(
    scaled: np.ndarray, start: tuple[float, float], fps_hz: float
) -> tuple[float, float]:
    """Return the decay and rise time under which the temporal problem's optimum is lowest."""
    decay, rise = start[0], min(start[1], start[0] * RISE_MAX)
    shortest, longest = decay * SEARCH[0], decay * SEARCH[1]
    for turn in range(2):
        least = max(shortest, 1.2 * rise, 1 / fps_hz)
        decay = _lowest(
            lambda time, rise=rise: _optimum(scaled, time, rise, fps_hz), least, longest
        )
        if start[1] > 0 and turn == 0:
            rise = _lowest(
                lambda time, decay=decay: _optimum(scaled, decay, time, fps_hz),
                0.25 / fps_hz,
                decay * RISE_MAX,
            )
    return decay, rise


def _optimum(scaled: np.ndarray, decay: float, rise: float, fps_hz: float) -> float:
    """Return the temporal problem's optimum, summed over traces in units of their noise."""
    g = coefficients(decay, rise, fps_hz)
    return sum(deconvolve(y, g, 1.0, Z_KINETICS, rescale=False).objective for y in scaled)


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function of a time is lowest, sought on a logarithmic scale."""
    bounds = np.log([low, max(high, 1.1 * low)])
    fit = optimize.minimize_scalar(
        lambda log_time: function(float(np.exp(log_time))),
        method="bounded",
        bounds=bounds,
        options={"xatol": 0.03},
    )
    return float(np.exp(fit.x))
