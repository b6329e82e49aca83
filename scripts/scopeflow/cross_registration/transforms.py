"""Where a session's pixels lie in the field that all sessions of an animal share.

The common field is the image of the template session, continued beyond its edges as far as
other sessions reach. A transform says for every place of it where the session shows it,
because that is what interpolation needs.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse

from scopeflow.footprints import from_rows

KINDS = ("translation", "rigid", "affine", "nonrigid")  # each includes those before it
FAINT = 0.01  # of a footprint's peak; interpolated values below it are left out


@dataclass(frozen=True, eq=False)
class Transform:
    """From places of the common field to places in a session's image, px.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    matrix : ndarray of float64, shape (2, 3)
        Takes (row, column, 1) of the common field to (row, column) in the session.
    flow : ndarray of float32, shape (height, width, 2), or None
        Added to the places of the template's image before the matrix; beyond its edges the
        nearest value holds.
    """

    kind: str
    matrix: np.ndarray
    flow: np.ndarray | None = None

    def sources(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns in the session for places of the common field, float32."""
        rows, cols = np.asarray(rows, np.float32), np.asarray(cols, np.float32)
        if self.flow is not None:
            height, width = self.flow.shape[:2]
            at = np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)
            added = cv2.remap(self.flow, at[1], at[0], cv2.INTER_LINEAR)
            added = added.reshape(*rows.shape, 2)
            rows, cols = rows + added[..., 0], cols + added[..., 1]
        m = self.matrix.astype(np.float32)
        return m[0, 0] * rows + m[0, 1] * cols + m[0, 2], m[1, 0] * rows + m[1, 1] * cols + m[1, 2]

    @property
    def reach_px(self) -> float:
        """Largest part of the flow, px."""
        return 0.0 if self.flow is None else float(np.abs(self.flow).max())

    @property
    def forward(self) -> np.ndarray:
        """Matrix (2, 3) from the session to the common field, without the flow."""
        turn = np.linalg.inv(self.matrix[:, :2])
        return np.column_stack([turn, -turn @ self.matrix[:, 2]])

    @property
    def rotation_deg(self) -> float:
        """Angle by which the session's content is turned, columns towards rows, in degrees."""
        turn = self.forward[:, :2]
        return float(np.rad2deg(np.arctan2(turn[0, 1] - turn[1, 0], turn[0, 0] + turn[1, 1])))

    def shift_px(self, shape: tuple[int, int]) -> np.ndarray:
        """Return by how much the middle of the session's image moves, (rows, columns) px."""
        middle = (np.array(shape) - 1) / 2
        return self.forward @ [*middle, 1.0] - middle


IDENTITY = Transform("translation", np.eye(2, 3))


def translation(shift: np.ndarray) -> Transform:
    """Return the transform that moves a session's content by (rows, columns) px."""
    return Transform("translation", np.column_stack([np.eye(2), -np.asarray(shift, float)]))


def moved_image(
    image: np.ndarray, transform: Transform, frame: tuple[int, int, int, int]
) -> np.ndarray:
    """Return a session's image as the common field shows it, NaN where it saw nothing.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        In the session's own places.
    transform : Transform
        Of the session.
    frame : tuple of int
        Top, left, height and width in px of the part of the common field that is wanted.

    Returns
    -------
    ndarray of float32, shape (height, width) of the frame
    """
    top, left, height, width = frame
    grid = np.mgrid[top : top + height, left : left + width].astype(np.float32)
    rows, cols = transform.sources(*grid)
    moved = cv2.remap(image.astype(np.float32), cols, rows, cv2.INTER_LINEAR)
    moved[~_inside(rows, cols, image.shape)] = np.nan
    return moved


def _inside(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (rows >= 0) & (rows <= shape[0] - 1) & (cols >= 0) & (cols <= shape[1] - 1)


def frame_around(transforms: list[Transform], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the smallest frame that holds all sessions."""
    corners = np.array([[r, c, 1.0] for r in (0, shape[0] - 1) for c in (0, shape[1] - 1)])
    reach = np.concatenate(
        [corners @ t.forward.T + sign * t.reach_px for t in transforms for sign in (-1, 1)]
    )
    low, high = np.floor(reach.min(axis=0)).astype(int), np.ceil(reach.max(axis=0)).astype(int)
    return int(low[0]), int(low[1]), *(int(n) for n in high - low + 1)


def moved_footprints(
    A: sparse.csr_array,
    shape: tuple[int, int],
    transform: Transform,
    frame: tuple[int, int, int, int],
) -> sparse.csr_array:
    """Return footprints as the common field shows them.

    Parameters
    ----------
    A : csr_array of float32, shape (unit_id, pixel)
        In the session's image; an empty one stays empty.
    shape : tuple of int
        Height and width of the session's image, px.
    transform : Transform
        Of the session.
    frame : tuple of int
        Top, left, height and width in px of the part of the common field.

    Returns
    -------
    csr_array of float32, shape (unit_id, pixel of the frame)

    Notes
    -----
    Each footprint is interpolated within its own box, never the whole image.
    """
    top, left, height, width = frame
    turn, offset = transform.forward[:, :2], transform.forward[:, 2]
    reach = transform.reach_px + 1
    rows_of_units = []
    for k in range(A.shape[0]):
        start, stop = A.indptr[k : k + 2]
        at = np.divmod(A.indices[start:stop], shape[1])
        if stop == start:
            rows_of_units.append((at[0], A.data[start:stop]))
            continue
        low = np.array([axis.min() for axis in at]) - 1
        high = np.array([axis.max() for axis in at]) + 1
        box = np.zeros(high - low + 1, dtype=np.float32)
        box[at[0] - low[0], at[1] - low[1]] = A.data[start:stop]
        corners = np.array([[r, c] for r in (low[0], high[0]) for c in (low[1], high[1])])
        corners = corners @ turn.T + offset
        first = np.maximum(np.floor(corners.min(axis=0) - reach).astype(int), [top, left])
        last = np.ceil(corners.max(axis=0) + reach).astype(int)
        last = np.minimum(last, [top + height - 1, left + width - 1])
        if (last < first).any():
            rows_of_units.append((at[0][:0], A.data[:0]))
            continue
        grid = np.mgrid[first[0] : last[0] + 1, first[1] : last[1] + 1]
        rows, cols = transform.sources(*grid)
        values = cv2.remap(box, cols - np.float32(low[1]), rows - np.float32(low[0]),
                           cv2.INTER_LINEAR)  # fmt: skip
        kept = values > FAINT * box.max()
        pixels = (grid[0][kept] - top) * width + grid[1][kept] - left
        rows_of_units.append((pixels, values[kept]))
    return from_rows(rows_of_units, height * width)
