"""Mappings of simulated sessions against the truth."""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from scopeflow.errors import InputError
from scopeflow.footprints import centroids
from scopeflow.metrics import (
    DISTANCE_MAX_PX,
    FOOTPRINT_R_MIN,
    footprint_correlations,
    register,
    shifted,
)


def refuse_other_size(units: str, shape: tuple[int, int], true_shape: tuple[int, int]) -> None:
    """Refuse units of another image size than their truth, as after down-sampling.

    Raises
    ------
    InputError
        Naming both sizes.
    """
    if tuple(shape) != tuple(true_shape):
        raise InputError(
            f"{units} is {shape[0]} x {shape[1]} px, but its truth is {true_shape[0]} x "
            f"{true_shape[1]} px. Only a recording loaded whole can be scored: leave out "
            "load.downsample and load.region."
        )


def true_cells(
    A: sparse.csr_array, true_A: sparse.csr_array, true_id: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Return which true cell each unit of a session is.

    Parameters
    ----------
    A, true_A : csr_array of float32, shape (unit_id, pixel)
        Footprints found, and those of the truth.
    true_id : ndarray of int64, shape (true unit_id,)
        Labels of the true cells, equal in all sessions of a field; >= 0.
    shape : tuple of int
        Height and width of the image, px.

    Returns
    -------
    ndarray of int64, shape (unit_id,)
        Label of the true cell that is near and looks alike, one to one, as in the strict F1 of
        `metrics.score`; -1 for a unit that is none.
    """
    label = np.full(A.shape[0], -1, dtype=np.int64)
    if not A.shape[0] or not true_A.shape[0]:
        return label
    images = [np.asarray(M.max(axis=0).toarray()).reshape(shape) for M in (A, true_A)]
    A = shifted(A, register(*images), shape)
    places = [centroids(M, shape) for M in (A, true_A)]
    distance = np.linalg.norm(places[0][:, None] - places[1], axis=2)
    alike = footprint_correlations(A, true_A)
    allowed = (distance < DISTANCE_MAX_PX) & (alike > FOOTPRINT_R_MIN)
    found, true = linear_sum_assignment(np.where(allowed, alike, 0), maximize=True)
    real = allowed[found, true]
    label[found[real]] = true_id[true[real]]
    return label


def score(mappings: np.ndarray, labels: list[dict[int, int]]) -> dict[str, float]:
    """Score mappings against the truth.

    Parameters
    ----------
    mappings : ndarray of float, shape (cell, session)
        ``unit_id`` of every session, NaN where the cell was not found.
    labels : list of dict
        For each session, the true cell of every ``unit_id``; -1 for a unit that is none.

    Returns
    -------
    dict
        ``n_sessions``, ``n_pairs_true`` (pairs of units of two sessions that are one true cell:
        such a cell lies in both fields), ``n_pairs_found``, ``precision`` and ``recall`` of the
        pairs, ``n_cells_true`` (true cells found in two or more sessions) and ``cells_exact``,
        the share of them whose row holds all of their units and no other.
    """
    truth = np.full(mappings.shape, -1)
    for s, known in enumerate(labels):
        given = np.isfinite(mappings[:, s])
        truth[given, s] = [known[int(u)] for u in mappings[given, s]]
    rows_of: dict[int, set[int]] = {}
    units_of = pd.Series([c for known in labels for c in known.values() if c >= 0])
    n_units = units_of.value_counts()
    right = found = 0
    for row, own in enumerate(truth):
        present = own[np.isfinite(mappings[row])]
        found += len(present) * (len(present) - 1) // 2
        names, counts = np.unique(present[present >= 0], return_counts=True)
        right += int((counts * (counts - 1) // 2).sum())
        for name in names:
            rows_of.setdefault(int(name), set()).add(row)
    shared = n_units[n_units >= 2]
    exact = 0
    for name in shared.index:
        rows = rows_of[int(name)]
        if len(rows) == 1:
            own = mappings[next(iter(rows))]
            exact += int(np.isfinite(own).sum() == n_units[name])
    n_true = int((n_units * (n_units - 1) // 2).sum())
    return {
        "n_sessions": len(labels),
        "n_pairs_true": n_true,
        "n_pairs_found": found,
        "precision": right / found if found else np.nan,
        "recall": right / n_true if n_true else np.nan,
        "n_cells_true": len(shared),
        "cells_exact": exact / len(shared) if len(shared) else np.nan,
    }
