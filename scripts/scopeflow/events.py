"""Events: something cell-sized lights up.

A cell betrays itself by transients. Each is a rise, of the size of a cell, at one place and
time; rises of two neighbours rarely coincide, so even a dim cell beside a bright one
collects rises of its own. The movie is filtered in space for the size of a cell, and steps
are looked for at every pixel and time, sharp ones first, then ever slower ones.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np
from scipy import ndimage

from scopeflow.frame_sums import add_binned

LEVELS = 3  # windows of 1, 4 and 16 times `window_s`
COARSER = 4
SAMPLES = 96  # images of rises kept per level, at least; fewer than twice as many

# Gaussians from this width on, in px, leave nothing that half the samples would not show.
HALVED_SIGMA = 2.5

# Variance of a filtered cell, in squared widths of the spatial filter: 4 of the cell, 1 of
# the filter itself.
FILTERED_VARIANCE = 5.0

BIN_S = 0.1  # frames within are averaged: shorter than the rise of common indicators

# The spatial filter surrounds every cell with a ring of about 0.18 times its peak and the
# opposite sign (seen as a rise while the cell decays), and that with one of about 0.01 times
# its peak. Only what a rise has above such rings of the largest changes nearby counts.
RING_REACH = 10  # in widths of the spatial filter
RING_OF_FALL = 0.22
RING_OF_RISE = 0.02


@dataclass(frozen=True)
class EventFilter:
    """How a movie is filtered to find events.

    Attributes
    ----------
    bin_px : int
        Pixels averaged along height and width; 2 where a cell still spans 6 bins.
    bin_frames : int
        Frames averaged, about 0.1 s.
    sigma : float
        Width of the spatial filter, in binned pixels.
    window : int
        Length of the two windows whose means are compared, in binned frames.
    """

    bin_px: int
    bin_frames: int
    sigma: float
    window: int

    @classmethod
    def for_cells(cls, cell_diameter_px: float, fps_hz: float, window_s: float) -> "EventFilter":
        """Derive the filter from the size of a cell and the frame rate."""
        bin_px = 2 if cell_diameter_px >= 12 else 1
        bin_frames = max(round(BIN_S * fps_hz), 1)
        window = max(round(window_s * fps_hz / bin_frames), 1)
        return cls(bin_px, bin_frames, cell_diameter_px / 8 / bin_px, window)


def cell_images(frames: np.ndarray, weight: np.ndarray, how: EventFilter) -> np.ndarray:
    """Return a slab binned in space and time and filtered for the size of cells.

    Parameters
    ----------
    frames : ndarray, shape (frame, height, width)
        Slab of the motion-corrected movie, in camera counts.
    weight : ndarray of bool, shape (frame,)
        Frames to use; a bin without any is NaN.
    how : EventFilter
        Sizes.

    Returns
    -------
    ndarray of float32, shape (bin, height / bin_px, width / bin_px)

    Notes
    -----
    The filter is ``G(s) - 1.5 G(3 s) + 0.5 G(5 s)`` with Gaussians G of sum 1. Its zeroth and
    second moments vanish, so that a background which is a polynomial of degree up to 3
    over the filter's reach leaves no trace. At the edge the Gaussians average the pixels
    that there are; a mirrored image would show a cell near the edge on the edge.
    """
    height, width = (n // how.bin_px for n in frames.shape[1:])
    starts = range(0, len(frames), how.bin_frames)
    images = np.full((len(starts), height, width), np.nan, dtype=np.float32)
    for i, start in enumerate(starts):
        good = start + np.flatnonzero(weight[start : start + how.bin_frames] > 0)
        if len(good):
            image = np.zeros((height, width), dtype=np.float32)
            add_binned(frames, good, how.bin_px, image)
            images[i] = band_pass(image / (len(good) * how.bin_px**2), how.sigma)
    return images


def band_pass(image: np.ndarray, sigma: float) -> np.ndarray:
    """Apply the filter with vanishing moments of `cell_images` to one float32 image."""
    total = np.zeros_like(image)
    for factor, weight in ((1, 1.0), (3, -1.5), (5, 0.5)):
        width = sigma * factor
        smooth = _smooth(image, width)
        total += np.multiply(smooth, _weights(image.shape, width, weight), out=smooth)
    return total


@functools.cache
def _weights(shape: tuple[int, int], sigma: float, weight: float) -> np.ndarray:
    """Return `weight` over the part of a Gaussian around each pixel that lies in the image."""
    ones = np.ones(shape, dtype=np.float32)
    return weight / _smooth(ones, sigma)


def _smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return an image under a Gaussian, zeros around it; a wide one on half the samples.

    Halving and doubling the samples widens the Gaussian by a variance of 1 px^2, which is taken
    off it: the second moment, which makes the filter blind to a bent background, is exact.
    """
    if sigma < HALVED_SIGMA:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    height, width = image.shape
    half = cv2.resize(image, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    narrow = np.sqrt(sigma**2 - 1) / 2
    half = cv2.GaussianBlur(half, (0, 0), narrow, borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR)


class StepDetector:
    """Finds rises in a stream of filtered images, at one time scale.

    Parameters
    ----------
    how : EventFilter
        Sizes.
    level : int
        Images are averaged over ``4 ** level`` bins before steps are looked for.
    n_bins : int
        Number of bins in the whole recording, to spread the noise sample over it.
    z_min : float
        Smallest rise reported, in standard deviations.

    Notes
    -----
    Slabs are fed in order; the last bins are carried over, so that the cuts between slabs
    leave no gap. The noise is known only at the end: until then, rises above `z_min` times
    what white noise alone would give are kept, with a margin.
    """

    def __init__(self, how: EventFilter, level: int, n_bins: int, z_min: float) -> None:
        self._how, self._z_min = how, z_min
        self._factor = COARSER**level
        self._left_over: np.ndarray | None = None  # too few for a bin of this level
        self._carried: np.ndarray | None = None
        self._first_bin = 0
        self._floor: np.ndarray | None = None
        self._stride = max(n_bins // self._factor // SAMPLES, 1)
        self._sample: list[np.ndarray] = []
        self._events: list[np.ndarray] = []

    def feed(self, images: np.ndarray) -> None:
        """Take the next images, shape (bin, height, width), of `cell_images`."""
        images = self._averaged(images)
        if not len(images):
            return
        if self._carried is not None:
            images = np.concatenate([self._carried, images])
        images = hold_last(images)
        window = self._how.window
        rises = steps(images, window)
        if len(rises):
            self._look(rises)
        keep = min(len(images), 4 * window - 1)
        self._carried = images[len(images) - keep :]
        self._first_bin += len(images) - keep

    def _averaged(self, images: np.ndarray) -> np.ndarray:
        if self._factor == 1:
            return images
        if self._left_over is not None:
            images = np.concatenate([self._left_over, images])
        whole = len(images) // self._factor
        self._left_over = images[whole * self._factor :]
        images = hold_last(images[: whole * self._factor])
        return images.reshape(whole, self._factor, *images.shape[1:]).mean(axis=1)

    def _look(self, rises: np.ndarray) -> None:
        window = self._how.window
        if self._floor is None:
            white = np.median(np.abs(np.diff(rises, axis=0)), axis=0) if len(rises) > 8 else None
            # Two neighbouring rises share all but the ends of their windows.
            shared = np.sqrt(3 / window)
            scale = np.median(np.abs(rises)) if white is None else np.median(white) / shared
            self._floor = np.full(rises.shape[1:], 0.6 * scale / 0.6745, dtype=np.float32)
        new = rises[window : len(rises) - window]
        # Counted from the start of the recording, so that short slabs add no more than long ones.
        first = -(self._first_bin + window) % self._stride
        self._sample.extend(new[first :: self._stride].copy())  # a view would keep all of them
        ring = round(RING_REACH * self._how.sigma)
        found = _local_peaks(rises, self._floor, np.float32(self._z_min), window, ring)
        if len(found):
            found[:, 0] = (found[:, 0] + self._first_bin + window) * self._factor
            self._events.append(found)

    def events(self) -> np.ndarray:
        """Return the rises above `z_min` standard deviations, once all images are fed.

        Returns
        -------
        ndarray of float64, shape (event, 4)
            Time in bins since the start, row and column in px of the full image, and rise
            in standard deviations. The place may lie outside the image, where only the
            flank of a cell shows.
        """
        if not self._events or not self._sample:
            return np.empty((0, 4))
        noise = step_noise(self._sample, self._how.sigma)
        found = np.concatenate(self._events)
        pixel = np.clip(np.rint(found[:, 1:3]).astype(int), 0, np.array(noise.shape) - 1)
        found[:, 3] /= noise[pixel[:, 0], pixel[:, 1]]
        found = found[found[:, 3] >= self._z_min]
        # Centre of a binned pixel, in the coordinates of the full image.
        found[:, 1:3] = (found[:, 1:3] + 0.5) * self._how.bin_px - 0.5
        return found


def hold_last(images: np.ndarray) -> np.ndarray:
    """Replace empty bins by the image before them, so that they show no rise."""
    empty = np.isnan(images[:, 0, 0])
    if not empty.any():
        return images
    source = np.maximum.accumulate(np.where(empty, 0, np.arange(len(images))))
    return np.nan_to_num(images[source])


def steps(images: np.ndarray, window: int) -> np.ndarray:
    """Return how far the mean of the next bins exceeds that of the bins before.

    Parameters
    ----------
    images : ndarray of float32, shape (bin, height, width)
        Filtered images.
    window : int
        Number of bins in each of the two means.

    Returns
    -------
    ndarray of float32, shape (bin - 2 window + 1, height, width)
        Entry i compares bins ``i + window ... i + 2 window - 1`` with ``i ... i + window - 1``.
    """
    rises = np.empty((max(len(images) - 2 * window + 1, 0), *images.shape[1:]), dtype=np.float32)
    _steps(np.ascontiguousarray(images, dtype=np.float32), window, rises)
    return rises


@numba.njit(nogil=True, cache=True)
def _steps(images, window, rises):
    height, width = images.shape[1:]
    scale = np.float32(1 / window)
    for y in range(height):
        # Both sums move on by a bin: exact enough in double precision.
        change = np.zeros(width)
        for t in range(len(rises)):
            if t == 0:
                for i in range(window):
                    for x in range(width):
                        change[x] += images[window + i, y, x] - images[i, y, x]
            else:
                for x in range(width):
                    change[x] += (
                        images[t + 2 * window - 1, y, x]
                        - 2 * images[t + window - 1, y, x]
                        + images[t - 1, y, x]
                    )
            for x in range(width):
                rises[t, y, x] = scale * change[x]


@numba.njit(nogil=True, cache=True)
def _local_peaks(rises, noise, z_min, reach, ring):
    """Peaks over 3 x 3 pixels and +-reach bins, placed by parabolas; complete bins only."""
    n_bins, height, width = rises.shape
    lowest = np.where(noise > 0, z_min * noise, np.float32(np.inf))
    found = []
    for t in range(reach, n_bins - reach):
        for y in range(height):
            if not _any_above(rises[t, y], lowest[y]):  # most rows, and quick to see
                continue
            for x in range(width):
                value = rises[t, y, x]
                if value < lowest[y, x]:
                    continue
                top, bottom = max(y - 1, 0), min(y + 1, height - 1)
                left, right = max(x - 1, 0), min(x + 1, width - 1)
                if not _is_highest(rises, t, y, x, reach, (top, bottom, left, right)):
                    continue
                excess = value - _ring(rises[t], y, x, ring)
                if excess >= lowest[y, x]:
                    row, col = float(y), float(x)
                    if bottom - top == 2:
                        row += _vertex(rises[t, top, x], value, rises[t, bottom, x])
                    elif y == 0:
                        row -= _beyond(value, rises[t, 1, x], ring)
                    else:
                        row += _beyond(value, rises[t, y - 1, x], ring)
                    if right - left == 2:
                        col += _vertex(rises[t, y, left], value, rises[t, y, right])
                    elif x == 0:
                        col -= _beyond(value, rises[t, y, 1], ring)
                    else:
                        col += _beyond(value, rises[t, y, x - 1], ring)
                    found.append((float(t), row, col, excess))
    events = np.empty((len(found), 4))
    for i, event in enumerate(found):
        events[i, 0], events[i, 1], events[i, 2], events[i, 3] = event
    return events


@numba.njit(nogil=True, cache=True)
def _is_highest(rises, t, y, x, reach, box):
    """Whether nothing around is higher; of equal values the first one counts.

    The frame itself is looked at first: there most pixels have a higher neighbour.
    """
    value = rises[t, y, x]
    top, bottom, left, right = box
    for step in range(2 * reach + 1):
        dt = (step + 1) // 2 * (1 if step % 2 else -1)  # 0, 1, -1, 2, -2 and so on
        for row in range(top, bottom + 1):
            for col in range(left, right + 1):
                other = rises[t + dt, row, col]
                earlier = dt < 0 or (dt == 0 and (row < y or (row == y and col < x)))
                if other > value or (other == value and earlier):
                    return False
    return True


@numba.njit(nogil=True, cache=True)
def _any_above(line, lowest):
    count = 0  # without a branch, so that many pixels are compared at once
    for x in range(len(line)):
        count += line[x] >= lowest[x]
    return count > 0


@numba.njit(nogil=True, cache=True)
def _ring(image, y, x, reach):
    """Height that the rings around other changes may have at a pixel."""
    height, width = image.shape
    fall = rise = 0.0
    for row in range(max(y - reach, 0), min(y + reach + 1, height)):
        for col in range(max(x - reach, 0), min(x + reach + 1, width)):
            fall = min(fall, image[row, col])
            rise = max(rise, image[row, col])
    return RING_OF_RISE * rise - RING_OF_FALL * fall


@numba.njit(nogil=True, cache=True)
def _beyond(edge, inner, ring):
    """How far beyond the edge a peak lies that is highest on the edge; may be negative.

    From the ratio of two neighbours, as of a Gaussian of a cell's width after the filter.
    """
    sigma = ring / RING_REACH
    if inner <= 0:
        return 2 * sigma
    place = FILTERED_VARIANCE * sigma**2 * np.log(edge / inner) - 0.5
    return min(place, 2 * sigma)


@numba.njit(nogil=True, cache=True)
def _vertex(before, middle, after):
    curvature = before - 2 * middle + after
    if curvature >= 0:
        return 0.0
    return max(min(0.5 * (before - after) / curvature, 0.5), -0.5)


def step_noise(sample: Sequence[np.ndarray], sigma: float) -> np.ndarray:
    """Return the noise of rises at each pixel from a sample of them.

    Parameters
    ----------
    sample : sequence of ndarray of float32, shape (height, width)
        Images of rises, spread over the recording.
    sigma : float
        Width of the spatial filter, in binned pixels.

    Returns
    -------
    ndarray of float32, shape (height, width)
        From the median of the absolute values. A busy cell is always rising or falling and
        would hide itself behind its own fluctuation, so that no pixel is taken for noisier
        than the quieter part of its surroundings; and none for quieter than half of the
        image's median, so that a dead pixel does not ring.
    """
    shape = sample[0].shape
    gain = noise_gain(shape, sigma)
    own = np.empty(shape)
    for row in range(shape[0]):  # the sample is large, and would be copied twice
        own[row] = np.median(np.abs([image[row] for image in sample]), axis=0)
    own /= 0.6745 * gain
    around = ndimage.percentile_filter(own, 30, size=2 * round(12 * sigma) + 1)
    lowest = max(0.5 * float(np.median(own)), 1e-12)
    return (np.maximum(np.minimum(own, around), lowest) * gain).astype(np.float32)


def noise_gain(shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Return the standard deviation that `band_pass` leaves of white noise of 1.

    It is larger at the edge, where fewer pixels are averaged.
    """
    weights = {1: 1.0, 3: -1.5, 5: 0.5}
    variance = np.zeros(shape)
    for one, u in weights.items():
        for other, v in weights.items():
            sides = [_shared_power(n, sigma * one, sigma * other) for n in shape]
            variance += u * v * np.outer(*sides)
    return np.sqrt(variance)


def _shared_power(n: int, one: float, other: float) -> np.ndarray:
    """Return, for each of n samples, the product of two Gaussians cut off at the ends."""
    reach = int(np.ceil(4 * max(one, other)))
    x = np.arange(-reach, reach + 1)
    a, b = np.exp(-(x**2) / (2 * one**2)), np.exp(-(x**2) / (2 * other**2))
    ones = np.pad(np.ones(n), reach)
    return np.convolve(ones, a * b, "valid") / (
        np.convolve(ones, a, "valid") * np.convolve(ones, b, "valid")
    )
