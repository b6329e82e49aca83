"""What makes simulated recordings harder does what it says, and nothing when it is off."""

import numpy as np
import pytest

from scopeflow import hardships
from scopeflow.simulate import make_recording

SMALL = {"height_px": 96, "width_px": 96, "n_frames": 128, "n_cells": 16, "motion_max_px": 4}


def frames(**recipe) -> np.ndarray:
    recording = make_recording({**SMALL, **recipe})
    return np.concatenate([recording.frames(slab) for slab in recording.slabs]).astype(float)


def test_bursts_keep_the_mean_rate_and_gather_spikes():
    rng = np.random.default_rng(0)
    lone = hardships.spike_train(rng, 200_000, 0.01, 1.0, 0.0)
    burst = hardships.spike_train(rng, 200_000, 0.01, 5.0, 0.0)
    assert lone.mean() == pytest.approx(0.01, rel=0.1)
    assert burst.mean() == pytest.approx(0.01, rel=0.15)
    in_windows = [s.reshape(-1, 20).sum(axis=1).var() for s in (lone, burst)]
    assert in_windows[1] > 2 * in_windows[0]


def test_a_modulated_rate_keeps_its_mean_and_changes_slowly():
    spikes = hardships.spike_train(np.random.default_rng(1), 60_000, 0.05, 1.0, 1.0)
    assert spikes.mean() == pytest.approx(0.05, rel=0.1)
    parts = spikes.reshape(-1, 100).sum(axis=1)
    assert parts.var() > 2 * parts.mean()


def test_a_vignette_darkens_the_corners():
    movie = frames(vignette=0.6, n_backgrounds=0, n_cells=0)
    assert movie[:, 40:56, 40:56].mean() > 55
    assert movie[:, :8, :8].mean() < 35


def test_the_largest_motion_may_be_a_broken_number():
    assert frames(n_vessels=2, motion_max_px=4.5).shape == (128, 96, 96)


def test_bleaching_darkens_the_end():
    movie = frames(bleaching=0.5, n_backgrounds=0, n_cells=0)
    assert movie[-10:].mean() == pytest.approx(0.5 * movie[:10].mean(), rel=0.08)


def test_shot_noise_grows_with_the_light():
    movie = frames(shot_noise=2.0, vignette=0.8, noise_sd=0.0, n_backgrounds=0, n_cells=0)
    bright, dim = movie[:, 40:56, 40:56], movie[:, :8, :8]
    assert bright.var() == pytest.approx(2 * bright.mean(), rel=0.15)
    assert dim.var() == pytest.approx(2 * dim.mean(), rel=0.25)


def test_vessels_are_dark_and_move_with_the_brain():
    recipe = {"n_vessels": 6, "noise_sd": 0.0, "n_backgrounds": 0, "n_cells": 0, "seed": 4}
    recording = make_recording({**SMALL, **recipe})
    movie = recording.frames(recording.slabs[0]).astype(float)
    assert movie.min() < 45
    moves = recording.movement[:64].astype(int)
    t = int(np.abs(moves - moves[0]).sum(axis=1).argmax())
    back = np.roll(movie[t], tuple(moves[0] - moves[t]), (0, 1))
    inside = np.s_[10:-10, 10:-10]
    assert np.abs(back - movie[0])[inside].max() <= 1
    assert np.abs(movie[t] - movie[0])[inside].max() > 5


def test_neuropil_follows_the_cells_around():
    plain, full = (make_recording({**SMALL, "neuropil": n}) for n in (0.0, 0.5))
    change = full.f - plain.f
    np.testing.assert_array_equal(plain.C, full.C)
    near = np.hypot(*(full.centres - full.bg_centres[0]).T).argsort()[:10]
    np.testing.assert_allclose(change[0], 0.5 * full.C[near].mean(axis=0), rtol=1e-4, atol=1e-4)


def test_kinetics_differ_between_cells():
    same, spread = (
        make_recording({**SMALL, "kinetics_spread": k, "n_frames": 900}) for k in (0, 0.3)
    )
    peaks = [
        np.array([c.max() / max(s.max(), 1) for c, s in zip(r.C, r.S, strict=True) if s.sum() == 1])
        for r in (same, spread)
    ]
    assert len(peaks[0]) == 0 or peaks[0].std() < 1e-3 * peaks[0].mean()
    assert not np.array_equal(same.C, spread.C)


def test_local_motion_differs_across_the_field_and_keeps_its_limit():
    centres = np.array([[10.0, 10], [80, 80], [10, 80]])
    moves = hardships.local_motion(np.random.default_rng(0), centres, 900, 2.0, 96.0)
    assert np.abs(moves).max() <= 2
    assert np.abs(moves[0] - moves[1]).max() > 0.3
    assert np.abs(np.diff(moves, axis=1)).max() < 0.1


def test_drift_moves_the_field_from_end_to_end():
    movement = make_recording({**SMALL, "drift_px": 20.0, "subpixel_motion": True}).movement
    assert (movement[-20:].mean(axis=0) - movement[:20].mean(axis=0) > 10).all()


def test_flicker_changes_the_light_of_whole_frames():
    movie = frames(flicker=0.1, n_backgrounds=0, n_cells=0, noise_sd=0.0)
    assert movie.mean(axis=(1, 2)).std() == pytest.approx(6, rel=0.3)
    assert movie.std(axis=(1, 2)).max() == 0


def test_jumps_stay_where_they_went():
    places = hardships.jumps(np.random.default_rng(3), 4, 1000, 15.0)
    assert np.abs(places).max() <= 15
    assert (np.diff(places, axis=0) != 0).any(axis=1).sum() == 4
    moved = make_recording({**SMALL, "n_jumps": 3, "motion_max_px": 20}).movement
    assert np.abs(moved).max() <= 20
    assert np.abs(np.diff(moved, axis=0)).max() > 5


def test_deep_recordings_have_finer_counts():
    eight, deep = frames(noise_sd=0.05), frames(noise_sd=0.05, bit_depth=16)
    assert deep.max() > 255
    np.testing.assert_allclose(deep / 16, eight, atol=0.6)
