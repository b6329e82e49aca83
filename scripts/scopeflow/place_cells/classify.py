"""Which cells are place cells: information, stability and field size against chance."""

from collections.abc import Iterator

import numpy as np

from scopeflow.parallel import map_slabs
from scopeflow.place_cells.maps import Layout, place_field, rate_map, statistics

COLUMNS = [
    *("unit_id", "place_cell", "information_bits", "information_chance_95", "information_p"),
    *("stability_z", "stability_chance_95", "stability_p", "field_cm", "field_direction"),
    *("field_start_cm", "field_stop_cm", "peak_x_cm", "peak_y_cm", "peak_rate", "mean_rate"),
]  # of the rows of `examine`
TRIALS_MIN = 2  # fewer cannot be compared with each other


def random_shifts(seed: int, unit_id: int, n_shifts: int, n_frames: int) -> np.ndarray:
    """Return 0 (the observed activity) and random shifts of one cell, the same in every run.

    They depend on the cell's label, not on which other cells there are.
    """
    rng = np.random.default_rng([seed, unit_id])
    drawn = rng.integers(1, max(n_frames, 2), n_shifts)
    return np.concatenate([[0], drawn]).astype(np.int64)


def examine(
    S: np.ndarray,
    unit_id: np.ndarray,
    layout: Layout,
    bin_cm: float,
    criteria: dict,
    seed: int,
    threads: int = 1,
) -> Iterator[tuple[dict, np.ndarray]]:
    """Test cells one by one; threads share the work and change no result.

    Parameters
    ----------
    S : ndarray of float, shape (unit_id, frame)
        Deconvolved activity, in camera counts.
    unit_id : ndarray of int, shape (unit_id,)
        Labels.
    layout : Layout
        Of `maps.make_layout`.
    bin_cm : float
        Width of a bin.
    criteria : dict
        ``n_shifts``, ``alpha``, ``field_min_cm``.
    seed : int
        Of the shifts.
    threads : int, optional
        Cells worked on at once.

    Yields
    ------
    row : dict
        Numbers of the cell; see docs/outputs.md.
    rate : ndarray of float32, shape of a map
        Counts per s.
    """

    def one(k: int) -> tuple[dict, np.ndarray]:
        shifts = random_shifts(seed, int(unit_id[k]), criteria["n_shifts"], S.shape[1])
        found = statistics(S[k], layout, shifts)
        rate = rate_map(S[k], layout)
        return _row(int(unit_id[k]), found, rate, layout, bin_cm, criteria), rate

    yield from map_slabs(one, range(len(S)), threads)


def _row(
    unit: int, found: np.ndarray, rate: np.ndarray, layout: Layout, bin_cm: float, criteria: dict
) -> dict:
    observed, null = found[0], found[1:]
    p = (1 + (null >= observed).sum(axis=0)) / (1 + len(null))
    if layout.n_trials < TRIALS_MIN:
        observed[1], p[1] = np.nan, np.nan
    if not np.nansum(rate) > 0:  # silent where it counts: nothing to test
        p[:] = np.nan
    field = place_field(rate)
    size_cm = field.size_bins * bin_cm
    known = np.isfinite(rate)
    occupancy = layout.occupancy[0].reshape(layout.shape)[known]
    mean = float((rate[known] * occupancy).sum() / occupancy.sum()) if known.any() else 0.0
    plane, row, column = field.peak
    columns = np.flatnonzero(field.members.any(axis=(0, 1)))
    there = plane >= 0
    return {
        "unit_id": unit,
        "place_cell": bool(
            p[0] < criteria["alpha"]
            and p[1] < criteria["alpha"]
            and size_cm > criteria["field_min_cm"] + 1e-9
        ),
        "information_bits": observed[0],
        "information_chance_95": np.percentile(null[:, 0], 95),
        "information_p": p[0],
        "stability_z": observed[1],
        "stability_chance_95": np.percentile(null[:, 1], 95),
        "stability_p": p[1],
        "field_cm": size_cm,
        "field_direction": (1 - 2 * plane) if there and layout.shape[0] == 2 else 0,
        "field_start_cm": columns[0] * bin_cm if there else np.nan,
        "field_stop_cm": (columns[-1] + 1) * bin_cm if there else np.nan,
        "peak_x_cm": (column + 0.5) * bin_cm if there else np.nan,
        "peak_y_cm": (row + 0.5) * bin_cm if there and layout.shape[1] > 1 else np.nan,
        "peak_rate": float(rate[field.peak]) if there else 0.0,
        "mean_rate": mean,
    }
