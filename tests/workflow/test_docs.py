"""The documentation: builds without a warning, and its commands are understood."""

import re
import shlex
import subprocess
import sys

import pytest

from project import ENVIRONMENT, FAKE, ROOT, Project

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def _commands() -> list[str]:
    """Return every command line of the documentation, once."""
    found = {}
    for page in PAGES:
        for line in page.read_text("utf-8").splitlines():
            if match := re.match(r" {4,}((?:\S*/)?(?:snakemake|python\S*|make|mkdocs) .*)", line):
                found[match[1].partition("  #")[0].strip()] = page
    return list(found)


COMMANDS = _commands()


def _snakemake() -> list[str]:
    """Return the calls of Snakemake; those that plan the same are one."""
    same = re.compile(r" (-n|--dry-run|--cores \d+)(?= |$)")
    calls = (c for c in COMMANDS if re.match(r"(\.venv/bin/)?snakemake ", c))
    return list({same.sub("", c).removeprefix(".venv/bin/"): c for c in calls}.values())


SNAKEMAKE = _snakemake()
SCRIPTS = [c for c in COMMANDS if " scripts/" in c]


@pytest.fixture(scope="module")
def as_documented(tmp_path_factory) -> Project:
    """A project with the table and the config that the pages speak of."""
    project = Project(tmp_path_factory.mktemp("docs") / "project")
    sheet = project.sheet("m1-day1\tm1\tfake", "m1-day2\tm1\tfake")
    project.configure(sessions=sheet, results="results", simulate={"fake": FAKE})
    return project


def test_pages_build_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tutorial" / "index.html").is_file()


def test_commands_are_found():
    assert len(SNAKEMAKE) > 8
    assert "make demo" in COMMANDS


@pytest.mark.parametrize("command", SNAKEMAKE)
def test_a_command_is_planned_as_documented(as_documented, command):
    arguments = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", *arguments],
        cwd=as_documented.folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]


@pytest.mark.parametrize("command", SCRIPTS)
def test_options_of_a_script_are_its_own(command):
    program, *arguments = shlex.split(command)
    script = next(word for word in arguments if word.startswith("scripts/"))
    done = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for option in (word.partition("=")[0] for word in arguments if word.startswith("--")):
        assert option in done.stdout, f"{script} has no option {option}"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_targets_of_make_exist(command):
    targets = command.split()[1:]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
