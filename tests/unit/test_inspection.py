"""What is told of a recording before anything runs."""

import json

import av
import numpy as np
import pytest

from scopeflow.inspection import COLUMNS, as_text, expected_cost, inspect_recording

SETTINGS = {
    "dataset": None,
    "downsample": {"frame": 1, "height": 1, "width": 1},
    "frames": {"start": 0, "stop": None},
    "region": {"top": 0, "bottom": None, "left": 0, "right": None},
}


def write_video(path, n=30, height=40, width=56):
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=20)
        stream.height, stream.width, stream.pix_fmt = height, width, "gray"
        for _ in range(n):
            frame = rng.integers(0, 255, (height, width), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())
    return str(path)


def look(videos, timestamps=(), metadata=(), fps_hz=None, budget=2000, decode=False, **changes):
    files = {"videos": videos, "timestamps": list(timestamps), "metadata": list(metadata)}
    settings = {**SETTINGS, **changes}
    row = inspect_recording("s1", "m1", files, settings, fps_hz, 2, {"load": budget}, decode)
    assert set(row) == set(COLUMNS)
    as_text([row])  # whatever is not known
    return row


def test_a_recording_is_described(tmp_path):
    videos = [write_video(tmp_path / "0.avi"), write_video(tmp_path / "1.avi", 20)]
    stamps = tmp_path / "timeStamps.csv"
    times = np.delete(np.arange(52), [10, 11]) * 50
    rows = [f"{i},{t},0" for i, t in enumerate(times)]
    stamps.write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]))
    device = tmp_path / "metaData.json"
    device.write_text(json.dumps({"animalName": "m1"}))
    row = look(videos, [str(stamps)], [str(device)], decode=True)
    assert row["fps_stamps_hz"] == pytest.approx(20)
    expected = {
        "format": "video", "codec": "ffv1 gray", "bits": 8, "files": 2, "height_px": 40,
        "width_px": 56, "frames_stated": 50, "frames_indexed": 50, "frames_decoded": 50,
        "time_stamps": 50, "frames_missing": 2, "pauses": 0, "fps_hz": 20, "fps_header_hz": 20,
        "fps_from": "time stamps", "animal_recorded": "m1", "remarks": "",
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    text = as_text([row, row])
    assert "s1 (animal m1)" in text
    assert "50 stated, 50 in the index, 50 decoded, 50 time stamps" in text
    rates = "20 Hz by the time stamps (20 Hz by the header of the video)"
    assert f"{rates}, 3 s, 2 frames missing, 0 pauses" in text
    assert f"{row['memory_mb']} MB of memory, {row['disk_gb']:.2f} GB of disk" in text
    assert "2 sessions, 0 with problems" in text


def test_rates_that_differ_and_pauses_are_told(tmp_path):
    videos = [write_video(tmp_path / "0.avi", 60)]
    times = np.arange(60) * 100
    times[30:] += 60_000
    stamps = tmp_path / "timeStamps.csv"
    rows = [f"{i},{t},0" for i, t in enumerate(times)]
    stamps.write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]))
    row = look(videos, [str(stamps)])
    assert row["pauses"] == 1
    assert "10 Hz by the time stamps (20 Hz by the header of the video)" in as_text([row])
    row = look(videos, [str(stamps)], fps_hz=10.2)
    told = "10.2 Hz by the column fps_hz of the sample sheet (10 Hz by the time stamps, 20 Hz by"
    assert told in as_text([row])


def test_a_file_cut_short_is_told_by_its_index(tmp_path):
    path = tmp_path / "0.avi"
    write_video(path, 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    row = look([str(path)])
    assert row["frames_stated"] == 40
    assert 15 < row["frames_indexed"] < 30
    assert "0.avi is cut short; the headers state 40 frames" in row["remarks"]


def test_another_animal_is_pointed_out(tmp_path):
    device = tmp_path / "metaData.json"
    device.write_text(json.dumps({"animalName": "m7"}))
    row = look([write_video(tmp_path / "0.avi")], metadata=[str(device)])
    assert row["remarks"] == "the recording says animal m7, the sheet m1"


@pytest.mark.parametrize("kind", ["empty", "garbage", "no rate"])
def test_what_would_stop_the_run_is_a_problem_of_its_session(tmp_path, kind):
    path = tmp_path / ("a.npy" if kind == "no rate" else "a.avi")
    if kind == "no rate":
        np.save(path, np.zeros((20, 9, 9), np.uint8))
    else:
        path.write_bytes(b"" if kind == "empty" else b"garbage" * 99)
    row = look([str(path)])
    assert row["remarks"].startswith("problem: ")
    assert "fps_hz" in row["remarks"] or "a.avi" in row["remarks"]
    assert "1 with problems" in as_text([row])


def test_too_little_memory_is_a_problem(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 512, 512), np.uint16))
    row = look([str(tmp_path / "a.npy")], fps_hz=20.0, budget=400)
    assert row["remarks"].startswith("problem: ")
    assert "mem_mb allows less for load" in row["remarks"]


def test_what_is_cut_off_costs_nothing(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4000, 64, 64), np.uint8))
    path = [str(tmp_path / "a.npy")]
    whole = look(path, fps_hz=20.0)
    part = look(
        path, fps_hz=20.0, region={"top": 0, "bottom": 32, "left": 0, "right": None},
        downsample={"frame": 2, "height": 1, "width": 1}, frames={"start": 0, "stop": 2000},
    )  # fmt: skip
    assert part["disk_gb"] == pytest.approx(whole["disk_gb"] / 8, abs=1e-3)
    assert part["time_min"] <= whole["time_min"]


def test_the_estimate_follows_what_was_measured():
    """20 000 frames of 512 x 512 on two cores took 276 s and 661 MB (docs/performance.md)."""
    cost = expected_cost(20_000, (512, 512), 1, 20_000 * 0.262144, 2)
    assert 60 * cost.time_min == pytest.approx(276, rel=0.25)
    assert cost.memory_mb < 661
    assert cost.disk_gb == pytest.approx(2 * 20_000 * 512 * 512 / 1e9)
