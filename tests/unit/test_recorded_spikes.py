"""Deconvolution against spikes recorded with an electrode (two-photon imaging)."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from scopeflow.autoregression import unit_coefficients
from scopeflow.deconvolve import coefficients, deconvolve
from scopeflow.filters import default_cutoff_hz
from scopeflow.kinetics import pooled_kinetics
from scopeflow.noise import trace_noise

DATA = Path(__file__).parents[3] / "shared" / "data" / "spikes"
BIN_S = 0.25


def recordings(folder: Path):
    """Yield trace, spikes per frame and frame rate, averaged to about 30 frames per second."""
    for file in sorted(folder.glob("*.mat")):
        for cell in loadmat(file)["CAttached"][0]:
            time_s, trace = (cell[0, 0][k].ravel() for k in ("fluo_time", "fluo_mean"))
            n = min(len(time_s), len(trace))
            seen = np.isfinite(time_s[:n]) & np.isfinite(trace[:n])
            time_s, trace = time_s[:n][seen], trace[:n][seen].astype(float)
            if n < 500:
                continue
            frame_s = np.median(np.diff(time_s))
            every = max(round(1 / 30 / frame_s), 1)
            m = len(trace) // every
            starts = time_s[: m * every : every]
            spikes = cell[0, 0]["events_AP"].ravel() / 1e4
            counts = np.histogram(spikes, np.append(starts, starts[-1] + frame_s * every))[0]
            yield trace[: m * every].reshape(m, every).mean(axis=1), counts, 1 / frame_s / every


def agreement(s, counts, fps_hz) -> float:
    step = round(BIN_S * fps_hz)
    binned = [v[: len(v) // step * step].reshape(-1, step).sum(axis=1) for v in (s, counts)]
    return np.corrcoef(*binned)[0, 1] if all(b.std() > 0 for b in binned) else np.nan


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
@pytest.mark.parametrize(
    ("name", "lowest"),
    [("DS09-GCaMP6f-m-V1", 0.65), ("DS14-GCaMP6s-m-V1", 0.8), ("DS18-R-CaMP-m-CA3", 0.78)],
)
def test_pooled_kinetics_find_recorded_spikes_better_than_those_of_each_cell(name, lowest):
    cells = list(recordings(DATA / name))
    fps_hz = float(np.median([c[2] for c in cells]))
    length = int(np.median([len(c[0]) for c in cells]))
    traces = np.full((len(cells), length), np.nan)
    for row, (trace, _, _) in zip(traces, cells, strict=True):
        row[: len(trace)] = trace[:length]
    shared = pooled_kinetics(traces, trace_noise(traces, fps_hz, fps_hz / 4), fps_hz, None, 0)
    pooled, own = [], []
    for trace, counts, fps in cells:
        sigma = trace_noise(trace[None], fps, fps / 4)[0]
        g = coefficients(shared.tau_decay_s, shared.tau_rise_s, fps)
        pooled.append(agreement(deconvolve(trace, g, sigma).s, counts, fps))
        g = unit_coefficients(trace, sigma, 2, 20, fps, default_cutoff_hz(fps))
        own.append(agreement(deconvolve(trace, g, sigma).s, counts, fps))
    assert np.nanmedian(pooled) > lowest
    assert np.nanmedian(pooled) > np.nanmedian(own)
