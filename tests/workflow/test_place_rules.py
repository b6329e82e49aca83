"""Which sessions have place cells, and what a change of them reruns (model scripts)."""

import os

import pytest
import yaml

from project import FAKE, Project


@pytest.fixture(scope="module")
def placed(tmp_path_factory) -> Project:
    """Two sessions with a run, one simulated and one by its table; finished."""
    project = Project(tmp_path_factory.mktemp("placed") / "project")
    project.use_model_scripts()
    for name in ("rec", "camera"):
        (project.folder / name).mkdir()
    (project.folder / "rec" / "msCam1.avi").write_text("one")
    (project.folder / "camera" / "track.csv").write_text("one")
    (project.folder / "camera" / "timeStamps.csv").write_text("stamps")
    sheet = project.sheet(
        "s1\tm1\tfake\t", "s2\tm1\trec\tcamera/track.csv",
        header="session\tanimal\tpath\tbehavior",
    )  # fmt: skip
    recipe = {**FAKE, "place_fraction": 0.5}
    project.base = {"sessions": sheet, "simulate": {"fake": recipe}, "n_iterations": 1}
    project.configure(**project.base)
    project.complete()
    return project


def test_sessions_with_a_table_of_behavior_have_place_cells(placed):
    folder = placed.folder / "results"
    assert (folder / "s1/default/place_cells/place_cells.tsv").exists()
    assert (folder / "s2/default/place_cells/place_cells.tsv").exists()
    assert (folder / "cross_registration/m1/default/place_cells/summary.tsv").exists()
    assert placed.due() == {}


def test_a_setting_of_place_cells_reruns_them_alone(placed):
    file = placed.folder / "my.yaml"
    before = file.read_text("utf-8")
    try:
        file.write_text(yaml.safe_dump({**placed.base, "place_cells": {"n_shifts": 50}}), "utf-8")
        due = placed.due()
    finally:
        file.write_text(before, "utf-8")
    assert due == {"place_cells": 2, "place_across": 1}


@pytest.mark.parametrize("name", ["track.csv", "timeStamps.csv"])
def test_a_changed_table_of_behavior_reruns_its_session(placed, name):
    file = placed.folder / "camera" / name
    before, stat = file.read_text("utf-8"), file.stat()
    try:
        file.write_text("another", "utf-8")
        assert placed.due() == {"place_cells": 1, "place_across": 1}
    finally:
        file.write_text(before, "utf-8")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_without_a_table_there_are_none_and_the_reason_is_told(placed):
    file = placed.folder / "my.yaml"
    before = file.read_text("utf-8")
    (placed.folder / "none.tsv").write_text("session\tanimal\tpath\ns2\tm1\trec\n")
    try:
        file.write_text(yaml.safe_dump({**placed.base, "sessions": "none.tsv"}), "utf-8")
        due = placed.due()
        done = placed.run("--dry-run", "--", "results/s2/default/place_cells/maps.zarr")
    finally:
        file.write_text(before, "utf-8")
    assert not {"place_cells", "place_across"} & set(due)
    assert done.returncode != 0
    assert "session s2: place cells need a table" in done.stdout + done.stderr
