"""Any frame of a recording, straight from its video files.

The workflow reads videos from beginning to end; a player jumps. Containers are entered at the
key frame before the one that is wanted and decoded from there.
"""

from collections import OrderedDict

import av
import numpy as np

from scopeflow.readers.base import Reader
from scopeflow.readers.containers import ContainerReader, luma
from scopeflow.readers.probe import check_alike, probe

KEPT_FRAMES = 48  # of those seen last; going back and forth costs nothing
NEAR = 40  # frames ahead up to which decoding on is quicker than entering anew


def recounted(number: np.ndarray, stated: list[int], read: list[int]) -> np.ndarray:
    """Return numbers over the frames read of each file, for numbers over the frames stated."""
    starts, own = (np.cumsum([0, *counts]) for counts in (stated, read))
    file = np.clip(np.searchsorted(starts, number, side="right") - 1, 0, len(stated) - 1)
    inside = np.minimum(number - starts[file], np.array(read)[file])
    return own[file] + inside


class VideoFrames:
    """The frames of the files of one recording, by number.

    Parameters
    ----------
    paths : list of str
        The files, in order of time.
    session : str
        Its name, for messages.
    dataset : str, optional
        Name of the movie, in files that may hold several arrays.

    Attributes
    ----------
    shape : tuple of int
        (height, width) in px.
    dtype : numpy.dtype
        uint8, uint16 or float32.
    readers : list of Reader
        Of the files.
    counts : list of int
        Frames per file, by their headers or, without these, by their index.

    Raises
    ------
    InputError
        If a file is not readable, or files differ in size or depth.
    """

    def __init__(self, paths: list[str], session: str, dataset: str | None = None) -> None:
        videos = [probe(path, dataset) for path in paths]
        check_alike(videos, session)
        self.readers = videos
        self._files = [_File(video) for video in videos]
        self.shape = videos[0].shape
        self.dtype = videos[0].dtype
        self.counts = [video.n_stated or video.count() or 0 for video in videos]
        self._starts = np.cumsum([0, *self.counts])
        self._seen: OrderedDict[int, np.ndarray | None] = OrderedDict()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, number: int) -> np.ndarray | None:
        """Return one frame, counted over all files; None where it cannot be decoded.

        Returns
        -------
        ndarray of `dtype`, shape (height, width), or None
        """
        file, inside = self._found(number)
        if number in self._seen:
            self._seen.move_to_end(number)
            return self._seen[number]
        frame = self._files[file].read(inside)
        self._seen[number] = frame
        while len(self._seen) > KEPT_FRAMES:
            self._seen.popitem(last=False)
        return frame

    def near(self, number: int) -> tuple[int, np.ndarray | None]:
        """Return the frame that can be decoded soonest, at or before a number, and its own number.

        That is a key frame: several times as quick as one between two of them.
        """
        file, inside = self._found(number)
        place, frame = self._files[file].near(inside)
        return int(self._starts[file]) + place, frame

    def _found(self, number: int) -> tuple[int, int]:
        """Return the file that holds a frame, and its number there."""
        if not 0 <= number < len(self):
            raise IndexError(f"frame {number} of {len(self)}")
        file = int(np.searchsorted(self._starts, number, side="right")) - 1
        return file, number - int(self._starts[file])

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            file.close()


class _File:
    """One file, kept open where decoding went on last."""

    def __init__(self, video: Reader) -> None:
        self.video = video
        self._is_coded = isinstance(video, ContainerReader)
        self._container = None
        self._frames = None
        self._next = 0

    def read(self, number: int) -> np.ndarray | None:
        if not self._is_coded:
            found = self.video.read([number])
            return found[0] if len(found) else None
        try:
            return self._decoded(number)
        except (av.error.FFmpegError, OSError):
            self.close()
            return None

    def near(self, number: int) -> tuple[int, np.ndarray | None]:
        if not self._is_coded:
            return number, self.read(number)
        try:
            stream = self._entered(number)
            frame = next(self._frames, None)
        except (av.error.FFmpegError, OSError):
            frame = None
        if frame is None:
            self.close()
            return number, None
        self._next = self._place(frame, stream) + 1
        return self._next - 1, luma(frame, self.video.dtype)

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._frames = None

    def _decoded(self, number: int) -> np.ndarray | None:
        stream = self._stream()
        if not 0 <= self._next <= number <= self._next + NEAR:
            self._entered(number)
        for frame in self._frames:
            place = self._place(frame, stream)
            self._next = place + 1
            if place >= number:
                found = None if frame.is_corrupt else luma(frame, self.video.dtype)
                return found if place == number else None
        self.close()
        return None

    def _stream(self):
        if self._container is None:
            self._container = av.open(str(self.video.path))
            # Threads by frame would decode several for the one that is wanted.
            self._container.streams.video[0].thread_type = "SLICE"
            self._next = -1
        return self._container.streams.video[0]

    def _entered(self, number: int):
        """Go to the key frame at or before a frame."""
        stream = self._stream()
        at = (stream.start_time or 0) + round(number / stream.average_rate / stream.time_base)
        self._container.seek(at, stream=stream, backward=True)
        self._frames = self._container.decode(stream)
        return stream

    @staticmethod
    def _place(frame: av.VideoFrame, stream) -> int:
        since = (frame.pts - (stream.start_time or 0)) * stream.time_base
        return round(since * stream.average_rate)
