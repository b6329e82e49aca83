"""From decoded frames to slabs on the time axis: gaps filled, cropped, down-sampled.

Every step is a generator over frames, so that one pass over the files is enough and a few
frames are in memory. A frame that was never there is stood in for by the one before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from scopeflow.frames import DAMAGED, DROPPED, EXCLUDED, GOOD, LOST
from scopeflow.page_cache import let_go_of
from scopeflow.readers.base import Reader
from scopeflow.timestamps import TimeAxis, make_axis, pauses, read_stamps

SAMPLE_PX = 8  # one pixel in so many, along each axis, serves the first guess of brightness


@dataclass(frozen=True)
class Entry:
    """A frame on the time axis.

    Attributes
    ----------
    frame : ndarray of uint8, uint16 or float32, shape (height, width)
        The image.
    time_s : float
        When it was taken.
    file, file_frame : int
        Index of its file and its number therein; -1 for a frame that was never there.
    absent : str
        Empty, or why it does not count: the frame before it stands in, or it is left out.
    """

    frame: np.ndarray
    time_s: float
    file: int
    file_frame: int
    absent: str = GOOD


@dataclass
class Source:
    """The files of a recording, read one after another.

    Attributes
    ----------
    videos : list of Reader
        In order of time.
    axis : TimeAxis
        Times of the frames.
    start, stop : int, int or None
        Range of frames, as they come from the files.
    n_skipped : int
        So many files at the beginning are not read; they count with the frames they state.
    n_read : list of int
        Frames decoded per file, filled while reading.
    n_due : int
        Frames that the files hold or should hold, filled while reading.
    is_whole : bool
        All files have been read to their end.
    """

    videos: list[Reader]
    axis: TimeAxis
    start: int = 0
    stop: int | None = None
    n_skipped: int = 0
    n_read: list[int] = field(default_factory=list)
    n_due: int = 0
    is_whole: bool = False

    def entries(self, threads: int = 1) -> Iterator[Entry]:
        """Decode the files and yield their frames on the time axis, gaps filled."""
        last: Entry | None = None
        previous = 0
        for file, number, index, frame in self._delivered(threads):
            if last is not None:
                yield from self._stand_ins(last, previous, index)
            absent = GOOD
            if frame is None:
                video, absent = self.videos[file], DAMAGED
                blank = np.zeros((video.height, video.width), dtype=video.dtype)
                frame = blank if last is None else last.frame
            last = Entry(frame, self.axis.at(index), file, number, absent)
            previous = index
            yield last

    def _delivered(self, threads: int) -> Iterator[tuple[int, int, int, np.ndarray | None]]:
        """Yield (file, number in it, index among the stamps, frame or None)."""
        count = 0
        for file, video in enumerate(self.videos):
            self.n_read.append(0)
            if file < self.n_skipped:
                count += video.n_stated or 0
                self.n_due += video.n_stated or 0
                continue
            for number, frame in enumerate(video.frames(threads)):
                if self.stop is not None and count >= self.stop:
                    return
                self.n_read[file] = number + 1
                if count >= self.start:
                    yield file, number, self.n_due, frame
                count += 1
                self.n_due += 1
            self.n_due += self._lost(file)
            let_go_of(video.path)
        self.is_whole = not self.n_skipped

    def _lost(self, file: int) -> int:
        """Return how many frames are missing at the end of a file that has been read.

        Headers are believed where the time stamps bear them out, or, without stamps, for
        a file that is plainly cut short.
        """
        video = self.videos[file]
        stated = [v.n_stated or 0 for v in self.videos]
        borne_out = len(self.axis.time_s) == sum(stated)
        if not (borne_out or (video.is_cut_short and not len(self.axis.time_s))):
            return 0
        return max(stated[file] - self.n_read[file], 0)

    def _stand_ins(self, last: Entry, before: int, index: int) -> Iterator[Entry]:
        """Yield the frames to put between two that were delivered."""
        n = self.axis.gap(before, index)
        word = LOST if index > before + 1 else DROPPED
        step = (self.axis.at(index) - last.time_s) / (n + 1)
        for i in range(n):
            yield replace(
                last, time_s=last.time_s + (i + 1) * step, file=-1, file_frame=-1, absent=word
            )

    @property
    def n_lost(self) -> int:
        """Frames that files cut short are known to have lost."""
        if not self.is_whole:
            return 0
        read = zip(self.videos, self.n_read, strict=True)
        return sum(max((v.n_stated or 0) - n, 0) for v, n in read if v.is_cut_short)

    def losses(self) -> list[str]:
        """Say which files hold other numbers of frames than they, or the stamps, state."""
        lines = [
            f"{video.path.name}: {video.n_mended} frames have pixels that are no number; they got "
            "the mean of the frame's others"
            for video in self.videos
            if video.n_mended
        ]
        if not self.is_whole:
            return lines
        for video, n_read in zip(self.videos, self.n_read, strict=True):
            stated, name = video.n_stated, video.path.name
            if video.is_cut_short:
                lines.append(
                    f"{name} is cut short: {n_read} of {stated or 'an unknown number of'} frames "
                    "are readable, the others are lost"
                )
            elif stated and stated != n_read:
                lines.append(
                    f"{name} states {stated} frames, but {n_read} were decoded and are used"
                )
        n_stamps = len(self.axis.time_s)
        if n_stamps and n_stamps != self.n_due:
            lines.append(
                f"there are {n_stamps} time stamps for {self.n_due} frames: they are taken in "
                "order from the first one on"
            )
        return lines


def axis_of(
    videos: list[Reader],
    tables: list[str],
    sheet_fps_hz: float | None,
    software_fps_hz: float | None,
    session: str,
) -> TimeAxis:
    """Decide on frame rate and times, by the table of time stamps or the files' own ones.

    Parameters
    ----------
    videos : list of Reader
        In order of time.
    tables : list of str
        The table of time stamps beside them, if there is one.
    sheet_fps_hz, software_fps_hz : float or None
        Frame rates by the sample sheet and by the recording software.
    session : str
        For messages.
    """
    n_stated = sum(video.n_stated or 0 for video in videos) or None
    stamps = read_stamps(tables[0], n_stated) if tables else None
    if stamps is None and all(video.stamps_ms is not None for video in videos):
        stamps = np.concatenate([video.stamps_ms for video in videos])
    sheet_fps_hz = float(sheet_fps_hz) if sheet_fps_hz else None
    axis = make_axis(stamps, n_stated, sheet_fps_hz, videos[0].fps_hz, session, software_fps_hz)
    axis.warnings += [
        f"a pause of {length:.1f} s before frame {i} is not filled"
        for i, length in pauses(axis.time_s)
    ]
    return axis


def excluded(
    entries: Iterable[Entry], ranges: list[tuple[int, int]], start: int = 0
) -> Iterator[Entry]:
    """Yield entries, those marked that a person wants to leave out.

    Parameters
    ----------
    entries : iterable of Entry
        Frames of a `Source`.
    ranges : list of (int, int)
        First frame, and the one behind the last, counted over the frames of all files.
    start : int
        Number of the first frame delivered.
    """
    number = start - 1
    for entry in entries:
        number += entry.file >= 0  # frames that were never there have no number
        if entry.absent == GOOD and any(first <= number < stop for first, stop in ranges):
            entry = replace(entry, absent=EXCLUDED)
        yield entry


def cropped(entries: Iterable[Entry], rows: slice, cols: slice) -> Iterator[Entry]:
    """Yield entries with the part of the image given by two slices, steps allowed."""
    for entry in entries:
        yield replace(entry, frame=entry.frame[rows, cols])


def every(entries: Iterable[Entry], step: int) -> Iterator[Entry]:
    """Yield the first entry of each group of `step`."""
    for i, entry in enumerate(entries):
        if i % step == 0:
            yield entry


def averaged(
    entries: Iterable[Entry], factors: tuple[int, int, int], black_frac: float
) -> Iterator[Entry]:
    """Yield means over blocks of (frames, rows, columns); what fills no block is cut off.

    Parameters
    ----------
    entries : iterable of Entry
        Frames.
    factors : tuple of int
        Size of a block.
    black_frac : float
        Frames darker than this share of another one in the block, and frames that were
        never there, do not count.

    Yields
    ------
    Entry
        In the type of the input, whole numbers rounded half to even, which has no bias; it
        bears time and number of the block's first frame.
    """
    n_frames, n_rows, n_cols = factors
    first, total, count, brightness = None, 0, 0, 0.0
    for i, entry in enumerate(entries):
        if i % n_frames == 0:
            first, total, count, brightness = entry, 0, 0, 0.0
        height, width = (n // f * f for n, f in zip(entry.frame.shape, factors[1:], strict=True))
        blocks = entry.frame[:height, :width].reshape(
            height // n_rows, n_rows, width // n_cols, n_cols
        )
        is_float = entry.frame.dtype.kind == "f"
        binned = blocks.sum(axis=(1, 3), dtype=np.float64 if is_float else np.int64)
        mean = 0.0 if entry.absent else float(binned.mean())
        signed = is_float and entry.frame.min() < 0  # then zero is not darkness
        if brightness < black_frac * mean and not signed:  # what came before was black
            total, count, brightness = 0, 0, mean
        if not entry.absent and (signed or mean >= black_frac * brightness):
            total, count, brightness = total + binned, count + 1, max(brightness, mean)
        if i % n_frames == n_frames - 1:
            divisor = max(count, 1) * n_rows * n_cols
            mean_frame = (total if count else binned) / divisor
            mean_frame = mean_frame if is_float else np.rint(mean_frame)
            absent = GOOD if count else entry.absent
            yield replace(first, frame=mean_frame.astype(entry.frame.dtype), absent=absent)


@dataclass(frozen=True)
class Slab:
    """Frames that are stored together.

    Attributes
    ----------
    start : int
        Number of the first frame.
    frames : ndarray of uint8, uint16 or float32, shape (frame, height, width)
        The images.
    before : ndarray, shape (height, width), or None
        The frame before the slab.
    absent : ndarray of str, shape (frame,)
        Empty, or why a frame was never there.
    brightness : float or None
        Median of the frames' means up to the end of this slab, from a sample of pixels.
    """

    start: int
    frames: np.ndarray
    before: np.ndarray | None
    absent: np.ndarray
    brightness: float | None

    @property
    def place(self) -> slice:
        """Where the frames belong on the time axis."""
        return slice(self.start, self.start + len(self.frames))


class Collector:
    """Gathers entries into slabs and keeps their times, files and numbers.

    Attributes
    ----------
    time_s, file, file_frame, absent : list
        One element per frame so far.
    """

    def __init__(self) -> None:
        self.time_s: list[float] = []
        self.file: list[int] = []
        self.file_frame: list[int] = []
        self.absent: list[str] = []

    def slabs(self, entries: Iterable[Entry], size: int) -> Iterator[Slab]:
        """Yield slabs of `size` frames, the last one perhaps shorter."""
        means: list[float] = []
        frames, before, n = None, None, 0
        for entry in entries:
            if frames is None:
                frames = np.empty((size, *entry.frame.shape), dtype=entry.frame.dtype)
                n = 0
            frames[n] = entry.frame
            n += 1
            if not entry.absent:
                means.append(float(entry.frame[::SAMPLE_PX, ::SAMPLE_PX].mean()))
            self.time_s.append(entry.time_s)
            self.file.append(entry.file)
            self.file_frame.append(entry.file_frame)
            self.absent.append(entry.absent)
            if n == size:
                yield self._slab(frames, before, means)
                before, frames = frames[-1].copy(), None  # a view would keep the whole slab
        if frames is not None:
            yield self._slab(frames[:n], before, means)

    def _slab(self, frames: np.ndarray, before: np.ndarray | None, means: list[float]) -> Slab:
        start = len(self.absent) - len(frames)
        absent = np.array(self.absent[start:], dtype="<U16")
        brightness = float(np.median(means)) if means else None
        return Slab(start, frames, before, absent, brightness)
