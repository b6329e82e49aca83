"""Making traces small enough for a page: fewer points, eight bits, compressed text."""

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

LEVELS = 254  # of a trace in a byte
MISSING = 255  # the byte that stands for a frame without a value
NOISE_PARTS = 8  # a level is at least this part of the noise: finer ones would store noise
COMPRESSION = 3  # 9 takes a seventh of a report's time to save 2 %


def bin_width(n_traces: int, n_frames: int, budget: int) -> int:
    """Return how many frames one point of a trace stands for, 1 where all fit the budget.

    Parameters
    ----------
    n_traces, n_frames : int
        Size of what is to be shown.
    budget : int
        Largest number of values, over all traces. Two values (lowest, highest) are
        needed for each point that stands for more than one frame.
    """
    if n_traces * n_frames <= budget:
        return 1
    return max(-(-2 * n_traces * n_frames // budget), 3)


def _binned(values: np.ndarray, width: int) -> np.ndarray:
    """Cut the last axis into bins, the last one filled up with NaN."""
    n = values.shape[-1]
    missing = -n % width
    padding = [(0, 0)] * (values.ndim - 1) + [(0, missing)]
    padded = np.pad(values.astype(np.float32), padding, constant_values=np.nan)
    return padded.reshape(*values.shape[:-1], (n + missing) // width, width)


def envelope(values: np.ndarray, width: int) -> np.ndarray:
    """Return lowest and highest value of each bin, one after the other.

    Parameters
    ----------
    values : ndarray of float, shape (..., frame)
        NaN where there is none.
    width : int
        Frames in a bin; 1 leaves all as it is.

    Returns
    -------
    ndarray of float32, shape (..., 2 * bin), or (..., frame) for a width of 1
        NaN only where a whole bin has no value. No peak is lost.
    """
    if width == 1:
        return values.astype(np.float32)
    bins = _binned(values, width)
    empty = np.isnan(bins).all(axis=-1)
    low = np.where(np.isnan(bins), np.inf, bins).min(axis=-1)
    high = np.where(np.isnan(bins), -np.inf, bins).max(axis=-1)
    low[empty] = high[empty] = np.nan
    return np.stack([low, high], axis=-1).reshape(*values.shape[:-1], -1)


def highest(values: np.ndarray, width: int) -> np.ndarray:
    """Return the highest value of each bin, float32, shape (..., bin)."""
    return envelope(values, width)[..., 1::2] if width > 1 else values.astype(np.float32)


def bin_times(time_s: np.ndarray, width: int, pairs: bool = False) -> np.ndarray:
    """Return the time of each point of `envelope` (``pairs``) or `highest`, in s.

    The two of a pair lie a quarter of the bin before and behind its middle.
    """
    time_s = np.asarray(time_s, dtype=np.float64)
    if width == 1:
        return time_s
    starts = np.arange(0, len(time_s), width)
    last = np.minimum(starts + width, len(time_s)) - 1
    first, last = time_s[starts], time_s[last]
    if not pairs:
        return (first + last) / 2
    quarter = (last - first) / 4
    middle = (first + last) / 2
    return np.stack([middle - quarter, middle + quarter], axis=1).ravel()


@dataclass(frozen=True)
class Bytes:
    """Traces in bytes: value = low + step * byte, and no value where the byte is 255.

    Attributes
    ----------
    data : ndarray of uint8, shape (trace, point)
    low, step : ndarray of float64, shape (trace,)
    """

    data: np.ndarray
    low: np.ndarray
    step: np.ndarray

    def values(self) -> np.ndarray:
        """Return the traces again, float64, as the page shows them."""
        shown = self.low[:, None] + self.step[:, None] * self.data
        return np.where(self.data == MISSING, np.nan, shown)


def in_bytes(traces: np.ndarray, noise: np.ndarray | None = None) -> Bytes:
    """Store each trace in its own range of bytes.

    Parameters
    ----------
    traces : ndarray of float, shape (trace, point)
        NaN where there is no value.
    noise : ndarray of float, shape (trace,), optional
        Noise of each trace: the levels are no finer than an eighth of it.

    Returns
    -------
    Bytes
        Off by at most half a step.
    """
    known = np.isfinite(traces)
    low = np.where(known, traces, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, traces, -np.inf).max(axis=1, initial=-np.inf)
    nothing = ~np.isfinite(low)
    low, high = np.where(nothing, 0, low), np.where(nothing, 0, high)
    step = (high - low).astype(np.float64) / LEVELS
    if noise is not None:
        step = np.maximum(step, np.nan_to_num(noise) / NOISE_PARTS)
    step = np.where(step > 0, step, 1.0)
    filled = np.where(known, traces, low[:, None])
    level = np.rint((filled - low[:, None]) / step[:, None])
    data = np.where(known, np.clip(level, 0, LEVELS), MISSING).astype(np.uint8)
    return Bytes(data, low.astype(np.float64), step)


def packed(data: np.ndarray | Iterable[np.ndarray]) -> str:
    """Return bytes as compressed text: zlib, then base64.

    Parameters
    ----------
    data : ndarray of uint8, or several
        Taken one after the other.
    """
    parts = [data] if isinstance(data, np.ndarray) else data
    packer = zlib.compressobj(COMPRESSION)
    done = [packer.compress(np.ascontiguousarray(part).tobytes()) for part in parts]
    return base64.b64encode(b"".join([*done, packer.flush()])).decode("ascii")


def unpacked(text: str) -> np.ndarray:
    """Return the bytes that `packed` got, uint8."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
