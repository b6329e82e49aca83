"""Tables of behavior are read as the programs write them, and aligned by time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scopeflow.errors import InputError
from scopeflow.place_cells.alignment import (
    behavior_stamps,
    clock_start_ms,
    in_order,
    mended,
    positions_at,
    sample_times,
)
from scopeflow.place_cells.behavior import Behavior, read_behavior

EZTRACK = """File,Location_Thresh,Use_Window,Window_Size,Start_Frame,Frame,X,Y,Distance_px
run.avi,99.5,True,100,30,0,10.5,20.5,0
run.avi,99.5,True,100,30,1,11.5,20.5,1
run.avi,99.5,True,100,30,2,,,1
"""
DEEPLABCUT = """scorer,net,net,net,net,net,net
bodyparts,nose,nose,nose,back,back,back
coords,x,y,likelihood,x,y,likelihood
0,1,2,0.2,5,6,0.99
1,1,2,0.95,7,8,0.99
2,1,2,0.1,9,10,0.5
"""


def write(folder, text):
    path = folder / "behavior.csv"
    path.write_text(text, "utf-8")
    return path


def test_eztrack_counts_frames_from_its_start(tmp_path):
    found = read_behavior(write(tmp_path, EZTRACK))
    assert found.kind == "ezTrack"
    np.testing.assert_array_equal(found.frame, [30, 31, 32])
    np.testing.assert_array_equal(found.xy, [[10.5, 20.5], [11.5, 20.5], [np.nan, np.nan]])
    assert found.cm_per_unit is None


def test_eztrack_tables_may_know_the_size_of_a_pixel(tmp_path):
    rows = [",".join([row, more]) for row, more in zip(
        EZTRACK.splitlines(), ("Distance_mm", "0", "4", "4"), strict=True)]  # fmt: skip
    found = read_behavior(write(tmp_path, "\n".join(rows) + "\n"))
    assert found.cm_per_unit == pytest.approx(0.4)


def test_deeplabcut_leaves_out_unlikely_positions_and_takes_the_surest_part(tmp_path):
    path = write(tmp_path, DEEPLABCUT)
    found = read_behavior(path)
    assert found.body_part == "back"
    np.testing.assert_array_equal(found.frame, [0, 1, 2])
    np.testing.assert_array_equal(found.xy, [[5, 6], [7, 8], [np.nan, np.nan]])
    nose = read_behavior(path, "nose", 0.5)
    np.testing.assert_array_equal(nose.xy, [[np.nan, np.nan], [1, 2], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("header", "scale", "seconds"),
    [
        ("time,x,y", None, 1),
        ("time_s;x_cm;y_cm", 1, 1),
        ("Time_ms\tX_mm\tY_mm", 0.1, 0.001),
        ("time, x_px, y_px", None, 1),
    ],
)
def test_plain_tables_say_their_units_in_the_header(tmp_path, header, scale, seconds):
    separator = max(",;\t", key=header.count)
    rows = [separator.join(map(str, row)) for row in ((0, 1, 2), (100, 3, 4))]
    found = read_behavior(write(tmp_path, "\n".join(["\ufeff" + header, *rows]) + "\n"))
    assert found.kind == "plain"
    assert found.cm_per_unit == scale
    np.testing.assert_allclose(found.time_s, [0, 100 * seconds])
    np.testing.assert_array_equal(found.xy, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty"]),
        ("a,b\n1,2\n", ["a, b", "Expected are time"]),
        ("time,x,y\n0,,\n1,a,b\n", ["no row has a position"]),
        ("scorer,n,n\nindividuals,m,m\nbodyparts,a,a\n0,1,2\n", ["individuals", "one animal"]),
        ("scorer,n\nbodyparts,a\ncoords,x\n0,1\n", ["body part a lacks"]),
        ("time,x,y\n0,1,2\n0,1,2,3,4\n", ["not readable"]),
        (DEEPLABCUT + "3,1,2,3,4,5,6,7,8,9\n", ["not readable", "Mend it"]),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        read_behavior(write(tmp_path, text))
    for word in ["behavior.csv", *words]:
        assert word in str(caught.value)


def test_an_unknown_body_part_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"'tail'.*nose, back"):
        read_behavior(write(tmp_path, DEEPLABCUT), "tail")


def test_frames_get_their_times_from_stamps_or_from_a_rate():
    table = Behavior("ezTrack", np.zeros((3, 2)), None, frame=np.array([1, 2, 3]))
    stamps = np.array([500.0, 540, 580, 640])
    np.testing.assert_allclose(sample_times(table, "t", stamps, 520, None, 1.0), [1.02, 1.06, 1.12])
    np.testing.assert_allclose(sample_times(table, "t", None, 0, 20.0), [0.05, 0.1, 0.15])
    with pytest.raises(InputError, match="behavior_fps_hz"):
        sample_times(table, "t", None, 0, None)
    with pytest.raises(InputError, match="frames up to 3"):
        sample_times(table, "t", stamps[:2], 0, None)


def test_stamps_of_the_other_camera_are_taken_and_a_wrong_first_one_is_mended(tmp_path):
    rows = ["camNum\tframeNum\tsysClock\tbuffer"]
    for i in range(10):
        rows.append(f"0\t{i + 1}\t{4294967 if i == 0 else 20 * i}\t1")
        if i < 6:
            rows.append(f"1\t{i + 1}\t{33 * i + 5}\t1")
    path = tmp_path / "timestamp.dat"
    path.write_text("\n".join(rows) + "\n")
    np.testing.assert_array_equal(behavior_stamps(path, 6), 20.0 * np.arange(10))
    np.testing.assert_array_equal(behavior_stamps(path, 10), 33.0 * np.arange(6) + 5)
    alone = tmp_path / "one" / "timestamp.dat"
    alone.parent.mkdir()
    alone.write_text("\n".join(r for r in rows if not r.startswith("1")) + "\n")
    assert behavior_stamps(alone, 10) is None
    np.testing.assert_array_equal(mended(np.array([10.0, 20, 30])), [10, 20, 30])


@pytest.mark.parametrize(
    "rows", ["0\t1\t5\t1\n0\t2\t25\t1\t9\t9\n", "0\t1\t5\t1\n\xff\x00\n1\t2\t3\t4\t5\t6\n"]
)
def test_a_table_of_stamps_of_all_cameras_that_is_garbled_is_refused_by_name(tmp_path, rows):
    path = tmp_path / "timestamp.dat"
    path.write_text("camNum\tframeNum\tsysClock\tbuffer\n" + rows, "latin-1")
    with pytest.raises(InputError, match=r"timestamp\.dat: not readable"):
        behavior_stamps(path, 2)


def test_without_any_stamp_the_clock_has_no_start(tmp_path):
    path = tmp_path / "timeStamps.csv"
    path.write_text("Frame Number,Time Stamp (ms),Buffer Index\n")
    assert clock_start_ms(path, 2) is None
    path.write_text("Frame Number,Time Stamp (ms),Buffer Index\n0,52,0\n1,85,0\n")
    assert clock_start_ms(path, 2) == 52


def test_stamps_that_are_no_numbers_are_missing(tmp_path):
    path = tmp_path / "timestamp.dat"
    path.write_text("camNum\tframeNum\tsysClock\tbuffer\n0\t1\t5\t1\n1\t1\tx\t1\n1\t2\t9\t1\n")
    np.testing.assert_array_equal(behavior_stamps(path, 1), [np.nan, 9])


def test_rows_out_of_order_are_left_out_and_many_of_them_refused():
    times = np.array([0.0, 1, 0.5, 2, np.nan, *range(3, 30)])
    xy = np.column_stack([times, times])
    kept, at = in_order(times, xy, "t")
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(at[:, 0], kept)
    with pytest.raises(InputError, match="Sort the table"):
        in_order(times[::-1], xy, "t")


intervals = st.lists(st.floats(0.01, 3.0), min_size=2, max_size=40)


@settings(deadline=None)
@given(intervals, st.lists(st.floats(-5, 60), min_size=1, max_size=40), st.floats(0.02, 4))
def test_a_straight_course_is_met_exactly_and_never_across_a_gap(steps, at, gap_max_s):
    times = np.cumsum(steps)
    at = np.array(at)
    xy = np.column_stack([3 * times - 1, -2 * times])
    found = positions_at(at, times, xy, gap_max_s)
    inside = np.isfinite(found).all(axis=1)
    np.testing.assert_allclose(found[inside, 0], 3 * at[inside] - 1, atol=1e-9)
    np.testing.assert_allclose(found[inside, 1], -2 * at[inside], atol=1e-9)
    for moment, is_known in zip(at, inside, strict=True):
        before, after = times[times <= moment], times[times >= moment]
        bracketed = len(before) > 0 and len(after) > 0
        assert is_known == (bracketed and after[0] - before[-1] <= gap_max_s)


@settings(deadline=None)
@given(intervals, st.data())
def test_a_sample_without_a_position_changes_nothing(steps, data):
    times = np.cumsum(steps)
    xy = np.random.default_rng(0).normal(size=(len(times), 2))
    place = data.draw(st.integers(0, len(times)))
    moment = times[place] - 0.004 if place < len(times) else times[-1] + 1
    more_times = np.insert(times, place, moment)
    more_xy = np.insert(xy, place, np.nan, axis=0)
    at = np.linspace(-1, times[-1] + 1, 30)
    expected = positions_at(at, times, xy, 1.0)
    np.testing.assert_array_equal(positions_at(at, more_times, more_xy, 1.0), expected)


def test_no_position_at_all_gives_none():
    found = positions_at(np.arange(3.0), np.arange(4.0), np.full((4, 2), np.nan), 1.0)
    assert np.isnan(found).all()
