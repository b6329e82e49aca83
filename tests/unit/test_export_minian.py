"""The dataset for Minian, opened the way Minian opens it."""

import os

import numpy as np
import pytest
import xarray as xr

from scopeflow.export.minian import write_minian
from scopeflow.export.source import Source


def open_as_minian_does(path):
    """Open every folder by itself, then merge by coordinates, as `open_minian` of Minian 2."""
    arrays = []
    for name in os.listdir(path):
        dataset = xr.open_zarr(path / name)
        assert len(dataset) == 1  # Minian takes the first
        arrays.append(next(iter(dataset.values())))
    return xr.merge(arrays, compat="no_conflicts", join="outer")


@pytest.mark.parametrize("n_units", [70, 1, 0])
def test_what_minian_opens_is_what_was_found(write_units, tmp_path, n_units):
    source = Source(write_units(n_units=n_units))
    write_minian(source, tmp_path / "minian")
    opened = open_as_minian_does(tmp_path / "minian")
    group = source.group
    assert set(opened) == {"A", "C", "S", "YrA", "b0", "c0", "b", "f", "motion", "max_proj"}
    assert opened["A"].dims == ("unit_id", "height", "width")
    assert opened["C"].dims == opened["b0"].dims == ("unit_id", "frame")
    assert list(opened["shift_dim"].values) == ["height", "width"]
    assert (str(opened["animal"].values), str(opened["session"].values)) == ("m1", "day1")
    np.testing.assert_array_equal(opened["unit_id"], source.unit_id)
    assert (opened["unit_labels"] == -1).all()  # none is accepted here
    for name in ("A", "C", "YrA", "b", "f", "motion", "max_proj"):
        np.testing.assert_array_equal(opened[name], group[name][...], err_msg=name)
    np.testing.assert_allclose(2 * opened["S"], group["S"][...], rtol=1e-6)
    assert not n_units or float(opened["b0"].min()) == 5


def test_the_first_decay_follows_the_slower_root(write_units, tmp_path):
    path = write_units(n_units=3, n_frames=200)
    source = Source(path)
    source.group = dict(source.group.members())
    source.group["c0"] = np.array([0, 2, 4], np.float32)
    write_minian(source, tmp_path / "minian")
    c0 = xr.open_zarr(tmp_path / "minian" / "c0.zarr")["c0"].values
    slow = np.roots([1, -1.6, 0.62]).max()
    np.testing.assert_allclose(c0[1], 2 * slow ** np.arange(200), rtol=1e-5)
