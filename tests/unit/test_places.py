"""Clouds of events: as many places as there are cells."""

import tracemalloc

import numpy as np
import pytest

from scopeflow.places import cluster, extra_variance, gather_events, place_errors, within_image

DIAMETER = 16.0


def events(rng, centre, n, z=12.0, scatter=0.0):
    """Events of a cell: time, place with its error, height."""
    sd = np.hypot(place_errors(np.full(n, z), DIAMETER)[0], scatter)
    place = centre + rng.normal(0, sd, (n, 2))
    return np.column_stack([np.sort(rng.uniform(0, 1000, n)), place, np.full(n, z)])


def matched(places, centres, reach=1.0) -> int:
    distance = np.hypot(*(places[:, None, :2] - np.array(centres)).transpose(2, 0, 1))
    return int((distance.min(axis=0) < reach).sum())


@pytest.mark.parametrize("seed", range(5))
def test_one_cell_is_one_place_however_often_it_fires(seed):
    rng = np.random.default_rng(seed)
    for n in (3, 20, 150):
        places = gather_events([events(rng, (40, 40), n)], DIAMETER)
        assert len(places[places[:, 2] >= 2]) == 1
        np.testing.assert_allclose(places[places[:, 2].argmax(), :2], 40, atol=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distance", [2.5, 4.0, 6.0])
def test_two_neighbours_are_two_places(seed, distance):
    rng = np.random.default_rng(seed)
    centres = [(40, 40), (40, 40 + distance)]
    both = np.concatenate([events(rng, c, n, z=20) for c, n in zip(centres, (25, 8), strict=True)])
    places = gather_events([both], DIAMETER)
    places = places[places[:, 2] >= 2]
    assert len(places) == 2
    assert matched(places, centres) == 2


def test_memory_is_not_that_of_all_pairs_of_events():
    rng = np.random.default_rng(0)
    often = events(rng, (40, 40), 4000)
    gather_events([often[:50]], DIAMETER)  # compiled before
    tracemalloc.start()
    try:
        places = gather_events([often], DIAMETER)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(places[places[:, 2] >= 2]) == 1
    assert most < 10e6  # all pairs take 64 MB for a number each


def test_events_of_both_at_once_make_no_third_place():
    rng = np.random.default_rng(1)
    centres = [(40.0, 40.0), (40.0, 44.0)]
    own = [events(rng, c, 15, z=25) for c in centres]
    both = events(rng, (40, 42), 3, z=35)
    places = gather_events([np.concatenate([*own, both])], DIAMETER)
    assert len(places) == 2


def test_scatter_by_local_motion_makes_no_doubles():
    rng = np.random.default_rng(2)
    centres = rng.permutation(np.stack(np.mgrid[20:300:40, 20:300:40], -1).reshape(-1, 2))
    found = [events(rng, c, 20, z=30, scatter=1.2) for c in centres.astype(float)]
    places = gather_events([np.concatenate(found)], DIAMETER)
    places = places[places[:, 2] >= 2]
    assert len(places) == len(centres)


def test_extra_variance_is_what_errors_do_not_explain():
    rng = np.random.default_rng(3)
    groups = [np.arange(40 * i, 40 * i + 40) for i in range(30)]
    errors = np.full(1200, 0.5)
    points = rng.normal(0, 0.5, (1200, 2))
    assert extra_variance(points, errors, groups) < 0.05
    wide = points + rng.normal(0, 1, (1200, 2))
    assert extra_variance(wide, errors, groups) == pytest.approx(1, rel=0.25)
    assert extra_variance(points[:3], errors[:3], [np.arange(3)]) == 0


def test_lone_events_stand_for_themselves():
    far = np.array([[1.0, 10, 10, 8], [2, 60, 60, 9]])
    places = gather_events([far], DIAMETER)
    assert sorted(places[:, 3].tolist()) == [8, 9]
    assert (places[:, 2] == 1).all()
    assert gather_events([np.empty((0, 4))], DIAMETER).shape == (0, 4)


def test_coincident_points_are_one_centre():
    centres, own = cluster(np.full((5, 2), 7.0), np.full(5, 0.3), 1.0)
    np.testing.assert_allclose(centres, [[7, 7]])
    assert (own == 0).all()


def test_places_outside_the_image_are_left_out_or_moved_to_its_edge():
    places = np.array([[5.0, 5.0, 1.0], [-0.5, 30.0, 2.0], [20.0, 60.4, 3.0], [-1.5, 3.0, 4.0]])
    left = within_image(places, (40, 61), 16.0)
    assert left.tolist() == [[5, 5, 1], [0, 30, 2], [20, 60, 3]]
    assert places[1, 0] == -0.5, "what was given is not changed"
    assert within_image(places[:0], (40, 61), 16.0).shape == (0, 3)
