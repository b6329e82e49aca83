"""Rule ``noise``: noise of every pixel."""

import math
from typing import TYPE_CHECKING

import numpy as np

from scopeflow.errors import InputError
from scopeflow.filters import default_cutoff_hz
from scopeflow.logs import job_log, logger
from scopeflow.movie import Movie
from scopeflow.noise import fast_variance, pixel_noise
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.stores import create, new_store, put

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

FRAMES_MIN = 8  # fewer good frames in a slab tell nothing
FRAMES = 3000  # sampled, in whole slabs: the error of a pixel's noise is then below 2 %


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["spatial"]
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb)
    cutoff_hz = settings["noise_cutoff_hz"] or default_cutoff_hz(movie.fps_hz)

    def measure(slab: slice) -> tuple[int, np.ndarray]:
        frames = movie.good(slab)
        return len(frames), fast_variance(frames, movie.fps_hz, cutoff_hz)

    n_slabs = math.ceil(FRAMES / (movie.slabs[0].stop - movie.slabs[0].start))
    sample = movie.sample(n_slabs, FRAMES_MIN)
    if not sample:
        raise InputError(
            f"session {smk.wildcards.session}: {movie.weight.sum()} of {movie.n_frames} frames can "
            f"be used, nowhere {FRAMES_MIN} of them close together, too few to tell noise from "
            "cells. See frames.tsv for those that are bad, and the log of estimate_motion for "
            "those that could not be placed (motion.min_confidence)."
        )
    sn = pixel_noise(map_slabs(measure, sample, movie.threads), movie.shape)
    sn[~movie.usable] = 0
    logger.info(
        "noise above %.3g Hz: %d pixels without any are left out", cutoff_hz, (sn == 0).sum()
    )
    with new_store(smk.output.noise) as part:
        out = create(part, stage="noise", cutoff_hz=cutoff_hz)
        put(out, "sn", sn, ("height", "width"), units="counts", long_name="noise of the pixels")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
