"""How well synthetic cells were found again, one by one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from scopeflow.footprints import centroids
from scopeflow.metrics import (
    FOOTPRINT_R_MIN,
    binned,
    footprint_correlations,
    row_correlations,
    shifted,
)
from scopeflow.movie import unit_blocks

SPIKE_BIN_S = 0.25  # spikes are compared in sums over this time
NEAR_DIAMETERS = 1.0  # a match, or a partner of a merge, is nearer than this
MIXED_SHARE = 0.35  # weight of both members in a unit's trace that makes it a merge
SPLIT_R = 0.5  # a further unit that follows a synthetic cell like this is a part of it


@dataclass(frozen=True)
class Result:
    """Units of one run.

    Attributes
    ----------
    unit_id : ndarray of int64, shape (unit_id,)
        Labels.
    A : csr_array, shape (unit_id, pixel)
        Footprints.
    C, S : ndarray of float32, shape (unit_id, frame)
        Calcium, and heights of transients.
    motion : ndarray of float, shape (frame, 2)
        Correction applied, px; defined up to a constant.
    """

    unit_id: np.ndarray
    A: sparse.csr_array
    C: np.ndarray
    S: np.ndarray
    motion: np.ndarray


def score_implants(
    after: Result,
    before: Result,
    truth: Result,
    shape: tuple[int, int],
    diameter: float,
    fps: float,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Find every synthetic cell among the units of a run.

    Parameters
    ----------
    after : Result
        The run with synthetic cells.
    before : Result
        The run of the same settings without them; as many frames or more.
    truth : Result
        The synthetic cells; `motion` is the correction of the image that they were placed in.
    shape : tuple of int
        (height, width) of the image.
    diameter : float
        Of a cell, px.
    fps : float
        Frame rate in Hz.

    Returns
    -------
    cells : DataFrame
        One row per synthetic cell: ``found``, ``unit_id`` (-1 without one), ``distance_px``,
        ``footprint_r``, ``calcium_r``, ``spikes_r`` (sums over 0.25 s), ``merged_with`` (label
        in the run before, -1 for none), ``n_parts`` (further units that follow it).
    counts : dict
        ``n_units``, ``n_units_before``, ``n_lost`` (units before without a match after) and
        ``n_new`` (units after that are neither synthetic nor there before).

    Notes
    -----
    Synthetic cells and the units of the run before compete for the units: each takes at most
    one, whose centre is nearer than a cell's diameter and whose footprint correlates above
    0.5, such that the sum of correlations is largest. A cell counts as merged if a unit near it
    follows both it and a unit of the run before, with standardised weights above 0.35 each in
    a regression on the two, and no other unit follows that one better.
    """
    n_frames = after.C.shape[1]
    old_C, old_motion = before.C[:, :n_frames], before.motion[:n_frames]
    A_true = shifted(truth.A, _offset(after.motion, truth.motion), shape)
    A_old = shifted(before.A, _offset(after.motion, old_motion), shape)
    own, other = _assign(after.A, A_true, A_old, shape, diameter)
    centres, true_centres = centroids(after.A, shape), centroids(A_true, shape)
    old_centres = centroids(A_old, shape)
    all_r = correlations(truth.C, after.C)
    merged, parts = np.full(len(own), -1), np.zeros(len(own), dtype=np.int64)
    old_r = correlations(old_C, after.C)
    for k, place in enumerate(true_centres):
        near = np.flatnonzero(np.linalg.norm(centres - place, axis=1) < NEAR_DIAMETERS * diameter)
        around = np.linalg.norm(old_centres - place, axis=1) < 2 * NEAR_DIAMETERS * diameter
        for unit in near:
            for old in np.flatnonzero(around):
                if old_r[old].argmax() == unit and _is_mixed(after.C[unit], truth.C[k], old_C[old]):
                    merged[k] = before.unit_id[old]
        parts[k] = ((all_r[k, near] > SPLIT_R) & (near != own[k])).sum()
    found = own >= 0
    i, j = own[found], np.flatnonzero(found)
    bins = max(round(SPIKE_BIN_S * fps), 1)
    columns: dict[str, np.ndarray] = {
        "found": found,
        "unit_id": np.full(len(own), -1),
        "distance_px": np.full(len(own), np.nan),
        "footprint_r": np.full(len(own), np.nan),
        "calcium_r": np.full(len(own), np.nan),
        "spikes_r": np.full(len(own), np.nan),
        "merged_with": merged,
        "n_parts": parts,
    }
    columns["unit_id"][j] = after.unit_id[i]
    columns["distance_px"][j] = np.linalg.norm(centres[i] - true_centres[j], axis=1)
    columns["footprint_r"][j] = footprint_correlations(after.A[i], A_true[j]).diagonal()
    columns["calcium_r"][j] = all_r[j, i]
    columns["spikes_r"][j] = row_correlations(binned(after.S[i], bins), binned(truth.S[j], bins))
    counts = {
        "n_units": len(after.unit_id),
        "n_units_before": len(before.unit_id),
        "n_lost": int((other < 0).sum()),
        "n_new": len(after.unit_id) - int(found.sum()) - int((other >= 0).sum()),
    }
    return pd.DataFrame(columns), counts


def _offset(motion: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how far the image of one motion correction lies from that of another, px.

    Both are defined up to a constant, and each run has its own.
    """
    difference = motion[: len(other)].astype(np.float64) - other[: len(motion)]
    difference = difference[np.isfinite(difference).all(axis=1)]
    return np.median(difference, axis=0) if len(difference) else np.zeros(2)


def _assign(
    A: sparse.csr_array,
    A_true: sparse.csr_array,
    A_old: sparse.csr_array,
    shape: tuple[int, int],
    diameter: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit of each synthetic cell and of each unit before; -1 for none."""
    both = sparse.csr_array(sparse.vstack([A_true, A_old], format="csr"))
    taken = np.full(both.shape[0], -1)
    if A.shape[0] and both.shape[0]:
        r = footprint_correlations(both, A)
        distance = np.linalg.norm(
            centroids(both, shape)[:, None] - centroids(A, shape)[None], axis=2
        )
        allowed = (distance < NEAR_DIAMETERS * diameter) & (r > FOOTPRINT_R_MIN)
        rows, cols = linear_sum_assignment(np.where(allowed, r, 0), maximize=True)
        kept = allowed[rows, cols]
        taken[rows[kept]] = cols[kept]
    return taken[: A_true.shape[0]], taken[A_true.shape[0] :]


def correlations(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of every row of `X` with every row of `Y`; 0 if one is constant."""
    r = np.empty((len(X), len(Y)))
    for rows in unit_blocks(len(X)):
        standard = _standardized(X[rows])
        for columns in unit_blocks(len(Y)):
            r[rows, columns] = standard @ _standardized(Y[columns]).T
    return r


def _standardized(X: np.ndarray) -> np.ndarray:
    """Return rows of mean 0 and norm 1, float64; 0 if one is constant."""
    X = X - X.mean(axis=1, keepdims=True, dtype=np.float64)
    norm = np.linalg.norm(X, axis=1, keepdims=True)
    X /= np.where(norm > 0, norm, 1)
    return X


def _is_mixed(trace: np.ndarray, implant: np.ndarray, old: np.ndarray) -> bool:
    """Tell whether a trace holds a good part of both of two others."""
    r = correlations(np.stack([trace, implant, old]), np.stack([trace, implant, old]))
    between = r[1, 2]
    if 1 - between**2 < 1e-6:
        return False
    weights = np.array([r[0, 1] - between * r[0, 2], r[0, 2] - between * r[0, 1]])
    return bool((weights / (1 - between**2) > MIXED_SHARE).all())
