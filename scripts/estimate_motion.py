"""Rule ``estimate_motion``: the translation that brings every frame into register."""

from typing import TYPE_CHECKING

import numpy as np

from scopeflow.defaults import MIN_CONFIDENCE, given
from scopeflow.errors import InputError
from scopeflow.frames import GOOD_FRAMES_MIN
from scopeflow.loaded import LoadedRecording
from scopeflow.logs import job_log, logger, progress
from scopeflow.motion import Scheme, SlabMotion, join_slabs, slab_motion
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.preprocess import filter_frames, remove_glow
from scopeflow.regions import looked_at
from scopeflow.registration import Registrar
from scopeflow.stores import create, new_store, put

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

MAX_SHIFT_DIAMETERS = 3.0


def main(smk: "Snakemake") -> None:
    settings, session = smk.params.settings["motion"], smk.wildcards.session
    recording = LoadedRecording(smk.input.raw, smk.input.frames, smk.params.settings, session)
    lowest = given(settings["min_confidence"], MIN_CONFIDENCE)
    if settings["method"] == "none":
        motion = np.zeros((recording.n_frames, 2), dtype=np.float32)
        confidence = np.where(recording.good, 1.0, 0.0).astype(np.float32)
        placed = recording.good
    else:
        motion, confidence, placed = _estimate(smk, recording, settings, lowest)
        if not settings["subpixel"]:
            motion = np.rint(motion)
    span = np.ptp(motion[placed], axis=0) if placed.any() else np.zeros(2)
    logger.info("motion spans %.1f px in height and %.1f px in width", *span)
    lost = recording.good & ~placed
    n_left = int((recording.good & placed).sum())
    if n_left < GOOD_FRAMES_MIN:
        raise InputError(
            f"session {session}: {n_left} of {recording.good.sum()} good frames could be placed "
            f"(confidence of {lowest:g} or more); at least {GOOD_FRAMES_MIN} are needed. Raise "
            "motion.max_shift_px or lower motion.min_confidence; motion.method: none leaves every "
            "frame where it is."
        )
    if lost.any():
        logger.warning(
            "session %s: %d of %d good frames could not be placed (confidence under %g), "
            "the first are %s; they are left out of all fits",
            session, lost.sum(), recording.good.sum(), lowest, np.flatnonzero(lost)[:10].tolist(),
        )  # fmt: skip
    with new_store(smk.output.motion) as part:
        out = create(part, shift_dim=["height", "width"], method=settings["method"])
        put(out, "motion", motion, ("frame", "shift_dim"), units="px",
            long_name="correction applied: Y[t, y, x] = raw[t, y - m0, x - m1]")  # fmt: skip
        put(out, "confidence", confidence, ("frame",), units="1")
        put(out, "placed", placed.astype(np.uint8), ("frame",), units="1")


def _estimate(smk, recording: LoadedRecording, settings: dict, lowest: float):
    diameter = smk.params.settings["cell_diameter_px"]
    try:
        rows, cols, inside = looked_at(
            recording.shape, settings["region"], settings["polygon"], diameter
        )
    except ValueError as error:
        raise InputError(f"session {smk.wildcards.session}: {error}") from None
    shape = rows.stop - rows.start, cols.stop - cols.start
    limit = min(shape) // 2 - 1
    given = settings["max_shift_px"]
    if given is not None and given > limit:
        raise InputError(
            f"session {smk.wildcards.session}: motion.max_shift_px is {given:g}, but the image "
            f"used is {shape[0]} x {shape[1]} px, which allows 1 to {limit}. Lower it."
        )
    max_shift = given or min(MAX_SHIFT_DIAMETERS * diameter, min(shape) / 4)
    scheme = Scheme(
        Registrar.for_images(shape, diameter, max_shift, inside),
        settings["aggregation"],
        settings["border_error_px"],
    )

    def register(slab: slice) -> SlabMotion | None:
        frames, good = recording.read(slab), recording.good[slab]
        frames = remove_glow(frames if good.all() else frames[good], recording.glow)
        if settings["filtered"] and len(frames):
            frames = filter_frames(frames, recording.filters)
        return slab_motion(scheme.registrar.binned(frames[:, rows, cols]), scheme, lowest)

    threads = recording.threads(smk.threads, smk.resources.mem_mb)
    found = progress(
        map_slabs(register, recording.slabs, threads), len(recording.slabs), "slabs registered"
    )
    good = [recording.good[slab] for slab in recording.slabs]
    return join_slabs(list(found), good, scheme, lowest)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
