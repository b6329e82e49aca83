"""Zarr stores on disk: written whole or not at all, movies cut into slabs of frames."""

import math
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from scopeflow.durable import flush, flush_names, remove, sole_writer
from scopeflow.intact import FORMAT_VERSION, contents, open_store
from scopeflow.page_cache import let_go

SLAB_BYTES = 32 * 2**20  # in memory; measured best for 512 x 512 bytes
SLAB_FRAMES = (16, 256)  # bounds, for very large and very small images

# Measured on traces, footprints and pictures: counts shrink best bit by bit, floats byte by byte.
COUNTS_COMPRESSOR = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
FLOATS_COMPRESSOR = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")
# Else each chunk is compared with zeros first, which takes several times as long as packing it.
UNCOMPARED = {"write_empty_chunks": True}


@contextmanager
def new_store(path: str | Path) -> Iterator[Path]:
    """Give a temporary sibling to write to, which takes the name `path` when all is well.

    Parameters
    ----------
    path : str or Path
        Where the finished store (a zarr group, or any folder or file) shall stand.

    Yields
    ------
    Path
        The place to write to. It is removed when the block fails; what a killed job left
        behind is swept by the next one. Another process that is about to write the same
        store waits until this one has ended.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with sole_writer(path):
        for orphan in path.parent.glob(f".{path.name}.*.part"):
            remove(orphan)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            yield part
            if (part / "zarr.json").is_file():
                _seal(part)
            flush(part)
            remove(path)
            part.rename(path)
            flush_names(path.parent)
        finally:
            remove(part)


def _seal(part: Path) -> None:
    """Write down how many files a finished store has, and gather what describes its arrays."""
    zarr.open_group(part, mode="r+").attrs["contents"] = contents(part)
    with warnings.catch_warnings():  # format 3 has no agreed consolidation yet
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        zarr.consolidate_metadata(part)


def slab_frames(height: int, width: int, itemsize: int) -> int:
    """Return the number of frames in a slab: a power of two, about 32 MiB of them.

    It follows from the image alone, never from threads or memory, so that the order of
    partial sums, and with it every bit of the result, is the same on any machine.
    """
    exponent = round(math.log2(max(SLAB_BYTES / (height * width * itemsize), 1)))
    return int(np.clip(2**exponent, *SLAB_FRAMES))


def slab_bytes(movie: zarr.Array) -> int:
    """Return the size of one of the `slabs` of a movie."""
    return math.prod(movie.chunks) * movie.dtype.itemsize


def slabs(movie: zarr.Array) -> list[slice]:
    """Return the slices of frames that cover a movie, one chunk each."""
    step = movie.chunks[0]
    n_frames = movie.shape[0]
    return [slice(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]


def create_movie(
    group: zarr.Group, name: str, shape: tuple[int, int, int], dtype: np.dtype
) -> zarr.Array:
    """Create a movie that is written and read by slabs of frames.

    Parameters
    ----------
    group : zarr.Group
        Where to create it.
    name : str
        Name of the array.
    shape : tuple of int
        (frame, height, width).
    dtype : dtype
        Stored as given.

    Returns
    -------
    zarr.Array
        One chunk, and one file, per slab of frames; it must be written whole.

    Notes
    -----
    Not compressed: a camera's noise leaves 15 % to gain at best, and unpacking it costs over
    ten times as much as reading it. A movie is read eight times.
    """
    n_frames, height, width = shape
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(slab_frames(height, width, np.dtype(dtype).itemsize), height, width),
        compressors=None,
        dimension_names=("frame", "height", "width"),
        config=UNCOMPARED,
    )


def write_slab(movie: zarr.Array, slab: slice, frames: np.ndarray) -> None:
    """Write one of the `slabs` of a movie straight to its file.

    The file is the slab as it lies in memory; zarr would take twice the time, for copies. The
    disk begins with it at once: else it rests while the next frames are made, and the job
    waits for it at its end.
    """
    shape = slab.stop - slab.start, *movie.shape[1:]
    if frames.shape != shape or slab.start % movie.chunks[0] or shape[0] > movie.chunks[0]:
        raise ValueError(f"frames of shape {frames.shape} are not the slab {slab} of {movie.shape}")
    path = _file_of(movie, slab)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(np.ascontiguousarray(frames, movie.dtype).data)
        file.truncate(math.prod(movie.chunks) * movie.dtype.itemsize)  # the last slab is short
        let_go(file)


def read_slab(movie: zarr.Array, slab: slice, *, last: bool = False) -> np.ndarray:
    """Read one of the `slabs` of a movie straight from its file.

    Parameters
    ----------
    movie : zarr.Array
        Made by `create_movie`, on disk.
    slab : slice
        One of its `slabs`.
    last : bool, optional
        Nothing reads it soon after: it need not stay in memory.

    Returns
    -------
    ndarray, shape (frame, height, width)

    Raises
    ------
    OSError
        If the file is missing or too short.

    Notes
    -----
    The file is the slab as it lies in memory; zarr would copy it twice more.
    """
    shape = (slab.stop - slab.start, *movie.shape[1:])
    path = _file_of(movie, slab)
    with path.open("rb") as file:
        frames = np.fromfile(file, movie.dtype, math.prod(shape))
        if last:
            let_go(file)
    if frames.size < math.prod(shape):
        raise OSError(f"{path} is cut off; delete its folder and run again")
    return frames.reshape(shape)


def read_frame(movie: zarr.Array, t: int, rows: slice = slice(None)) -> np.ndarray:
    """Read one frame of a movie, or some rows of it, and nothing else of its slab.

    Parameters
    ----------
    movie : zarr.Array
        Made by `create_movie`, on disk.
    t : int
        The frame.
    rows : slice, optional
        Without a step.

    Returns
    -------
    ndarray, shape (row, width)

    Raises
    ------
    OSError
        If the file is missing or too short.
    """
    _, height, width = movie.shape
    first, stop, _ = rows.indices(height)
    file = _file_of(movie, slice(t, t + 1))
    offset = (t % movie.chunks[0] * height + first) * width * movie.dtype.itemsize
    frame = np.fromfile(file, movie.dtype, (stop - first) * width, offset=offset)
    if frame.size < (stop - first) * width:
        raise OSError(f"{file} is cut off; delete its folder and run again")
    return frame.reshape(stop - first, width)


def read_frames(movie: zarr.Array, frames: np.ndarray) -> np.ndarray:
    """Read single frames of a movie, in the order wanted, shape (frame, height, width)."""
    found = np.empty((len(frames), *movie.shape[1:]), dtype=movie.dtype)
    for place, frame in zip(found, frames, strict=True):
        place[...] = read_frame(movie, int(frame))
    return found


def _file_of(movie: zarr.Array, slab: slice) -> Path:
    key = movie.metadata.encode_chunk_key((slab.start // movie.chunks[0], 0, 0))
    return Path(movie.store.root, movie.path, key)


def put(group: zarr.Group, name: str, data: np.ndarray, dims: tuple[str, ...], **attrs) -> None:
    """Write a small array with named dimensions and attributes, in one call."""
    data = np.asarray(data)
    # An array without elements cannot be chunked by its own shape.
    chunks = tuple(max(n, 1) for n in data.shape)
    limit = 2**24 // max(data.itemsize * math.prod(chunks[1:]), 1)
    chunks = (min(chunks[0], max(limit, 1)), *chunks[1:]) if chunks else ()
    array = create_array(group, name, data.shape, data.dtype, chunks, dims, **attrs)
    if data.size:
        array[...] = data


def create_array(
    group: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.typing.DTypeLike,
    chunks: tuple[int, ...],
    dims: tuple[str, ...],
    **attrs,
) -> zarr.Array:
    """Create a compressed array with named dimensions and attributes, not filled yet."""
    floats = np.dtype(dtype).kind == "f"
    array = group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        compressors=FLOATS_COMPRESSOR if floats else COUNTS_COMPRESSOR,
        dimension_names=dims,
        config=UNCOMPARED,
    )
    array.attrs.update(attrs)
    return array


def create(path: Path, **attrs) -> zarr.Group:
    """Create an empty zarr group (format 3) with attributes and the version of our format."""
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.attrs.update({**attrs, "format_version": FORMAT_VERSION})
    return group


def read(path: str | Path, *names: str):
    """Read small arrays of a group into memory: one array for one name, else a list."""
    group = open_store(path)
    arrays = [group[name][...] for name in names]
    return arrays[0] if len(arrays) == 1 else arrays
