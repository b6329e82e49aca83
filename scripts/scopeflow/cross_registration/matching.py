"""One-to-one pairs of units between two sessions."""

import numpy as np

from scopeflow.cross_registration.pairs import Pairs


def mutual_nearest(pairs: Pairs, distance_max_px: float) -> np.ndarray:
    """Return the pairs in which each unit is the nearest one of the other, as in the paper.

    Parameters
    ----------
    pairs : Pairs
        All pairs within `distance_max_px`, at least.
    distance_max_px : float
        Largest distance of a match, excluded.

    Returns
    -------
    ndarray of int64
        Positions in `pairs`.
    """
    order = np.argsort(pairs.distance_px, kind="stable")
    chosen = np.intersect1d(_firsts(pairs.first[order]), _firsts(pairs.second[order]))
    chosen = np.sort(order[chosen])
    return chosen[pairs.distance_px[chosen] < distance_max_px]


def _firsts(labels: np.ndarray) -> np.ndarray:
    """Return the positions at which labels occur for the first time."""
    return np.unique(labels, return_index=True)[1]


def most_probable(
    pairs: Pairs, probability: np.ndarray, distance_max_px: float, probability_min: float
) -> np.ndarray:
    """Return one-to-one pairs, the most probable first, ties to the nearer.

    Parameters
    ----------
    pairs : Pairs
        Candidates.
    probability : ndarray of float64, shape (pair,)
        That they are the same cell.
    distance_max_px : float
        Largest distance of a match, excluded.
    probability_min : float
        Least probability of a match.

    Returns
    -------
    ndarray of int64
        Positions in `pairs`.
    """
    allowed = (probability >= probability_min) & (pairs.distance_px < distance_max_px)
    candidates = np.flatnonzero(allowed)
    order = np.lexsort((pairs.distance_px[candidates], -probability[candidates]))
    taken_first, taken_second, chosen = set(), set(), []
    for k in candidates[order]:
        i, j = int(pairs.first[k]), int(pairs.second[k])
        if i not in taken_first and j not in taken_second:
            taken_first.add(i)
            taken_second.add(j)
            chosen.append(k)
    return np.sort(np.array(chosen, dtype=np.int64))
