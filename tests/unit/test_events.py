"""Events: found where cells light up, and only there."""

import numpy as np
import pytest

from scopeflow import events
from scopeflow.places import gather_events

DIAMETER = 16.0
HOW = events.EventFilter.for_cells(DIAMETER, fps_hz=30, window_s=0.5)


def movie(places, onsets, amplitude, n_frames=400, noise=6.0, seed=0):
    """Cells of sigma 4 px that rise at given frames and decay in 2 s, over white noise."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:80, :96]
    Y = 60 + rng.normal(0, noise, (n_frames, 80, 96))
    decay = np.exp(-np.arange(n_frames) / 60)
    for (row, col), times, height in zip(places, onsets, amplitude, strict=True):
        spikes = np.zeros(n_frames)
        spikes[times] = height
        trace = np.convolve(spikes, decay)[:n_frames]
        cell = np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 32)
        Y += trace[:, None, None] * cell
    return np.clip(Y, 0, 255).astype(np.uint8)


def find(Y, slab=128, z_min=5.0, level=0):
    weight = np.ones(len(Y), bool)
    cuts = [slice(s, min(s + slab, len(Y))) for s in range(0, len(Y), slab)]
    detector = events.StepDetector(HOW, level, -(-len(Y) // HOW.bin_frames), z_min)
    for cut in cuts:
        detector.feed(events.cell_images(Y[cut], weight[cut], HOW))
    return detector.events()


def test_the_filter_leaves_nothing_of_a_cubic_background():
    y, x = np.mgrid[-60:61, -60:61].astype(np.float32)
    background = 100 + x + 0.3 * y + 0.02 * x * y + 0.05 * x**2 - 1e-3 * x**3
    # One part in ten thousand of the background's range: kernels are cut at a few sigma.
    middle = events.band_pass(background, 2.0)[50:71, 50:71]
    assert np.abs(middle).max() < 1e-4 * np.ptp(background)


def test_each_rise_is_found_once_at_its_place():
    places = [(30.0, 40.0), (50.3, 70.6)]
    onsets = [[60, 200, 330], [110, 260]]
    found = find(movie(places, onsets, [40, 40]))
    assert len(found) == 5
    for place, times in zip(places, onsets, strict=True):
        near = np.hypot(*(found[:, 1:3] - place).T) < 1
        np.testing.assert_allclose(np.sort(found[near, 0]) * HOW.bin_frames, times, atol=6)


def test_noise_alone_gives_no_candidate():
    found = find(movie([], [], [], n_frames=1000, seed=3))
    often = gather_events([found], DIAMETER)
    assert not np.any((often[:, 2] >= 2) | (often[:, 3] > 8))


def test_the_decay_of_a_bright_cell_does_not_raise_a_ring():
    found = find(movie([(40.0, 48.0)], [[60, 200, 330]], [150]))
    assert np.all(np.hypot(*(found[:, 1:3] - (40, 48)).T) < 2)


def test_a_dim_cell_beside_a_bright_one_is_a_candidate_of_its_own():
    bright, dim = (40.0, 40.0), (40.0, 46.0)
    Y = movie([bright, dim], [[60, 500, 900], [250, 400, 700, 1050]], [100, 30], n_frames=1200)
    places = gather_events([find(Y)], DIAMETER)
    for place in (bright, dim):
        assert np.hypot(*(places[:, :2] - place).T).min() < 1


@pytest.mark.parametrize("slab", [50, 128, 400])
def test_cuts_between_slabs_lose_no_event(slab):
    onsets = [[48, 126, 250, 380]]
    found = find(movie([(40.0, 48.0)], onsets, [60], n_frames=440), slab)
    assert np.sum(np.hypot(*(found[:, 1:3] - (40, 48)).T) < 2) == 4


def test_bad_frames_show_no_rise():
    Y = movie([], [], [], n_frames=300)
    Y[100:110] = 0
    weight = np.ones(300, bool)
    weight[100:110] = False
    images = events.hold_last(events.cell_images(Y, weight, HOW))
    assert np.isfinite(images).all()
    assert np.abs(events.steps(images, HOW.window)).max() < 5


def test_no_events_give_no_candidates():
    assert gather_events([np.empty((0, 4))], DIAMETER).shape == (0, 4)


def test_a_slow_rise_is_found_at_a_slow_time_scale():
    rng = np.random.default_rng(5)
    rows, cols = np.mgrid[:80, :96]
    course = 8 / (1 + np.exp(-(np.arange(1500) - 700) / 60))  # takes about 8 s
    cell = np.exp(-((rows - 40) ** 2 + (cols - 48) ** 2) / 32)
    Y = 60 + rng.normal(0, 6, (1500, 80, 96)) + course[:, None, None] * cell
    levels = [find(Y.astype(np.uint8), level=level) for level in range(events.LEVELS)]
    assert len(levels[0]) <= 1
    places = gather_events(levels, DIAMETER)
    assert np.hypot(*(places[:, :2] - (40, 48)).T).min() < 2


def test_slow_events_do_not_double_a_fast_candidate():
    fast = np.array([[10.0, 40, 40, 9], [90.0, 40, 40, 9]])
    slow = np.array([[10.0, 43, 42, 20], [20.0, 60, 60, 8]])
    places = gather_events([fast, slow], DIAMETER)
    assert np.sort(places[:, 0]).round().tolist() == [40, 60]


@pytest.mark.parametrize("level", range(events.LEVELS))
def test_the_sample_of_rises_does_not_grow_with_the_number_of_slabs(level):
    n_bins = 40_000
    detector = events.StepDetector(HOW, level, n_bins, z_min=5.0)
    slab = np.random.default_rng(0).normal(size=(80, 12, 12)).astype(np.float32)
    for _ in range(n_bins // len(slab)):
        detector.feed(slab)
    assert events.SAMPLES * 0.8 < len(detector._sample) < 2 * events.SAMPLES
