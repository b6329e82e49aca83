"""Rule ``seeds_init``: candidates for cells, and the trace of each."""

from typing import TYPE_CHECKING

import numpy as np
import zarr

from scopeflow import events, seeds
from scopeflow.footprints import blobs
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.movie import Movie, TraceWriter, create_traces
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.patches import make_patches
from scopeflow.places import gather_events, within_image
from scopeflow.stores import create, new_store, put
from scopeflow.traces import read_traces

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["seeds"]
    diameter = smk.params.settings["cell_diameter_px"]
    rng = np.random.default_rng(smk.params.settings["seed"])
    movie = Movie(smk.input.Y, smk.threads, smk.resources.mem_mb)
    if settings["method"] == "events":
        found = _from_events(movie, settings, diameter)
    else:
        found = _from_projections(smk.input.projections, movie, settings, diameter, rng)
    logger.info("%d candidates by method %s", len(found), settings["method"])
    null = seeds.empty_sites(
        found[:, :2], movie.usable, diameter / 2, settings["n_null_sites"], rng
    )
    with new_store(smk.output.candidates) as part:
        out = create(part, fps_hz=movie.fps_hz, method=settings["method"], shape=movie.shape)
        for column, name in enumerate(["height", "width", "count", "score"]):
            put(out, name, found[:, column], ("candidate",))
        places = {"traces": found[:, :2], "null_traces": null}
        _write_traces(out, places, movie, settings["trace"], diameter)


def _from_events(movie: Movie, settings: dict, diameter: float) -> np.ndarray:
    how = events.EventFilter.for_cells(diameter, movie.fps_hz, settings["event_window_s"])

    def images(slab: slice) -> np.ndarray:
        return events.cell_images(movie.read(slab), movie.weight[slab], how)

    n_bins = sum(-(-(slab.stop - slab.start) // how.bin_frames) for slab in movie.slabs)
    z_min = settings["event_z_min"]
    detectors = [events.StepDetector(how, level, n_bins, z_min) for level in range(events.LEVELS)]
    for _, part in movie.map(images, "slabs searched"):
        for detector in detectors:
            detector.feed(part)
    found = list(map_slabs(lambda detector: detector.events(), detectors, movie.threads))
    counts = [len(level) for level in found]
    logger.info("events above %g sigma, from fast to slow: %s", z_min, counts)
    places = gather_events(found, diameter)
    inside = within_image(places, movie.shape, diameter)
    n_beyond = len(places) - len(inside)
    logger.info("%d places outside the image left out: flanks of cells beyond", n_beyond)
    return _usable(inside, movie)


def _from_projections(
    path: str, movie: Movie, settings: dict, diameter: float, rng: np.random.Generator
) -> np.ndarray:
    group = open_store(path)
    blocks = group["block_max"]
    n_blocks = blocks.shape[0]
    block_s = group.attrs["block_frames"] / movie.fps_hz
    window = max(round(settings["window_s"] / block_s), 1)
    if settings["method"] == "rolling":
        chosen = seeds.rolling_windows(
            n_blocks, window, max(round(settings["step_s"] / block_s), 1)
        )
    else:
        chosen = seeds.random_windows(n_blocks, window, settings["n_projections"], rng)
    radius = max(round(settings["radius_px"] or diameter / 2), 1)
    return _usable(seeds.maxima_of_projections(blocks, chosen, radius), movie)


def _usable(places: np.ndarray, movie: Movie) -> np.ndarray:
    """Return the places whose pixel enough frames saw."""
    rows, cols = np.rint(places[:, :2]).astype(int).T
    return places[movie.usable[rows, cols]]


def _write_traces(
    group: zarr.Group,
    places: dict[str, np.ndarray],
    movie: Movie,
    kind: str,
    diameter: float,
) -> None:
    """Write the trace of each place: of a blob less its local background, or of a pixel."""
    outs = [
        create_traces(group, n, len(p), movie.n_frames, units="counts") for n, p in places.items()
    ]
    everywhere = np.concatenate(list(places.values()))
    if not len(everywhere):
        return
    if kind == "pixel":
        rows, cols = np.rint(everywhere).astype(int).T

        def read(slab: slice) -> np.ndarray:
            return movie.read(slab)[:, rows, cols].T.astype(np.float32)
    else:
        footprints = blobs(everywhere, diameter / 4, movie.shape)
        patches = make_patches(footprints, movie.shape, diameter, movie.usable, alone=True)

        def read(slab: slice) -> np.ndarray:
            return read_traces(movie.read(slab), patches)

    cut = len(places["traces"])
    writers = [TraceWriter(out, movie.weight) for out in outs]
    for _, traces in movie.map(read, "slabs read for traces"):
        for writer, part in zip(writers, (traces[:cut], traces[cut:]), strict=True):
            writer.add(part)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
