"""Projects to run in."""

import pytest

from project import FAKE, UNITS, Project


@pytest.fixture
def model(tmp_path) -> Project:
    """A project with one simulated session and model scripts; nothing has run yet."""
    project = Project(tmp_path / "project")
    project.use_model_scripts()
    sheet = project.sheet("s1\tm1\tfake")
    project.base = {"sessions": sheet, "simulate": {"fake": FAKE}}
    project.configure(**project.base)
    return project


@pytest.fixture(scope="session")
def finished_model(tmp_path_factory) -> Project:
    """A model project after a run; tests may only look at it by dry runs, and must tidy up."""
    project = Project(tmp_path_factory.mktemp("finished") / "project")
    project.use_model_scripts()
    (project.folder / "rec").mkdir()
    (project.folder / "rec" / "msCam1.avi").write_text("one")
    sheet = project.sheet("s1\tm1\tfake\t", "s2\tm1\trec\tx", header="session\tanimal\tpath\tnote")
    project.base = {"sessions": sheet, "simulate": {"fake": FAKE}}
    project.configure(**project.base)
    project.complete()
    return project


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Project:
    """A real run of one iteration, with one thread, that nothing disturbs; not to be changed."""
    project = Project(tmp_path_factory.mktemp("undisturbed") / "project")
    project.base = {
        "sessions": project.sheet("s1\tm1\tfake"), "simulate": {"fake": FAKE}, "n_iterations": 1
    }  # fmt: skip
    project.configure(**project.base)
    project.complete("--max-threads", "1", "--", UNITS)
    return project
