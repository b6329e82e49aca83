"""Maps of activity over places, and what they say: information, stability, field size.

Follows the paper's "Validation with hippocampal CA1 place cells" and "Classification of place
cells". Activity and occupancy are smoothed each by itself and then divided, so that a bin
passed in a moment does not count as much as one the animal stayed in. A rate is the sum of S
(heights of transients, camera counts) per second.
"""

from dataclasses import dataclass

import numba
import numpy as np
from scipy import ndimage

OCCUPANCY_MIN_S = 0.05  # bins with less, after smoothing, have no rate
REACH_SD = 4.0  # of the smoothing Gaussian
R_MAX = 0.9999  # of a correlation, so that its Fisher transform stays finite
FIELD_QUANTILE = 95  # a field exceeds this percentile of the cell's own rates

# Frames are counted five times: all, odd and even trials, first and second half of the trials.
ALL, ODD, EVEN, FIRST, SECOND = range(5)


@dataclass(frozen=True)
class Layout:
    """How frames become maps.

    Attributes
    ----------
    bins : ndarray of int64, shape (frame,)
        Position of each frame in the flattened map, -1 for frames left out.
    group : ndarray of int64, shape (frame,)
        Twice 1 for odd trials, plus 1 for the second half; -1 outside trials.
    shape : tuple of int
        (direction, height, width) of a map.
    kernel : ndarray of float64, shape (tap,)
        Smoothing weights along each side, sum 1.
    occupancy : ndarray of float64, shape (5, bin)
        Smoothed time in each bin, in s: over all frames, odd, even, first, second trials.
    n_trials : int
        Number of trials with a frame that counts.
    """

    bins: np.ndarray
    group: np.ndarray
    shape: tuple[int, int, int]
    kernel: np.ndarray
    occupancy: np.ndarray
    n_trials: int

    @property
    def visited(self) -> np.ndarray:
        """Bins with enough time to have a rate; bool, shape of a map."""
        return (self.occupancy[ALL] >= OCCUPANCY_MIN_S).reshape(self.shape)


def make_layout(
    bins: np.ndarray,
    shape: tuple[int, int, int],
    trial: np.ndarray,
    sd_bins: float,
    frame_s: float,
) -> Layout:
    """Count the time spent in each bin.

    Parameters
    ----------
    bins : ndarray of int64, shape (frame,)
        Of `arena.place_bins`.
    shape : tuple of int
        Of a map.
    trial : ndarray of int64, shape (frame,)
        Number of each frame's trial; -1 outside trials.
    sd_bins : float
        Standard deviation of the smoothing, in bins.
    frame_s : float
        Time of a frame in s.
    """
    counted = np.where(bins >= 0, trial, -1)
    numbers = np.unique(counted[counted >= 0])
    rank = np.searchsorted(numbers, counted)
    group = np.where(counted >= 0, 2 * (rank % 2) + (2 * rank >= len(numbers)), -1)
    kernel = gaussian_kernel(sd_bins)
    used = np.flatnonzero(bins >= 0)
    sums = np.zeros((5, int(np.prod(shape))))
    _accumulate(used, np.full(len(used), frame_s), 0, bins, group, sums)
    occupancy = np.empty_like(sums)
    _smooth(sums, shape, kernel, occupancy)
    return Layout(bins, group, shape, kernel, occupancy, len(numbers))


def gaussian_kernel(sd_bins: float) -> np.ndarray:
    """Return the weights of a Gaussian, cut at four standard deviations; sum 1."""
    reach = int(np.ceil(REACH_SD * sd_bins))
    at = np.arange(-reach, reach + 1)
    weights = np.exp(-(at**2) / (2 * sd_bins**2)) if sd_bins > 0 else np.ones(1)
    return weights / weights.sum()


def rate_map(S: np.ndarray, layout: Layout) -> np.ndarray:
    """Return the map of one cell.

    Parameters
    ----------
    S : ndarray of float, shape (frame,)
        Deconvolved activity, in camera counts.
    layout : Layout
        Of `make_layout`.

    Returns
    -------
    ndarray of float32, shape of a map
        Counts per s; NaN in bins hardly visited.
    """
    active = np.flatnonzero(S > 0)
    sums, smooth = np.zeros((2, *layout.occupancy.shape))
    _accumulate(active, S[active].astype(np.float64), 0, layout.bins, layout.group, sums)
    _smooth(sums, layout.shape, layout.kernel, smooth)
    rate = np.full(layout.occupancy.shape[1], np.nan, dtype=np.float32)
    some = layout.occupancy[ALL] >= OCCUPANCY_MIN_S
    rate[some] = smooth[ALL, some] / layout.occupancy[ALL, some]
    return rate.reshape(layout.shape)


def statistics(S: np.ndarray, layout: Layout, shifts: np.ndarray) -> np.ndarray:
    """Return information and stability of one cell for each shift of its activity in time.

    Parameters
    ----------
    S : ndarray of float, shape (frame,)
        Deconvolved activity.
    layout : Layout
        Of `make_layout`.
    shifts : ndarray of int64, shape (shift,)
        Frames by which the activity is rolled; 0 is the observed one.

    Returns
    -------
    ndarray of float64, shape (shift, 2)
        Spatial information in bits per spike (the sum over bins of p r / m log2(r / m), with
        p the share of time, r the rate and m the mean rate), and stability: the mean of the
        Fisher transforms of Pearson's r between the maps of odd and even trials, and of the
        first and the second half. Without activity 0.
    """
    active = np.flatnonzero(S > 0)
    result = np.zeros((len(shifts), 2))
    _statistics(
        active, S[active].astype(np.float64), shifts, layout.bins, layout.group,
        np.array(layout.shape), layout.kernel, layout.occupancy, result,
    )  # fmt: skip
    return result


@numba.njit(nogil=True, cache=True)
def _accumulate(active, amounts, shift, bins, group, sums):
    """Sum amounts over bins, as if the activity were `shift` frames later."""
    n_frames = len(bins)
    sums[:] = 0.0
    for i in range(len(active)):
        t = active[i] + shift
        if t >= n_frames:
            t -= n_frames
        b = bins[t]
        if b < 0:
            continue
        sums[0, b] += amounts[i]
        if group[t] >= 0:
            sums[2 - group[t] // 2, b] += amounts[i]
            sums[3 + group[t] % 2, b] += amounts[i]


@numba.njit(nogil=True, cache=True)
def _smooth(sums, shape, kernel, result):
    """Smooth maps (map, bin) along both sides; what lies outside the arena counts as 0."""
    planes, height, width = shape
    reach = len(kernel) // 2
    between = np.zeros(height * width)
    for m in range(sums.shape[0]):
        for plane in range(planes):
            start = plane * height * width
            for y in range(height):
                for x in range(width):
                    total = 0.0
                    for i in range(max(-reach, -x), min(reach, width - 1 - x) + 1):
                        total += kernel[reach + i] * sums[m, start + y * width + x + i]
                    between[y * width + x] = total
            for y in range(height):
                for x in range(width):
                    if height == 1:
                        result[m, start + x] = between[x]
                        continue
                    total = 0.0
                    for i in range(max(-reach, -y), min(reach, height - 1 - y) + 1):
                        total += kernel[reach + i] * between[(y + i) * width + x]
                    result[m, start + y * width + x] = total


@numba.njit(nogil=True, cache=True)
def _statistics(active, amounts, shifts, bins, group, shape, kernel, occupancy, result):
    sums, smooth = np.zeros(occupancy.shape), np.zeros(occupancy.shape)
    for k in range(len(shifts)):
        _accumulate(active, amounts, shifts[k], bins, group, sums)
        _smooth(sums, (shape[0], shape[1], shape[2]), kernel, smooth)
        result[k, 0] = _information(smooth[0], occupancy[0])
        odd_even = _correlation(smooth[1], occupancy[1], smooth[2], occupancy[2])
        halves = _correlation(smooth[3], occupancy[3], smooth[4], occupancy[4])
        result[k, 1] = (np.arctanh(odd_even) + np.arctanh(halves)) / 2


@numba.njit(nogil=True, cache=True)
def _information(activity, time):
    total_time, total = 0.0, 0.0
    for b in range(len(time)):
        if time[b] >= OCCUPANCY_MIN_S:
            total_time += time[b]
            total += activity[b]
    if total <= 0:
        return 0.0
    mean, bits = total / total_time, 0.0
    for b in range(len(time)):
        if time[b] >= OCCUPANCY_MIN_S and activity[b] > 0:
            ratio = activity[b] / time[b] / mean
            bits += time[b] / total_time * ratio * np.log2(ratio)
    return bits


@numba.njit(nogil=True, cache=True)
def _correlation(activity_a, time_a, activity_b, time_b):
    """Return Pearson's r of two maps over the bins visited in both; 0 if one is flat."""
    n, a, b, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(time_a)):
        if time_a[i] >= OCCUPANCY_MIN_S and time_b[i] >= OCCUPANCY_MIN_S:
            x, y = activity_a[i] / time_a[i], activity_b[i] / time_b[i]
            n += 1
            a, b, aa, bb, ab = a + x, b + y, aa + x * x, bb + y * y, ab + x * y
    if n < 3:
        return 0.0
    var_a, var_b = aa - a * a / n, bb - b * b / n
    if var_a <= 1e-12 * aa or var_b <= 1e-12 * bb:
        return 0.0
    r = (ab - a * b / n) / np.sqrt(var_a * var_b)
    return min(max(r, -R_MAX), R_MAX)


@dataclass(frozen=True)
class PlaceField:
    """The place field of a cell.

    Attributes
    ----------
    size_bins : float
        Longest run of bins above the 95th percentile; in an open field the root of the number
        of bins of the largest connected part.
    members : ndarray of bool, shape of a map
        Bins of the field.
    peak : tuple of int
        (direction, row, column) of the highest bin in it; (-1, -1, -1) without a field.
    """

    size_bins: float
    members: np.ndarray
    peak: tuple[int, int, int]


def place_field(rate: np.ndarray) -> PlaceField:
    """Find the place field in a map (direction, height, width); NaN bins take no part."""
    known = np.isfinite(rate)
    none = PlaceField(0.0, np.zeros(rate.shape, dtype=bool), (-1, -1, -1))
    if not known.any():
        return none
    above = known & (rate > np.percentile(rate[known], FIELD_QUANTILE))
    if not above.any():
        return none
    structure = ndimage.generate_binary_structure(3, 1)
    structure[0] = structure[2] = False  # the two directions of a track do not touch
    labels, _ = ndimage.label(above, structure)
    sizes = np.bincount(labels.ravel())[1:]
    members = labels == 1 + sizes.argmax()
    size = float(sizes.max())
    peak = np.unravel_index(np.where(members, rate, -np.inf).argmax(), rate.shape)
    one_dimensional = rate.shape[1] == 1
    return PlaceField(
        size if one_dimensional else float(np.sqrt(size)), members, tuple(int(p) for p in peak)
    )
