"""Jobs that outlived the call that started them, looked for before a new call starts any."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from scopeflow.errors import InputError

# The name that Snakemake's plugin gives to jobs of SLURM ends with the number of the call.
_OF_SNAKEMAKE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_ANSWER_S = 20  # a queue that takes longer is not waited for


def settle_leftovers(folder: Path, tell: Callable[[str], None]) -> None:
    """Wait for the jobs that a killed call left at work on this machine; refuse those in a queue.

    Parameters
    ----------
    folder : Path
        Working directory of the calls.
    tell : callable
        Takes a sentence for the user.

    Raises
    ------
    InputError
        If jobs of an earlier call are in the queue of a cluster. They would remove what this
        call has written, as soon as they start.
    """
    queued = queued_jobs(folder)
    if queued:
        raise InputError(
            "Jobs of an earlier call are still in the queue of SLURM and work in this folder: "
            f"{', '.join(queued[:10])}{' ...' if len(queued) > 10 else ''}. Wait until they have "
            f"ended, or end them: scancel {' '.join(queued)}"
        )
    left = orphans(folder)
    if left:
        numbers = " ".join(str(process.pid) for process in left)
        tell(
            f"Jobs of an earlier call that was killed are still at work in this folder (processes "
            f"{numbers}). Waiting until they have ended; to end them: kill {numbers}"
        )
        psutil.wait_procs(left)


def orphans(folder: Path) -> list[psutil.Process]:
    """Return the jobs at work in a folder, on this machine, whose Snakemake is gone."""
    scripts = str(folder / ".snakemake" / "scripts")
    found = []
    for process in psutil.process_iter():
        try:
            if not _is_job(process.cmdline(), scripts) or Path(process.cwd()) != folder:
                continue
            above = process.parents()
            cared_for = any(_is_call(p.cmdline(), scripts) or _is_queued(p) for p in above)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if not cared_for:
            found.append(process)
    return found


def _is_job(command: list[str], scripts: str) -> bool:
    """Tell a job of Snakemake, or the script of one, by its command line."""
    return "--target-jobs" in command or any(part.startswith(scripts) for part in command)


def _is_call(command: list[str], scripts: str) -> bool:
    """Tell Snakemake itself."""
    named = any(Path(part).name == "snakemake" for part in command)
    return named and not _is_job(command, scripts)


def _is_queued(process: psutil.Process) -> bool:
    return process.name().startswith("slurmstepd")


def queued_jobs(folder: Path) -> list[str]:
    """Return the numbers of our jobs of Snakemake that SLURM holds for a folder.

    SLURM is asked only where a call has used it before: an answer may take seconds.
    """
    used = (folder / ".snakemake" / "slurm_logs").is_dir()
    if not used or shutil.which("squeue") is None:
        return []
    try:
        answer = subprocess.run(
            ["squeue", "--me", "--noheader", "--format", "%A|%j|%Z"],
            capture_output=True, text=True, timeout=_ANSWER_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return []
    found = []
    for line in answer.stdout.splitlines():
        number, name, place = line.split("|", 2)
        ours = _OF_SNAKEMAKE.search(name) and Path(place) == folder
        if ours and number != os.environ.get("SLURM_JOB_ID"):  # the one that runs this call
            found.append(number)
    return found
