"""Rule ``video``: recording, registered movie, what the units explain, and what is left."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import zarr

from scopeflow.filters import fill_gaps
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.logs import job_log, logger
from scopeflow.movie import unit_blocks
from scopeflow.parallel import single_threaded_libraries
from scopeflow.stores import new_store, read, read_frames
from scopeflow.video_file import write_mp4
from scopeflow.video_panels import Panels, choose_pace, choose_scales

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

SAMPLE = 12  # frames that the gains are chosen from
AT_ONCE = 32  # frames in memory


def main(smk: "Snakemake") -> None:
    settings = smk.params.settings["report"]
    raw = open_store(smk.input.raw)["Y"]
    movie = open_store(smk.input.Y)
    Y, fps_hz = movie["Y"], float(movie.attrs["fps_hz"])
    time_s = pd.read_csv(smk.input.frames, sep="\t", usecols=["time_s"])["time_s"].to_numpy()
    b, f = read(smk.input.traces, "b", "f")
    f = fill_gaps(f[None])[0]  # it has no value at frames left out
    units = open_store(smk.input.temporal)
    kept = np.flatnonzero(units["kept"][:])
    A = read_footprints(smk.input.A)[0][kept]
    activity, peaks = np.zeros(len(time_s)), np.zeros(len(kept))
    for block in unit_blocks(len(kept)):
        activity += units["S"].oindex[kept[block]].sum(axis=0)
        peaks[block] = units["C"].oindex[kept[block]].max(axis=1, initial=0)
    pace = choose_pace(activity, fps_hz, settings["video_length_s"], settings["video_speed"])
    C = _calcium(units, kept, time_s, pace.frames)
    panels = Panels(A, b, settings["video_width_px"])
    sample = np.unique(np.linspace(0, len(pace.frames) - 1, SAMPLE).astype(int))
    some = pace.frames[sample]
    rest = [
        panels.parts(frame, f[t], C[:, i])[0]
        for frame, t, i in zip(read_frames(Y, some), some, sample, strict=True)
    ]
    scales = choose_scales(read_frames(raw, some), peaks, np.stack(rest))

    def frames() -> Iterator[np.ndarray]:
        for first in range(0, len(pace.frames), AT_ONCE):
            own = pace.frames[first : first + AT_ONCE]
            pairs = zip(own, read_frames(raw, own), read_frames(Y, own), strict=True)
            for i, (t, before, after) in enumerate(pairs, start=first):
                words = f"{time_s[t]:.1f} s, x{pace.speed:.3g}"
                yield panels.compose(before, after, f[t], C[:, i], scales, words)

    with new_store(smk.output.video) as part:
        n = write_mp4(part, frames(), panels.size, pace.fps_hz, smk.threads)
    logger.info(
        "%d frames, %.1f to %.1f s of the recording, %.3g times faster than life",
        n, time_s[pace.frames[0]], time_s[pace.frames[-1]], pace.speed,
    )  # fmt: skip


def _calcium(
    units: zarr.Group, kept: np.ndarray, time_s: np.ndarray, frames: np.ndarray
) -> np.ndarray:
    """Return C with the first decay at some frames, float32, (unit_id, frame); by blocks."""
    values = np.zeros((len(kept), len(frames)), dtype=np.float32)
    elapsed = time_s[frames] - time_s[0]
    for block in unit_blocks(len(kept)):
        own = kept[block]
        tau = np.maximum(units["tau_decay_s"][:][own], 1e-6)
        start = units["c0"][:][own][:, None] * np.exp(-elapsed / tau[:, None])
        values[block] = units["C"].oindex[own][:, frames] + start
    return values


if __name__ == "__main__":
    with job_log(snakemake.log[0]), single_threaded_libraries():
        main(snakemake)
