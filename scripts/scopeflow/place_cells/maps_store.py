"""The store of a session's maps, ``maps.zarr``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from scopeflow.intact import open_store
from scopeflow.movie import put_unit_ids
from scopeflow.place_cells.arena import LINEAR, Place
from scopeflow.place_cells.maps import Layout
from scopeflow.stores import put


def write_maps(
    out: zarr.Group,
    unit_id: np.ndarray,
    rate: np.ndarray,
    place: Place,
    layout: Layout,
    bin_cm: float,
    trial: np.ndarray,
    time_s: np.ndarray,
) -> None:
    """Write the maps of all cells, and where the animal was in each frame.

    Parameters
    ----------
    out : zarr.Group
        Empty.
    unit_id : ndarray of int, shape (unit_id,)
        Labels.
    rate : ndarray of float32, shape (unit_id, direction, height, width)
        Counts per s.
    place : Place
        Of the animal.
    layout : Layout
        Of the maps.
    bin_cm : float
        Width of a bin.
    trial : ndarray of int64, shape (frame,)
        Number of the trial; -1 outside trials.
    time_s : ndarray of float64, shape (frame,)
        Times of the frames.
    """
    linear = place.track == LINEAR
    dims = ("direction", "place") if linear else ("y", "x")
    occupancy = layout.occupancy[0].reshape(layout.shape)
    occupancy, rate = (occupancy[:, 0], rate[:, :, 0]) if linear else (occupancy[0], rate[:, 0])
    out.attrs.update(
        track=place.track, size_cm=list(place.size_cm), bin_cm=bin_cm, n_trials=layout.n_trials
    )
    put_unit_ids(out, unit_id)
    put(out, "rate", rate, ("unit_id", *dims), units="counts/s",
        long_name="S per second, activity and occupancy smoothed and divided")  # fmt: skip
    put(out, "occupancy_s", occupancy.astype(np.float32), dims, units="s")
    if linear:
        put(out, "direction", np.array([1, -1]), ("direction",), units="1",
            long_name="1: towards the end of the track, -1: back")  # fmt: skip
    for name, n in zip(dims, occupancy.shape, strict=True):
        if name != "direction":
            put(out, name, (np.arange(n) + 0.5) * bin_cm, (name,), units="cm")
    put(out, "time_s", time_s, ("frame",), units="s")
    put(out, "position_cm", place.xy_cm.astype(np.float32), ("frame", "axis"), units="cm")
    put(out, "speed_cm_s", place.speed_cm_s.astype(np.float32), ("frame",), units="cm/s")
    put(out, "bin", layout.bins, ("frame",), units="1",
        long_name="bin of the flattened map, -1 for frames left out")  # fmt: skip
    put(out, "trial", trial, ("frame",), units="1", long_name="-1 outside trials")


@dataclass(frozen=True)
class Maps:
    """Maps of a session, read back.

    Attributes
    ----------
    unit_id : ndarray of int64, shape (unit_id,)
        Labels.
    rate : ndarray of float32, shape (unit_id, direction, height, width)
        Counts per s; NaN in bins hardly visited.
    bin_cm : float
        Width of a bin.
    """

    unit_id: np.ndarray
    rate: np.ndarray
    bin_cm: float


def read_maps(path: str | Path) -> Maps:
    """Read the maps that `write_maps` wrote."""
    group = open_store(path)
    rate = group["rate"][...]
    shape = rate.shape
    four = (shape[0], shape[1], 1, shape[2]) if group.attrs["track"] == LINEAR else (
        shape[0], 1, *shape[1:]
    )  # fmt: skip
    return Maps(group["unit_id"][:], rate.reshape(four), float(group.attrs["bin_cm"]))
