"""Simulated recordings on disk: read back exactly, scored against their own truth."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from scopeflow.errors import InputError
from scopeflow.readers.probe import probe
from scopeflow.recipes import DEFAULTS
from scopeflow.recordings import score_stores, write_recording
from scopeflow.stores import read
from scopeflow.timestamps import make_axis, read_stamps

RECIPE = {"height_px": 48, "width_px": 60, "n_frames": 150, "n_cells": 6, "seed": 3,
          "frames_per_file": 100, "fps_hz": 20.0}  # fmt: skip


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_written_is_what_was_simulated(tmp_path, threads):
    recording = write_recording(tmp_path, RECIPE, threads)
    videos = [probe(tmp_path / "video" / f"msCam{i}.avi") for i in (1, 2)]
    assert [video.n_stated for video in videos] == [100, 50]
    got = np.array([frame for video in videos for frame in video.frames()])
    expected = np.concatenate([recording.frames(slab) for slab in recording.slabs])
    np.testing.assert_array_equal(got, expected)
    axis = make_axis(read_stamps(tmp_path / "video" / "timeStamps.csv"), 150, None, None, "s")
    assert axis.fps_hz == pytest.approx(20)
    assert axis.missing.sum() == 0
    unit_id, A, C, S, motion = read(tmp_path / "truth.zarr", "unit_id", "A", "C", "S", "motion")
    assert A.shape == (6, 48, 60)
    assert C.shape == S.shape == (6, 150)
    np.testing.assert_array_equal(motion, -recording.movement)
    np.testing.assert_array_equal(unit_id, np.arange(6))


def test_lost_frames_are_missing_from_files_and_stamps(tmp_path):
    recording = write_recording(tmp_path, {**RECIPE, "frames_lost": 0.2, "bit_depth": 16})
    videos = [probe(tmp_path / "video" / f"msCam{i}.avi") for i in (1, 2)]
    got = np.array([frame for video in videos for frame in video.frames()])
    expected = np.concatenate([recording.frames(slab) for slab in recording.slabs])
    delivered = recording.delivered
    assert 10 < (~delivered).sum() < 60
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, expected[delivered])
    axis = make_axis(read_stamps(tmp_path / "video/timeStamps.csv"), len(got), None, None, "s")
    assert axis.missing.sum() == (~delivered).sum()


def test_truth_scores_one_against_itself(tmp_path):
    write_recording(tmp_path, RECIPE)
    result = score_stores(tmp_path / "truth.zarr", tmp_path / "truth.zarr")[0]
    assert result["f1_strict"] == 1
    assert result["spikes_r_median"] == pytest.approx(1)


def test_a_recording_without_cells_is_valid(tmp_path):
    write_recording(tmp_path, {**RECIPE, "n_cells": 0})
    result = score_stores(tmp_path / "truth.zarr", tmp_path / "truth.zarr")[0]
    assert result["n_true"] == result["n_found"] == 0


def test_units_of_a_cut_recording_are_not_scored(tmp_path):
    write_recording(tmp_path / "a", RECIPE)
    write_recording(tmp_path / "b", {**RECIPE, "n_frames": 90})
    with pytest.raises(InputError, match=r"load\.downsample"):
        score_stores(tmp_path / "a/truth.zarr", tmp_path / "b/truth.zarr")


def test_the_schema_has_the_same_defaults():
    root = Path(__file__).parents[2]
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    keys = schema["properties"]["simulate"]["additionalProperties"]["properties"]
    assert {key: value["default"] for key, value in keys.items()} == DEFAULTS
