"""The tests that candidates for cells must pass, one column of verdicts each.

Measuring the traces takes a moment; judging what was measured takes none, so that thresholds
can be tried out.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from scopeflow import seeds
from scopeflow.defaults import given

EDGE_DIAMETERS = 1 / 3  # nearer to the edge, cells outside show their flanks


def measures(
    traces: np.ndarray, fps_hz: float, cutoff_hz: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return range, peak-to-noise ratio and distance from normal of traces.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, frame)
        Free of NaN, in camera counts.
    fps_hz, cutoff_hz : float
        Frame rate and the frequency that separates signal from noise, in Hz.

    Returns
    -------
    peak_to_peak, pnr, ks_distance : ndarray of float64, shape (trace,)
        Of the functions of that name in `scopeflow.seeds`.
    """
    return (
        seeds.peak_to_peak(traces),
        seeds.peak_to_noise(traces, fps_hz, cutoff_hz),
        seeds.ks_distance(traces),
    )


def judge(
    table: pd.DataFrame,
    settings: Mapping,
    method: str,
    shape: tuple[int, int],
    cell_diameter_px: float,
    pnr_min: float,
    seed: int,
) -> pd.DataFrame:
    """Return the verdict of every test on every candidate.

    Parameters
    ----------
    table : DataFrame
        Columns ``height``, ``width`` (px), ``count``, ``score``, ``peak_to_peak``, ``pnr`` and
        ``ks_p``, a row for each candidate.
    settings : mapping
        The section ``seeds`` of the config.
    method : {"events", "rolling", "random"}
        How the candidates were found.
    shape : tuple of int
        (height, width) of the image.
    cell_diameter_px : float
        Width of a cell.
    pnr_min : float
        Least peak-to-noise ratio.
    seed : int
        Of the mixture's random start.

    Returns
    -------
    DataFrame of bool
        Columns ``mask_<test>`` on the same index, without ``mask_merge``.
    """
    everything = np.ones(len(table), dtype=bool)
    masks = {}
    if method == "events":
        often = table["count"] >= settings["event_count_min"]
        alone = table["score"] >= settings["event_z_single"]
        # Near the edge, where cells outside show their flanks, more than that are asked for.
        place, limit = table[["height", "width"]].to_numpy(), np.array(shape) - 1
        depth = np.minimum(place, limit - place).min(axis=1, initial=np.inf)
        more = table["count"] > settings["event_count_min"]
        near_edge = depth < EDGE_DIAMETERS * cell_diameter_px
        masks["mask_events"] = np.where(near_edge, more, often | alone)
    else:
        masks["mask_intensity"] = table["score"].to_numpy() > settings["intensity_min"]
    ranges = table["peak_to_peak"].to_numpy()
    masks["mask_gmm"] = seeds.mixture_mask(ranges, seed) if settings["gmm"] else everything
    masks["mask_pnr"] = table["pnr"].to_numpy() >= pnr_min
    alpha = settings["ks_alpha"]
    masks["mask_ks"] = everything if alpha is None else table["ks_p"].to_numpy() < alpha
    return pd.DataFrame(masks, index=table.index)


def merged(
    table: pd.DataFrame,
    passed: np.ndarray,
    agreement: Callable[[np.ndarray], np.ndarray],
    settings: Mapping,
    method: str,
    cell_diameter_px: float,
) -> np.ndarray:
    """Return which candidates are left when those of one cell are made one.

    Parameters
    ----------
    table : DataFrame
        As in `judge`.
    passed : ndarray of bool, shape (candidate,)
        Those that passed every other test.
    agreement : callable
        Returns the correlations of the slow parts of traces, for pairs (pair, 2) of candidates.
    settings, method, cell_diameter_px
        As in `judge`.

    Returns
    -------
    ndarray of bool, shape (candidate,)
    """
    kept = np.flatnonzero(passed)
    places = table[["height", "width"]].to_numpy()[kept]
    # Events have been told apart by their places already.
    reach = cell_diameter_px / (10 if method == "events" else 4)
    pairs = seeds.near_pairs(places, given(settings["merge_distance_px"], reach))
    linked = agreement(kept[pairs]) > settings["merge_correlation"]
    best = seeds.best_of_groups(len(kept), pairs, linked, table["score"].to_numpy()[kept])
    left = np.zeros(len(table), dtype=bool)
    left[kept[best]] = True
    return left
