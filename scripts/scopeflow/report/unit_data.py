"""Numbers of the units for the browser: traces in bytes, footprints cut out, outlines."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from scopeflow.outlines import footprint_lines
from scopeflow.report import packing

# Values of raw traces in a page, over all units: 8 million take about 8 MB as text.
BUDGET = 8_000_000
OUTLINE_LEVEL = 0.4  # of a footprint's peak
WINDOW_DIAMETERS = 3.0  # side of the cut-out around a unit
EVENTS = 30  # largest events that the mean event is taken from
RESPONSE_DECAYS = 4.0  # length of the pulse response, in decay times
RESPONSE_POINTS = 150


@dataclass(frozen=True)
class Cutouts:
    """Footprints in windows of one size, a byte for each pixel.

    Attributes
    ----------
    data : ndarray of uint8, shape (unit_id, side, side)
        255 is the largest value.
    top, left : ndarray of int, shape (unit_id,)
        Place of the window in px; it may reach over the edge of the image.
    """

    data: np.ndarray
    top: np.ndarray
    left: np.ndarray


def window_side(diameter_px: float, shape: tuple[int, int]) -> int:
    """Return the side of the window in px: odd, and no larger than the image."""
    return min(2 * round(WINDOW_DIAMETERS * diameter_px / 2) + 1, 2 * (max(shape) // 2) + 1)


def cutouts(A: sparse.csr_array, centres: np.ndarray, shape: tuple[int, int], side: int) -> Cutouts:
    """Cut footprints out around their centres; what is further away is left out.

    Parameters
    ----------
    A : csr_array of float, shape (unit_id, pixel)
        Largest value 1.
    centres : ndarray of float, shape (unit_id, 2)
        Row and column in px.
    shape : tuple of int
        (height, width) of the image.
    side : int
        Of the window, in px.
    """
    corner = np.rint(centres).astype(int).reshape(-1, 2) - side // 2
    data = np.zeros((A.shape[0], side, side), dtype=np.uint8)
    for k, (top, left) in enumerate(corner):
        own = slice(A.indptr[k], A.indptr[k + 1])
        rows, cols = np.divmod(A.indices[own], shape[1])
        rows, cols = rows - top, cols - left
        inside = (rows >= 0) & (rows < side) & (cols >= 0) & (cols < side)
        data[k, rows[inside], cols[inside]] = np.rint(255 * A.data[own][inside])
    return Cutouts(data, corner[:, 0], corner[:, 1])


def outlines_of(A: sparse.csr_array, shape: tuple[int, int]) -> tuple[list, list]:
    """Return the outlines of footprints: lists of columns and of rows, float32, in px.

    Of a footprint in several parts the longest line is taken.
    """
    xs, ys = [], []
    for k in range(A.shape[0]):
        own = slice(A.indptr[k], A.indptr[k + 1])
        lines = footprint_lines(A.indices[own], A.data[own], shape[1], OUTLINE_LEVEL)
        x, y = (lines or [np.zeros((0, 2))])[0].astype(np.float32).T
        xs.append(x)
        ys.append(y)
    return xs, ys


def response(g: np.ndarray, n: int) -> np.ndarray:
    """Return calcium after a transient of height 1, shape (n,), the first value at its start."""
    pulse = np.zeros(n + 2)
    pulse[2] = 1.0
    for t in range(3, n + 2):
        pulse[t] = g[0] * pulse[t - 1] + g[1] * pulse[t - 2]
    return pulse[2:] / pulse.max()


def response_lags(tau_decay_s: float, fps_hz: float) -> np.ndarray:
    """Return the frames after an event at which responses are shown, increasing."""
    length = max(round(RESPONSE_DECAYS * tau_decay_s * fps_hz), 10)
    return np.unique(np.linspace(0, length, min(length + 1, RESPONSE_POINTS)).round().astype(int))


def mean_event(
    residual: np.ndarray, S: np.ndarray, pulse: np.ndarray, lags: np.ndarray
) -> np.ndarray:
    """Return what the raw trace does at the largest events, over their height.

    Parameters
    ----------
    residual : ndarray of float, shape (frame,)
        Raw trace less its fit; NaN at frames left out.
    S : ndarray of float, shape (frame,)
        Height of the transient that starts at the frame.
    pulse : ndarray of float, shape (lag,)
        Response at `lags`, largest value 1.
    lags : ndarray of int
        Frames after the event.

    Returns
    -------
    ndarray of float64, shape (lag,)
        NaN where no event is followed by a frame. It lies on `pulse` if the kinetics are
        right, whatever other events are near.

    Notes
    -----
    For every lag the least-squares height of the residual per unit of S, on top of the pulse
    that the fit has there already.
    """
    events = np.argsort(-S, kind="stable")[:EVENTS]
    events = events[S[events] > 0]
    at = events[:, None] + lags
    inside = at < len(S)
    values = np.where(inside, residual[np.minimum(at, len(S) - 1)], np.nan)
    known = np.isfinite(values)
    height = np.where(known, S[events][:, None], 0.0)
    weight = (height**2).sum(axis=0)
    extra = (height * np.where(known, values, 0)).sum(axis=0)
    return np.divide(extra, weight, out=np.full(len(lags), np.nan), where=weight > 0) + pulse


class TracePacker:
    """Takes the traces of the units block by block and packs them for the page.

    Parameters
    ----------
    n_units, n_frames : int
        Size of the whole.
    time_s : ndarray of float, shape (frame,)
    fps_hz : float
    """

    def __init__(self, n_units: int, time_s: np.ndarray, fps_hz: float) -> None:
        self.width = packing.bin_width(n_units, len(time_s), BUDGET)
        self._elapsed = np.asarray(time_s) - (time_s[0] if len(time_s) else 0)
        self._time_s, self._fps_hz = time_s, fps_hz
        self._parts: dict[str, list[packing.Bytes]] = {
            name: [] for name in ("raw", "calcium", "spikes", "event")
        }
        self._lags: list[np.ndarray] = []

    def add(
        self,
        YrA: np.ndarray,
        C: np.ndarray,
        S: np.ndarray,
        columns: dict[str, np.ndarray],
        longest_decay_s: float,
    ) -> None:
        """Take the next units: traces (unit_id, frame), and their columns.

        Columns used: ``g`` (unit_id, lag), ``b0``, ``c0``, ``sigma``, ``tau_decay_s``.
        ``longest_decay_s`` is that of all units, so that all responses have one length.
        """
        wide = self.width
        sigma = columns["sigma"]
        self._parts["raw"].append(packing.in_bytes(packing.envelope(YrA, wide), sigma))
        self._parts["calcium"].append(packing.in_bytes(packing.highest(C, wide)))
        self._parts["spikes"].append(packing.in_bytes(packing.highest(S, wide)))
        lags = response_lags(longest_decay_s, self._fps_hz)
        events = np.zeros((len(C), len(lags)))
        for k in range(len(C)):
            tau = max(float(columns["tau_decay_s"][k]), 1e-6)
            start = columns["c0"][k] * np.exp(-self._elapsed / tau)
            residual = YrA[k] - C[k] - columns["b0"][k] - start
            pulse = response(columns["g"][k], lags[-1] + 1)[lags]
            events[k] = mean_event(residual, S[k], pulse, lags)
        self._parts["event"].append(packing.in_bytes(events))
        self._lags = lags

    def data(self) -> dict:
        """Return what the page gets: packed bytes, ranges and times."""
        times = {
            "points_s": packing.bin_times(self._time_s, self.width, pairs=True),
            "bins_s": packing.bin_times(self._time_s, self.width),
        }
        found: dict = {
            name: packing.packed(values.astype(np.float32).view(np.uint8))
            for name, values in times.items()
        }
        for name, parts in self._parts.items():
            found[name] = {
                "bytes": packing.packed(part.data for part in parts),
                "low": [round(float(v), 4) for part in parts for v in part.low],
                "step": [float(f"{v:.6g}") for part in parts for v in part.step],
            }
        found["lags_s"] = [round(float(lag) / self._fps_hz, 4) for lag in self._lags]
        return found
