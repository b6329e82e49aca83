"""Rule ``preprocess``: a few frames after each filter, to judge the filters by."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from scopeflow.loaded import LoadedRecording
from scopeflow.logs import job_log, logger
from scopeflow.parallel import single_threaded_libraries
from scopeflow.preprocess import denoise, remove_background, remove_glow
from scopeflow.stores import create, new_store, put, read_frames

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

N_FRAMES = 6


def main(smk: "Snakemake") -> None:
    recording = LoadedRecording(
        smk.input.raw, smk.input.frames, smk.params.settings, smk.wildcards.session
    )
    picks = recording.evenly_spaced(N_FRAMES)
    raw = read_frames(recording.raw, picks)
    no_glow = remove_glow(raw, recording.glow)
    denoised = np.stack([denoise(frame, recording.filters) for frame in no_glow])
    final = np.stack([remove_background(frame, recording.filters) for frame in denoised])
    f = recording.filters
    logger.info(
        "filters: denoising %s, window %d px; background %s, radius %d px",
        f.denoise, f.window_px, f.background, f.radius_px,
    )  # fmt: skip

    dims = ("frame", "height", "width")
    with new_store(smk.output.preview) as part:
        out = create(part, filters=dataclasses.asdict(recording.filters))
        put(out, "frame", picks, ("frame",))
        put(out, "raw", raw, dims, units="counts")
        put(out, "glow", no_glow, dims, units="counts", long_name="after glow removal")
        put(out, "denoise", denoised, dims, units="counts", long_name="after denoising")
        put(out, "background", final, dims, units="counts", long_name="after background removal")
        put(out, "glow_image", recording.glow, ("height", "width"), units="counts")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
