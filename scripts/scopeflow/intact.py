"""Opening stores: those of this format only, and with all their files."""

import os
from collections.abc import Iterator
from pathlib import Path

import zarr

from scopeflow.errors import InputError

# Raised whenever names, dimensions or meaning of what is stored change, so that a store of
# another version is refused by name instead of being misread.
FORMAT_VERSION = 1

AGAIN = "Delete it and start again: it is made anew, and nothing else but what depends on it."


def open_store(path: str | Path) -> zarr.Group:
    """Open a store for reading after a look at its version and at its files.

    Parameters
    ----------
    path : str or Path
        Written by `stores.new_store`.

    Returns
    -------
    zarr.Group

    Raises
    ------
    InputError
        If the store is missing, was written in another format, or lacks files, or if a file
        has another size than when it was written. The contents of files are not looked at.
    """
    path = Path(path)
    try:
        group = zarr.open_group(path, mode="r")
    except FileNotFoundError:
        raise InputError(_missing(path)) from None
    except ValueError as error:  # an empty or cut zarr.json
        raise InputError(f"{path}: zarr.json cannot be read ({error}). {AGAIN}") from None
    version = group.attrs.get("format_version", 0)
    if version != FORMAT_VERSION:
        raise InputError(_other_version(path, version))
    for name, (n_files, n_bytes) in group.attrs.get("contents", {}).items():
        there = list(_sizes(path / name))
        if (len(there), sum(there)) != (n_files, n_bytes):
            raise InputError(
                f"{path}: {name} has {len(there)} files with {sum(there)} bytes, but was written "
                f"with {n_files} files and {n_bytes} bytes: it is damaged. {AGAIN}"
            )
    return group


def contents(path: Path) -> dict[str, tuple[int, int]]:
    """Return the number of files and of bytes of each array of a store, by name."""
    found = {}
    for folder in sorted(p.parent for p in path.rglob("zarr.json") if p.parent != path):
        sizes = list(_sizes(folder))
        found[folder.relative_to(path).as_posix()] = (len(sizes), sum(sizes))
    return found


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the size of every file with values of an array, in bytes."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from _sizes(Path(entry.path))
        elif entry.name != "zarr.json":
            yield entry.stat().st_size


def _missing(path: Path) -> str:
    if path.exists():
        return f"{path}: zarr.json is missing: this is not a whole store. {AGAIN}"
    return f"{path}: there is no such store. Start again: it is made anew."


def _other_version(path: Path, version: object) -> str:
    if isinstance(version, int) and version > FORMAT_VERSION:
        return (
            f"{path}: was written by a later version of Scopeflow (format {version}; this one "
            f"reads format {FORMAT_VERSION}). Use that version or a newer one."
        )
    return (
        f"{path}: was written by an earlier version of Scopeflow (format {version}; this one "
        f"reads format {FORMAT_VERSION}). {AGAIN}"
    )
