"""Variants side by side: the same cells are found, and examples are chosen fairly."""

import numpy as np
import pandas as pd
import pytest
import zarr

from scopeflow.comparison import Result
from scopeflow.footprints import blobs
from scopeflow.unit_traces import traces_of
from scopeflow.variant_figures import Panel, Trace, draw_variants
from scopeflow.variant_table import busiest_window, liken, pick_examples, score_columns

SHAPE = (60, 80)
PLACES = np.array([[12.0, 12], [12, 50], [40, 20], [40, 60], [25, 35]])


@pytest.fixture
def reference() -> Result:
    C = np.random.default_rng(0).gamma(0.5, 4, (5, 300)).astype(np.float32)
    return Result(blobs(PLACES, 3.0, SHAPE), C, SHAPE)


def test_partners_are_positions_in_the_variant(reference):
    order = [3, 1, 0]
    other = Result(reference.A[order], reference.C[order], SHAPE)
    found = liken(reference, other, same_frames=True)
    assert found.partner.tolist() == [2, 1, -1, 0, -1]
    assert found.numbers["n_matched"] == 3
    assert found.numbers["calcium_r_to_default"] == pytest.approx(1)


def test_other_frames_compare_by_footprints_alone(reference):
    other = Result(reference.A, reference.C[:, :100], SHAPE)
    found = liken(reference, other, same_frames=False)
    assert found.partner.tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(found.numbers["calcium_r_to_default"])


def test_another_image_size_and_no_cells_match_nothing(reference):
    smaller = Result(blobs(PLACES[:1], 3.0, (30, 40)), reference.C[:1], (30, 40))
    found = liken(reference, smaller, same_frames=True)
    assert (found.partner == -1).all()
    assert np.isnan(found.numbers["n_matched"])
    none = Result(reference.A[:0], reference.C[:0], SHAPE)
    assert liken(reference, none, same_frames=True).numbers["n_matched"] == 0
    assert liken(none, reference, same_frames=True).partner.shape == (0,)


def test_examples_show_clear_and_faint_cells_and_those_that_differ():
    snr = np.arange(20.0)
    matched = np.ones((3, 20), dtype=bool)
    matched[1, [4, 5, 6, 15]] = False
    picked = pick_examples(snr, matched, 6)
    assert len(picked) == len(set(picked)) == 6
    assert {19, 0} <= set(picked)
    assert set(picked) & {4, 5, 6, 15} == {15, 4}
    assert (np.diff(snr[picked]) < 0).all()


@pytest.mark.parametrize("n_units", [0, 1, 3])
def test_few_cells_are_all_shown(n_units):
    matched = np.zeros((2, n_units), dtype=bool)
    assert len(pick_examples(np.ones(n_units), matched, 6)) == n_units
    assert len(pick_examples(np.ones(n_units), ~matched, 6)) == n_units


def test_the_window_holds_the_activity():
    S = np.zeros((2, 100))
    S[0, [60, 62, 64]] = 1
    S[1, [61, 90]] = 1000  # counts as much as the other, not a thousand times
    window = busiest_window(S, 10)
    assert window.stop - window.start == 10
    assert window.start <= 60
    assert window.stop > 64
    assert busiest_window(S, 200) == slice(0, 100)
    assert busiest_window(S[:0], 10) == slice(0, 100)
    assert busiest_window(np.zeros((2, 50)), 10) == slice(0, 10)


def test_scores_have_names_of_their_own():
    assert score_columns(pd.Series({"f1": 0.5, "session": "s"})) == {"true_f1": 0.5}


def test_the_fit_lies_on_the_raw_trace(write_units):
    group = zarr.open_group(write_units(n_units=2, n_frames=400), mode="r")
    raw, fit, S = traces_of(group, 1)
    assert np.nanstd(raw - fit) == pytest.approx(3, rel=0.2)  # the noise
    assert abs(np.nanmean(raw - fit)) < 0.5
    assert S.shape == raw.shape


@pytest.mark.parametrize("n_variants", [2, 6])
def test_variants_are_drawn_even_where_one_lacks_a_cell(n_variants, reference):
    time_s = np.arange(300) / 20
    trace = Trace(reference.C[0], reference.C[0], reference.C[0] * (reference.C[0] > 5))
    image = np.asarray(reference.A.sum(axis=0)).reshape(SHAPE)
    panels = [
        Panel(f"v{i}", "5 cells", image, reference.A, np.arange(5) > i, time_s,
              [trace, None if i else trace])
        for i in range(n_variants)
    ]  # fmt: skip
    figure = draw_variants(panels, ["cell 1", "cell 7"], "session s")
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert words.count("no such cell") == n_variants - 1
    empty = [Panel(p.name, p.words, image, p.A[:0], np.zeros(0, bool), time_s, []) for p in panels]
    figure = draw_variants(empty, [], "session s")
    assert any("no cell" in text.get_text() for ax in figure.axes for text in ax.texts)
    figure.canvas.draw()
