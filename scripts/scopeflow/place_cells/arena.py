"""The arena: its shape and scale, the animal's speed, runs and trials, and bins of place."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scopeflow.errors import InputError
from scopeflow.place_cells.behavior import UNITS_CM

LINEAR, OPEN = "linear", "open"
LINEAR_MAX_RATIO = 0.25  # spread across over spread along, of a straight track
EXTENT_QUANTILES = (0.001, 0.999)  # the arena's ends, whatever a few wrong positions say
OUTSIDE_MAX = 0.05  # of the arena's size; positions further outside are wrong
SPEED_SD_S = 0.25  # positions are smoothed by this before speed is taken


@dataclass(frozen=True)
class Place:
    """Where the animal was in each frame.

    Attributes
    ----------
    track : str
        ``linear`` or ``open``.
    xy_cm : ndarray of float64, shape (frame, axis)
        One axis along a linear track, two in an open field, from 0 to `size_cm`; NaN where
        not known.
    size_cm : tuple of float
        Length along each axis.
    velocity_cm_s : ndarray of float64, shape (frame, axis)
        Of the smoothed positions.
    """

    track: str
    xy_cm: np.ndarray
    size_cm: tuple[float, ...]
    velocity_cm_s: np.ndarray

    @property
    def speed_cm_s(self) -> np.ndarray:
        """Speed in each frame; float64, shape (frame,)."""
        return np.sqrt((self.velocity_cm_s**2).sum(axis=1))


def locate(
    xy: np.ndarray,
    time_s: np.ndarray,
    track: str | None,
    cm_per_unit: float | None,
    px_per_cm: float | None,
    length_cm: float | None,
    where: str,
) -> Place:
    """Find the arena from the positions, and scale them to cm.

    Parameters
    ----------
    xy : ndarray of float64, shape (frame, 2)
        Positions in the table's unit; NaN where not known.
    time_s : ndarray of float64, shape (frame,)
        Times of the frames.
    track : str or None
        ``linear``, ``open``, or None to tell by the spread of the positions.
    cm_per_unit : float or None
        Of the positions; None for pixels.
    px_per_cm, length_cm : float or None
        How pixels become cm; the latter is the length of the arena's longer side.
    where : str
        Path of the table, for messages.

    Raises
    ------
    InputError
        If too few positions are known, or the scale is not.
    """
    known = np.isfinite(xy).all(axis=1)
    if known.sum() < 10:
        raise InputError(
            f"{where}: a position is known at {known.sum()} of {len(xy)} frames of the recording. "
            "Its times must be those of the recording, in s from its first frame "
            "(place_cells.time_offset_s shifts them)."
        )
    axes, spread = _principal_axes(xy[known])
    if track is None:
        track = LINEAR if spread[1] < LINEAR_MAX_RATIO * spread[0] else OPEN
    axis_values = xy @ axes[:1].T if track == LINEAR else xy.astype(np.float64)
    low, high = np.quantile(axis_values[known], EXTENT_QUANTILES, axis=0)
    extent = high - low
    if not extent.max() > 0:
        raise InputError(f"{where}: the animal is at one place throughout. Check x and y.")
    if length_cm is not None:
        scale = length_cm / extent.max()
    elif cm_per_unit is not None:
        scale = cm_per_unit
    elif px_per_cm is not None:
        scale = 1 / px_per_cm
    else:
        units = ", ".join(f"x_{unit}" for unit in UNITS_CM)
        raise InputError(
            f"{where}: positions are in pixels, and the size of a pixel is not known. Set "
            "place_cells.length_cm (length of the track, or longer side of the field) or "
            f"place_cells.px_per_cm; or name the unit in the header ({units})."
        )
    size = tuple(float(s) for s in extent * scale)
    placed = (axis_values - low) * scale
    slack = OUTSIDE_MAX * max(size)
    wrong = ((placed < -slack) | (placed > np.array(size) + slack)).any(axis=1)
    placed[wrong] = np.nan
    placed = np.clip(placed, 0, size)
    return Place(track, placed, size, velocity(placed, time_s))


def _principal_axes(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the axes along and across (rows), and the standard deviations along them.

    The first points to larger x, or to larger y where that changes more.
    """
    variances, vectors = np.linalg.eigh(np.cov(xy.T))
    axes = vectors.T[::-1]
    if axes[0, np.abs(axes[0]).argmax()] < 0:
        axes = -axes
    return axes, np.sqrt(np.maximum(variances[::-1], 0))


def velocity(xy: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Return the velocity of smoothed positions.

    Parameters
    ----------
    xy : ndarray of float64, shape (frame, axis)
        Positions; NaN where not known.
    time_s : ndarray of float64, shape (frame,)
        Increasing times.

    Returns
    -------
    ndarray of float64, shape (frame, axis)
        Per s; NaN where the position is not known.
    """
    interval = float(np.median(np.diff(time_s)))
    known = np.isfinite(xy).all(axis=1)
    sigma = SPEED_SD_S / interval
    weight = ndimage.gaussian_filter1d(known.astype(np.float64), sigma)
    # Positions and times are smoothed alike, so that a constant speed stays constant at gaps.
    columns = np.column_stack([xy, time_s])
    columns = np.where(known[:, None], columns, 0.0)
    smooth = ndimage.gaussian_filter1d(columns, sigma, axis=0) / np.maximum(weight, 1e-12)[:, None]
    change = np.gradient(smooth, axis=0)
    moved = np.divide(
        change[:, :-1], change[:, -1:], out=np.zeros_like(xy), where=change[:, -1:] > 1e-9
    )
    moved[~known] = np.nan
    return moved


def runs(position: np.ndarray, length: float, end_zone: float) -> np.ndarray:
    """Find the trials on a linear track: from one end to the other and back.

    Parameters
    ----------
    position : ndarray of float64, shape (frame,)
        Along the track, 0 to `length`; NaN where not known.
    length : float
        Of the track.
    end_zone : float
        Part of the track at each end that the animal must reach.

    Returns
    -------
    ndarray of int64, shape (frame,)
        Number of the trial from 0; -1 before the first end was reached and after the last
        complete trial.
    """
    share = position / length
    at_start, at_end = share <= end_zone, share >= 1 - end_zone
    reached = np.flatnonzero(at_start | at_end)
    trial = np.full(len(position), -1, dtype=np.int64)
    if not len(reached):
        return trial
    side = at_end[reached]
    visits = np.split(reached, np.flatnonzero(np.diff(side.astype(np.int8))) + 1)
    turns = [
        visit[position[visit].argmax() if at_end[visit[0]] else position[visit].argmin()]
        for visit in visits
    ]
    for number, start in enumerate(range(0, len(turns) - 2, 2)):
        trial[turns[start] : turns[start + 2]] = number
    return trial


def blocks(time_s: np.ndarray, length_s: float) -> np.ndarray:
    """Return the trials in an open field: stretches of equal time; int64, shape (frame,)."""
    return ((time_s - time_s[0]) // length_s).astype(np.int64)


def place_bins(
    place: Place, speed_min_cm_s: float, usable: np.ndarray, n_bins: int
) -> tuple[np.ndarray, tuple[int, int, int], tuple[float, float]]:
    """Sort frames into bins of place, on a linear track also by the direction of running.

    Parameters
    ----------
    place : Place
        Of the animal.
    speed_min_cm_s : float
        Slower frames are left out.
    usable : ndarray of bool, shape (frame,)
        Frames that may take part.
    n_bins : int
        Along the longer side.

    Returns
    -------
    bins : ndarray of int64, shape (frame,)
        Position in the flattened map; -1 for frames left out.
    shape : tuple of int
        (direction, height, width) of the map: (2, 1, n) on a linear track, towards the end
        first, and (1, height, width) in an open field.
    bin_cm : tuple of float
        Height and width of a bin.
    """
    moving = np.nan_to_num(place.speed_cm_s) >= max(speed_min_cm_s, 1e-9)
    taken = usable & moving & np.isfinite(place.xy_cm).all(axis=1)
    if place.track == LINEAR:
        shape, width = (2, 1, n_bins), place.size_cm[0] / n_bins
        bin_cm = (width, width)
        column = np.nan_to_num(place.xy_cm[:, 0])
        back = np.nan_to_num(place.velocity_cm_s[:, 0]) < 0
        plane, row = back.astype(np.int64), np.zeros(len(back), dtype=np.int64)
    else:
        width = max(place.size_cm) / n_bins
        counts = [max(int(np.ceil(size / width - 1e-9)), 1) for size in place.size_cm]
        shape, bin_cm = (1, counts[1], counts[0]), (width, width)
        column, down = np.nan_to_num(place.xy_cm).T
        row = np.minimum((down / width).astype(np.int64), shape[1] - 1)
        plane = np.zeros(len(row), dtype=np.int64)
    column = np.minimum((column / width).astype(np.int64), shape[2] - 1)
    bins = (plane * shape[1] + row) * shape[2] + column
    return np.where(taken, bins, -1), shape, bin_cm
