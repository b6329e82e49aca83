"""Numbers per unit that tell good ones from doubtful ones."""

import numpy as np
from scipy import sparse

QUALITY = ["snr", "spatial_r", "size_px", "diameter_px"]  # columns of units.zarr
CELL_EDGE = 0.135  # of the peak: where a Gaussian of width sigma is 4 sigma wide


def signal_to_noise(C: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the height of the largest transients over the noise of the raw trace.

    Parameters
    ----------
    C : ndarray of float, shape (unit_id, frame)
        Calcium traces in camera counts.
    sigma : ndarray of float, shape (unit_id,)
        Noise of the raw traces in camera counts.

    Returns
    -------
    ndarray of float32, shape (unit_id,)
        The 99.9th percentile of C divided by sigma; 0 where sigma is 0.
    """
    if not C.size:
        return np.zeros(len(C), dtype=np.float32)
    peak = np.quantile(C, 0.999, axis=1)
    return np.divide(peak, sigma, out=np.zeros(len(C)), where=sigma > 0).astype(np.float32)


def accepted(
    snr: np.ndarray, spatial_r: np.ndarray, relative_diameter: np.ndarray, criteria: dict
) -> np.ndarray:
    """Tell which units look like cells.

    Parameters
    ----------
    snr : ndarray of float, shape (unit_id,)
        Of `signal_to_noise`.
    spatial_r : ndarray of float, shape (unit_id,)
        Agreement of footprint and movie; NaN (not measured) passes.
    relative_diameter : ndarray of float, shape (unit_id,)
        Width of the footprint over the width stated for cells.
    criteria : dict
        The config's section ``accept``.

    Returns
    -------
    ndarray of bool, shape (unit_id,)
    """
    alike = np.isnan(spatial_r) | (spatial_r >= criteria["spatial_r_min"])
    wide = (criteria["diameter_min"] <= relative_diameter) & (
        relative_diameter <= criteria["diameter_max"]
    )
    return (snr >= criteria["snr_min"]) & alike & wide


def diameters(A: sparse.csr_array) -> np.ndarray:
    """Return the width of each footprint at 13.5 % of its peak, in px.

    Parameters
    ----------
    A : csr_array of float, shape (unit_id, pixel)
        Footprints with a largest value of 1.

    Returns
    -------
    ndarray of float32, shape (unit_id,)
        Diameter of the disk with the area above that level: 4 sigma for a Gaussian.
    """
    above = sparse.csr_array((A.data >= CELL_EDGE, A.indices, A.indptr), A.shape)
    area = np.asarray(above.sum(axis=1)).ravel()
    return (2 * np.sqrt(area / np.pi)).astype(np.float32)


def isolation(A: sparse.csr_array) -> np.ndarray:
    """Return how much of each footprint is its own.

    Parameters
    ----------
    A : csr_array of float, shape (unit_id, pixel)
        Footprints.

    Returns
    -------
    ndarray of float64, shape (unit_id,)
        1 for a unit without neighbours, less the more it shares its pixels: its energy over
        the sum of its overlaps with all units.
    """
    if not A.shape[0]:
        return np.zeros(0)
    overlap = A @ A.T
    total = np.asarray(overlap.sum(axis=1)).ravel()
    return np.divide(overlap.diagonal(), total, out=np.zeros(A.shape[0]), where=total > 0)
