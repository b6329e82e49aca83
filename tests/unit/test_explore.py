"""What the explorer computes on the fly: arrays in, arrays out."""

import numpy as np
import pytest
from scipy import sparse

from scopeflow.deconvolve import coefficients
from scopeflow.explore.activities import fitted, own_coefficients, pulse, shared_coefficients
from scopeflow.explore.course import Course, joined_ranges
from scopeflow.explore.frame_access import recounted
from scopeflow.explore.glimpse import glimpse
from scopeflow.explore.penalties import cut_out, make_trial, with_neighbours
from scopeflow.explore.pictures import (
    as_bytes,
    contours,
    crop,
    display_range,
    histogram,
    thin_line,
    thinned,
    tiled,
)
from scopeflow.explore.splitting import spectra, split, spread
from scopeflow.footprints import blobs
from scopeflow.passes import frames_averaged
from scopeflow.preprocess import Filters

FPS = 30.0


# Pictures ---------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "step"), [(10, 1), (11, 2), (25, 3)])
def test_large_images_are_thinned_to_the_screen(side, step):
    image = np.arange(side * 4).reshape(side, 4)
    np.testing.assert_array_equal(thinned(image, 10), image[::step, ::step])


def test_bytes_are_black_at_the_lower_and_white_at_the_upper_end():
    image = np.array([[-5.0, 0, 50, 100, 200]])
    np.testing.assert_array_equal(as_bytes(image, 0, 100), [[0, 0, 127, 255, 255]])
    assert as_bytes(image, 3, 3).dtype == np.uint8
    assert image[0, 0] == -5


def test_levels_leave_out_the_most_extreme_pixels_and_never_coincide():
    image = np.full((100, 100), 50, np.uint8)
    image[0, 0] = 255
    low, high = display_range(image)
    assert low == 50
    assert high == 51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_histogram_counts_every_pixel_once(dtype):
    image = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(dtype)
    counts, edges = histogram(image)
    assert counts.sum() == image.size
    assert len(edges) == len(counts) + 1
    if dtype != np.float32:  # a whole width: no comb
        assert len(set(np.round(np.diff(edges), 9))) == 1
        assert float(edges[1] - edges[0]).is_integer()


def test_a_histogram_of_a_flat_image_has_a_bin():
    counts, _ = histogram(np.zeros((4, 4), np.float32))
    assert counts.sum() == 16


def test_a_crop_stays_inside_the_image():
    image = np.zeros((50, 60))
    assert crop(image, (2, 58), 10) == (slice(0, 20), slice(40, 60))
    assert crop(image, (25, 30), 100) == (slice(0, 50), slice(0, 60))


def test_contours_of_a_cell_are_rings_around_it():
    y, x = np.mgrid[:41, :61]
    cell = np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 50)
    xs, ys, heights = contours(cell)
    assert len(np.unique(heights)) == 5
    for line_x, line_y, height in zip(xs, ys, heights, strict=True):
        radius = np.sqrt(-50 * np.log(height))
        np.testing.assert_allclose(np.hypot(line_y - 20, line_x - 30), radius, atol=0.15)


def test_contours_of_a_flat_image_are_none():
    assert contours(np.ones((9, 9)))[0] == []


def test_tiles_are_alike_and_hold_their_images():
    images = [np.full((3, 4), 1.0), np.full((5, 2), 2.0), np.full((1, 1), 3.0)]
    whole = tiled(images, 2, gap_px=1)
    assert whole.shape == (2 * 6, 2 * 5)
    assert [int((whole == value).sum()) for value in (1, 2, 3)] == [12, 10, 1]
    assert np.isnan(whole[:, 4]).all()


def test_a_thinned_line_keeps_its_peaks_and_its_gaps():
    y = np.random.default_rng(1).normal(0, 1, 20_000)
    y[777], y[12_345] = 50, -40
    y[5000:6000] = np.nan
    x, short = thin_line(np.arange(20_000), y, 1000)
    assert len(short) <= 1000
    assert np.nanmax(short) == 50
    assert np.nanmin(short) == -40
    assert x[np.nanargmax(short)] == 777
    assert (np.diff(x) > 0).all()
    assert np.isnan(short[(x >= 5100) & (x < 5900)]).all()


# Course of a recording --------------------------------------------------------------


def test_a_sample_gives_course_and_minimum_without_dark_frames():
    frames = np.full((5, 6, 6), 100, np.uint8)
    frames[1:, 2, 2] = [90, 200, 95, 98]
    frames[3] = 3
    images = [(10 * k, None if k == 4 else frame) for k, frame in enumerate(frames)]
    course, minimum = Course.of_images(images, lambda image: image)
    assert course.frame.tolist() == [0, 10, 20, 30]
    assert course.least.tolist() == [100, 90, 100, 3]
    assert course.largest.tolist() == [100, 100, 200, 3]
    assert minimum.min() == minimum[2, 2] == 90


def test_a_recording_without_a_frame_has_no_minimum():
    course, minimum = Course.of_images([(0, None)], lambda image: image)
    assert len(course.frame) == 0
    assert minimum is None


@pytest.mark.parametrize(
    ("ranges", "joined"),
    [
        ([], []),
        ([(5, 9), (0, 3)], [[0, 3], [5, 9]]),
        ([(0, 3), (3, 6), (5, 7), (20, 21)], [[0, 7], [20, 21]]),
        ([(0, 10), (2, 4)], [[0, 10]]),
    ],
)
def test_ranges_of_frames_are_joined(ranges, joined):
    assert joined_ranges(ranges) == joined


# Seeds ------------------------------------------------------------------------------


def test_a_split_trace_is_whole_again_and_each_part_has_its_frequency():
    t = np.arange(900) / FPS
    slow_wave, fast_wave = 10 * np.sin(2 * np.pi * 0.2 * t), np.sin(2 * np.pi * 8 * t)
    trace = (100 + slow_wave + fast_wave)[None]
    slow, fast = split(trace, FPS, 2.0)
    np.testing.assert_allclose(slow + fast + np.median(trace), trace, atol=1e-9)
    inner = slice(60, -60)
    np.testing.assert_allclose(fast[0, inner], fast_wave[inner], atol=0.1)


def test_a_split_bridges_missing_frames_and_any_cut_off():
    trace = np.random.default_rng(0).normal(50, 1, (1, 300))
    trace[0, 40:50] = np.nan
    slow, fast = split(trace, FPS, 99.0)
    assert np.isfinite(slow).all()
    assert np.isfinite(fast).all()


def test_a_spectrum_peaks_at_the_frequency_and_has_no_zero():
    t = np.arange(1800) / FPS
    freqs, power = spectra(np.sin(2 * np.pi * 3 * t)[None], FPS)
    assert freqs[0] > 0
    assert freqs[power[0].argmax()] == pytest.approx(3, abs=0.06)


def test_examples_are_spread_over_all_values_and_pages_differ():
    values = np.random.default_rng(0).permutation(100).astype(float)
    first, second = spread(values, 5), spread(values, 5, page=1)
    assert values[first].tolist() == [0, 20, 40, 60, 80]
    assert values[second].tolist() == [1, 21, 41, 61, 81]
    assert sorted(spread(values[:3], 5).tolist()) == [0, 1, 2]


def test_a_glimpse_finds_cells_and_their_traces():
    rng = np.random.default_rng(0)
    places = np.array([[20.0, 20.0], [40.0, 70.0]])
    A = blobs(places, 3.0, (60, 90)).toarray().reshape(2, 60, 90)
    C = np.zeros((2, 200))
    C[0, 50:] = 80 * np.exp(-np.arange(150) / 40)
    C[1, 120:] = 80 * np.exp(-np.arange(80) / 40)
    frames = 60 + np.einsum("kt,kyx->tyx", C, A) + rng.normal(0, 3, (200, 60, 90))
    frames = np.clip(np.rint(frames), 0, 255).astype(np.uint8)
    filters = Filters.for_cells("median", None, "tophat", None, 12)
    seen = glimpse(frames, np.full((60, 90), 40, np.uint8), filters, 12)
    for place, course in zip(places, C, strict=True):
        nearest = np.hypot(*(seen.places[:, :2] - place).T).argmin()
        assert np.hypot(*(seen.places[nearest, :2] - place)) < 3
        assert np.corrcoef(seen.traces[nearest], course)[0, 1] > 0.95
    assert seen.image.shape == (60, 90)
    assert seen.null_traces.shape[1] == 200
    assert len(seen.places) == len(seen.traces) <= 60


def test_a_glimpse_of_nothing_has_no_candidate():
    frames = np.full((20, 40, 40), 50, np.uint8)
    filters = Filters.for_cells("none", None, "none", None, 12)
    seen = glimpse(frames, np.zeros((40, 40), np.uint8), filters, 12)
    assert seen.places.shape == (0, 4)


# Footprints -------------------------------------------------------------------------

SHAPE = (60, 60)
DIAMETER = 12.0


def trial(n_frames=400, parts=None):
    """Two cells and a neighbour; the movie, or some stretches of it."""
    rng = np.random.default_rng(0)
    places = np.array([[20.0, 20.0], [40.0, 38.0], [22.0, 27.0]])
    A = blobs(places, DIAMETER / 4, SHAPE)
    C = np.cumsum(rng.uniform(size=(3, n_frames)) < 0.02, axis=1) % 2 * 60.0
    movie = 50 + (A.T @ C).T.reshape(-1, *SHAPE) + rng.normal(0, 5, (n_frames, *SHAPE))
    movie = movie.astype(np.float32)
    sn = np.full(SHAPE, 5, np.float32)
    slabs = [(movie[s], C[:, s].astype(np.float32)) for s in parts or [slice(0, n_frames)]]
    return make_trial(
        sparse.csr_array(A), SHAPE, 2, slabs, n_frames, movie.mean(axis=0), sn,
        np.ones(SHAPE, bool), DIAMETER, DIAMETER / 4, frames_averaged(FPS),
    )  # fmt: skip


def test_a_higher_penalty_makes_footprints_smaller_until_none_is_left():
    made = trial()
    sizes = [np.diff(made.footprints(z)[0].indptr) for z in (0, 3, 30, 1e4)]
    assert len(sizes[0]) == 2  # the neighbour is fitted but not tried
    for less, more in zip(sizes[1:], sizes, strict=False):
        assert (less <= more).all()
    assert sizes[0].min() > 40
    assert sizes[-1].max() == 0


def test_part_of_the_movie_stands_for_the_whole():
    whole, some = trial(), trial(parts=[slice(0, 100), slice(200, 300)])
    assert np.trace(some.sums[0].gram) == pytest.approx(np.trace(whole.sums[0].gram), rel=0.3)
    a, b = (np.diff(t.footprints(3.0)[0].indptr) for t in (whole, some))
    np.testing.assert_allclose(a, b, rtol=0.25)


def test_units_come_before_their_neighbours_and_far_ones_not_at_all():
    places = np.array([[10.0, 10.0], [10.0, 150.0], [15.0, 14.0]])
    A = blobs(places, 3.0, (40, 170))
    assert with_neighbours(A, (40, 170), np.array([2]), DIAMETER).tolist() == [2, 0]


def test_a_footprint_is_cut_out_with_its_patch():
    made = trial()
    A, _ = made.footprints(3.0)
    image = cut_out(A[[0]], made.patches[0], SHAPE)
    assert image.shape == made.patches[0].shape
    assert image.max() == 1
    empty = cut_out(sparse.csr_array((1, A.shape[1])), made.patches[0], SHAPE)
    assert not empty.any()


# Activity ---------------------------------------------------------------------------


def course_of(g, seed=0, n=1200):
    rng = np.random.default_rng(seed)
    s = (rng.uniform(size=n) < 0.01) * rng.uniform(10, 20, n)
    c = np.zeros(n)
    for t in range(n):
        c[t] = s[t] + sum(g[k] * c[t - 1 - k] for k in range(2) if t > k)
    return c, s


def test_a_fit_follows_the_trace_and_says_its_times():
    g = coefficients(1.0, 0.1, FPS)
    c, _ = course_of(g)
    y = 30 + c + np.random.default_rng(1).normal(0, 2, len(c))
    y[100:110] = np.nan
    course = fitted(y, 2.0, g, 2.0, FPS)
    assert (course.tau_decay_s, course.tau_rise_s) == pytest.approx((1.0, 0.1))
    assert np.corrcoef(course.C, c)[0, 1] > 0.98
    assert np.nanstd(course.raw - course.fit) < 2.5
    more = fitted(y, 2.0, g, 8.0, FPS)
    assert (more.S > 0).sum() < (course.S > 0).sum()


def test_a_model_of_order_one_has_no_rise():
    g = shared_coefficients(0.5, 0.0, FPS)
    course = fitted(np.random.default_rng(0).normal(0, 1, 200), 1.0, g, 2.0, FPS)
    assert course.tau_rise_s == 0
    assert course.tau_decay_s == pytest.approx(0.5)


def test_a_rise_that_is_not_shorter_than_the_decay_is_refused():
    with pytest.raises(ValueError, match=r"rise \(0.5 s\) must be shorter than the decay"):
        shared_coefficients(0.5, 0.5, FPS)


def test_kinetics_of_one_unit_are_near_the_truth():
    g = coefficients(1.0, 0.1, FPS)
    c, _ = course_of(g, seed=3, n=6000)
    y = c + np.random.default_rng(1).normal(0, 1, len(c))
    y[:5] = np.nan
    found = fitted(y, 1.0, own_coefficients(y, 1.0, 2, 20, FPS, 2.0), 2.0, FPS)
    assert 0.6 < found.tau_decay_s < 1.5


def test_a_pulse_rises_from_nothing_to_one_and_decays_in_seconds():
    time_s, response = pulse(coefficients(1.0, 0.1, FPS), FPS)
    assert response[0] == 0
    assert response.max() == 1
    at = time_s[response.argmax()]
    assert 0.1 < at < 0.5
    assert response[-1] < 0.05
    assert time_s[-1] == pytest.approx(5, abs=0.2)


def test_frames_are_counted_as_loading_counts_them():
    """The first file states 50 frames, but 30 could be read: file 2 begins at 30."""
    number = np.array([0, 29, 30, 49, 50, 60, 99])
    np.testing.assert_array_equal(
        recounted(number, [50, 50], [30, 50]), [0, 29, 30, 30, 30, 40, 79]
    )
    np.testing.assert_array_equal(recounted(number, [50, 50], [50, 50]), number)
