"""The comparison of files with docs/outputs.md sees what differs."""

import numpy as np
import pytest

from documented import faults
from scopeflow.stores import create, new_store, put

SN = "results/s1/default/noise/noise.zarr"


def write(project, name="sn", dtype=np.float32, dims=("height", "width"), units="counts"):
    with new_store(project / SN) as part:
        put(create(part), name, np.ones((3, 4), dtype), dims, units=units)
    return faults(project, set())


def test_what_is_as_documented_is_no_fault(tmp_path):
    assert write(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "snr"}, ["sn is not written", "array snr is not there"]),
        ({"dims": ("width", "height")}, ["sn has dims width, height, not height, width"]),
        ({"dtype": np.float64}, ["sn is float64, not float32"]),
        ({"units": "px"}, ["sn is in px, not in counts"]),
    ],
)
def test_what_differs_is_named(tmp_path, change, words):
    assert write(tmp_path, **change) == [f"{SN}: {word}" for word in words]


def test_a_store_and_a_column_that_are_not_documented_are_named(tmp_path):
    with new_store(tmp_path / "results" / "s1" / "other.zarr") as part:
        create(part)
    table = tmp_path / "results" / "s1" / "score.tsv"
    table.write_text("session\tf1\tfootprint_r_p10\tbeauty\tdrug\n", "utf-8")
    assert faults(tmp_path, {"drug"}) == [
        "results/s1/other.zarr: the store is not there",
        "results/s1/score.tsv: column beauty is not there",
    ]
