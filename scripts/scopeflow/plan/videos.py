"""Which files make up a recording: found by listing its folder, never by opening videos."""

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from scopeflow.errors import InputError

VIDEOS = (".avi", ".mkv", ".mp4", ".mov", ".m4v", ".tif", ".tiff", ".isxd")
# Taken only where there is no video: other programs leave such files beside videos.
ARRAYS = (".nwb", ".h5", ".hdf5", ".npy", ".zarr")
SUFFIXES = VIDEOS + ARRAYS
TIMESTAMPS = ("timestamps.csv", "timestamp.dat")  # in lower case
METADATA = ("metadata.json", "settings_and_notes.dat")
ORIENTATION = ("headorientation.csv",)
ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")
V3_CAMERAS = re.compile(r"(mscam|behavcam)\d*\.\w+", re.IGNORECASE)


@dataclass(frozen=True)
class Recording:
    """The files of one recording.

    Attributes
    ----------
    videos : list of str
        In order of time.
    timestamps, metadata, orientation : list of str
        What the miniscope software left with them, if anything; metadata of the session
        before that of the device.
    """

    videos: list[str]
    timestamps: list[str] = field(default_factory=list)
    metadata: list[str] = field(default_factory=list)
    orientation: list[str] = field(default_factory=list)


def natural_key(name: str) -> list:
    """Return a key that sorts ``msCam2`` before ``msCam10``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts] + [(-2, name)]


@lru_cache(None)
def _listing(folder: Path) -> tuple[str, ...]:
    """Return what is in a folder in natural order: files and stores, no hidden ones."""
    names = [e.name for e in folder.iterdir() if e.is_file() or _is_store(e)]
    return tuple(sorted((n for n in names if not n.startswith(".")), key=natural_key))


def _is_store(path: Path) -> bool:
    return path.is_dir() and any((path / mark).is_file() for mark in ZARR_MARKS)


def find_recording(path: str | Path, pattern: str | None, where: str) -> Recording:
    """Return the files of a recording.

    Parameters
    ----------
    path : str or Path
        One file or zarr store, a folder with videos, or a folder with one folder for each
        device, as the V4's software makes it.
    pattern : str or None
        Glob for the names of the videos in the folder; None takes every file with one of the
        `VIDEOS` suffixes, else of the `ARRAYS`.
    where : str
        File and row of the session, for messages.

    Raises
    ------
    InputError
        If there is no video, or if the folder holds more than one recording.
    """
    path = Path(path)
    if path.is_file() or _is_store(path):
        return Recording([path.as_posix()])
    folder = _device_folder(path, pattern, where)
    beside = [folder] if folder == path else [path, folder]
    return Recording(
        find_videos(folder, pattern, where),
        _named(folder, TIMESTAMPS)[:1],
        [file for place in beside for file in _named(place, METADATA)],
        _named(folder, ORIENTATION)[:1],
    )


def find_videos(path: str | Path, pattern: str | None, where: str) -> list[str]:
    """Return the videos of a folder in natural order; see `find_recording`."""
    path = Path(path)
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
        found = _videos_of(names)
        if not found:
            raise InputError(
                f"{where}: folder {path} has no video; known are {', '.join(SUFFIXES)}, found: "
                f"{_some(names)}. Correct column path."
            )
        _refuse_mixture(found, where, path)
    return [(path / name).as_posix() for name in found]


def has_recording(folder: Path) -> bool:
    """Say whether a folder holds videos, or the folder of a miniscope with videos."""
    return bool(_videos_of(_listing(folder)) or _miniscopes(folder))


def _videos_of(names: tuple[str, ...]) -> list[str]:
    """Return the names that are videos; of the V3's two cameras, those of the miniscope."""
    found = [name for name in names if name.lower().endswith(VIDEOS)]
    found = found or [name for name in names if name.lower().endswith(ARRAYS)]
    miniscope = [name for name in found if name.lower().startswith("mscam")]
    if miniscope and all(V3_CAMERAS.fullmatch(name) for name in found):
        return miniscope
    return found


def _device_folder(path: Path, pattern: str | None, where: str) -> Path:
    """Return the folder with the videos: the one given, or the miniscope's within it."""
    names = _listing(path)
    here = _videos_of(names) if pattern is None else [n for n in names if fnmatchcase(n, pattern)]
    if here:
        return path
    devices = _miniscopes(path)
    if len(devices) > 1:
        raise InputError(
            f"{where}: folder {path} holds more than one miniscope: "
            f"{', '.join(device.name for device in devices)}. Write a row for each, with its own "
            "folder in column path."
        )
    return devices[0] if devices else path


@lru_cache(None)
def _miniscopes(folder: Path) -> tuple[Path, ...]:
    """Return the folders within a folder that hold a miniscope's videos, by name or metadata."""
    inside = [e for e in folder.iterdir() if e.is_dir() and not e.name.startswith(".")]
    inside = sorted((e for e in inside if _videos_of(_listing(e))), key=lambda e: e.name)
    named = tuple(e for e in inside if "miniscope" in e.name.lower())
    return named or tuple(e for e in inside if "miniscope" in _device_type(e).lower())


def _device_type(folder: Path) -> str:
    for file in _named(folder, METADATA[:1]):
        try:
            about = json.loads(Path(file).read_text("utf-8-sig"))
        except (ValueError, OSError):
            return ""
        return str(about.get("deviceType", "")) if isinstance(about, dict) else ""
    return ""


def timestamps_in(folder: Path) -> list[str]:
    """Return the tables of time stamps that the miniscope software left in a folder."""
    return _named(folder, TIMESTAMPS) if folder.is_dir() else []


def _named(folder: Path, known: tuple[str, ...]) -> list[str]:
    return [(folder / name).as_posix() for name in _listing(folder) if name.lower() in known]


def _refuse_mixture(names: list[str], where: str, folder: Path) -> None:
    """Refuse to guess which of two cameras, or of two formats, is meant."""
    if all(name.lower().startswith("behavcam") for name in names):
        raise InputError(
            f"{where}: folder {folder} holds videos of the behaviour camera only, such as "
            f"{names[0]}. Correct column path, or name the files in column pattern."
        )
    kinds: dict[str, str] = {}
    for name in names:
        suffix = Path(name).suffix.lower().replace(".tiff", ".tif").replace(".hdf5", ".h5")
        kinds.setdefault(("behav*" if name.lower().startswith("behav") else "*") + suffix, name)
    if len(kinds) > 1:
        raise InputError(
            f"{where}: folder {folder} holds more than one series of videos: "
            f"{', '.join(kinds.values())}. Name the files of the miniscope in column pattern, "
            "such as msCam*.avi."
        )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
