"""The paper's own forms of initialisation, spatial update and traces (``method: minian``).

They are kept so that a user can compare; the defaults in `initialize`, `spatial` and
`traces` do better on recordings with known truth. Defects of the published code that the
paper does not describe are not rebuilt: nothing is clipped at zero and sums of footprints
converge.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from scopeflow.footprints import from_rows
from scopeflow.patches import pixels_of
from scopeflow.spatial import descend


@dataclass
class WindowSums:
    """Sums over samples for a seed's pixel and the pixels of the window around it.

    Attributes
    ----------
    rows, cols : slice
        The window.
    seed : int
        Index of the seed's pixel in the flattened window.
    pixels, squares, products : ndarray of float64, shape (pixel,)
        Sums of the pixels, of their squares and of their products with the seed's pixel.
    """

    rows: slice
    cols: slice
    seed: int
    pixels: np.ndarray
    squares: np.ndarray
    products: np.ndarray

    def add(self, samples: np.ndarray) -> None:
        """Add samples (sample, height, width) of the smoothed movie."""
        window = samples[:, self.rows, self.cols].reshape(len(samples), -1).astype(np.float64)
        self.pixels += window.sum(axis=0)
        self.squares += np.einsum("tp,tp->p", window, window)
        self.products += window[:, self.seed] @ window


def window_around(place: np.ndarray, radius_px: int, shape: tuple[int, int]) -> WindowSums:
    """Return empty sums for the window around a seed."""
    row, col = np.rint(place).astype(int)
    rows = slice(max(row - radius_px, 0), min(row + radius_px + 1, shape[0]))
    cols = slice(max(col - radius_px, 0), min(col + radius_px + 1, shape[1]))
    n_pixels = (rows.stop - rows.start) * (cols.stop - cols.start)
    seed = (row - rows.start) * (cols.stop - cols.start) + col - cols.start
    return WindowSums(rows, cols, seed, *np.zeros((3, n_pixels)))


def smoothed(frames: np.ndarray, n: int) -> np.ndarray:
    """Average every `n` frames: the low-pass that precedes the comparison of traces."""
    if not len(frames):
        return frames.astype(np.float32)
    starts = np.arange(0, len(frames), n)
    lengths = np.diff([*starts, len(frames)])
    total = np.add.reduceat(frames.astype(np.float32), starts, axis=0)
    return total / lengths[:, None, None].astype(np.float32)


def correlation_footprints(
    sums: list[WindowSums],
    n_samples: int,
    correlation_min: float,
    radius_px: float,
    shape: tuple[int, int],
) -> sparse.csr_array:
    """Return footprints of Pearson correlations with the seed's pixel above a threshold.

    Parameters
    ----------
    sums : list of WindowSums
        One for each seed, over all samples.
    n_samples : int
        Number of samples.
    correlation_min : float
        Smaller correlations become 0; the seed itself is 1.
    radius_px : float
        Largest distance from the seed, in px.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    csr_array of float32, shape (unit_id, pixel)
    """
    footprints = []
    for window in sums:
        mean = window.pixels / n_samples
        variance = np.maximum(window.squares / n_samples - mean**2, 0)
        covariance = window.products / n_samples - mean * mean[window.seed]
        scale = np.sqrt(variance * variance[window.seed])
        value = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
        value[window.seed] = 1
        width = window.cols.stop - window.cols.start
        dy, dx = np.divmod(np.arange(len(value)), width)
        away = np.hypot(dy - window.seed // width, dx - window.seed % width)
        present = np.flatnonzero((value >= correlation_min) & (away <= radius_px))
        pixels = pixels_of(window.rows, window.cols, shape[1])[present]
        footprints.append((pixels, value[present]))
    return from_rows(footprints, shape[0] * shape[1])


def projected_traces(frames: np.ndarray, A: sparse.csr_array) -> np.ndarray:
    """Return the movie weighted by each footprint, shape (unit_id, frame)."""
    power = np.maximum(np.asarray(A.multiply(A).sum(axis=1)).ravel(), 1e-12)
    flat = frames.reshape(len(frames), -1).astype(np.float32)
    return ((A @ flat.T) / power[:, None]).astype(np.float32)


def demixed_traces(
    frames: np.ndarray, A: sparse.csr_array, C: np.ndarray, b: np.ndarray, f: np.ndarray
) -> np.ndarray:
    """Return raw traces by projection, with the neighbours taken off in a single step.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Slab of the movie in camera counts.
    A : csr_array of float32, shape (unit_id, pixel)
        Footprints.
    C : ndarray of float32, shape (unit_id, frame)
        Traces of the iteration before, same frames.
    b, f : ndarray of float32, shapes (height, width) and (frame,)
        Background.

    Returns
    -------
    ndarray of float32, shape (unit_id, frame)
        ``(A Y - (A b) f - (A A') C) / sum A^2 + C``, the paper's "Temporal update"; not clipped.
    """
    power = np.maximum(np.asarray(A.multiply(A).sum(axis=1)).ravel(), 1e-12)[:, None]
    seen = projected_traces(frames, A) - np.outer(A @ b.ravel(), f) / power
    return (seen - (A @ A.T) @ C / power + C).astype(np.float32)


@dataclass
class LassoSums:
    """Sums over frames for the regression of every pixel on the traces and an intercept.

    Attributes
    ----------
    n : int
        Number of frames.
    gram : ndarray of float64, shape (unit_id + 1, unit_id + 1)
        Products of the traces, the last row and column belonging to the intercept.
    cross : ndarray of float64, shape (support pixel,)
        Products of trace and pixel, for the entries of the support only.
    total : ndarray of float64, shape (pixel,)
        Sums of the pixels.
    """

    n: int
    gram: np.ndarray
    cross: np.ndarray
    total: np.ndarray

    @classmethod
    def zero(cls, support: sparse.csr_array) -> "LassoSums":
        """Return empty sums for a support (unit_id, pixel)."""
        n_units, n_pixels = support.shape
        gram = np.zeros((n_units + 1, n_units + 1))
        return cls(0, gram, np.zeros(support.nnz), np.zeros(n_pixels))

    def add(self, other: "LassoSums") -> None:
        """Add the sums of another slab."""
        self.n += other.n
        self.gram += other.gram
        self.cross += other.cross
        self.total += other.total


def lasso_slab(
    frames: np.ndarray, C: np.ndarray, b: np.ndarray, f: np.ndarray, support: sparse.csr_array
) -> LassoSums:
    """Return the sums of one slab of good frames, after the background was taken off."""
    flat = frames.reshape(len(frames), -1).astype(np.float32) - np.outer(f, b.ravel())
    with_one = np.concatenate([C, np.ones((1, C.shape[1]), dtype=np.float32)]).astype(np.float64)
    cross = np.empty(support.nnz)
    for unit in range(support.shape[0]):
        entries = slice(support.indptr[unit], support.indptr[unit + 1])
        cross[entries] = C[unit] @ flat[:, support.indices[entries]]
    total = flat.sum(axis=0, dtype=np.float64)
    return LassoSums(len(frames), with_one @ with_one.T, cross, total)


def lasso_footprints(
    sums: LassoSums, support: sparse.csr_array, sn: np.ndarray, sparse_penalty: float
) -> sparse.csr_array:
    """Return footprints by the paper's per-pixel regression.

    Parameters
    ----------
    sums : LassoSums
        Over all good frames.
    support : csr_array of bool, shape (unit_id, pixel)
        Dilated footprints: where each unit may have a weight.
    sn : ndarray of float32, shape (height, width)
        Noise of the pixels in camera counts.
    sparse_penalty : float
        As in the paper.

    Returns
    -------
    csr_array of float32, shape (unit_id, pixel)
        Not normalised.

    Notes
    -----
    For every pixel p, ``min over a >= 0, beta of 1/(2 T) |y_p - a C - beta|^2 + sparse_penalty
    sn_p |a|_1`` ("Spatial update", with the scaling of the published code). The penalty is
    not invariant to the camera's gain, which is why it is not the default.
    """
    n_units = support.shape[0]
    gram = sums.gram[:n_units, :n_units] - np.outer(*[sums.gram[:n_units, -1]] * 2) / sums.n
    mean_C = sums.gram[:n_units, -1] / sums.n
    entries = sparse.csr_array(
        (np.arange(support.nnz), support.indices, support.indptr), support.shape
    )
    by_pixel = sparse.csc_array(entries)
    values = np.zeros(support.nnz, dtype=np.float32)
    for pixel in np.flatnonzero(np.diff(by_pixel.indptr)):
        here = slice(by_pixel.indptr[pixel], by_pixel.indptr[pixel + 1])
        units, own = by_pixel.indices[here], by_pixel.data[here]
        cross = (sums.cross[own] - mean_C[units] * sums.total[pixel])[:, None]
        penalty = np.full_like(cross, sums.n * sparse_penalty * sn.flat[pixel])
        allowed = np.ones(cross.shape, dtype=bool)
        solved = descend(gram[np.ix_(units, units)], cross, penalty, allowed)
        values[own] = solved[:, 0]
    result = sparse.csr_array((values, support.indices, support.indptr), support.shape)
    result.eliminate_zeros()
    return result


def jaccard_groups(A: sparse.csr_array, jaccard_min: float) -> np.ndarray:
    """Return the group of each unit: units connected by overlaps above a Jaccard index.

    Parameters
    ----------
    A : csr_array of float, shape (unit_id, pixel)
        Footprints.
    jaccard_min : float
        Pairs sharing more than this part of the pixels they cover together are connected.

    Returns
    -------
    ndarray of int, shape (unit_id,)
        The paper updates the members of a group together; as no footprint enters its
        temporal problem, all they share is the scale that their traces are divided by.
    """
    present = sparse.csr_array((np.ones(A.nnz), A.indices, A.indptr), A.shape)
    shared = sparse.coo_array(present @ present.T)
    sizes = np.diff(A.indptr)
    i, j = shared.coords
    linked = shared.data / (sizes[i] + sizes[j] - shared.data) > jaccard_min
    graph = sparse.coo_array((linked[linked], (i[linked], j[linked])), shape=shared.shape)
    return csgraph.connected_components(graph, directed=False)[1]
