"""A draft of the sample sheet from a tree of folders."""

import json

import pytest

import write_sheet
from scopeflow.errors import InputError
from scopeflow.plan.scan import draft_sheet
from scopeflow.plan.sheet import read_sheet


@pytest.fixture
def tree(tmp_path):
    """Two V4 sessions of one animal, a V3 session without metadata, one with broken metadata."""
    for place, name in {"a b/2026_05_01/10_00_00": "m 1", "a b/2026_05_01/9_00_00": "m 1"}.items():
        folder = tmp_path / "lab" / place
        (folder / "Miniscope").mkdir(parents=True)
        (folder / "Miniscope" / "0.avi").touch()
        about = {"animalName": name, "year": 2026, "month": 5, "day": 1, "hour": 9,
                 "minute": 0, "second": 0}  # fmt: skip
        (folder / "metaData.json").write_text(json.dumps(about))
        (folder / "Miniscope" / "metaData.json").write_text('{"deviceType": "Miniscope_V4_BNO"}')
    for place in ("old/H10_M3", "broken"):
        (tmp_path / "lab" / place).mkdir(parents=True)
        (tmp_path / "lab" / place / "msCam1.avi").touch()
    (tmp_path / "lab" / "broken" / "metaData.json").write_text("{")
    (tmp_path / "lab" / "nothing").mkdir()
    return tmp_path / "lab"


def test_every_recording_is_a_row(tree):
    rows = {row["session"]: row for row in draft_sheet(tree)}
    assert list(rows) == [
        "a-b-2026_05_01-9_00_00", "a-b-2026_05_01-10_00_00", "broken", "old-H10_M3",
    ]  # fmt: skip
    first = rows["a-b-2026_05_01-9_00_00"]
    assert (first["animal"], first["date"]) == ("m-1", "2026-05-01T09:00:00")
    assert (first["device"], first["note"]) == ("Miniscope_V4_BNO", "")
    assert rows["old-H10_M3"]["animal"] == "old"
    assert "a guess" in rows["old-H10_M3"]["note"]
    assert "not readable as JSON" in rows["broken"]["note"]


def test_the_draft_is_a_valid_sheet_and_is_never_written_over(tree, tmp_path, capsys):
    write_sheet.main(str(tree), str(tmp_path / "sessions.tsv"))
    assert "4 sessions, 2 with a note" in capsys.readouterr().out
    assert len(read_sheet(tmp_path / "sessions.tsv")) == 4
    with pytest.raises(InputError, match="there already"):
        write_sheet.main(str(tree), str(tmp_path / "sessions.tsv"))


def test_names_stay_apart_and_allowed(tmp_path):
    for name in ("x y", "x-y", "validation"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.avi").touch()
    assert [row["session"] for row in draft_sheet(tmp_path)] == [
        "session-validation", "x-y", "x-y-2",
    ]  # fmt: skip


def test_where_nothing_is_that_is_told(tmp_path):
    with pytest.raises(InputError, match="No recording"):
        draft_sheet(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        draft_sheet(tmp_path / "none")
