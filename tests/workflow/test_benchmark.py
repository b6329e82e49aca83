"""The target benchmark measures whole runs; memory must not grow with the recording."""

import pandas as pd

from project import Project

RECIPE = {
    "height_px": 128, "width_px": 128, "n_cells": 15, "motion_max_px": 4, "signal_level": 1.0,
    "spike_probability": 0.01, "seed": 5,
}  # fmt: skip


def test_memory_does_not_grow_with_the_recording(tmp_path):
    project = Project(tmp_path / "project")
    lengths = {"short": 1000, "long": 3000}
    project.configure(
        sessions=project.sheet(*(f"{name}\tm\t{name}" for name in lengths)),
        simulate={name: {**RECIPE, "n_frames": n} for name, n in lengths.items()},
        benchmark={"cores": [1]},
    )
    project.complete("--", "benchmark")
    folder = project.folder / "results" / "benchmark"
    runs = pd.read_csv(folder / "runs.tsv", sep="\t").set_index("session")
    assert runs["n_frames"].to_dict() == lengths
    # Two thousand frames are 33 MB as they are and 131 MB in single precision.
    assert runs["peak_mb"]["long"] < runs["peak_mb"]["short"] + 25
    assert (runs["peak_mb"] > 100).all()
    assert (runs[["cpu_s", "wall_s", "decoding_s"]] > 0).all(axis=None)
    assert (runs["times_decoded"] < 2.5).all()
    assert runs["f1"]["long"] > 0.8
    steps = pd.read_csv(folder / "steps.tsv", sep="\t")
    assert {"load", "estimate_motion", "spatial_update.2", "units"} <= set(steps["step"])
    assert (steps["peak_mb"] < steps["mem_mb"]).all()
    peaks = steps.pivot_table(index="step", columns="session", values="peak_mb")
    peaks = peaks.loc[["load", "apply_motion", "seeds_init", "initialize", "spatial_update.1"]]
    assert (peaks["long"] < peaks["short"] + 25).all(), peaks
    for name in ("frames.png", "processes.png", "steps.png"):
        assert (folder / name).stat().st_size > 1000
    assert not list(folder.glob("*/*/work")), "the movies of measured runs are left on the disk"
