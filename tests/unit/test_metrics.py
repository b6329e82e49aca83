"""Scores: perfect for the truth itself, blind to order, scale and a constant shift."""

import numpy as np
import pytest
from scipy import sparse

from scopeflow.footprints import blobs
from scopeflow.metrics import footprint_correlations, motion_error, score, shifted

SHAPE = (90, 110)


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid([20, 45, 70], [20, 45, 70, 95], indexing="ij"), -1)
    A = blobs(grid.reshape(-1, 2).astype(float), 3.0, SHAPE)
    return {
        "A": A,
        "C": rng.random((12, 200)),
        "S": (rng.random((12, 200)) < 0.1).astype(float),
        "motion": np.rint(rng.normal(0, 2, (200, 2))),
    }


def test_truth_scores_one(truth):
    result = score(truth, truth, SHAPE, 20.0)[0]
    assert result["f1"] == result["f1_strict"] == result["precision"] == result["recall"] == 1
    for name in ("footprint_r", "calcium_r", "spikes_r"):
        assert result[f"{name}_median"] == pytest.approx(1)
        assert result[f"{name}_p10"] == pytest.approx(1)
    assert result["motion_rmse_px"] == 0


def test_order_and_scale_of_the_units_do_not_matter(truth):
    order = np.random.default_rng(1).permutation(12)
    found = {"A": 7 * truth["A"][order], "C": 3 * truth["C"][order] + 5, "S": truth["S"][order]}
    result = score({**found, "motion": truth["motion"]}, truth, SHAPE, 20.0)[0]
    assert result["f1_strict"] == 1
    assert result["calcium_r_p10"] == pytest.approx(1)


@pytest.mark.parametrize("moved", [(3, -2), (-6, 5), (2.4, 0.5), (-0.3, -1.7)])
def test_a_constant_shift_of_all_units_is_undone(truth, moved):
    grid = np.stack(np.meshgrid([20, 45, 70], [20, 45, 70, 95], indexing="ij"), -1)
    A = blobs(grid.reshape(-1, 2) + np.array(moved), 3.0, SHAPE)
    found = {**truth, "A": A, "motion": truth["motion"] + np.array(moved)}
    result = score(found, truth, SHAPE, 20.0)[0]
    assert result["f1_strict"] == 1
    assert result["footprint_r_median"] > 0.99
    assert result["motion_rmse_px"] == pytest.approx(0, abs=1e-9)


def test_missed_and_invented_units_are_counted(truth):
    invented = sparse.vstack([truth["A"][:9], blobs(np.array([[8.0, 8.0]]), 3.0, SHAPE)])
    C, S = (np.concatenate([truth[name][:9], truth[name][:1]]) for name in ("C", "S"))
    found = {"A": sparse.csr_array(invented), "C": C, "S": S, "motion": truth["motion"]}
    result = score(found, truth, SHAPE, 20.0)[0]
    assert (result["n_found"], result["n_true"]) == (10, 12)
    assert result["f1_strict"] == pytest.approx(2 * 9 / 22)
    assert result["precision"] == pytest.approx(0.9)
    assert result["recall"] == pytest.approx(0.75)


def test_a_near_unit_of_another_shape_is_no_strict_match(truth):
    rows = np.concatenate([np.r_[20 * 110 + 20 : 20 * 110 + 22]])
    speck = sparse.csr_array((np.ones(2), (np.zeros(2, int), rows)), shape=(1, 9900))
    found = {"A": speck, "C": truth["C"][:1], "S": truth["S"][:1], "motion": truth["motion"]}
    result = score(found, truth, SHAPE, 20.0)[0]
    assert result["n_matched"] == 1
    assert result["f1_strict"] == 0


def test_no_unit_found_is_scored_without_fuss(truth):
    found = {
        "A": sparse.csr_array((0, 9900)), "C": np.zeros((0, 200)), "S": np.zeros((0, 200)),
        "motion": truth["motion"],
    }  # fmt: skip
    result = score(found, truth, SHAPE, 20.0)[0]
    assert result["f1"] == result["n_matched"] == result["recall"] == 0
    assert np.isnan(result["calcium_r_median"])


def test_footprint_correlation_is_pearsons_over_all_pixels(truth):
    rng = np.random.default_rng(2)
    A, B = (sparse.random_array((3, 50), density=0.4, rng=rng, format="csr") for _ in range(2))
    expected = np.corrcoef(A.toarray(), B.toarray())[:3, 3:]
    np.testing.assert_allclose(footprint_correlations(A, B), expected, atol=1e-12)


def test_motion_error_ignores_a_constant_and_frames_without_a_number():
    true = np.zeros((100, 2))
    found = np.full((100, 2), [4.0, -3.0])
    found[7] = np.nan
    assert motion_error(found, true) == 0
    found[::2] += 1
    assert motion_error(found, true) == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_every_true_cell_tells_its_match_and_its_neighbour(truth):
    order = np.random.default_rng(1).permutation(12)[:10]
    found = {"A": truth["A"][order], "C": truth["C"][order], "S": truth["S"][order]}
    result, cells = score({**found, "motion": truth["motion"]}, truth, SHAPE, 20.0)
    assert np.flatnonzero(cells["found"] < 0).tolist() == sorted(set(range(12)) - set(order))
    assert (order[cells["found"][order]] == order).all()
    np.testing.assert_allclose(cells["neighbour_px"], 25, atol=0.1)
    assert np.isnan(cells["calcium_r"]).sum() == 2
    assert result["spikes_r_quarter_s_median"] == pytest.approx(1)
    assert result["calcium_r_sd"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("offset", [(0.25, 0.5), (-0.75, 0.5), (3.5, -2.25)])
def test_a_footprint_that_is_moved_keeps_its_weight_on_every_side(offset):
    image = np.zeros(SHAPE)
    image[40:44, 50:56] = 2
    moved = shifted(sparse.csr_array(image.reshape(1, -1)), np.array(offset), SHAPE)
    moved = moved.toarray().reshape(SHAPE)
    assert moved.sum() == pytest.approx(image.sum())
    places = np.array([(moved.sum(axis=axis) @ np.arange(n)) for axis, n in ((1, 90), (0, 110))])
    np.testing.assert_allclose(places / image.sum() - [41.5, 52.5], offset)
