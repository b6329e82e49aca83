"""What the recording software tells reaches the exports; the sheet goes before it."""

import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from pynwb import NWBHDF5IO

from scopeflow.export.hdf5 import write_hdf5
from scopeflow.export.nwb import write_nwb
from scopeflow.export.source import Source
from scopeflow.export.tables import frame_table
from scopeflow.stores import put

TOLD = {
    "software": "Miniscope DAQ, V4", "animal": "m9", "start": "2026-04-30T08:00:00",
    "researcher": "Roe, R", "device_type": "Miniscope_V4_BNO", "device_name": "scope",
}  # fmt: skip


@pytest.fixture
def source(write_units):
    """Units of a V4 recording whose sheet tells the date, but neither device nor experimenter."""
    path = write_units(n_units=3, n_frames=200, row={
        "session": "day1", "animal": "m1", "path": "x", "date": "2026-05-01",
        "device": "", "experimenter": "",
    })  # fmt: skip
    group = zarr.open_group(path, mode="r+")
    group.attrs["recording"] = TOLD
    angles = np.zeros((200, 4), np.float32)
    angles[:, 0] = 1
    angles[5] = np.nan
    put(group, "orientation", angles, ("frame", "quaternion"), units="1")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        zarr.consolidate_metadata(path)
    return Source(path)


def test_the_sheet_goes_before_the_software(source):
    assert source.session["date"] == "2026-05-01"
    assert source.session["animal"] == "m1"
    assert source.session["device"] == "Miniscope_V4_BNO, scope"
    assert source.session["experimenter"] == "Roe, R"


def test_device_and_orientation_reach_every_format(source, tmp_path):
    write_nwb(source, tmp_path / "a.nwb")
    with NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        file = io.read()
        assert file.devices["Miniscope"].description == "Miniscope_V4_BNO, scope"
        assert file.processing["ophys"]["head_orientation"].data.shape == (200, 4)
    table = frame_table(source)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns[-4:]) == ["qw", "qx", "qy", "qz"]
    assert table["qw"].isna().sum() == 1
    write_hdf5(source, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["orientation"].shape == (4, 200)
