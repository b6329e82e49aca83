"""Simulated place cells are found at their places, and cells without a place are not."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from scopeflow.place_cells.across import (
    PlaceSession,
    artificial_shifts,
    common_field,
    compare,
    correlations_of_any_two,
    map_correlations,
    matches_of,
    mutual_nearest,
)
from scopeflow.place_cells.alignment import positions_at
from scopeflow.place_cells.arena import locate, place_bins, runs
from scopeflow.place_cells.classify import examine
from scopeflow.place_cells.maps import make_layout, place_field, rate_map, statistics
from scopeflow.track_run import make_place_fields, make_run, place_rate, track

FPS, N_FRAMES, N_CELLS = 30.0, 9000, 60
CRITERIA = {"n_shifts": 300, "alpha": 0.05, "field_min_cm": 4.0}


def simulated(seed):
    """A run of five minutes on the track, and the activity of cells with known fields."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(N_FRAMES) / FPS
    run = make_run(rng, N_FRAMES / FPS)
    fields = make_place_fields(np.random.default_rng(99), N_CELLS, 0.5)
    position, speed = run.at(time_s)
    S = np.zeros((N_CELLS, N_FRAMES), np.float32)
    for k in range(N_CELLS):
        p = 0.005
        if fields.direction[k]:
            centre, sd = fields.centre_cm[k], fields.sd_cm[k]
            p = place_rate(position, speed, centre, sd, int(fields.direction[k]), p)
        S[k] = (rng.random(N_FRAMES) < p) * rng.normal(20, 3, N_FRAMES)
    seen = track(rng, run, N_FRAMES / FPS)
    xy = positions_at(time_s, seen[:, 0], seen[:, 1:], 0.5)
    place = locate(xy, time_s, None, 1.0, None, None, "t")
    trial = runs(place.xy_cm[:, 0], place.size_cm[0], 0.1)
    bins, shape, (_, bin_cm) = place_bins(place, 5.0, np.ones(N_FRAMES, bool), 100)
    layout = make_layout(bins, shape, trial, 5 / bin_cm, 1 / FPS)
    return fields, S, layout, bin_cm


@pytest.fixture(scope="module")
def first():
    return simulated(1)


@pytest.fixture(scope="module")
def examined(first):
    fields, S, layout, bin_cm = first
    rows, maps = zip(*examine(S, np.arange(N_CELLS), layout, bin_cm, CRITERIA, 0, 2), strict=True)
    return rows, np.array(maps)


def test_place_cells_are_found_and_few_others(first, examined):
    has_place = first[0].direction != 0
    found = np.array([row["place_cell"] for row in examined[0]])
    assert found[has_place].mean() > 0.95
    assert found[~has_place].mean() < 0.05


def test_fields_lie_where_they_were_put(first, examined):
    fields = first[0]
    cells = np.flatnonzero(fields.direction)
    peaks = np.array([examined[0][k]["peak_x_cm"] for k in cells])
    assert np.median(np.abs(peaks - fields.centre_cm[cells])) < 4
    directions = np.array([examined[0][k]["field_direction"] for k in cells])
    assert (directions == fields.direction[cells]).mean() > 0.95


def test_results_do_not_depend_on_threads_or_on_other_cells(first, examined):
    _, S, layout, bin_cm = first
    some = np.array([3, 40])
    again = list(examine(S[some], some, layout, bin_cm, CRITERIA, 0, 1))
    for k, (row, rate) in zip(some, again, strict=True):
        assert row == examined[0][k] or np.isnan(list(row.values())).any()
        np.testing.assert_array_equal(rate, examined[1][k])


def test_chance_is_met_as_often_as_the_level_says(first):
    """p-values of cells without a place are spread evenly."""
    _, _, layout, bin_cm = first
    rng = np.random.default_rng(5)
    S = (rng.random((200, N_FRAMES)) < 0.005).astype(np.float32)
    rows = [row for row, _ in examine(S, np.arange(200), layout, bin_cm, CRITERIA, 1, 2)]
    for name in ("information_p", "stability_p"):
        p = np.array([row[name] for row in rows])
        assert 0.01 < (p < 0.05).mean() < 0.1
        assert 0.4 < p.mean() < 0.6


def test_activity_and_occupancy_are_smoothed_apart(first):
    _, S, layout, _ = first
    bins = layout.bins
    flat = np.zeros((2, 100))
    time = np.zeros((2, 100))
    used = bins >= 0
    np.add.at(flat.reshape(-1), bins[used], S[0][used])
    np.add.at(time.reshape(-1), bins[used], 1 / FPS)
    sd = (len(layout.kernel) // 2) / 4
    smooth = [
        ndimage.gaussian_filter1d(values, 5 / 2.0147, axis=1, mode="constant", radius=10)
        for values in (flat, time)
    ]
    assert sd == pytest.approx(2.5, abs=0.3)
    expected = smooth[0] / smooth[1]
    np.testing.assert_allclose(rate_map(S[0], layout)[:, 0], expected, rtol=0.02, atol=1e-3)


def test_information_of_known_maps():
    """One of four equally visited bins holds all activity: two bits; all alike: none."""
    bins = np.tile(np.arange(4), 100)
    trial = np.arange(400) // 40
    layout = make_layout(bins, (1, 1, 4), trial, 0.0, 0.1)
    one = (bins == 2).astype(np.float32)
    info, stability = statistics(one, layout, np.array([0]))[0]
    assert info == pytest.approx(2)
    assert stability == pytest.approx(np.arctanh(0.9999))
    assert statistics(np.ones(400, np.float32), layout, np.array([0]))[0] == pytest.approx((0, 0))
    assert statistics(np.zeros(400, np.float32), layout, np.array([0]))[0] == pytest.approx((0, 0))


def test_a_shift_is_a_roll():
    rng = np.random.default_rng(0)
    bins = rng.integers(-1, 30, 500)
    layout = make_layout(bins, (1, 1, 30), np.arange(500) // 50, 2.0, 0.1)
    S = (rng.random(500) < 0.1) * rng.random(500)
    rolled = statistics(np.roll(S, 37), layout, np.array([0]))
    np.testing.assert_allclose(statistics(S, layout, np.array([37])), rolled, rtol=1e-12)


def test_maps_of_an_open_field_are_smoothed_along_both_sides():
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 12 * 15, 4000)
    layout = make_layout(bins, (1, 12, 15), np.zeros(4000, np.int64), 1.5, 0.1)
    time = np.bincount(bins, minlength=180).reshape(12, 15) / 10
    expected = ndimage.gaussian_filter(time, 1.5, mode="constant", truncate=4)
    np.testing.assert_allclose(layout.occupancy[0].reshape(12, 15), expected, rtol=1e-6)


def test_a_field_is_the_longest_run_above_the_cells_own_95th_percentile():
    rate = np.full((2, 1, 100), 1.0, np.float32)
    rate[0, 0, 97:] = 5  # up to the end of one direction ...
    rate[1, 0, :4] = 4  # ... whose neighbour in memory is the start of the other
    rate[1, 0, 50] = np.nan
    found = place_field(rate)
    assert found.size_bins == 4
    assert found.members[1, 0, :4].all()
    assert found.peak == (1, 0, 0)
    assert place_field(np.full((2, 1, 10), np.nan)).size_bins == 0
    assert place_field(np.ones((2, 1, 10))).peak == (-1, -1, -1)


def test_a_field_of_an_open_arena_is_the_largest_connected_part():
    rate = np.zeros((1, 20, 20), np.float32)
    rate[0, 3:6, 3:6] = 2
    rate[0, 15, 15] = 9
    found = place_field(rate)
    assert found.size_bins == pytest.approx(3)
    assert found.peak == (0, 3, 3)


def test_a_silent_cell_and_too_few_trials_give_no_place_cell(first):
    _, S, layout, bin_cm = first
    silent = np.zeros((1, N_FRAMES), np.float32)
    row = next(examine(silent, np.array([0]), layout, bin_cm, CRITERIA, 0))[0]
    assert not row["place_cell"]
    assert np.isnan(row["information_p"])
    one = make_layout(layout.bins, layout.shape, np.zeros(N_FRAMES, np.int64), 2.5, 1 / FPS)
    assert one.n_trials == 1
    row = next(examine(S[:1], np.array([0]), one, bin_cm, CRITERIA, 0))[0]
    assert not row["place_cell"]
    assert np.isnan(row["stability_z"])


@pytest.fixture(scope="module")
def two_days(first, examined):
    """The same cells on another day, seen through a shifted and turned image."""
    fields, S, layout, bin_cm = simulated(2)
    rows, maps = zip(*examine(S, np.arange(N_CELLS), layout, bin_cm, CRITERIA, 0), strict=True)
    centres = np.random.default_rng(3).uniform(0, 400, (N_CELLS, 2))
    angle = 0.05
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sessions = []
    for table, rate, at in (
        (examined[0], examined[1], centres), (rows, np.array(maps), centres @ turn + 20),
    ):  # fmt: skip
        is_place = np.array([row["place_cell"] for row in table])
        peak = np.array([row["peak_x_cm"] for row in table])
        sessions.append(PlaceSession(np.arange(N_CELLS) + 5, rate, is_place, peak, at))
    return sessions


def test_maps_of_matched_cells_agree_and_those_of_any_two_do_not(two_days):
    labels = np.column_stack([np.arange(N_CELLS), np.arange(N_CELLS)]) + 5
    labels = np.vstack([labels, [[999, 5]]])  # a label that is not there
    found = compare(*two_days, labels, 5.0, 50)
    assert found.summary["n_matched"] == N_CELLS
    assert found.summary["map_r_mean"] > 0.85
    assert abs(found.summary["map_r_any_two"]) < 0.15
    assert found.summary["residual_px"] < 1e-6
    at = found.control.set_index(["shift_height_px", "shift_width_px"])["r_mean"]
    assert at[0, 0] > 0.85
    far = found.control[found.control[["shift_height_px", "shift_width_px"]].abs().max(axis=1) > 20]
    assert abs(far["r_mean"].mean()) < 0.2


def test_sessions_without_a_common_cell_are_valid(two_days):
    first = two_days[0]
    none = PlaceSession(
        first.unit_id[:0], first.rate[:0], first.is_place[:0], first.peak_cm[:0], first.centres[:0]
    )
    no_cell = matches_of(pd.DataFrame({"a": [], "b": []}), "a", "b")
    for pair in (two_days, (first, none), (none, none)):
        found = compare(*pair, no_cell, 5.0, 10)
        assert found.summary["n_matched"] == 0
        assert np.isnan(found.summary["map_r_mean"])


def test_mappings_name_the_cells_of_two_sessions():
    table = pd.DataFrame({"a": [3, None, 5], "c": [None, 1, 2], "b": ["7", "8", ""]})
    np.testing.assert_array_equal(matches_of(table, "a", "b"), [[3, 7]])
    np.testing.assert_array_equal(matches_of(table, "c", "a"), [[2, 5]])


def test_correlations_leave_out_bins_not_visited():
    a = np.array([[1.0, 2, 3, np.nan, 5], [1, 1, 1, 1, 1], [1, np.nan, np.nan, 1, 2]])
    b = np.array([[2.0, 4, 6, 9, np.nan], [1, 2, 3, 4, 5], [1, 2, 3, np.nan, 2]])
    np.testing.assert_allclose(map_correlations(a, b), [1, np.nan, np.nan])


def test_correlations_of_any_two_are_those_of_each_pair():
    rng = np.random.default_rng(4)
    a, b = 5 + rng.gamma(2, 3, (2, 7, 40))
    a[rng.random(a.shape) < 0.2] = np.nan
    b[3] = 4.2  # flat
    b[5, 2:] = np.nan  # too little known
    i, j = np.nonzero(~np.eye(7, dtype=bool))
    np.testing.assert_allclose(
        correlations_of_any_two(a, b), map_correlations(a[i], b[j]), rtol=1e-9
    )
    assert len(correlations_of_any_two(a[:0], b[:0])) == 0


def test_few_matches_give_a_translation_and_nearest_pairs_must_be_mutual():
    a = np.array([[0.0, 0], [10, 0], [0, 10]])
    moved, residual = common_field(a, a + 3, np.array([[0, 0], [1, 1]]))
    np.testing.assert_allclose(moved, a)
    np.testing.assert_allclose(residual, 0)
    pairs = mutual_nearest(a, np.array([[1.0, 0], [2, 0], [50, 50]]), 5)
    np.testing.assert_array_equal(pairs, [[0, 0]])
    assert mutual_nearest(a, np.empty((0, 2)), 5).shape == (0, 2)
    assert (artificial_shifts(a, a[:0], a, a[:0], 5, 2)["n_matched"] == 0).all()
