"""The documentation: builds without a warning, and what it tells to type works.

Commands and Python of every page are run, on small data. What is not run stands in `NOT_RUN`
with its reason; a command that is neither is a failure.
"""

import csv
import filecmp
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from made_results import make_results
from project import ENVIRONMENT, FAKE, ROOT, Project
from scopeflow.plan.settings import load_config
from scopeflow.recordings import write_recording

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
PROGRAM = re.compile(
    r"(snakemake|python\S*|make|mkdocs|pip|conda|git|ssh|pre-commit|source|export|cd|cp|mv|rsync"
    r"|sacctmgr|scancel|sinfo) \S|\.ci/run$"
)
LANGUAGES = {"python", "yaml", "mermaid"}

# Pages on which an option alone is not one of Snakemake.
OPTIONS_OF = {
    "curation.md": "python scripts/open_curation.py results/SESSION/VARIANT",
    "explorer.md": "python scripts/open_explorer.py",
}
# What a page says before or after it.
COMPLETED = {
    "-- promote": "--config variant=low_penalty -- promote",
    "--config inspect='{decode: true}'": "--config inspect='{decode: true}' -- inspect",
}

# Run as it stands, in a project with two small recordings.
RUN = [
    "snakemake* -- inspect", "snakemake* -- status", "snakemake* -- promote",
    "snakemake* --unlock*", "snakemake* --touch *", "snakemake* --delete-temp-output",
    "snakemake -n*", "snakemake* -n", "snakemake* --dry-run",
    "python scripts/write_sheet.py *", "python scripts/write_config_docs.py",
    "python scripts/open_curation.py * --compare ann bob",
]  # fmt: skip

REPORT = "snakemake --configfile my.yaml --report report.zip"
WHOLE = "a whole run, made by test_pipeline.py; here it is planned (--dry-run)"
SERVES = "serves a page until it is stopped; tests/browser opens it; here its options are looked up"
INSTALLS = "changes the user's installation, or needs the network"
SHELL = "a program of the system, not ours"
NOT_RUN = {
    "snakemake": WHOLE,
    "snakemake --configfile my.yaml": WHOLE,
    "snakemake --configfile my.yaml --config *=*": WHOLE,
    "snakemake --configfile my.yaml -- preview": "test_variants.py runs it; here it is planned",
    "snakemake --configfile my.yaml -- compare": "test_pipeline.py runs it; here it is planned",
    "snakemake --configfile my.yaml -- implant": "test_pipeline.py runs it; here it is planned",
    "snakemake --configfile my.yaml -- results/cross_registration/*": WHOLE,
    REPORT: "test_pipeline.py runs it, on a whole run; it cannot be planned",
    "snakemake --configfile config/*.yaml*": "simulates for minutes to hours; here it is planned",
    "snakemake* --resources mem_mb=8000": WHOLE,
    "snakemake --workflow-profile profiles/slurm *": "test_slurm.py runs it; here it is planned",
    "snakemake* --group-components *": "shapes jobs of SLURM; here it is planned",
    "snakemake* --set-resources *": "shapes jobs of SLURM; here it is planned",
    "python scripts/open_*.py*": SERVES,
    "python scripts/measure_*.py *": "takes minutes; here its options are looked up",
    "python -m pytest *": "these are the tests",
    ".ci/run": "runs these tests",
    "make *": "installs, then runs for minutes; here make tells what it would do (-n)",
    "python -m venv .venv": INSTALLS,
    "pip install *": INSTALLS,
    "conda *": INSTALLS,
    "pre-commit install": INSTALLS,
    "git clone *": INSTALLS,
    "git pull": INSTALLS,
    "cd scopeflow": SHELL,
    "source .venv/bin/activate": SHELL,
    "export SLURM_CONF=/dev/null": SHELL,
    "ssh -L *": SHELL,
    "sacctmgr *": SHELL,
    "cp -a": SHELL,
    "rsync -a": SHELL,
}


def _told() -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return the commands of all pages with a page of each, and options that stand alone."""
    commands, options = {}, {}
    for page in PAGES:
        text = FENCE.sub("", page.read_text("utf-8"))
        spans = re.findall(r"`([^`]+)`", INDENTED.sub("", text))
        spans = [" ".join(span.split()) for span in spans]
        lines = [line.partition("  #")[0].strip() for line in INDENTED.findall(text)]
        for part in [part for line in [*lines, *spans] for part in line.split(" && ")]:
            command = part.removeprefix(".venv/bin/")
            if PROGRAM.match(command):
                commands[_completed(command)] = page.name
        for span in (span for span in spans if span.startswith("-")):
            of_page = OPTIONS_OF.get(page.name, "snakemake")
            program = "snakemake" if span == "--dry-run" else of_page
            if re.fullmatch(r"--[a-z-]+", span) and not _fits(f"snakemake {span}", RUN):
                options.setdefault(program, set()).add(span)
            elif program == "snakemake":
                words = COMPLETED.get(span, span)
                commands[f"snakemake --configfile my.yaml {words}"] = page.name
            else:
                commands[f"{program} {span}"] = page.name
    return commands, options


def _completed(command: str) -> str:
    """Return a command without dots that stand for the options of one's own run."""
    own = "--configfile my.yaml" if command.startswith("snakemake") else ""
    return command.replace("...", own).strip()


def _same(command: str) -> str:
    """Return a command without the number of cores, which changes nothing that is tested."""
    return re.sub(r" --cores \d+", "", command)


def _fits(command: str, patterns) -> bool:
    return any(fnmatchcase(_same(command), pattern) for pattern in patterns)


COMMANDS, OPTIONS = _told()
DISTINCT = {_same(command): command for command in COMMANDS}.values()
REAL = [command for command in DISTINCT if _fits(command, RUN)]
REAL_SNAKEMAKE = [command for command in REAL if command.startswith("snakemake")]
PLANNED = [
    command
    for command in DISTINCT
    if command.startswith("snakemake") and command not in REAL and _same(command) != REPORT
]
SCRIPTS = sorted(
    {command.split()[1] for command in COMMANDS if re.search(r" scripts/\S+ ", command)}
)
BLOCKS = [
    pytest.param(language, text, id=f"{page.stem}{number}")
    for page in PAGES
    for number, (language, text) in enumerate(FENCE.findall(page.read_text("utf-8")))
]


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command; return what it prints, or fail with that."""
    done = subprocess.run(
        command, cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout


def test_pages_build_without_a_warning(tmp_path):
    run([sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)], ROOT)
    assert (tmp_path / "tutorial" / "index.html").is_file()


# --------------------------------------------------------------------------- which commands


def test_commands_are_found_in_blocks_and_in_lines_of_text():
    assert {"make demo", "snakemake --unlock", "git pull", ".ci/run"} <= set(COMMANDS)
    assert len(PLANNED) > 8
    assert len(REAL_SNAKEMAKE) > 8
    assert "--until" in OPTIONS["snakemake"]
    assert "--carry-over" in OPTIONS[OPTIONS_OF["curation.md"]]


def test_every_command_is_run_or_has_a_reason_not_to_be():
    new = {c: page for c, page in COMMANDS.items() if not _fits(c, [*RUN, *NOT_RUN])}
    assert not new, f"run these in {Path(__file__).name}, or say in NOT_RUN why not: {new}"


def test_no_reason_is_left_over():
    left = [p for p in [*RUN, *NOT_RUN] if not any(_fits(command, [p]) for command in COMMANDS)]
    assert not left, f"no page has such a command any more: {left}"


# --------------------------------------------------------------------------- run for real


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    """A folder with two small recordings."""
    folder = tmp_path_factory.mktemp("lab")
    tiny = {**FAKE, "height_px": 48, "width_px": 48, "n_frames": 60, "frames_per_file": 40}
    for day in ("day1", "day2"):
        write_recording(folder / "made", tiny)
        (folder / "made" / "video").rename(folder / day)
        shutil.rmtree(folder / "made")
    return folder


@pytest.fixture
def project(tmp_path, recordings) -> Project:
    """A project with the two recordings, the variant of variants.md, and a lock left over."""
    project = Project(tmp_path / "project")
    days = (f"m1-{day}\tm1\t{recordings / day}\t20" for day in ("day1", "day2"))
    sheet = project.sheet(*days, header="session\tanimal\tpath\tfps_hz")
    variants = {"default": {}, "low_penalty": {"spatial": {"sparse_penalty": 1}}}
    project.configure(sessions=sheet, variants=variants)
    return project


@pytest.mark.parametrize("command", REAL_SNAKEMAKE)
def test_a_command_does_what_is_told(project, command):
    arguments = shlex.split(command)[1:]
    if not {"--cores", "-n", "--dry-run"} & set(arguments):
        arguments = ["--cores", "1", *arguments]  # "the options of your run"
    locks = project.folder / ".snakemake" / "locks"
    if "--unlock" in arguments:
        locks.mkdir(parents=True)
        (locks / "0.input.lock").write_text("a\n")
    printed = run([sys.executable, "-m", "snakemake", *arguments], project.folder)
    if "--unlock" in arguments:
        assert not locks.exists()
    elif {"-n", "--dry-run"} & set(arguments):
        assert "This was a dry-run" in printed
    elif arguments[-1] in ("inspect", "status"):
        with (project.folder / f"results/{arguments[-1]}.tsv").open(newline="") as table:
            rows = list(csv.DictReader(table, delimiter="\t"))
        assert [row["session"] for row in rows] == ["m1-day1", "m1-day2"]
        if any("decode" in word for word in arguments):
            assert [row["frames_decoded"] for row in rows] == ["60", "60"]
    elif arguments[-1] == "promote":
        config = yaml.safe_load((project.folder / "my.yaml").read_text("utf-8"))
        assert config["spatial"] == {"sparse_penalty": 1}
        assert "low_penalty" not in config["variants"]


@pytest.mark.parametrize("command", [c for c in REAL if "write_sheet" in c])
def test_a_sheet_is_drafted(project, recordings, command):
    words = [str(recordings) if w in ("FOLDER", "/data/lab") else w for w in shlex.split(command)]
    run([sys.executable, *words[1:]], project.folder)
    with (project.folder / "sessions.tsv").open(newline="") as table:
        assert len(list(csv.DictReader(table, delimiter="\t"))) == 2


def test_the_tables_of_settings_are_written(project):
    run([sys.executable, "scripts/write_config_docs.py"], project.folder)
    for name in ("config.yaml", "README.md"):
        assert filecmp.cmp(project.folder / "config" / name, ROOT / "config" / name, shallow=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Results of the session ``day1``, also under the name that the README gives its own."""
    root = tmp_path_factory.mktemp("made")
    make_results(root, "day1", n_frames=300)
    shutil.copytree(root / "results" / "day1", root / "results_mine" / "m1-day1")
    return root


@pytest.mark.parametrize("command", [c for c in REAL if "--compare" in c])
def test_raters_are_compared(made, command):
    (made / "curation" / "day1").mkdir(parents=True)
    for rater in ("ann", "bob"):
        table = made / "curation" / "day1" / f"default.{rater}.csv"
        table.write_text("unit_id,label,merge_into\n0,reject,\n", "utf-8")
    words = shlex.split(command.replace("SESSION/VARIANT", "day1/default"))[1:]
    printed = run([sys.executable, str(ROOT / words[0]), *words[1:]], made)
    assert "ann" in printed
    assert "bob" in printed


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_a_block_is_valid(made, language, text):
    """Python is run on results of the name that it opens; YAML is a config."""
    assert language in LANGUAGES, "a block of commands is indented, not fenced"
    if language == "python":
        run([sys.executable, "-c", text], made, MPLBACKEND="agg")
    elif language == "yaml":
        config = yaml.safe_load(text)
        load_config(config if "discover" in config else {"sessions": "sessions.tsv", **config})


def test_no_python_escapes_by_being_indented():
    for page in PAGES:
        for line in INDENTED.findall(FENCE.sub("", page.read_text("utf-8"))):
            assert not re.match(r"(import|from) |>>> ", line), f"{page.name}: fence {line!r}"


# --------------------------------------------------------------------------- looked up


@pytest.fixture(scope="module")
def as_documented(tmp_path_factory) -> Project:
    """A project with the table and the config that the pages speak of."""
    project = Project(tmp_path_factory.mktemp("docs") / "project")
    sheet = project.sheet("m1-day1\tm1\tfake", "m1-day2\tm1\tfake")
    units = "results/m1-day1/{}/units.zarr"
    project.configure(
        sessions=sheet, results="results", simulate={"fake": FAKE},
        variants={"default": {}, "other": {"spatial": {"sparse_penalty": 1}}},
        compare={"mine": {"first": units.format("default"), "second": units.format("other")}},
    )  # fmt: skip
    return project


@pytest.mark.parametrize("command", PLANNED)
def test_a_command_is_planned_as_documented(as_documented, command):
    plan = [sys.executable, "-m", "snakemake", "--dry-run"]
    printed = run([*plan, *shlex.split(command)[1:]], as_documented.folder)
    assert re.search(r"^total +[1-9]", printed, re.MULTILINE), "there is nothing to be done"
    assert "This was a dry-run" in printed


@pytest.mark.parametrize("script", SCRIPTS)
def test_options_of_a_script_are_its_own(script):
    """Those of its commands, and those that stand alone on its page."""
    told = [command for command in COMMANDS if f" {script} " in command]
    told += [option for program in OPTIONS if script in program for option in OPTIONS[program]]
    known = run([sys.executable, script, "--help"], ROOT)
    for option in re.findall(r"--[a-z][a-z-]+", " ".join(told)):
        assert re.search(rf"{option}\b", known), f"{script} has no option {option}"


def test_options_of_snakemake_are_its_own():
    known = run([sys.executable, "-m", "snakemake", "--help"], ROOT)
    assert not [option for option in OPTIONS["snakemake"] if not re.search(rf"{option}\b", known)]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not there")
@pytest.mark.parametrize("command", [c for c in DISTINCT if c.startswith("make ")])
def test_make_knows_its_targets(command):
    assert run([*shlex.split(command), "-n"], ROOT, MAKEFLAGS="").strip()


# --------------------------------------------------------------------------- links


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), ROOT / "config/README.md"],
                         ids=lambda page: os.path.relpath(page, ROOT))  # fmt: skip
def test_links_outside_the_pages_lead_somewhere(page):
    """Those of docs/ are checked where the pages are built."""
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        goal = page.parent / name if name else page
        assert goal.exists(), f"{page.name}: {link}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", goal.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, f"{page.name}: {link}"
