"""What every reader of a recording offers, whatever the format of its file."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from scopeflow.errors import InputError

# Read at once from formats that hold frames as an array, and at most if their pieces are larger.
BLOCK_BYTES, BLOCK_BYTES_MAX = 8 * 2**20, 128 * 2**20
# What libraries raise on a part of an array that cannot be unpacked.
DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zlib.error)
EXACT_IN_FLOAT = 2**24  # whole numbers beyond it are rounded in float32


@dataclass(kw_only=True, eq=False)
class Reader(ABC):
    """One file of a recording; making one reads the header and no frame (or one).

    Attributes
    ----------
    path : Path
        The file, or the folder of a zarr store.
    height, width : int
        Size of the image in px.
    dtype : numpy.dtype
        Of the frames that are yielded: uint8, uint16 or float32.
    n_stated : int or None
        Number of frames by the header; not to be trusted, None if it has none.
    fps_hz : float or None
        Frame rate by the header.
    codec : str
        How frames are coded, for people.
    is_cut_short : bool
        The file ends before the header says that it does.
    note : str
        What the user should know about a conversion, or empty.
    stamps_ms : ndarray of float64, shape (frame,), or None
        When the frames were taken, if the file tells it for each.
    metadata : dict
        What the file tells about animal and device, see `scopeflow.miniscope`.
    n_mended : int
        Frames with pixels that are no number, filled while reading.
    """

    form: ClassVar[str] = ""

    path: Path
    height: int
    width: int
    dtype: np.dtype
    n_stated: int | None = None
    fps_hz: float | None = None
    codec: str = ""
    is_cut_short: bool = False
    note: str = ""
    stamps_ms: np.ndarray | None = None
    metadata: dict = field(default_factory=dict)
    n_mended: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.height, self.width

    def frames(self, threads: int = 1) -> Iterator[np.ndarray | None]:
        """Decode the file frame by frame, from its beginning.

        Parameters
        ----------
        threads : int, optional
            Threads of the decoder; the frames do not depend on it.

        Yields
        ------
        ndarray of `dtype`, shape (height, width), or None
            None stands for a frame that cannot be decoded and is followed by one that can;
            those at the end of a file are left out. Pixels that are no number get the mean
            of the others; a frame of nothing else counts as not decodable.
        """
        damaged = 0
        for frame in self._decoded(threads):
            if frame is not None and self.dtype.kind == "f":
                frame = self._finite(frame)
            if frame is None:
                damaged += 1
                continue
            if frame.shape != self.shape:
                raise InputError(
                    f"{self.path}: the image size changes within the file, from {self.height} x "
                    f"{self.width} px to {frame.shape[0]} x {frame.shape[1]} px. Split the file."
                )
            yield from [None] * damaged
            damaged = 0
            yield frame

    def read(self, frames: slice | Sequence[int]) -> np.ndarray:
        """Return single frames, as they are in the file.

        Parameters
        ----------
        frames : slice or sequence of int
            Which ones, counted from 0; beyond the end there are none.

        Returns
        -------
        ndarray of `dtype`, shape (frame, height, width)
            Frames that cannot be decoded are 0. Formats without direct access are decoded
            from their beginning.
        """
        wanted = self._numbers(frames)
        last = max(wanted, default=-1)
        decoded = dict(enumerate(islice(self.frames(), last + 1)))
        chosen = [decoded[i] for i in wanted if i in decoded]
        blank = np.zeros(self.shape, self.dtype)
        return np.array([blank if f is None else f for f in chosen], self.dtype).reshape(
            -1, *self.shape
        )

    def count(self) -> int | None:
        """Return the number of frames by the file's index, without decoding any."""
        return self.n_stated

    @abstractmethod
    def _decoded(self, threads: int) -> Iterator[np.ndarray | None]:
        """Yield every frame in order, None for what cannot be decoded."""

    def _numbers(self, frames: slice | Sequence[int]) -> list[int]:
        if isinstance(frames, slice):
            stop = frames.stop if self.n_stated is None else self.n_stated
            return list(range(*frames.indices(stop or 0)))
        return [int(i) for i in frames]

    def _finite(self, frame: np.ndarray) -> np.ndarray | None:
        known = np.isfinite(frame)
        if known.all():
            return frame
        self.n_mended += 1
        if not known.any():
            return None
        return np.where(known, frame, frame[known].mean(dtype=np.float64)).astype(frame.dtype)


class ArrayReader(Reader):
    """A format that holds its frames as one array, any part of which can be read.

    Attributes
    ----------
    chunk : int
        Frames that the file holds as one piece: none of them is read without the others.
    """

    chunk: int = 1

    @abstractmethod
    def _opened(self) -> AbstractContextManager:
        """Open the file; in it, a slice gives frames of any number type as they are stored."""

    def _images(self, stored: np.ndarray) -> np.ndarray:
        """Return frames (frame, height, width) from what a slice gives."""
        return stored

    def _decoded(self, threads: int) -> Iterator[np.ndarray | None]:
        with self._opened() as array:
            for start, stop in self._blocks():
                try:
                    block = self._images(array[start:stop])
                except DAMAGED:  # this part is damaged; the next one may be whole
                    yield from [None] * (stop - start)
                    continue
                # Copies: a frame that is kept must not keep its block.
                yield from (np.array(frame, self.dtype, order="C") for frame in block)
                del block

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Yield first and last (exclusive) frame of the parts to read: whole chunks, if they fit.

        Else each chunk is unpacked once for every part of it.
        """
        frame_bytes = self.height * self.width * self.dtype.itemsize
        usual, most = (max(n // frame_bytes, 1) for n in (BLOCK_BYTES, BLOCK_BYTES_MAX))
        whole = max(usual // self.chunk, 1) * self.chunk
        for first in range(0, self.n_stated, whole):
            end = min(first + whole, self.n_stated)
            for start in range(first, end, most):
                yield start, min(start + most, end)

    def read(self, frames: slice | Sequence[int]) -> np.ndarray:
        """Return single frames, as they are in the file, without decoding others.

        What is damaged is 0.
        """
        wanted = [i for i in self._numbers(frames) if i < self.n_stated]
        found = np.zeros((len(wanted), *self.shape), self.dtype)
        with self._opened() as array:
            for k, i in enumerate(wanted):
                with suppress(*DAMAGED):
                    found[k] = self._images(array[i : i + 1])[0]
        return found


def frame_dtype(dtype: np.dtype, path: Path) -> tuple[np.dtype, str]:
    """Return the type in which frames of a type are kept, and a note if it is another.

    Raises
    ------
    InputError
        If the type is not one of plain numbers.
    """
    plain = np.dtype(dtype).newbyteorder("=")
    if plain in (np.uint8, np.uint16, np.float32):
        return plain, ""
    if plain.kind not in "iuf":
        raise InputError(
            f"{path}: its pixels are of type {plain}; allowed are uint8, uint16, float32 and other "
            "plain numbers. Save it with 8 or 16 bits per pixel."
        )
    note = f"{path.name}: pixels of type {plain} are read as float32"
    if plain.itemsize > 2:
        note += f", which is exact for whole numbers up to {EXACT_IN_FLOAT} only"
    return np.dtype(np.float32), note


def checked_shape(shape: tuple[int, ...], path: Path, what: str) -> tuple[int, int, int]:
    """Return (frame, height, width), or say that an array is no movie.

    Raises
    ------
    InputError
        If the array has not three dimensions, or no frame.
    """
    if len(shape) != 3:
        raise InputError(
            f"{path}: {what} has the shape {tuple(shape)}; a movie has three dimensions, (frame, "
            "height, width). Save it so, or name another one in load.dataset."
        )
    if 0 in shape:
        raise InputError(
            f"{path}: {what} is empty, of shape {tuple(shape)} (frame, height, width)."
        )
    return tuple(int(n) for n in shape)


def reason(error: Exception) -> str:
    """Return the first line of what a library says."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
