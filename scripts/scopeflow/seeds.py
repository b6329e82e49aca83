"""Seeds: candidates for cells from maximum projections, and the tests they must pass.

Source: the paper, "Seed initialization" and its appendix on the Gaussian mixture model.
"""

import numpy as np
from scipy import ndimage, special
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree

from scopeflow.filters import low_pass

PEAK_QUANTILES = (0.001, 0.999)  # peak-to-peak without the most extreme frames


def rolling_windows(n_blocks: int, window: int, step: int) -> np.ndarray:
    """Return which blocks belong to each window of a rolling sampling.

    Parameters
    ----------
    n_blocks, window, step : int
        Number of blocks of frames, and length and step of the window in blocks.

    Returns
    -------
    ndarray of bool, shape (projection, block)
        Evenly spaced windows that cover the recording from end to end.
    """
    window = min(window, n_blocks)
    n_windows = -(-(n_blocks - window) // step) + 1
    starts = np.rint(np.linspace(0, n_blocks - window, n_windows)).astype(int)
    blocks = np.arange(n_blocks)
    return (blocks >= starts[:, None]) & (blocks < starts[:, None] + window)


def random_windows(
    n_blocks: int, window: int, n_projections: int, rng: np.random.Generator
) -> np.ndarray:
    """Return which blocks belong to each random sample; shapes as `rolling_windows`."""
    order = rng.random((n_projections, n_blocks)).argsort(axis=1)
    return order < min(window, n_blocks)


def local_maxima(projection: np.ndarray, radius_px: int) -> np.ndarray:
    """Return the pixels that are the largest within a disk around them.

    Parameters
    ----------
    projection : ndarray, shape (height, width)
        Maximum projection.
    radius_px : int
        Radius of the disk, about that of a cell. (The published code unites radii from 2
        upwards, which makes 2 the effective one.)

    Returns
    -------
    ndarray of int, shape (maximum, 3)
        Row, column, and height above the lowest value within the disk. A plateau gives its
        middle pixel.
    """
    offsets = np.arange(-radius_px, radius_px + 1)
    disk = offsets[:, None] ** 2 + offsets**2 <= radius_px**2
    highest = ndimage.maximum_filter(projection, footprint=disk)
    lowest = ndimage.minimum_filter(projection, footprint=disk)
    labels, count = ndimage.label((projection == highest) & (highest > lowest), np.ones((3, 3)))
    if count == 0:
        return np.empty((0, 3), dtype=int)
    rows, cols = np.nonzero(labels)
    order = np.argsort(labels[rows, cols], kind="stable")
    sizes = np.bincount(labels[rows, cols])[1:]
    middle = np.cumsum(sizes) - sizes + sizes // 2
    row, col = rows[order][middle], cols[order][middle]
    height = highest[row, col].astype(int) - lowest[row, col].astype(int)
    return np.stack([row, col, height], axis=1)


def peak_to_peak(traces: np.ndarray) -> np.ndarray:
    """Return the range of each trace between the quantiles 0.001 and 0.999."""
    low, high = np.quantile(traces, PEAK_QUANTILES, axis=-1)
    return high - low


def peak_to_noise(traces: np.ndarray, fps_hz: float, cutoff_hz: float) -> np.ndarray:
    """Return the peak-to-noise ratio of traces.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, frame)
        Free of NaN, in camera counts.
    fps_hz, cutoff_hz : float
        Frame rate and the frequency that separates signal from noise, in Hz.

    Returns
    -------
    ndarray of float64, shape (trace,)
        Peak-to-peak of the slow part over that of the fast part, as in the paper
        ("Refinement with peak-to-noise ratio"); the published code puts the whole trace
        into the numerator, so that pure noise has a ratio of 1.
    """
    slow = low_pass(traces, fps_hz, cutoff_hz)
    noise = peak_to_peak(traces - slow)
    return np.divide(peak_to_peak(slow), noise, out=np.zeros(len(traces)), where=noise > 0)


def default_pnr_min(fps_hz: float, cutoff_hz: float) -> float:
    """Return the smallest peak-to-noise ratio of a seed: 1.2 times that of white noise.

    Parameters
    ----------
    fps_hz, cutoff_hz : float
        Frame rate and the frequency that separates signal from noise, in Hz.

    Returns
    -------
    float
        White noise has the ratio ``sqrt(c / (1 - c))`` with c the part of the spectrum below
        the cut-off: 0.35 at 30 frames per second, 1 at 3. The paper's threshold of 1 would
        drop cells whose transients are 6 times the noise at 30 frames per second.
    """
    part = min(cutoff_hz / (fps_hz / 2), 0.99)
    return 1.2 * float(np.sqrt(part / (1 - part)))


def ks_distance(traces: np.ndarray) -> np.ndarray:
    """Return how far the values of each trace are from a normal distribution.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, frame)
        Free of NaN.

    Returns
    -------
    ndarray of float64, shape (trace,)
        Kolmogorov-Smirnov statistic of the standardised values; 0 for a constant trace.
    """
    spread = traces.std(axis=-1)
    values = np.sort(traces - traces.mean(axis=-1, keepdims=True), axis=-1)
    cdf = special.ndtr(values / np.where(spread > 0, spread, 1)[:, None])
    n = traces.shape[-1]
    above = (np.arange(1, n + 1) / n - cdf).max(axis=-1)
    below = (cdf - np.arange(n) / n).max(axis=-1)
    return np.where(spread > 0, np.maximum(above, below), 0.0)


def ks_p_values(distances: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return how often a site without a candidate is as far from normal.

    Parameters
    ----------
    distances : ndarray of float, shape (candidate,)
        Of `ks_distance`.
    null : ndarray of float, shape (site,)
        The same at sites without candidates. It replaces the textbook distribution, which
        is wrong here: mean and spread are estimated and frames are correlated.

    Returns
    -------
    ndarray of float64, shape (candidate,)
        In (0, 1]; 1 where there is no site to compare with.
    """
    at_least = len(null) - np.searchsorted(np.sort(null), distances, side="left")
    return (at_least + 1) / (len(null) + 1)


def mixture_mask(values: np.ndarray, seed: int) -> np.ndarray:
    """Return which values belong to the higher of two normal distributions.

    Parameters
    ----------
    values : ndarray of float, shape (candidate,)
        Peak-to-peak of the candidates' traces, in camera counts.
    seed : int
        Of the random start.

    Returns
    -------
    ndarray of bool, shape (candidate,)
        All True for fewer than ten candidates or when all values are equal.
    """
    if len(values) < 10 or np.ptp(values) == 0:
        return np.ones(len(values), dtype=bool)
    from sklearn.mixture import GaussianMixture  # takes a second, and few ask for it

    model = GaussianMixture(2, random_state=seed).fit(values[:, None])
    upper = model.predict(values[:, None]) == model.means_[:, 0].argmax()
    return upper & (values > model.means_[:, 0].min())


def near_pairs(places: np.ndarray, distance_px: float) -> np.ndarray:
    """Return the pairs of places not farther apart than a distance, shape (pair, 2)."""
    if len(places) < 2:
        return np.empty((0, 2), dtype=int)
    return np.sort(KDTree(places).query_pairs(distance_px, output_type="ndarray"), axis=1)


def correlations(traces: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the correlation of the traces of each pair; 0 for a constant trace."""
    centred = traces - traces.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    centred /= np.where(norms > 0, norms, 1)[:, None]
    return np.array([centred[i] @ centred[j] for i, j in pairs]).reshape(len(pairs))


def best_of_groups(n: int, pairs: np.ndarray, linked: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return which members survive when linked ones are merged: the best of each group.

    Parameters
    ----------
    n : int
        Number of seeds.
    pairs : ndarray of int, shape (pair, 2)
        Positions of neighbours.
    linked : ndarray of bool, shape (pair,)
        Pairs taken for the same cell; groups are connected through them.
    score : ndarray of float, shape (n,)
        The member with the largest survives.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    i, j = pairs[linked].T if linked.any() else (np.empty(0, int), np.empty(0, int))
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(n, n))
    groups = csgraph.connected_components(graph, directed=False)[1] if n else np.empty(0, int)
    best = np.zeros(n, dtype=bool)
    taken = set()
    for seed in np.argsort(-score, kind="stable"):
        if groups[seed] not in taken:
            taken.add(groups[seed])
            best[seed] = True
    return best


def maxima_of_projections(block_max: np.ndarray, chosen: np.ndarray, radius_px: int) -> np.ndarray:
    """Unite the local maxima of many maximum projections.

    Parameters
    ----------
    block_max : ndarray or zarr.Array, shape (block, height, width)
        Maximum over each block of frames; read block by block.
    chosen : ndarray of bool, shape (projection, block)
        Blocks of each projection, as `rolling_windows` and `random_windows` give them.
    radius_px : int
        As of `local_maxima`.

    Returns
    -------
    ndarray of float64, shape (pixel, 4)
        Row, column, number of projections with a maximum there, and its largest height.
    """
    shape = block_max.shape[1:]
    count, height = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for members in chosen:
        projection = np.zeros(shape, dtype=block_max.dtype)
        for block in np.flatnonzero(members):
            np.maximum(projection, block_max[block], out=projection)
        rows, cols, heights = local_maxima(projection, radius_px).T
        count[rows, cols] += 1
        height[rows, cols] = np.maximum(height[rows, cols], heights)
    rows, cols = np.nonzero(count)
    columns = [rows, cols, count[rows, cols], height[rows, cols]]
    return np.stack(columns, axis=1).astype(np.float64)


def empty_sites(
    places: np.ndarray,
    usable: np.ndarray,
    distance_px: float,
    n_sites: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw places away from all candidates, to learn what a trace without a cell is like.

    Parameters
    ----------
    places : ndarray of float, shape (candidate, 2)
        Row and column in px.
    usable : ndarray of bool, shape (height, width)
        Where a site may lie.
    distance_px : float
        Smallest distance to a candidate.
    n_sites : int
        How many are wanted; fewer where the field is full.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    ndarray of float64, shape (site, 2)
    """
    free = usable.copy()
    if len(places):
        taken = np.ones(usable.shape, dtype=bool)
        pixel = np.clip(np.rint(places).astype(int), 0, np.array(usable.shape) - 1)
        taken[pixel[:, 0], pixel[:, 1]] = False
        free &= ndimage.distance_transform_edt(taken) >= distance_px
    sites = np.argwhere(free)
    return rng.permutation(sites)[:n_sites].astype(np.float64)
