"""The units after a person's labels: left out, merged, split, and how that is recorded."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zarr
from scipy import sparse
from scipy.sparse import csgraph

from scopeflow.filters import default_cutoff_hz
from scopeflow.footprints import read_footprints
from scopeflow.intact import open_store
from scopeflow.labels import Labels
from scopeflow.logs import logger
from scopeflow.merge import rank_one
from scopeflow.movie import Movie
from scopeflow.noise import trace_noise
from scopeflow.patches import PATCH_DIAMETERS
from scopeflow.quality import signal_to_noise
from scopeflow.remake import Model, fitted, pieces, read_again, shape_numbers, split_by_activity
from scopeflow.stores import create, create_array

PENALTY = 2.0  # default of temporal.sparse_penalty


@dataclass
class Changes:
    """What becomes of the units.

    Attributes
    ----------
    gone : list of int
        Units that are left out.
    rows : dict of dict
        By unit: the values that change, by name.
    added : dict of int
        By new unit: the unit whose other values it takes over.
    split : dict of list of int
        By split unit: both that it became.
    not_split : list of int
        Units labelled split that stayed whole.
    refitted : bool
        Whether traces were read from the movie again.
    """

    gone: list[int] = field(default_factory=list)
    rows: dict[int, dict] = field(default_factory=dict)
    added: dict[int, int] = field(default_factory=dict)
    split: dict[int, list[int]] = field(default_factory=dict)
    not_split: list[int] = field(default_factory=list)
    refitted: bool = False


def write_curated(
    source: str | Path, target: Path, labels: Labels, movie: Movie | None = None
) -> Changes:
    """Write a store of units after the labels, in the form of the one before them.

    Parameters
    ----------
    source : str or Path
        Store of units; not changed.
    target : Path
        Store to write.
    labels : Labels
        Of `read_labels`; empty ones copy every unit.
    movie : Movie, optional
        The motion-corrected movie: merged units are read from it again. Without it their
        traces are mixed from those of their members, and no unit can be split.

    Returns
    -------
    Changes
        What was done.
    """
    before = open_store(source)
    unit_id = before["unit_id"][:].tolist()
    changes = changes_of(before, source, labels, movie)
    position = {unit: k for k, unit in enumerate(unit_id)}
    kept = [unit for unit in unit_id if unit not in {*changes.gone}] + sorted(changes.added)
    origin = np.array([position[changes.added.get(unit, unit)] for unit in kept], dtype=np.int64)
    attributes = _attributes(dict(before.attrs), labels, changes)
    if not (changes.gone or changes.rows or changes.added):
        hidden = shutil.ignore_patterns(".*")  # Snakemake's mark of when it was made
        shutil.copytree(source, target, copy_function=shutil.copyfile, ignore=hidden)
        zarr.open_group(target, mode="r+").attrs.put(attributes)
        return changes
    after = create(target, **attributes)
    for name in before.array_keys():
        array = before[name]
        by_unit = array.metadata.dimension_names[:1] == ("unit_id",)
        n = len(kept) if by_unit else array.shape[0]
        dims = array.metadata.dimension_names
        shape = n, *array.shape[1:]
        copy = create_array(after, name, shape, array.dtype, array.chunks, dims, **array.attrs)
        for start in range(0, n, array.chunks[0]):
            block = slice(start, min(start + array.chunks[0], n))
            if not by_unit:
                copy[block] = array[block]
                continue
            values = array.oindex[origin[block]]
            for i, unit in enumerate(kept[block]):
                if unit in changes.rows:
                    values[i] = changes.rows[unit].get(name, values[i])
            copy[block] = values
    return changes


def _attributes(attrs: dict, labels: Labels, changes: Changes) -> dict:
    """Return the attributes, with what was done and the lineage of merged and split units."""
    lineage = {k: list(v) for k, v in attrs.get("lineage", {}).items()}
    for survivor, group in labels.merged.items():
        lineage[str(survivor)] = sorted(
            {label for m in group for label in lineage.pop(str(m), [m])}
        )
    for unit, parts in changes.split.items():
        old = lineage.get(str(unit), [unit])
        lineage |= {str(part): old for part in parts}
    done = {
        "rejected": labels.rejected,
        "merged": {str(survivor): group for survivor, group in labels.merged.items()},
        "split": {str(unit): parts for unit, parts in changes.split.items()},
        "not_split": changes.not_split,
        "refitted": changes.refitted,
    }
    return {**attrs, "lineage": lineage, "curation": done}


def changes_of(
    before: zarr.Group, path: str | Path, labels: Labels, movie: Movie | None
) -> Changes:
    """Return what labels make of the units of a store."""
    merged = [m for group in labels.merged.values() for m in group[1:]]
    changes = Changes([*labels.rejected, *merged])
    if labels.merged or labels.split:
        A, shape = read_footprints(path)
        _merge(before, A, shape, labels, changes)
        if movie is None:
            changes.not_split = list(labels.split)
        else:
            _split(before, A, shape, labels, movie, changes)
            _refit(before, A, shape, movie, changes)
    for unit in {*labels.accepted, *changes.rows} - {*changes.gone}:
        changes.rows.setdefault(unit, {})["accepted"] = 1
    return changes


def model_of(attrs: dict) -> Model:
    """Return how a store's traces were read and fitted, by the settings it was made with."""
    settings = attrs["parameters"]
    traces, temporal = settings.get("traces", {}), settings.get("temporal", {})
    radius = traces.get("patch_radius_px") or PATCH_DIAMETERS * settings["cell_diameter_px"]
    cutoff = temporal.get("noise_cutoff_hz") or default_cutoff_hz(attrs["fps_hz"])
    penalty = temporal.get("sparse_penalty")
    return Model(radius, cutoff, PENALTY if penalty is None else penalty)


def _merge(before, A: sparse.csr_array, shape, labels: Labels, changes: Changes) -> None:
    """Give every survivor the footprint of its group, and traces mixed from its members."""
    unit_id, fps_hz = before["unit_id"][:], before.attrs["fps_hz"]
    position = {unit: k for k, unit in enumerate(unit_id.tolist())}
    for survivor, group in labels.merged.items():
        members = np.array([position[unit] for unit in group])
        traces = {name: before[name].oindex[members] for name in ("C", "S", "YrA")}
        if len(groups_of_touching(A[members])) > 1:
            logger.warning("units %s are merged, but do not all touch each other", group)
        footprint, mix = merge_of(A[members], traces["C"])
        row = {name: mix @ values for name, values in traces.items()}
        row |= {name: mix @ before[name].oindex[members] for name in ("b0", "c0")}
        # The rule temporal_update measures the noise in this band, too.
        row["sigma"] = trace_noise(row["YrA"][None], fps_hz, fps_hz / 4)[0]
        row["snr"] = signal_to_noise(row["C"][None], row["sigma"][None])[0]
        changes.rows[survivor] = row | shape_numbers(footprint, shape)


def _split(before, A: sparse.csr_array, shape, labels: Labels, movie, changes: Changes) -> None:
    """Make two of every unit labelled so; the larger keeps the number."""
    unit_id = before["unit_id"][:].tolist()
    step = step_of_splits(before)
    radius = model_of(before.attrs).radius_px
    places = [unit_id.index(unit) for unit in labels.split]
    whole = [k for k in places if len(pieces(A[[k]].toarray().reshape(shape))) < 2]
    by_activity = split_by_activity(whole, A, before["C"], shape, movie, radius)
    for unit, k in zip(labels.split, places, strict=True):
        parts = next(by_activity) if k in whole else pieces(A[[k]].toarray().reshape(shape))
        if len(parts) < 2:
            changes.not_split.append(unit)
            continue
        new = step + unit
        changes.added[new], changes.split[unit] = unit, [unit, new]
        for label, part in zip((unit, new), parts, strict=True):
            part = (part.ravel() / part.max()).astype(np.float32)
            changes.rows[label] = {"unit_id": label, **shape_numbers(part, shape)}


def step_of_splits(before: zarr.Group) -> int:
    """Return what the second part of a split adds to its unit's number.

    The power of ten above all numbers that units have or had: the number of a part depends on
    its own unit alone, tells which one that is, and is never another unit's.
    """
    old = [label for members in before.attrs.get("lineage", {}).values() for label in members]
    return 10 ** len(str(max([*before["unit_id"][:].tolist(), *old], default=0)))


def _refit(before, A: sparse.csr_array, shape, movie: Movie, changes: Changes) -> None:
    """Read the traces of all units made anew from the movie, and fit them."""
    if not changes.rows:
        return
    unit_id = before["unit_id"][:].tolist()
    made, model = list(changes.rows), model_of(before.attrs)
    others = [k for k, unit in enumerate(unit_id) if unit not in {*changes.gone, *made}]
    new = np.stack([changes.rows[unit]["A"].ravel() for unit in made])
    present = sparse.csr_array(sparse.vstack([sparse.csr_array(new), A[others]], format="csr"))
    YrA = read_again(range(len(made)), present, shape, movie, model.radius_px)
    for unit, trace in zip(made, YrA, strict=True):
        g = before["g"][unit_id.index(changes.added.get(unit, unit))]
        changes.rows[unit] |= fitted(trace, g, movie.fps_hz, model)
    changes.refitted = True


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
