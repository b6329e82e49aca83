"""Reading the loaded recording: frames, their verdicts, and the filters of its session."""

import csv

import numpy as np

from scopeflow.errors import InputError
from scopeflow.intact import open_store
from scopeflow.parallel import threads_that_fit
from scopeflow.preprocess import Filters, glow_image
from scopeflow.stores import read_slab, slab_bytes, slabs


class LoadedRecording:
    """A recording as rule ``load`` wrote it, and how it is to be filtered.

    Attributes
    ----------
    raw : zarr.Array
        (frame, height, width), camera counts; `read` it by `slabs`.
    good : ndarray of bool, shape (frame,)
        Frames without a fault.
    glow : ndarray, shape (height, width)
        Image taken off every frame.
    filters : Filters or None
        What is done to frames after that; None for a step that does not filter.
    fps_hz : float
        Frame rate in Hz.
    metadata : dict
        What the files tell of the recording: camera, gain, animal and the like.
    clock : dict
        Of `TimeAxis.clock`.
    warnings : list of str
        What was wrong with it.
    """

    def __init__(self, raw: str, frames: str, settings: dict, session: str) -> None:
        group = open_store(raw)
        self.raw = group["Y"]
        self.fps_hz = float(group.attrs["fps_hz"])
        self.metadata = dict(group.attrs.get("recording", {}))
        self.clock = dict(group.attrs.get("clock", {}))
        self.warnings = list(group.attrs.get("warnings", []))
        self.good = _without_fault(frames)
        diameter, steps = settings["cell_diameter_px"], settings["preprocess"]
        self.filters = None
        self.slabs = slabs(self.raw)
        try:
            if "denoise" in steps:
                self.filters = _filters(steps["denoise"], steps["background"], diameter)
                self.filters.check(self.shape)
            self.glow = glow_image(group["minimum"][:], steps["glow"]["method"], diameter)
        except ValueError as error:
            raise InputError(
                f"session {session}: {error}. Lower it, or cell_diameter_px, which is {diameter:g}."
            ) from None

    def threads(self, threads: int, mem_mb: float) -> int:
        """Return how many slabs may be worked on at once, of `threads`, within `mem_mb` MB."""
        return threads_that_fit(threads, mem_mb, slab_bytes(self.raw))

    def read(self, slab: slice, *, last: bool = False) -> np.ndarray:
        """Read one of the `slabs`, perhaps for the last time."""
        return read_slab(self.raw, slab, last=last)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.raw.shape[1:]

    @property
    def n_frames(self) -> int:
        """Number of frames, bad ones included."""
        return self.raw.shape[0]

    def evenly_spaced(self, n: int) -> np.ndarray:
        """Return the indices of at most `n` good frames, evenly spread."""
        good = np.flatnonzero(self.good)
        return good[np.unique(np.linspace(0, len(good) - 1, min(n, len(good))).round().astype(int))]


def _filters(denoise: dict, background: dict, diameter: float) -> Filters:
    methods = denoise["method"], denoise["window_px"], background["method"]
    return Filters.for_cells(*methods, background["radius_px"], diameter)


def _without_fault(frames: str) -> np.ndarray:
    """Return which frames of a table have an empty status; pandas would take longer to import."""
    with open(frames, newline="", encoding="utf-8") as lines:
        rows = csv.reader(lines, delimiter="\t")
        status = next(rows).index("status")
        return np.array([row[status] == "" for row in rows], dtype=bool)
