"""Video files: AVI, MKV, MP4 and MOV, in the camera's own depth.

Nothing here holds more than a few frames. Files are told apart from what their headers
claim: the number of frames is known only after decoding.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from scopeflow.errors import InputError
from scopeflow.readers.base import Reader, reason

TO_GRAY = "Convert it without loss first: ffmpeg -i IN -pix_fmt gray -c:v ffv1 OUT.avi"
CHROMA_TOLERANCE = 4.0  # how far from neutral gray lossy coding may put the chroma planes


class ContainerReader(Reader):
    """A video file, decoded by FFmpeg's libraries."""

    form = "video"

    @classmethod
    def open(cls, path: Path, dataset: str | None = None) -> "ContainerReader":
        """Read the header of a video, and its first frame if it is one with colour.

        `dataset` does not concern it.
        """
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise InputError(f"{path}: the file has no video in it.")
                stream = container.streams.video[0]
                form, n_stated, rate = stream.format, stream.frames, stream.average_rate
                height, width, codec = stream.height, stream.width, stream.codec.name
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(
                f"{path}: not readable as a video ({reason(error)}). Copy it again, or leave it "
                "out by `pattern`."
            ) from error
        if form is None or not height:
            raise InputError(
                f"{path}: the header does not say what its images are like. Copy it again, or "
                "leave it out by `pattern`."
            )
        if form.name.startswith(("bayer", "mono", "xyz", "gray32", "grayf")) or form.has_palette:
            raise InputError(f"{path}: pixel format {form.name} is not read. {TO_GRAY}")
        depth = max(c.bits for c in form.components)
        if form.is_rgb and depth > 8:
            raise InputError(
                f"{path}: colour with {depth} bits ({form.name}) is not read. {TO_GRAY}"
            )
        return cls(
            path=path, height=height, width=width,
            dtype=np.dtype(np.uint16 if depth > 8 else np.uint8), n_stated=n_stated or None,
            fps_hz=float(rate) if rate else None, codec=f"{codec} {form.name}",
            is_cut_short=_is_cut_short(path), note=_colour_note(path, form),
        )  # fmt: skip

    def count(self) -> int | None:
        """Return the number of coded frames, by passing over them without decoding."""
        n_packets = 0
        with av.open(str(self.path)) as container:
            try:
                for packet in container.demux(video=0):
                    n_packets += packet.size > 0
            except av.error.FFmpegError:  # the file itself ends here
                pass
        return n_packets

    def _decoded(self, threads: int) -> Iterator[np.ndarray | None]:
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "FRAME"
            stream.codec_context.thread_count = threads
            if stream.codec.name == "mjpeg":  # else damaged parts come out gray, without a word
                stream.codec_context.options = {"err_detect": "explode"}
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    return
                except av.error.FFmpegError:  # the file itself ends here
                    return
                more = True
                while more:  # after the last packet the decoder gives what it still holds
                    frames, more = _frames_of(packet)
                    for frame in frames:
                        yield None if frame is None or frame.is_corrupt else luma(frame, self.dtype)


def luma(frame: av.VideoFrame, dtype: np.dtype) -> np.ndarray:
    """Return the brightness of a frame as it is coded, without any stretch of its range.

    Parameters
    ----------
    frame : VideoFrame
        Decoded.
    dtype : numpy.dtype
        Of the reader: uint8 or uint16.

    Returns
    -------
    ndarray of `dtype`, shape (height, width)
    """
    if frame.format.is_rgb:
        return cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
    return _plane(frame, 0, dtype)


def _colour_note(path: Path, form: av.VideoFormat) -> str:
    """Look at the first frame of a video with colour: is there any in it?"""
    if len(form.components) < 3:
        return ""
    with av.open(str(path)) as container:
        try:
            frame = next(container.decode(video=0), None)
        except av.error.FFmpegError:
            frame = None
    if frame is None or not _has_colour(frame):
        return ""
    return f"{path.name} is a colour video ({form.name}): its brightness (luma) is used"


def _has_colour(frame: av.VideoFrame) -> bool:
    if frame.format.is_rgb:
        picture = frame.to_ndarray(format="rgb24").astype(np.int16)
        return bool(np.ptp(picture, axis=2).max() > 0)
    if len(frame.planes) < 2 or frame.format.components[1].bits > 8:
        return False
    chroma = [_plane(frame, i, np.uint8).astype(float) for i in range(1, len(frame.planes))]
    return any(abs(plane - 128).mean() > CHROMA_TOLERANCE for plane in chroma)


def _frames_of(packet: av.Packet) -> tuple[list[av.VideoFrame | None], bool]:
    """Decode a packet; also say whether to ask again, after an error while draining."""
    try:
        return list(packet.decode()), False
    except EOFError:
        return [], False
    except (av.error.FFmpegError, ValueError):
        return [None], packet.size == 0


def _plane(frame: av.VideoFrame, index: int, dtype: np.dtype) -> np.ndarray:
    plane = frame.planes[index]
    dtype = np.dtype(dtype)
    if frame.format.is_big_endian and dtype.itemsize > 1:
        dtype = dtype.newbyteorder(">")
    rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    # A copy: the decoder uses its buffer again.
    return rows[:, : plane.width].astype(dtype.newbyteorder("="), copy=True)


def _is_cut_short(path: Path) -> bool:
    """Say whether an AVI file ends before its last RIFF chunk does."""
    if path.suffix.lower() != ".avi":
        return False
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            name, length = struct.unpack("<4sI", file.read(8))
            if name != b"RIFF":
                return False
            position += 8 + length + length % 2
    return position > size + 1
