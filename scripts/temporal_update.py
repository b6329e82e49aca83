"""Rule ``temporal_update``: calcium and deconvolved activity of every unit."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import zarr

from scopeflow.autoregression import unit_coefficients
from scopeflow.deconvolve import Fit, coefficients, deconvolve, response_norms, roots
from scopeflow.filters import default_cutoff_hz, fill_gaps
from scopeflow.footprints import read_footprints
from scopeflow.kinetics import Kinetics, pooled_kinetics
from scopeflow.logs import job_log, logger, progress
from scopeflow.movie import Movie, create_traces, put_unit_ids, unit_blocks
from scopeflow.noise import trace_noise
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.published import jaccard_groups
from scopeflow.quality import isolation, signal_to_noise
from scopeflow.stores import create, new_store, put

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

R = TypeVar("R")

KINETICS_UNITS = 40  # clearest units that the kinetics are estimated from
PENALTY, PENALTY_MINIAN = 2.0, 1.0  # defaults of temporal.sparse_penalty
SNR_MIN, SNR_MIN_MINIAN = 4.0, 0.0  # defaults of temporal.snr_min


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["temporal"]
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb)
    traces = zarr.open_group(smk.input.traces, mode="r")
    unit_id, YrA = traces["unit_id"][:], traces["YrA"]
    cutoff_hz = settings["noise_cutoff_hz"] or default_cutoff_hz(movie.fps_hz)
    n_units = len(unit_id)
    noise_hz = max(cutoff_hz, movie.fps_hz / 4)
    sigma, clear, means = np.zeros(n_units), np.zeros(n_units), np.zeros(n_units)
    measured = _by_unit(YrA, lambda k, y: _measure(y, movie.fps_hz, noise_hz), smk.threads)
    for k, values in enumerate(measured):
        sigma[k], clear[k], means[k] = values
    published = settings["method"] == "minian"
    A = read_footprints(smk.input.A)[0]
    if published:  # units of a group are scaled alike
        group = jaccard_groups(A, settings["jaccard_min"])
        means = (np.bincount(group, means) / np.bincount(group))[group]
    kinetics = None
    if settings["kinetics"] == "pooled" and not published:
        clear = clear * isolation(A)
        kinetics = _kinetics(smk, YrA, sigma, clear, movie.fps_hz)
        logger.info("kinetics: %s", kinetics)
    order = 1 if settings["ar_order"] == 1 else 2
    penalty = settings["sparse_penalty"]
    if penalty is None:
        penalty = PENALTY_MINIAN if published else PENALTY

    def fit(k: int, y: np.ndarray) -> tuple[np.ndarray, Fit]:
        if kinetics is not None:
            g = coefficients(kinetics.tau_decay_s, kinetics.tau_rise_s, movie.fps_hz)
        else:
            filled = fill_gaps(y[None])[0]
            lag = settings["add_lag"]
            g = unit_coefficients(filled, sigma[k], order, lag, movie.fps_hz, cutoff_hz)
        return g, _solve(y, g, sigma[k], penalty, means[k], settings)

    fits = _by_unit(YrA, fit, smk.threads)
    with new_store(smk.output.units) as part:
        story = dataclasses.asdict(kinetics) if kinetics else {"source": "each unit"}
        out = create(part, stage="temporal_update", kinetics=story, fps_hz=movie.fps_hz)
        put_unit_ids(out, unit_id)
        snr_min = settings["snr_min"]
        if snr_min is None:
            snr_min = SNR_MIN_MINIAN if published else SNR_MIN
        _write(out, fits, movie, sigma, snr_min)


def _kinetics(
    smk, YrA: zarr.Array, sigma: np.ndarray, clear: np.ndarray, fps_hz: float
) -> Kinetics:
    settings = smk.params.settings["temporal"]
    decay, rise = settings["tau_decay_s"], settings["tau_rise_s"]
    order = None if settings["ar_order"] == "auto" else settings["ar_order"]
    if decay is not None and (rise is not None or order == 1):
        return Kinetics.fixed(decay, 0.0 if order == 1 else rise, "given")
    best = np.sort(np.argsort(-clear)[:KINETICS_UNITS])
    best = best[clear[best] > 0]
    found = pooled_kinetics(
        YrA.oindex[best].astype(np.float64), sigma[best], fps_hz, order, smk.params.settings["seed"]
    )
    if found.source == "prior":
        logger.warning(
            "session %s: %d units are too few to estimate the indicator's kinetics; %.3g s decay "
            "and %.3g s rise are assumed. Set temporal.tau_decay_s and temporal.tau_rise_s if you "
            "know better.",
            smk.wildcards.session, len(best), found.tau_decay_s, found.tau_rise_s,
        )  # fmt: skip
    if decay is not None or rise is not None:
        pair = (
            found.tau_decay_s if decay is None else decay,
            found.tau_rise_s if rise is None else rise,
        )
        return Kinetics.fixed(*pair, f"partly given, else {found.source}")
    return found


def _by_unit(YrA: zarr.Array, work: Callable[[int, np.ndarray], R], threads: int) -> Iterator[R]:
    """Apply a function to every unit and its trace, in order; one block of traces in memory."""
    for block in unit_blocks(YrA.shape[0]):
        values = YrA[block]  # unit by unit, the same chunks would be read again for each

        def of_row(row: int, first: int = block.start, values: np.ndarray = values) -> R:
            return work(first + row, values[row].astype(np.float64))

        yield from map_slabs(of_row, range(len(values)), threads)


def _measure(y: np.ndarray, fps_hz: float, noise_hz: float) -> tuple[float, float, float]:
    """Return the noise of a raw trace, how far it rises above it, and its mean.

    The mean is never 0, because traces are divided by it.
    """
    sigma = trace_noise(y[None], fps_hz, noise_hz)
    height = signal_to_noise(np.nan_to_num(y - np.nanmedian(y))[None], sigma)
    return sigma[0], height[0], max(abs(np.nanmean(y)), 1e-6)


def _solve(
    y: np.ndarray, g: np.ndarray, sigma: float, penalty: float, mean: float, settings: dict
) -> Fit:
    if settings["method"] == "minian":
        from scopeflow.convex import deconvolve_published  # slow to import, and rarely needed

        return deconvolve_published(y, g, sigma, penalty, mean)
    if settings["backend"] == "cvxpy":
        from scopeflow.convex import deconvolve_reference

        return deconvolve_reference(y, g, sigma, penalty)
    return deconvolve(y, g, sigma, penalty)


def _write(out: zarr.Group, fits, movie: Movie, sigma: np.ndarray, snr_min: float) -> None:
    """Write the fits unit by unit, a block of them in memory."""
    n_units = len(sigma)
    arrays = {name: create_traces(out, name, n_units, movie, units="counts") for name in "CS"}
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


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
