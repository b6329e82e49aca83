"""What a command and all the processes it starts cost: time, processor, memory."""

import math
import re
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from scopeflow.errors import InputError

try:
    import resource
except ImportError:  # Windows, which does not add up the time of ended processes
    resource = None

INTERVAL_S = 0.2

# Snakemake runs a copy of a script, such as .snakemake/scripts/tmpq1w2e3.load.py.
SCRIPT = re.compile(r"tmp\w+\.(\w+)\.py$")


@dataclass(frozen=True)
class Usage:
    """Cost of a command.

    Attributes
    ----------
    wall_s, cpu_s : float
        Time that passed, and processor time of all processes, in seconds.
    peak_mb : float
        Largest memory of all processes together, in MB: proportional set size, which counts
        shared pages once (resident size where the system does not tell the former).
    script_mb : dict
        The same of each script that Snakemake ran, by its name.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    script_mb: dict[str, float] = field(default_factory=dict)


def run_measured(command: list[str], folder: Path, log: Path, env: dict | None = None) -> Usage:
    """Run a command in a folder and measure what it costs.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    folder : Path
        Working directory.
    log : Path
        Takes what the command prints.
    env : dict, optional
        Environment variables, instead of our own.

    Returns
    -------
    Usage
        The memory is sampled every 0.2 s.

    Raises
    ------
    InputError
        When the command fails; with the end of what it printed, which says whether that is the
        user's to mend.
    """
    before, start = _cpu_of_children(), time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, env=env)
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            status = process.wait()
        finally:
            sampler.stop()
            if process.poll() is None:
                _kill_all(psutil.Process(process.pid))
                process.wait()
    if status:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise InputError(f"{' '.join(command)} failed with status {status}:\n{end}")
    wall = time.perf_counter() - start
    return Usage(wall, _cpu_of_children() - before, sampler.peak_mb, sampler.script_mb)


def _cpu_of_children() -> float:
    """Processor time of all finished child processes and theirs, in seconds; NaN if not told."""
    if resource is None:
        return math.nan
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _kill_all(root: psutil.Process) -> None:
    """Kill a process and all below it, which would go on in a folder that is removed."""
    with suppress(psutil.NoSuchProcess):
        for process in [*root.children(recursive=True), root]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def size_mb(folder: Path) -> float:
    """Return the size of all files of a folder in MB, though some may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:
            continue
    return total / 1e6


class _Sampler(threading.Thread):
    """Watches the memory of a process and all below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self.peak_mb = 0.0
        self.script_mb: dict[str, float] = {}

    def run(self) -> None:
        while not self._done.wait(INTERVAL_S):
            self.peak_mb = max(self.peak_mb, self._memory_mb())

    def stop(self) -> None:
        self._done.set()
        self.join()

    def _memory_mb(self) -> float:
        total = 0
        try:
            processes = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return 0.0
        for process in processes:
            try:
                memory = process.memory_full_info()
                size = getattr(memory, "pss", memory.rss)
                self._note_script(process.cmdline(), size / 1e6)
            except psutil.Error:  # it has ended meanwhile
                continue
            total += size
        return total / 1e6

    def _note_script(self, arguments: list[str], size_mb: float) -> None:
        for found in map(SCRIPT.search, arguments):
            if found:
                name = found.group(1)
                self.script_mb[name] = max(self.script_mb.get(name, 0.0), size_mb)
