"""From arrays to what the page shows: images of bytes, outlines, thinned traces, colours."""

import io
from dataclasses import dataclass

import numpy as np

from scopeflow.explore.pictures import as_bytes, thin_line
from scopeflow.outlines import footprint_lines
from scopeflow.pages.curation.data import Footprint

OUTLINE = 0.3  # of the footprint's peak, where outlines are drawn
IMAGE_PIXELS = 640  # rows and columns sent at most
NO_VALUE = "#9a9a9a"


def footprint_image(footprints: list[Footprint], shape: tuple[int, int]) -> np.ndarray:
    """Return the largest footprint value at each pixel as bytes, shape (height, width)."""
    image = np.zeros(shape[0] * shape[1], dtype=np.float32)
    for one in footprints:
        image[one.pixels] = np.maximum(image[one.pixels], one.values)
    return as_bytes(image.reshape(shape), 0, 1)


def png(image: np.ndarray) -> bytes:
    """Return a grey image (height, width) of uint8 as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def outline(one: Footprint, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline of a footprint at `OUTLINE` of its peak.

    Parameters
    ----------
    one : Footprint
    width : int
        Of the image, in px.

    Returns
    -------
    x, y : ndarray of float32
        A closed line in px, pixel centres at whole numbers: the longest one where there
        are several. Empty for an empty footprint.
    """
    lines = footprint_lines(one.pixels, one.values, width, OUTLINE) or [np.zeros((0, 2))]
    x, y = lines[0].astype(np.float32).T
    return x, y


def activity_image(
    footprints: list[Footprint], counts: list[float], shape: tuple[int, int], top: float
) -> tuple[np.ndarray, int, int]:
    """Return A C of some units in one frame as bytes, no larger than they reach.

    Parameters
    ----------
    footprints : list of Footprint
    counts : list of float
        Value of C of each in the frame, camera counts.
    shape : tuple of int
        (height, width) in px.
    top : float
        Counts that are white.

    Returns
    -------
    image : ndarray of uint8, shape (height, width) of the box around them
    row, col : int
        Where the box begins, px.
    """
    pixels = [one.pixels for one in footprints if len(one.pixels)]
    if not pixels:
        return np.zeros((1, 1), dtype=np.uint8), 0, 0
    cols = [p % shape[1] for p in pixels]
    top_row = min(int(p[0]) for p in pixels) // shape[1]
    last_row = max(int(p[-1]) for p in pixels) // shape[1]
    left, right = min(int(c.min()) for c in cols), max(int(c.max()) for c in cols)
    image = np.zeros((last_row - top_row + 1, right - left + 1), dtype=np.float32)
    for one, count in zip(footprints, counts, strict=True):
        rows, columns = np.divmod(one.pixels, shape[1])
        image[rows - top_row, columns - left] += count * one.values
    return as_bytes(image, 0, top), top_row, left


@dataclass(frozen=True)
class Window:
    """The part of an image that is sent, and how coarse.

    Attributes
    ----------
    rows, cols : slice
        With a step.
    x, y, width, height : float
        Where it belongs in the figure, in px of the image.
    """

    rows: slice
    cols: slice
    x: float
    y: float
    width: float
    height: float


def window(view: tuple[float, float, float, float], shape: tuple[int, int]) -> Window:
    """Return what to send of an image for a view of it.

    Parameters
    ----------
    view : tuple of float
        (left, right, top, bottom) of the figure in px; any order, any size.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    Window
        The view with half its size around it, in at most `IMAGE_PIXELS` rows and columns.
    """
    rows = _reach(view[2], view[3], shape[0])
    cols = _reach(view[0], view[1], shape[1])
    n_rows, n_cols = len(range(*rows.indices(shape[0]))), len(range(*cols.indices(shape[1])))
    return Window(
        rows, cols, cols.start - 0.5, rows.start - 0.5, n_cols * cols.step, n_rows * rows.step
    )


def _reach(a: float, b: float, size: int) -> slice:
    low, high = sorted((a, b)) if np.isfinite([a, b]).all() else (0, size)
    margin = (high - low) / 2
    start = int(np.clip(low - margin, 0, size - 1))
    stop = int(np.clip(np.ceil(high + margin), start + 1, size))
    step = -(-(stop - start) // IMAGE_PIXELS)
    return slice(start, start + -(-(stop - start) // step) * step, step)


def thinned(time_s: np.ndarray, y: np.ndarray, start_s: float, stop_s: float, bins: int):
    """Return a trace within a stretch of time with its extremes kept, for drawing.

    Parameters
    ----------
    time_s : ndarray of float, shape (frame,)
        Growing.
    y : ndarray of float, shape (frame,)
        Trace; NaN leaves a gap.
    start_s, stop_s : float
        Stretch of time, in s.
    bins : int
        Parts of which smallest and largest value are kept.

    Returns
    -------
    x, y : ndarray of float32, shape (point,)
        All frames where there are no more than two for each bin.
    """
    first = max(int(np.searchsorted(time_s, start_s)) - 1, 0)
    last = min(int(np.searchsorted(time_s, stop_s, "right")) + 1, len(y))
    x, y = thin_line(time_s[first:last], y[first:last], 2 * bins)
    return x.astype(np.float32), y.astype(np.float32)


def largest_events(S: np.ndarray, apart: int, count: int) -> np.ndarray:
    """Return the frames of the largest events of a unit, in order of time.

    Parameters
    ----------
    S : ndarray of float, shape (frame,)
        Activity.
    apart : int
        Frames between two events at least; the larger one stays.
    count : int
        How many at most.
    """
    active = np.flatnonzero(S > 0)
    chosen: list[int] = []
    for t in active[np.argsort(-S[active], kind="stable")]:
        if all(abs(t - other) >= apart for other in chosen):
            chosen.append(int(t))
        if len(chosen) == count:
            break
    return np.array(sorted(chosen), dtype=np.int64)


def mean_of_events(read, events: np.ndarray, offsets: np.ndarray, n_frames: int) -> np.ndarray:
    """Return the average of the movie around events, less its average before them.

    Parameters
    ----------
    read : callable
        Returns a crop of a frame, shape (height, width), counts.
    events : ndarray of int, shape (event,)
        Frames.
    offsets : ndarray of int, shape (offset,)
        Frames relative to the event, negative before it. Those outside the recording are
        left out.
    n_frames : int
        Of the recording.

    Returns
    -------
    ndarray of float32, shape (offset, height, width)
        Counts. Zero frames for no events.
    """
    total, counted = None, np.zeros(len(offsets))
    for event in events:
        for i, offset in enumerate(offsets):
            t = int(event + offset)
            if 0 <= t < n_frames:
                crop = read(t)
                if total is None:
                    total = np.zeros((len(offsets), *crop.shape), dtype=np.float32)
                total[i] += crop
                counted[i] += 1
    if total is None:
        return np.zeros((0, 1, 1), dtype=np.float32)
    mean = total / np.maximum(counted, 1).astype(np.float32)[:, None, None]
    quiet = mean[(offsets < 0) & (counted > 0)]
    mean -= quiet.mean(axis=0) if len(quiet) else mean.mean(axis=0)
    mean[counted == 0] = 0
    return mean


def coloured(values: np.ndarray, palette: tuple[str, ...]) -> tuple[list[str], float, float]:
    """Return a colour for each value, and the values of the first and the last colour.

    Values beyond the 2nd and 98th percentile take the outer colours; NaN is grey.
    """
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [2, 98]) if len(finite) else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    place = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    index = np.round(place * (len(palette) - 1)).astype(int)
    colours = [
        palette[i] if ok else NO_VALUE for i, ok in zip(index, np.isfinite(values), strict=True)
    ]
    return colours, float(low), float(high)


def neighbour_walk(place: np.ndarray) -> np.ndarray:
    """Return an order of units in which each is followed by the nearest not yet visited.

    Parameters
    ----------
    place : ndarray of float, shape (unit_id, 2)
        Centres in px; the walk begins at the one nearest to the upper left corner.
    """
    n = len(place)
    order = np.zeros(n, dtype=np.int64)
    left = np.ones(n, dtype=bool)
    at = int(np.hypot(*place.T).argmin()) if n else 0
    for i in range(n):
        order[i], left[at] = at, False
        distance = np.where(left, np.hypot(*(place - place[at]).T), np.inf)
        at = int(distance.argmin())
    return order


def nearest(place: np.ndarray, k: int, count: int) -> list[int]:
    """Return the positions of the `count` units nearest to one, nearest first, without it."""
    distance = np.hypot(*(place - place[k]).T)
    distance[k] = np.inf
    return [int(i) for i in np.argsort(distance, kind="stable")[: min(count, len(place) - 1)]]
