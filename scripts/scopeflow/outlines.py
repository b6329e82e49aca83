"""Outlines of footprints, for every picture that draws them."""

import numpy as np
from contourpy import contour_generator

from scopeflow.footprints import in_box


def footprint_lines(
    pixels: np.ndarray, values: np.ndarray, width: int, share: float
) -> list[np.ndarray]:
    """Return the closed lines at which a footprint crosses a share of its peak.

    Parameters
    ----------
    pixels : ndarray of int, shape (pixel,)
        Its pixels, as positions in the image read row by row.
    values : ndarray of float, shape (pixel,)
        Their weights.
    width : int
        Of the image, in px.
    share : float
        Between 0 and 1.

    Returns
    -------
    list of ndarray of float64, shape (point, 2)
        Column and row in px, pixel centres at whole numbers; the longest line first. Empty for
        an empty footprint.
    """
    if not len(pixels):
        return []
    (top, left), box = in_box(pixels, values, width, margin=1)  # a rim of zeros closes the lines
    lines = contour_generator(z=box).lines(share * box.max())
    return sorted((line + np.array([left, top]) for line in lines), key=len, reverse=True)
