"""Recordings of which too few frames are left after motion estimation."""

from types import SimpleNamespace

import numpy as np
import pytest

import estimate_motion
import noise
from scopeflow.errors import InputError
from scopeflow.plan.settings import load_config
from scopeflow.stores import create, create_movie, put, slabs, write_slab

N_FRAMES, SHAPE = 300, (48, 56)


def write_movie(path, **attrs):
    """Write a movie of noise; return its group."""
    group = create(path, **attrs)
    movie = create_movie(group, "Y", (N_FRAMES, *SHAPE), np.uint8)
    frames = np.random.default_rng(0).integers(0, 99, movie.shape).astype(np.uint8)
    for slab in slabs(movie):
        write_slab(movie, slab, frames[slab])
    return group


def job(tmp_path, inputs: dict, output: str, **changes):
    settings = load_config({"sessions": "sheet.tsv", **changes})
    return SimpleNamespace(
        input=SimpleNamespace(**{key: str(tmp_path / name) for key, name in inputs.items()}),
        output=SimpleNamespace(**{output: str(tmp_path / f"{output}.zarr")}),
        params=SimpleNamespace(settings=settings, code=""),
        wildcards=SimpleNamespace(session="day1"),
        resources=SimpleNamespace(mem_mb=2000),
        threads=1,
    )


def test_frames_that_cannot_be_placed_are_named_with_what_to_change(tmp_path):
    raw = write_movie(tmp_path / "raw.zarr", fps_hz=20.0)
    put(raw, "minimum", np.zeros(SHAPE, np.uint8), ("height", "width"))
    rows = "".join(f"{t}\t{t / 20}\t\n" for t in range(N_FRAMES))
    (tmp_path / "frames.tsv").write_text("frame\ttime_s\tstatus\n" + rows)
    inputs = {"raw": "raw.zarr", "frames": "frames.tsv"}
    smk = job(tmp_path, inputs, "motion", motion={"min_confidence": 60})
    with pytest.raises(InputError, match=r"day1: \d of 300 good frames could be placed.*max_shift"):
        estimate_motion.main(smk)
    assert not (tmp_path / "motion.zarr").exists()


@pytest.mark.parametrize(("n_good", "refused"), [(5, True), (200, False)])
def test_too_few_frames_to_measure_noise_on_are_named(tmp_path, n_good, refused):
    movie = write_movie(tmp_path / "Y.zarr", fps_hz=20.0)
    put(movie, "weight", (np.arange(N_FRAMES) < n_good).astype(np.uint8), ("frame",))
    put(movie, "seen", np.ones(SHAPE), ("height", "width"))
    smk = job(tmp_path, {"Y": "Y.zarr"}, "noise")
    if refused:
        with pytest.raises(InputError, match="day1: 5 of 300 frames can be used"):
            noise.main(smk)
    else:
        noise.main(smk)
    assert (tmp_path / "noise.zarr").exists() != refused
