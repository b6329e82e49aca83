"""Logging inside a job: one file per job, the same lines on stderr."""

import errno
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from scopeflow.errors import InputError

logger = logging.getLogger(__name__)

T = TypeVar("T")

PROGRESS_INTERVAL_S = 30.0

# What to say for a failure of the disk; the failing path is added by job_log.
DISK_REMEDIES = {
    errno.ENOSPC: "The disk is full. Free some space or point `results` at another disk, "
    "then start again: finished steps are kept.",
    errno.EDQUOT: "The disk quota is used up. Free some space or point `results` at another "
    "disk, then start again: finished steps are kept.",
    errno.EACCES: "No permission. Make the folder writable, or point `results` elsewhere.",
    errno.EPERM: "No permission. Make the folder writable, or point `results` elsewhere.",
    errno.EROFS: "The file system is read-only. Point `results` at a writable disk.",
}


@contextmanager
def job_log(path: str) -> Iterator[None]:
    """Send log records, warnings and failures of a job to its log file and to stderr.

    Parameters
    ----------
    path : str
        Log file of the job (``snakemake.log[0]``); overwritten.

    Notes
    -----
    An `InputError` and a failure of the disk are told without a traceback, everything
    else with one; all of them end the job with exit code 1.
    """
    handlers = [logging.FileHandler(path, mode="w"), logging.StreamHandler(sys.stderr)]
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=handlers,
        force=True,
    )
    logging.captureWarnings(True)
    start = time.perf_counter()
    try:
        yield
    except InputError as error:
        logging.error("%s", error)
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_REMEDIES:
            logging.exception("the job failed")
            sys.exit(1)
        where = f"{error.filename}: " if error.filename else ""
        logging.error("%s%s. %s", where, error.strerror, DISK_REMEDIES[error.errno])
        sys.exit(1)
    except Exception:
        logging.exception("the job failed; this is a bug in Scopeflow, please report it")
        sys.exit(1)
    logging.info("done in %.1f s", time.perf_counter() - start)


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield `items`, logging a line at most every 30 s and one at the end.

    Parameters
    ----------
    items : iterable
        What is worked on.
    total : int
        Number of items.
    what : str
        Words of the line, such as ``"frames registered"``.
    """
    start = last = time.perf_counter()
    count = 0
    for count, item in enumerate(items, start=1):
        yield item
        now = time.perf_counter()
        if now - last > PROGRESS_INTERVAL_S:
            logger.info("%s: %d/%d (%.0f s)", what, count, total, now - start)
            last = now
    logger.info("%s: %d/%d (%.1f s)", what, count, total, time.perf_counter() - start)
