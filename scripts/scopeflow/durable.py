"""Files that survive a loss of power, and that one process at a time writes."""

import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

try:
    import fcntl
except ImportError:  # Windows, which has no locks of this kind
    fcntl = None

logger = logging.getLogger(__name__)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Force a file, or a folder with all that is in it, to the disk.

    A rename may reach the disk before the contents of what is renamed; a name reaches it
    with the folder that holds it, not with the file.
    """
    if path.is_file():
        with path.open("rb+") as handle:
            os.fsync(handle.fileno())
        return
    for folder, _, files in os.walk(path):
        for name in files:
            flush(Path(folder, name))
        flush_names(Path(folder))


def flush_names(folder: Path) -> None:
    """Force the names of the files in a folder to the disk, where the system lets folders be."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Keep other processes from writing the same thing; wait for one that is about it.

    Parameters
    ----------
    path : Path
        What is written. The lock is on a file ``.NAME.lock`` beside it.

    Notes
    -----
    When Snakemake is killed, its jobs go on, and the next call starts the same jobs again.
    The lock is the system's (flock): it ends with the process that holds it, however that
    ends, so that nothing is left to be cleared by hand. It holds between the machines that
    share a file system if that does locks (NFS does since version 4); else a line in the log
    says that there are none.
    """
    lock = path.with_name(f".{path.name}.lock")
    handle = _locked(lock, path)
    try:
        yield
    finally:
        if handle is not None:
            lock.unlink(missing_ok=True)
            handle.close()


def _locked(lock: Path, path: Path) -> TextIO | None:
    """Return the lock's file, open and locked; None where there are no locks."""
    if fcntl is None:
        return None
    told = False
    while True:
        handle = lock.open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                logger.warning(
                    "%s is just being written by another job (%s), which an earlier call that "
                    "was killed may have left behind. Waiting until it has ended; to end it, "
                    "kill that process.", path, _holder(handle),
                )  # fmt: skip
                told = True
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            logger.warning(
                "this file system has no locks (%s): make sure that no job of an earlier call "
                "still runs", error.strerror,
            )  # fmt: skip
            handle.close()
            lock.unlink(missing_ok=True)
            return None
        if _still_there(handle, lock):
            handle.truncate(0)
            clock = time.strftime("%Y-%m-%d %H:%M:%S")
            handle.write(f"process {os.getpid()} on {socket.gethostname()} since {clock}\n")
            handle.flush()
            return handle
        handle.close()  # its holder has removed it with its own last step


def _holder(handle: TextIO) -> str:
    handle.seek(0)
    return handle.read().strip() or "unknown"


def _still_there(handle: TextIO, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), lock.stat())
    except FileNotFoundError:
        return False
