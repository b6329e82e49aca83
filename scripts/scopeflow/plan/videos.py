"""Which files make up a recording: found by listing its folder, never by opening them."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from scopeflow.errors import InputError

SUFFIXES = (".avi", ".mkv", ".mp4", ".tif", ".tiff")
TIMESTAMPS = ("timestamps.csv", "timestamp.dat")  # in lower case


def natural_key(name: str) -> list:
    """Return a key that sorts ``msCam2`` before ``msCam10``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts] + [(-2, name)]


@lru_cache(None)
def _listing(folder: Path) -> tuple[str, ...]:
    """Return the names of the files in a folder in natural order, without hidden ones."""
    files = [entry.name for entry in folder.iterdir() if entry.is_file()]
    return tuple(sorted((n for n in files if not n.startswith(".")), key=natural_key))


def find_videos(path: str | Path, pattern: str | None, where: str) -> list[str]:
    """Return the files of a recording in natural order.

    Parameters
    ----------
    path : str or Path
        A folder, or one file.
    pattern : str or None
        Glob for the names of the files in the folder; None takes every file with one of
        the `SUFFIXES`.
    where : str
        File and row of the session, for messages.

    Raises
    ------
    InputError
        If there is none, or if the folder holds more than one recording.
    """
    path = Path(path)
    if path.is_file():
        return [path.as_posix()]
    names = _listing(path)
    if not names:
        raise InputError(f"{where}: folder {path} has no files. Correct column path.")
    if pattern is not None:
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            raise InputError(
                f"{where}: no file of folder {path} matches the pattern {pattern!r}; found: "
                f"{_some(names)}. Correct the pattern (column pattern, or load.pattern)."
            )
    else:
        found = [name for name in names if name.lower().endswith(SUFFIXES)]
        if not found:
            raise InputError(
                f"{where}: folder {path} has no video; known are {', '.join(SUFFIXES)}, found: "
                f"{_some(names)}. Correct column path."
            )
        _refuse_mixture(found, where, path)
    return [(path / name).as_posix() for name in found]


def _refuse_mixture(names: list[str], where: str, folder: Path) -> None:
    """Refuse to guess which of two cameras, or of two formats, is meant."""
    kinds: dict[str, str] = {}
    for name in names:
        suffix = Path(name).suffix.lower().replace(".tiff", ".tif")
        kinds.setdefault(("behav*" if name.lower().startswith("behav") else "*") + suffix, name)
    if len(kinds) > 1:
        raise InputError(
            f"{where}: folder {folder} holds more than one series of videos: "
            f"{', '.join(kinds.values())}. Name the files of the miniscope in column pattern, "
            "such as msCam*.avi."
        )


def find_timestamps(path: str | Path) -> list[str]:
    """Return the table of time stamps that the miniscope software left in a folder, if any."""
    path = Path(path)
    if not path.is_dir():
        return []
    names = [name for name in _listing(path) if name.lower() in TIMESTAMPS]
    return [(path / name).as_posix() for name in names[:1]]


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
