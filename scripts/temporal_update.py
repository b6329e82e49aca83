"""Rule ``temporal_update``: calcium and deconvolved activity of every unit."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import zarr

from scopeflow.autoregression import unit_coefficients
from scopeflow.deconvolve import Fit, coefficients
from scopeflow.defaults import TEMPORAL_PENALTY, given
from scopeflow.filters import chosen_cutoff_hz, default_cutoff_hz, fill_gaps
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.kinetics import Kinetics, pooled_kinetics
from scopeflow.logs import job_log, logger
from scopeflow.movie import Movie, put_unit_ids
from scopeflow.parallel import single_threaded_libraries
from scopeflow.published import jaccard_groups
from scopeflow.quality import isolation
from scopeflow.stores import create, new_store
from scopeflow.temporal import by_unit, measure, solve, write_fits

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

KINETICS_UNITS = 40  # clearest units that the kinetics are estimated from
SNR_MIN, SNR_MIN_MINIAN = 4.0, 0.0  # defaults of temporal.snr_min


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["temporal"]
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb)
    traces = open_store(smk.input.traces)
    unit_id, YrA = traces["unit_id"][:], traces["YrA"]
    cutoff_hz = settings["noise_cutoff_hz"] or default_cutoff_hz(movie.fps_hz)
    n_units = len(unit_id)
    noise_hz = max(cutoff_hz, movie.fps_hz / 4)
    sigma, clear, means = np.zeros(n_units), np.zeros(n_units), np.zeros(n_units)
    measured = by_unit(YrA, lambda k, y: measure(y, movie.fps_hz, noise_hz), smk.threads)
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
        logger.info(
            "kinetics of all units (%s; 10th to 90th percentile in brackets): decay %.3g s "
            "(%.3g to %.3g), rise %.3g s (%.3g to %.3g)",
            kinetics.source, kinetics.tau_decay_s, *kinetics.decay_interval_s,
            kinetics.tau_rise_s, *kinetics.rise_interval_s,
        )  # fmt: skip
    if kinetics is None:  # of each unit's own trace, smoothed
        cutoff_hz = chosen_cutoff_hz(settings["noise_cutoff_hz"], movie.fps_hz, "temporal")
    order = 1 if settings["ar_order"] == 1 else 2
    penalty = given(settings["sparse_penalty"], TEMPORAL_PENALTY[settings["method"]])

    def fit(k: int, y: np.ndarray) -> tuple[np.ndarray, Fit]:
        if kinetics is not None:
            g = coefficients(kinetics.tau_decay_s, kinetics.tau_rise_s, movie.fps_hz)
        else:
            filled = fill_gaps(y[None])[0]
            lag = settings["add_lag"]
            g = unit_coefficients(filled, sigma[k], order, lag, movie.fps_hz, cutoff_hz)
        return g, solve(y, g, sigma[k], penalty, means[k], settings)

    fits = by_unit(YrA, fit, smk.threads)
    with new_store(smk.output.units) as part:
        story = dataclasses.asdict(kinetics) if kinetics else {"source": "each unit"}
        out = create(part, stage="temporal_update", kinetics=story, fps_hz=movie.fps_hz)
        put_unit_ids(out, unit_id)
        snr_min = settings["snr_min"]
        if snr_min is None:
            snr_min = SNR_MIN_MINIAN if published else SNR_MIN
        write_fits(out, fits, movie, sigma, snr_min)


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


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
