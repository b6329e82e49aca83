"""Reading what the report shows from the stores of a session, a block of units at a time."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.movie import unit_blocks
from scopeflow.quality import QUALITY
from scopeflow.report.footprint_maps import Maps, maps_of
from scopeflow.report.unit_data import TracePacker, outlines_of
from scopeflow.stores import read
from scopeflow.unit_ends import Round, read_rounds

COLUMNS = [
    *QUALITY, "sigma", "b0", "c0", "tau_decay_s", "tau_rise_s", "accepted", "centroid_height",
    "centroid_width",
]  # fmt: skip


@dataclass(frozen=True)
class Iterations:
    """The way from the first footprints to the last.

    Attributes
    ----------
    maps : dict of Maps
        Footprints after each step, by its name.
    first : ndarray of int
        Labels of the first footprints.
    rounds : list of Round
    places : dict
        Columns and rows of the last outline of every unit that is not in the result.
    """

    maps: dict[str, Maps]
    first: np.ndarray
    rounds: list[Round]
    places: dict[int, tuple[np.ndarray, np.ndarray]]


def read_iterations(
    initialize: str, spatial: list[str], temporal: list[str], merges: list[str], last: np.ndarray
) -> Iterations:
    """Read footprints and labels of every step.

    Parameters
    ----------
    initialize : str
        Store of the first footprints.
    spatial, temporal, merges : list of str
        Stores of the iterations, in order; the last one has no merge.
    last : ndarray of int
        Labels of the units after curation.
    """
    A, shape = read_footprints(initialize)
    first = read(initialize, "unit_id")
    maps = {"initialize": maps_of(A, shape)}
    places = _places(A, first, last, shape)
    for i, path in enumerate(spatial, start=1):
        A, shape = read_footprints(path)
        maps[f"spatial {i}"] = maps_of(A, shape)
        places |= _places(A, read(path, "unit_id"), last, shape)
    return Iterations(maps, first, read_rounds(spatial, temporal, merges), places)


def _places(A, unit_id, last, shape) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    gone = np.flatnonzero(~np.isin(unit_id, last))
    xs, ys = outlines_of(A[gone], shape)
    return {int(unit_id[k]): (x, y) for k, x, y in zip(gone, xs, ys, strict=True) if len(x)}


def read_units(path: str, curation: dict) -> pd.DataFrame:
    """Read the columns of the units; ``label`` and ``parts`` where a person or a merge acted.

    Parameters
    ----------
    path : str
        ``units.zarr``.
    curation : dict
        ``rejected``, ``merged`` and ``split`` of ``curated.zarr``.
    """
    group = open_store(path)
    units = pd.DataFrame({"unit_id": group["unit_id"][:]})
    for name in COLUMNS:
        units[name] = group[name][:]
    units["accepted"] = units["accepted"].astype(np.int32)
    units["unit_id"] = units["unit_id"].astype(np.int32)
    units["g0"], units["g1"] = group["g"][:].reshape(-1, 2).T
    if any(curation.get(what) for what in ("rejected", "merged", "split")):
        units["label"] = [_label(unit, curation) for unit in units["unit_id"].tolist()]
    lineage = group.attrs.get("lineage", {})
    if lineage:
        parts = (lineage.get(str(unit), []) for unit in units["unit_id"])
        units["parts"] = [", ".join(map(str, labels)) for labels in parts]
    return units


def _label(unit: int, curation: dict) -> str:
    if unit in curation.get("rejected", []):
        return "rejected"
    if str(unit) in curation.get("split", {}):
        return "split into {} and {}".format(*curation["split"][str(unit)])
    for survivor, members in curation.get("merged", {}).items():
        if unit in members:
            return f"merged into {survivor}" if unit != int(survivor) else "merged"
    return "kept"


def read_traces(path: str, units: pd.DataFrame) -> tuple[TracePacker, np.ndarray]:
    """Pack the traces of all units; also return how often events start, in Hz.

    Parameters
    ----------
    path : str
        ``units.zarr``.
    units : DataFrame
        Of `read_units`.
    """
    group = open_store(path)
    time_s, fps_hz = group["time_s"][:], float(group.attrs["fps_hz"])
    packer = TracePacker(len(units), time_s, fps_hz)
    duration_s = max(group["frame_good"][:].sum() / fps_hz, 1e-9)
    rates = np.zeros(len(units))
    longest = float(units["tau_decay_s"].max()) if len(units) else 0.0
    for block in unit_blocks(len(units)):
        S = group["S"][block]
        starts = np.diff(S > 0, axis=1, prepend=False) & (S > 0)
        rates[block] = starts.sum(axis=1) / duration_s
        columns = {name: units[name].to_numpy()[block] for name in
                   ("b0", "c0", "sigma", "tau_decay_s")}  # fmt: skip
        columns["g"] = units[["g0", "g1"]].to_numpy()[block]
        packer.add(group["YrA"][block], group["C"][block], S, columns, longest)
    return packer, rates
