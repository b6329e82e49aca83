"""The movies of a session, side by side; each frame is made when it is asked for."""

from collections.abc import Callable

import numpy as np

from scopeflow.errors import InputError
from scopeflow.explore.pictures import display_range
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.recording import Recording

Box = tuple[float, float, float, float]

NAMES = {
    "raw": "as in the video",
    "filtered": "glow, noise and background taken off",
    "corrected": "Y: glow taken off, motion corrected",
    "cells": "A C: what the cells explain",
}


class Movies:
    """Frames of the movies by name.

    Parameters
    ----------
    desk : Desk
        The session.
    recording : Recording
        Its videos.
    """

    def __init__(self, desk: Desk, recording: Recording) -> None:
        self._desk, self._recording = desk, recording
        self._makers = {
            "raw": lambda: recording.original,
            "filtered": self._filtered,
            "corrected": self._corrected,
            "cells": self._cells,
        }
        self._open: dict[str, Callable[[int], np.ndarray]] = {}
        self._glow: np.ndarray | None = None

    def box(self, name: str) -> Box:
        """Return where a movie lies in the original image: first row, column, sizes, in px."""
        return (0, 0, *self._recording.shape) if name == "raw" else self._recording.analysed_box

    def frame(self, name: str, number: int) -> np.ndarray:
        """Return a frame of a movie, shape (height, width).

        Raises
        ------
        Missing
            If the movie is not there; the message says what to do.
        """
        try:
            if name not in self._open:
                self._open[name] = self._makers[name]()
            return self._open[name](number)
        except InputError as error:
            raise Missing(str(error)) from None
        except OSError as error:
            self._open.pop(name, None)
            raise Missing(f"{NAMES[name]}: not readable ({error}).") from None

    def levels(self, name: str, number: int) -> tuple[float, float]:
        """Return the values of a movie that are shown as black and as white."""
        if name == "cells":
            C = open_group(self._desk.units())["C"]
            peaks = np.nan_to_num(C[:, : 4 * C.chunks[1]]).max(axis=1, initial=0)
            return 0.0, float(np.quantile(peaks, 0.75)) if len(peaks) else 1.0
        course = self._recording.course
        if name == "filtered" and course is not None:
            number = int(course.frame[course.largest.argmax()])  # at rest it shows noise only
        return display_range(self.frame(name, number))

    def glow(self) -> np.ndarray:
        """Return the image that is taken off every frame, by the last run or a sample of frames."""
        from scopeflow.preprocess import glow_image

        if self._glow is None:
            try:
                path = self._desk.product("load", "frames.tsv").with_name("raw.zarr")
                self._glow = open_group(path)["minimum"][:]
            except Missing:
                minimum = self._recording.sample()[1]
                empty = np.zeros(self._recording.analysed_shape, self._recording.frames.dtype)
                self._glow = empty if minimum is None else minimum
        method = self._desk.value("preprocess.glow.method")
        return glow_image(self._glow, method, self._desk.diameter_px)

    def _filtered(self) -> Callable[[int], np.ndarray]:
        from scopeflow.preprocess import denoise, remove_background, remove_glow

        cached: dict[tuple, np.ndarray] = {}

        def frame(number: int) -> np.ndarray:
            filters = filters_of(self._desk)
            try:
                filters.check(self._recording.analysed_shape)
            except ValueError as error:
                raise Missing(f"{error}. Lower it.") from None
            key = (self._desk.value("preprocess.glow.method"), self._desk.diameter_px)
            if key not in cached:
                cached.clear()
                cached[key] = self.glow()
            image = remove_glow(self._recording.analysed(number), cached[key])
            return remove_background(denoise(image, filters), filters)

        return frame

    def _corrected(self) -> Callable[[int], np.ndarray]:
        from scopeflow.stores import read_frame

        Y = open_group(self._desk.product("apply_motion", "Y.zarr"))["Y"]
        self._refuse_other(Y.shape)
        return lambda number: read_frame(Y, number)

    def _cells(self) -> Callable[[int], np.ndarray]:
        from scopeflow.footprints import read_footprints

        path = self._desk.units()
        A, shape = read_footprints(str(path))
        C = open_group(path)["C"]
        self._refuse_other((C.shape[1], *shape))
        kept: dict[int, np.ndarray] = {}
        stretch = C.chunks[1]
        A_by_pixel = A.T.tocsr()

        def frame(number: int) -> np.ndarray:
            part = number // stretch
            if part not in kept:
                kept.clear()
                kept[part] = C[:, part * stretch : (part + 1) * stretch]
            course = np.nan_to_num(kept[part][:, number - part * stretch])
            return (A_by_pixel @ course).reshape(shape).astype(np.float32)

        return frame

    def _refuse_other(self, shape: tuple[int, ...]) -> None:
        here = (self._recording.n_frames, *self._recording.analysed_shape)
        if tuple(shape) != here:
            raise Missing(
                f"the last run has {shape[0]} frames of {shape[1]} x {shape[2]} px, but the loaded "
                f"recording {here[0]} of {here[1]} x {here[2]} px: it is out of date. Run again."
            )


def filters_of(desk: Desk):
    """Return the filters by what is chosen."""
    from scopeflow.preprocess import Filters

    section = desk.section("preprocess")
    denoise, background = section["denoise"], section["background"]
    return Filters.for_cells(
        denoise["method"], denoise["window_px"],
        background["method"], background["radius_px"], desk.diameter_px,
    )  # fmt: skip


def open_group(path):
    """Open a store for reading, or raise `Missing` with a sentence on what is wrong with it."""
    from scopeflow.intact import open_store

    try:
        return open_store(path)
    except InputError as error:
        raise Missing(str(error)) from None
