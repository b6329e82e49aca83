"""Place cells of one animal in two sessions: do the same cells fire at the same places?

After the paper's figure 20: the correlation of the maps of matched cells, and the same after
one session's footprints were moved by an artificial shift and matched anew. If cells are
matched rightly, it is high without a shift and falls to that of any two cells with one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

AFFINE_MATCHES_MIN = 6  # fewer matched cells give a translation alone
GRID_STEPS = 10  # of artificial shifts on each side of zero, in both directions at once
BINS_MIN = 3  # bins known in both maps that a correlation needs
FLAT = 1e-12  # of the squares: what is left of a flat map by rounding


def map_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each map with the same row of another set.

    Parameters
    ----------
    a, b : ndarray of float, shape (unit_id, bin)
        Rates; NaN in bins not visited, which are left out.

    Returns
    -------
    ndarray of float64, shape (unit_id,)
        NaN where fewer than three bins are known in both, or a map is flat.
    """
    both = np.isfinite(a) & np.isfinite(b)
    n = both.sum(axis=1)
    x, y = (np.where(both, values, 0.0).astype(np.float64) for values in (a, b))
    count = np.maximum(n, 1)[:, None]
    least_x, least_y = (FLAT * (values**2).sum(axis=1) for values in (x, y))
    x = np.where(both, x - x.sum(axis=1, keepdims=True) / count, 0.0)
    y = np.where(both, y - y.sum(axis=1, keepdims=True) / count, 0.0)
    spread_x, spread_y = (x**2).sum(axis=1), (y**2).sum(axis=1)
    scale = np.sqrt(spread_x * spread_y)
    usable = (n >= BINS_MIN) & (spread_x > least_x) & (spread_y > least_y)
    r = np.full(len(a), np.nan)
    r[usable] = (x * y).sum(axis=1)[usable] / scale[usable]
    return r


def correlations_of_any_two(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return r of every map of `a` with every other row of `b`, which are matched row by row.

    As `map_correlations`, from products of matrices: pairs are too many to write out their bins.
    """
    seen, other = (np.isfinite(m).astype(np.float64) for m in (a, b))
    x, y = (np.nan_to_num(m - np.nanmean(np.append(m, 0.0))) for m in (a, b))
    x, y = x * seen, y * other
    n = seen @ other.T
    sum_x, sum_y = x @ other.T, seen @ y.T
    squares_x, squares_y = x**2 @ other.T, seen @ (y**2).T
    spread_x, spread_y = n * squares_x - sum_x**2, n * squares_y - sum_y**2
    flat = (spread_x <= FLAT * n * squares_x) | (spread_y <= FLAT * n * squares_y)
    usable = (n >= BINS_MIN) & ~flat
    r = np.full(n.shape, np.nan)
    scale = np.sqrt(spread_x[usable] * spread_y[usable])
    r[usable] = (n * (x @ y.T) - sum_x * sum_y)[usable] / scale
    return r[~np.eye(len(a), len(b), dtype=bool)]


def common_field(
    centres: np.ndarray, other: np.ndarray, matches: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bring the centres of a second session onto those of the first, by their matched cells.

    Parameters
    ----------
    centres, other : ndarray of float, shape (unit_id, 2)
        Rows and columns in px of the cells of both sessions.
    matches : ndarray of int, shape (match, 2)
        Positions of matched cells.

    Returns
    -------
    moved : ndarray of float64, shape (unit_id of `other`, 2)
        `other` in the image of the first session.
    residual : ndarray of float64, shape (match,)
        Distance of each match after that, px.

    Notes
    -----
    An affine transform by least squares; with few matches the median translation.
    """
    i, j = matches.T
    if len(matches) < AFFINE_MATCHES_MIN:
        shift = np.median(centres[i] - other[j], axis=0) if len(i) else np.zeros(2)
        moved = other + shift
    else:
        design = np.column_stack([other, np.ones(len(other))])
        moved = design @ np.linalg.lstsq(design[j], centres[i], rcond=None)[0]
    return moved, np.linalg.norm(centres[i] - moved[j], axis=1)


def mutual_nearest(a: np.ndarray, b: np.ndarray, distance_max_px: float) -> np.ndarray:
    """Return the pairs whose members are each other's nearest, within a distance.

    Returns
    -------
    ndarray of int, shape (match, 2)
    """
    if not len(a) or not len(b):
        return np.empty((0, 2), dtype=np.int64)
    distance, to_b = KDTree(b).query(a)
    to_a = KDTree(a).query(b)[1]
    i = np.flatnonzero((distance <= distance_max_px) & (to_a[to_b] == np.arange(len(a))))
    return np.column_stack([i, to_b[i]])


def artificial_shifts(
    centres: np.ndarray,
    other: np.ndarray,
    maps: np.ndarray,
    other_maps: np.ndarray,
    distance_max_px: float,
    shift_max_px: int,
) -> pd.DataFrame:
    """Match the cells of two sessions anew for every artificial shift of the second.

    Parameters
    ----------
    centres, other : ndarray of float, shape (unit_id, 2)
        Of the place cells of both sessions, in one image, px.
    maps, other_maps : ndarray of float, shape (unit_id, bin)
        Their rates.
    distance_max_px : float
        Of a match; mutual nearest centres are matched.
    shift_max_px : int
        Largest shift along each axis.

    Returns
    -------
    DataFrame
        ``shift_height_px``, ``shift_width_px``, ``n_matched``, ``r_mean`` (NaN without a
        match): single pixels along both axes, and a coarser grid between them.
    """
    line = np.arange(-shift_max_px, shift_max_px + 1)
    step = max(shift_max_px // GRID_STEPS, 1)
    coarse = np.arange(-(shift_max_px // step) * step, shift_max_px + 1, step)
    shifts = {(0, int(x)) for x in line} | {(int(y), 0) for y in line}
    shifts |= {(int(y), int(x)) for y in coarse for x in coarse}
    rows = []
    for shift in sorted(shifts):
        pairs = mutual_nearest(centres, other + np.array(shift), distance_max_px)
        r = map_correlations(maps[pairs[:, 0]], other_maps[pairs[:, 1]])
        r = r[np.isfinite(r)]
        rows.append((*shift, len(pairs), float(r.mean()) if len(r) else np.nan))
    columns = ["shift_height_px", "shift_width_px", "n_matched", "r_mean"]
    return pd.DataFrame(rows, columns=columns)


def matches_of(mappings: pd.DataFrame, first: str, second: str) -> np.ndarray:
    """Return the labels of cells that a table of mappings names in both sessions.

    Parameters
    ----------
    mappings : DataFrame
        A row for each cell, a column of labels or nothing for each session.
    first, second : str
        Names of the sessions.

    Returns
    -------
    ndarray of int64, shape (match, 2)
    """
    both = mappings[[first, second]].apply(pd.to_numeric, errors="coerce").dropna()
    return both.to_numpy(np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class PlaceSession:
    """Cells of a session with their maps.

    Attributes
    ----------
    unit_id : ndarray of int64, shape (unit_id,)
        Labels.
    rate : ndarray of float32, shape (unit_id, direction, height, width)
        Maps, counts per s; NaN in bins hardly visited.
    is_place : ndarray of bool, shape (unit_id,)
        Place cells.
    peak_cm : ndarray of float64, shape (unit_id,)
        Place of the highest rate in the field along the track.
    centres : ndarray of float64, shape (unit_id, 2)
        Rows and columns of the cells in px.
    """

    unit_id: np.ndarray
    rate: np.ndarray
    is_place: np.ndarray
    peak_cm: np.ndarray
    centres: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """Maps as rows (unit_id, bin)."""
        return self.rate.reshape(len(self.rate), math.prod(self.rate.shape[1:]))

    def positions(self, unit_id: np.ndarray) -> np.ndarray:
        """Return the positions of labels; -1 for those that are not here."""
        where = {unit: k for k, unit in enumerate(self.unit_id.tolist())}
        return np.array([where.get(unit, -1) for unit in unit_id.tolist()], dtype=np.int64)


@dataclass(frozen=True)
class Comparison:
    """Two sessions compared.

    Attributes
    ----------
    matches : ndarray of int64, shape (match, 2)
        Positions of matched cells.
    both : ndarray of bool, shape (match,)
        Matches whose members are both place cells.
    r : ndarray of float64, shape (match,)
        Correlations of their maps.
    r_any_two : ndarray of float64
        Correlations of maps of cells that are not matched to each other.
    control : DataFrame
        Of `artificial_shifts`.
    pairs : DataFrame
        A row for each match.
    summary : dict
        Numbers of the pair of sessions.
    """

    matches: np.ndarray
    both: np.ndarray
    r: np.ndarray
    r_any_two: np.ndarray
    control: pd.DataFrame
    pairs: pd.DataFrame
    summary: dict


def compare(
    a: PlaceSession,
    b: PlaceSession,
    labels: np.ndarray,
    distance_max_px: float,
    shift_max_px: int,
) -> Comparison:
    """Compare the maps of two sessions whose maps have one shape.

    Parameters
    ----------
    a, b : PlaceSession
        The sessions.
    labels : ndarray of int64, shape (match, 2)
        Of matched cells, of `matches_of`; pairs with a label that is not here are left out.
    distance_max_px, shift_max_px : float, int
        Of `artificial_shifts`.
    """
    matches = np.column_stack([a.positions(labels[:, 0]), b.positions(labels[:, 1])])
    matches = matches[(matches >= 0).all(axis=1)]
    i, j = matches.T
    r = map_correlations(a.flat[i], b.flat[j])
    both = a.is_place[i] & b.is_place[j]
    any_two = correlations_of_any_two(a.flat[i[both]], b.flat[j[both]])
    moved, residual = common_field(a.centres, b.centres, matches)
    control = artificial_shifts(
        a.centres[a.is_place], moved[b.is_place], a.flat[a.is_place], b.flat[b.is_place],
        distance_max_px, shift_max_px,
    )  # fmt: skip
    pairs = pd.DataFrame({
        "unit_id_a": a.unit_id[i],
        "unit_id_b": b.unit_id[j],
        "place_cell_a": a.is_place[i],
        "place_cell_b": b.is_place[j],
        "peak_a_cm": a.peak_cm[i],
        "peak_b_cm": b.peak_cm[j],
        "map_r": r,
    })  # fmt: skip
    summary = {
        "n_matched": len(matches),
        "n_place_a": int(a.is_place.sum()),
        "n_place_b": int(b.is_place.sum()),
        "n_place_both": int(both.sum()),
        "map_r_mean": _of_known(np.mean, r[both]),
        "map_r_median": _of_known(np.median, r[both]),
        "map_r_any_two": _of_known(np.mean, any_two),
        "residual_px": _of_known(np.median, residual),
    }
    return Comparison(matches, both, r, any_two, control, pairs, summary)


def _of_known(function: Callable, values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(function(values)) if len(values) else np.nan
