"""The sample sheet is read as text, and every fault is told with file, row and column."""

import pytest

from scopeflow.errors import InputError
from scopeflow.plan.discover import discover
from scopeflow.plan.sheet import read_sheet
from scopeflow.plan.videos import find_timestamps, find_videos


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rec").mkdir()
    for name in ["msCam10.avi", "msCam2.avi", "msCam1.avi", "._msCam1.avi", "notes.txt"]:
        (tmp_path / "rec" / name).touch()
    return tmp_path


def sheet(folder, *rows, header="session\tanimal\tpath"):
    path = folder / "sessions.tsv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def refusal(folder, *rows, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        read_sheet(sheet(folder, *rows, **kwargs))
    return str(caught.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a\tm\trec", "a\tm\trec"], ["row 3 (a)", "'a'", "row 2 already"]),
        (["a\tm\trec", "A\tm\trec"], ["row 3 (A)", "upper and lower case"]),
        (["a b\tm\trec"], ["row 2 (a b)", "session is 'a b'", "letters, digits"]),
        (["a/b\tm\trec"], ["session is 'a/b'"]),
        (["implant\tm\trec"], ["session is 'implant'", "preview, implant"]),
        (["cross_registration\tm\trec"], ["session is 'cross_registration'", "not cross"]),
        (["-a\tm\trec"], ["session is '-a'", "the first a letter or digit"]),
        (["a\tm\tnowhere"], ["row 2 (a)", "path 'nowhere' does not exist", "simulate"]),
        (["\tm\trec"], ["row 2 (no name)", "column session is empty"]),
        (["a\t\trec"], ["column animal is empty"]),
        (["a\tm\t"], ["column path is empty"]),
        (["a\tm\trec\tx"], ["row 2", "4 values for 3 columns"]),
        ([], ["there are no rows"]),
    ],
)
def test_a_faulty_row_is_refused(folder, rows, words):
    message = refusal(folder, *rows)
    assert "sessions.tsv" in message
    for word in words:
        assert word in message


def test_a_missing_column_is_named(folder):
    message = refusal(folder, "a\tm", header="session\tanimal")
    assert "column path is missing" in message
    assert "session, animal" in message


@pytest.mark.parametrize("value", ["20,5", "fast", "0", "-3", "nan"])
def test_a_frame_rate_that_is_none_is_refused(folder, value):
    message = refusal(folder, f"a\tm\trec\t{value}", header="session\tanimal\tpath\tfps_hz")
    assert f"fps_hz is '{value}'" in message


def test_a_sheet_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none\.tsv"):
        read_sheet(tmp_path / "none.tsv")


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_everything_is_text_whatever_the_delimiter(folder, delimiter, encoding):
    rows = [["session", "animal", "path", "fps_hz", "dose", "include"]]
    rows += [["001", "1.10", "rec", "29.97", "NA", "no"]]
    path = folder / "sheet.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows), encoding)
    row = read_sheet(path)["001"]
    assert (row.name, row.animal, row.fps_hz) == ("001", "1.10", 29.97)
    assert row.metadata["dose"] == "NA"
    assert not row.is_included


def test_a_simulated_recording_needs_no_path(folder):
    assert read_sheet(sheet(folder, "a\tm\tfake"), frozenset({"fake"}))["a"].path == "fake"


def test_videos_come_in_natural_order_without_hidden_files(folder):
    found = find_videos(folder / "rec", None, "row 2")
    assert [path.rsplit("/", 1)[1] for path in found] == [
        "msCam1.avi",
        "msCam2.avi",
        "msCam10.avi",
    ]


def test_a_pattern_that_matches_nothing_is_told_with_what_there_is(folder):
    with pytest.raises(InputError, match=r"matches the pattern 'x\*'; found: msCam1.avi"):
        find_videos(folder / "rec", "x*", "row 2")


@pytest.mark.parametrize(
    ("files", "words"),
    [([], "has no files"), (["a.txt"], "has no video; known are .avi")],
)
def test_a_folder_without_video_is_refused(tmp_path, files, words):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=words):
        find_videos(tmp_path, None, "row 2")


@pytest.mark.parametrize("second", ["behavCam1.avi", "stack.tif"])
def test_two_series_in_one_folder_are_not_guessed_apart(tmp_path, second):
    for name in ["msCam1.avi", second]:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="more than one series"):
        find_videos(tmp_path, None, "row 2")
    assert len(find_videos(tmp_path, "msCam*.avi", "row 2")) == 1


@pytest.mark.parametrize("name", ["timeStamps.csv", "timestamp.dat"])
def test_time_stamps_are_found_beside_the_videos(folder, name):
    assert find_timestamps(folder / "rec") == []
    (folder / "other").mkdir()
    (folder / "other" / name).touch()
    assert find_timestamps(folder / "other") == [(folder / "other" / name).as_posix()]


def test_sessions_are_discovered_from_folder_names(tmp_path):
    for place in ["m2/d1/s1", "m10/d1/s1", "m2/d1/empty"]:
        (tmp_path / place).mkdir(parents=True)
        if not place.endswith("empty"):
            (tmp_path / place / "a.avi").touch()
    found = discover(str(tmp_path), "{animal}/{date}/{session}", "{animal}-{session}")
    assert list(found) == ["m2-s1", "m10-s1"]
    assert found["m2-s1"].metadata["date"] == "d1"
    with pytest.raises(InputError, match="there is another session 's1'"):
        discover(str(tmp_path), "{animal}/{date}/{session}", "{session}")
    with pytest.raises(InputError, match="no folder with a video"):
        discover(str(tmp_path), "{animal}/{session}", "{session}")
