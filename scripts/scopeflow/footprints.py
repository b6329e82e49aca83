"""Footprints as a sparse matrix (unit_id, pixel), and their geometry.

A pixel's index is ``row * width + column``. On disk footprints are dense, because that is
what people open; in memory they are sparse, because a field holds hundreds of cells.
"""

import numpy as np
import zarr
from scipy import sparse

from scopeflow.stores import create_array

UNITS_AT_ONCE = 16  # dense footprints in memory while reading and writing


def write_footprints(group: zarr.Group, A: sparse.csr_array, shape: tuple[int, int]) -> None:
    """Write footprints as the dense array ``A`` (unit_id, height, width) of a group."""
    n_units = A.shape[0]
    array = create_array(
        group,
        "A",
        (n_units, *shape),
        np.float32,
        (UNITS_AT_ONCE, *shape),
        ("unit_id", "height", "width"),
        units="1",
        long_name="footprint, largest value 1",
    )
    for start in range(0, n_units, UNITS_AT_ONCE):
        block = A[start : start + UNITS_AT_ONCE].toarray()
        array[start : start + UNITS_AT_ONCE] = block.reshape(-1, *shape)


def read_footprints(path: str) -> tuple[sparse.csr_array, tuple[int, int]]:
    """Read the array ``A`` of a store as a sparse matrix, and the image's shape."""
    array = zarr.open_array(path, path="A", mode="r")
    shape, ends, indices, data = array.shape[1:], [0], [], []
    for start in range(0, array.shape[0], UNITS_AT_ONCE):
        for row in array[start : start + UNITS_AT_ONCE].reshape(-1, shape[0] * shape[1]):
            pixels = np.flatnonzero(row != 0)  # of booleans: four times as fast
            indices.append(pixels.astype(np.int32))
            data.append(row[pixels])
            ends.append(ends[-1] + len(pixels))
    parts = (
        np.concatenate([np.zeros(0, dtype), *of])
        for of, dtype in ((data, array.dtype), (indices, np.int32))
    )
    whole = (array.shape[0], shape[0] * shape[1])
    return sparse.csr_array((*parts, np.array(ends, dtype=np.int32)), shape=whole), shape


def from_rows(
    rows: list[tuple[np.ndarray, np.ndarray]], n_pixels: int, dtype: type = np.float32
) -> sparse.csr_array:
    """Return the sparse matrix whose rows are given as (pixel indices, values)."""
    if not rows:
        return sparse.csr_array((0, n_pixels), dtype=dtype)
    indptr = np.cumsum([0, *(len(pixels) for pixels, _ in rows)])
    indices = np.concatenate([pixels for pixels, _ in rows])
    data = np.concatenate([values for _, values in rows]).astype(dtype)
    return sparse.csr_array((data, indices, indptr), shape=(len(rows), n_pixels))


def in_box(
    pixels: np.ndarray, values: np.ndarray, width: int, margin: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return a footprint in the smallest box around it, with a margin of zeros.

    Parameters
    ----------
    pixels : ndarray of int, shape (pixel,)
        Its pixels, at least one, as positions in the image read row by row.
    values : ndarray of float, shape (pixel,)
        Their weights.
    width : int
        Of the image, in px.
    margin : int, optional
        In px; may reach beyond the image.

    Returns
    -------
    first : ndarray of int, shape (2,)
        First row and column of the box.
    box : ndarray of float64, shape (height, width)
    """
    places = np.stack(np.divmod(pixels, width))
    first = places.min(axis=1) - margin
    box = np.zeros(places.max(axis=1) + margin + 1 - first)
    box[tuple(places - first[:, None])] = values
    return first, box


def centroids(A: sparse.csr_array, shape: tuple[int, int]) -> np.ndarray:
    """Return the centre of mass of each footprint.

    Parameters
    ----------
    A : csr_array of float, shape (unit_id, pixel)
        Footprints, >= 0, none empty.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    ndarray of float64, shape (unit_id, 2)
        Row and column in px, pixel centres at whole numbers.
    """
    rows, cols = np.divmod(np.arange(A.shape[1]), shape[1])
    mass = np.asarray(A.sum(axis=1)).ravel().astype(np.float64)
    return (
        np.stack([A @ rows.astype(np.float64), A @ cols.astype(np.float64)], axis=1)
        / (np.maximum(mass, 1e-12)[:, None])
    )


def blobs(centres: np.ndarray, sigma_px: float, shape: tuple[int, int]) -> sparse.csr_array:
    """Return Gaussian footprints of one width at given places, cut at three sigma.

    Parameters
    ----------
    centres : ndarray of float, shape (unit_id, 2)
        Row and column in px.
    sigma_px : float
        Standard deviation in px.
    shape : tuple of int
        (height, width) of the image.

    Returns
    -------
    csr_array of float32, shape (unit_id, pixel)
        Largest value 1 (for a centre inside the image on a pixel's centre).
    """
    reach = int(np.ceil(3 * sigma_px))
    rows_of_units = []
    for row, col in centres:
        top, left = max(round(row) - reach, 0), max(round(col) - reach, 0)
        rows = np.arange(top, min(round(row) + reach + 1, shape[0]))
        cols = np.arange(left, min(round(col) + reach + 1, shape[1]))
        square = (rows[:, None] - row) ** 2 + (cols - col) ** 2
        inside = square <= (3 * sigma_px) ** 2
        pixels = (rows[:, None] * shape[1] + cols)[inside]
        rows_of_units.append((pixels, np.exp(-square[inside] / (2 * sigma_px**2))))
    return from_rows(rows_of_units, shape[0] * shape[1])


def normalized(A: sparse.csr_array) -> tuple[sparse.csr_array, np.ndarray]:
    """Scale each footprint to a largest value of 1; also return the old largest values."""
    peak = A.max(axis=1).toarray().ravel() if A.shape[0] else np.zeros(0)
    scale = np.where(peak > 0, peak, 1).astype(np.float32)
    return sparse.csr_array(sparse.diags_array(1 / scale) @ A).astype(np.float32), peak
