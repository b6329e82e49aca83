"""Units that are parts of one cell become one.

Source: the paper, "Merging cells".
"""

from collections.abc import Iterable

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from scopeflow.footprints import centroids, normalized


def overlapping_pairs(A: sparse.csr_array) -> np.ndarray:
    """Return the pairs of units that share at least one pixel, shape (pair, 2), i < j."""
    present = sparse.csr_array((np.ones(A.nnz, dtype=np.float32), A.indices, A.indptr), A.shape)
    shared = sparse.coo_array(sparse.triu(present @ present.T, k=1))
    return np.stack(shared.coords, axis=1)


def overlaps(A: sparse.csr_array, pairs: np.ndarray) -> np.ndarray:
    """Return the cosine between the footprints of each pair, shape (pair,)."""
    norm = sparse.linalg.norm(A, axis=1)
    i, j = pairs.T
    shared = np.asarray(A[i].multiply(A[j]).sum(axis=1)).ravel()
    return shared / np.maximum(norm[i] * norm[j], 1e-12)


def distances(A: sparse.csr_array, shape: tuple[int, int], pairs: np.ndarray) -> np.ndarray:
    """Return the distance in px between the centres of mass of each pair, shape (pair,)."""
    centre = centroids(A, shape)
    return np.hypot(*(centre[pairs[:, 0]] - centre[pairs[:, 1]]).T)


def groups_to_merge(n_units: int, pairs: np.ndarray, linked: np.ndarray) -> list[np.ndarray]:
    """Return the groups of two and more units connected by linked pairs."""
    if not linked.any():
        return []
    i, j = pairs[linked].T
    graph = sparse.coo_array((np.ones(len(i)), (i, j)), shape=(n_units, n_units))
    labels = csgraph.connected_components(graph, directed=False)[1]
    return [np.flatnonzero(labels == label) for label in np.flatnonzero(np.bincount(labels) > 1)]


def trace_products(C: Iterable[np.ndarray], n_units: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Sum up what correlations and merges need of the traces.

    Parameters
    ----------
    C : iterable of ndarray of float, shape (unit_id, frame)
        Traces, a stretch of frames at a time.
    n_units : int
        Number of units.

    Returns
    -------
    products : ndarray of float64, shape (unit_id, unit_id)
        ``C C'``.
    totals : ndarray of float64, shape (unit_id,)
        Sums of the traces.
    n_frames : int
    """
    products, totals, n_frames = np.zeros((n_units, n_units)), np.zeros(n_units), 0
    for part in C:
        exact = part.astype(np.float64)
        products += exact @ exact.T
        totals += exact.sum(axis=1)
        n_frames += part.shape[1]
    return products, totals, n_frames


def trace_correlations(
    products: np.ndarray, totals: np.ndarray, n_frames: int, pairs: np.ndarray
) -> np.ndarray:
    """Return the correlation of the traces of each pair; 0 for a constant trace."""
    centred = products - np.outer(totals, totals) / max(n_frames, 1)
    spread = np.sqrt(np.maximum(centred.diagonal(), 0))
    i, j = pairs.T
    scale = spread[i] * spread[j]
    return np.divide(centred[i, j], scale, out=np.zeros(len(pairs)), where=scale > 0)


def rank_one(A: sparse.csr_array, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the one footprint and trace that come nearest to what a group explains.

    Parameters
    ----------
    A : csr_array of float32, shape (member, pixel)
        Footprints of the group.
    products : ndarray of float64, shape (member, member)
        ``C C'`` of their traces.

    Returns
    -------
    footprint : ndarray of float64, shape (pixel,)
        ``weights' A``, of the largest value 1.
    mixture : ndarray of float64, shape (member,)
        The trace is ``mixture' C``.

    Notes
    -----
    Their product is the best rank-one approximation of ``A' C``. The paper adds the
    footprints and averages the traces, which changes the energy of what the group explained.
    """
    overlap = (A @ A.T).toarray().astype(np.float64)
    weights = np.ones(A.shape[0])
    for _ in range(100):  # power iteration on the group's small matrices
        weights = products @ (overlap @ weights)
        weights /= np.linalg.norm(weights)
    # weights mix footprints; the trace is the projection on the mixture.
    footprint, mixture = weights @ A, weights @ overlap / (weights @ overlap @ weights)
    peak = footprint.max()
    return footprint / peak, mixture * peak


def merged(
    A: sparse.csr_array, products: np.ndarray, groups: list[np.ndarray], method: str
) -> tuple[sparse.csr_array, sparse.csr_array, np.ndarray]:
    """Replace each group by one unit, at the position of its first member.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    products : ndarray of float64, shape (unit_id, unit_id)
        ``C C'`` of their traces.
    groups : list of ndarray of int
        Of `groups_to_merge`.
    method : {"scopeflow", "minian"}
        Rank-one fit, or the paper's sum of footprints and mean of traces.

    Returns
    -------
    A : csr_array of float32, shape (kept, pixel)
        Largest value 1 each.
    mixing : csr_array of float64, shape (kept, unit_id)
        The traces of the kept units are ``mixing C``.
    kept : ndarray of int, shape (kept,)
        Positions of the survivors.
    """
    n_units = A.shape[0]
    footprints = [A[[k]] for k in range(n_units)]
    mixing = sparse.eye_array(n_units, format="lil")
    gone: list[int] = []
    for group in groups:
        if method == "minian":
            footprint, mixture = A[group].sum(axis=0), np.full(len(group), 1 / len(group))
        else:
            footprint, mixture = rank_one(A[group], products[np.ix_(group, group)])
        footprints[group[0]] = sparse.csr_array(np.asarray(footprint, dtype=np.float32)[None])
        mixing[[group[0]], group] = mixture
        gone.extend(group[1:])
    kept = np.setdiff1d(np.arange(n_units), gone)
    if not len(kept):
        return A, sparse.csr_array((0, n_units)), kept
    stacked = sparse.csr_array(sparse.vstack([footprints[k] for k in kept], format="csr"))
    result, peak = normalized(stacked)
    scale = sparse.diags_array(np.where(peak > 0, peak, 1.0))
    return result, sparse.csr_array(scale @ mixing.tocsr()[kept]), kept
