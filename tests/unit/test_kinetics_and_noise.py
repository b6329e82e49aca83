"""Kinetics and noise of simulated traces, whose truth is known."""

import numpy as np
import pytest

from scopeflow.autoregression import stable, unit_coefficients
from scopeflow.deconvolve import coefficients, impulse_response, roots
from scopeflow.kinetics import Kinetics, pooled_kinetics
from scopeflow.noise import fast_variance, pixel_noise, trace_noise


def traces(n_units, n_frames, fps_hz, decay, rise, peak=8.0, rate_hz=0.2, seed=0):
    """Poisson spikes through the indicator, with noise of 1."""
    rng = np.random.default_rng(seed)
    h = impulse_response(coefficients(decay, rise, fps_hz), n_frames)
    spikes = rng.random((n_units, n_frames)) < rate_hz / fps_hz
    c = np.stack([np.convolve(s, peak * h / h.max())[:n_frames] for s in spikes])
    return c + rng.normal(0, 1, c.shape)


@pytest.mark.parametrize(
    ("fps_hz", "decay", "rise"), [(30, 2.0, 0.17), (20, 0.5, 0.1), (60, 0.8, 0.1)]
)
def test_pooled_kinetics_come_near_the_truth(fps_hz, decay, rise):
    y = traces(24, 4000, fps_hz, decay, rise)
    found = pooled_kinetics(y, np.ones(24), fps_hz, None, seed=0)
    assert found.tau_decay_s == pytest.approx(decay, rel=0.15)
    assert found.tau_rise_s == pytest.approx(rise, rel=0.35)
    assert found.decay_interval_s[0] <= found.decay_interval_s[1]
    assert "24" in found.source


def test_missing_frames_do_not_disturb_the_kinetics():
    y = traces(20, 4000, 30, 1.0, 0.1)
    y[:, 1000:1100] = np.nan
    y[:, ::97] = np.nan
    found = pooled_kinetics(y, np.ones(20), 30, None, seed=0)
    assert found.tau_decay_s == pytest.approx(1.0, rel=0.2)


def test_few_units_give_the_prior_and_say_so():
    found = pooled_kinetics(traces(5, 1000, 30, 1.0, 0.1), np.ones(5), 30, None, 0)
    assert found.source == "prior"
    assert pooled_kinetics(np.zeros((0, 100)), np.zeros(0), 30, 1, 0).tau_rise_s == 0
    assert Kinetics.fixed(1, 0.1, "given").decay_interval_s == (1, 1)


def test_kinetics_are_the_same_each_time():
    y = traces(16, 2000, 20, 1.0, 0.1)
    once = pooled_kinetics(y, np.ones(16), 20, 2, 3)
    assert once == pooled_kinetics(y.copy(), np.ones(16), 20, 2, 3)


def test_coefficients_of_one_clear_trace():
    y = traces(1, 20000, 30, 2.0, 0.17, peak=30, seed=1)[0]
    g = unit_coefficients(y, 1.0, 2, 20, 30, None)
    assert -1 / np.log(roots(g)[0]) / 30 == pytest.approx(2.0, rel=0.25)
    first = unit_coefficients(y, 1.0, 1, 20, 30, None)
    assert first[1] == 0
    assert 0.9 < first[0] < 1


@pytest.mark.parametrize("g", [[1.9, -0.6], [2.2, -0.9], [0.3, 0.9], [-0.5, -0.3], [0.0, 0.0]])
def test_every_estimate_becomes_a_stable_model_with_real_roots(g):
    slow, fast = roots(stable(np.array(g)))
    assert 0 <= fast <= slow < 1
    g = stable(np.array(g))
    assert g[0] ** 2 + 4 * g[1] >= -1e-12


def test_coefficients_of_a_constant_trace_are_finite():
    assert np.isfinite(unit_coefficients(np.ones(100), 0.0, 2, 20, 30, 5.0)).all()


def test_trace_noise_is_that_of_white_noise():
    rng = np.random.default_rng(0)
    y = rng.normal(100, [[1.0], [5.0]], (2, 4000))
    slow = 30 * np.sin(np.arange(4000) / 60)
    assert trace_noise(y + slow, 30, 7.5) == pytest.approx([1, 5], rel=0.05)
    y[:, ::3] = np.nan
    assert trace_noise(y, 30, 7.5) == pytest.approx([1, 5], rel=0.3)
    assert trace_noise(np.zeros((0, 100)), 30, 7.5).shape == (0,)


def test_pixel_noise_pools_segments_and_leaves_dead_pixels_at_zero():
    rng = np.random.default_rng(1)
    movie = rng.normal(50, 4, (600, 5, 6))
    movie[:, 2, 3] = 9
    movie += 30 * np.sin(np.arange(600) / 40)[:, None, None] * (movie != 9)
    segments = [movie[:301], movie[301:]]
    noise = pixel_noise([(len(m), fast_variance(m, 30, 7.5)) for m in segments], (5, 6))
    assert noise.dtype == np.float32
    assert noise[2, 3] == 0
    assert np.delete(noise.ravel(), 15).mean() == pytest.approx(4, rel=0.05)
    with pytest.raises(ValueError, match="good frames"):
        pixel_noise([(0, np.zeros((5, 6)))], (5, 6))


@pytest.mark.parametrize("n_frames", [4, 9, 128])
def test_fast_variance_is_the_power_above_the_cutoff(n_frames):
    movie = np.random.default_rng(2).normal(0, 3, (n_frames, 4, 5))
    power = np.abs(np.fft.fft(movie, axis=0)) ** 2 / n_frames
    fast = np.abs(np.fft.fftfreq(n_frames, 1 / 30)) >= 7.5
    np.testing.assert_allclose(fast_variance(movie, 30, 7.5), power[fast].mean(axis=0), rtol=1e-4)
