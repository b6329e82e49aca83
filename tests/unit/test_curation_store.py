"""Labels on disk: whole, at once, for the right units, and carried over to others."""

import csv
import os
import types
from pathlib import Path

import numpy as np
import pytest
import zarr

import curate
from scopeflow.errors import InputError
from scopeflow.labels import read_labels, remakes_units
from scopeflow.pages.curation.data import Result, check_result
from scopeflow.pages.curation.session import Session, compared
from scopeflow.pages.curation.store import LabelStore, carry_over, labels_path

UNITS = np.array([1, 3, 5, 7])
PLACE = np.array([[5.0, 5], [5, 30], [30, 5], [30, 30]])


@pytest.fixture
def store(tmp_path):
    return LabelStore(tmp_path / "c" / "s" / "v.csv", UNITS, PLACE, "abc", "ann")


def rows(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def decided(path):
    """Rows that say something of their unit."""
    return [r for r in rows(path) if r["label"] or r["merge_into"] or r["note"]]


def test_every_action_is_on_disk_at_once_and_logged(store):
    store.act("merge", [1, 3])
    store.act("note", [5], 'a "strange", cell')
    store.act("drop", [7])
    store.act("undo", [])
    table = decided(store.path)
    assert [(r["unit_id"], r["label"], r["merge_into"], r["note"]) for r in table] == [
        ("3", "", "1", ""), ("5", "", "", 'a "strange", cell'),
    ]  # fmt: skip
    assert {(r["rater"], r["units"]) for r in table} == {("ann", "abc")}
    assert (table[0]["centroid_height"], table[0]["centroid_width"]) == ("5.00", "30.00")
    log = rows(store.log_path)
    assert [(r["action"], r["unit_id"]) for r in log] == [
        ("merge", "1 3"), ("note", "5"), ("drop", "7"), ("undo", "7"),
    ]  # fmt: skip
    assert all(r["time"].endswith("+00:00") for r in log)
    assert read_labels(store.path, UNITS, "abc").merged == {1: [1, 3]}
    assert not list(store.path.parent.glob("*.part"))


def test_labels_are_found_again(store):
    store.act("keep", [1])
    store.act("split", [5])
    again = LabelStore(store.path, UNITS, PLACE, "abc", "bob")
    assert again.decisions.labels == store.decisions.labels
    assert remakes_units(store.path)
    again.act("clear", [5])
    assert not remakes_units(store.path)


def test_a_table_that_another_window_wrote_is_read_before_it_is_written(store):
    store.act("keep", [1])
    LabelStore(store.path, UNITS, PLACE, "abc", "bob").act("drop", [3])
    store.act("keep", [5])
    assert [r["label"] for r in decided(store.path)] == ["accept", "reject", "accept"]


def test_labels_of_other_units_are_refused_with_the_remedy(store):
    store.act("keep", [1])
    with pytest.raises(InputError, match=r"other units .*abc.*--carry-over"):
        LabelStore(store.path, UNITS, PLACE, "def", "ann")
    with pytest.raises(InputError, match="other units"):
        read_labels(store.path, UNITS, "def")


def test_rows_written_by_hand_get_no_digest_until_they_are_touched(store):
    store.path.parent.mkdir(parents=True)
    store.path.write_text("unit_id,label\n1,reject\n3,accept\n")
    hand = LabelStore(store.path, UNITS, PLACE, "abc", "ann")
    hand.act("keep", [1])
    assert [(r["label"], r["units"]) for r in decided(store.path)] == [
        ("accept", "abc"), ("accept", ""),
    ]  # fmt: skip


def test_a_row_shorter_than_the_header_lacks_nothing_but_its_label(store):
    store.path.parent.mkdir(parents=True)
    store.path.write_text("unit_id,label,merge_into\n5\n1,reject\n")
    assert not remakes_units(store.path)
    hand = LabelStore(store.path, UNITS, PLACE, "abc", "ann")
    assert {u: hand.decisions.word(u) for u in UNITS} == {1: "drop", 3: "", 5: "", 7: ""}
    assert read_labels(store.path, UNITS).rejected == [1]


def test_a_disk_that_refuses_leaves_everything_as_it_was(store, monkeypatch):
    store.act("keep", [1])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scopeflow.pages.curation.store.os.replace", full)
    with pytest.raises(InputError, match="No space left"):
        store.act("drop", [1])
    assert store.decisions.word(1) == "keep"
    with pytest.raises(InputError, match="No space left"):
        store.act("undo", [])
    assert store.decisions.word(1) == "keep"
    assert [r["label"] for r in decided(store.path)] == ["accept"]


def test_labels_are_carried_over_to_the_cells_at_their_places(store):
    store.act("keep", [1])
    store.act("merge", [3, 7])
    store.act("drop", [5])
    moved = PLACE[::-1] + 1.5
    moved[0] += 20  # what was unit 7 is somewhere else
    said = carry_over(store.path, UNITS, moved, "def", 12.0)
    assert "2 of 3 labels" in said
    new = LabelStore(store.path, UNITS, moved, "def", "ann")
    assert {u: new.decisions.word(u) for u in UNITS} == {1: "", 3: "drop", 5: "", 7: "keep"}
    assert len(decided(store.path.with_name("v~abc.csv"))) == 3
    assert "belong to these units already" in carry_over(store.path, UNITS, moved, "def", 12.0)


def test_a_merge_is_carried_over_though_nothing_else_is_said_of_its_survivor(store):
    store.act("merge", [3, 5])
    store.act("note", [1], "odd")
    said = carry_over(store.path, UNITS, PLACE + 0.1, "def", 12.0)
    assert "2 of 2 labels" in said
    assert read_labels(store.path, UNITS, "def").merged == {3: [3, 5]}


def test_the_label_of_a_duplicate_does_not_land_on_the_cell_beside_it(tmp_path):
    """Of two units at one place the second is dropped; then only the first one's cell is left."""
    twice = np.array([[5.0, 5], [8, 5], [5, 30]])
    store = LabelStore(tmp_path / "v.csv", UNITS[:3], twice, "abc", "ann")
    store.act("drop", [3])
    said = carry_over(store.path, UNITS[:2], twice[[0, 2]], "def", 12.0)
    assert "0 of 1 labels" in said
    assert decided(store.path) == []


def test_what_a_killed_call_left_behind_does_not_stop_the_next(store):
    store.act("keep", [1])
    left = store.path.with_name(".v.csv.new")
    left.write_text("unit_id,label,units\n1,reject,other\n")
    assert "1 of 1 labels" in carry_over(store.path, UNITS, PLACE, "def", 12.0)
    assert [r["label"] for r in decided(store.path)] == ["accept"]
    assert not left.exists()


def test_there_is_a_table_whenever_carrying_over_is_killed(store, monkeypatch):
    store.act("keep", [1])
    before, replace = store.path.read_bytes(), os.replace

    def killed(source, target):
        if Path(target) == store.path:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("scopeflow.pages.curation.store.os.replace", killed)
        carry_over(store.path, UNITS, PLACE, "def", 12.0)
    assert store.path.read_bytes() == before
    carry_over(store.path, UNITS, PLACE, "def", 12.0)
    assert [p.name for p in store.path.parent.glob("v~*")] == ["v~abc.csv"]


def test_no_old_table_is_lost_when_labels_go_there_and_back(store):
    for action in ("keep", "drop"):
        LabelStore(store.path, UNITS, PLACE, "abc", "ann").act(action, [1])
        carry_over(store.path, UNITS, PLACE, "def", 12.0)
        if action == "keep":
            carry_over(store.path, UNITS, PLACE, "abc", 12.0)
    kept = [decided(store.path.with_name(f"v~abc{n}.csv"))[0]["label"] for n in ("", "~2")]
    assert kept == ["accept", "reject"]


def test_a_table_that_says_nothing_belongs_to_any_units(store):
    store.act("keep", [1])
    store.act("undo", [])
    assert rows(store.path) == []
    assert LabelStore(store.path, UNITS, PLACE, "def", "ann").decisions.labels == {}


def test_there_may_be_nothing_to_carry_over(store):
    assert "no labels" in carry_over(store.path, UNITS, PLACE, "def", 12.0)
    store.path.parent.mkdir(parents=True)
    store.path.write_text("unit_id,label,units\n1,reject,abc\n")
    with pytest.raises(InputError, match="centroid_height"):
        carry_over(store.path, UNITS, PLACE, "def", 12.0)


@pytest.mark.parametrize("name", ["", "a/b", "..", "log", "workflow", "a b", "x" * 41, "ä"])
def test_names_of_raters_that_are_no_names_of_files_are_refused(name):
    with pytest.raises(InputError, match="--rater"):
        labels_path(Path("c"), "s", "v", name)


@pytest.fixture
def result(write_units, tmp_path):
    """A folder of a result with units."""
    folder = tmp_path / "results" / "day1" / "default"
    folder.mkdir(parents=True)
    write_units(n_units=6, n_frames=300).rename(folder / "units.zarr")
    zarr.consolidate_metadata(folder / "units.zarr")
    return folder


def job(folder, labels, tmp_path, movie=()):
    files = types.SimpleNamespace(
        units=str(folder / "units.zarr"), labels=labels, movie=list(movie)
    )
    return types.SimpleNamespace(
        input=files, wildcards=types.SimpleNamespace(session="day1"), threads=1,
        output=types.SimpleNamespace(curated=str(tmp_path / "curated.zarr")),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_the_page_and_the_rule_know_units_by_the_same_digest(result, tmp_path):
    session = Session(result)
    session.store.act("drop", [3])
    session.store.act("merge", [1, 5])
    path = tmp_path / "curation" / "day1" / "default.csv"
    curate.main(job(result, str(path), tmp_path))
    after = zarr.open_group(tmp_path / "curated.zarr", mode="r")
    np.testing.assert_array_equal(after["unit_id"][:], [1, 7, 9, 11])
    units = zarr.open_group(result / "units.zarr", mode="r+")
    units["A"][2] = np.roll(units["A"][2], 1, axis=0)
    units.attrs["contents"] = {}
    with pytest.raises(InputError, match="made on other units"):
        curate.main(job(result, str(path), tmp_path))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_labels_written_by_hand_before_the_units_are_told(result, tmp_path, caplog):
    path = tmp_path / "labels.csv"
    path.write_text("unit_id,label\n1,reject\n")
    os.utime(path, (0, 0))
    curate.main(job(result, [str(path)], tmp_path))
    assert "is older than units.zarr" in caplog.text
    curate.main(job(result, [], tmp_path))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_raters_of_a_result_are_compared(result):
    for rater, action in (("ann", "keep"), ("bob", "drop")):
        Session(result, rater).store.act(action, [1])
    text = compared(result, "ann", "bob")
    assert "unit 1: ann keep; bob drop" in text
    assert set(Session(result, "ann").other_raters()) == {"bob"}
    with pytest.raises(InputError, match=r"--compare eve: .* found: ann, bob, workflow"):
        compared(result, "ann", "eve")
    with pytest.raises(InputError, match=r"no rater .\.\./x"):
        Session(result).decisions_of("../x")


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_old_tables_and_other_variants_are_no_raters(result):
    Session(result, "ann").store.act("keep", [1])
    folder = result.parents[2] / "curation" / "day1"
    for name in ("default~abc", "default.ann~abc", "default.2"):
        (folder / f"{name}.csv").write_text("unit_id,label\n1,reject\n")
    (result.parent / "default.2").mkdir()
    assert set(Session(result).other_raters()) == {"ann"}
    with pytest.raises(InputError, match=r"--rater 2: .* variant default\.2"):
        Session(result, "2")


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_what_is_no_result_is_refused_with_a_sentence(result, tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        check_result(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds no units"):
        check_result(tmp_path)
    meta = result / "units.zarr" / "zarr.json"
    whole = meta.read_text()
    meta.write_text(whole.replace('"YrA"', '"Yra"'))
    with pytest.raises(InputError, match="lacks YrA"):
        check_result(result)
    meta.write_text(whole[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        check_result(result)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_result_is_read_in_pieces_and_without_its_movie(result):
    found = Result(result)
    whole = zarr.open_group(result / "units.zarr", mode="r")
    assert found.movie is None
    assert "was not kept" in found.why_no_movie
    np.testing.assert_array_equal(found.traces(4)["S"], whole["S"][4])
    assert found.traces(4) is found.traces(4)
    dense = np.zeros(14 * 18, np.float32)
    dense[found.footprints[2].pixels] = found.footprints[2].values
    np.testing.assert_array_equal(dense.reshape(14, 18), whole["A"][2])
    np.testing.assert_array_equal(np.concatenate(list(found.stretches_of_C()), 1), whole["C"][:])
