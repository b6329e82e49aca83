"""Rule ``preview_motion``: mean and maximum of a few frames before and after the correction."""

from typing import TYPE_CHECKING

import numpy as np

from scopeflow.loaded import LoadedRecording
from scopeflow.logs import job_log, logger
from scopeflow.motion_preview import preview_of
from scopeflow.parallel import single_threaded_libraries
from scopeflow.preprocess import remove_glow
from scopeflow.shift import shift_frames
from scopeflow.stores import create, new_store, put, read, read_frames

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

N_FRAMES = 200
MOST_BYTES = 2**26  # of frames in memory, so that large images are judged by fewer


def main(smk: "Snakemake") -> None:
    recording = LoadedRecording(
        smk.input.raw, smk.input.frames, smk.params.settings, smk.wildcards.session
    )
    motion = read(smk.input.motion, "motion")
    size = np.prod(recording.shape) * recording.raw.dtype.itemsize
    picks = recording.evenly_spaced(int(np.clip(MOST_BYTES // size, 20, N_FRAMES)))
    frames = remove_glow(read_frames(recording.raw, picks), recording.glow)
    margin = int(np.ceil(np.abs(motion[picks]).max(initial=0)))
    width_px = smk.params.settings["cell_diameter_px"]
    before = preview_of(frames, width_px, margin)
    after = preview_of(shift_frames(frames, motion[picks]), width_px, margin)
    logger.info(
        "sharpness %.3g before, %.3g after; correlation with the mean %.4f before, %.4f after",
        before.sharpness, after.sharpness, before.agreement, after.agreement,
    )  # fmt: skip
    with new_store(smk.output.preview) as part:
        out = create(part, n_frames=len(picks))
        put(out, "frame", picks, ("frame",))
        for name, found in {"before": before, "after": after}.items():
            put(out, f"mean_{name}", found.mean, ("height", "width"), units="counts")
            put(out, f"max_{name}", found.max, ("height", "width"), units="counts")
        for name in ("sharpness", "agreement"):
            values = np.array([getattr(found, name) for found in (before, after)])
            unit = {"sharpness": "counts per px", "agreement": "1"}[name]
            put(out, name, values, ("when",), units=unit, long_name="before, after")


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
