"""Seeds: local maxima, windows and the tests that candidates must pass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scopeflow import filters, seeds


def transients(n_frames, amplitude, rng, n_events=8):
    spikes = np.zeros(n_frames)
    spikes[rng.integers(0, n_frames, n_events)] = amplitude
    return np.convolve(spikes, np.exp(-np.arange(200) / 30))[:n_frames]


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 30))
def test_rolling_windows_cover_every_block(n_blocks, window, step):
    chosen = seeds.rolling_windows(n_blocks, window, step)
    assert chosen.sum(axis=1).tolist() == [min(window, n_blocks)] * len(chosen)
    if step <= window:
        assert chosen.any(axis=0).all()


def test_random_windows_are_reproducible_and_can_draw_the_last_block():
    draw = [seeds.random_windows(10, 4, 50, np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(*draw)
    assert (draw[0].sum(axis=1) == 4).all()
    assert draw[0].any(axis=0).all()


def test_the_radius_of_local_maxima_counts():
    image = np.zeros((60, 60))
    image[20, 20], image[20, 26], image[45, 40] = 9, 7, 5
    assert {tuple(m[:2]) for m in seeds.local_maxima(image, 3)} == {(20, 20), (20, 26), (45, 40)}
    assert {tuple(m[:2]) for m in seeds.local_maxima(image, 8)} == {(20, 20), (45, 40)}


def test_a_plateau_is_one_maximum_and_a_flat_image_has_none():
    image = np.zeros((30, 30))
    image[10:13, 10:13] = 4
    assert seeds.local_maxima(image, 5).tolist() == [[11, 11, 4]]
    assert len(seeds.local_maxima(np.full((30, 30), 7.0), 5)) == 0


def test_the_default_threshold_parts_noise_from_transients_of_six_sigma():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (50, 3000))
    cells = noise + np.stack([transients(3000, 6, rng) for _ in range(50)])
    cutoff = filters.default_cutoff_hz(30)
    threshold = seeds.default_pnr_min(30, cutoff)
    assert seeds.peak_to_noise(noise, 30, cutoff).max() < threshold
    assert seeds.peak_to_noise(cells, 30, cutoff).min() > threshold
    assert seeds.peak_to_noise(np.full((1, 3000), 5.0), 30, cutoff).tolist() == [0]


def test_pnr_does_not_depend_on_gain_or_offset():
    rng = np.random.default_rng(1)
    trace = rng.normal(0, 1, (3, 1000)) + transients(1000, 5, rng)
    one = seeds.peak_to_noise(trace, 20, 1.5)
    np.testing.assert_allclose(seeds.peak_to_noise(7 * trace + 40, 20, 1.5), one, rtol=1e-9)


def test_ks_against_sites_without_cells_keeps_its_level():
    rng = np.random.default_rng(2)
    # Rectified and correlated noise, for which the textbook distribution is far off.
    noise = np.maximum(
        np.apply_along_axis(np.convolve, 1, rng.normal(size=(1200, 800)), [1, 1, 1]), 0
    )
    distance = seeds.ks_distance(noise)
    p = seeds.ks_p_values(distance[:1000], distance[1000:])
    assert np.mean(p < 0.05) < 0.075


def test_ks_finds_cells_and_needs_sites_to_compare_with():
    rng = np.random.default_rng(3)
    null = seeds.ks_distance(rng.normal(size=(200, 2000)))
    cells = rng.normal(size=(20, 2000)) + np.stack([transients(2000, 5, rng) for _ in range(20)])
    assert (seeds.ks_p_values(seeds.ks_distance(cells), null) < 0.05).all()
    assert (seeds.ks_p_values(seeds.ks_distance(cells), np.empty(0)) == 1).all()
    assert seeds.ks_distance(np.full((1, 100), 3.0)).tolist() == [0]


def test_the_mixture_keeps_the_brighter_population():
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(5, 1, 60), rng.normal(30, 4, 40)])
    np.testing.assert_array_equal(seeds.mixture_mask(values, 0), values > 15)
    assert seeds.mixture_mask(np.full(20, 3.0), 0).all()
    assert seeds.mixture_mask(np.arange(5.0), 0).all()


def test_merging_keeps_the_best_of_each_group():
    pairs = np.array([[0, 1], [1, 2], [3, 4]])
    linked = np.array([True, True, False])
    best = seeds.best_of_groups(5, pairs, linked, np.array([1.0, 3, 2, 5, 4]))
    assert np.flatnonzero(best).tolist() == [1, 3, 4]
    assert seeds.best_of_groups(0, np.empty((0, 2), int), np.empty(0, bool), np.empty(0)).shape == (
        0,
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 30), st.integers(0, 1000))
def test_near_pairs_are_all_pairs_within_the_distance(n, seed):
    places = np.random.default_rng(seed).uniform(0, 50, (n, 2))
    found = {tuple(p) for p in seeds.near_pairs(places, 10).tolist()}
    expected = {
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if np.hypot(*(places[i] - places[j])) <= 10
    }
    assert found == expected


def test_empty_sites_keep_away_from_candidates_and_from_unusable_pixels():
    usable = np.ones((40, 50), bool)
    usable[:5] = False
    places = np.array([[20.0, 20.0], [30.2, 45.6]])
    sites = seeds.empty_sites(places, usable, 6, 100, np.random.default_rng(0))
    assert len(sites) == 100
    assert sites[:, 0].min() >= 5
    for place in places:
        assert np.hypot(*(sites - np.rint(place)).T).min() >= 6


def test_maxima_of_many_projections_are_united():
    block_max = np.zeros((2, 20, 20), np.uint8)
    block_max[0, 3, 4], block_max[0, 8, 9], block_max[1, 3, 4] = 10, 5, 12
    apart, together = np.eye(2, dtype=bool), np.ones((1, 2), bool)
    found = seeds.maxima_of_projections(block_max, apart, 2)
    assert found.tolist() == [[3, 4, 2, 12], [8, 9, 1, 5]]
    found = seeds.maxima_of_projections(block_max, together, 2)
    assert found.tolist() == [[3, 4, 1, 12], [8, 9, 1, 5]]


def test_low_pass_works_on_a_copy_and_keeps_time():
    trace = np.zeros((1, 400))
    trace[0, 200] = 1
    smooth = filters.low_pass(trace, 30, 1.6)
    assert trace.sum() == 1
    assert smooth[0].argmax() == 200


@pytest.mark.parametrize("gaps", [[0, 1], [5, 6, 7], [98, 99], list(range(100))])
def test_gaps_are_filled_by_straight_lines(gaps):
    trace = np.arange(100.0)[None] * 2
    holed = trace.copy()
    holed[0, gaps] = np.nan
    filled = filters.fill_gaps(holed)
    assert np.isfinite(filled).all()
    inner = [g for g in gaps if 0 < g < 99 and len(gaps) < 100 and min(gaps) > 0 and max(gaps) < 99]
    np.testing.assert_allclose(filled[0, inner], trace[0, inner])
