"""An image of each session's field in which cells stand out alike, whatever the brightness."""

import cv2
import numpy as np
from scipy import sparse

FINE, WIDE = 0.1, 0.5  # widths of the band-pass filter, in cell diameters
RIM = 0.5  # in cell diameters; over so much the picture fades in from its edges
ROUNDING = 1e-6  # of the brightest pixel: no content
FAINT = 1e-3  # of the strongest content: empty
BRIGHT = 0.9  # quantile of what is not empty, at which brightness is halved


def summed(A: sparse.csr_array, shape: tuple[int, int]) -> np.ndarray:
    """Return the sum of footprints (unit_id, pixel), each with a largest value of 1, float32."""
    if not A.shape[0]:
        return np.zeros(shape, dtype=np.float32)
    peak = np.maximum(A.max(axis=1).toarray().ravel(), 1e-12)
    return np.asarray((1 / peak) @ A, dtype=np.float32).reshape(shape)


def filled(image: np.ndarray) -> np.ndarray:
    """Return an image whose pixels that are no number have the median of the others, or 0."""
    known = np.isfinite(image)
    if known.all():
        return image
    return np.where(known, image, np.median(image[known]) if known.any() else 0).astype(image.dtype)


def picture(image: np.ndarray, cell_diameter_px: float) -> np.ndarray:
    """Return what is of the size of a cell in an image, bright cells compressed.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        A maximum projection, or the sum of the footprints; see `filled` for NaN.
    cell_diameter_px : float
        Width of a cell, px.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Between -1 and 1; all 0 for an even image.

    Notes
    -----
    A difference of two Gaussians, divided by its own magnitude plus that of the brightest
    tenth. Cells that are ten times as bright in one session as in another must not
    decide the alignment alone. The edges fade out, because motion correction leaves lines along
    them that are at the same place in every session.
    """
    image = filled(image.astype(np.float32))
    fine, wide = (
        cv2.GaussianBlur(image, (0, 0), part * cell_diameter_px, borderType=cv2.BORDER_REFLECT)
        for part in (FINE, WIDE)
    )
    band = (fine - wide) * _soft_edges(image.shape, RIM * cell_diameter_px)
    size = np.abs(band)
    if size.max() <= ROUNDING * float(np.abs(image).max()):
        return np.zeros(image.shape, dtype=np.float32)
    shown = size[size > FAINT * size.max()]
    return band / (size + np.float32(np.quantile(shown, BRIGHT)))


def _soft_edges(shape: tuple[int, int], rim_px: float) -> np.ndarray:
    """Return weights that rise from 0 at the edges to 1 at `rim_px`, float32."""
    sides = []
    for n in shape:
        ramp = np.minimum(np.arange(n), np.arange(n)[::-1]) / max(rim_px, 1)
        sides.append(np.sin(np.pi / 2 * np.minimum(ramp, 1)) ** 2)
    return np.outer(*sides).astype(np.float32)
