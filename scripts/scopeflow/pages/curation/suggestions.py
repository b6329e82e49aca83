"""Pairs of units that may be one cell."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scopeflow.footprints import from_rows
from scopeflow.merge import (
    distances,
    overlapping_pairs,
    overlaps,
    trace_correlations,
    trace_products,
)
from scopeflow.pages.curation.data import Footprint

CORRELATION_MIN = 0.3  # less alike pairs are not listed
LISTED = 200  # pairs at most


@dataclass(frozen=True)
class Pairs:
    """Pairs in order of overlap times correlation, largest first; each of shape (pair,).

    Attributes
    ----------
    first, second : ndarray of int
        Positions of the units; the first has the larger footprint.
    overlap : ndarray of float
        Cosine between the footprints.
    correlation : ndarray of float
        Of the calcium traces.
    distance_px : ndarray of float
        Between the centres of mass.
    """

    first: np.ndarray
    second: np.ndarray
    overlap: np.ndarray
    correlation: np.ndarray
    distance_px: np.ndarray


def suggested_pairs(
    footprints: list[Footprint], C: Iterable[np.ndarray], shape: tuple[int, int]
) -> Pairs:
    """Find pairs that share pixels and rise together.

    Parameters
    ----------
    footprints : list of Footprint
    C : iterable of ndarray, shape (unit_id, frame)
        Calcium traces, a stretch of frames at a time.
    shape : tuple of int
        (height, width) in px.

    Returns
    -------
    Pairs
        At most `LISTED`.
    """
    A = from_rows([(one.pixels, one.values) for one in footprints], shape[0] * shape[1])
    pairs = overlapping_pairs(A) if len(footprints) else np.zeros((0, 2), dtype=int)
    correlation = trace_correlations(*trace_products(C, len(footprints)), pairs)
    alike = correlation >= CORRELATION_MIN
    pairs, correlation = pairs[alike], correlation[alike]
    overlap = overlaps(A, pairs)
    best = np.argsort(-overlap * correlation, kind="stable")[:LISTED]
    pairs = pairs[best]
    mass = np.array([one.values.sum() for one in footprints])
    swap = mass[pairs[:, 1]] > mass[pairs[:, 0]] if len(pairs) else np.zeros(0, dtype=bool)
    pairs[swap] = pairs[swap, ::-1]
    distance = distances(A, shape, pairs) if len(pairs) else np.zeros(0)
    return Pairs(pairs[:, 0], pairs[:, 1], overlap[best], correlation[best], distance)
