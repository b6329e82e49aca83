"""Reading video files frame by frame: AVI, MKV, MP4 and TIFF, in the camera's own depth.

Nothing here holds more than a few frames. Files are told apart from what their headers
claim: the number of frames is known only after decoding.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import tifffile

from scopeflow.errors import InputError

CONTAINERS = {".avi", ".mkv", ".mp4", ".mov", ".m4v"}
STACKS = {".tif", ".tiff"}
SUFFIXES = CONTAINERS | STACKS

# What the reader raises on stacks that are cut short or garbled.
TIFF_ERRORS = (
    tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError, struct.error,
)  # fmt: skip

TO_GRAY = "Convert it without loss first: ffmpeg -i IN -pix_fmt gray -c:v ffv1 OUT.avi"
CHROMA_TOLERANCE = 4.0  # how far from neutral gray lossy coding may put the chroma planes


@dataclass(frozen=True)
class VideoFile:
    """What a file's header says.

    Attributes
    ----------
    path : Path
        The file.
    height, width : int
        Size of the image in px.
    dtype : numpy.dtype
        uint8 or uint16.
    n_stated : int or None
        Number of frames by the header; not to be trusted, None if it has none.
    fps_hz : float or None
        Frame rate by the header.
    is_cut_short : bool
        The file ends before the header says that it does.
    note : str
        What the user should know about the conversion to gray, or empty.
    """

    path: Path
    height: int
    width: int
    dtype: np.dtype
    n_stated: int | None
    fps_hz: float | None
    is_cut_short: bool
    note: str = ""


def natural_order(path: str | Path) -> list:
    """Sort key that puts ``msCam2.avi`` before ``msCam10.avi``."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(p), p) if i % 2 else p.casefold() for i, p in enumerate(parts)]


def probe(path: str | Path) -> VideoFile:
    """Read the header of a video file, and its first frame.

    Raises
    ------
    InputError
        If the file is empty, not a video, or of a kind that is not read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check `path` and `pattern` in the sample sheet.")
    if path.stat().st_size == 0:
        raise InputError(
            f"{path}: the file is empty (0 bytes). Copy it again, or leave it out by `pattern`."
        )
    if path.suffix.lower() in STACKS:
        return _probe_stack(path)
    if path.suffix.lower() in CONTAINERS:
        return _probe_container(path)
    raise InputError(
        f"{path}: files of this kind are not read. Known are {', '.join(sorted(SUFFIXES))}."
    )


def check_alike(videos: list[VideoFile], session: str) -> None:
    """Refuse files that cannot be one recording: of different size or bit depth."""
    first = videos[0]
    for video in videos[1:]:
        if (video.height, video.width) != (first.height, first.width):
            raise InputError(
                f"session {session}: {video.path.name} is {video.height} x {video.width} px "
                f"(height x width), but {first.path.name} is {first.height} x {first.width} px. "
                "Re-export it, leave it out by `pattern`, or list it as its own session."
            )
        if video.dtype != first.dtype:
            raise InputError(
                f"session {session}: {video.path.name} has {8 * video.dtype.itemsize} bits per "
                f"pixel, but {first.path.name} has {8 * first.dtype.itemsize}. Re-export it, "
                "leave it out by `pattern`, or list it as its own session."
            )


def read_frames(video: VideoFile, threads: int = 1) -> Iterator[np.ndarray | None]:
    """Decode a file frame by frame.

    Parameters
    ----------
    video : VideoFile
        From `probe`.
    threads : int, optional
        Threads of the decoder; the frames do not depend on it.

    Yields
    ------
    ndarray of uint8 or uint16, shape (height, width), or None
        None stands for a frame that cannot be decoded and is followed by one that can;
        those at the end of a file are left out.
    """
    is_stack = video.path.suffix.lower() in STACKS
    damaged = 0
    for frame in _stack_frames(video) if is_stack else _container_frames(video, threads):
        if frame is None:
            damaged += 1
            continue
        if frame.shape != (video.height, video.width):
            raise InputError(
                f"{video.path}: the image size changes within the file, from {video.height} x "
                f"{video.width} px to {frame.shape[0]} x {frame.shape[1]} px. Split the file."
            )
        yield from [None] * damaged
        damaged = 0
        yield frame


# Containers -------------------------------------------------------------------------


def _probe_container(path: Path) -> VideoFile:
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path}: the file has no video in it.")
            stream = container.streams.video[0]
            form, n_stated, rate = stream.format, stream.frames, stream.average_rate
            height, width = stream.height, stream.width
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f"{path}: not readable as a video ({_reason(error)}). Copy it again, or leave it "
            "out by `pattern`."
        ) from error
    if form is None or not height:
        raise InputError(
            f"{path}: the header does not say what its images are like. Copy it again, or "
            "leave it out by `pattern`."
        )
    components = form.components
    if form.name.startswith(("bayer", "mono", "xyz", "gray32", "grayf")) or form.has_palette:
        raise InputError(f"{path}: pixel format {form.name} is not read. {TO_GRAY}")
    depth = max(c.bits for c in components)
    if form.is_rgb and depth > 8:
        raise InputError(f"{path}: colour with {depth} bits ({form.name}) is not read. {TO_GRAY}")
    dtype = np.dtype(np.uint16 if depth > 8 else np.uint8)
    video = VideoFile(
        path, height, width, dtype, n_stated or None, float(rate) if rate else None,
        _is_cut_short(path),
    )  # fmt: skip
    return _with_note(video, form)


def _with_note(video: VideoFile, form: av.VideoFormat) -> VideoFile:
    """Look at the first frame of a video with colour: is there any in it?"""
    if len(form.components) < 3:
        return video
    with av.open(str(video.path)) as container:
        try:
            frame = next(container.decode(video=0), None)
        except av.error.FFmpegError:
            frame = None
    if frame is None or not _has_colour(frame):
        return video
    note = f"{video.path.name} is a colour video ({form.name}): its brightness (luma) is used"
    return VideoFile(**{**video.__dict__, "note": note})


def _has_colour(frame: av.VideoFrame) -> bool:
    if frame.format.is_rgb:
        picture = frame.to_ndarray(format="rgb24").astype(np.int16)
        return bool(np.ptp(picture, axis=2).max() > 0)
    if len(frame.planes) < 2 or frame.format.components[1].bits > 8:
        return False
    chroma = [_plane(frame, i, np.uint8).astype(float) for i in range(1, len(frame.planes))]
    return any(abs(plane - 128).mean() > CHROMA_TOLERANCE for plane in chroma)


def _container_frames(video: VideoFile, threads: int) -> Iterator[np.ndarray | None]:
    with av.open(str(video.path)) as container:
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
            frames, more = _decoded(packet)
            for frame in frames:
                yield None if frame is None or frame.is_corrupt else _gray(frame, video)
            while more:  # the last packet: the decoder gives what it still holds
                frames, more = _decoded(packet)
                for frame in frames:
                    yield None if frame is None or frame.is_corrupt else _gray(frame, video)


def _decoded(packet: av.Packet) -> tuple[list[av.VideoFrame | None], bool]:
    """Decode a packet; also say whether to ask again, after an error while draining."""
    try:
        return list(packet.decode()), False
    except EOFError:
        return [], False
    except (av.error.FFmpegError, ValueError):
        return [None], packet.size == 0


def _gray(frame: av.VideoFrame, video: VideoFile) -> np.ndarray:
    """Return the luma of a frame as it is coded, without any stretch of its range."""
    if frame.format.is_rgb:
        return cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
    return _plane(frame, 0, video.dtype)


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


# Stacks -----------------------------------------------------------------------------


def _probe_stack(path: Path) -> VideoFile:
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            shape, dtype, n_pages = page.shape, page.dtype, len(tiff.pages)
            block = _hidden_block(tiff)
    except (
        tifffile.TiffFileError,
        OSError,
        ValueError,
        IndexError,
        KeyError,
        struct.error,
    ) as error:
        raise InputError(
            f"{path}: not readable as TIFF ({_reason(error)}). Copy it again, or leave it out "
            "by `pattern`."
        ) from error
    if len(shape) != 2:
        raise InputError(
            f"{path}: its pages are of shape {shape}; only gray pages (height, width) are read. "
            "Save the gray channel alone."
        )
    if dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path}: its pixels are of type {dtype}; allowed are uint8 and uint16. Save it with "
            "8 or 16 bits per pixel (in ImageJ: Image > Type), without clipping."
        )
    n_frames = block[0][0] if block else n_pages
    return VideoFile(
        path, shape[0], shape[1], np.dtype(dtype).newbyteorder("="), n_frames, None, False
    )


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


def _stack_frames(video: VideoFile) -> Iterator[np.ndarray | None]:
    with tifffile.TiffFile(video.path) as tiff:
        if (block := _hidden_block(tiff)) is not None:
            stored = video.dtype.newbyteorder(tiff.byteorder)
            for frame in np.memmap(video.path, stored, "r", block[1], block[0]):
                yield frame.astype(video.dtype)
            return
        for page in tiff.pages:
            try:
                yield np.ascontiguousarray(page.asarray(), dtype=video.dtype)
            except TIFF_ERRORS:
                yield None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]
