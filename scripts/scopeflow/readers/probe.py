"""Which reader a file needs, and whether files can be one recording."""

from pathlib import Path

from scopeflow.errors import InputError
from scopeflow.readers.arrays import NpyReader, ZarrReader, is_zarr
from scopeflow.readers.base import Reader
from scopeflow.readers.containers import ContainerReader
from scopeflow.readers.hdf5 import Hdf5Reader, NwbReader
from scopeflow.readers.isxd import IsxdReader
from scopeflow.readers.stacks import TiffReader

READERS: dict[str, type[Reader]] = {
    ".avi": ContainerReader, ".mkv": ContainerReader, ".mp4": ContainerReader,
    ".mov": ContainerReader, ".m4v": ContainerReader,
    ".tif": TiffReader, ".tiff": TiffReader,
    ".isxd": IsxdReader,
    ".h5": Hdf5Reader, ".hdf5": Hdf5Reader, ".nwb": NwbReader,
    ".npy": NpyReader, ".zarr": ZarrReader,
}  # fmt: skip


def probe(path: str | Path, dataset: str | None = None) -> Reader:
    """Read the header of a recording's file.

    Parameters
    ----------
    path : str or Path
        The file, or the folder of a zarr store.
    dataset : str, optional
        Name of the movie, where a file may hold several arrays.

    Raises
    ------
    InputError
        If the file is empty, not a recording, or of a kind that is not read.
    """
    path = Path(path)
    if path.is_dir() and is_zarr(path):
        return ZarrReader.open(path, dataset)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check `path` and `pattern` in the sample sheet.")
    if path.stat().st_size == 0:
        raise InputError(
            f"{path}: the file is empty (0 bytes). Copy it again, or leave it out by `pattern`."
        )
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: files of this kind are not read. Known are {', '.join(READERS)}."
        )
    return reader.open(path, dataset)


def check_alike(videos: list[Reader], session: str) -> None:
    """Refuse files that cannot be one recording: of different size or type of pixels."""
    first = videos[0]
    for video in videos[1:]:
        if video.shape != first.shape:
            raise InputError(
                f"session {session}: {video.path.name} is {video.height} x {video.width} px "
                f"(height x width), but {first.path.name} is {first.height} x {first.width} px. "
                "Re-export it, leave it out by `pattern`, or list it as its own session."
            )
        if video.dtype != first.dtype:
            raise InputError(
                f"session {session}: {video.path.name} has {_depth(video)}, but "
                f"{first.path.name} has {_depth(first)}. Re-export it, leave it out by "
                "`pattern`, or list it as its own session."
            )


def _depth(video: Reader) -> str:
    kind = "floating-point numbers of " if video.dtype.kind == "f" else ""
    return f"{kind}{8 * video.dtype.itemsize} bits per pixel"
