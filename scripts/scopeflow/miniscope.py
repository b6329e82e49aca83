"""What the recording software of miniscopes leaves beside the videos, besides time stamps.

Layouts: UCLA Miniscope V3 (``settings_and_notes.dat``), and V4 (``metaData.json`` of the device
and of the session, ``headOrientation.csv``). What is not told is left out, never guessed.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from scopeflow.errors import InputError

# What a recording's metadata may hold; all but numbers are text.
KEYS = ("software", "animal", "experiment", "researcher", "start", "device_name", "device_type",
        "fps_hz", "gain", "led", "exposure", "focus", "notes")  # fmt: skip
QUATERNION = ("qw", "qx", "qy", "qz")
TIME_COLUMN = "Time Stamp (ms)"
NEAR_INTERVALS = 1.5  # an orientation further from a frame than so many intervals is not its own


def read_metadata(paths: list[str | Path]) -> dict:
    """Read what the software tells of a recording.

    Parameters
    ----------
    paths : list of str or Path
        Files of the layouts above, those of the session before that of the device.

    Returns
    -------
    dict
        Some of `KEYS`. ``start`` is local time in ISO form; ``gain``, ``led``, ``exposure``,
        ``focus`` are as they were set in the software, in its units.

    Raises
    ------
    InputError
        If a file cannot be read as what its name says.
    """
    found: dict = {}
    for path in map(Path, paths):
        found.update(_from_json(path) if path.suffix.lower() == ".json" else _from_v3(path))
    return {key: found[key] for key in KEYS if found.get(key) not in (None, "", [])}


def _from_json(path: Path) -> dict:
    """Read ``metaData.json``: of a device if it names one, else of a session."""
    try:
        about = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path}: not readable as JSON ({error}). Mend it, or take it out of the folder; "
            "nothing in it is needed."
        ) from error
    if not isinstance(about, dict):
        raise InputError(f"{path}: holds no description of a recording. Take it out of the folder.")
    if "deviceType" in about or "deviceName" in about:
        return {
            "software": "Miniscope DAQ, V4",
            "device_name": about.get("deviceName"),
            "device_type": about.get("deviceType"),
            "fps_hz": _number(about.get("frameRate")),
            "gain": about.get("gain"),
            "led": about.get("led0", about.get("led")),
            "focus": about.get("ewl"),
        }
    return {
        "software": "Miniscope DAQ, V4",
        "animal": about.get("animalName"),
        "experiment": about.get("experimentName"),
        "researcher": about.get("researcherName"),
        "start": _start(about.get("recordingStartTime", about)),
    }


def _from_v3(path: Path) -> dict:
    """Read ``settings_and_notes.dat``: names and values in two lines, then notes with times."""
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: not readable ({error.strerror}).") from error
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines]
    head, values = [*rows, [], []][:2]
    table = dict(zip(head, values, strict=False))
    start = next((i for i, row in enumerate(rows) if row[0].lower() == "elapsedtime"), len(rows))
    return {
        "software": "Miniscope DAQ, V3",
        "animal": table.get("animal"),
        "led": _number(table.get("excitation")),
        "exposure": _number(table.get("msCamExposure")),
        "notes": [" ".join(filter(None, row)) for row in rows[start + 1 :] if any(row)],
    }


def _number(value: object) -> float | None:
    """Return the number at the beginning of a value such as 20, "20FPS" or "20.0"."""
    match = re.match(r"\s*(\d+(\.\d*)?)", str(value))
    return float(match[1]) if match else None


def _start(about: object) -> str | None:
    if not isinstance(about, dict):
        return None
    names = ("year", "month", "day", "hour", "minute", "second")
    parts = [_number(about.get(name)) for name in names]
    if any(part is None for part in parts):
        return None
    year, month, day, hour, minute, second = map(int, parts)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def read_orientation(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the head's orientation, ``headOrientation.csv``.

    Returns
    -------
    stamps_ms : ndarray of float64, shape (sample,)
        Readings of the clock that also stamps the frames, increasing.
    quaternions : ndarray of float32, shape (sample, 4)
        w, x, y, z, of unit length; NaN where the sensor gave none.

    Raises
    ------
    InputError
        If it is no such table.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not readable as a table ({error}). Take it out of the folder; it is not "
            "needed."
        ) from error
    table.columns = [str(name).strip() for name in table.columns]
    missing = [name for name in (TIME_COLUMN, *QUATERNION) if name not in table]
    if missing:
        raise InputError(
            f"{path}: column {missing[0]!r} is missing; found are {', '.join(table.columns)}. Take "
            "the table out of the folder; it is not needed."
        )
    numbers = table[[TIME_COLUMN, *QUATERNION]].apply(pd.to_numeric, errors="coerce")
    numbers = numbers.dropna(subset=[TIME_COLUMN]).to_numpy(np.float64)
    numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    length = np.linalg.norm(numbers[:, 1:], axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0, numbers[:, 1:] / length, np.nan)
    return numbers[:, 0], unit.astype(np.float32)


def orientation_at(
    time_s: np.ndarray, stamps_ms: np.ndarray, quaternions: np.ndarray, start_ms: float
) -> np.ndarray:
    """Return the head's orientation at each frame: the nearest in time, not interpolated.

    Parameters
    ----------
    time_s : ndarray of float64, shape (frame,)
        Times of the frames.
    stamps_ms, quaternions : ndarray
        From `read_orientation`.
    start_ms : float
        Reading of the clock at time 0.

    Returns
    -------
    ndarray of float32, shape (frame, 4)
        NaN where none is near.
    """
    found = np.full((len(time_s), 4), np.nan, dtype=np.float32)
    if not len(stamps_ms) or not len(time_s) or not np.isfinite(start_ms):
        return found
    at = start_ms + 1000 * time_s
    after = np.clip(np.searchsorted(stamps_ms, at), 1, max(len(stamps_ms) - 1, 1))
    after = np.minimum(after, len(stamps_ms) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(at - stamps_ms[before] <= stamps_ms[after] - at, before, after)
    interval = 1000 * np.median(np.diff(time_s)) if len(time_s) > 1 else np.inf
    near = np.abs(stamps_ms[nearest] - at) <= NEAR_INTERVALS * interval
    found[near] = quaternions[nearest[near]]
    return found
