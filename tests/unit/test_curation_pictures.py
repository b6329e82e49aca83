"""Pictures of the curation page: arrays in, bytes out."""

import numpy as np
import pytest

from scopeflow.pages.curation import pictures
from scopeflow.pages.curation.data import Footprint
from scopeflow.pages.curation.suggestions import suggested_pairs
from scopeflow.stores import create, create_movie, read_frame, slabs

SHAPE = (20, 30)


def disk(row, col, radius=3):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.clip(1.2 - np.hypot(y - row, x - col) / radius, 0, 1).astype(np.float32)
    pixels = np.flatnonzero(image)
    return Footprint(pixels, image.ravel()[pixels])


def test_the_field_shows_the_stronger_of_two_footprints():
    field = pictures.footprint_image([disk(10, 10), disk(10, 13)], SHAPE)
    assert field.shape == SHAPE
    assert field[10, 10] == field[10, 13] == 255
    assert pictures.footprint_image([], SHAPE).max() == 0


def test_an_outline_runs_around_the_cell_also_at_the_rim():
    x, y = pictures.outline(disk(10, 12), SHAPE[1])
    radius = np.hypot(y - 10, x - 12)
    np.testing.assert_allclose(radius, 2.7, atol=0.3)
    assert (x[0], y[0]) == (x[-1], y[-1])
    x, y = pictures.outline(disk(0, 0), SHAPE[1])
    assert min(x.min(), y.min()) < 0
    assert len(pictures.outline(Footprint(np.zeros(0, int), np.zeros(0)), 30)[0]) == 0


def test_activity_adds_up_and_is_white_at_the_top():
    both, row, col = pictures.activity_image([disk(10, 10), disk(10, 14)], [10.0, 20.0], SHAPE, 60)
    one, _, left = pictures.activity_image([disk(10, 10)], [30.0], SHAPE, 60.0)
    assert one[10 - row, 10 - left] == 127
    assert both.shape == (7, 11)
    assert (row, col) == (7, 7)
    assert both[3, 7] > both[3, 3] > 0 == both[0, 0]
    assert pictures.activity_image([], [], SHAPE, 60.0)[0].max() == 0


@pytest.mark.parametrize(
    ("view", "shape", "rows", "cols"),
    [
        ((0, 30, 0, 20), SHAPE, (0, 20, 1), (0, 30, 1)),
        ((-0.5, 29.5, 19.5, -0.5), SHAPE, (0, 20, 1), (0, 30, 1)),
        ((10, 14, 8, 10), SHAPE, (7, 11, 1), (8, 16, 1)),
        ((0, 2000, 0, 1500), (1500, 2000), (0, 1500, 3), (0, 2000, 4)),
        ((900, 1000, 300, 350), (1500, 2000), (275, 375, 1), (850, 1050, 1)),
        ((np.nan, 5, 0, 3), SHAPE, (0, 5, 1), (0, 30, 1)),
        ((1e9, 2e9, -5, -4), SHAPE, (0, 1, 1), (29, 30, 1)),
    ],
)
def test_a_window_holds_the_view_and_is_never_large(view, shape, rows, cols):
    found = pictures.window(view, shape)
    image = np.zeros(shape)[found.rows, found.cols]
    assert max(image.shape) <= pictures.IMAGE_PIXELS
    assert found.rows.indices(shape[0]) == (rows[0], min(rows[1], shape[0]), rows[2])
    assert found.cols.indices(shape[1]) == (cols[0], min(cols[1], shape[1]), cols[2])
    assert found.width == image.shape[1] * found.cols.step
    assert (found.x, found.y) == (found.cols.start - 0.5, found.rows.start - 0.5)


def test_a_thinned_trace_keeps_its_extremes_and_gaps():
    time_s = np.arange(10_000) / 20
    y = np.random.default_rng(0).normal(0, 1, 10_000).astype(np.float32)
    y[4321], y[4322], y[6000:6500] = 50, -40, np.nan
    x, thin = pictures.thinned(time_s, y, 0, 500, 200)
    assert len(x) == len(thin) <= 402
    assert (np.nanmax(thin), np.nanmin(thin)) == (50, -40)
    assert (np.diff(x) >= 0).all()
    assert np.isnan(thin[(x > 301) & (x < 324)]).all()
    x, thin = pictures.thinned(time_s, y, 10, 12, 200)
    np.testing.assert_array_equal(thin, y[199:242])
    assert len(pictures.thinned(time_s, y, 900, 950, 10)[0]) <= 1


def test_largest_events_stand_apart():
    S = np.zeros(100)
    S[[10, 12, 50, 80, 82]] = 5, 9, 3, 4, 1
    np.testing.assert_array_equal(pictures.largest_events(S, 5, 2), [12, 80])
    np.testing.assert_array_equal(pictures.largest_events(S, 1, 9), [10, 12, 50, 80, 82])
    assert len(pictures.largest_events(np.zeros(9), 5, 2)) == 0


def test_the_mean_of_events_is_what_they_have_in_common():
    movie = np.full((60, 4, 5), 7.0, np.float32)
    for event in (1, 20, 40, 59):
        movie[event : event + 3] += 10
    mean = pictures.mean_of_events(
        movie.__getitem__, np.array([1, 20, 40, 59]), np.arange(-4, 6), 60
    )
    np.testing.assert_allclose(mean[:4], 0, atol=1e-5)
    np.testing.assert_allclose(mean[4:7], 10, atol=1e-5)
    assert mean.shape == (10, 4, 5)
    assert len(pictures.mean_of_events(movie.__getitem__, np.zeros(0, int), np.arange(3), 60)) == 0


def test_colours_span_the_values_and_none_is_grey():
    colours, low, high = pictures.coloured(np.array([0.0, 5, 10, np.nan]), ("a", "b", "c"))
    assert colours == ["a", "b", "c", pictures.NO_VALUE]
    assert low < high
    assert pictures.coloured(np.array([np.nan]), ("a", "b"))[0] == [pictures.NO_VALUE]
    assert pictures.coloured(np.ones(2), ("a", "b", "c"))[0] == ["b", "b"]


def test_a_walk_visits_each_unit_once_and_stays_near():
    place = np.array([[0.0, 0], [50, 50], [1, 1], [51, 49], [2, 0]])
    walk = pictures.neighbour_walk(place)
    assert sorted(walk) == [0, 1, 2, 3, 4]
    assert set(walk[:3]) == {0, 2, 4}
    assert len(pictures.neighbour_walk(np.zeros((0, 2)))) == 0
    assert pictures.nearest(place, 0, 2) == [2, 4]
    assert pictures.nearest(place[:1], 0, 2) == []


def test_pairs_that_rise_together_are_suggested_best_first():
    cells = [disk(10, 10), disk(10, 12, 5), disk(10, 15), disk(10, 25)]
    C = np.random.default_rng(1).normal(0, 1, (4, 500))
    C[1] = C[0] + 0.1 * C[1]
    C[3] = C[0]  # alike, but apart
    pairs = suggested_pairs(cells, iter([C[:, :300], C[:, 300:]]), SHAPE)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(1, 0)]
    assert pairs.correlation[0] > 0.95
    assert 0.5 < pairs.overlap[0] < 1
    assert pairs.distance_px[0] == pytest.approx(2, abs=0.3)
    assert len(suggested_pairs([], iter([]), SHAPE).first) == 0


def test_one_frame_is_read_from_its_slab(tmp_path):
    frames = np.random.default_rng(2).integers(0, 4000, (300, 9, 11)).astype(np.uint16)
    movie = create_movie(create(tmp_path / "Y.zarr"), "Y", frames.shape, frames.dtype)
    for slab in slabs(movie):
        movie[slab] = frames[slab]
    for t in (0, 255, 256, 299):
        np.testing.assert_array_equal(read_frame(movie, t), frames[t])
    np.testing.assert_array_equal(read_frame(movie, 299, slice(2, 5)), frames[299, 2:5])
    last = tmp_path / "Y.zarr/Y/c/1/0/0"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(OSError, match="cut off"):
        read_frame(movie, 290)
