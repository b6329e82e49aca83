"""What a figure shows of its data: how far axes reach, bins, which frame."""

import numpy as np

LEAST_PX = 2.0  # of an axis of motion
BINS = 64


def axis_span(values: np.ndarray, least: float) -> tuple[float, float]:
    """Return the ends of an axis: all values and a rim, and no less than `least` in all.

    So that no noise looks like a change. Without a finite value the axis is around 0.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    half = max(0.55 * (high - low), least / 2)
    return float((low + high) / 2 - half), float((low + high) / 2 + half)


def count_bins(values: np.ndarray) -> np.ndarray:
    """Return the edges of at most `BINS` bins over all values.

    Bins of whole numbers hold as many of them each: others make a comb of their histogram.
    """
    low, high = float(values.min()), float(values.max())
    if not np.issubdtype(values.dtype, np.integer):
        return np.linspace(low, high if high > low else low + 1, BINS + 1)
    width = int(np.ceil((high - low + 1) / BINS))
    return np.arange(low, high + width + 1, width) - 0.5


def most_active(background: np.ndarray) -> int:
    """Return which frame has most signal after the last filter, (frame, height, width)."""
    power = [float((frame.astype(np.float64) ** 2).mean()) for frame in background]
    return int(np.argmax(power))
