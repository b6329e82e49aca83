"""Synthetic cells: where they go, what they add to frames, and how they are found again."""

import importlib.util
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import sparse

from scopeflow.footprints import blobs, centroids
from scopeflow.implant.draw import (
    Activity,
    draw_implants,
    free_places,
    transients,
    typical_activity,
)
from scopeflow.implant.figures import draw_implants as draw_figure
from scopeflow.implant.insert import implanted, saturation
from scopeflow.implant.rank import (
    agreement,
    by_level,
    choices,
    ranked,
    summarize,
    true_score,
)
from scopeflow.implant.score import Result, correlations, score_implants
from scopeflow.shift import shift_frames

RANKING = Path(__file__).parents[2] / "scripts" / "implant_ranking.py"
SHAPE, FPS = (80, 90), 20.0
ACTIVITY = Activity(30.0, np.array([0.2, 0.4]), 1.0, 0.1)


def drawn(n_cells=6, n_frames=800, found=((40.0, 45.0),), seed=0):
    return draw_implants(
        np.random.default_rng(seed), ACTIVITY, np.array(found).reshape(-1, 2),
        np.ones(SHAPE, bool), n_cells, [0.5, 2.0], 12.0, 1.0, n_frames, FPS,
    )  # fmt: skip


def test_places_keep_their_distances():
    found = np.random.default_rng(1).uniform(0, 80, (8, 2))
    usable = np.ones(SHAPE, bool)
    usable[:, :30] = False
    places = free_places(np.random.default_rng(0), found, usable, 30, 6.0, 16.0)
    assert 4 <= len(places) < 30  # there is no room for more
    assert np.linalg.norm(places[:, None] - found, axis=2).min() >= 6
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 99 * np.eye(len(places))
    assert apart.min() >= 24
    assert places[:, 1].min() >= 29.5
    assert places.min() >= 7.5
    assert (places <= np.array(SHAPE) - 1 - 7.5).all()
    nearest = np.linalg.norm(places[:, None] - found, axis=2).min(axis=1)
    assert (nearest[:4:2] <= 9.6).all()
    assert (nearest[1:4:2] >= 16).all()
    none = free_places(np.random.default_rng(0), found, np.zeros(SHAPE, bool), 5, 6.0, 16.0)
    assert none.shape == (0, 2)


def test_cells_have_the_levels_kinetics_and_sizes_asked_for():
    cells = drawn(8, 4000)
    np.testing.assert_array_equal(cells.level, np.resize([0.5, 0.5, 2.0, 2.0], len(cells.level)))
    np.testing.assert_allclose(cells.amplitude, 30 * cells.level)
    for k, amplitude in enumerate(cells.amplitude):
        heights = cells.S[k][cells.S[k] > 0]
        assert heights.mean() == pytest.approx(amplitude, rel=0.2)
        assert len(heights) >= 10
    np.testing.assert_allclose(cells.tau_decay_s, 1.0, atol=0.21)
    assert (cells.tau_rise_s < cells.tau_decay_s).all()
    np.testing.assert_allclose(np.sqrt(cells.variances), 3, rtol=0.31)
    A, peaks = cells.footprints(SHAPE)
    np.testing.assert_allclose(centroids(A, SHAPE), cells.centres, atol=0.1)
    np.testing.assert_allclose(A.max(axis=1).toarray().ravel(), 1)
    assert (peaks > 0.9).all()
    again = drawn(8, 4000)
    np.testing.assert_array_equal(again.C, cells.C)


@pytest.mark.parametrize(("decay", "rise"), [(20.0, 2.0), (6.0, 1.0), (15.0, 0.1)])
def test_a_transient_is_as_high_as_its_start_says(decay, rise):
    S = np.zeros(200, np.float32)
    S[10] = 7
    C = transients(S, decay, rise)
    assert C.max() == pytest.approx(7, rel=1e-6)
    assert (C[:10] == 0).all()
    assert C[10] > 0
    late = slice(100, 140)
    assert C[late][-1] / C[late][0] == pytest.approx(np.exp(-39 / decay), rel=1e-3)


def test_activity_is_that_of_the_transients_not_of_the_noise():
    rng = np.random.default_rng(0)
    S = np.zeros((3, 2000))
    for k, height in enumerate((20, 30, 40)):
        S[k, rng.choice(2000, 25, replace=False)] = height
    S += (rng.random(S.shape) < 0.05) * rng.random(S.shape)
    S = np.vstack([S, np.zeros(2000)])
    found = typical_activity(S, np.array([1, 2, 3, 99.0]), np.full(4, 0.1), 100.0)
    assert found.height_counts == pytest.approx(30, rel=0.1)
    np.testing.assert_allclose(found.rate_hz, 0.25, atol=0.02)
    assert found.tau_decay_s == 2
    assert typical_activity(S[3:], np.ones(1), np.ones(1), 100.0) is None


@pytest.mark.parametrize(
    ("highest", "dtype", "ceiling"),
    [(90, "uint8", 255), (255, "uint8", 255), (4000, "uint16", 4095), (700, "uint16", 1023)],
)
def test_the_camera_saturates_at_its_full_range(highest, dtype, ceiling):
    assert saturation(highest, np.dtype(dtype)) == ceiling


def added(frames, cells, motion, good, ceiling=255):
    return implanted(
        frames, cells.C, cells.centres, cells.variances, motion, good, ceiling,
        np.random.default_rng(3),
    )  # fmt: skip


def test_after_motion_correction_the_cells_are_where_and_as_bright_as_they_should_be():
    cells = drawn()
    rng = np.random.default_rng(2)
    motion = rng.uniform(-4, 4, (800, 2))
    raw = rng.integers(60, 70, (800, *SHAPE)).astype(np.uint8)
    new = added(raw, cells, motion, np.ones(800, bool))
    assert new.dtype == np.uint8
    difference = shift_frames(new.astype(np.float32) - raw, motion)
    A, peaks = cells.footprints(SHAPE)
    expected = np.einsum("kt,kp->tp", cells.C * peaks[:, None], A.toarray()).reshape(-1, *SHAPE)
    inner = np.s_[:, 6:-6, 6:-6]
    # On average over frames nothing is lost, however dim.
    np.testing.assert_allclose(
        difference[inner].mean(axis=0), expected[inner].mean(axis=0), rtol=0.02, atol=0.1
    )
    traces = np.einsum("tp,kp->kt", difference.reshape(800, -1), A.toarray())
    truth = np.einsum("tp,kp->kt", expected.reshape(800, -1), A.toarray())
    for trace, true in zip(traces, truth, strict=True):
        assert np.corrcoef(trace, true)[0, 1] > 0.99


def test_saturated_pixels_and_bad_frames_stay_as_they_are():
    cells = drawn(n_frames=100)
    raw = np.full((100, *SHAPE), 250, np.uint8)
    good = np.ones(100, bool)
    good[40:60] = False
    new = added(raw, cells, np.zeros((100, 2)), good)
    np.testing.assert_array_equal(new[40:60], raw[40:60])
    assert new.max() == 255
    assert (new >= raw).all()
    deep = np.full((100, *SHAPE), 1023, np.uint16)
    np.testing.assert_array_equal(added(deep, cells, np.zeros((100, 2)), good, 1023), deep)


def test_to_floating_point_frames_the_light_is_added_as_it_is():
    assert saturation(300.5, np.dtype(np.float32)) == np.inf
    cells = drawn(n_frames=100)
    raw = np.random.default_rng(2).normal(0, 3, (100, *SHAPE)).astype(np.float32)
    good = np.ones(100, bool)
    good[40:60] = False
    new = added(raw, cells, np.zeros((100, 2)), good, np.inf)
    assert new.dtype == np.float32
    np.testing.assert_array_equal(new[40:60], raw[40:60])
    A, peaks = cells.footprints(SHAPE)
    expected = np.einsum("kt,kp->tp", cells.C * peaks[:, None], A.toarray()).reshape(raw.shape)
    np.testing.assert_allclose((new - raw)[good], expected[good], rtol=1e-3, atol=0.02)


@pytest.fixture
def runs():
    """Two units that were there before, and three synthetic cells, all found as they are."""
    rng = np.random.default_rng(0)
    n = 1500
    places = np.array([[20.0, 20], [60, 60], [20, 34], [50, 20], [60, 75]])
    A = blobs(places, 3.0, SHAPE)
    S = ((rng.random((5, n)) < 0.01) * rng.normal(20, 2, (5, n))).astype(np.float32)
    C = np.array([transients(s, 20.0, 2.0) for s in S], np.float32)
    motion = rng.normal(0, 1, (n, 2))
    before = Result(np.array([7, 9]), A[:2], C[:2], S[:2], motion + 3)
    truth = Result(np.arange(3), A[2:], C[2:], S[2:], motion)
    after = Result(np.array([4, 5, 6, 7, 8]), A, C, S, motion)
    moved = blobs(places[:2] + 3, 3.0, SHAPE)  # the run before has another anchor
    return after, Result(before.unit_id, moved, before.C, before.S, before.motion), truth


def scored(after, before, truth):
    return score_implants(after, before, truth, SHAPE, 12.0, FPS)


def part(result, members, **changes):
    values = {name: getattr(result, name)[members] for name in ("unit_id", "A", "C", "S")}
    return Result(**{**values, "motion": result.motion, **changes})


def test_cells_found_as_they_are_score_one(runs):
    cells, counts = scored(*runs)
    assert cells["found"].all()
    np.testing.assert_array_equal(cells["unit_id"], [6, 7, 8])
    np.testing.assert_allclose(cells[["footprint_r", "calcium_r", "spikes_r"]], 1)
    np.testing.assert_allclose(cells["distance_px"], 0, atol=1e-6)
    assert (cells["merged_with"] == -1).all()
    assert not cells["n_parts"].any()
    assert counts == {"n_units": 5, "n_units_before": 2, "n_lost": 0, "n_new": 0}
    assert summarize(cells)["score"] == pytest.approx(1)
    assert summarize(cells, kept=0.8)["score"] == pytest.approx(0.8)


def test_a_missed_cell_is_not_mistaken_for_its_neighbour(runs):
    after, before, truth = runs
    cells, counts = scored(part(after, [0, 1, 3, 4]), before, truth)
    assert cells["found"].tolist() == [False, True, True]
    assert cells["unit_id"][0] == -1
    assert counts["n_lost"] == 0
    assert summarize(cells)["score"] == pytest.approx(2 / 3)


def test_a_unit_made_of_a_synthetic_and_a_real_cell_is_a_merge(runs):
    after, before, truth = runs
    C, S = after.C.copy(), after.S.copy()
    C[0], S[0] = C[0] + C[2], S[0] + S[2]
    A = after.A.tolil()
    A[0] = (after.A[0] + after.A[2]).toarray()
    mixed = part(Result(after.unit_id, sparse.csr_array(A), C, S, after.motion), [0, 1, 3, 4])
    cells, _ = scored(mixed, before, truth)
    assert cells["merged_with"].tolist() == [7, -1, -1]
    assert summarize(cells)["merged"] == pytest.approx(1 / 3)


def test_a_cell_in_two_parts_counts_twice(runs):
    after, before, truth = runs
    cells, counts = scored(part(after, [0, 1, 2, 2, 3, 4]), before, truth)
    assert cells["n_parts"].tolist() == [1, 0, 0]
    assert counts["n_new"] == 1
    assert summarize(cells)["score"] == pytest.approx(3 / 4)


def test_correlations_in_blocks_are_those_of_all_rows_at_once():
    rng = np.random.default_rng(4)
    X, Y = rng.normal(5, 1, (150, 40)), rng.normal(-3, 2, (70, 40)).astype(np.float32)
    X[100] = 7
    found = correlations(X, Y)
    assert (found[100] == 0).all()
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(np.corrcoef(X, Y)[:150, 150:])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert correlations(X[:0], Y).shape == (0, 70)


def test_scores_and_activity_need_no_second_copy_of_the_traces():
    S = np.random.default_rng(0).random((640, 2000), dtype=np.float32)
    tracemalloc.start()
    correlations(S, S)
    typical_activity(S, np.ones(640), np.ones(640), 100.0)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 8 * S.size


def test_a_run_without_units_is_valid(runs):
    after, before, truth = runs
    none = part(after, [])
    for old in (before, part(before, [])):
        cells, counts = scored(none, old, truth)
        assert not cells["found"].any()
        assert counts["n_units"] == 0
    assert summarize(cells)["score"] == 0


def test_ranks_are_those_of_the_scores_and_ties_share_one():
    table = pd.DataFrame(
        {"variant": list("abcd"), "score": [0.2, 0.9, 0.9, 0.5], "true_score": [0.1, 0.8, 0.7, 0.3]}
    )
    found = ranked(table)
    assert found["variant"].tolist() == ["b", "c", "d", "a"]
    assert found["rank"].tolist() == [1, 1, 3, 4]
    assert found["true_rank"].tolist() == [1, 2, 3, 4]
    assert agreement(table) == pytest.approx(0.9487, abs=1e-3)
    assert np.isnan(agreement(table[:2]))
    assert np.isnan(agreement(table.assign(score=1.0)))


def test_the_score_of_true_cells_counts_false_units():
    cells = pd.DataFrame({"found": [3, -1, 0], "spikes_r_quarter_s": [0.9, np.nan, 0.6]})
    found = true_score(cells, n_found=3)
    assert found == {"true_score": pytest.approx(1.5 / 4), "true_recall": pytest.approx(2 / 3),
                     "n_false": 1}  # fmt: skip


def test_recall_and_correlations_are_told_for_each_height_of_transients():
    """Cells of two heights in the noise of one recording; one of the dim ones is not found."""
    cells = drawn(8, 3000, found=())
    assert cells.level.tolist() == [0.5, 0.5, 2, 2, 0.5, 0.5, 2, 2]
    A, _ = cells.footprints(SHAPE)
    motion = np.zeros((3000, 2))
    truth = Result(np.arange(8), A, cells.C, cells.S, motion)
    rng = np.random.default_rng(4)
    C, S = (X + rng.normal(0, 8, X.shape).astype(np.float32) for X in (cells.C, cells.S))
    kept = [0, 1, 2, 3, 5, 6, 7]
    after = Result(np.arange(7), A[kept], C[kept], S[kept], motion)
    table, _ = scored(after, part(truth, []), truth)
    table = table.assign(variant="v", level=cells.level, amplitude_counts=cells.amplitude)
    levels = by_level(table)
    assert levels["variant"].tolist() == ["v", "v"]
    assert levels["level"].tolist() == [0.5, 2]
    assert levels["amplitude_counts"].tolist() == [15, 60]
    assert levels["n_implants"].tolist() == [4, 4]
    assert levels["recall"].tolist() == [0.75, 1]
    assert levels["merged"].tolist() == [0, 0]
    each = [np.corrcoef(C[k], cells.C[k])[0, 1] for k in range(8)]
    expected = [np.median([each[k] for k in own]) for own in ([0, 1, 5], [2, 3, 6, 7])]
    np.testing.assert_allclose(levels["calcium_r"], expected, rtol=1e-5)
    assert levels["calcium_r"][0] < levels["calcium_r"][1] - 0.1
    assert levels["spikes_r"][0] < levels["spikes_r"][1] - 0.1
    assert levels["score"][0] < 0.75 * levels["spikes_r"][1]


def scored_cells(variant, found, merged_with, spikes_r):
    """Rows of four synthetic cells, two of each height, in turn."""
    found = np.array(found, bool)
    r = np.where(found, spikes_r, np.nan)
    return pd.DataFrame({
        "variant": variant, "implant_id": range(4), "level": [0.5, 2, 0.5, 2],
        "amplitude_counts": [15.0, 60, 15, 60], "found": found, "footprint_r": r,
        "calcium_r": r, "spikes_r": r, "merged_with": merged_with, "n_parts": 0,
    })  # fmt: skip


VARIANTS = {  # spikes_r by level: found 0.6 and 0.9
    "good": scored_cells("good", [1, 1, 1, 1], [-1, -1, -1, -1], [0.6, 0.9, 0.6, 0.9]),
    "blind": scored_cells("blind", [0, 1, 0, 1], [-1, -1, -1, -1], [0, 0.8, 0, 1.0]),
    "mixes": scored_cells("mixes", [1, 1, 0, 1], [-1, 7, 3, -1], [0.6, 0.9, 0, 0.9]),
}
TRUE_R = {"good": 0.8, "blind": 0.9, "mixes": 0.5}


@pytest.fixture
def rank_variants(tmp_path):
    """Run the rule `implant_ranking` on tables of variants."""

    def run(names, with_truth):
        given = {"cells": [], "counts": [], "score_cells": [], "score_found": []}
        for name in names:
            counts = {"variant": [name], "n_units": 9, "n_units_before": 5, "n_lost": 0, "n_new": 0}
            true = {"found": [0, 1], "spikes_r_quarter_s": TRUE_R[name]}
            for kind, table in (
                ("cells", VARIANTS[name]), ("counts", pd.DataFrame(counts)),
                ("score_cells", pd.DataFrame(true)), ("score_found", pd.DataFrame({"u": [0, 1]})),
            ):  # fmt: skip
                path = tmp_path / f"{kind}_{name}.tsv"
                table.to_csv(path, sep="\t", index=False, na_rep="nan")
                given[kind].append(str(path))
        if not with_truth:
            given = {kind: given[kind] for kind in ("cells", "counts")}
        names = ("cells", "levels", "ranking", "agreement")
        output = {name: str(tmp_path / f"{name}.tsv") for name in names}
        output["figure"] = str(tmp_path / "implant.png")
        spec = importlib.util.spec_from_file_location("implant_ranking_rule", RANKING)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        script.main(SimpleNamespace(
            input=Names(given), output=SimpleNamespace(**output),
            wildcards=SimpleNamespace(session="s"),
        ))  # fmt: skip
        assert Path(output["figure"]).stat().st_size > 1000
        return [pd.read_csv(output[name], sep="\t") for name in names[1:]]

    return run


class Names(dict):
    __getattr__ = dict.__getitem__


def test_the_rule_writes_levels_of_all_variants_and_whether_the_truth_agrees(rank_variants):
    levels, ranking, agreed = rank_variants(["good", "blind", "mixes"], with_truth=True)
    at = levels.set_index(["variant", "level"])
    assert len(at) == 6
    assert at["recall"].to_dict() == {
        ("good", 0.5): 1, ("good", 2): 1, ("blind", 0.5): 0, ("blind", 2): 1,
        ("mixes", 0.5): 0.5, ("mixes", 2): 1,
    }  # fmt: skip
    assert at["merged"].to_dict() == {
        ("good", 0.5): 0, ("good", 2): 0, ("blind", 0.5): 0, ("blind", 2): 0,
        ("mixes", 0.5): 0.5, ("mixes", 2): 0.5,
    }  # fmt: skip
    for name in ("footprint_r", "calcium_r", "spikes_r"):
        assert np.isnan(at.loc[("blind", 0.5), name])
        assert at.loc[("blind", 2), name] == pytest.approx(0.9)
        assert at.loc[("mixes", 0.5), name] == pytest.approx(0.6)
    assert at["score"].to_dict() == {
        ("good", 0.5): 0.6, ("good", 2): 0.9, ("blind", 0.5): 0, ("blind", 2): 0.9,
        ("mixes", 0.5): 0.3, ("mixes", 2): 0.45,
    }  # fmt: skip
    assert ranking["variant"].tolist() == ["good", "blind", "mixes"]
    assert ranking["true_rank"].tolist() == [2, 1, 3]
    assert agreed.to_dict("records") == [{
        "session": "s", "n_variants": 3, "rho": 0.5, "best_by_implants": "good",
        "best_by_truth": "blind", "regret": 0.1,
    }]  # fmt: skip


def test_without_the_truth_the_agreement_is_not_known(rank_variants):
    _, ranking, agreed = rank_variants(["mixes", "good"], with_truth=False)
    assert "true_score" not in ranking
    row = agreed.iloc[0].to_dict()
    assert (row["n_variants"], row["best_by_implants"]) == (2, "good")
    assert all(np.isnan(row[name]) for name in ("rho", "best_by_truth", "regret"))


def test_the_right_choice_costs_nothing_and_two_variants_have_no_rank_correlation():
    table = pd.DataFrame({"variant": ["a", "b"], "score": [0.2, 0.7], "true_score": [0.6, 0.9]})
    found = choices(ranked(table))
    assert np.isnan(found.pop("rho"))
    assert found == {
        "n_variants": 2, "best_by_implants": "b", "best_by_truth": "b", "regret": 0.0
    }  # fmt: skip


def test_the_figure_shows_recall_merges_and_correlations_by_height_and_the_scores():
    levels = by_level(pd.concat(VARIANTS.values()))
    order = ["good", "mixes", "blind"]
    table = pd.DataFrame({"variant": order, "score": [0.75, 0.5, 0.45]})
    figure = draw_figure(levels, table, "title")
    axes = {ax.get_ylabel().split(" (")[0]: ax for ax in figure.axes}
    for label, name in (
        ("share found", "recall"), ("share merged with a real cell", "merged"),
        ("calcium r", "calcium_r"), ("spikes r, 0.25 s", "spikes_r"),
    ):  # fmt: skip
        lines = axes[label].get_lines()
        assert [line.get_label() for line in lines] == order
        for line in lines:
            own = levels[levels["variant"] == line.get_label()]
            np.testing.assert_array_equal(line.get_xdata(), [15, 60])
            np.testing.assert_array_equal(line.get_ydata(), own[name])
        low, high = axes[label].get_ylim()
        assert low < 0 < levels[name].max() < high
    assert [bar.get_width() for bar in axes[""].patches] == [0.75, 0.5, 0.45]
    plt.close(figure)
