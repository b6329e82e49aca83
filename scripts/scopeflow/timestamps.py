"""Time stamps written by the miniscope software, and what they say about lost frames."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from scopeflow.errors import InputError

V4_COLUMN = "Time Stamp (ms)"
V3_COLUMNS = ("camNum", "sysClock")
NAMES = ("timeStamps.csv", "timestamp.dat")  # of the Miniscope V4's and V3's software

GAP_INTERVALS = 1.5  # an interval longer than this many usual ones may hold lost frames
GAP_MAX_S = 5.0  # longer pauses are not filled: the recording was stopped
LATE_FRAMES = 3  # a frame that came late is followed, within as many, by early ones
DIFFERENCE_MAX = 0.01  # stamps and frames differ by at most this share, else they don't belong
RATE_TOLERANCE = 0.05  # a stated rate this far from that of the stamps is worth a word


@dataclass
class TimeAxis:
    """When the frames that were delivered were taken.

    Attributes
    ----------
    fps_hz : float
        Frame rate.
    source : str
        Where it is from: the sheet, the time stamps or the file.
    time_s : ndarray of float64, shape (stamp,)
        Times of the delivered frames, the first at 0; empty if there are none to go by,
        then frames follow each other at `fps_hz`.
    missing : ndarray of int64, shape (stamp,)
        Frames lost just before each of them.
    warnings : list of str
        What the user should know.
    start_ms : float
        Reading of the clock at time 0; NaN without stamps.
    n_stamps : int
        Stamps of the recording's camera, by which it is known among other cameras.
    """

    fps_hz: float
    source: str
    time_s: np.ndarray = field(default_factory=lambda: np.zeros(0))
    missing: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    warnings: list[str] = field(default_factory=list)
    start_ms: float = float("nan")
    n_stamps: int = 0

    @property
    def clock(self) -> dict[str, float | int | None]:
        """What a result must remember to be set against other cameras of the same clock."""
        start_ms = self.start_ms if np.isfinite(self.start_ms) else None
        return {"start_ms": start_ms, "n_stamps": self.n_stamps}

    def at(self, index: int) -> float:
        """Return the time in s of a delivered frame, at a constant rate past the stamps."""
        if index < len(self.time_s):
            return float(self.time_s[index])
        if not len(self.time_s):
            return index / self.fps_hz
        return float(self.time_s[-1]) + (index - len(self.time_s) + 1) / self.fps_hz

    def gap(self, before: int, index: int) -> int:
        """Return how many frames to put between two delivered frames, of these indices.

        Frames skipped by the index were stamped but are not in the file. None are put
        into pauses longer than `GAP_MAX_S`.
        """
        if self.at(index) - self.at(before) > GAP_MAX_S:
            return 0
        return index - before - 1 + int(self.missing[before + 1 : index + 1].sum())


def read_stamps(path: str | Path, n_expected: int | None = None) -> np.ndarray:
    """Read a table of time stamps.

    Parameters
    ----------
    path : str or Path
        ``timeStamps.csv`` (Miniscope V4) or ``timestamp.dat`` (V3, which holds the stamps
        of all cameras: see `nearest_camera`).
    n_expected : int, optional
        Number of frames stated by the videos.

    Returns
    -------
    ndarray of float64, shape (stamp,)
        Milliseconds, as written.
    """
    cameras = stamps_by_camera(path)
    return cameras[nearest_camera(cameras, n_expected)]


def nearest_camera(cameras: list[np.ndarray], n_expected: int | None) -> int:
    """Return which camera's number of stamps is nearest to that of a recording's frames.

    The last frames may be stamped and not saved, or saved and not stamped, so that the numbers
    need not be equal. Without a number, and of cameras equally near, it is the first.
    """
    if n_expected is None:
        return 0
    return int(np.argmin([abs(len(stamps) - n_expected) for stamps in cameras]))


def stamps_by_camera(path: str | Path) -> list[np.ndarray]:
    """Read the time stamps of every camera in a table.

    Parameters
    ----------
    path : str or Path
        As of `read_stamps`.

    Returns
    -------
    list of ndarray of float64, shape (stamp,)
        Milliseconds, as written; one or more, by the numbers of the cameras.

    Raises
    ------
    InputError
        If it is no table, or lacks the columns.
    """
    path = Path(path)
    try:
        separator = "\t" if path.suffix == ".dat" else ","
        table = pd.read_csv(path, sep=separator, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not readable as a table of time stamps ({error}). Mend it, or take it out "
            "of the folder and give fps_hz in the sample sheet."
        ) from error
    table.columns = [str(name).strip() for name in table.columns]
    if V4_COLUMN in table:
        cameras = [table[V4_COLUMN]]
    elif set(V3_COLUMNS) <= set(table.columns):
        by_camera = table.groupby("camNum", sort=True)["sysClock"]
        cameras = [stamps for _, stamps in by_camera] or [table["sysClock"]]
    else:
        raise InputError(
            f"{path}: no column of time stamps. Expected is {V4_COLUMN!r} (Miniscope V4) or "
            f"{' and '.join(map(repr, V3_COLUMNS))} (V3); found are {', '.join(table.columns)}."
        )
    return [pd.to_numeric(c, errors="coerce").to_numpy(np.float64) for c in cameras]


def make_axis(
    stamps_ms: np.ndarray | None,
    n_stated: int | None,
    sheet_fps_hz: float | None,
    file_fps_hz: float | None,
    where: str,
    software_fps_hz: float | None = None,
) -> TimeAxis:
    """Decide on the frame rate and the times of the frames.

    Parameters
    ----------
    stamps_ms : ndarray of float64, shape (stamp,), or None
        Time stamps, if there are any.
    n_stated : int or None
        Number of frames that the videos' headers state.
    sheet_fps_hz, file_fps_hz : float or None
        Frame rates by the sample sheet and by the video's header.
    where : str
        Name of the session, for messages.
    software_fps_hz : float, optional
        Frame rate that the recording software was set to.

    Raises
    ------
    InputError
        If no source knows the frame rate.
    """
    warnings: list[str] = []
    time_s, rate = np.zeros(0), None
    if stamps_ms is not None:
        time_s, rate = _times(stamps_ms, warnings)
    if len(time_s) and n_stated and abs(len(time_s) - n_stated) > DIFFERENCE_MAX * n_stated + 1:
        warnings.append(
            f"there are {len(time_s)} time stamps, but the videos state {n_stated} frames: the "
            "stamps serve for the frame rate alone, gaps cannot be placed"
        )
        time_s = np.zeros(0)
    rates = {
        "column fps_hz of the sample sheet": sheet_fps_hz,
        "time stamps": rate,
        "metadata of the recording software": software_fps_hz,
        "header of the video": file_fps_hz,
    }
    source = next((name for name, value in rates.items() if value), None)
    if source is None:
        raise InputError(
            f"session {where}: the frame rate is not known, from neither time stamps nor the "
            "video's header. Give it in Hz in column fps_hz of the sample sheet, e.g. 20."
        )
    if rate and sheet_fps_hz and abs(rate / sheet_fps_hz - 1) > RATE_TOLERANCE:
        warnings.append(
            f"column fps_hz says {sheet_fps_hz:g} Hz, but the time stamps say {rate:.3g} Hz: "
            "the sheet is believed"
        )
        time_s = np.zeros(0)
    missing = missing_before(time_s)
    start_ms = _clock_start(stamps_ms, time_s) if len(time_s) else float("nan")
    n_stamps = 0 if stamps_ms is None else len(stamps_ms)
    return TimeAxis(float(rates[source]), source, time_s, missing, warnings, start_ms, n_stamps)


def _clock_start(stamps_ms: np.ndarray, time_s: np.ndarray) -> float:
    """Return the reading of the clock at time 0, whatever the first stamp says."""
    return float(stamps_ms[-1] - 1000 * time_s[-1])


def _times(stamps_ms: np.ndarray, warnings: list[str]) -> tuple[np.ndarray, float | None]:
    """Return times in s and the rate in Hz; no times if the stamps are broken."""
    if len(stamps_ms) < 2:
        return np.zeros(0), None
    stamps = stamps_ms.copy()
    intervals = np.diff(stamps)
    usable = intervals[np.isfinite(intervals) & (intervals > 0)]
    if len(usable) < max(len(intervals) / 2, 1):
        warnings.append("the time stamps are broken (most do not increase) and are not used")
        return np.zeros(0), None
    usual = usual_interval(usable)
    rate = 1000 / usual
    if not 0 < intervals[0] < GAP_MAX_S * 1000:  # the V3's clock often starts with garbage
        stamps[0] = stamps[1] - usual
        intervals = np.diff(stamps)
    wrong = int((~(intervals > 0)).sum())
    if wrong:
        warnings.append(
            f"{wrong} of {len(stamps)} time stamps are not later than the one before: a constant "
            f"rate of {rate:.3g} Hz is taken instead"
        )
        return np.zeros(0), rate
    return (stamps - stamps[0]) / 1000, rate


def usual_interval(intervals: np.ndarray) -> float:
    """Return the mean of the intervals near the median.

    The median itself is too coarse: stamps are whole milliseconds.
    """
    median = np.median(intervals)
    return float(intervals[np.abs(intervals - median) <= 0.5 * median].mean())


def missing_before(time_s: np.ndarray) -> np.ndarray:
    """Count the frames that were lost just before each stamped frame.

    Notes
    -----
    Stamps are times of arrival. After a frame that was merely late, the next ones come
    early and make up for it; after a lost frame they don't. So the number of frames due is
    counted up to a few stamps later, and the least excess is believed.
    """
    missing = np.zeros(len(time_s), dtype=np.int64)
    if len(time_s) < 3:
        return missing
    intervals = np.diff(time_s)
    usual = usual_interval(intervals)
    for i in np.flatnonzero(intervals > GAP_INTERVALS * usual):
        reach = min(LATE_FRAMES, len(time_s) - 2 - i)
        steps = np.arange(1, reach + 2)
        excess = np.rint((time_s[i + steps] - time_s[i]) / usual) - steps
        if intervals[i] <= GAP_MAX_S:
            missing[i + 1] = max(int(excess.min()), 0)
    return missing


def pauses(time_s: np.ndarray) -> list[tuple[int, float]]:
    """Return (index of the frame after, length in s) of pauses too long to be filled."""
    intervals = np.diff(time_s)
    return [(int(i) + 1, float(intervals[i])) for i in np.flatnonzero(intervals > GAP_MAX_S)]
