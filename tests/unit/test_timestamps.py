"""Time stamps give rate and gaps; broken ones are named and left aside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scopeflow.errors import InputError
from scopeflow.timestamps import TimeAxis, make_axis, missing_before, pauses, read_stamps


def v4(tmp_path, stamps):
    path = tmp_path / "timeStamps.csv"
    rows = [f"{i},{s},0" for i, s in enumerate(stamps)]
    path.write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]) + "\n")
    return path


def test_the_v4_table_is_read(tmp_path):
    np.testing.assert_array_equal(read_stamps(v4(tmp_path, [5, 38, 71])), [5, 38, 71])


def test_of_the_v3_table_the_camera_with_the_right_number_of_frames_is_read(tmp_path):
    path = tmp_path / "timestamp.dat"
    lines = ["camNum\tframeNum\tsysClock\tbuffer", "0\t1\t4294967\t1", "1\t1\t12\t1"]
    lines += [f"1\t{i}\t{12 + 33 * (i - 1)}\t1" for i in range(2, 5)] + ["0\t2\t50\t1"]
    path.write_text("\n".join(lines) + "\n")
    np.testing.assert_array_equal(read_stamps(path, 4), [12, 45, 78, 111])
    np.testing.assert_array_equal(read_stamps(path), [4294967, 50])


@pytest.mark.parametrize("n_stated", [998, 999, 1000, 1001])
def test_a_frame_more_or_less_does_not_give_the_clock_of_the_other_camera(tmp_path, n_stated):
    path = tmp_path / "timestamp.dat"
    lines = ["camNum\tframeNum\tsysClock\tbuffer"]
    lines += [f"0\t{i}\t{round(i * 1000 / 30)}\t1" for i in range(1500)]
    lines += [f"1\t{i}\t{i * 50}\t1" for i in range(1000)]
    path.write_text("\n".join(lines) + "\n")
    stamps = read_stamps(path, n_stated)
    assert make_axis(stamps, n_stated, None, None, "s").fps_hz == pytest.approx(20)


def test_of_a_v3_table_without_rows_there_are_no_stamps(tmp_path):
    (tmp_path / "timestamp.dat").write_text("camNum\tframeNum\tsysClock\tbuffer\n")
    assert read_stamps(tmp_path / "timestamp.dat", 4).shape == (0,)


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "", "\x00\x01"])
def test_a_table_of_something_else_is_refused_by_name(tmp_path, content):
    path = tmp_path / "timeStamps.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"timeStamps\.csv"):
        read_stamps(path)


def test_whole_milliseconds_give_the_rate_to_a_thousandth():
    axis = make_axis(np.rint(np.arange(2000) * 1000 / 30), 2000, None, 60.0, "s1")
    assert axis.fps_hz == pytest.approx(30, rel=1e-3)
    assert axis.source == "time stamps"
    assert axis.missing.sum() == 0


def test_sheet_before_stamps_before_file():
    stamps = np.arange(100) * 50.0
    assert make_axis(stamps, 100, 20.5, 60.0, "s").fps_hz == 20.5
    assert make_axis(stamps, 100, None, 60.0, "s").fps_hz == pytest.approx(20)
    assert make_axis(None, 100, None, 60.0, "s").fps_hz == 60
    with pytest.raises(InputError, match="fps_hz"):
        make_axis(None, 100, None, None, "s")


def test_a_contradiction_between_sheet_and_stamps_is_named():
    axis = make_axis(np.arange(100) * 50.0, 100, 30.0, None, "s")
    assert "30 Hz" in axis.warnings[0]
    assert "20 Hz" in axis.warnings[0]


@given(
    gaps=st.dictionaries(st.integers(5, 180), st.integers(1, 60), max_size=6),
    fps=st.sampled_from([10.0, 20.0, 30.0]),
    seed=st.integers(0, 100),
)
def test_lost_frames_are_counted_in_their_place(gaps, fps, seed):
    """With jitter of up to 10 % of an interval, and gaps up to the longest that is filled."""
    gaps = {i: min(n, int(4.5 * fps)) for i, n in gaps.items()}
    gaps = {i: n for i, n in gaps.items() if not any(0 < j - i <= 4 for j in gaps)}
    numbers = np.arange(200)
    for i, n in gaps.items():
        numbers[i:] += n
    jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, 200)
    expected = np.zeros(200, int)
    for i, n in gaps.items():
        expected[i] = n
    np.testing.assert_array_equal(missing_before((numbers + jitter) / fps), expected)


def test_a_late_frame_is_not_a_lost_one():
    time_s = np.arange(100) / 20
    time_s[40] += 0.045
    time_s[60:62] += [0.04, 0.03]
    assert missing_before(time_s).sum() == 0


def test_long_pauses_are_named_not_filled():
    time_s = np.arange(100) / 20
    time_s[50:] += 60
    assert missing_before(time_s).sum() == 0
    assert pauses(time_s) == [(50, pytest.approx(60.05))]
    assert TimeAxis(20.0, "x", time_s, np.zeros(100, int)).gap(49, 50) == 0


def test_stamps_that_run_backwards_leave_a_constant_rate():
    stamps = np.arange(100) * 50.0
    stamps[30] = 7
    axis = make_axis(stamps, 100, None, None, "s")
    assert axis.fps_hz == pytest.approx(20)
    assert len(axis.time_s) == 0
    assert "not later" in axis.warnings[0]
    assert axis.at(10) == pytest.approx(0.5)


@pytest.mark.parametrize("stamps", [np.zeros(50), np.full(50, np.nan), np.arange(50)[::-1] * 5.0])
def test_useless_stamps_fall_back_to_the_files_rate(stamps):
    axis = make_axis(stamps, 50, None, 15.0, "s")
    assert axis.fps_hz == 15
    assert "broken" in axis.warnings[0]


def test_garbage_in_the_first_stamp_is_mended():
    stamps = np.arange(100) * 50.0
    stamps[0] = 4294967
    axis = make_axis(stamps, 100, None, None, "s")
    np.testing.assert_allclose(axis.time_s, np.arange(100) / 20)
    assert axis.clock == {"start_ms": pytest.approx(0), "n_stamps": 100}
    assert make_axis(None, 100, 20, None, "s").clock == {"start_ms": None, "n_stamps": 0}


def test_stamps_of_another_recording_place_no_gaps():
    axis = make_axis(np.arange(100) * 50.0, 300, None, None, "s")
    assert len(axis.time_s) == 0
    assert axis.fps_hz == pytest.approx(20)
    assert "100 time stamps" in axis.warnings[0]


def test_frames_stamped_but_not_in_the_file_are_gaps():
    axis = TimeAxis(20.0, "x", np.arange(100) / 20, np.zeros(100, int))
    assert axis.gap(9, 10) == 0
    assert axis.gap(9, 15) == 5
