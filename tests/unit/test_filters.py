"""Filters and spectra, against those of SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from scopeflow import filters
from scopeflow.errors import InputError

over_traces = given(
    seed=st.integers(0, 2**31),
    n_frames=st.integers(1, 400),
    fps_hz=st.floats(1, 120),
    part=st.floats(0, 1),
)


@settings(deadline=None)
@over_traces
def test_the_low_pass_is_butterworths_run_forward_and_backward(seed, n_frames, fps_hz, part):
    cutoff_hz = (0.002 + 0.497 * part) * fps_hz
    traces = np.random.default_rng(seed).normal(100, 5, (seed % 4, n_frames))
    sections = signal.butter(2, cutoff_hz, fs=fps_hz, output="sos")
    pad = min(int(3 * fps_hz / cutoff_hz), n_frames - 1)
    expected = signal.sosfiltfilt(sections, traces, axis=-1, padlen=pad)
    np.testing.assert_allclose(filters.low_pass(traces, fps_hz, cutoff_hz), expected, rtol=1e-7)


def test_the_low_pass_takes_any_shape_and_type():
    traces = np.random.default_rng(0).normal(size=(2, 3, 50)).astype(np.float32)
    smooth = filters.low_pass(traces[:, ::2], 30, 2)
    assert smooth.shape == (2, 2, 50)
    assert smooth.dtype == np.float64
    np.testing.assert_array_equal(smooth[1, 1], filters.low_pass(traces[1, 2], 30, 2))


@pytest.mark.parametrize("cutoff_hz", [0, -1, 15, np.nan])
def test_a_cutoff_that_cannot_be_is_refused(cutoff_hz):
    with pytest.raises(ValueError, match="not within 0 and 15 Hz"):
        filters.low_pass(np.zeros((1, 100)), 30, cutoff_hz)


def test_a_setting_that_cannot_be_is_named_with_its_remedy():
    assert filters.chosen_cutoff_hz(None, 30, "seeds") == pytest.approx(1.59, 0.01)
    assert filters.chosen_cutoff_hz(14.9, 30, "seeds") == 14.9
    with pytest.raises(InputError, match=r"seeds.noise_cutoff_hz is 15 Hz; .* 15 Hz here\. Lower"):
        filters.chosen_cutoff_hz(15, 30, "seeds")


@settings(deadline=None)
@over_traces
def test_spectra_are_welchs(seed, n_frames, fps_hz, part):
    length = 8 + int(part * (n_frames - 1))
    traces = np.random.default_rng(seed).normal(size=(2, n_frames + 7)).cumsum(axis=1) + 100
    expected = signal.welch(traces, fps_hz, nperseg=length, detrend="linear", axis=1)
    freqs, power = filters.spectra(traces, fps_hz, length)
    np.testing.assert_allclose(freqs, expected[0][1:])
    np.testing.assert_allclose(power, expected[1][:, 1:], rtol=1e-6, atol=1e-9 * power.max())
