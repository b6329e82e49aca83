"""Temporal update of all units, a block of traces in memory."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import zarr

from scopeflow.deconvolve import Fit, deconvolve, response_norms, roots
from scopeflow.logs import logger, progress
from scopeflow.movie import Movie, create_traces, unit_blocks
from scopeflow.noise import trace_noise
from scopeflow.parallel import map_slabs
from scopeflow.quality import signal_to_noise
from scopeflow.stores import put

R = TypeVar("R")


def by_unit(YrA: zarr.Array, work: Callable[[int, np.ndarray], R], threads: int) -> Iterator[R]:
    """Apply a function to every unit and its trace, in order; one block of traces in memory."""
    for block in unit_blocks(YrA.shape[0]):
        values = YrA[block]  # unit by unit, the same chunks would be read again for each

        def of_row(row: int, first: int = block.start, values: np.ndarray = values) -> R:
            return work(first + row, values[row].astype(np.float64))

        yield from map_slabs(of_row, range(len(values)), threads)


def measure(y: np.ndarray, fps_hz: float, noise_hz: float) -> tuple[float, float, float]:
    """Return the noise of a raw trace, how far it rises above it, and its mean.

    The mean is never 0, because traces are divided by it.
    """
    sigma = trace_noise(y[None], fps_hz, noise_hz)
    height = signal_to_noise(np.nan_to_num(y - np.nanmedian(y))[None], sigma)
    return sigma[0], height[0], max(abs(np.nanmean(y)), 1e-6)


def solve(
    y: np.ndarray, g: np.ndarray, sigma: float, penalty: float, mean: float, settings: dict
) -> Fit:
    """Fit one trace by the method and backend of the section ``temporal`` of the config."""
    if settings["method"] == "minian":
        from scopeflow.convex import deconvolve_published  # slow to import, and rarely needed

        return deconvolve_published(y, g, sigma, penalty, mean)
    if settings["backend"] == "cvxpy":
        from scopeflow.convex import deconvolve_reference

        return deconvolve_reference(y, g, sigma, penalty)
    return deconvolve(y, g, sigma, penalty)


def write_fits(
    out: zarr.Group,
    fits: Iterator[tuple[np.ndarray, Fit]],
    movie: Movie,
    sigma: np.ndarray,
    snr_min: float,
) -> None:
    """Write the fits unit by unit, a block of them in memory.

    Parameters
    ----------
    out : zarr.Group
        Takes ``C``, ``S``, ``b0``, ``c0``, ``g`` and the rest of the temporal update.
    fits : iterator of (ndarray, Fit)
        Coefficients and fit of each unit, in order.
    movie : Movie
        Whose frames the traces have.
    sigma : ndarray of float, shape (unit_id,)
        Noise of the raw traces, in counts.
    snr_min : float
        Units whose largest transients stay below this many times the noise are marked.
    """
    n_units = len(sigma)
    arrays = {
        name: create_traces(out, name, n_units, movie.n_frames, units="counts") for name in "CS"
    }
    columns = {
        name: np.zeros(n_units) for name in ("b0", "c0", "s_scale", "tau_decay_s", "tau_rise_s")
    }
    lags, kept = np.zeros((n_units, 2)), np.zeros(n_units, dtype=bool)
    fits = progress(fits, n_units, "units fitted")
    for block in unit_blocks(n_units):
        values = {
            name: np.zeros((block.stop - block.start, movie.n_frames), np.float32) for name in "CS"
        }
        for row, k in enumerate(range(block.start, block.stop)):
            g, found = next(fits)
            scale = response_norms(g)[1]
            slow, fast = roots(g)
            values["C"][row], values["S"][row] = found.c, scale * found.s
            columns["b0"][k], columns["c0"][k], columns["s_scale"][k] = found.b0, found.c0, scale
            columns["tau_decay_s"][k] = -1 / np.log(slow) / movie.fps_hz if slow > 0 else 0
            columns["tau_rise_s"][k] = -1 / np.log(fast) / movie.fps_hz if fast > 0 else 0
            lags[k], kept[k] = g, bool(found.s.any())
        kept[block] &= signal_to_noise(values["C"], sigma[block]) >= snr_min
        for name, array in arrays.items():
            array[block] = values[name]
    for name, column in columns.items():
        unit = {"s_scale": "1", "tau_decay_s": "s", "tau_rise_s": "s"}.get(name, "counts")
        put(out, name, column, ("unit_id",), units=unit)
    put(out, "sigma", sigma, ("unit_id",), units="counts")
    put(out, "g", lags, ("unit_id", "lag"), units="1")
    put(out, "kept", kept, ("unit_id",), units="1")
    logger.info(
        "%d of %d units without activity above %g times the noise", (~kept).sum(), n_units, snr_min
    )
