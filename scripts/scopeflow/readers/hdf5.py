"""HDF5 files: a movie under any name, or the one-photon series of an NWB file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from scopeflow.errors import InputError
from scopeflow.readers.arrays import chosen
from scopeflow.readers.base import ArrayReader, checked_shape, frame_dtype, reason

USUAL_NAMES = ("images", "mov", "Y", "movie", "data", "1")
SERIES = ("OnePhotonSeries",)


class Hdf5Reader(ArrayReader):
    """A data set (frame, height, width) of an HDF5 file, read block by block."""

    form = "HDF5"
    name: str

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "Hdf5Reader":
        """Find the movie in a file: `dataset`, a usual name, or the only movie there is."""
        with opened(path) as file:
            name = chosen(_movies(file), dataset, path, USUAL_NAMES)
            data = file[name]
            n_frames, height, width = checked_shape(data.shape, path, f"data set {name}")
            dtype, note = frame_dtype(data.dtype, path)
            reader = cls(
                path=path, height=height, width=width, dtype=dtype, n_stated=n_frames, note=note,
                codec=f"{data.compression or 'raw'} {data.dtype}",
            )  # fmt: skip
            reader.name, reader.chunk = name, (data.chunks or (1,))[0]
        return reader

    @contextmanager
    def _opened(self) -> Iterator[h5py.Dataset]:
        with h5py.File(self.path, "r") as file:
            yield file[self.name]


class NwbReader(ArrayReader):
    """The OnePhotonSeries of an NWB file; its images are (width, height) there."""

    form = "NWB"
    name: str

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "NwbReader":
        """Find the series: the one that `dataset` names, or the only one there is."""
        with opened(path) as file:
            movies = dict(_series(file))
            if dataset is not None:  # its name is enough
                dataset = next((n for n in movies if n.split("/")[-1] == dataset), dataset)
            shapes = {name: _shape(group, path) for name, group in movies.items()}
            name = chosen(shapes, dataset, path, ())
            n_frames, width, height = checked_shape(shapes[name], path, f"series {name}")
            data = movies[name]["data"]
            dtype, note = frame_dtype(data.dtype, path)
            stamps, rate = _clock(movies[name])
            reader = cls(
                path=path, height=height, width=width, dtype=dtype, n_stated=n_frames, note=note,
                fps_hz=rate, stamps_ms=stamps, metadata=_metadata(file),
                codec=f"{data.compression or 'raw'} {data.dtype}",
            )  # fmt: skip
            reader.name, reader.chunk = name, (data.chunks or (1,))[0]
        return reader

    @contextmanager
    def _opened(self) -> Iterator[h5py.Dataset]:
        with h5py.File(self.path, "r") as file:
            yield file[f"{self.name}/data"]

    def _images(self, stored: np.ndarray) -> np.ndarray:
        return stored.transpose(0, 2, 1)


def opened(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises
    ------
    InputError
        If it is not one, or cut short.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{path}: not readable as HDF5 ({reason(error)}). Copy it again, or leave it out by "
            "`pattern`."
        ) from error


def _movies(file: h5py.File) -> dict[str, tuple]:
    found = {}

    def visit(name: str, node) -> None:
        if isinstance(node, h5py.Dataset) and node.ndim == 3 and node.dtype.kind in "iufb":
            found[name] = node.shape

    file.visititems(visit)
    return found


def _series(file: h5py.File) -> Iterator[tuple[str, h5py.Group]]:
    found = []

    def visit(name: str, node) -> None:
        kind = node.attrs.get("neurodata_type")
        kind = kind.decode() if isinstance(kind, bytes) else kind
        if kind in SERIES and isinstance(node, h5py.Group):
            found.append((name, node))

    file.visititems(visit)
    yield from found


def _shape(group: h5py.Group, path: Path) -> tuple[int, ...]:
    if "external_file" in group:
        raise InputError(
            f"{path}: the frames of {group.name} lie in a file of their own, "
            f"{_text(group['external_file'][0])}. Give that file in column path."
        )
    return tuple(group["data"].shape)


def _clock(group: h5py.Group) -> tuple[np.ndarray | None, float | None]:
    """Return time stamps in ms, or the frame rate, as the series has them."""
    if "timestamps" in group:
        return 1000 * group["timestamps"][:].astype(np.float64), None
    rate = group["starting_time"].attrs.get("rate") if "starting_time" in group else None
    return None, float(rate) if rate else None


def _metadata(file: h5py.File) -> dict:
    found = {"software": "NWB"}
    for key, place in {
        "animal": "general/subject/subject_id",
        "start": "session_start_time",
        "experiment": "general/experiment_description",
    }.items():
        if place in file:
            found[key] = _text(file[place][()])
    devices = list(file["general/devices"]) if "general/devices" in file else []
    return {**found, **({"device_name": devices[0]} if devices else {})}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
