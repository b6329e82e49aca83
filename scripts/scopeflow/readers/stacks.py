"""TIFF stacks, one page or many, as ImageJ, Inscopix and others write them."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile

from scopeflow.errors import InputError
from scopeflow.readers.base import Reader, frame_dtype, reason

# What the reader raises on stacks that are cut short or garbled.
TIFF_ERRORS = (
    tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError, struct.error,
)  # fmt: skip


class TiffReader(Reader):
    """A TIFF or BigTIFF file with gray pages."""

    form = "TIFF"

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "TiffReader":
        """Read the header of a stack; `dataset` does not concern it."""
        try:
            with tifffile.TiffFile(path) as tiff:
                page = tiff.pages.first
                shape, dtype, n_pages = page.shape, page.dtype, len(tiff.pages)
                block, codec = _hidden_block(tiff), page.compression.name.lower()
        except TIFF_ERRORS as error:
            raise InputError(
                f"{path}: not readable as TIFF ({reason(error)}). Copy it again, or leave it out "
                "by `pattern`."
            ) from error
        if len(shape) != 2:
            raise InputError(
                f"{path}: its pages are of shape {shape}; only gray pages (height, width) are "
                "read. Save the gray channel alone."
            )
        dtype, note = frame_dtype(dtype, path)
        return cls(
            path=path, height=shape[0], width=shape[1], dtype=dtype, note=note, codec=codec,
            n_stated=block[0][0] if block else n_pages,
        )  # fmt: skip

    def read(self, frames: slice | Sequence[int]) -> np.ndarray:
        """Return single frames, as they are in the file; what is damaged is 0."""
        wanted = [i for i in self._numbers(frames) if i < self.n_stated]
        found = np.zeros((len(wanted), *self.shape), self.dtype)
        with tifffile.TiffFile(self.path) as tiff:
            block = self._mapped(tiff)
            for k, i in enumerate(wanted):
                try:
                    found[k] = tiff.pages[i].asarray() if block is None else block[i]
                except TIFF_ERRORS:
                    continue
        return found

    def _decoded(self, threads: int) -> Iterator[np.ndarray | None]:
        with tifffile.TiffFile(self.path) as tiff:
            if (block := self._mapped(tiff)) is not None:
                for frame in block:
                    yield frame.astype(self.dtype)
                return
            for page in tiff.pages:
                try:
                    yield np.ascontiguousarray(page.asarray(), dtype=self.dtype)
                except TIFF_ERRORS:
                    yield None

    def _mapped(self, tiff: tifffile.TiffFile) -> np.ndarray | None:
        hidden = _hidden_block(tiff)
        if hidden is None:
            return None
        stored = tiff.pages.first.dtype.newbyteorder(tiff.byteorder)
        return np.memmap(self.path, stored, "r", hidden[1], hidden[0])


def _hidden_block(tiff: tifffile.TiffFile) -> tuple[tuple[int, ...], int] | None:
    """Return shape and offset of a stack that has one page only and its frames behind it.

    So ImageJ writes stacks above 4 GB.
    """
    if len(tiff.pages) != 1 or not tiff.series:
        return None
    series = tiff.series[0]
    frame = tiff.pages.first.shape
    n = int(np.prod(series.shape)) // max(int(np.prod(frame)), 1)
    if n <= 1 or series.dataoffset is None:
        return None
    available = tiff.filehandle.size - series.dataoffset
    n = min(n, available // max(tiff.pages.first.nbytes, 1))
    return (n, *frame), series.dataoffset
