"""Simulated runs of an animal on a linear track, and cells that fire at places of it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TRACK_CM = 200.0
SPEED_CM_S = (30.0, 5.0)  # mean and standard deviation over runs
SPEED_MIN_CM_S = 12.0
RAMP_CM = 8.0  # over which the animal speeds up and slows down
PAUSE_S = (0.8, 2.5)  # at an end of the track, shortest and longest
STEP_S = 0.005  # of the simulated run
MOVING_CM_S = 5.0  # cells fire at places only above this speed

FIELD_SD_CM = (6.0, 12.0)  # smallest and largest width of a field
OUTSIDE_SHARE = 0.1  # of a place cell's spikes, fired anywhere at any time

CAMERA_HZ = 25.0  # of the behaviour camera, which has a clock of its own
CAMERA_JITTER_S = 0.004
TRACKING_ERROR_CM = 0.4
SWAY_CM, SWAY_S = 2.0, 0.6  # to the sides of the track
ANGLE_RAD = 0.2  # between the track and the image of the behaviour camera
ORIGIN_CM = (12.0, 30.0)
LOST_STRETCHES_S = 1.0  # length of a stretch without tracking, about one in two minutes


@dataclass(frozen=True)
class Run:
    """A run on the track.

    Attributes
    ----------
    time_s : ndarray of float64, shape (sample,)
        Evenly spaced, from 0.
    position_cm : ndarray of float64, shape (sample,)
        Distance from the start of the track.
    speed_cm_s : ndarray of float64, shape (sample,)
        Positive towards the track's end.
    """

    time_s: np.ndarray
    position_cm: np.ndarray
    speed_cm_s: np.ndarray

    def at(self, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return position and speed at given times."""
        return (
            np.interp(time_s, self.time_s, self.position_cm),
            np.interp(time_s, self.time_s, self.speed_cm_s),
        )


def make_run(rng: np.random.Generator, duration_s: float) -> Run:
    """Draw a run to and fro between the ends of the track, with pauses there.

    Parameters
    ----------
    rng : Generator
        Of the recording.
    duration_s : float
        Length in s.
    """
    n = int(np.ceil(duration_s / STEP_S)) + 2
    position, speed = np.empty(n), np.empty(n)
    t, at_end = 0, False
    while t < n:
        pace = max(rng.normal(*SPEED_CM_S), SPEED_MIN_CM_S)
        where = _one_way(pace)
        if at_end:
            where = TRACK_CM - where
        where = np.concatenate([where, np.full(int(rng.uniform(*PAUSE_S) / STEP_S), where[-1])])
        part = slice(t, min(t + len(where), n))
        position[part] = where[: part.stop - t]
        t, at_end = part.stop, not at_end
    speed = np.gradient(position, STEP_S)
    return Run(np.arange(n) * STEP_S, position, speed)


def _one_way(pace: float) -> np.ndarray:
    """Return positions from 0 to the end at a pace that is lower near the ends."""
    grid = np.linspace(0, TRACK_CM, 2001)
    middle = (grid[1:] + grid[:-1]) / 2
    near = np.minimum(middle, TRACK_CM - middle)
    local = pace * (0.3 + 0.7 * np.minimum(near / RAMP_CM, 1))
    when = np.concatenate([[0], np.cumsum(np.diff(grid) / local)])
    return np.interp(np.arange(0, when[-1], STEP_S), when, grid)


@dataclass(frozen=True)
class PlaceFields:
    """Where the cells of a field fire; cells without a place have NaN.

    Attributes
    ----------
    centre_cm, sd_cm : ndarray of float64, shape (cell,)
        Middle and width (Gaussian) of the place field.
    direction : ndarray of int8, shape (cell,)
        1 for runs towards the track's end, -1 for runs back, 0 for cells without a place.
    """

    centre_cm: np.ndarray
    sd_cm: np.ndarray
    direction: np.ndarray


def make_place_fields(rng: np.random.Generator, n_cells: int, fraction: float) -> PlaceFields:
    """Draw which cells have a place field, and where it lies."""
    has_place = rng.random(n_cells) < fraction
    centre = rng.uniform(0, TRACK_CM, n_cells)
    sd = rng.uniform(*FIELD_SD_CM, n_cells)
    direction = rng.choice(np.array([-1, 1], dtype=np.int8), n_cells)
    return PlaceFields(
        np.where(has_place, centre, np.nan),
        np.where(has_place, sd, np.nan),
        np.where(has_place, direction, 0).astype(np.int8),
    )


def place_rate(
    position_cm: np.ndarray,
    speed_cm_s: np.ndarray,
    centre_cm: float,
    sd_cm: float,
    direction: int,
    mean: float,
) -> np.ndarray:
    """Return a place cell's probability of a spike in each frame.

    Parameters
    ----------
    position_cm, speed_cm_s : ndarray of float, shape (frame,)
        Of the animal.
    centre_cm, sd_cm, direction : float, float, int
        The cell's field.
    mean : float
        Mean probability over the recording, met unless the field is passed too seldom.

    Returns
    -------
    ndarray of float64, shape (frame,)
    """
    inside = np.exp(-((position_cm - centre_cm) ** 2) / (2 * sd_cm**2))
    inside *= direction * speed_cm_s > MOVING_CM_S
    scale = mean * (1 - OUTSIDE_SHARE) / max(inside.mean(), 1e-12)
    return np.minimum(mean * OUTSIDE_SHARE + scale * inside, 0.5)


def track(rng: np.random.Generator, run: Run, duration_s: float) -> np.ndarray:
    """Return what a camera above the track would see of a run.

    Returns
    -------
    ndarray of float64, shape (sample, 3)
        Time in s on the clock of the recording, x and y in cm. The camera starts and stops
        at times of its own, and loses the animal now and then.
    """
    times = np.arange(-0.5, duration_s + 0.5, 1 / CAMERA_HZ)
    times = times + rng.uniform(-CAMERA_JITTER_S, CAMERA_JITTER_S, len(times))
    along = run.at(times)[0] + rng.normal(0, TRACKING_ERROR_CM, len(times))
    sway = ndimage.gaussian_filter1d(rng.standard_normal(len(times)), SWAY_S * CAMERA_HZ)
    aside = SWAY_CM * sway / max(sway.std(), 1e-12)
    cos, sin = np.cos(ANGLE_RAD), np.sin(ANGLE_RAD)
    x = ORIGIN_CM[0] + along * cos - aside * sin
    y = ORIGIN_CM[1] + along * sin + aside * cos
    seen = np.ones(len(times), dtype=bool)
    for start in rng.uniform(0, duration_s, int(duration_s // 120)):
        seen &= (times < start) | (times > start + LOST_STRETCHES_S)
    return np.column_stack([times, x, y])[seen]
