"""Labels that a person gave to units, and the units after them."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zarr
from scipy import sparse
from scipy.sparse import csgraph

from scopeflow.errors import InputError
from scopeflow.footprints import centroids, read_footprints
from scopeflow.intact import open_store
from scopeflow.logs import logger
from scopeflow.merge import rank_one
from scopeflow.noise import trace_noise
from scopeflow.quality import diameters, signal_to_noise
from scopeflow.stores import COMPRESSOR, create

COLUMNS = ("unit_id", "label", "merge_into")
LABELS = ("accept", "reject", "")  # an empty one accepts


@dataclass(frozen=True)
class Labels:
    """What shall become of the units.

    Attributes
    ----------
    rejected : list of int
        Units to leave out.
    merged : dict of list of int
        By surviving unit: all units that it is made of, itself first.
    accepted : list of int
        Units that a person accepted, whatever the criteria say.
    """

    rejected: list[int] = field(default_factory=list)
    merged: dict[int, list[int]] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)


def read_labels(path: str | Path, unit_id: np.ndarray) -> Labels:
    """Read and check a table of labels.

    Parameters
    ----------
    path : str or Path
        CSV (commas, semicolons or tabs) with the columns ``unit_id``, ``label`` and, if
        units are to be merged, ``merge_into``. Units without a row are kept.
    unit_id : ndarray of int, shape (unit_id,)
        The units that there are.

    Raises
    ------
    InputError
        With one line for each fault.
    """
    rows = _read_rows(Path(path))
    known = set(unit_id.tolist())
    faults, rejected, accepted, targets = [], [], [], {}
    seen = set()
    for number, row in rows:
        where = f"{path}, row {number}"
        unit, label, target = (row.get(column, "").strip() for column in COLUMNS)
        label = label.lower()
        if not unit.isdigit() or int(unit) not in known:
            faults.append(f"{where}: there is no unit {unit!r}; allowed: {_some(known)}.")
        elif int(unit) in seen:
            faults.append(f"{where}: unit {unit} has a row already. Remove one.")
        elif label not in LABELS:
            faults.append(f"{where}: label is {label!r}; allowed: accept, reject.")
        elif target and (not target.isdigit() or int(target) not in known or target == unit):
            faults.append(f"{where}: merge_into is {target!r}; allowed: another unit, or nothing.")
        elif target and label == "reject":
            faults.append(f"{where}: unit {unit} is rejected and merged. Choose one.")
        elif target:
            targets[int(unit)] = int(target)
        elif label == "reject":
            rejected.append(int(unit))
        elif label == "accept":
            accepted.append(int(unit))
        if unit.isdigit():
            seen.add(int(unit))
    for unit, target in targets.items():
        if target in rejected or target in targets:
            fate = "rejected" if target in rejected else "itself merged into another"
            faults.append(f"{path}: unit {unit} is merged into {target}, which is {fate}.")
    if faults:
        raise InputError("\n".join(faults))
    merged: dict[int, list[int]] = {}
    for unit, target in sorted(targets.items()):
        merged.setdefault(target, [target]).append(unit)
    return Labels(sorted(rejected), merged, sorted(accepted))


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (number of the line, values by column) of every row that is not blank."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8. Save it as CSV in UTF-8.") from None
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    table = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    columns = table[0] if table else []
    for column in COLUMNS[:2]:
        if column not in columns:
            raise InputError(
                f"{path}: column {column} is missing; found: {', '.join(columns) or 'nothing'}. "
                "The first row must name the columns unit_id, label and, if needed, merge_into."
            )
    return [
        (number, dict(zip(columns, cells, strict=False)))
        for number, cells in enumerate(table[1:], start=2)
        if any(cells)
    ]


def _some(units: set[int]) -> str:
    names = [str(unit) for unit in sorted(units)]
    return ", ".join(names[:8]) + (f" ... {names[-1]}" if len(names) > 8 else "") or "none"


def write_curated(source: str | Path, target: Path, labels: Labels) -> None:
    """Write a store of units after the labels, in the form of the one before them.

    Parameters
    ----------
    source : str or Path
        Store of units; not changed.
    target : Path
        Store to write.
    labels : Labels
        Of `read_labels`; empty ones copy every unit.
    """
    before = open_store(source)
    unit_id = before["unit_id"][:]
    gone = [*labels.rejected, *(m for group in labels.merged.values() for m in group[1:])]
    kept = np.flatnonzero(~np.isin(unit_id, gone))
    rows = _merged_rows(before, source, labels)
    for unit in {*labels.accepted, *labels.merged} - {*gone}:
        rows.setdefault(unit, {})["accepted"] = 1
    after = create(target, **_attributes(dict(before.attrs), labels))
    for name in before.array_keys():
        array = before[name]
        by_unit = array.metadata.dimension_names[:1] == ("unit_id",)
        n = len(kept) if by_unit else array.shape[0]
        copy = after.create_array(
            name,
            shape=(n, *array.shape[1:]),
            dtype=array.dtype,
            chunks=array.chunks,
            compressors=COMPRESSOR,
            dimension_names=array.metadata.dimension_names,
        )
        copy.attrs.update(dict(array.attrs))
        for start in range(0, n, array.chunks[0]):
            block = slice(start, min(start + array.chunks[0], n))
            if not by_unit:
                copy[block] = array[block]
                continue
            values = array.oindex[kept[block]]
            for i, unit in enumerate(unit_id[kept[block]].tolist()):
                if unit in rows:
                    values[i] = rows[unit].get(name, values[i])
            copy[block] = values


def _attributes(attrs: dict, labels: Labels) -> dict:
    """Return the attributes, with what was done and the lineage of merged units."""
    lineage = {k: list(v) for k, v in attrs.get("lineage", {}).items()}
    for survivor, group in labels.merged.items():
        lineage[str(survivor)] = sorted(
            {label for m in group for label in lineage.pop(str(m), [m])}
        )
    done = {
        "rejected": labels.rejected,
        "merged": {str(survivor): group for survivor, group in labels.merged.items()},
    }
    return {**attrs, "lineage": lineage, "curation": done}


def _merged_rows(before: zarr.Group, path: str | Path, labels: Labels) -> dict[int, dict]:
    """Return, by surviving unit, the values that its merge changes, by name."""
    if not labels.merged:
        return {}
    A, shape = read_footprints(path)
    unit_id, fps_hz = before["unit_id"][:], before.attrs["fps_hz"]
    position = {unit: k for k, unit in enumerate(unit_id.tolist())}
    rows = {}
    for survivor, group in labels.merged.items():
        members = np.array([position[unit] for unit in group])
        traces = {name: before[name].oindex[members] for name in ("C", "S", "YrA")}
        if len(groups_of_touching(A[members])) > 1:
            logger.warning("units %s are merged, but do not all touch each other", group)
        footprint, mix = merge_of(A[members], traces["C"])
        row = {name: mix @ values for name, values in traces.items()}
        row |= {name: mix @ before[name].oindex[members] for name in ("b0", "c0")}
        row["A"] = footprint.reshape(shape)
        # The rule temporal_update measures the noise in this band, too.
        row["sigma"] = trace_noise(row["YrA"][None], fps_hz, fps_hz / 4)[0]
        row["snr"] = signal_to_noise(row["C"][None], row["sigma"][None])[0]
        row["spatial_r"] = np.nan  # would need the movie
        one = sparse.csr_array(footprint[None])
        row["size_px"], row["diameter_px"] = one.nnz, diameters(one)[0]
        row["centroid_height"], row["centroid_width"] = centroids(one, shape)[0]
        rows[survivor] = row
    return rows


def groups_of_touching(A: sparse.csr_array) -> list[np.ndarray]:
    """Return the groups of units that are linked by shared pixels, single ones included."""
    labels = csgraph.connected_components(A @ A.T, directed=False)[1]
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def merge_of(A: sparse.csr_array, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the footprint of a merged group, and the weights of its members' traces.

    Parameters
    ----------
    A : csr_array of float32, shape (member, pixel)
        Footprints.
    C : ndarray of float32, shape (member, frame)
        Calcium traces.

    Returns
    -------
    footprint : ndarray of float32, shape (pixel,)
        Largest value 1.
    mix : ndarray of float64, shape (member,)
        The merged unit's trace is ``mix @ C``, and so for every trace and level that is
        linear in the movie (S as far as the members share their kinetics).

    Notes
    -----
    The same rank-one approximation as that of the rule ``merge``.
    """
    exact = C.astype(np.float64)
    products = exact @ exact.T if C.any() else np.ones((len(C), len(C)))
    footprint, mix = rank_one(A, products)
    return footprint.astype(np.float32), mix
