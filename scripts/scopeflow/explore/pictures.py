"""Images made ready to be looked at: thinned, levelled, counted, with lines of equal height."""

import numpy as np

SIDE_MAX = 1024  # px along a side; a screen shows no more of one picture
N_BINS = 128
LEVELS = 5  # the paper's contour plots


def thinned(image: np.ndarray, side_max: int = SIDE_MAX) -> np.ndarray:
    """Return every n-th pixel of an image, so that neither side is above `side_max`."""
    step = -(-max(image.shape) // side_max)
    return image[::step, ::step]


def as_bytes(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return an image as uint8: 0 at `low` and below, 255 at `high` and above."""
    scaled = image.astype(np.float32, copy=True)
    scaled -= low
    scaled *= 255 / max(high - low, 1e-9)
    np.clip(scaled, 0, 255, out=scaled)
    return scaled.astype(np.uint8)


def display_range(image: np.ndarray) -> tuple[float, float]:
    """Return the values shown as black and as white: all but one pixel in 200 at either end."""
    low, high = np.quantile(image[::2, ::2], [0.005, 0.995])
    return float(low), float(max(high, low + 1))


def histogram(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of pixels per bin, and the edges of the bins in counts.

    Whole numbers get bins of a whole width, so that no comb appears.
    """
    low, high = float(image.min()), float(image.max())
    if image.dtype.kind in "ui":
        width = max(int(np.ceil((high - low + 1) / N_BINS)), 1)
        # Counting whole numbers is ten times as quick as sorting them into bins.
        bins = (image.ravel() - image.min()) // image.dtype.type(width)
        counts = np.bincount(bins)
        return counts, low - 0.5 + width * np.arange(len(counts) + 1)
    edges = np.linspace(low, max(high, low + 1e-6), N_BINS + 1)
    return np.histogram(image, edges)[0], edges


def crop(image: np.ndarray, place: tuple[float, float], half_px: int) -> tuple[slice, slice]:
    """Return rows and columns of a box around a place (row, column), kept inside the image."""
    box = []
    for centre, size in zip(place, image.shape, strict=True):
        first = int(np.clip(round(centre) - half_px, 0, max(size - 2 * half_px, 0)))
        box.append(slice(first, min(first + 2 * half_px, size)))
    return box[0], box[1]


def contours(
    image: np.ndarray, n_levels: int = LEVELS
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return lines of equal height of an image.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        A small one; lines of a noisy image are many.
    n_levels : int, optional
        Levels, evenly spread between the least and the largest value.

    Returns
    -------
    xs, ys : list of ndarray
        Columns and rows of the lines' points in px, pixel centres at whole numbers.
    heights : ndarray of float64, shape (line,)
        Level of each line.
    """
    from contourpy import contour_generator

    low, high = float(image.min()), float(image.max())
    generator = contour_generator(z=image.astype(np.float64), line_type="Separate")
    xs, ys, heights = [], [], []
    for level in np.linspace(low, high, n_levels + 2)[1:-1]:
        for line in generator.lines(level):
            xs.append(line[:, 0])
            ys.append(line[:, 1])
            heights.append(level)
    return xs, ys, np.array(heights)


def tiled(images: list[np.ndarray], columns: int, gap_px: int = 2) -> np.ndarray:
    """Return images of any sizes side by side in one, NaN between them.

    Parameters
    ----------
    images : list of ndarray of float, shape (height, width)
        In reading order.
    columns : int
        Images per row.

    Returns
    -------
    ndarray of float32, shape (row, column)
        Every tile is as large as the largest image, with that one in its middle.
    """
    height, width = (max(image.shape[axis] for image in images) + gap_px for axis in (0, 1))
    n_rows = -(-len(images) // columns)
    whole = np.full((n_rows * height, columns * width), np.nan, dtype=np.float32)
    for k, image in enumerate(images):
        row, col = divmod(k, columns)
        top = row * height + (height - image.shape[0]) // 2
        left = col * width + (width - image.shape[1]) // 2
        whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole


def thin_line(x: np.ndarray, y: np.ndarray, n_max: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Return a course with fewer points that looks the same: least and largest of each run."""
    if len(y) <= n_max:
        return x, y
    run = -(-2 * len(y) // n_max)
    n_runs = -(-len(y) // run)
    padded = np.full(n_runs * run, np.nan, dtype=np.result_type(y, np.float32))
    padded[: len(y)] = y
    blocks = padded.reshape(n_runs, run)
    gap, first = np.isnan(blocks), run * np.arange(n_runs)
    low = np.where(gap, np.inf, blocks).argmin(axis=1) + first
    high = np.where(gap, -np.inf, blocks).argmax(axis=1) + first
    order = np.stack([np.minimum(low, high), np.maximum(low, high)], axis=1).ravel()
    order = order[np.append(True, np.diff(order) > 0)]
    return x[order], y[order]
