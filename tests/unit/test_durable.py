"""What is written reaches the disk before it gets its name, and one process writes at a time."""

import errno
import fcntl
import logging
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from scopeflow import durable
from scopeflow.durable import flush, remove, sole_writer
from scopeflow.stores import create, new_store, put

SPAWN = multiprocessing.get_context("spawn")  # a fork would take the threads of zarr along


def test_every_file_and_every_folder_is_flushed_before_the_rename(tmp_path, monkeypatch):
    flushed, named = {}, []
    fsync = os.fsync

    def record(descriptor):
        flushed[os.fstat(descriptor).st_ino] = len(named)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    goal = tmp_path / "a.zarr"
    with new_store(goal) as part:
        put(create(part), "values", np.arange(5), ("frame",))
        rename = type(part).rename
        monkeypatch.setattr(type(part), "rename", lambda *a: (named.append(1), rename(*a)))
    for path in [goal, *goal.rglob("*")]:
        assert flushed[path.stat().st_ino] == 0, path  # before the rename
    assert flushed[tmp_path.stat().st_ino] == 1  # the new name itself


def test_a_single_file_is_flushed(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", seen.append)
    (tmp_path / "table.tsv").write_text("a\n")
    flush(tmp_path / "table.tsv")
    assert len(seen) == 1


def test_nothing_happens_when_there_is_nothing_to_remove(tmp_path):
    remove(tmp_path / "none")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    remove(tmp_path / "folder")
    assert not list(tmp_path.iterdir())


def hold(path, started) -> None:
    with sole_writer(path):
        started.set()
        time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    """A process of its own that is about to write `a.zarr`."""
    started = SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(tmp_path / "a.zarr", started))
    process.start()
    assert started.wait(30)
    yield process
    process.kill()
    process.join()


def write(path, text, started) -> None:
    started.set()
    with new_store(path) as part:
        part.write_text(text)


def test_a_second_process_waits_until_the_first_is_gone_even_if_it_is_killed(tmp_path, holder):
    started = SPAWN.Event()
    second = SPAWN.Process(target=write, args=(tmp_path / "a.zarr", "second", started))
    second.start()
    assert started.wait(30)
    second.join(0.5)
    assert second.is_alive()
    assert not (tmp_path / "a.zarr").exists()
    os.kill(holder.pid, signal.SIGKILL)
    second.join(30)
    assert second.exitcode == 0
    assert (tmp_path / "a.zarr").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_who_waits_says_for_whom(tmp_path, holder, caplog, monkeypatch):
    flock = fcntl.flock

    def no_wait(handle, operation):
        if operation == fcntl.LOCK_EX:
            os.kill(holder.pid, signal.SIGKILL)
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", no_wait)
    with caplog.at_level(logging.WARNING), sole_writer(tmp_path / "a.zarr"):
        pass
    assert "a.zarr is just being written by another job" in caplog.text
    assert f"process {holder.pid} on " in caplog.text


def test_other_stores_of_the_folder_are_not_held_up(tmp_path, holder):
    with sole_writer(tmp_path / "b.zarr"):
        assert holder.is_alive()


def test_a_file_system_without_locks_is_told_and_used_all_the_same(tmp_path, caplog, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with sole_writer(tmp_path / "a.zarr"):
        pass
    assert "has no locks (Function not implemented)" in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_system_without_such_locks_works_without_them(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "fcntl", None)
    with sole_writer(tmp_path / "a.zarr"):
        assert not list(tmp_path.iterdir())
