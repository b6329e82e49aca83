"""Recordings of other makers, results of other programs, and what is told of them."""

import json
import struct

import numpy as np
import pandas as pd
import pytest
import zarr
from scipy import sparse

from project import FAKE, Project
from scopeflow.readers.probe import probe
from scopeflow.recordings import write_recording

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def formats(tmp_path_factory) -> Project:
    """A V4 session loaded, an Inscopix movie of real numbers analysed, units taken over."""
    project = Project(tmp_path_factory.mktemp("formats") / "project")
    folder = project.folder
    tiny = {**FAKE, "height_px": 64, "width_px": 64, "n_cells": 8, "frames_per_file": 300}
    write_recording(folder / "made", tiny)
    device = folder / "v4" / "My_V4_Miniscope"
    device.mkdir(parents=True)
    (folder / "made" / "video" / "msCam1.avi").rename(device / "0.avi")
    (folder / "made" / "video" / "timeStamps.csv").rename(device / "timeStamps.csv")
    (folder / "v4" / "WebCam").mkdir()
    (folder / "v4" / "WebCam" / "0.avi").write_bytes(b"")
    (folder / "v4" / "metaData.json").write_text('{"animalName": "m1"}')
    (device / "metaData.json").write_text('{"deviceType": "Miniscope_V4_BNO", "gain": "Low"}')
    rows = [f"{round(1000 * i / 30)},1,0,0,0" for i in range(300)]
    table = "\n".join(["Time Stamp (ms),qw,qx,qy,qz", *rows])
    (device / "headOrientation.csv").write_text(table)

    frames = np.array(list(probe(device / "0.avi").frames()), np.float32) / 100 - 0.5
    about = {
        "type": 0, "dataType": 1, "hasFrameHeaderFooter": False,
        "spacingInfo": {"numPixels": {"x": 64, "y": 64}},
        "timingInfo": {"numTimes": 300, "period": {"num": 33, "den": 1000}},
    }  # fmt: skip
    text = json.dumps(about).encode()
    (folder / "movie.isxd").write_bytes(frames.tobytes() + text + struct.pack("<BQ", 0, len(text)))

    A = sparse.csr_matrix(np.eye(4, 64 * 64, 64 * 20 + 20))
    np.savez(
        folder / "old.npz", A_data=A.data, A_indices=A.indices, A_indptr=A.indptr, A_shape=A.shape,
        shape=(64, 64), C=np.random.default_rng(0).uniform(0, 9, (4, 100)),
    )  # fmt: skip
    sheet = project.sheet(
        "v4\tm1\tv4\t\t", "real\tm2\tmovie.isxd\t\t", "old\tm3\t\told.npz\t10",
        header="session\tanimal\tpath\tunits\tfps_hz",
    )  # fmt: skip
    project.base = {"sessions": sheet, "n_iterations": 1, "export": {"formats": ["minian"]}}
    project.configure(**project.base)
    results = "results/{}/default/{}"
    targets = {"v4": "load/frames.tsv", "real": "units.zarr", "old": "export"}
    project.outcome = project.complete(
        *("--max-threads", "1", "--", "inspect"),
        *(results.format(name, file) for name, file in targets.items()),
    )
    return project


def test_what_was_found_is_printed_and_kept(formats):
    table = pd.read_csv(formats.folder / "results" / "inspect.tsv", sep="\t")
    assert list(table["session"]) == ["v4", "real"]
    assert list(table["format"]) == ["video", "Inscopix ISXD"]
    assert list(table["frames_indexed"]) == [300, 300]
    assert table["remarks"].isna().all()
    assert "Inscopix ISXD, raw float32, 32 bits, 64 x 64 px" in formats.outcome.stdout


def test_a_v4_session_is_read_from_its_miniscopes_folder(formats):
    folder = formats.folder / "results" / "v4" / "default" / "load"
    raw = zarr.open_group(folder / "raw.zarr", mode="r")
    assert raw["Y"].shape == (300, 64, 64)
    assert raw.attrs["recording"]["animal"] == "m1"
    assert raw.attrs["recording"]["gain"] == "Low"
    frames = pd.read_csv(folder / "frames.tsv", sep="\t")
    np.testing.assert_array_equal(frames["qw"], 1)


def test_real_numbers_go_all_the_way(formats):
    folder = formats.folder / "results" / "real" / "default"
    assert zarr.open_array(folder / "motion" / "Y.zarr", path="Y", mode="r").dtype == np.float32
    units = zarr.open_group(folder / "units.zarr", mode="r")
    assert units["A"].shape[0] >= 3
    assert np.isfinite(units["C"][...]).all()
    assert (units["glow"][...] >= -0.5).all()
    assert units.attrs["recording"]["software"] == "Inscopix"


def test_units_of_another_program_are_curated_and_exported(formats):
    folder = formats.folder / "results" / "old" / "default"
    assert {path.stem for path in (folder / "export" / "minian").iterdir()} >= {"A", "C", "S"}
    assert zarr.open_group(folder / "curated.zarr", mode="r")["C"].shape == (4, 100)
    assert not (folder / "load").exists()
    due = formats.due()
    assert due["units"] == 1  # of the V4 session
    assert due["curate"] == 2
    assert "import_units" not in due
