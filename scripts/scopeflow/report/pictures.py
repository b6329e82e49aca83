"""Images as text for a page: gray or coloured, with lines of equal height."""

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from bokeh.palettes import Cividis256

QUALITY = 82  # of WebP; keeps the grain of a frame
# Pixels that no, one, two, three or more units share: black, then of the Okabe-Ito palette.
COUNT_COLOURS = ["#000000", "#56B4E9", "#E69F00", "#D55E00"]


def limits(image: np.ndarray, low: float = 0.01, high: float = 0.999) -> tuple[float, float]:
    """Return the values drawn darkest and brightest: quantiles, never equal."""
    known = image[np.isfinite(image)]
    if not known.size:
        return 0.0, 1.0
    first, last = (float(value) for value in np.quantile(known, [low, high]))
    return first, last if last > first else first + 1.0


def in_range(image: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return an image as bytes, `bounds` being black and white; NaN is black."""
    first, last = bounds
    scaled = (np.nan_to_num(image.astype(np.float32), nan=first) - first) * (255 / (last - first))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def coloured(image: np.ndarray) -> np.ndarray:
    """Return the colours (height, width, 3) of an image of bytes, for the colour-blind too."""
    return _colours(Cividis256)[image]


def counted(counts: np.ndarray) -> np.ndarray:
    """Return the colours (height, width, 3) of small whole numbers, three and more alike."""
    return _colours(COUNT_COLOURS)[np.minimum(counts, len(COUNT_COLOURS) - 1)]


def _colours(names: Sequence[str]) -> np.ndarray:
    """Return red, green and blue of colours such as ``#0072B2``."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in names], np.uint8)


def encoded(image: np.ndarray, lossless: bool = False) -> str:
    """Return an image, gray or coloured, as a ``data:`` address.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width) or (height, width, 3 or 4)
        Colours in the order red, green, blue (, opacity).
    lossless : bool
        For drawings; else WebP, which takes a third of the room.
    """
    if image.ndim == 3:
        order = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
        image = cv2.cvtColor(image, order)
    kind, options = ("png", [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not lossless:
        kind, options = ("webp", [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    done, data = cv2.imencode(f".{kind}", image, options)
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be encoded as {kind}")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def level_lines(image: np.ndarray, levels: list[float]) -> np.ndarray:
    """Return where an image crosses levels: the contours of the paper's figures 4 and 6.

    Parameters
    ----------
    image : ndarray, shape (height, width)
    levels : list of float
        Increasing.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        0 on pixels whose right or lower neighbour lies on the other side of a level, else 255.
    """
    band = np.digitize(image, levels)
    crossed = np.zeros(image.shape, dtype=bool)
    crossed[:, :-1] |= band[:, 1:] != band[:, :-1]
    crossed[:-1] |= band[1:] != band[:-1]
    return np.where(crossed, 0, 255).astype(np.uint8)
