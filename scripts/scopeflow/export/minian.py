"""A dataset as Minian writes it, so that notebooks made for Minian go on working.

Minian keeps each array in a zarr store of its own (format 2, a group with the array and its
coordinates), and merges all stores of a folder by their coordinates when it opens them.
"""

from collections.abc import Callable
from pathlib import Path

import numcodecs
import numpy as np
import zarr

from scopeflow.deconvolve import roots
from scopeflow.export.source import FRAMES_AT_ONCE, UNITS_AT_ONCE, Source

SHIFT_DIMS = ("height", "width")
FOOTPRINTS_AT_ONCE = 16


def write_minian(source: Source, folder: Path) -> None:
    """Write a store of units as a Minian dataset.

    Parameters
    ----------
    source : Source
        What to write.
    folder : Path
        Made here; holds one store for each array.
    """
    folder.mkdir()
    units, frames = source.n_units, source.n_frames
    height, width = source.shape
    images, traces = (UNITS_AT_ONCE, FRAMES_AT_ONCE), ("unit_id", "frame")

    A = _create(source, folder, "A", ("unit_id", *SHIFT_DIMS), (FOOTPRINTS_AT_ONCE, height, width))
    for start in range(0, units, FOOTPRINTS_AT_ONCE):
        block = slice(start, min(start + FOOTPRINTS_AT_ONCE, units))
        A[block] = source.group["A"][block]
    decay = _decays(source)
    values: dict[str, Callable[[slice, slice], np.ndarray]] = {
        "C": lambda k, t: source.group["C"][k, t],
        "S": lambda k, t: source.group["S"][k, t] / source.group["s_scale"][k][:, None],
        "YrA": lambda k, t: source.group["YrA"][k, t],
        "b0": lambda k, t: np.tile(source.group["b0"][k][:, None], (1, t.stop - t.start)),
        "c0": lambda k, t: source.group["c0"][k][:, None] * decay[k, None] ** np.arange(frames)[t],
    }
    for name, value in values.items():
        array = _create(source, folder, name, traces, images)
        for k in source.units():
            for t in source.frames():
                array[k, t] = value(k, t)
    for name, dims in {
        "b": SHIFT_DIMS, "f": ("frame",), "motion": ("frame", "shift_dim"), "max_proj": SHIFT_DIMS,
    }.items():  # fmt: skip
        stored = source.group[name]
        _create(source, folder, name, dims, stored.shape)[...] = stored[...]


def _decays(source: Source) -> np.ndarray:
    """Return the largest root of each unit's model, by which `c0` decays from frame to frame."""
    slow = np.array([roots(g)[0] for g in source.group["g"][:]], dtype=np.float64)
    return np.clip(np.nan_to_num(slow), 0, 1)


def _create(
    source: Source, folder: Path, name: str, dims: tuple[str, ...], chunks: tuple[int, ...]
) -> zarr.Array:
    """Create the store of one array with its coordinates, as xarray reads them.

    xarray takes the fill value of format 2 for "missing", so that it must be none of the values.
    """
    group = zarr.open_group(folder / f"{name}.zarr", mode="w", zarr_format=2)
    coordinates = _coordinates(source, dims)
    for key, (of, values) in coordinates.items():
        array = group.create_array(
            key, shape=values.shape, dtype=values.dtype, fill_value=None,
            chunks=_fitting(values.shape, values.shape),
        )  # fmt: skip
        array.attrs["_ARRAY_DIMENSIONS"] = list(of)
        if values.size:
            array[...] = values
    sizes = {"shift_dim": 2, "frame": source.n_frames, "unit_id": source.n_units,
             **dict(zip(SHIFT_DIMS, source.shape, strict=True))}  # fmt: skip
    shape = tuple(sizes[dim] for dim in dims)
    data = group.create_array(
        name, shape=shape, dtype=np.float32, chunks=_fitting(chunks, shape), fill_value=np.nan,
        compressors=numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE),
    )  # fmt: skip
    others = [key for key in coordinates if key not in dims]
    data.attrs.update({"_ARRAY_DIMENSIONS": list(dims), "coordinates": " ".join(others)})
    zarr.consolidate_metadata(group.store, path=group.path)
    return data


def _fitting(chunks: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(min(c, n), 1) for c, n in zip(chunks, shape, strict=True))


def _coordinates(source: Source, dims: tuple[str, ...]) -> dict[str, tuple[tuple, np.ndarray]]:
    """Return dimensions and values of the coordinates that an array of such dimensions has."""
    height, width = source.shape
    accepted = source.group["accepted"][:] if "accepted" in source.group else 1
    by_dim = {
        "unit_id": source.unit_id,
        "frame": np.arange(source.n_frames),
        "height": np.arange(height),
        "width": np.arange(width),
        "shift_dim": np.array(SHIFT_DIMS),
    }
    found = {dim: ((dim,), by_dim[dim]) for dim in dims}
    if "unit_id" in dims:
        labels = np.where(accepted, source.unit_id, -1).astype(np.int64)
        found["unit_labels"] = (("unit_id",), labels)
    for key in ("animal", "session"):
        found[key] = ((), np.array(str(source.session.get(key, ""))))
    return found
