"""Merging of units, their quality, and the groups of the paper's temporal update."""

import numpy as np
import pytest
from scipy import sparse

from scopeflow.footprints import blobs
from scopeflow.merge import (
    distances,
    groups_to_merge,
    merged,
    overlapping_pairs,
    overlaps,
    rank_one,
    trace_correlations,
    trace_products,
)
from scopeflow.published import jaccard_groups
from scopeflow.quality import accepted, diameters, isolation, signal_to_noise

SHAPE = (40, 50)


@pytest.fixture
def four() -> sparse.csr_array:
    """Two that overlap much, one that touches the second, one far away."""
    return blobs(np.array([[15.0, 12], [15, 14], [15, 26], [33, 42]]), 2.5, SHAPE)


def test_pairs_share_pixels(four):
    pairs = overlapping_pairs(four).tolist()
    assert [0, 1] in pairs
    assert [0, 3] not in pairs
    assert all(i < j for i, j in pairs)
    assert overlapping_pairs(four[:0]).shape == (0, 2)


def test_overlaps_are_cosines(four):
    pairs = overlapping_pairs(four)
    dense = four.toarray().astype(float)
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    exact = [dense[i] @ dense[j] for i, j in pairs]
    np.testing.assert_allclose(overlaps(four, pairs), exact, rtol=1e-5)
    assert overlaps(four, pairs[:0]).shape == (0,)


def test_distances_are_between_centres_of_mass(four):
    pairs = overlapping_pairs(four)
    found = dict(zip(map(tuple, pairs.tolist()), distances(four, SHAPE, pairs), strict=True))
    assert found[0, 1] == pytest.approx(2, abs=0.05)
    assert distances(four, SHAPE, pairs[:0]).shape == (0,)


def test_groups_are_chains_of_linked_pairs():
    pairs = np.array([[0, 1], [1, 2], [3, 4]])
    groups = groups_to_merge(6, pairs, np.array([True, True, False]))
    assert [g.tolist() for g in groups] == [[0, 1, 2]]
    assert groups_to_merge(6, pairs, np.zeros(3, bool)) == []


def test_correlations_from_sums_equal_those_of_numpy():
    C = np.random.default_rng(3).gamma(1, 5, (5, 200)).astype(np.float32)
    C[4] = 7
    sums = trace_products([C[:, :90], C[:, 90:]], 5)
    pairs = np.array([[0, 1], [2, 3], [0, 4]])
    found = trace_correlations(*sums, pairs)
    exact = [np.corrcoef(C[i], C[j])[0, 1] for i, j in pairs[:2]]
    np.testing.assert_allclose(found, [*exact, 0], atol=1e-9)
    assert trace_correlations(*trace_products([C[:0]], 0), pairs[:0]).shape == (0,)


def test_rank_one_is_the_nearest_to_what_the_group_explained(four):
    rng = np.random.default_rng(0)
    C = rng.gamma(1, 1, (2, 80)).astype(np.float32)
    C[1] = C[0] + 0.1 * C[1]
    a, mixture = rank_one(four[:2], C.astype(float) @ C.T)
    c = mixture @ C
    whole = C.T @ four[:2].toarray()
    u, s, vt = np.linalg.svd(whole, full_matrices=False)
    np.testing.assert_allclose(np.outer(c, a), s[0] * np.outer(u[:, 0], vt[0]), atol=1e-3)
    assert a.max() == pytest.approx(1)


@pytest.mark.parametrize("method", ["scopeflow", "minian"])
def test_two_halves_become_the_cell_they_are_of(method):
    whole = blobs(np.array([[20.0, 20.0]]), 4, SHAPE).toarray()
    columns = np.arange(SHAPE[1] * SHAPE[0]) % SHAPE[1]
    halves = np.concatenate([whole * (columns <= 20), whole * (columns > 19)])
    other = blobs(np.array([[30.0, 40.0]]), 3, SHAPE)
    A = sparse.csr_array(sparse.vstack([sparse.csr_array(halves), other], format="csr"))
    c = np.random.default_rng(0).gamma(1, 2, 60).astype(np.float32)
    C = np.stack([c, c, c[::-1]])
    out, mixing, kept = merged(A, C.astype(float) @ C.T, [np.array([0, 1])], method)
    traces = mixing @ C
    assert kept.tolist() == [0, 2]
    assert np.corrcoef(out[[0]].toarray()[0], whole[0])[0, 1] > 0.95
    assert np.corrcoef(traces[0], c)[0, 1] > 0.9999
    np.testing.assert_allclose(out.max(axis=1).toarray().ravel(), 1, rtol=1e-5)
    np.testing.assert_allclose(traces[1], C[2], rtol=1e-5)


def test_nothing_to_merge_leaves_all(four):
    A, mixing, kept = merged(four, np.ones((4, 4)), [], "scopeflow")
    assert kept.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(A.toarray(), four.toarray(), rtol=1e-5)
    np.testing.assert_allclose(mixing.toarray(), np.eye(4), rtol=1e-5)
    none = merged(four[:0], np.ones((0, 0)), [], "scopeflow")
    assert none[0].shape == (0, SHAPE[0] * SHAPE[1])


def test_jaccard_groups_follow_the_shared_part_of_the_pixels(four):
    groups = jaccard_groups(four, 0.3)
    assert groups[0] == groups[1]
    assert groups[3] != groups[0]
    assert len(set(jaccard_groups(four, 1.1))) == 4


def test_widths_are_four_standard_deviations():
    A = blobs(np.array([[20.0, 25.0]]), 3.0, SHAPE)
    assert diameters(A)[0] == pytest.approx(12, abs=0.7)


def test_isolation_falls_with_neighbours(four):
    own = isolation(four)
    assert own[3] == pytest.approx(1)
    assert own[0] < 0.7
    assert isolation(four[:0]).shape == (0,)


def test_signal_to_noise_is_the_height_of_transients():
    C = np.zeros((2, 5000), dtype=np.float32)
    C[0, 100:200] = 12
    assert signal_to_noise(C, np.array([2.0, 0.0])).tolist() == [6, 0]
    assert signal_to_noise(C[:0], np.zeros(0)).shape == (0,)


def test_accepted_units_meet_every_criterion():
    criteria = {"snr_min": 5, "spatial_r_min": 0.8, "diameter_min": 0.4, "diameter_max": 2}
    snr = np.array([9, 4, 9, 9, 9, 9])
    spatial_r = np.array([0.9, 0.9, 0.7, np.nan, 0.9, 0.9])
    width = np.array([1, 1, 1, 1, 0.3, 2.1])
    good = accepted(snr, spatial_r, width, criteria)
    assert good.tolist() == [True, False, False, True, False, False]
