"""Copies of the project to run in, and the command line."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PARTS = ["workflow", "config", "profiles", "environment.yml"]
# Snakemake's plugin asks SLURM for its settings whenever Snakemake starts, and waits ten
# seconds where it is installed but does not run: without settings it fails at once.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "SLURM_CONF": os.devnull}
IGNORED = shutil.ignore_patterns("__pycache__")

# Stands in for every script where the mechanics of the workflow are tested, not numerics:
# writes a digest of all that a job may depend on. The imports of the script it replaces
# stay where the digest of the code sees them.
MODEL_SCRIPT = """
import hashlib, os, pathlib, time
def text(path):
    path = pathlib.Path(path)
    return (path / "content" if path.is_dir() else path).read_text()
inputs = [text(path) for path in snakemake.input]
params = {k: v for k, v in snakemake.params.items() if k not in ("code", "computed_by")}
digest = hashlib.sha256(repr((inputs, params)).encode()).hexdigest()
for path in snakemake.output:
    path = pathlib.Path(path)
    if path.suffix == ".zarr" or path.name == "export":
        path.mkdir(parents=True, exist_ok=True)
        path = path / "content"
    path.write_text(path.name + digest)
    wait = pathlib.Path("wait_in_" + snakemake.rule)
    if wait.exists():
        path.write_text("half")
        wait.write_text(str(os.getpid()))
        for _ in range(1200):
            time.sleep(0.1 * wait.exists())
        path.write_text(path.name + digest)
"""

# Put before a real script: halts it where its store is written but neither flushed nor
# renamed, as long as there is a file of the name given.
HALT = """
import os as _os, pathlib as _pathlib, time as _time
import scopeflow.stores as _stores
def _halt(path, flush=_stores.flush):
    wait = _pathlib.Path("wait_in_{rule}")
    if wait.exists():
        wait.write_text(str(_os.getpid()))
        for _ in range(1200):
            _time.sleep(0.1 * wait.exists())
    flush(path)
_stores.flush = _halt
"""


class Project:
    """A folder with a copy of the project, and runs in it.

    The scripts are linked, not copied, so that their kernels are compiled once for all tests.
    """

    environment = ENVIRONMENT

    def __init__(self, folder: Path, **config) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for part in PARTS:
            source, goal = ROOT / part, folder / part
            if source.is_dir():
                shutil.copytree(source, goal, symlinks=True, ignore=IGNORED)
            else:
                shutil.copy(source, goal)
        (folder / "scripts").symlink_to(ROOT / "scripts")
        self.configure(**config)

    def configure(self, **config) -> None:
        (self.folder / "my.yaml").write_text(yaml.safe_dump(config), "utf-8")

    def sheet(self, *rows: str, header: str = "session\tanimal\tpath") -> str:
        (self.folder / "sheet.tsv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
        return "sheet.tsv"

    def use_model_scripts(self) -> None:
        """Replace every script by the model, which keeps the imports of the original."""
        (self.folder / "scripts").unlink()
        shutil.copytree(ROOT / "scripts", self.folder / "scripts", ignore=IGNORED)
        rules = "".join(f.read_text("utf-8") for f in self.folder.glob("workflow/rules/*.smk"))
        for name in set(re.findall(r"scripts/(\w+\.py)", rules)):
            script = self.folder / "scripts" / name
            text = script.read_text("utf-8") if script.exists() else ""
            lines = re.findall(r"^(?:import|from) [^(\n]*(?:\([^)]*\))?$", text, re.MULTILINE)
            imports = "".join(f"    {line}\n" for line in lines)
            script.write_text(f"if False:\n{imports or '    pass'}\n{MODEL_SCRIPT}", "utf-8")

    def halt_in(self, *rules: str) -> None:
        """Have the real scripts of some rules halt in the middle of a store, when told to."""
        (self.folder / "scripts").unlink()
        (self.folder / "scripts").mkdir()
        for path in (ROOT / "scripts").iterdir():
            goal = self.folder / "scripts" / path.name
            if path.stem in rules:
                text = path.read_text("utf-8")
                goal.write_text(HALT.replace("{rule}", path.stem) + text, "utf-8")
            elif path.name not in ("__pycache__",):
                goal.symlink_to(path)

    def launch(self, *arguments: str) -> subprocess.Popen:
        """Start a run and return at once; what it prints is in `said`."""
        self._said = self.folder / f"said_{time.monotonic_ns()}.txt"
        with self._said.open("w") as words:
            return subprocess.Popen(
                self.command(*arguments), cwd=self.folder, stdout=words, stderr=words,
                env=self.environment, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """Return what the run launched last has printed so far."""
        return self._said.read_text("utf-8")

    def halt(self, rule: str) -> None:
        """Have the next job of a rule halt in the middle of a write (see `halt_in`)."""
        (self.folder / f"wait_in_{rule}").touch()

    def halted(self, rule: str, run: subprocess.Popen) -> int:
        """Wait until a job of the rule has halted; return its process."""
        flag = self.folder / f"wait_in_{rule}"
        self.wait_until(flag.read_text, run)
        return int(flag.read_text())

    def go_on(self, rule: str) -> None:
        """Let a job that has halted go on, and later ones not halt."""
        (self.folder / f"wait_in_{rule}").unlink()

    def wait_until(self, true: Callable[[], object], run: subprocess.Popen) -> None:
        """Wait until something is true, as long as a run lives."""
        deadline = time.monotonic() + 240
        while not true():
            assert run.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def command(self, *arguments: str) -> list[str]:
        cores = ["--configfile", "my.yaml", "--cores", "2"]
        return [sys.executable, "-m", "snakemake", *cores, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=540,
            env=self.environment,
            check=False,
        )

    def complete(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run, and fail the test with Snakemake's words if it fails."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-8000:]
        return done

    def due(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule would run."""
        text = self.complete("--dry-run", "--quiet", "rules", *arguments).stdout
        jobs = re.findall(r"^(\w+) +(\d+)$", text.partition("Reasons")[0], re.MULTILINE)
        return {rule: int(count) for rule, count in jobs if rule not in ("total", "all")}


FAKE = {
    "height_px": 96, "width_px": 96, "n_frames": 300, "n_cells": 16, "frames_per_file": 200,
    "motion_max_px": 4, "spike_probability": 0.01,
}  # fmt: skip

UNITS = "results/s1/default/units.zarr"
