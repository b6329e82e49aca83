"""Matching units: pairs, probabilities, groups, control, score, tables."""

import numpy as np
import pytest
from scipy import sparse

from scopeflow.cross_registration import groups, truth
from scopeflow.cross_registration.control import displaced_pairs, match_rate, shift_curve
from scopeflow.cross_registration.matching import most_probable, mutual_nearest
from scopeflow.cross_registration.pairs import Pairs, near_pairs, placed
from scopeflow.cross_registration.probability import fit
from scopeflow.footprints import blobs

SHAPE = (120, 140)
ALL = np.ones(SHAPE, dtype=bool)


def pairs_of(first, second, distance_px, footprint_r=None):
    n = len(first)
    r = np.full(n, 0.5) if footprint_r is None else np.array(footprint_r, float)
    inside = np.ones(10, bool)
    return Pairs(np.array(first, int), np.array(second, int), np.array(distance_px, float), r,
                 inside, inside)  # fmt: skip


# ---------------------------------------------------------------- pairs


def test_near_pairs_have_the_distance_and_the_cosine_of_their_footprints():
    a = placed(blobs(np.array([[40.0, 40.0], [80.0, 90.0]]), 4.0, SHAPE), ALL)
    b = placed(blobs(np.array([[80.0, 93.0], [40.0, 40.0], [10.0, 10.0]]), 4.0, SHAPE), ALL)
    pairs = near_pairs(a, b, 16)
    assert sorted(zip(pairs.first, pairs.second, strict=True)) == [(0, 1), (1, 0)]
    order = np.argsort(pairs.first)
    np.testing.assert_allclose(pairs.distance_px[order], [0, 3], atol=0.02)
    # Two Gaussians of width s at distance d have the cosine exp(-d^2 / 4 s^2).
    np.testing.assert_allclose(pairs.footprint_r[order], [1, np.exp(-9 / 64)], atol=0.02)


def test_units_outside_the_common_part_are_not_compared():
    seen = ALL.copy()
    seen[:, :60] = False
    everywhere = np.array([[50.0, 30.0], [50.0, 62.0], [50.0, 100.0]])
    a = placed(blobs(everywhere, 4.0, SHAPE), ALL)
    cut = blobs(everywhere[1:], 4.0, SHAPE).multiply(seen.ravel()).tocsr()
    b = placed(sparse.csr_array(cut), seen)
    pairs = near_pairs(a, b, 10)
    assert pairs.first_in.tolist() == [False, True, True]
    assert sorted(zip(pairs.first, pairs.second, strict=True)) == [(1, 0), (2, 1)]
    # The part that both see is compared: the cell at the edge is where it was.
    np.testing.assert_allclose(pairs.distance_px, 0, atol=0.01)
    np.testing.assert_allclose(pairs.footprint_r, 1, atol=1e-3)


def test_a_displaced_session_has_what_a_moved_one_would_have():
    places = np.array([[40.0, 40.0], [80.0, 90.0]])
    a, b = (placed(blobs(p, 4.0, SHAPE), ALL) for p in (places, places - (7, -5)))
    pairs = near_pairs(a, b, 10, (7, -5))
    np.testing.assert_allclose(pairs.distance_px, 0, atol=1e-6)
    assert len(pairs) == 2


def test_a_displaced_unit_that_leaves_the_field_is_not_among_those_compared():
    places = np.array([[60.0, 20.0], [60.0, 70.0], [60.0, SHAPE[1] - 10.0]])
    session = placed(blobs(places, 4.0, SHAPE), ALL)
    pairs = near_pairs(session, session, 10, (0, 30))
    assert pairs.second_in.tolist() == [True, True, False]


@pytest.mark.parametrize("turn", range(4))
def test_far_away_nothing_of_a_single_cell_is_left(turn):
    cell = placed(blobs(np.array([[60.0, 70.0]]), 4.0, SHAPE), ALL)
    assert len(displaced_pairs(cell, cell, 16, 16, turn)) == 0


def test_sessions_without_units_have_no_pairs():
    empty = placed(blobs(np.zeros((0, 2)), 4.0, SHAPE), ALL)
    some = placed(blobs(np.array([[60.0, 70.0]]), 4.0, SHAPE), ALL)
    for one, other in ((empty, some), (some, empty), (empty, empty)):
        pairs = near_pairs(one, other, 16)
        assert len(pairs) == 0
        assert match_rate(0, pairs) == 0


# ---------------------------------------------------------------- matching


def test_mutual_nearest_is_the_papers_rule():
    pairs = pairs_of([0, 0, 1, 2], [0, 1, 1, 2], [1.0, 2.0, 3.0, 5.0])
    # 0-0 are nearest of each other; 1 prefers 1, which prefers 0; 5 px is too far.
    assert mutual_nearest(pairs, 5).tolist() == [0]
    assert mutual_nearest(pairs, 6).tolist() == [0, 3]


def test_the_more_probable_pair_goes_first_and_ties_go_to_the_nearer():
    pairs = pairs_of([0, 0, 1, 2], [0, 1, 1, 2], [1.0, 2.0, 3.0, 1.0])
    chosen = most_probable(pairs, np.array([0.6, 0.9, 0.8, 0.4]), 5, 0.5)
    assert chosen.tolist() == [1]
    tied = most_probable(pairs, np.array([0.9, 0.9, 0.0, 0.6]), 5, 0.5)
    assert tied.tolist() == [0, 3]
    assert most_probable(pairs, np.ones(4), 1.0, 0.5).tolist() == []


# ---------------------------------------------------------------- probability


def mixture(rng, n_same, n_different, scale=0.8, radius=16.0):
    """Pairs of known kinds: distance and footprint correlation."""
    # A few are placed badly: Student's t with four degrees of freedom.
    badly = np.sqrt(rng.chisquare(4, n_same) / 4)
    same = np.linalg.norm(rng.normal(0, scale, (n_same, 2)), axis=1) / badly
    different = radius * np.sqrt(rng.random(n_different))
    d = np.concatenate([same, different])
    mean = np.concatenate([np.full(n_same, -0.02), np.full(n_different, -0.15)]) - 0.018 * d**2
    return d, np.exp(np.minimum(mean + 0.08 * rng.standard_normal(len(d)), 0))


def test_the_mixture_finds_share_and_scale_and_tells_same_from_different():
    rng = np.random.default_rng(0)
    d, r = mixture(rng, 800, 1200)
    model = fit(d, r, *mixture(rng, 0, 1500), 16.0, 5.0)
    assert model.share == pytest.approx(0.4, abs=0.04)
    assert model.scale_px == pytest.approx(0.8, abs=0.2)
    p = model.probability(d, r)
    is_same = np.arange(2000) < 800
    assert p[is_same].mean() > 0.8
    assert p[~is_same].mean() < 0.1


def test_a_nearer_or_more_similar_pair_is_never_less_probable():
    rng = np.random.default_rng(1)
    model = fit(*mixture(rng, 60, 50), *mixture(rng, 0, 60), 16.0, 5.0)
    d = np.linspace(0, 12, 60)
    alike = model.different[0] + model.different[1] * d**2 + model.gain
    r = np.exp(alike)  # as alike as the same cell is at its distance
    inside = (r > 0.02) & (r < 1)
    assert (np.diff(model.probability(d, r)[inside]) <= 1e-9).all()
    assert (np.diff(model.probability(np.full(50, 3.0), np.linspace(0, 1, 50))) >= 0).all()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_handful_of_pairs_is_judged_by_the_prior(n):
    model = fit(np.full(n, 0.3), np.full(n, 0.98), np.zeros(0), np.zeros(0), 16.0, 5.0)
    assert 0.3 < model.scale_px < 3
    near, far = model.probability([0.3, 12.0], [0.98, 0.1])
    assert near > 0.8
    assert far < 0.15


# ---------------------------------------------------------------- groups

SESSION = np.array([0, 1, 2, 0, 1, 2])
ANY = np.ones((6, 3), bool)


def as_sets(found):
    return {frozenset(group) for group in found}


def test_strict_keeps_cliques_and_discards_chains():
    clique = np.array([[0, 1], [1, 2], [0, 2], [3, 4]])
    assert as_sets(groups.strict(SESSION, clique, ANY)) == {
        frozenset({0, 1, 2}), frozenset({3, 4}), frozenset({5})
    }  # fmt: skip
    chain = np.array([[0, 1], [1, 2]])
    assert as_sets(groups.strict(SESSION, chain, ANY)) == {frozenset({u}) for u in range(6)}


def test_strict_does_not_count_what_could_not_be_compared():
    seen = ANY.copy()
    seen[0, 2] = False
    chain = np.array([[0, 1], [1, 2]])
    assert frozenset({0, 1, 2}) in as_sets(groups.strict(SESSION, chain, seen))


def test_strict_discards_two_units_of_one_session():
    two = np.array([[0, 1], [1, 2], [2, 3], [0, 2], [1, 3]])
    assert all(len(g) == 1 for g in groups.strict(SESSION, two, ANY))


def consistent(matched, p, near=(), near_p=(), seen=ANY, least=0.5):
    matched, p = np.array(matched), np.array(p, float)
    evidence = np.concatenate([matched, np.array(near, int).reshape(-1, 2)])
    weights = np.concatenate([p, np.array(near_p, float)])
    return as_sets(groups.consistent(SESSION, matched, p, (evidence, weights), seen, least))


def test_consistent_keeps_a_chain_that_the_third_pair_supports():
    assert frozenset({0, 1, 2}) in consistent([[0, 1], [1, 2]], [0.9, 0.9], [[0, 2]], [0.4])
    # Without any support the better match stays, and only the other goes.
    found = consistent([[0, 1], [1, 2]], [0.95, 0.6])
    assert frozenset({0, 1}) in found
    assert frozenset({2}) in found


def test_consistent_has_at_most_one_unit_of_a_session():
    found = consistent([[0, 1], [1, 2], [2, 3]], [0.9, 0.95, 0.8], [[0, 2], [1, 3]], [0.9, 0.8])
    assert frozenset({0, 1, 2}) in found
    assert frozenset({3}) in found


def test_consistent_ignores_pairs_that_could_not_be_compared():
    seen = ANY.copy()
    seen[0, 2] = False
    assert frozenset({0, 1, 2}) in consistent([[0, 1], [1, 2]], [0.9, 0.6], seen=seen)


@pytest.mark.parametrize("rule", ["strict", "consistent"])
def test_without_matches_every_unit_is_a_cell(rule):
    none = np.zeros((0, 2), int)
    if rule == "strict":
        found = groups.strict(SESSION, none, ANY)
    else:
        found = groups.consistent(SESSION, none, np.zeros(0), (none, np.zeros(0)), ANY, 0.5)
    assert len(found) == 6


# ---------------------------------------------------------------- control and score


def test_matches_vanish_when_a_session_is_displaced():
    rng = np.random.default_rng(3)
    places = rng.uniform(10, np.array(SHAPE) - 10, (25, 2))
    a, b = (placed(blobs(places + rng.normal(0, 0.3, places.shape), 4, SHAPE), ALL)
            for _ in range(2))  # fmt: skip
    rows = shift_curve(a, b, 16, lambda pairs: mutual_nearest(pairs, 5))
    rate = {(row["axis"], row["shift_px"]): row["match_rate"] for row in rows}
    assert rate["height", 0] == rate["width", 0] > 0.9
    assert {shift for _, shift in rate} == set(range(-50, 51, 5))
    assert max(v for (_, shift), v in rate.items() if abs(shift) >= 20) < 0.5


def test_mappings_are_scored_by_pairs_and_by_whole_cells():
    labels = [{1: 10, 2: 11, 3: -1}, {5: 10, 6: 11}, {8: 10}]
    nan = np.nan
    perfect = np.array([[1, 5, 8], [2, 6, nan], [3, nan, nan]])
    result = truth.score(perfect, labels)
    assert (result["precision"], result["recall"], result["cells_exact"]) == (1, 1, 1)
    assert (result["n_pairs_true"], result["n_cells_true"]) == (4, 2)
    wrong = np.array([[1, 5, nan], [nan, nan, 8], [2, nan, nan], [3, 6, nan]])
    result = truth.score(wrong, labels)
    assert result["precision"] == pytest.approx(1 / 2)
    assert result["recall"] == pytest.approx(1 / 4)
    assert result["cells_exact"] == 0


def test_units_take_the_labels_of_the_true_cells_they_lie_on():
    places = np.array([[30.0, 30.0], [80.0, 90.0], [60.0, 40.0]])
    A = blobs(np.concatenate([places[::-1] + 0.4, [[100.0, 20.0]]]), 4.0, SHAPE)
    label = truth.true_cells(A, blobs(places, 4.0, SHAPE), np.array([7, 8, 9]), SHAPE)
    assert label.tolist() == [9, 8, 7, -1]
    empty = blobs(np.zeros((0, 2)), 4.0, SHAPE)
    assert truth.true_cells(empty, A, np.arange(4), SHAPE).tolist() == []
