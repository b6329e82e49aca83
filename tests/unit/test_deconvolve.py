"""The temporal solver against CVXPY, its invariances, and traces that go wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scopeflow.convex import deconvolve_published, deconvolve_reference
from scopeflow.deconvolve import coefficients, deconvolve, impulse_response, response_norms, roots

SLOW = coefficients(2.0, 1 / 6, 30)
FAST = coefficients(0.4, 0.0, 20)


def trace(n=600, g=SLOW, seed=0, noise=1.0, height=8.0, rate=0.02, b0=50.0, c0=0.0):
    rng = np.random.default_rng(seed)
    spikes = (rng.random(n) < rate).astype(float)
    h = impulse_response(g, n)
    c = height * np.convolve(spikes, h / h.max())[:n]
    return c + b0 + c0 * roots(g)[0] ** np.arange(n) + rng.normal(0, noise, n), c, spikes


@pytest.mark.parametrize("g", [SLOW, FAST, coefficients(0.3, 0.3, 10)], ids=["ar2", "ar1", "equal"])
@pytest.mark.parametrize("case", ["plain", "first decay", "missing", "strong penalty"])
def test_the_optimum_is_that_of_a_general_solver(g, case):
    y, _, _ = trace(g=g, seed=3, c0=20.0 if case == "first decay" else 0.0)
    z = 6.0 if case == "strong penalty" else 2.0
    if case == "missing":
        y[100:140] = np.nan
        y[[0, 300, 599]] = np.nan
    ours = deconvolve(y, g, 1.0, z, rescale=False)
    exact = deconvolve_reference(y, g, 1.0, z, rescale=False)
    assert ours.objective == pytest.approx(exact.objective, rel=1e-4)
    scale = exact.c.max()
    np.testing.assert_allclose(ours.c, exact.c, atol=5e-3 * scale)
    assert ours.b0 + ours.c0 == pytest.approx(exact.b0 + exact.c0, abs=0.05)


def test_calcium_is_what_the_activity_drives():
    y, _, _ = trace(seed=1)
    found = deconvolve(y, SLOW, 1.0)
    driven = np.convolve(found.s, impulse_response(SLOW, len(y)))[: len(y)]
    np.testing.assert_allclose(found.c, driven, atol=1e-8 * found.c.max() + 1e-8)
    assert found.s.min() >= 0


def test_spikes_and_calcium_are_recovered():
    y, c, spikes = trace(n=3000, seed=2)
    found = deconvolve(y, SLOW, 1.0)
    assert np.corrcoef(found.c, c)[0, 1] > 0.99
    bins = [np.convolve(s, np.ones(5), "same") for s in (found.s, spikes)]
    assert np.corrcoef(*bins)[0, 1] > 0.92
    assert found.b0 == pytest.approx(50, abs=1)
    assert found.c.max() == pytest.approx(c.max(), rel=0.1)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 1e4), st.floats(-1e4, 1e4))
def test_gain_and_offset_of_the_trace_are_those_of_the_result(gain, offset):
    y, _, _ = trace(n=300, seed=4)
    one, other = deconvolve(y, SLOW, 1.0), deconvolve(gain * y + offset, SLOW, gain)
    np.testing.assert_allclose(other.c, gain * one.c, rtol=1e-3, atol=1e-3 * gain)
    assert other.b0 == pytest.approx(gain * one.b0 + offset, abs=1e-2 * gain)


def test_the_result_does_not_depend_on_the_length_of_the_recording():
    y, _, _ = trace(n=6000, seed=5)
    short, long = deconvolve(y[:500], SLOW, 1.0), deconvolve(y, SLOW, 1.0)
    assert np.corrcoef(short.c[:450], long.c[:450])[0, 1] > 0.995
    assert np.median(np.abs(short.c[:450] - long.c[:450])) < 0.3


def test_missing_frames_carry_no_activity_and_calcium_decays_through_them():
    y, c, _ = trace(n=400, seed=6)
    y[200:230] = np.nan
    found = deconvolve(y, SLOW, 1.0)
    assert not found.s[200:230].any()
    assert np.isfinite(found.c).all()


def test_noise_alone_gives_next_to_no_activity():
    y = np.random.default_rng(0).normal(10, 1, 5000)
    found = deconvolve(y, SLOW, 1.0)
    assert found.c.std() < 0.15


@pytest.mark.parametrize("y", [np.full(50, np.nan), np.array([1.0]), np.array([1.0, np.nan, 2.0])])
def test_traces_without_enough_frames_are_empty(y):
    found = deconvolve(y, SLOW, 1.0)
    assert not found.c.any()
    assert found.c.shape == y.shape
    assert np.isfinite(found.b0)


@pytest.mark.parametrize("y", [np.full(100, 7.0), np.arange(5.0)])
def test_constant_and_very_short_traces_are_finite(y):
    found = deconvolve(y, SLOW, 1.0)
    assert np.isfinite(found.c).all()
    assert np.isfinite([found.b0, found.c0]).all()


def test_a_trace_without_noise_is_not_fitted():
    assert not deconvolve(np.ones(50), SLOW, 0.0).c.any()


def test_the_published_form_solves_its_own_problem():
    y, c, _ = trace(n=300, seed=7)
    found = deconvolve_published(y, SLOW, 1.0, 1.0, float(y.mean()))
    assert np.corrcoef(found.c, c)[0, 1] > 0.95
    value = np.linalg.norm(y - found.c - found.b0 - found.c0 * roots(SLOW)[0] ** np.arange(300))
    assert value / y.mean() + found.s.sum() / y.mean() ** 2 == pytest.approx(
        found.objective, rel=1e-3
    )


def test_coefficients_and_roots_belong_together():
    g = coefficients(2.0, 0.2, 30)
    np.testing.assert_allclose(roots(g), np.exp([-1 / 60, -1 / 6]))
    h = impulse_response(g, 500)
    assert h[0] == pytest.approx(1)
    assert response_norms(g) == pytest.approx((np.linalg.norm(h), h.max()), rel=1e-4)
    flat = coefficients(0.3, 0.3, 10)
    assert roots(flat)[0] == pytest.approx(roots(flat)[1], abs=1e-6)
    assert np.isfinite(impulse_response(flat, 50)).all()
