"""Rule ``initialize``: first footprints, traces and background from the seeds."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import zarr
from scipy import sparse

from scopeflow import published
from scopeflow.filters import chosen_cutoff_hz, fill_gaps, low_pass
from scopeflow.footprints import blobs, normalized, write_footprints
from scopeflow.initialize import similarity_footprints
from scopeflow.logs import job_log, logger
from scopeflow.movie import (
    Movie,
    TraceWriter,
    create_traces,
    put_unit_ids,
    stretches,
    unit_blocks,
)
from scopeflow.parallel import single_threaded_libraries
from scopeflow.passes import (
    SHARE_OF_SLABS,
    fit_patches,
    frames_averaged,
    mean_background,
    read_traces_and_course,
)
from scopeflow.patch_sums import PatchSums
from scopeflow.patches import PATCH_DIAMETERS, Patch, make_patches
from scopeflow.stores import create, new_store, put, read
from scopeflow.traces import initial_background

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["initialize"]
    diameter = smk.params.settings["cell_diameter_px"]
    share = 1.0 if settings["method"] == "minian" else SHARE_OF_SLABS
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb, share)
    mean_image = read(smk.input.projections, "mean")
    table = pd.read_csv(smk.input.seeds, sep="\t")
    seeds = table[table["mask_merge"]] if len(table) else table
    places = seeds[["height", "width"]].to_numpy(dtype=np.float64)
    cutoff_hz = chosen_cutoff_hz(settings["noise_cutoff_hz"], movie.fps_hz, "initialize")
    method = _from_pixels if settings["method"] == "minian" else _from_blobs
    with new_store(smk.output.units) as part:
        out = create(part, stage="initialize")
        work = out.create_group("work")  # traces of all seeds, removed at the end
        raw, smooth = (
            create_traces(work, n, len(places), movie.n_frames) for n in ("raw", "smooth")
        )
        A, b, f = method(movie, places, mean_image, settings, diameter, cutoff_hz, raw, smooth)
        A, peak = normalized(A)
        found = np.flatnonzero(peak > 0)
        logger.info("%d seeds, %d gave a footprint", len(places), len(found))
        write_footprints(out, A[found], movie.shape)
        put_unit_ids(out, seeds["candidate"].to_numpy()[found] if len(seeds) else [])
        C = create_traces(out, "C", len(found), movie.n_frames, units="counts")
        for stretch in stretches(C):
            C[:, stretch] = smooth[:, stretch][found]
        put(out, "b", b, ("height", "width"), units="counts")
        put(out, "f", f, ("frame",), units="1")
        del out["work"]


def _smoothen(raw: zarr.Array, smooth: zarr.Array, fps_hz: float, cutoff_hz: float) -> None:
    """Smooth traces block by block."""
    for block in unit_blocks(raw.shape[0]):
        values = fill_gaps(raw[block])
        for trace in values:  # one at a time, which keeps the work arrays small
            trace[:] = low_pass(trace[None], fps_hz, cutoff_hz)[0]
        smooth[block] = values


def _from_blobs(movie, places, mean_image, settings, diameter, cutoff_hz, raw, smooth):
    """Read the traces of blobs at the seeds, then compare the pixels around with them."""
    A = blobs(places, diameter / 4, movie.shape)
    patches = make_patches(A, movie.shape, PATCH_DIAMETERS * diameter, movie.usable)
    b = initial_background(mean_image, A, patches)
    f = read_traces_and_course(movie, patches, A, b, raw)
    _smoothen(raw, smooth, movie.fps_hz, cutoff_hz)
    reach = settings["radius_px"] or diameter
    lowest = settings["similarity_min"]
    n_frames = int(movie.weight.sum()) // frames_averaged(movie.fps_hz)

    def compare(sums: list[PatchSums], own: list[Patch]) -> sparse.csr_array:
        return similarity_footprints(sums, own, reach, n_frames, lowest, movie.shape)

    parts = fit_patches(movie, smooth, patches, mean_image, compare)
    return sparse.csr_array(sparse.vstack(parts)), b, f


def _from_pixels(movie, places, mean_image, settings, diameter, cutoff_hz, raw, smooth):
    """The paper's way: correlate pixels with the seed's pixel, project the movie on the result."""
    radius = settings["radius_px"] or diameter
    every = max(round(movie.fps_hz / (2 * cutoff_hz)), 1)
    windows = [published.window_around(place, int(radius), movie.shape) for place in places]

    def sample(slab: slice) -> np.ndarray:
        return published.smoothed(movie.read(slab)[movie.weight[slab]], every)

    n_samples = 0
    for _, samples in movie.map(sample, "slabs compared with seeds"):
        n_samples += len(samples)
        for window in windows:
            window.add(samples)
    A = published.correlation_footprints(
        windows, n_samples, settings["correlation_min"], radius, movie.shape
    )

    def project(slab: slice) -> np.ndarray:
        return published.projected_traces(movie.read(slab), A)

    writer = TraceWriter(raw, movie.weight)
    for _, traces in movie.map(project, "slabs read for traces"):
        writer.add(traces)
    _smoothen(raw, smooth, movie.fps_hz, cutoff_hz)
    return A, *mean_background(movie, A, lambda slab: smooth[:, slab], mean_image)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
