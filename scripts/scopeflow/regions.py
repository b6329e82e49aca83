"""Parts of the image that a person has drawn."""

import cv2
import numpy as np

LEAST_DIAMETERS = 3.0  # a smaller part holds too little to register by


def looked_at(
    shape: tuple[int, int],
    region: dict | None,
    polygon: list | None,
    cell_diameter_px: float,
) -> tuple[slice, slice, np.ndarray | None]:
    """Return the box that motion is estimated in, and which of its pixels are looked at.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the image.
    region : dict or None
        Box with ``top``, ``bottom``, ``left``, ``right`` in px; None is the whole image.
    polygon : list of (float, float), or None
        Corners (row, column) in px; None is the whole box.
    cell_diameter_px : float
        Width of a cell.

    Returns
    -------
    rows, cols : slice
        The box, no larger than the polygon and the image.
    inside : ndarray of bool, shape of the box, or None
        Pixels inside the polygon; None where all are.

    Raises
    ------
    ValueError
        If too little is left to register by; the message names the key.
    """
    region = region or {}
    rows = slice(region.get("top", 0), min(region.get("bottom", shape[0]), shape[0]))
    cols = slice(region.get("left", 0), min(region.get("right", shape[1]), shape[1]))
    least = LEAST_DIAMETERS * cell_diameter_px
    named = "motion.region" if region else "the image"
    _refuse_small(rows, cols, named, least, shape)
    if polygon is None:
        return rows, cols, None
    inside = polygon_mask(polygon, shape)[rows, cols]
    present = [np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0)]
    if not len(present[0]):
        raise ValueError(
            f"motion.polygon lies outside {named} ({shape[0]} x {shape[1]} px). Draw it again."
        )
    rows, cols = (
        slice(s.start + p[0], s.start + p[-1] + 1)
        for s, p in zip((rows, cols), present, strict=True)
    )
    _refuse_small(rows, cols, "motion.polygon", least, shape)
    inside = inside[np.ix_(*(np.arange(p[0], p[-1] + 1) for p in present))]
    return rows, cols, None if inside.all() else inside


def _refuse_small(rows: slice, cols: slice, key: str, least: float, shape) -> None:
    if key != "the image" and min(rows.stop - rows.start, cols.stop - cols.start) < least:
        raise ValueError(
            f"{key} leaves {max(rows.stop - rows.start, 0)} x {max(cols.stop - cols.start, 0)} px "
            f"of the image of {shape[0]} x {shape[1]} px; motion needs at least {least:g} px along "
            "each side, three cells. Make it larger."
        )


def polygon_mask(polygon: list, shape: tuple[int, int]) -> np.ndarray:
    """Return which pixels lie inside a polygon, its border included.

    Parameters
    ----------
    polygon : list of (float, float)
        At least three corners (row, column) in px, in order.
    shape : tuple of int
        (height, width) of the image; what lies outside it is cut off.

    Returns
    -------
    ndarray of bool, shape (height, width)
    """
    corners = np.rint(np.asarray(polygon, dtype=np.float64)).astype(np.int32)
    mask = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(mask, [np.ascontiguousarray(corners[:, ::-1])], 1)
    return mask.astype(bool)
