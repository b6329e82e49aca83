"""Events of a unit: the stretches over which its calcium rises."""

from dataclasses import dataclass

import numpy as np

AMPLITUDE_MIN_SIGMA = 2.0  # smaller rises are not told from the noise of the raw trace


@dataclass(frozen=True)
class Events:
    """Events of one unit, in order of time.

    Attributes
    ----------
    onset, peak : ndarray of int64, shape (event,)
        First frame of the rise, and its last, where the calcium is highest.
    amplitude : ndarray of float64, shape (event,)
        Calcium at the peak less that in the frame before the onset, camera counts.
    area : ndarray of float64, shape (event,)
        Area under the calcium that the event adds, followed to its end, counts * s.
    """

    onset: np.ndarray
    peak: np.ndarray
    amplitude: np.ndarray
    area: np.ndarray


def find_events(
    C: np.ndarray, S: np.ndarray, sigma: float, g: np.ndarray, s_scale: float, fps_hz: float
) -> Events:
    """Find the events of a unit.

    Parameters
    ----------
    C, S : ndarray of float, shape (frame,)
        Calcium and activity of the unit in camera counts.
    sigma : float
        Noise of its raw trace in camera counts.
    g : ndarray of float, shape (lag,)
        Its autoregressive coefficients.
    s_scale : float
        Its scale of S: ``S = s_scale * (G C)``.
    fps_hz : float
        Frame rate.

    Notes
    -----
    An event is a longest run of frames over which C rises from each frame to the next, with
    activity S in it and an amplitude of at least two sigma. Calcium follows a spike by
    ``h / s_scale``, the response of the autoregressive model, whose sum over all time is
    ``1 / (1 - sum g)``: the area is that times the sum of S over the rise. Overlapping
    events thus do not share area, and none is lost behind the end of the recording.
    """
    rising = np.diff(C.astype(np.float64), prepend=0.0) > 0
    edges = np.diff(np.concatenate([[False], rising, [False]]).astype(np.int8))
    onset, peak = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    before = np.where(onset > 0, C[onset - 1], 0.0)
    amplitude = C[peak].astype(np.float64) - before
    total = np.concatenate([[0.0], np.cumsum(S, dtype=np.float64)])
    activity = total[peak + 1] - total[onset]
    decays = 1 - float(np.sum(g))
    gain = 1 / (decays * s_scale * fps_hz) if decays > 0 and s_scale > 0 else np.nan
    counts = (activity > 0) & (amplitude >= AMPLITUDE_MIN_SIGMA * sigma) & (amplitude > 0)
    return Events(onset[counts], peak[counts], amplitude[counts], activity[counts] * gain)
