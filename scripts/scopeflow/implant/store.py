"""The store of a recording's synthetic cells, ``implants.zarr``."""

import numpy as np
import zarr

from scopeflow.footprints import write_footprints
from scopeflow.implant.draw import Implants
from scopeflow.movie import put_unit_ids
from scopeflow.stores import put

COLUMNS = {
    "level": "1", "amplitude": "counts", "neighbour_px": "px", "tau_decay_s": "s",
    "tau_rise_s": "s",
}  # fmt: skip


def write_implants(
    out: zarr.Group, implants: Implants, motion: np.ndarray, shape: tuple[int, int]
) -> None:
    """Write what an analysis should find of the synthetic cells.

    Parameters
    ----------
    out : zarr.Group
        Empty.
    implants : Implants
        The cells.
    motion : ndarray of float, shape (frame, 2)
        Correction of the image that they were placed in, px.
    shape : tuple of int
        (height, width) of the image.
    """
    A, peaks = implants.footprints(shape)
    put_unit_ids(out, np.arange(len(peaks)))
    write_footprints(out, A, shape)
    put(out, "C", implants.C * peaks[:, None], ("unit_id", "frame"), units="counts",
        long_name="at the peak pixel")  # fmt: skip
    put(out, "S", implants.S * peaks[:, None], ("unit_id", "frame"), units="counts",
        long_name="height of the transient that starts at the frame")  # fmt: skip
    put(out, "motion", motion, ("frame", "shift_dim"), units="px",
        long_name="correction of the image that the cells were placed in")  # fmt: skip
    for name, unit in COLUMNS.items():
        put(out, name, getattr(implants, name), ("unit_id",), units=unit)
