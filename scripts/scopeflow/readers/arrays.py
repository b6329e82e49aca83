"""Movies that are stored as arrays: NumPy files and zarr stores."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import zarr

from scopeflow.errors import InputError
from scopeflow.readers.base import ArrayReader, checked_shape, frame_dtype, reason

BLOSC_HEADER = 16  # bytes
ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")
# Of a group without the name that is asked for: what others and we call a movie.
USUAL_NAMES = ("images", "Y", "varr", "mov", "data", "fluorescence")


class NpyReader(ArrayReader):
    """A NumPy file (frame, height, width), mapped into memory."""

    form = "NumPy"

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "NpyReader":
        """Read the header; `dataset` does not concern it."""
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(
                f"{path}: not readable as a NumPy array ({reason(error)}). Write it again with "
                "numpy.save, as an array of numbers (frame, height, width)."
            ) from error
        n_frames, height, width = checked_shape(array.shape, path, "the array")
        dtype, note = frame_dtype(array.dtype, path)
        return cls(
            path=path, height=height, width=width, dtype=dtype, n_stated=n_frames, note=note,
            codec=f"raw {array.dtype}",
        )  # fmt: skip

    def _opened(self) -> AbstractContextManager[np.ndarray]:
        return nullcontext(np.load(self.path, mmap_mode="r"))


class ZarrReader(ArrayReader):
    """An array (frame, height, width) of a zarr store, of format 2 or 3."""

    form = "zarr"
    name: str | None

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "ZarrReader":
        """Find the movie in a store: `dataset`, a usual name, or the only movie there is."""
        try:
            node = zarr.open(path, mode="r")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not readable as a zarr store ({reason(error)}).") from error
        name = None
        if isinstance(node, zarr.Group):
            movies = {key: array.shape for key, array in node.arrays() if array.ndim == 3}
            name = chosen(movies, dataset, path, USUAL_NAMES)
            node = node[name]
        n_frames, height, width = checked_shape(node.shape, path, f"array {name or path.name}")
        dtype, note = frame_dtype(node.dtype, path)
        reader = cls(
            path=path, height=height, width=width, dtype=dtype, n_stated=n_frames, note=note,
            codec=f"zarr {node.dtype}",
        )  # fmt: skip
        reader.name, reader.chunk = name, node.chunks[0]
        return reader

    def _opened(self) -> AbstractContextManager["zarr.Array | BloscArray"]:
        array = zarr.open_array(self.path, path=self.name or "", mode="r")
        codecs = [type(codec).__name__ for codec in array.compressors]
        if codecs in (["BloscCodec"], ["Blosc"]) and array.shards is None:
            return nullcontext(BloscArray(array, self.path / (self.name or "")))
        return nullcontext(array)


@dataclass(frozen=True)
class BloscArray:
    """A zarr array whose chunks are measured before they are unpacked.

    Blosc is not told how long a chunk is. Of one that is cut short it reads on behind the end,
    and gives whatever lies there in memory.

    Attributes
    ----------
    array : zarr.Array
        Each chunk a file, packed by Blosc alone.
    folder : Path
        Where it lies.
    """

    array: zarr.Array
    folder: Path

    def __getitem__(self, frames: slice) -> np.ndarray:
        """Return frames; OSError if a file that they lie in is shorter than its header says."""
        first, *sides = self.array.chunks
        times = range(frames.start // first, -(-frames.stop // first))
        across = (range(-(-n // m)) for n, m in zip(self.array.shape[1:], sides, strict=True))
        for place in product(times, *across):
            path = self.folder / self.array.metadata.encode_chunk_key(place)
            if not path.is_file():  # all of it is the fill value
                continue
            with path.open("rb") as file:
                header = file.read(BLOSC_HEADER)
            length = int.from_bytes(header[12:], "little")  # of the whole chunk, in bytes
            if len(header) < BLOSC_HEADER or path.stat().st_size < length:
                raise OSError(f"{path} is cut short")
        return self.array[frames]


def is_zarr(path: Path) -> bool:
    """Say whether a folder is a zarr store."""
    return any((path / mark).is_file() for mark in ZARR_MARKS)


def chosen(movies: dict, dataset: str | None, path: Path, usual: tuple[str, ...]) -> str:
    """Return the name of the data set to read.

    Parameters
    ----------
    movies : dict
        Shapes by name, of all data sets with three dimensions.
    dataset : str or None
        The name that the user gives.
    path : Path
        The file, for messages.
    usual : tuple of str
        Names that are taken, in this order, if the user gives none.

    Raises
    ------
    InputError
        If the name is not there, or there is none or more than one to choose from.
    """
    listed = ", ".join(f"{name} {shape}" for name, shape in movies.items()) or "none"
    if dataset is not None:
        name = dataset.strip("/")
        if name in movies:
            return name
        raise InputError(
            f"{path}: there is no movie {dataset!r}, named in load.dataset; those with three "
            f"dimensions are: {listed}."
        )
    for name in usual:
        if name in movies:
            return name
    if len(movies) != 1:
        raise InputError(
            f"{path}: which data set is the movie? Those with three dimensions are: {listed}. Name "
            "one in load.dataset."
        )
    return next(iter(movies))
