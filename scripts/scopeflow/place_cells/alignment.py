"""Positions at the times of the recording's frames, by the time stamps of both cameras."""

from pathlib import Path

import numpy as np

from scopeflow.errors import InputError
from scopeflow.place_cells.behavior import Behavior
from scopeflow.timestamps import (
    GAP_MAX_S,
    nearest_camera,
    read_stamps,
    stamps_by_camera,
    usual_interval,
)

DISORDER_MAX = 0.1  # share of samples not later than the one before, beyond which it is refused


def sample_times(
    behavior: Behavior,
    where: str,
    stamps_ms: np.ndarray | None,
    origin_ms: float,
    fps_hz: float | None,
    offset_s: float = 0.0,
) -> np.ndarray:
    """Return when the samples of a table were taken, on the clock of the recording.

    Parameters
    ----------
    behavior : Behavior
        The table.
    where : str
        Its path, for messages.
    stamps_ms : ndarray of float64, shape (frame,), or None
        Time stamps of the behavior video.
    origin_ms : float
        Stamp of the recording's first frame, on the same clock.
    fps_hz : float or None
        Frame rate of the behavior video, where there are no stamps.
    offset_s : float, optional
        Added to all times.

    Returns
    -------
    ndarray of float64, shape (sample,)
        In s; NaN for frames without a stamp.

    Raises
    ------
    InputError
        If frames have neither stamps nor a rate, or most have no stamp.
    """
    if behavior.time_s is not None:
        return behavior.time_s + offset_s
    frame = behavior.frame
    if stamps_ms is None:
        if fps_hz is None:
            raise InputError(
                f"{where}: a table of {behavior.kind} counts frames, but when these were taken is "
                "not known. Put the table into the folder of its camera, beside timeStamps.csv or "
                "timestamp.dat, or set place_cells.behavior_fps_hz."
            )
        return frame / fps_hz + offset_s
    known = (frame >= 0) & (frame < len(stamps_ms))
    if known.mean() < 1 - DISORDER_MAX:
        raise InputError(
            f"{where}: it has frames up to {frame.max()}, but its camera has {len(stamps_ms)} time "
            "stamps. Give the table of the whole video at its own frame rate, or set "
            "place_cells.behavior_fps_hz and take the stamps out of the folder."
        )
    times = np.full(len(frame), np.nan)
    times[known] = (stamps_ms[frame[known]] - origin_ms) / 1000
    return times + offset_s


def mended(stamps_ms: np.ndarray) -> np.ndarray:
    """Return stamps whose first one is set right: the clock of the V3 often starts with garbage."""
    stamps = stamps_ms.copy()
    if len(stamps) > 2 and not 0 < stamps[1] - stamps[0] < GAP_MAX_S * 1000:
        intervals = np.diff(stamps)
        usable = intervals[np.isfinite(intervals) & (intervals > 0)]
        if len(usable):
            stamps[0] = stamps[1] - usual_interval(usable)
    return stamps


def clock_start_ms(path: str | Path, n_recording: int) -> float | None:
    """Return the reading of the recording's clock at its first frame; None without any stamp.

    Parameters
    ----------
    path : str or Path
        Table of the recording's stamps.
    n_recording : int
        As of `behavior_stamps`.
    """
    stamps = mended(read_stamps(path, n_recording))
    return float(stamps[0]) if len(stamps) else None


def behavior_stamps(path: str | Path, n_recording: int) -> np.ndarray | None:
    """Read the stamps of the behavior camera from a table of stamps.

    Parameters
    ----------
    path : str or Path
        ``timeStamps.csv`` of the camera's folder, or the ``timestamp.dat`` of all cameras.
    n_recording : int
        Number of stamps of the miniscope, by which its camera is known and left out.

    Returns
    -------
    ndarray of float64, shape (frame,), or None
        Milliseconds; None if the miniscope's camera is the only one.
    """
    cameras = stamps_by_camera(path)
    if Path(path).suffix != ".dat":
        return mended(cameras[0])
    own = nearest_camera(cameras, n_recording)
    others = cameras[:own] + cameras[own + 1 :]
    return mended(others[0]) if others else None


def in_order(times: np.ndarray, xy: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples that have a time and are later than all before them.

    Raises
    ------
    InputError
        If that leaves out more than a tenth, or leaves fewer than two.
    """
    timed = np.isfinite(times)
    times, xy = times[timed], xy[timed]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], times[:-1]]))[: len(times)]
    later = times > before
    if later.sum() < 2 or later.mean() < 1 - DISORDER_MAX:
        raise InputError(
            f"{where}: {later.sum()} of {len(timed)} rows have a time later than that of the row "
            "before. Sort the table, and check the column of times and the time stamps."
        )
    return times[later], xy[later]


def positions_at(
    frame_s: np.ndarray, times: np.ndarray, xy: np.ndarray, gap_max_s: float
) -> np.ndarray:
    """Interpolate positions at the times of frames.

    Parameters
    ----------
    frame_s : ndarray of float, shape (frame,)
        Times of the frames, in s.
    times : ndarray of float, shape (sample,)
        Times of the samples, increasing, in s.
    xy : ndarray of float, shape (sample, 2)
        Positions; NaN where the animal was not seen.
    gap_max_s : float
        Longest time between two samples over which is interpolated.

    Returns
    -------
    ndarray of float64, shape (frame, 2)
        NaN before the first sample, after the last, and within longer gaps.
    """
    seen = np.isfinite(xy).all(axis=1)
    times, xy = times[seen], xy[seen]
    if not len(times):
        return np.full((len(frame_s), 2), np.nan)
    after = np.searchsorted(times, frame_s, side="left")
    last = len(times) - 1
    exact = times[np.minimum(after, last)] == frame_s
    right = np.clip(after, 0, last)
    left = np.where(exact, right, np.clip(after - 1, 0, last))
    inside = exact | ((after > 0) & (after <= last))
    inside &= times[right] - times[left] <= gap_max_s
    result = np.column_stack([np.interp(frame_s, times, side) for side in xy.T])
    result[~inside] = np.nan
    return result
