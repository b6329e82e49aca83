"""What the system keeps of files in memory: room for what comes next."""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO


def let_go(file: IO[bytes]) -> None:
    """Tell the system that it need not keep an open file in memory.

    What is not on the disk yet begins to be written; the rest makes room for what is written
    next, where a long recording would push out what is read again soon. A hint: some systems do
    not take it, and none needs it.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def let_go_of(path: Path) -> None:
    """Do the same for a file that is not open; nothing happens for a folder."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                let_go(file)
