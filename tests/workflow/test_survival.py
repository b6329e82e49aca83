"""Killed jobs and calls, loss of power, moves, damage: the next call ends with the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import zarr

from project import UNITS, Project

pytestmark = pytest.mark.slow

TWO = ["--max-threads", "2", "--", UNITS]
FOUR = ["--cores", "4", "--max-threads", "4", "--", UNITS]  # on two cores: threads all the same


def assert_same_bits(project: Project, undisturbed: Project, store: str = UNITS) -> None:
    """Compare every array of a store, and see that nothing half-written lies about."""
    pair = [zarr.open_group(p.folder / store, mode="r") for p in (project, undisturbed)]
    assert set(pair[0].array_keys()) == set(pair[1].array_keys())
    for name in pair[1].array_keys():
        first, second = (group[name][...] for group in pair)
        assert first.dtype == second.dtype, name
        assert first.tobytes() == second.tobytes(), name
    hidden = (project.folder / "results").rglob(".*")
    assert not [path for path in hidden if path.suffix in (".part", ".lock")]


def lose_what_was_not_flushed(project: Project) -> int:
    """Empty or zero the files that nobody flushed; return how many of them lay in stores."""
    folder = project.folder
    parts = [p for part in folder.glob("results/**/.*.part") for p in part.rglob("*")]
    parts = [path for path in parts if path.is_file()]
    newest = []
    for place in (folder / "logs", folder / "benchmarks", folder / ".snakemake" / "metadata"):
        files = [path for path in place.rglob("*") if path.is_file()]
        newest += sorted(files, key=lambda path: path.stat().st_mtime)[-2:]
    for i, path in enumerate([*parts, *newest]):
        path.write_bytes(bytes(path.stat().st_size) if i % 2 else b"")
    return len(parts)


def unlock(project: Project) -> None:
    """See that the lock of a killed call is named with its remedy, and apply it."""
    refused = project.run("--", UNITS)
    assert refused.returncode != 0
    assert "--unlock" in refused.stderr
    project.complete("--unlock")


def test_kills_and_a_loss_of_power_change_no_bit(undisturbed, tmp_path):
    """Three accidents in one run, which also has other numbers of threads."""
    project = Project(tmp_path / "project")
    project.halt_in("apply_motion", "seeds_init", "compute_traces")
    project.sheet("s1\tm1\tfake")
    project.configure(**undisturbed.base)

    # A job is killed. Its store has no name yet.
    project.halt("apply_motion")
    run = project.launch(*TWO)
    os.kill(project.halted("apply_motion", run), signal.SIGKILL)
    assert run.wait(120) != 0
    assert "apply_motion" in project.said()
    motion = project.folder / "results/s1/default/motion"
    assert list(motion.glob(".Y.zarr.*.part"))
    assert not (motion / "Y.zarr").exists()
    project.go_on("apply_motion")

    # Snakemake is killed, its job goes on: the next call waits for it.
    project.halt("seeds_init")
    run = project.launch(*TWO)
    job = project.halted("seeds_init", run)
    run.kill()
    run.wait()
    unlock(project)
    project.halt("compute_traces")
    run = project.launch(*FOUR)
    project.wait_until(lambda: "Waiting until they have ended" in project.said(), run)
    assert str(job) in project.said()
    project.go_on("seeds_init")

    # The power goes: all processes end at once, and what was not flushed is lost.
    job = project.halted("compute_traces", run)
    run.kill()
    os.kill(job, signal.SIGKILL)
    run.wait()
    assert lose_what_was_not_flushed(project) > 3
    project.go_on("compute_traces")
    unlock(project)
    project.complete(*FOUR)
    assert_same_bits(project, undisturbed)
    assert "Nothing to be done" in project.complete(*FOUR).stderr


def test_a_project_may_move_and_damage_is_told_with_the_remedy(undisturbed, tmp_path):
    project = Project(tmp_path / "first")
    moved = tmp_path / "moved" / "to" / "another place"
    shutil.rmtree(project.folder)
    shutil.copytree(undisturbed.folder, moved, symlinks=True)
    project.folder = moved
    assert "Nothing to be done" in project.complete("--", UNITS).stderr
    old = str(undisturbed.folder).encode()
    for name in ("results", "simulated", "logs", "benchmarks"):
        for path in (moved / name).rglob("*"):
            assert path.is_dir() or old not in path.read_bytes(), path

    folder = moved / "results/s1/default"

    def refused(store: str, words: str) -> None:
        run = project.run("--", UNITS)
        assert run.returncode != 0
        assert f"{store}: {words}" in run.stderr.replace("\n", " ")
        assert "Delete it and start again" in run.stderr
        assert "Traceback" not in run.stderr
        shutil.rmtree(moved / store)

    shutil.rmtree(folder / "units.zarr")
    shutil.rmtree(folder / "traces")
    chunk = next(
        path for path in (folder / "spatial/1/units.zarr/A/c").rglob("*") if path.is_file()
    )
    chunk.write_bytes(chunk.read_bytes()[:-1])
    refused("results/s1/default/spatial/1/units.zarr", "A has 1 files with")

    described = folder / "noise/noise.zarr/zarr.json"
    text = json.loads(described.read_text())
    text["attributes"]["format_version"] = 0
    described.write_text(json.dumps(text))
    refused("results/s1/default/noise/noise.zarr", "was written by an earlier version")

    project.complete(*TWO)
    assert_same_bits(project, undisturbed)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_full_disk_is_told_and_once_there_is_room_the_next_call_goes_on(undisturbed, tmp_path):
    project = Project(tmp_path / "project")
    project.sheet("s1\tm1\tfake")
    project.configure(**undisturbed.base)
    disk = project.folder / "results"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    raw = "results/s1/default/load/raw.zarr"
    try:
        run = project.run("--", raw)
        assert run.returncode != 0
        assert "The disk is full" in run.stderr
        assert "Traceback" not in run.stderr
        assert not list(disk.rglob("*.part"))
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        project.complete("--", raw)
        assert_same_bits(project, undisturbed, raw)
    finally:
        subprocess.run(["umount", str(disk)], check=False)
