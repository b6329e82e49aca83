"""Where events gather: each cell lights up at its own place, again and again.

The place of an event is known to within a third of the cell's diameter over the event's
height in noises. Two cells so near each other that their images merge still show as two
clouds of events, and are told apart by a mixture model with that error.
"""

import numba
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

FLOOR_DIAMETERS = 1 / 120  # error of the place of even the highest event
SEPARATION_DIAMETERS = 0.1  # cells nearer to each other are not told apart

FASTER_DIAMETERS = 0.7

# Costs in nats.
OUTLIER = 7.0  # an event that belongs to no place
BETWEEN = 4.0  # an event on the line between two places whose cells rose together
PLACE = 12.0  # a place: three parameters, and safety

PART_MIN = 0.05  # of the events of its neighbours that a place must have
EVENTS_FOR_SCATTER, GROUPS_FOR_SCATTER = 6, 5
SETTLE_TURNS, SETTLED_PX = 12, 1e-3
TRIALS = 4  # starts tried for each further place
STARTS_MAX = 300


def place_errors(z: np.ndarray, cell_diameter_px: float) -> np.ndarray:
    """Return the error of events' places along each axis in px, from their height."""
    return np.hypot(cell_diameter_px / 3 / z, cell_diameter_px * FLOOR_DIAMETERS)


def gather_events(levels: list[np.ndarray], cell_diameter_px: float) -> np.ndarray:
    """Return the places where events gather.

    Parameters
    ----------
    levels : list of ndarray of float, shape (event, 4)
        Of the `events.StepDetector` of each time scale, the fastest first: time, row and
        column in px, height in standard deviations.
    cell_diameter_px : float
        Width of a cell.

    Returns
    -------
    ndarray of float64, shape (candidate, 4)
        Row, column (px), number of events of the place, and the highest of them.

    Notes
    -----
    Slow events can be sums of neighbours, or the ring around a cell: they count only where
    no faster ones gathered within `FASTER_DIAMETERS`.
    """
    found = np.empty((0, 4))
    for events in levels:
        if len(found) and len(events):
            nearest = KDTree(found[:, :2]).query(events[:, 1:3])[0]
            events = events[nearest > cell_diameter_px * FASTER_DIAMETERS]
        if len(events):
            found = np.concatenate([found, _places(events, cell_diameter_px)])
    return found


def _places(events: np.ndarray, diameter: float) -> np.ndarray:
    """Cluster the events of one time scale."""
    errors = place_errors(events[:, 3], diameter)
    groups = _groups(events[:, 1:3], diameter / 6)
    errors = np.sqrt(errors**2 + extra_variance(events[:, 1:3], errors, groups))
    found = []
    for group in groups:
        points, z = events[group, 1:3], events[group, 3]
        centres, own = cluster(points, errors[group], diameter * SEPARATION_DIAMETERS)
        if not len(centres):  # nothing gathers here: the highest event stands for itself
            top = z.argmax()
            found.append([*points[top], 1, z[top]])
        for k, centre in enumerate(centres):
            members = own == k
            if members.any():
                found.append([*centre, members.sum(), z[members].max()])
    return np.array(found).reshape(-1, 4)


def extra_variance(points: np.ndarray, errors: np.ndarray, groups: list[np.ndarray]) -> float:
    """Return by how much places scatter beyond their errors, in px^2 along each axis.

    Motion that was left, local motion above all, moves the events of a cell to and fro; they
    must not be taken for those of two cells.

    Parameters
    ----------
    points : ndarray of float, shape (event, 2)
        Places in px.
    errors : ndarray of float, shape (event,)
        Standard deviation of each along an axis.
    groups : list of ndarray of int
        Events that lie together. Most are of one cell, which is why the median over
        groups tells the scatter of one.
    """
    excess = []
    for group in groups:
        if len(group) >= EVENTS_FOR_SCATTER:
            own = points[group] - np.median(points[group], axis=0)
            variance = np.median((own**2).sum(axis=1)) / (2 * np.log(2))
            excess.append(variance - np.median(errors[group] ** 2))
    return max(float(np.median(excess)), 0.0) if len(excess) >= GROUPS_FOR_SCATTER else 0.0


def _groups(points: np.ndarray, reach: float) -> list[np.ndarray]:
    """Return the groups of points that are connected by steps up to `reach`.

    Points are rounded to an eighth of that first. A cell has as many events as the recording
    is long, and the pairs of them would be as many as that squared.
    """
    grid = reach / 8
    sites, of_site = np.unique(np.rint(points / grid), axis=0, return_inverse=True)
    i, j = KDTree(sites * grid).query_pairs(reach, output_type="ndarray").T
    graph = sparse.coo_array((np.ones(len(i)), (i, j)), shape=(len(sites), len(sites)))
    labels = csgraph.connected_components(graph, directed=False)[1][of_site]
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1])


def cluster(
    points: np.ndarray, errors: np.ndarray, separation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Split points into clouds of known width, as many as the points bear out.

    Parameters
    ----------
    points : ndarray of float, shape (event, 2)
        Places in px.
    errors : ndarray of float, shape (event,)
        Standard deviation of each along an axis.
    separation : float
        Smallest distance between two centres in px.

    Returns
    -------
    centres : ndarray of float64, shape (centre, 2)
        None where no two points agree.
    own : ndarray of int, shape (event,)
        Centre of each point; negative for those between two centres and for outliers.

    Notes
    -----
    Centres are added one at a time while the description length falls: half the squared
    distance in errors plus the logarithm of the cloud's share for each point, and `PLACE`
    for each centre.
    """
    centres, shares = np.empty((0, 2)), np.empty(0)
    own, cost = np.full(len(points), -1), np.full(len(points), OUTLIER)
    total = cost.sum()
    starts = points[:: max(1, len(points) // STARTS_MAX)]
    while len(points) > 1:
        gain = _gains(points, errors, cost, starts)
        best = None
        for k in np.argsort(-gain, kind="stable")[:TRIALS]:
            trial, parts = _settle(points, errors, np.vstack([centres, starts[k]]))
            if len(trial) <= len(centres) or not _apart(trial, parts, separation):
                continue
            trial_own, trial_cost = _assign(points, errors, trial, parts)
            length = trial_cost.sum() + PLACE * len(trial)
            if best is None or length < best[0]:
                best = length, trial, parts, trial_own, trial_cost
        if best is None or best[0] >= total:
            break
        total, centres, shares, own, cost = best
    return centres, own


@numba.njit(nogil=True, cache=True)
def _gains(points, errors, cost, starts):
    """Return by how much a further centre at each start would cost points less, at least."""
    gains = np.zeros(len(starts))
    for k in range(len(starts)):
        for p in range(len(points)):
            away = (points[p, 0] - starts[k, 0]) ** 2 + (points[p, 1] - starts[k, 1]) ** 2
            gains[k] += max(cost[p] - away / (2 * errors[p] ** 2) - 1, 0.0)
    return gains


@numba.njit(nogil=True, cache=True)
def _assign(points, errors, centres, parts):
    """Return which centre each point belongs to, and at what cost."""
    n_points, n_centres = len(points), len(centres)
    own, cost = np.full(n_points, -1), np.full(n_points, OUTLIER)
    rarity = -np.log(parts / parts.sum())
    for p in range(n_points):
        precision = 1 / (2 * errors[p] ** 2)
        lowest = np.inf
        for i in range(n_centres):
            away = (points[p, 0] - centres[i, 0]) ** 2 + (points[p, 1] - centres[i, 1]) ** 2
            value = away * precision + rarity[i]
            if value < lowest:
                lowest, own[p] = value, i
        for i in range(n_centres):
            for j in range(i):
                value = BETWEEN + precision * _from_line(points[p], centres[j], centres[i])
                if value < lowest:
                    lowest, own[p] = value, -2
        if lowest > OUTLIER:
            own[p] = -1
        cost[p] = min(lowest, OUTLIER)
    return own, cost


@numba.njit(nogil=True, cache=True)
def _from_line(point, start, end):
    """Return the squared distance of a point from the line between two others."""
    dy, dx = end[0] - start[0], end[1] - start[1]
    y, x = point[0] - start[0], point[1] - start[1]
    part = min(max((y * dy + x * dx) / max(dy * dy + dx * dx, 1e-12), 0.0), 1.0)
    return (y - part * dy) ** 2 + (x - part * dx) ** 2


@numba.njit(nogil=True, cache=True)
def _settle(points, errors, centres):
    """Move centres to the mean of their points until nothing changes; empty ones vanish."""
    parts = np.ones(len(centres))
    for _ in range(SETTLE_TURNS):
        own, _ = _assign(points, errors, centres, parts)
        counts, weights = np.zeros(len(centres)), np.zeros(len(centres))
        moved = np.zeros((len(centres), 2))
        for p in range(len(points)):
            k = own[p]
            if k >= 0:
                weight = errors[p] ** -2
                counts[k] += 1
                weights[k] += weight
                moved[k] += weight * points[p]
        kept = np.flatnonzero(counts)
        same = len(kept) == len(centres)
        previous = centres
        centres, parts = moved[kept], counts[kept]
        for k in range(len(kept)):
            centres[k] /= weights[kept[k]]
            same = same and np.abs(centres[k] - previous[k]).max() < SETTLED_PX
        if same or len(kept) == 0:
            break
    return centres, parts


def _apart(centres: np.ndarray, parts: np.ndarray, separation: float) -> bool:
    """Tell whether centres are far enough from each other, and none is made of stray points."""
    if len(centres) < 2:
        return True
    distance = np.hypot(*(centres[:, None] - centres).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    return distance.min() >= separation and parts.min() >= max(2, PART_MIN * parts.max())


def within_image(places: np.ndarray, shape: tuple[int, int], cell_diameter_px: float) -> np.ndarray:
    """Leave out places outside the image: there lie flanks of cells whose centre is not seen.

    Parameters
    ----------
    places : ndarray of float64, shape (place, column)
        Row and column in px first.
    shape : tuple of int
        (height, width) of the image.
    cell_diameter_px : float
        Width of a cell; what is no further out than a sixteenth of it moves to the edge.

    Returns
    -------
    ndarray of float64, shape (place left, column)
    """
    limit = np.array(shape) - 1
    beyond = np.maximum(-places[:, :2], places[:, :2] - limit).max(axis=1, initial=-np.inf)
    left = places[beyond < cell_diameter_px / 16]
    left[:, :2] = np.clip(left[:, :2], 0, limit)
    return left
