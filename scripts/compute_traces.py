"""Rule ``compute_traces``: raw traces of the units, and the background."""

from typing import TYPE_CHECKING

import numpy as np
import zarr

from scopeflow import published
from scopeflow.footprints import read_footprints
from scopeflow.logs import job_log, logger
from scopeflow.movie import Movie, TraceWriter, create_traces, put_unit_ids
from scopeflow.parallel import single_threaded_libraries
from scopeflow.passes import mean_background, read_traces_and_course
from scopeflow.patches import PATCH_DIAMETERS, make_patches
from scopeflow.stores import create, new_store, put, read
from scopeflow.traces import initial_background

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["traces"]
    diameter = smk.params.settings["cell_diameter_px"]
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb)
    mean_image, sn = read(smk.input.projections, "mean"), read(smk.input.noise, "sn")
    A, shape = read_footprints(smk.input.A)
    unit_id, scale = read(smk.input.A, "unit_id", "scale")
    logger.info("%d units, traces by method %s", len(unit_id), settings["method"])

    with new_store(smk.output.units) as part:
        out = create(part, stage="compute_traces", fps_hz=movie.fps_hz)
        put_unit_ids(out, unit_id)
        YrA = create_traces(
            out, "YrA", len(unit_id), movie.n_frames, units="counts",
            long_name="raw trace of the unit, neighbours and local background taken off, "
            "own baseline included, not clipped",
        )  # fmt: skip
        if settings["method"] == "minian":
            kept = np.searchsorted(read(smk.input.previous, "unit_id"), unit_id)
            before = zarr.open_array(smk.input.previous, path="C", mode="r")

            def read_C(slab: slice) -> np.ndarray:
                return before[:, slab][kept] * scale[:, None]

            b, f = mean_background(movie, A, read_C, mean_image)

            def demix(slab: slice) -> np.ndarray:
                return published.demixed_traces(movie.read(slab), A, read_C(slab), b, f[slab])

            writer = TraceWriter(YrA, movie.weight)
            for _, traces in movie.map(demix, "slabs read for traces"):
                writer.add(traces)
        else:
            radius = settings["patch_radius_px"] or PATCH_DIAMETERS * diameter
            patches = make_patches(A, shape, radius, movie.usable & (sn > 0))
            b = initial_background(mean_image, A, patches)
            f = read_traces_and_course(movie, patches, A, b, YrA)
        put(out, "b", b, ("height", "width"), units="counts", long_name="background image")
        put(out, "f", f, ("frame",), units="1", long_name="course of the background")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
