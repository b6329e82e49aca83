"""How well units found agree with the truth of a simulated recording.

Follows the paper's "Matching neurons for validation": footprints are registered by their
maximum projections, units are assigned by the distance of their centres, pairs nearer than
15 px are matches. With cells of 16 px that gate is generous, so a strict F1 also asks the
footprints of a pair to correlate.
"""

import numpy as np
from scipy import fft, ndimage, sparse
from scipy.optimize import linear_sum_assignment

from scopeflow.footprints import centroids, from_rows, in_box

DISTANCE_MAX_PX = 15.0  # the paper's gate for a match
FOOTPRINT_R_MIN = 0.5  # the strict gate
SPIKE_BIN_FRAMES = 5  # spikes are compared in sums over this many frames, as in the paper
SHIFT_MAX_PX = 20  # constant offset between two motion corrections that is looked for
SHIFT_MIN_PX = 0.02  # a smaller one is not worth an interpolation


def score(
    found: dict[str, np.ndarray],
    true: dict[str, np.ndarray],
    shape: tuple[int, int],
    fps_hz: float,
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Score the units found in a recording against its truth.

    Parameters
    ----------
    found, true : dict
        ``A`` (csr_array, shape (unit_id, pixel)), ``C`` and ``S`` (ndarray, shape
        (unit_id, frame)), and ``motion`` (ndarray, shape (frame, shift_dim), px).
    shape : tuple of int
        (height, width) of the image.
    fps_hz : float
        Frame rate in Hz.

    Returns
    -------
    scores : dict
        ``n_true``, ``n_found``, ``n_matched``, ``f1``, ``f1_strict``, ``precision``,
        ``recall``; median, 10th percentile, mean and standard deviation over the matches of
        ``footprint_r``, ``calcium_r``, ``spikes_r`` (sums over 5 frames) and
        ``spikes_r_quarter_s`` (over 0.25 s), NaN without a match; ``motion_rmse_px``.
    cells : dict of ndarray, shape (true unit_id,)
        ``neighbour_px`` (distance to the nearest true cell), ``found`` (position of the
        match, -1 without one) and the correlations of each match.
    """
    offset = register(_projection(found["A"], shape), _projection(true["A"], shape))
    A = shifted(found["A"], offset, shape)
    distance = _distances(A, true["A"], shape)
    i, j = match_by_distance(distance)
    footprint_r = footprint_correlations(A, true["A"])
    n_found, n_true = distance.shape
    n_strict = count_strict_matches(distance, footprint_r)
    result: dict[str, float] = {
        "n_true": n_true,
        "n_found": n_found,
        "n_matched": len(i),
        "f1": 2 * len(i) / max(n_found + n_true, 1),
        "f1_strict": 2 * n_strict / max(n_found + n_true, 1),
        "precision": len(i) / max(n_found, 1),
        "recall": len(i) / max(n_true, 1),
    }
    S, S_true = found["S"][i], true["S"][j]
    quarter = max(round(0.25 * fps_hz), 1)
    correlations = {
        "footprint_r": footprint_r[i, j],
        "calcium_r": row_correlations(found["C"][i], true["C"][j]),
        "spikes_r": row_correlations(binned(S), binned(S_true)),
        "spikes_r_quarter_s": row_correlations(binned(S, quarter), binned(S_true, quarter)),
    }
    match = np.full(n_true, -1)
    match[j] = i
    cells = {"neighbour_px": _nearest(true["A"], shape), "found": match}
    for name, values in correlations.items():
        some = values if len(values) else np.array([np.nan])
        result[f"{name}_median"] = float(np.median(some))
        result[f"{name}_p10"] = float(np.percentile(some, 10))
        result[f"{name}_mean"] = float(some.mean())
        result[f"{name}_sd"] = float(some.std())
        cells[name] = np.full(n_true, np.nan)
        cells[name][j] = values
    result["motion_rmse_px"] = motion_error(found["motion"], true["motion"])
    return result, cells


def register(image: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Return the shift (dy, dx) in px that moves `image` onto `template`.

    Notes
    -----
    The peak of the plain cross-correlation, which is as smooth as the cells, refined by a
    parabola along each axis. Zero where one of the images is empty.
    """
    if not image.any() or not template.any():
        return np.zeros(2)
    size = [fft.next_fast_len(n + SHIFT_MAX_PX, real=True) for n in image.shape]
    spectrum = fft.rfft2(template.astype(np.float64), size)
    spectrum *= fft.rfft2(image.astype(np.float64), size).conj()
    correlation = np.roll(fft.irfft2(spectrum, size), (SHIFT_MAX_PX, SHIFT_MAX_PX), (0, 1))
    window = correlation[: 2 * SHIFT_MAX_PX + 1, : 2 * SHIFT_MAX_PX + 1]
    row, col = np.unravel_index(window.argmax(), window.shape)
    return np.array(
        [
            row - SHIFT_MAX_PX + _vertex(window[max(row - 1, 0) : row + 2, col]),
            col - SHIFT_MAX_PX + _vertex(window[row, max(col - 1, 0) : col + 2]),
        ]
    )


def _vertex(y: np.ndarray) -> float:
    """Offset of a parabola's vertex from the middle of three samples (0 at an edge)."""
    if len(y) < 3 or (curvature := y[0] - 2 * y[1] + y[2]) == 0:
        return 0.0
    return float(0.5 * (y[0] - y[2]) / curvature)


def shifted(A: sparse.csr_array, offset: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """Return footprints moved by (dy, dx) px, interpolated linearly, cut at the image."""
    if np.abs(offset).max() < SHIFT_MIN_PX:
        return A
    whole = np.floor(offset).astype(int)
    rows_of_units = []
    for k in range(A.shape[0]):
        start, stop = A.indptr[k : k + 2]
        pixels, values = A.indices[start:stop], A.data[start:stop]
        if not len(pixels):
            rows_of_units.append((pixels, values))
            continue
        first, patch = in_box(pixels, values, shape[1], margin=1)
        patch = ndimage.shift(patch, offset - whole, order=1)
        at = np.argwhere(patch) + first + whole
        inside = ((at >= 0) & (at < shape)).all(axis=1)
        at = at[inside]
        rows_of_units.append((at[:, 0] * shape[1] + at[:, 1], patch[patch != 0][inside]))
    return from_rows(rows_of_units, A.shape[1])


def match_by_distance(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indices of matched rows and columns: least total distance, then the gate."""
    rows, cols = linear_sum_assignment(distance)
    near = distance[rows, cols] < DISTANCE_MAX_PX
    return rows[near], cols[near]


def count_strict_matches(distance: np.ndarray, footprint_r: np.ndarray) -> int:
    """Count the pairs of a one-to-one assignment that are near and look alike."""
    allowed = (distance < DISTANCE_MAX_PX) & (footprint_r > FOOTPRINT_R_MIN)
    rows, cols = linear_sum_assignment(np.where(allowed, 1 + footprint_r, 0), maximize=True)
    return int(allowed[rows, cols].sum())


def footprint_correlations(A: sparse.csr_array, B: sparse.csr_array) -> np.ndarray:
    """Return Pearson's r over all pixels of every footprint of `A` with every one of `B`.

    Returns
    -------
    ndarray of float64, shape (A's unit_id, B's unit_id)
        0 for a footprint without variance.
    """
    A, B = A.astype(np.float64), B.astype(np.float64)
    n = A.shape[1]
    mean_a, mean_b = (np.asarray(M.sum(axis=1)).ravel() / n for M in (A, B))
    var_a, var_b = (
        np.asarray(M.multiply(M).sum(axis=1)).ravel() / n - mean**2
        for M, mean in ((A, mean_a), (B, mean_b))
    )
    covariance = (A @ B.T).toarray() / n - np.outer(mean_a, mean_b)
    return _ratio(covariance, np.sqrt(np.outer(var_a, var_b)))


def row_correlations(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each row of `X` with the same row of `Y`; 0 if one is constant."""
    X, Y = (Z - Z.mean(axis=1, keepdims=True, dtype=np.float64) for Z in (X, Y))
    scale = np.sqrt((X**2).sum(axis=1) * (Y**2).sum(axis=1))
    return _ratio((X * Y).sum(axis=1), scale)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def motion_error(found: np.ndarray, true: np.ndarray) -> float:
    """Return the root mean square error in px, per axis, up to a constant.

    Motion is defined up to a constant: the anchor of the registration is arbitrary.
    Frames without a number (not placed) are left out.
    """
    error = found.astype(np.float64) - true
    error = error[np.isfinite(error).all(axis=1)]
    if not len(error):
        return np.nan
    error -= np.median(error, axis=0)
    return float(np.sqrt((error**2).mean()))


def _projection(A: sparse.csr_array, shape: tuple[int, int]) -> np.ndarray:
    if not A.shape[0]:
        return np.zeros(shape)
    return A.max(axis=0).toarray().reshape(shape)


def _distances(A: sparse.csr_array, B: sparse.csr_array, shape: tuple[int, int]) -> np.ndarray:
    a, b = centroids(A, shape), centroids(B, shape)
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def _nearest(A: sparse.csr_array, shape: tuple[int, int]) -> np.ndarray:
    """Return the distance of each footprint's centre to the nearest other one, in px."""
    distance = _distances(A, A, shape)
    np.fill_diagonal(distance, np.inf)
    return distance.min(axis=1, initial=np.inf)


def binned(S: np.ndarray, frames: int = SPIKE_BIN_FRAMES) -> np.ndarray:
    """Return sums of each row of `S` over runs of so many frames; the rest is left out."""
    n_bins = S.shape[1] // frames
    used = S[:, : n_bins * frames].astype(np.float64)
    return used.reshape(len(S), n_bins, frames).sum(axis=2)
