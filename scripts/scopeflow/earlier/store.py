"""An earlier result as a store of units, in the form that the workflow writes."""

import numpy as np
import zarr

from scopeflow.deconvolve import response_norms, roots
from scopeflow.earlier.result import EarlierResult
from scopeflow.footprints import centroids, write_footprints
from scopeflow.movie import FRAMES_PER_LONG_CHUNK, create_traces, put_unit_ids, unit_blocks
from scopeflow.noise import trace_noise
from scopeflow.quality import diameters, signal_to_noise
from scopeflow.stores import put

NOISE_BAND = 0.25  # of the frame rate: the noise of a raw trace is measured above it


def write_units(out: zarr.Group, result: EarlierResult, fps_hz: float) -> None:
    """Write the arrays of a result; what it does not tell is NaN.

    Parameters
    ----------
    out : zarr.Group
        Empty store.
    result : EarlierResult
        Of `read_earlier`.
    fps_hz : float
        Frame rate in Hz.
    """
    n_units, n_frames = result.C.shape
    height, width = result.shape
    put_unit_ids(out, result.unit_id)
    put(out, "frame", np.arange(n_frames), ("frame",))
    put(out, "height", np.arange(height), ("height",), units="px")
    put(out, "width", np.arange(width), ("width",), units="px")
    put(out, "time_s", np.arange(n_frames) / fps_hz, ("frame",), units="s")
    put(out, "frame_good", np.ones(n_frames, np.uint8), ("frame",))
    write_footprints(out, result.A, result.shape)
    g = kinetics_of(result)
    s_scale = np.array([response_norms(row)[1] if np.isfinite(row).all() else np.nan for row in g])
    traces = {
        "C": lambda units: result.C[units],
        "S": lambda units: _driving(result, g, units) * s_scale[units, None],
        "YrA": lambda units: np.nan if result.YrA is None else result.YrA[units],
    }
    for name, values in traces.items():
        size = n_units, n_frames, FRAMES_PER_LONG_CHUNK
        array = create_traces(out, name, *size, units="counts")
        for units in unit_blocks(n_units):
            array[units] = np.asarray(values(units), np.float32)
    put(out, "g", g, ("unit_id", "lag"), units="1")
    _put_images(out, result)
    _put_columns(out, result, g, s_scale, fps_hz)


def kinetics_of(result: EarlierResult) -> np.ndarray:
    """Return the model of each unit: as told, else the one by which S follows from C.

    Returns
    -------
    ndarray of float64, shape (unit_id, 2)
        NaN where neither tells it.
    """
    if result.g is not None:
        return result.g.astype(np.float64)
    g = np.full((result.n_units, 2), np.nan)
    if result.S is None or result.n_frames < 4:
        return g
    for k, (C, S) in enumerate(zip(result.C, result.S, strict=True)):
        C, S = C.astype(np.float64), S.astype(np.float64)
        before, rest = np.stack([C[1:-1], C[:-2]]), C[2:] - S[2:]
        if C.any() and np.linalg.matrix_rank(before @ before.T) == 2:
            g[k] = np.linalg.solve(before @ before.T, before @ rest)
    return g


def _driving(result: EarlierResult, g: np.ndarray, units: slice) -> np.ndarray:
    """Return G C of some units, as told, else computed."""
    if result.S is not None:
        return result.S[units]
    C, g = result.C[units], g[units]
    before = np.pad(C, ((0, 0), (2, 0)))
    return np.maximum(C - g[:, :1] * before[:, 1:-1] - g[:, 1:] * before[:, :-2], 0)


def _put_images(out: zarr.Group, result: EarlierResult) -> None:
    n_frames, shape = result.n_frames, result.shape

    def put_or_nan(name, values, dims, size, unit):
        values = np.full(size, np.nan) if values is None else values
        put(out, name, np.asarray(values, np.float32), dims, units=unit)

    put_or_nan("b", result.b, ("height", "width"), shape, "counts")
    put_or_nan("f", result.f, ("frame",), n_frames, "1")
    put_or_nan("motion", result.motion, ("frame", "shift_dim"), (n_frames, 2), "px")
    image, words = result.max_proj, f"image of the field by {result.program}"
    if image is None and result.n_units:
        peak = result.C.max(axis=1)
        image = result.A.multiply(peak[:, None]).max(axis=0).toarray().reshape(shape)
        words = "largest A times peak of C: the result has no image of the field"
    put_or_nan("max_proj", image, ("height", "width"), shape, "counts")
    out["max_proj"].attrs["long_name"] = words


def _put_columns(out, result: EarlierResult, g, s_scale, fps_hz: float) -> None:
    zero = np.zeros(result.n_units)
    sigma, snr = zero + np.nan, zero + np.nan
    for units in unit_blocks(result.n_units) if result.YrA is not None else ():
        YrA, C = (x[units].astype(np.float64) for x in (result.YrA, result.C))
        sigma[units] = trace_noise(YrA, fps_hz, NOISE_BAND * fps_hz)
        snr[units] = signal_to_noise(C, np.nan_to_num(sigma[units]))
    snr[~np.isfinite(sigma)] = np.nan
    slow, fast = np.array([roots(row) for row in g]).reshape(-1, 2).T
    place = centroids(result.A, result.shape)
    accepted = np.ones(result.n_units) if result.accepted is None else result.accepted
    columns = {
        "b0": (zero if result.b0 is None else result.b0, "counts"),
        "c0": (zero if result.c0 is None else result.c0, "counts"),
        "sigma": (sigma, "counts"),
        "s_scale": (s_scale, "1"),
        "snr": (snr, "1"),
        "spatial_r": (zero + np.nan, "1"),
        "tau_decay_s": (_time_s(slow, fps_hz), "s"),
        "tau_rise_s": (_time_s(fast, fps_hz), "s"),
        "diameter_px": (diameters(result.A), "px"),
        "centroid_height": (place[:, 0], "px"),
        "centroid_width": (place[:, 1], "px"),
    }
    for name, (values, unit) in columns.items():
        put(out, name, np.asarray(values, np.float32), ("unit_id",), units=unit)
    put(out, "size_px", np.diff(result.A.indptr), ("unit_id",), units="px")
    put(out, "accepted", np.asarray(accepted).astype(np.uint8), ("unit_id",))
    for name, (values, unit) in result.columns.items():
        put(out, name, values, ("unit_id",), units=unit)


def _time_s(root: np.ndarray, fps_hz: float) -> np.ndarray:
    """Return the time in which a root of the model decays to 1 / e; 0 for a root of 0."""
    inside = (root > 0) & (root < 1)
    times = -1 / (fps_hz * np.log(np.where(inside, root, 0.5)))
    return np.where(inside, times, np.where(root <= 0, 0, np.nan))
