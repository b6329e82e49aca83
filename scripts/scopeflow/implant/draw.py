"""Synthetic cells for a recording: where, how large, how bright, and when they are active.

What is known of the recording's own cells (kinetics, height and rate of transients) is taken
over; places keep away from them, so that each synthetic cell is one that was not there before.
Every second one lies next to a cell found: only there can two be taken for one.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal, sparse

from scopeflow.footprints import from_rows
from scopeflow.gaussians import gaussian

DIAMETER_SDS = 4.0  # cell_diameter_px is the width at 13.5 % of the peak: two sd on each side
WIDTH_SPREAD = 0.15  # of a cell's width along an axis, as a share
TAU_SPREAD = 0.1  # of a cell's rise and decay time, as a share
HEIGHT_SPREAD = 0.2  # of the transients of one cell
HEIGHT_MIN = 0.3  # of a transient, as a share of the cell's amplitude
EVENT_SHARE = 0.5  # of a unit's typical height; smaller steps of S are not counted as events
EVENTS_MIN = 4  # a synthetic cell has at least as many transients on average
NEXT_DIAMETERS = 0.6  # every second cell lies no farther than this from one found ...
FAR_DIAMETERS = 1.0  # ... and the others at least as far as this
APART_DIAMETERS = 1.5  # between synthetic cells
EDGE_DIAMETERS = 0.5  # from the image's edge


@dataclass(frozen=True)
class Activity:
    """What the recording's own cells do.

    Attributes
    ----------
    height_counts : float
        Typical height of a transient, median over the units, in camera counts.
    rate_hz : ndarray of float64, shape (unit_id,)
        Transients per second of each unit.
    tau_decay_s, tau_rise_s : float
        Kinetics, medians over the units.
    """

    height_counts: float
    rate_hz: np.ndarray
    tau_decay_s: float
    tau_rise_s: float


def typical_activity(
    S: np.ndarray, tau_decay_s: np.ndarray, tau_rise_s: np.ndarray, duration_s: float
) -> Activity | None:
    """Measure the activity of the units found; None if no unit has any.

    Parameters
    ----------
    S : ndarray of float, shape (unit_id, frame)
        Heights of transients in camera counts.
    tau_decay_s, tau_rise_s : ndarray of float, shape (unit_id,)
        Kinetics.
    duration_s : float
        Length of the recording.

    Notes
    -----
    A unit's typical height is the mean of its S weighted by S, so that the many small steps
    that noise leaves count for little.
    """
    total = S.sum(axis=1, dtype=np.float64)
    active = total > 0
    if not active.any():
        return None
    heights, events = np.zeros(len(S)), np.zeros(len(S))
    for k in np.flatnonzero(active):
        own = S[k].astype(np.float64)
        heights[k] = (own**2).sum() / total[k]
        events[k] = (EVENT_SHARE * heights[k] < own).sum()
    return Activity(
        float(np.median(heights[active])),
        events[active] / duration_s,
        float(np.median(tau_decay_s[active])),
        float(np.median(tau_rise_s[active])),
    )


@dataclass(frozen=True)
class Implants:
    """Synthetic cells.

    Attributes
    ----------
    centres, variances : ndarray of float64, shape (cell, 2)
        Row and column in px of the motion-corrected image, and variances of the Gaussian.
    level : ndarray of float64, shape (cell,)
        Amplitude as a share of the typical height of the recording's own transients.
    amplitude : ndarray of float64, shape (cell,)
        Mean height of a transient in camera counts at the centre.
    tau_decay_s, tau_rise_s : ndarray of float64, shape (cell,)
        Kinetics.
    S, C : ndarray of float32, shape (cell, frame)
        Heights of transients, and calcium, in camera counts at the centre.
    neighbour_px : ndarray of float64, shape (cell,)
        Distance to the nearest unit found before.
    """

    centres: np.ndarray
    variances: np.ndarray
    level: np.ndarray
    amplitude: np.ndarray
    tau_decay_s: np.ndarray
    tau_rise_s: np.ndarray
    S: np.ndarray
    C: np.ndarray
    neighbour_px: np.ndarray

    def footprints(self, shape: tuple[int, int]) -> tuple[sparse.csr_array, np.ndarray]:
        """Return footprints (cell, pixel) with largest value 1, and their heights before that."""
        rows, peaks = [], []
        for centre, variance in zip(self.centres, self.variances, strict=True):
            pixels, values = gaussian(centre, variance, shape)
            peaks.append(values.max())
            rows.append((pixels, values / peaks[-1]))
        return from_rows(rows, shape[0] * shape[1]), np.array(peaks, dtype=np.float32)


def draw_implants(
    rng: np.random.Generator,
    activity: Activity,
    found: np.ndarray,
    usable: np.ndarray,
    n_cells: int,
    levels: list[float],
    cell_diameter_px: float,
    distance_diameters: float,
    n_frames: int,
    fps_hz: float,
) -> Implants:
    """Draw synthetic cells.

    Parameters
    ----------
    rng : Generator
        Seeded.
    activity : Activity
        Of the recording's own cells.
    found : ndarray of float, shape (unit_id, 2)
        Their centres in px.
    usable : ndarray of bool, shape (height, width)
        Where cells may be.
    n_cells : int
        How many are wanted; fewer fit into a crowded image.
    levels : list of float
        Amplitudes as shares of the typical height, taken in turn by two cells each.
    cell_diameter_px : float
        Width of a cell.
    distance_diameters : float
        Least distance to a unit found before, in cell diameters.
    n_frames, fps_hz : int, float
        Length and frame rate.
    """
    centres = free_places(
        rng, found, usable, n_cells, distance_diameters * cell_diameter_px, cell_diameter_px
    )
    n = len(centres)
    sd = cell_diameter_px / DIAMETER_SDS * _spread(rng, WIDTH_SPREAD, (n, 2))
    level = np.resize(np.repeat(np.array(levels, dtype=np.float64), 2), n)
    amplitude = level * activity.height_counts
    decay = activity.tau_decay_s * _spread(rng, TAU_SPREAD, n)
    rise = np.minimum(activity.tau_rise_s * _spread(rng, TAU_SPREAD, n), 0.9 * decay)
    rate = np.maximum(rng.choice(activity.rate_hz, n), EVENTS_MIN * fps_hz / max(n_frames, 1))
    S = np.zeros((n, n_frames), dtype=np.float32)
    C = np.zeros_like(S)
    for k in range(n):
        spikes = rng.random(n_frames) < rate[k] / fps_hz
        heights = np.maximum(rng.normal(1, HEIGHT_SPREAD, n_frames), HEIGHT_MIN)
        S[k] = amplitude[k] * spikes * heights
        C[k] = transients(S[k], decay[k] * fps_hz, rise[k] * fps_hz)
    nearest = np.linalg.norm(centres[:, None] - found[None], axis=2).min(axis=1, initial=np.inf)
    return Implants(centres, sd**2, level, amplitude, decay, rise, S, C, nearest)


def _spread(rng: np.random.Generator, share: float, shape) -> np.ndarray:
    return np.clip(rng.normal(1, share, shape), 1 - 2 * share, 1 + 2 * share)


def free_places(
    rng: np.random.Generator,
    found: np.ndarray,
    usable: np.ndarray,
    n_cells: int,
    distance_px: float,
    cell_diameter_px: float,
) -> np.ndarray:
    """Draw places for cells away from those found, from each other and from the edge.

    Returns
    -------
    ndarray of float64, shape (cell, 2)
        At most `n_cells`. In turn one next to a cell found, and one anywhere, as far as there
        is room.
    """
    edge = EDGE_DIAMETERS * cell_diameter_px
    height, width = usable.shape
    rows, cols = np.nonzero(usable)
    inner = (np.minimum(rows, height - 1 - rows) >= edge) & (
        np.minimum(cols, width - 1 - cols) >= edge
    )
    places = np.column_stack([rows, cols])[inner].astype(np.float64)
    places += rng.uniform(-0.5, 0.5, places.shape)
    distance = np.full(len(places), np.inf)
    for centre in found:
        np.minimum(distance, np.linalg.norm(places - centre, axis=1), out=distance)
    next_to = (distance >= distance_px) & (distance <= NEXT_DIAMETERS * cell_diameter_px)
    far = distance >= max(distance_px, FAR_DIAMETERS * cell_diameter_px)
    kept = rng.permutation(np.flatnonzero(next_to | far))
    places, is_next = places[kept], next_to[kept]
    chosen: list[np.ndarray] = []
    while len(places) and len(chosen) < n_cells:
        wanted = is_next if len(chosen) % 2 == 0 and is_next.any() else ~is_next
        place = places[wanted.argmax()]  # the first one in their random order
        chosen.append(place)
        away = np.linalg.norm(places - place, axis=1) >= APART_DIAMETERS * cell_diameter_px
        places, is_next = places[away], is_next[away]
    return np.array(chosen).reshape(-1, 2)


def transients(S: np.ndarray, tau_decay_frames: float, tau_rise_frames: float) -> np.ndarray:
    """Return the calcium of a cell whose transients start with the heights `S`.

    Notes
    -----
    The kernel is exp(-t / tau_decay) - exp(-t / tau_rise), t = 1 on the first frame, divided by
    its largest value; a rise under a third of a frame is taken as none.
    """
    decay = np.exp(-1 / tau_decay_frames)
    if tau_rise_frames < 1 / 3:
        return signal.lfilter([1.0], [1, -decay], S)
    rise = np.exp(-1 / tau_rise_frames)
    impulse = np.arange(1, int(6 * tau_rise_frames + tau_decay_frames) + 2)
    peak = (decay**impulse - rise**impulse).max()
    slow, fast = (signal.lfilter([keep], [1, -keep], S) for keep in (decay, rise))
    return (slow - fast) / peak
