"""The sample sheet is read as text, and every fault is told with file, row and column."""

from pathlib import Path

import pytest

from scopeflow.errors import InputError
from scopeflow.plan.discover import discover
from scopeflow.plan.sheet import read_sheet
from scopeflow.plan.videos import find_recording, find_videos


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


def test_units_of_another_program_need_no_path(folder):
    (folder / "old.hdf5").touch()
    row = read_sheet(sheet(folder, "a\tm\t\told.hdf5", header="session\tanimal\tpath\tunits"))["a"]
    assert (row.path, row.units) == ("", (folder / "old.hdf5").as_posix())
    header = "session\tanimal\tpath\tunits"
    message = refusal(folder, "a\tm\t\tnone.h5", header=header)
    assert "'none.h5', named in column units, does not exist" in message
    assert "column path is empty" in refusal(
        folder, "a\tm\t\t", header="session\tanimal\tpath\tunits"
    )


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


def test_two_series_in_one_folder_are_not_guessed_apart(tmp_path):
    for name in ["msCam1.avi", "stack.tif"]:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="more than one series"):
        find_videos(tmp_path, None, "row 2")
    assert len(find_videos(tmp_path, "msCam*.avi", "row 2")) == 1


def places(tmp_path, *files):
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("{}")


def found(tmp_path, pattern=None):
    kinds = vars(find_recording(tmp_path, pattern, "row 2"))
    return {
        kind: [str(Path(file).relative_to(tmp_path)) for file in files]
        for kind, files in kinds.items()
    }


def test_of_a_v3_folder_the_miniscope_is_taken_and_not_the_behaviour_camera(tmp_path):
    places(tmp_path, "behavCam1.avi", "msCam10.avi", "msCam2.avi", "settings_and_notes.dat",
           "timestamp.dat")  # fmt: skip
    assert found(tmp_path) == {
        "videos": ["msCam2.avi", "msCam10.avi"],
        "timestamps": ["timestamp.dat"],
        "metadata": ["settings_and_notes.dat"],
        "orientation": [],
    }
    assert found(tmp_path, "behav*.avi")["videos"] == ["behavCam1.avi"]


def test_videos_of_the_behaviour_camera_alone_are_refused(tmp_path):
    places(tmp_path, "behavCam1.avi", "timestamp.dat")
    with pytest.raises(InputError, match="behaviour camera only"):
        find_recording(tmp_path, None, "row 2")


@pytest.mark.parametrize("device", ["Miniscope", "My_V4_Miniscope", "CA1"])
def test_of_a_v4_session_the_miniscopes_folder_is_taken(tmp_path, device):
    places(tmp_path, "metaData.json", f"{device}/0.avi", f"{device}/10.avi", f"{device}/2.avi",
           f"{device}/timeStamps.csv", f"{device}/headOrientation.csv", "My_WebCam/0.avi",
           "My_WebCam/timeStamps.csv", "My_WebCam/metaData.json")  # fmt: skip
    (tmp_path / device / "metaData.json").write_text('{"deviceType": "Miniscope_V4_BNO"}')
    assert found(tmp_path) == {
        "videos": [f"{device}/{i}.avi" for i in (0, 2, 10)],
        "timestamps": [f"{device}/timeStamps.csv"],
        "metadata": ["metaData.json", f"{device}/metaData.json"],
        "orientation": [f"{device}/headOrientation.csv"],
    }
    inside = vars(find_recording(tmp_path / device, None, "row 2"))
    assert [len(files) for files in inside.values()] == [3, 1, 1, 1]


def test_two_miniscopes_of_one_session_are_told_apart_by_the_user(tmp_path):
    places(tmp_path, "Miniscope1/0.avi", "Miniscope2/0.avi")
    with pytest.raises(InputError, match="more than one miniscope: Miniscope1, Miniscope2"):
        find_recording(tmp_path, None, "row 2")


def test_arrays_are_taken_only_where_there_is_no_video(tmp_path):
    places(tmp_path, "0.avi", "0DLC.h5", "store.zarr/zarr.json")
    assert found(tmp_path)["videos"] == ["0.avi"]
    (tmp_path / "other").mkdir()
    places(tmp_path / "other", "store.zarr/zarr.json")
    assert found(tmp_path / "other")["videos"] == ["store.zarr"]
    assert found(tmp_path / "other" / "store.zarr")["videos"] == ["."]


@pytest.mark.parametrize(
    ("pattern", "session", "words"),
    [
        ("{animal}_{animal}", "{animal}", "names {animal} twice"),
        ("{animal}/{1}", "{animal}", "names {1}"),
        ("{animal}", "{animal}-{", "is no pattern of a name"),
        ("{animal}", "{animal:d}", "is no pattern of a name"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(tmp_path, pattern, session, words):
    (tmp_path / "m1").mkdir()
    (tmp_path / "m1" / "a.avi").touch()
    with pytest.raises(InputError, match=words):
        discover(str(tmp_path), pattern, session)


def test_sessions_are_discovered_from_folder_names(tmp_path):
    for place in ["m2/d1/s1", "m10/d1/s1/Miniscope", "m2/d1/empty"]:
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
