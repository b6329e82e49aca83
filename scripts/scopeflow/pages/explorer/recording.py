"""The recording of a session as the explorer sees it: frames from the videos, time, verdicts."""

import csv
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scopeflow.explore.course import Course
from scopeflow.explore.frame_access import VideoFrames, recounted
from scopeflow.pages.explorer.desk import Desk, Missing

N_SAMPLE = 200  # frames that a first overview is made of


class Recording:
    """Frames by their number in the analysed recording, read straight from the videos.

    Attributes
    ----------
    n_frames : int
        Of the analysed recording: by the last run, or as the settings ask for.
    number : ndarray of int64, shape (frame,)
        Each frame's number in the original video, all frames that its files state counted.
    delivered : ndarray of int64, shape (frame,)
        The same as `load.exclude` counts: by the frames that could be read, where a run has
        told how many these are.
    n_delivered : int
        Of all files together.
    time_s : ndarray of float64, shape (frame,)
        When it was taken.
    status : list of str
        Verdicts of the last run; empty without one.
    course : Course or None
        Mean, least and largest value of every frame, if the last run measured them.
    region : dict
        Part of the original image that the products of the last run show, in px.
    factors : tuple of int
        (height, width) by which these are down-sampled.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.frames = self._open()
        self.shape = self.frames.shape
        of_run = self._run()
        load = of_run.get("parameters", desk.settings["load"])
        self.region, sizes = closed(load["region"], self.shape), load["downsample"]
        self.factors = sizes["height"], sizes["width"]
        self.method = load["downsample_method"]
        self.step = sizes["frame"]
        self.status: list[str] = []
        self.course: Course | None = None
        self.fps_hz = of_run.get("fps_hz") or self._rate() / self.step
        try:
            self._read_table(desk.product("load", "frames.tsv"))
        except Missing:
            stop = load["frames"]["stop"] or len(self.frames)
            self.number = np.arange(load["frames"]["start"], min(stop, len(self.frames)), self.step)
            self.time_s = np.arange(len(self.number)) / self.fps_hz
        self.n_frames = len(self.number)
        n_read = {file["name"]: file["frames"] for file in of_run.get("files", [])}
        names = [Path(video).name for video in desk.videos]
        read = [n_read.get(n, c) for n, c in zip(names, self.frames.counts, strict=True)]
        self.delivered = recounted(self.number, self.frames.counts, read)
        self.n_delivered = sum(read)
        self._sample: tuple[Course, np.ndarray | None] | None = None
        self._sampling = threading.Lock()

    def _open(self) -> VideoFrames:
        return VideoFrames(self._desk.videos, self._desk.session, self._desk.value("load.dataset"))

    def _run(self) -> dict:
        """Return what the last run that loaded the videos says of them; empty without one."""
        try:
            store = self._desk.product("load", "frames.tsv").with_name("raw.zarr") / "zarr.json"
            return json.loads(store.read_text("utf-8"))["attributes"]
        except (Missing, OSError, KeyError, ValueError):
            return {}

    def _rate(self) -> float:
        """Return the frame rate in Hz by the sheet, else as the step load will find it."""
        sheet = self._desk.settings["session"]["fps_hz"]
        if sheet:
            return float(sheet)
        from scopeflow.loading import axis_of  # slow to import, and rarely needed
        from scopeflow.miniscope import read_metadata

        videos, files = self.frames.readers, self._desk.files
        about = {**videos[0].metadata, **read_metadata(files.metadata)}
        return axis_of(
            videos, files.timestamps, None, about.get("fps_hz"), self._desk.session
        ).fps_hz

    def _read_table(self, path: Path) -> None:
        """Take times, places and verdicts from the table of the last run."""
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            names = [Path(video).name for video in self._desk.videos]
            first = dict(zip(names, np.cumsum([0, *self.frames.counts]), strict=False))
            numbers = [first[r["file"]] + int(r["file_frame"]) if r["file"] else -1 for r in rows]
            self.time_s = np.array([float(r["time_s"]) for r in rows])
            values = np.array([[float(r[n]) for n in ("mean", "min", "max")] for r in rows])
            self.status = [r["status"] for r in rows]
        except (KeyError, ValueError) as error:
            raise Missing(
                f"{path} is not a table of frames ({error}); run step load again."
            ) from None
        if not rows:
            raise Missing(f"{path} has no frames; run step load again.")
        # Frames that were never there show the one before.
        self.number = np.maximum.accumulate(np.array(numbers, dtype=np.int64)).clip(0)
        self.course = Course(np.arange(len(rows)), *values.T)

    def original(self, frame: int) -> np.ndarray:
        """Return a frame as it is in the video, black where it cannot be decoded."""
        image = self.frames.read(int(self.number[frame]))
        return np.zeros(self.shape, self.frames.dtype) if image is None else image

    def analysed(self, frame: int) -> np.ndarray:
        """Return a frame as the analysis sees it: cut to the region and down-sampled."""
        last = min(int(self.number[frame]) + self.step, len(self.frames))
        if self.method == "mean" and self.step > 1:
            images = [self.frames.read(n) for n in range(int(self.number[frame]), last)]
            images = [image for image in images if image is not None]
            mean = np.mean(images, axis=0) if images else self.original(frame)
            return self.reduced(np.rint(mean).astype(self.frames.dtype))
        return self.reduced(self.original(frame))

    def reduced(self, image: np.ndarray) -> np.ndarray:
        """Return an original image cut to the region and down-sampled."""
        region, (rows, cols) = self.region, self.factors
        image = image[region["top"] : region["bottom"], region["left"] : region["right"]]
        if self.method != "mean":
            return image[::rows, ::cols]
        height, width = image.shape[0] // rows, image.shape[1] // cols
        blocks = image[: height * rows, : width * cols].reshape(height, rows, width, cols)
        mean = blocks.mean(axis=(1, 3))
        return (np.rint(mean) if image.dtype.kind in "ui" else mean).astype(image.dtype)

    @property
    def analysed_shape(self) -> tuple[int, int]:
        """Height and width of the analysed image in px."""
        sides = (
            self.region["bottom"] - self.region["top"],
            self.region["right"] - self.region["left"],
        )
        if self.method == "mean":
            return tuple(n // f for n, f in zip(sides, self.factors, strict=True))
        return tuple(-(-n // f) for n, f in zip(sides, self.factors, strict=True))

    @property
    def analysed_box(self) -> tuple[float, float, float, float]:
        """Where the analysed image lies in the original one: first row, column, sizes, in px."""
        height, width = self.analysed_shape
        rows, cols = self.factors
        return self.region["top"], self.region["left"], height * rows, width * cols

    def sample(self) -> tuple[Course, np.ndarray | None]:
        """Read frames spread over the recording, once; for a thread of its own.

        Returns
        -------
        course : Course
            Of these frames.
        minimum : ndarray, shape (height, width)
            Least value of each analysed pixel over those that are not dark.
        """
        with self._sampling:  # several tabs may ask at once
            if self._sample is None:
                self._sample = self._read_sample()
            return self._sample

    def _read_sample(self) -> tuple[Course, np.ndarray | None]:
        frames = self._open()
        picks = np.unique(np.linspace(0, self.n_frames - 1, N_SAMPLE).round().astype(int))
        try:
            images = self._near(frames, picks)
            return Course.of_images(images, self.reduced)
        finally:
            frames.close()

    def _near(self, frames: VideoFrames, picks: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield analysed frame numbers and images, near those that are picked; none twice."""
        last = -1
        for pick in picks:
            if self._desk.is_closed:
                return
            number, image = frames.near(int(self.number[pick]))
            frame = int(np.searchsorted(self.number, number))
            if frame > last and frame < self.n_frames and image is not None:
                yield frame, image
                last = frame

    def close(self) -> None:
        """Let go of the files."""
        self.frames.close()


def closed(region: dict, shape: tuple[int, int]) -> dict:
    """Return a region with its open ends filled in."""
    bottom, right = region["bottom"], region["right"]
    return {
        "top": region["top"],
        "bottom": shape[0] if bottom is None else min(bottom, shape[0]),
        "left": region["left"],
        "right": shape[1] if right is None else min(right, shape[1]),
    }
