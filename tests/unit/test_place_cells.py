"""Simulated place cells are found at their places, and cells without a place are not."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
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
from scopeflow.place_cells.figures import across_figure, order_of_fields
from scopeflow.place_cells.maps import make_layout, place_field, rate_map, statistics
from scopeflow.plan.settings import fill, read_schema
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
    some = np.array([3, 7, 22, 40, 59])
    for threads in (1, 2, 3):
        again = list(examine(S[some], some, layout, bin_cm, CRITERIA, 0, threads))
        for k, (row, rate) in zip(some, again, strict=True):
            np.testing.assert_equal(row, examined[0][k])
            np.testing.assert_array_equal(rate, examined[1][k])


def test_the_seed_decides_what_is_chance_and_nothing_else(first, examined):
    fields, S, layout, bin_cm = first
    others = np.flatnonzero(fields.direction == 0)[:8]  # p of place cells is as low as can be
    again = [row for row, _ in examine(S[others], others, layout, bin_cm, CRITERIA, 1, 2)]
    for name in ("information", "stability"):
        for part in ("p", "chance_95"):
            before = np.array([examined[0][k][f"{name}_{part}"] for k in others])
            after = np.array([row[f"{name}_{part}"] for row in again])
            assert (before != after).sum() >= 7
            np.testing.assert_allclose(before, after, atol=0.2)
    for k, row in zip(others, again, strict=True):
        kept = [name for name in row if not name.endswith(("_p", "_95")) and name != "place_cell"]
        np.testing.assert_equal(
            {name: row[name] for name in kept}, {name: examined[0][k][name] for name in kept}
        )


def test_the_definition_of_the_paper_is_the_default():
    defaults = fill({}, read_schema("config")["properties"]["place_cells"])
    paper = {"n_shifts": 1000, "bins": 100, "sd_cm": 5, "field_min_cm": 4, "alpha": 0.05}
    assert {name: defaults[name] for name in paper} == paper


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


def map_of(S, bins, frames, shape, sd_bins, frame_s):
    """Activity per second in each bin, NaN where the animal was too briefly, in plain NumPy."""
    maps = []
    for weights in (S, np.full(len(S), frame_s)):
        flat = np.zeros(np.prod(shape))
        np.add.at(flat, bins[frames], weights[frames])
        smooth = ndimage.gaussian_filter1d(flat.reshape(shape), sd_bins, axis=2, mode="constant")
        maps.append(smooth.ravel())
    return np.where(maps[1] >= 0.05, maps[0] / np.maximum(maps[1], 1e-9), np.nan)


def correlation(a, b):
    both = np.isfinite(a) & np.isfinite(b)
    return np.corrcoef(a[both], b[both])[0, 1]


@pytest.mark.parametrize("changes", ["halves", "turns"])
def test_stability_is_the_mean_of_the_transforms_of_both_correlations(changes):
    """A field that moves after half of the trials, or from each trial to the next."""
    rng = np.random.default_rng(7)
    shape, sd_bins, frame_s = (2, 1, 40), 2.0, 0.05
    trial = np.repeat(np.arange(11), 400)
    trial[trial == 4] = -1  # ten are left; their numbers have a gap
    bins = rng.integers(-1, 80, len(trial))
    rank = np.select([trial > 4], [trial - 1], trial)
    moved = rank >= 5 if changes == "halves" else rank % 2 == 1
    at = np.where(moved, 60, 20)
    p = 0.02 + 0.6 * np.exp(-((bins - at) ** 2) / 40)
    S = (rng.random(len(bins)) < np.where(bins >= 0, p, 0.3)) * rng.gamma(4, 5, len(bins))

    counted = (bins >= 0) & (rank >= 0)
    odd, late = rank % 2 == 1, rank >= 5
    r = [
        correlation(*(map_of(S, bins, counted & half, shape, sd_bins, frame_s) for half in both))
        for both in ((odd, ~odd), (late, ~late))
    ]
    high, low = r if changes == "halves" else r[::-1]
    assert high > 0.75
    assert low < 0.3
    expected = (0.5 * np.log((1 + r[0]) / (1 - r[0])) + 0.5 * np.log((1 + r[1]) / (1 - r[1]))) / 2

    layout = make_layout(bins, shape, trial, sd_bins, frame_s)
    assert layout.n_trials == 10
    found = statistics(S, layout, np.array([0]))[0, 1]
    assert found == pytest.approx(expected, rel=1e-6)
    whole = map_of(S, bins, bins >= 0, shape, sd_bins, frame_s)  # frames outside trials, too
    np.testing.assert_allclose(rate_map(S, layout).ravel(), whole, rtol=1e-5)


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


def test_the_longest_run_counts_not_the_highest_and_nothing_below_the_percentile():
    rate = np.linspace(0, 1, 200, dtype=np.float32)
    rate = np.concatenate([rate[:100][::2], rate[:100][1::2], rate[100:190]])
    rate = np.concatenate([rate[:20], 10 - np.arange(6) / 10, rate[20:57], 20 + np.arange(4),
                           rate[57:]])  # fmt: skip
    assert len(rate) == 200
    found = place_field(rate.reshape(2, 1, 100))  # ten bins are above the percentile
    assert np.flatnonzero(found.members).tolist() == list(range(20, 26))
    assert found.size_bins == 6
    assert found.peak == (0, 0, 20)


@pytest.mark.parametrize(
    ("n_bins", "bin_cm", "accepted"),
    [(4, 1.0, False), (4, 1.01, True), (5, 1.0, True), (3, 4 / 3, False), (2, 2.0, False)],
)
def test_a_field_of_four_cm_is_too_small_and_a_longer_one_is_not(n_bins, bin_cm, accepted):
    rng = np.random.default_rng(8)
    bins = rng.integers(0, 200, 8000)
    layout = make_layout(bins, (2, 1, 100), np.arange(8000) // 800, 0.0, 0.1)
    S = ((bins >= 30) & (bins < 30 + n_bins)).astype(np.float32)
    row, _ = next(examine(S[None], np.array([0]), layout, bin_cm, CRITERIA, 0))
    assert row["field_cm"] == pytest.approx(n_bins * bin_cm)
    assert row["information_p"] < 0.05
    assert row["stability_p"] < 0.05
    assert row["place_cell"] == accepted


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


def test_cells_are_ordered_by_the_direction_and_place_of_their_highest_rate():
    rate = np.ones((5, 2, 1, 10), np.float32)
    for k, (plane, place) in enumerate([(1, 2), (0, 7), (1, 0), (0, 3), (0, 7)]):
        rate[k, plane, 0, place] = 2
    rate[1, 0, 0, 0] = np.nan  # not visited
    np.testing.assert_array_equal(order_of_fields(rate), [3, 1, 4, 2, 0])
    assert len(order_of_fields(rate[:0])) == 0


def test_the_figure_of_two_days_sorts_both_by_the_first_and_shows_the_control(two_days):
    labels = np.column_stack([np.arange(N_CELLS), np.arange(N_CELLS)]) + 5
    a, b = two_days
    found = compare(a, b, labels, 5.0, 12)
    i, j = found.matches[found.both].T
    figure = across_figure(
        ("one", "two"), (a.rate[i], b.rate[j]), (2.0, 2.0), found.r[found.both],
        found.r_any_two, found.control, "animal m",
    )  # fmt: skip
    axes = figure.axes
    sorted_maps = [ax for ax in axes if ax.get_title().startswith("runs ")]
    assert len(sorted_maps) == 4  # two directions of two sessions
    order = order_of_fields(a.rate[i])
    for session, rate in enumerate((a.rate[i][order], b.rate[j][order])):
        top = np.nanmax(rate, axis=(1, 2, 3))[:, None]
        for plane in range(2):
            image = sorted_maps[2 * session + plane].images[0].get_array()
            np.testing.assert_allclose(image.filled(np.nan), rate[:, plane, 0] / top, rtol=1e-5)
    highest = [ax.images[0].get_array().filled(0) for ax in sorted_maps[:2]]
    where = np.concatenate(highest, axis=1).argmax(axis=1)
    assert (np.diff(where) >= 0).all()

    bars = next(ax for ax in axes if ax.get_ylabel() == "share of pairs")
    known = np.isfinite(found.r[found.both]).sum()
    words = [text.get_text() for text in bars.get_legend().get_texts()]
    assert words[1].startswith(f"matched: {known}, mean 0.9")
    profiles = next(ax for ax in axes if ax.get_xlabel() == "artificial shift (px)")
    along = {line.get_label(): line for line in profiles.get_lines()}
    at = found.control.set_index(["shift_height_px", "shift_width_px"])["r_mean"]
    steps = np.arange(-12, 13)
    for name, own in (("height", [(s, 0) for s in steps]), ("width", [(0, s) for s in steps])):
        np.testing.assert_array_equal(along[f"along {name}"].get_xdata(), steps)
        np.testing.assert_array_equal(along[f"along {name}"].get_ydata(), [at[s] for s in own])
    grid = next(ax for ax in axes if ax.get_xlabel() == "artificial shift in width (px)")
    image = grid.images[0].get_array()
    assert image.shape == (25, 25)  # every single pixel, for a shift as small as this
    for row, column in ((12, 12), (0, 12), (5, 20), (24, 0)):
        np.testing.assert_equal(image[row, column], at[row - 12, column - 12])
    plt.close(figure)
