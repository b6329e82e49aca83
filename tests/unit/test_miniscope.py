"""What the recording software tells, read from its files."""

import json

import numpy as np
import pytest

from scopeflow.errors import InputError
from scopeflow.miniscope import orientation_at, read_metadata, read_orientation

SESSION = {
    "animalName": "m12", "experimentName": "maze", "researcherName": "Doe",
    "recordingStartTime": {"year": 2026, "month": 5, "day": 1, "hour": 9, "minute": 3,
                           "second": 7, "msec": 120},
}  # fmt: skip
DEVICE = {
    "deviceName": "My_V4_Miniscope", "deviceType": "Miniscope_V4_BNO", "frameRate": "20FPS",
    "gain": "High", "led0": 15, "ewl": -3, "framesPerFile": 1000,
}  # fmt: skip
V3 = """animal\texcitation\tmsCamExposure\trecordLength
m3\t10\t255\t600

elapsedTime\tNote
1234\tlight off
"""


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), "utf-8")
    return path


def test_a_v4_session_and_its_device_are_read(tmp_path):
    paths = [
        write(tmp_path / "metaData.json", SESSION),
        write(tmp_path / "d/metaData.json", DEVICE),
    ]
    assert read_metadata(paths) == {
        "software": "Miniscope DAQ, V4", "animal": "m12", "experiment": "maze",
        "researcher": "Doe", "start": "2026-05-01T09:03:07", "device_name": "My_V4_Miniscope",
        "device_type": "Miniscope_V4_BNO", "fps_hz": 20.0, "gain": "High", "led": 15, "focus": -3,
    }  # fmt: skip


def test_a_start_at_the_top_level_is_read_and_half_a_start_is_not(tmp_path):
    flat = {"animalName": "m1", **SESSION["recordingStartTime"]}
    assert read_metadata([write(tmp_path / "metaData.json", flat)])["start"].startswith(
        "2026-05-01"
    )
    del flat["hour"]
    assert "start" not in read_metadata([write(tmp_path / "metaData.json", flat)])


def test_a_v3_recording_is_read_with_its_notes(tmp_path):
    assert read_metadata([write(tmp_path / "settings_and_notes.dat", V3)]) == {
        "software": "Miniscope DAQ, V3", "animal": "m3", "led": 10.0, "exposure": 255.0,
        "notes": ["1234 light off"],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "animal\n", "\x00\x00"])
def test_of_an_empty_v3_table_only_the_software_is_known(tmp_path, text):
    path = write(tmp_path / "settings_and_notes.dat", text)
    assert read_metadata([path]) == {"software": "Miniscope DAQ, V3"}


@pytest.mark.parametrize("text", ["", "{", "[1, 2]"])
def test_broken_json_is_refused_by_name(tmp_path, text):
    with pytest.raises(InputError, match=r"metaData\.json"):
        read_metadata([write(tmp_path / "metaData.json", text)])


def test_quaternions_are_of_unit_length_and_nearest_in_time(tmp_path):
    rows = ["Time Stamp (ms),qw,qx,qy,qz", "100,2,0,0,0", "150,0,3,0,0", "200,0,0,0,0", "x,1,0,0,0"]
    stamps, quaternions = read_orientation(write(tmp_path / "headOrientation.csv", "\n".join(rows)))
    np.testing.assert_array_equal(stamps, [100, 150, 200])
    np.testing.assert_array_equal(quaternions[:2], [[1, 0, 0, 0], [0, 1, 0, 0]])
    assert np.isnan(quaternions[2]).all()
    found = orientation_at(np.arange(4) * 0.05, stamps, quaternions, 110.0)
    np.testing.assert_array_equal(found[:, :2], [[1, 0], [0, 1], [np.nan] * 2, [np.nan] * 2])


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_quaternion_is_enough_to_go_on(n):
    stamps, quaternions = np.zeros(n), np.tile(np.float32([1, 0, 0, 0]), (n, 1))
    found = orientation_at(np.arange(3) / 20, stamps, quaternions, 0.0)
    assert np.isfinite(found[:, 0]).sum() == 2 * n


@pytest.mark.parametrize("text", ["", "a,b\n1,2", "Time Stamp (ms),qw,qx,qy\n1,2,3,4"])
def test_a_table_without_orientation_is_refused_by_name(tmp_path, text):
    with pytest.raises(InputError, match=r"headOrientation\.csv"):
        read_orientation(write(tmp_path / "headOrientation.csv", text))
