"""Jobs left behind by a killed call are found, waited for, or refused by number."""

import os
import subprocess
import sys

import pytest

from scopeflow.errors import InputError
from scopeflow.plan.leftovers import orphans, queued_jobs, settle_leftovers

RUN = "f3d9e0f4-0a3b-4b43-9a52-6d6f5a1f0c11"
SLEEP = "import sys, time; sys.stdout.write('x'); sys.stdout.flush(); time.sleep({})"


@pytest.fixture
def job(tmp_path):
    """Start a process that looks like a job of Snakemake at work in `tmp_path`."""
    started = []

    def start(seconds: float, folder=tmp_path) -> subprocess.Popen:
        command = [sys.executable, "-c", SLEEP.format(seconds), "--target-jobs", "load:"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
        started.append(process)
        process.stdout.read(1)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_job_without_its_call_is_found_in_its_folder_only(tmp_path, job):
    other = tmp_path / "other"
    other.mkdir()
    here, _ = job(60), job(60, other)
    assert [process.pid for process in orphans(tmp_path)] == [here.pid]


def test_a_job_below_a_call_is_left_alone(tmp_path):
    inner = "import time; time.sleep(60)  # --target-jobs"
    outer = (
        "import subprocess, sys; "
        f"p = subprocess.Popen([sys.executable, '-c', {inner!r}, '--target-jobs', 'x']); "
        "sys.stdout.write('x'); sys.stdout.flush(); p.wait()"
    )
    call = subprocess.Popen(
        [sys.executable, "-c", outer, "snakemake"], cwd=tmp_path, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        call.stdout.read(1)
        assert orphans(tmp_path) == []
    finally:
        os.killpg(call.pid, 9)
        call.wait()
        call.stdout.close()


def test_jobs_left_behind_are_named_and_waited_for(tmp_path, job):
    process, words = job(0.5), []
    settle_leftovers(tmp_path, words.append)
    assert str(process.pid) in words[0]
    assert "kill" in words[0]
    assert orphans(tmp_path) == []


def test_nothing_is_said_when_nothing_is_left(tmp_path):
    words = []
    settle_leftovers(tmp_path, words.append)
    assert not words


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Put a `squeue` on the path that answers with the lines given."""

    def put(*lines: str) -> None:
        (tmp_path / ".snakemake" / "slurm_logs").mkdir(parents=True)
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        text = "\n".join(lines)
        (folder / "squeue").write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        (folder / "squeue").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return put


def test_jobs_in_the_queue_are_refused_with_the_command_that_ends_them(tmp_path, queue):
    queue(f"17|{RUN}|{tmp_path}", f"18|lab_{RUN}|{tmp_path}")
    with pytest.raises(InputError, match="scancel 17 18"):
        settle_leftovers(tmp_path, print)


def test_other_jobs_of_the_queue_are_not_ours(tmp_path, queue, monkeypatch):
    queue(f"17|{RUN}|{tmp_path}/other", f"18|interactive|{tmp_path}", f"19|{RUN}|{tmp_path}")
    monkeypatch.setenv("SLURM_JOB_ID", "19")
    assert queued_jobs(tmp_path) == []


def test_slurm_is_not_asked_where_it_was_never_used(tmp_path, queue):
    queue(f"17|{RUN}|{tmp_path}")
    (tmp_path / ".snakemake" / "slurm_logs").rmdir()
    assert queued_jobs(tmp_path) == []


def test_a_machine_without_a_queue_has_no_jobs_in_it(tmp_path, monkeypatch):
    (tmp_path / ".snakemake" / "slurm_logs").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queued_jobs(tmp_path) == []
