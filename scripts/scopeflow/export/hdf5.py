"""One file in plain HDF5, for MATLAB, Octave and all else that reads it.

MATLAB shows the dimensions of an HDF5 data set in reverse. Arrays are therefore written so
that MATLAB has C as (unit_id, frame) and A as (height, width, unit_id).
"""

import json
from pathlib import Path

import h5py
import numpy as np

from scopeflow.export.dictionary import COLUMN_WORDS
from scopeflow.export.source import FOOTPRINT_CHUNK, FRAMES_AT_ONCE, TRACES, Source

COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def write_hdf5(source: Source, path: Path) -> None:
    """Write traces, footprints and all else of a store of units to one file."""
    with h5py.File(path, "w") as file:
        file.attrs["session"] = source.attrs["session"]
        file.attrs["variant"] = source.attrs["variant"]
        file.attrs["package_version"] = source.attrs["package_version"]
        for name in ("parameters", "computed_by", "lineage", "curation", "conventions"):
            file.attrs[name] = json.dumps(source.attrs.get(name, {}))
        for name, value in {
            "n_units": source.n_units,
            "n_frames": source.n_frames,
            "height_px": source.shape[0],
            "width_px": source.shape[1],
            "fps_hz": source.fps_hz,
        }.items():
            file[name] = np.float64(value)
        for name in TRACES:
            _write_traces(source, file, name)
        _write_footprints(source, file)
        for name, dims in SMALL.items():
            if name in source.group:
                values = source.group[name][...]
                _put(file, name, values.T, dims[::-1], source.group[name].attrs.get("units", "1"))
        for name, (values, unit) in source.columns.items():
            _put(file, name, values, ("unit_id",), unit)
            file[name].attrs["meaning"] = COLUMN_WORDS.get(name, "")


# Further arrays and their dimensions as MATLAB shows them.
SMALL = {
    "unit_id": ("unit_id",),
    "time_s": ("frame",),
    "frame_good": ("frame",),
    "f": ("frame",),
    "g": ("unit_id", "lag"),
    "motion": ("frame", "shift_dim"),
    "orientation": ("frame", "quaternion"),
    "b": ("height", "width"),
    "glow": ("height", "width"),
    "max_proj": ("height", "width"),
}


def _put(file: h5py.File, name: str, values: np.ndarray, dims: tuple[str, ...], unit: str) -> None:
    file.create_dataset(name, data=values)
    _describe(file[name], dims, unit)


def _describe(data: h5py.Dataset, dims: tuple[str, ...], unit: str) -> None:
    data.attrs["units"] = unit
    data.attrs["dims"] = ", ".join(dims)
    data.attrs["dims_in_matlab"] = ", ".join(reversed(dims))


def _create(file: h5py.File, name: str, shape: tuple, chunks: tuple) -> h5py.Dataset:
    """Create a data set, which cannot be chunked or compressed where it is empty."""
    how = {"chunks": chunks, **COMPRESSION} if all(shape) else {}
    return file.create_dataset(name, shape=shape, dtype=np.float32, **how)


def _write_traces(source: Source, file: h5py.File, name: str) -> None:
    shape = (source.n_frames, source.n_units)
    data = _create(file, name, shape, (min(shape[0], FRAMES_AT_ONCE), min(shape[1], 16)))
    _describe(data, ("frame", "unit_id"), "counts")
    for units in source.units():
        for frames in source.frames():
            data[frames, units] = source.group[name][units, frames].T


def _write_footprints(source: Source, file: h5py.File) -> None:
    height, width = source.shape
    chunks = 1, min(width, FOOTPRINT_CHUNK), min(height, FOOTPRINT_CHUNK)
    data = _create(file, "A", (source.n_units, width, height), chunks)
    _describe(data, ("unit_id", "width", "height"), "1")
    for box in source.boxes():
        data[box.unit, box.cols, box.rows] = box.values.T
