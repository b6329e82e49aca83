"""Units that are parts of one cell become one.

Source: the paper, "Merging cells".
"""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from scopeflow.footprints import normalized


def overlapping_pairs(A: sparse.csr_array) -> np.ndarray:
    """Return the pairs of units that share at least one pixel, shape (pair, 2), i < j."""
    present = sparse.csr_array((np.ones(A.nnz, dtype=np.float32), A.indices, A.indptr), A.shape)
    shared = sparse.coo_array(sparse.triu(present @ present.T, k=1))
    return np.stack(shared.coords, axis=1)


def groups_to_merge(n_units: int, pairs: np.ndarray, linked: np.ndarray) -> list[np.ndarray]:
    """Return the groups of two and more units connected by linked pairs."""
    if not linked.any():
        return []
    i, j = pairs[linked].T
    graph = sparse.coo_array((np.ones(len(i)), (i, j)), shape=(n_units, n_units))
    labels = csgraph.connected_components(graph, directed=False)[1]
    return [np.flatnonzero(labels == label) for label in np.flatnonzero(np.bincount(labels) > 1)]


def rank_one(A: sparse.csr_array, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the one footprint and trace that come nearest to what a group explains.

    Parameters
    ----------
    A : csr_array of float32, shape (member, pixel)
        Footprints of the group.
    C : ndarray of float32, shape (member, frame)
        Their traces.

    Returns
    -------
    a : ndarray of float32, shape (pixel,)
        Largest value 1.
    c : ndarray of float32, shape (frame,)
        In the unit of C.

    Notes
    -----
    ``a c`` is the best rank-one approximation of ``A' C``. The paper adds the footprints and
    averages the traces, which changes the energy of what the group explained.
    """
    overlap = (A @ A.T).toarray().astype(np.float64)
    weights = group_weights(A, C)
    # The trace is the projection on the mixture.
    a = weights @ A
    c = (weights @ overlap) @ C / (weights @ overlap @ weights)
    peak = a.max()
    return (a / peak).astype(np.float32), (c * peak).astype(np.float32)


def group_weights(A: sparse.csr_array, C: np.ndarray) -> np.ndarray:
    """Return the weights with which `rank_one` mixes the footprints of a group, not scaled."""
    overlap = (A @ A.T).toarray().astype(np.float64)
    product = C.astype(np.float64) @ C.T
    weights = np.ones(len(C))
    for _ in range(100):  # power iteration on the group's small matrices
        weights = product @ (overlap @ weights)
        weights /= np.linalg.norm(weights)
    return weights


def merged(
    A: sparse.csr_array, C: np.ndarray, groups: list[np.ndarray], method: str
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Replace each group by one unit, at the position of its first member.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    C : ndarray of float32, shape (unit_id, frame)
        Calcium traces.
    groups : list of ndarray of int
        Of `groups_to_merge`.
    method : {"scopeflow", "minian"}
        Rank-one fit, or the paper's sum of footprints and mean of traces.

    Returns
    -------
    A : csr_array of float32, shape (kept, pixel)
        Largest value 1 each.
    C : ndarray of float32, shape (kept, frame)
    kept : ndarray of int, shape (kept,)
        Positions of the survivors.
    """
    rows = [A[[k]] for k in range(A.shape[0])]
    C = C.copy()
    gone: list[int] = []
    for group in groups:
        if method == "minian":
            footprint, trace = A[group].sum(axis=0), C[group].mean(axis=0)
        else:
            footprint, trace = rank_one(A[group], C[group])
        rows[group[0]] = sparse.csr_array(np.asarray(footprint, dtype=np.float32)[None])
        C[group[0]] = trace
        gone.extend(group[1:])
    kept = np.setdiff1d(np.arange(A.shape[0]), gone)
    if not len(kept):
        return A, C, kept
    stacked = sparse.csr_array(sparse.vstack([rows[k] for k in kept], format="csr"))
    footprints, peak = normalized(stacked)
    return footprints, C[kept] * np.where(peak > 0, peak, 1)[:, None].astype(np.float32), kept
