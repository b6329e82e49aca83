"""The traces of one unit of a store, as a person looks at them."""

import numpy as np
import zarr


def traces_of(units: zarr.Group, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return raw trace, fit and S of the unit at position `k`.

    Returns
    -------
    tuple of ndarray, shape (frame,)
        In counts; the fit includes baseline and first decay, so that it lies on the raw trace.
    """
    C = units["C"][k]
    decay_frames = units["tau_decay_s"][k] * units.attrs["fps_hz"]
    start = units["c0"][k] * np.exp(-np.arange(len(C)) / max(decay_frames, 1e-6))
    return units["YrA"][k], C + units["b0"][k] + start, units["S"][k]
