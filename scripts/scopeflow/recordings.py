"""Simulated recordings on disk, in the form of the miniscope software, and their scores."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd

from scopeflow.errors import InputError
from scopeflow.footprints import read_footprints, write_footprints
from scopeflow.intact import open_store
from scopeflow.logs import progress
from scopeflow.metrics import score
from scopeflow.movie import put_unit_ids
from scopeflow.parallel import map_slabs, single_threaded_libraries
from scopeflow.quality import QUALITY
from scopeflow.recipes import has_run, video_names
from scopeflow.simulate import Recording, make_recording
from scopeflow.stores import create, new_store, put, read
from scopeflow.track_run import track

TIMESTAMPS_NAME = "timeStamps.csv"

# Of a score, what stands beside the costs of a run.
HEADLINES = (
    "n_true", "n_found", "f1", "f1_strict", "footprint_r_median", "calcium_r_median",
    "spikes_r_median", "motion_rmse_px",
)  # fmt: skip


def write_recording(folder: str | Path, recipe: dict, threads: int = 1) -> Recording:
    """Write ``video/msCam*.avi``, ``video/timeStamps.csv`` and ``truth.zarr`` into a folder.

    Where cells fire at places, ``behavior.csv`` besides.

    Parameters
    ----------
    folder : str or Path
        Made if absent.
    recipe : dict
        Any keys of `recipes.DEFAULTS`.
    threads : int, optional
        Threads that make frames.

    Returns
    -------
    Recording
        What was written.
    """
    folder = Path(folder)
    recording = make_recording(recipe)
    paths = [folder / "video" / name for name in video_names(recording.recipe)]
    with single_threaded_libraries():
        write_videos(paths, recording, threads)
    write_timestamps(folder / "video" / TIMESTAMPS_NAME, recording)
    write_truth(folder / "truth.zarr", recording)
    if has_run(recording.recipe):
        write_behavior(folder / "behavior.csv", recording)
    return recording


def write_videos(paths: list[Path], recording: Recording, threads: int = 1) -> None:
    """Write the frames delivered, in lossless gray AVI files of ``frames_per_file`` each."""
    slabs = recording.slabs
    made = progress(map_slabs(recording.frames, slabs, threads), len(slabs), "slabs simulated")
    delivered = recording.delivered
    frames = (
        frame for slab, part in zip(slabs, made, strict=True) for frame in part[delivered[slab]]
    )
    per_file = recording.recipe["frames_per_file"]
    for i, path in enumerate(paths):
        n_frames = delivered[i * per_file : (i + 1) * per_file].sum()
        with new_store(path) as part, av.open(str(part), "w", format="avi") as container:
            stream = _gray_stream(container, recording)
            for _, frame in zip(range(n_frames), frames, strict=False):
                picture = av.VideoFrame.from_ndarray(frame, format=stream.pix_fmt)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())


def _gray_stream(container, recording: Recording):
    rate = Fraction(recording.recipe["fps_hz"]).limit_denominator(1001)
    stream = container.add_stream("ffv1", rate=rate)
    stream.height, stream.width = recording.shape
    stream.pix_fmt = "gray" if recording.recipe["bit_depth"] == 8 else "gray16le"
    stream.codec_context.thread_count = 2
    stream.options = {"level": "3", "slices": "4", "g": "1"}
    return stream


def write_timestamps(path: Path, recording: Recording) -> None:
    """Write the table of time stamps as the software of the Miniscope V4 does."""
    fps_hz = recording.recipe["fps_hz"]
    stamps = np.rint(np.flatnonzero(recording.delivered) * 1000 / fps_hz).astype(np.int64)
    with new_store(path) as part:
        lines = ["Frame Number,Time Stamp (ms),Buffer Index"]
        lines += [f"{i},{stamp},0" for i, stamp in enumerate(stamps)]
        part.write_text("\n".join(lines) + "\n")


def write_behavior(path: Path, recording: Recording) -> None:
    """Write where a camera above the track saw the animal: ``time_s``, ``x_cm``, ``y_cm``."""
    rng = np.random.default_rng([recording.recipe["seed"], 9])
    seen = track(rng, recording.run, recording.recipe["n_frames"] / recording.recipe["fps_hz"])
    table = pd.DataFrame(seen, columns=["time_s", "x_cm", "y_cm"])
    with new_store(path) as part:
        table.to_csv(part, index=False, float_format="%.4f")


def write_truth(path: Path, recording: Recording) -> None:
    """Write what an analysis of the recording should find."""
    unit_id, A, C, S = recording.truth()
    with new_store(path) as part:
        out = create(part, recipe=recording.recipe, fps_hz=recording.recipe["fps_hz"])
        put_unit_ids(out, unit_id)
        write_footprints(out, A, recording.shape)
        put(out, "C", C, ("unit_id", "frame"), units="counts", long_name="at the peak pixel")
        put(out, "S", S, ("unit_id", "frame"), units="1", long_name="spikes in the frame")
        put(
            out, "motion", -recording.movement, ("frame", "shift_dim"), units="px",
            long_name="correction to apply: Y[t, y, x] = raw[t, y - m0, x - m1]",
        )  # fmt: skip
        if recording.fields is not None:
            fields = recording.fields
            for name, values in (("centre", fields.centre_cm), ("sd", fields.sd_cm)):
                put(out, f"place_{name}_cm", values[unit_id], ("unit_id",), units="cm")
            put(
                out, "place_direction", fields.direction[unit_id], ("unit_id",), units="1",
                long_name="1: runs towards the track's end, -1: back, 0: no place",
            )  # fmt: skip


def score_stores(units: str | Path, truth: str | Path) -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Score a ``units.zarr`` against the ``truth.zarr`` of its recording.

    Returns
    -------
    scores : dict
        What was recorded (``signal_level``, ``n_cells``, ``n_frames``, ``seed``), and the
        scores of `metrics.score`.
    cells : DataFrame
        One row per true cell: its match and how well the two agree.
    found : DataFrame
        One row per unit: quality, and whether it is a true cell.

    Raises
    ------
    InputError
        If the two differ in image size or number of frames, as after down-sampling.
    """
    sides, shapes = [], []
    for path in (units, truth):
        A, shape = read_footprints(str(path))
        C, S, motion = read(path, "C", "S", "motion")
        sides.append({"A": A, "C": C, "S": S, "motion": motion})
        shapes.append((*shape, len(motion)))
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{units} is {shapes[0]} (height, width, frames), but its truth is {shapes[1]}. "
            "Only a recording loaded whole can be scored: leave out load.downsample, "
            "load.region and load.frames."
        )
    origin = open_store(truth)
    recipe = origin.attrs["recipe"]
    scores, matches = score(*sides, shapes[0][:2], origin.attrs["fps_hz"])
    cells = pd.DataFrame({"unit_id_true": read(truth, "unit_id"), **matches})
    there = set(open_store(units).array_keys())
    names = ["unit_id", *(name for name in QUALITY if name in there)]
    values = {name: read(units, name) for name in names}
    found = pd.DataFrame(values)
    if "accepted" in there:
        found["accepted"] = read(units, "accepted")
        n_accepted = int(found["accepted"].sum())
        hits = found["accepted"].to_numpy()[matches["found"][matches["found"] >= 0]].sum()
        scores["f1_accepted"] = float(2 * hits / max(n_accepted + scores["n_true"], 1))
    found["is_true"] = np.isin(np.arange(len(found)), matches["found"])
    kept = {k: recipe[k] for k in ("signal_level", "n_cells", "n_frames", "seed")}
    return {**kept, **scores}, cells, found
