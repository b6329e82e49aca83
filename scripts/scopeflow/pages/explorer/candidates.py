"""Candidates for cells, measured and judged again by what is chosen."""

import numpy as np
import pandas as pd
import zarr

from scopeflow import seeds
from scopeflow.explore.glimpse import glimpse
from scopeflow.filters import default_cutoff_hz, fill_gaps, low_pass
from scopeflow.movie import unit_blocks
from scopeflow.pages.explorer.desk import Desk, Missing
from scopeflow.pages.explorer.movies import Movies, filters_of, open_group
from scopeflow.pages.explorer.recording import Recording
from scopeflow.seed_tests import judge, measures, merged

COLUMNS = ["height", "width", "count", "score"]
GLIMPSE_S = 20.0  # of the video, where nothing has run yet
GLIMPSE_BYTES = 200e6  # at most


class Candidates:
    """Candidates with their traces.

    Parameters
    ----------
    desk : Desk
        The session.
    table : DataFrame
        ``height`` and ``width`` in px, ``count`` and ``score`` of each.
    traces, null : zarr.Array, shape (candidate or site, frame)
        In counts; of candidates, and of places without one.
    fps_hz : float
        Frame rate in Hz.
    method : str
        How they were found.
    image : ndarray, shape (height, width)
        Maximum projection.
    """

    def __init__(self, desk, table, traces, null, fps_hz, method, image) -> None:
        self._desk, self.table = desk, table
        self._traces, self._null = traces, null
        self.fps_hz, self.method, self.image = fps_hz, method, image
        self._measured_at: float | None = None
        self._agreements: dict[tuple[int, int], float] = {}

    @classmethod
    def of_run(cls, desk: Desk) -> "Candidates":
        """Return those that rule ``seeds_init`` found, or raise `Missing`."""
        path = desk.product("seeds_init", "candidates.zarr")
        store = open_group(path)
        image = open_group(desk.product("apply_motion", "projections.zarr"))["max_proj"][:]
        try:
            table = pd.DataFrame({name: store[name][:] for name in COLUMNS})
            return cls(desk, table, store["traces"], store["null_traces"],
                       float(store.attrs["fps_hz"]), store.attrs["method"], image)  # fmt: skip
        except KeyError as error:
            raise Missing(f"{path} lacks {error}; delete it and run again.") from None

    @classmethod
    def of_video(cls, desk: Desk, recording: Recording) -> "Candidates":
        """Return those that a few seconds from the middle of the video show."""
        shape = recording.analysed_shape
        size = shape[0] * shape[1] * recording.frames.dtype.itemsize
        n = int(min(GLIMPSE_S * recording.fps_hz, GLIMPSE_BYTES / size, recording.n_frames))
        first = (recording.n_frames - n) // 2
        own = Recording(desk)  # read by a thread, beside the player
        try:
            frames = np.stack([own.analysed(k) for k in range(first, first + n)])
        finally:
            own.close()
        seen = glimpse(frames, Movies(desk, recording).glow(), filters_of(desk), desk.diameter_px)
        table = pd.DataFrame(dict(zip(COLUMNS, seen.places.T, strict=True)))
        traces, null = (zarr.array(part) for part in (seen.traces, seen.null_traces))
        return cls(desk, table, traces, null, recording.fps_hz, "rolling", seen.image)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def cutoff_hz(self) -> float:
        """Frequency that separates signal from noise, as chosen, below half the frame rate."""
        chosen = self._desk.value("seeds.noise_cutoff_hz") or default_cutoff_hz(self.fps_hz)
        return min(chosen, 0.49 * self.fps_hz)

    @property
    def pnr_min(self) -> float:
        """Least peak-to-noise ratio, as chosen."""
        chosen = self._desk.value("seeds.pnr_min")
        return seeds.default_pnr_min(self.fps_hz, self.cutoff_hz) if chosen is None else chosen

    def traces(self, which: np.ndarray) -> np.ndarray:
        """Return the traces of candidates, shape (candidate, frame), in counts."""
        return self._traces.oindex[np.asarray(which)]

    def judged(self) -> pd.DataFrame:
        """Return the verdict of every test under what is chosen, columns ``mask_<test>``."""
        self._measure()
        desk, settings = self._desk, self._desk.section("seeds")
        masks = judge(self.table, settings, self.method, self.image.shape, desk.diameter_px,
                      self.pnr_min, desk.value("seed"))  # fmt: skip
        passed = masks.all(axis=1).to_numpy()
        masks["mask_merge"] = ~passed | merged(
            self.table, passed, self._agreement, settings, self.method, desk.diameter_px
        )
        return masks

    def _measure(self) -> None:
        """Measure the traces, if the cut-off has changed; a block of them in memory."""
        cutoff_hz = self.cutoff_hz
        if self._measured_at == cutoff_hz:
            return
        parts = [
            measures(fill_gaps(self._traces[block]), self.fps_hz, cutoff_hz)
            for block in unit_blocks(len(self))
        ]
        null = [
            measures(fill_gaps(self._null[block]), self.fps_hz, cutoff_hz)[2]
            for block in unit_blocks(self._null.shape[0])
        ]
        ranges, ratio, distance = (
            np.concatenate([part[k] for part in parts]) if parts else np.zeros(0) for k in range(3)
        )
        null = np.concatenate(null) if null else np.zeros(0)
        self.table["peak_to_peak"], self.table["pnr"] = ranges, ratio
        self.table["ks_p"] = seeds.ks_p_values(distance, null)
        self._measured_at = cutoff_hz
        self._agreements.clear()

    def _agreement(self, pairs: np.ndarray) -> np.ndarray:
        for i, j in pairs.tolist():
            if (i, j) not in self._agreements:
                both = fill_gaps(self._traces.oindex[np.array([i, j])])
                slow = low_pass(both, self.fps_hz, self.cutoff_hz)
                self._agreements[i, j] = float(seeds.correlations(slow, np.array([[0, 1]]))[0])
        return np.array([self._agreements[i, j] for i, j in pairs.tolist()])
