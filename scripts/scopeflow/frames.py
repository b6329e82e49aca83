"""Which frames of a recording are bad, and the extremes of every pixel over the others.

Bad frames keep their place on the time axis and carry no weight later; one black frame
must not pull the minimum over time, which is the estimate of the glow, down to zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numba
import numpy as np

GOOD = ""
BLACK, TRUNCATED, CORRUPTED, DUPLICATED = "black", "truncated", "corrupted", "duplicated"
# Frames that were never there; each is a repeat of the frame before.
DAMAGED, DROPPED, LOST = "damaged", "dropped", "lost"
EXCLUDED = "excluded"  # by a person

MEANING = {
    BLACK: "dark or without any contrast",
    TRUNCATED: "with a part that was not transmitted (constant rows)",
    CORRUPTED: "with rows of pixel noise",
    DUPLICATED: "the same as the frame before, bit for bit",
    DAMAGED: "not decodable; the frame before stands in",
    DROPPED: "missing by the time stamps; the frame before stands in",
    LOST: "missing at the end of a file that is cut short; the frame before stands in",
    EXCLUDED: "left out by load.exclude",
}

GOOD_FRAMES_MIN = 10  # fewer cannot be registered or tell noise from activity

FLAT_ROWS_MIN = 0.02  # share of an image's rows, constant side by side, that makes it truncated
FLAT_USUAL = 0.05  # a row constant in more frames than this tells nothing (a mask, a dark rim)
FLAT_BLACK = 0.8  # this share of constant rows: nothing was seen, whatever the black level
ROUGHNESS_MAX = 5.0  # a row this much rougher than the roughest row of other frames is noise


@dataclass(frozen=True)
class FrameStatistics:
    """Numbers per frame, all of length (frame,), and one map.

    Attributes
    ----------
    mean, min, max : ndarray of float64
        Of the frame's pixels, counts.
    difference : ndarray of float64
        Mean absolute difference to the frame before, counts; NaN for the first frame.
    roughness : ndarray of float64
        Largest mean absolute difference between neighbours within a row, counts.
    flat_rows : ndarray of uint8, shape (frame, ceil(height / 8))
        Rows that hold one value only, packed bits.
    """

    mean: np.ndarray
    min: np.ndarray
    max: np.ndarray
    difference: np.ndarray
    roughness: np.ndarray
    flat_rows: np.ndarray


def frame_statistics(frames: np.ndarray, before: np.ndarray | None) -> FrameStatistics:
    """Compute the statistics of a slab of frames.

    Parameters
    ----------
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        The slab.
    before : ndarray, shape (height, width), or None
        Frame before the slab; None at the start of a recording.
    """
    first = frames[0] if before is None else before
    # Sums of whole numbers are exact, and sooner done.
    zero = np.float64(0) if frames.dtype.kind == "f" else np.int64(0)
    numbers, flat = _statistics(frames, first, zero)
    if before is None:
        numbers[3, 0] = np.nan
    return FrameStatistics(*numbers, np.packbits(flat, axis=1))


@numba.njit(nogil=True, cache=True)
def _statistics(frames, before, zero):
    n_frames, height, width = frames.shape
    numbers = np.empty((5, n_frames))
    flat = np.empty((n_frames, height), dtype=np.uint8)
    for t in range(n_frames):
        lowest, highest = zero + frames[t, 0, 0], zero + frames[t, 0, 0]
        total, change, roughest = zero, zero, zero
        for y in range(height):
            last = zero + frames[t, y, 0]
            low, high, rough = last, last, zero
            for x in range(width):
                value = zero + frames[t, y, x]
                low, high = min(low, value), max(high, value)
                total += value
                change += abs(value - (zero + before[y, x]))
                rough += abs(value - last)
                last = value
            flat[t, y] = low == high
            lowest, highest = min(lowest, low), max(highest, high)
            roughest = max(roughest, rough)
        numbers[0, t] = total / (height * width)
        numbers[1, t] = lowest
        numbers[2, t] = highest
        numbers[3, t] = change / (height * width)
        numbers[4, t] = roughest / max(width - 1, 1)
        before = frames[t]
    return numbers, flat


def joined(parts: list[FrameStatistics]) -> FrameStatistics:
    """Return the statistics of slabs as those of one recording."""
    names = [field.name for field in fields(FrameStatistics)]
    return FrameStatistics(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))


def judge(
    statistics: FrameStatistics,
    absent: np.ndarray,
    height: int,
    black_frac: float,
    brightness: float | None = None,
    roughness_floor: float = 1.0,
) -> np.ndarray:
    """Give every frame its verdict.

    Parameters
    ----------
    statistics : FrameStatistics
        Of a recording, or of a slab of it.
    absent : ndarray of str, shape (frame,)
        Status of frames that were never there, empty for the others.
    height : int
        Rows of the image.
    black_frac : float
        A frame whose mean is below this share of the usual mean is black.
    brightness : float, optional
        The usual mean, counts; by default the median over the frames given.
    roughness_floor : float, optional
        Rows are never taken for smoother than this: one count, 0 where values have no step.

    Returns
    -------
    ndarray of str, shape (frame,)
        `GOOD`, or one of the words of `MEANING`.
    """
    present = absent == GOOD
    status = absent.astype("<U16")
    if not present.any():
        return status
    if brightness is None:
        brightness = float(np.median(statistics.mean[present]))
    flat = np.unpackbits(statistics.flat_rows, axis=1, count=height)
    black = flat.mean(axis=1) > FLAT_BLACK
    # Where values are negative, as after a filter, zero is not darkness.
    if brightness > 0 and statistics.min[present].min() >= 0:
        black |= statistics.mean < black_frac * brightness
    black |= statistics.min == statistics.max
    seen = present & ~black
    usual = flat[seen].mean(axis=0) > FLAT_USUAL if seen.any() else np.zeros(height, dtype=bool)
    run = _longest_runs(flat.astype(bool) & ~usual)
    truncated = run >= max(2, FLAT_ROWS_MIN * height)
    rough = np.median(statistics.roughness[seen]) if seen.any() else np.inf
    verdicts = {
        DUPLICATED: statistics.difference == 0,
        CORRUPTED: statistics.roughness > ROUGHNESS_MAX * max(rough, roughness_floor),
        TRUNCATED: truncated,
        BLACK: black,
    }
    for word, verdict in verdicts.items():  # the last one that holds is told
        status[present & verdict] = word
    return status


def _longest_runs(flags: np.ndarray) -> np.ndarray:
    """Return the longest run of True in each row of (frame, height)."""
    longest = np.zeros(len(flags), dtype=np.int64)
    run = np.zeros(len(flags), dtype=np.int64)
    for column in flags.T:
        run = (run + 1) * column
        np.maximum(longest, run, out=longest)
    return longest


class Extremes:
    """Minimum and maximum of every pixel over the good frames, in one pass and exact.

    Which frames are good is known for certain at the end only. While slabs stream by, a
    verdict on what has been seen so far decides; at the end `mend` reads again those
    slabs in which it was too strict, or all of them if it ever let a bad frame in.

    Attributes
    ----------
    minimum, maximum : ndarray, shape (height, width)
        Over the frames taken so far.
    """

    def __init__(self, shape: tuple[int, int], dtype: np.dtype) -> None:
        self._clear = _limits(dtype)
        self.minimum = np.full(shape, self._clear[0], dtype=dtype)
        self.maximum = np.full(shape, self._clear[1], dtype=dtype)
        self._taken: list[np.ndarray] = []

    def add(self, lowest: np.ndarray, highest: np.ndarray, taken: np.ndarray) -> None:
        """Take in a slab: its extremes over the frames `taken` (bool, one per frame)."""
        np.minimum(self.minimum, lowest, out=self.minimum)
        np.maximum(self.maximum, highest, out=self.maximum)
        self._taken.append(taken)

    def mend(self, good: np.ndarray, movie, slabs: list[slice]) -> int:
        """Make the extremes those of the frames that are `good`; return slabs read again.

        Parameters
        ----------
        good : ndarray of bool, shape (frame,)
            The final verdict.
        movie : array-like, shape (frame, height, width)
            The stored recording.
        slabs : list of slice
            As they were added.
        """
        taken = np.concatenate(self._taken)
        if (taken & ~good).any():
            self.minimum[...], self.maximum[...] = self._clear
            taken = np.zeros_like(taken)
        again = [slab for slab in slabs if (good[slab] & ~taken[slab]).any()]
        for slab in again:
            lowest, highest = extremes(movie[slab], good[slab])
            np.minimum(self.minimum, lowest, out=self.minimum)
            np.maximum(self.maximum, highest, out=self.maximum)
        return len(again)


def extremes(frames: np.ndarray, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return minimum and maximum of every pixel over the frames `taken`."""
    highest, lowest = _limits(frames.dtype)
    chosen = frames if taken.all() else frames[taken]
    return (
        np.minimum.reduce(chosen, axis=0, initial=highest),
        np.maximum.reduce(chosen, axis=0, initial=lowest),
    )


def _limits(dtype: np.dtype) -> tuple[float, float]:
    """Return the largest and the smallest value of a type."""
    if np.dtype(dtype).kind == "f":
        return np.inf, -np.inf
    return np.iinfo(dtype).max, np.iinfo(dtype).min


def describe(status: np.ndarray, n_examples: int = 5) -> Iterator[str]:
    """Yield a line per kind of bad frame: count, meaning, and the first few."""
    for word, meaning in MEANING.items():
        found = np.flatnonzero(status == word)
        if len(found):
            some = ", ".join(map(str, found[:n_examples]))
            more = ", ..." if len(found) > n_examples else ""
            yield f"{len(found)} of {len(status)} frames {word} ({meaning}): {some}{more}"
