"""Rule ``apply_motion``: the motion-corrected movie, and projections of the filtered one."""

from typing import TYPE_CHECKING

import numpy as np

from scopeflow.frame_sums import sum_frames
from scopeflow.loaded import LoadedRecording
from scopeflow.logs import job_log, logger, progress
from scopeflow.movie import SEEN_MIN
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.preprocess import filter_frames, remove_glow
from scopeflow.shift import seen_fraction, shift_frames
from scopeflow.stores import create, create_array, create_movie, new_store, put, read, write_slab

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

BLOCK_FRAMES = 16  # of a maximum projection; divides every slab
# Projections show one frame in this time: transients last longer, and filters cost most here.
PROJECTION_S = 0.2


def main(smk: "Snakemake") -> None:
    recording = LoadedRecording(
        smk.input.raw, smk.input.frames, smk.params.settings, smk.wildcards.session
    )
    motion, placed = read(smk.input.motion, "motion", "placed")
    weight = recording.good & placed.astype(bool)
    seen = seen_fraction(motion, weight, recording.shape)
    logger.info(
        "%d of %d frames take part; %d of %d pixels are left out: under half the frames saw them",
        weight.sum(), len(weight), (seen < SEEN_MIN).sum(), seen.size,
    )  # fmt: skip
    filtered_movie = smk.params.settings["preprocess"]["cnmf_movie"] == "filtered"

    every = max(round(PROJECTION_S * recording.fps_hz), 1)

    def correct(slab: slice) -> tuple[np.ndarray, np.ndarray]:
        raw = recording.read(slab, last=True)
        frames = shift_frames(remove_glow(raw, recording.glow), motion[slab])
        if filtered_movie:
            frames = filter_frames(frames, recording.filters)
        good = weight[slab]
        shown = np.flatnonzero(_thinned(good, every))
        filtered = frames[shown]
        if not filtered_movie and len(shown):
            filtered = filter_frames(filtered, recording.filters)
        maxima = np.zeros((-(-len(frames) // BLOCK_FRAMES), *frames.shape[1:]), frames.dtype)
        for block, frame in zip(shown // BLOCK_FRAMES, filtered, strict=True):
            np.maximum(maxima[block], frame, out=maxima[block])
        write_slab(Y, slab, frames)
        return maxima, sum_frames(frames, good)

    n_frames, shape = recording.n_frames, recording.shape
    n_blocks = sum(-(-(slab.stop - slab.start) // BLOCK_FRAMES) for slab in recording.slabs)
    dtype = recording.raw.dtype
    with new_store(smk.output.Y) as movie_part, new_store(smk.output.projections) as part:
        movie = create(movie_part, fps_hz=recording.fps_hz, filtered=filtered_movie)
        Y = create_movie(movie, "Y", recording.raw.shape, dtype)
        put(movie, "weight", weight.astype(np.uint8), ("frame",))
        put(movie, "seen", seen, ("height", "width"), units="1")
        out = create(
            part, fps_hz=recording.fps_hz, recording=recording.metadata, clock=recording.clock,
            warnings=recording.warnings, block_frames=BLOCK_FRAMES, n_frames=n_frames,
        )  # fmt: skip
        put(out, "weight", weight.astype(np.uint8), ("frame",))
        put(out, "glow", recording.glow, ("height", "width"), units="counts")
        dims = "block", "height", "width"
        blocks = create_array(out, "block_max", (n_blocks, *shape), dtype, (8, *shape), dims)
        highest, total, first = np.zeros(shape, dtype=dtype), np.zeros(shape), 0
        threads = recording.threads(smk.threads, smk.resources.mem_mb)
        done = map_slabs(correct, recording.slabs, threads)
        done = progress(done, len(recording.slabs), "slabs corrected")
        for maxima, subtotal in done:
            blocks[first : first + len(maxima)] = maxima
            first += len(maxima)
            np.maximum(highest, maxima.max(axis=0), out=highest)
            total += subtotal
        put(out, "max_proj", highest, ("height", "width"), units="counts")
        mean = (total / max(weight.sum(), 1)).astype(np.float32)
        put(out, "mean", mean, ("height", "width"), units="counts")


def _thinned(good: np.ndarray, every: int) -> np.ndarray:
    """Return the first good one of each run of `every` frames."""
    where = np.flatnonzero(good)
    first = np.unique(where // every, return_index=True)[1]
    shown = np.zeros(len(good), dtype=bool)
    shown[where[first]] = True
    return shown


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
