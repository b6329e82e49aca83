"""Runs on a real SLURM, started for these tests where none answers and one can be."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml
import zarr

from project import ENVIRONMENT, ROOT, UNITS, Project

pytestmark = pytest.mark.slow

LOCAL = ROOT.parent / "shared" / "slurm" / "slurm-local"
PROFILE = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text("utf-8"))

# Jobs of a tiny recording end long before the first look that the profile has in mind.
SOON = ["--slurm-init-seconds-before-status-checks", "4", "--latency-wait", "5"]

# Takes the place of the model script of `load`: more memory than the first attempt has.
GREEDY = """
import time
greedy = bytearray(700_000_000)
time.sleep(4)
"""


def nodes() -> list[str]:
    """Return the nodes of the partition that the profile names; none if no SLURM answers."""
    partition = PROFILE["default-resources"]["slurm_partition"]
    if shutil.which("sinfo") is None:
        return []
    command = ["sinfo", "-h", "-N", "-p", partition, "-t", "idle,mixed,allocated", "-o", "%N"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return []
    return done.stdout.split()


@pytest.fixture(scope="module")
def slurm(undisturbed) -> Iterator[None]:
    """A SLURM that answers: the one that is there, or one started for these tests."""
    found = nodes()
    if found:
        if found != [socket.gethostname().split(".")[0]]:
            pytest.skip("the SLURM here has other nodes, which do not see these folders")
        yield
        return
    if not LOCAL.exists() or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("no SLURM answers here, and none can be started")
    env = {**os.environ, "SLURM_LOCAL_CPUS": "4"}
    started = subprocess.run([LOCAL, "start"], env=env, capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"SLURM could not be started: {started.stderr.strip()[-300:]}")
    try:
        yield
    finally:
        subprocess.run([LOCAL, "stop"], capture_output=True, check=False)


class SlurmProject(Project):
    """A project whose runs go to SLURM, through the shipped profile."""

    @property
    def environment(self) -> dict[str, str]:
        """That of all projects, with SLURM's own settings."""
        return {name: value for name, value in ENVIRONMENT.items() if name != "SLURM_CONF"}

    def command(self, *arguments: str) -> list[str]:
        command = super().command(*arguments)
        cores = command.index("--cores")
        profile = ["--workflow-profile", "profiles/slurm", "--max-threads", "1", *SOON]
        return [*command[:cores], *profile, *command[cores + 2 :]]

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Return state and comment of every job that SLURM ran in the folder, by number."""
        command = ["squeue", "--me", "-h", "-t", "all", "-o", "%A|%T|%k|%Z"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [line.split("|") for line in lines.splitlines()]
        return {n: (state, what) for n, state, what, place in rows if place == str(self.folder)}

    def states(self) -> Counter:
        """Return how many jobs are in each state."""
        return Counter(state for state, _ in self.jobs().values())


def test_a_session_is_a_handful_of_jobs_with_all_its_steps(finished_model):
    due, sessions = finished_model.due("--forceall"), 2
    rules = {rule for rule, n in due.items() if n >= sessions} | {"score"}
    groups = PROFILE["groups"]
    assert rules <= set(groups), f"no group in profiles/slurm for {rules - set(groups)}"
    profile = ["--workflow-profile", "profiles/slurm"]
    words = finished_model.complete("--forceall", "--dry-run", *profile).stdout
    names = {groups[rule] for rule in rules}
    assert words.count("Group job ") == sessions * len(names)
    assert len(names) <= 5  # and one more that makes the recording, where it is simulated


def test_a_session_is_a_handful_of_jobs_with_the_same_bits_as_a_local_run(
    slurm, undisturbed, tmp_path
):
    project = SlurmProject(tmp_path / "project")
    project.sheet("s1\tm1\tfake")
    project.configure(**undisturbed.base)
    shutil.copytree(undisturbed.folder / "simulated", project.folder / "simulated")
    words = project.complete("--", UNITS).stderr
    numbers = set(re.findall(r"has been submitted with SLURM jobid (\d+)", words))
    assert len(numbers) == 4
    jobs = project.jobs()  # SLURM forgets a job after five minutes
    assert {state for state, _ in jobs.values()} == {"COMPLETED"}, jobs
    assert jobs.keys() <= numbers
    pair = [zarr.open_group(p.folder / UNITS, mode="r") for p in (project, undisturbed)]
    for name in pair[1].array_keys():
        assert pair[0][name][...].tobytes() == pair[1][name][...].tobytes(), name


def test_jobs_that_fail_are_told_and_done_again(slurm, undisturbed, tmp_path):
    project = SlurmProject(tmp_path / "project")
    project.use_model_scripts()
    project.sheet("s1\tm1\tfake")
    project.configure(**undisturbed.base, mem_mb={"load": 600})
    load = project.folder / "scripts" / "load.py"
    load.write_text(load.read_text("utf-8") + GREEDY, "utf-8")
    movie = "results/s1/default/motion/Y.zarr"

    # One job needs more memory than it has; another is cancelled.
    project.halt("apply_motion")
    run = project.launch("--", movie)
    project.halted("apply_motion", run)
    assert project.states()["FAILED"] + project.states()["OUT_OF_MEMORY"] == 1
    assert "rule load" in project.said()
    number = next(n for n, (state, _) in project.jobs().items() if state == "RUNNING")
    subprocess.run(["scancel", number], check=True)
    project.wait_until(lambda: project.states()["CANCELLED"] == 1, run)
    project.go_on("apply_motion")
    assert run.wait(120) == 0, project.said()
    assert "Error in group motion" in project.said()
    assert re.search(rf"JOB {number} ON .* CANCELLED", project.said())
    assert project.due("--", movie) == {}

    # Snakemake is killed, its job stays in the queue.
    shutil.rmtree(project.folder / movie)
    project.halt("apply_motion")
    run = project.launch("--", movie)
    project.halted("apply_motion", run)
    run.kill()
    run.wait()
    project.complete("--unlock")
    refused = project.run("--", movie)
    number = next(n for n, (state, _) in project.jobs().items() if state == "RUNNING")
    assert refused.returncode != 0
    assert f"scancel {number}" in refused.stderr
    subprocess.run(["scancel", number], check=True)
    while project.states()["RUNNING"] + project.states()["COMPLETING"]:
        time.sleep(0.2)
    project.go_on("apply_motion")
    project.complete("--", movie)
