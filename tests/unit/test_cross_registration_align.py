"""Aligning sessions: known transforms are found, and no better one is made up."""

import numpy as np
import pytest

from scopeflow.cross_registration.align import Limits, align, score_of
from scopeflow.cross_registration.pictures import picture, summed
from scopeflow.cross_registration.transforms import (
    IDENTITY,
    Transform,
    frame_around,
    moved_footprints,
    moved_image,
    translation,
)
from scopeflow.cross_registration.translation import best_shift, best_template, fit_of, searchable
from scopeflow.footprints import blobs, centroids

SHAPE = (180, 200)
DIAMETER = 16.0


def rotation(degrees, shift=(0.0, 0.0), scale=1.0):
    """The transform of a session whose content must be turned and shifted by this."""
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = (np.array(SHAPE) - 1) / 2
    back = np.linalg.inv(turn)
    return Transform("rigid", np.column_stack([back, middle - back @ (middle + shift)]))


@pytest.fixture(scope="module")
def places():
    """Cells in and around the field."""
    return np.random.default_rng(2).uniform(-40, np.array(SHAPE) + 40, (110, 2))


def field(places, sigma=4.0):
    inside = ((places > -3) & (places < np.array(SHAPE) + 2)).all(axis=1)
    A = blobs(np.clip(places[inside], 0, np.array(SHAPE) - 1), sigma, SHAPE)
    return picture(summed(A, SHAPE), DIAMETER)


def seen_by(transform, places):
    """Where a session sees places of the common field."""
    return places @ transform.matrix[:, :2].T + transform.matrix[:, 2]


def limits(kind):
    return Limits(kind, 45, 6, DIAMETER)


def error_px(found, true):
    """Largest distance, over the image, between where two transforms look."""
    grid = np.mgrid[20 : SHAPE[0] - 20 : 10, 20 : SHAPE[1] - 20 : 10]
    a, b = (np.stack(t.sources(*grid)) for t in (found, true))
    return float(np.linalg.norm(a - b, axis=0).max())


@pytest.mark.parametrize("shift", [(0, 0), (12, -30), (-7.4, 21.7)])
def test_a_shift_is_found_within_a_third_of_a_pixel(places, shift):
    true = translation(shift)
    found = align(field(seen_by(true, places)), field(places), limits("translation"))
    assert found.is_clear
    assert error_px(found.transform, true) < 0.35


def test_three_degrees_with_a_shift_are_found(places):
    true = rotation(3, (14, -21))
    found = align(field(seen_by(true, places)), field(places), limits("rigid"))
    assert found.transform.kind == "rigid"
    assert found.transform.rotation_deg == pytest.approx(3, abs=0.1)
    np.testing.assert_allclose(found.transform.shift_px(SHAPE), [14, -21], atol=1)
    assert error_px(found.transform, true) < 0.6
    assert found.scores["rigid"] > found.scores["translation"] + 0.2


def test_an_affine_map_is_found(places):
    true = Transform("affine", rotation(1.5, (6, 9)).matrix @ np.diag([1.04, 0.97, 1.0]))
    found = align(field(seen_by(true, places)), field(places), limits("affine"))
    assert found.transform.kind == "affine"
    assert error_px(found.transform, true) < 1
    rigid = align(field(seen_by(true, places)), field(places), limits("rigid"))
    assert error_px(rigid.transform, true) > 2


def test_a_smooth_deformation_is_undone(places):
    """Every cell is displaced by a slow wave of 5 px."""

    def wave(where):
        phase = 2 * np.pi * where / 260
        return where + 5 * np.stack([np.sin(phase[:, 1]), np.cos(phase[:, 0])], axis=1) - (0, 2)

    session = field(wave(places))
    found = align(session, field(places), limits("nonrigid"))
    rigid = align(session, field(places), limits("rigid"))
    assert found.transform.kind == "nonrigid"
    inner = places[((places > 25) & (places < np.array(SHAPE) - 25)).all(axis=1)]
    errors = []
    for one in (found, rigid):
        sources = np.stack(one.transform.sources(*inner.T), axis=1)
        errors.append(np.median(np.linalg.norm(sources - wave(inner), axis=1)))
    assert errors[0] < 1.2
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_more_than_needed_is_kept_though_cells_change(places, seed):
    rng = np.random.default_rng(seed)
    true = translation((8, -13))
    other = rng.uniform(-40, np.array(SHAPE) + 40, places.shape)
    changed = np.where((rng.random(len(places)) < 0.3)[:, None], other, places)
    noisy = changed + rng.normal(0, 0.3, places.shape)
    found = align(field(seen_by(true, noisy)), field(places), limits("nonrigid"))
    assert found.transform.kind == "translation"
    assert error_px(found.transform, true) < 1.5


@pytest.mark.parametrize("kind", ["translation", "rigid"])
def test_fields_that_have_nothing_in_common_are_not_clear(places, kind):
    rng = np.random.default_rng(9)
    others = [rng.uniform(-40, np.array(SHAPE) + 40, places.shape) for _ in range(8)]
    found = [align(field(other), field(places), limits(kind)) for other in others]
    assert not any(one.is_clear for one in found)


@pytest.mark.parametrize("n_cells", [12, 25])
def test_chance_is_known_in_small_fields_of_few_cells(n_cells):
    """96 x 96 px, where any two fields correlate at some shift."""
    shape = (96, 96)

    def look(places):
        return picture(summed(blobs(places, 4.0, shape), shape), DIAMETER)

    clear = {"same": 0, "other": 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        own, other = rng.uniform(4, 92, (2, n_cells, 2))
        seen = own + rng.normal(0, 0.3, own.shape)
        seen[rng.random(n_cells) < 0.3] = other[0]
        for name, places in {"same": seen, "other": other}.items():
            one = align(look(places), look(own), Limits("rigid", 24, 6, DIAMETER))
            clear[name] += one.is_clear
    assert clear["other"] <= 1
    assert clear["same"] >= 12


def test_an_empty_picture_stays_where_it_is(places):
    empty = picture(np.full(SHAPE, 7.0), DIAMETER)
    assert not empty.any()
    found = align(empty, field(places), limits("nonrigid"))
    assert found.transform is IDENTITY
    assert not found.is_clear


def test_a_pixel_that_is_no_number_does_not_hinder_the_others(places):
    image = summed(blobs(places[:20] % 150, 4.0, SHAPE), SHAPE)
    expected = picture(image, DIAMETER)
    image[2, 3] = np.nan
    np.testing.assert_allclose(picture(image, DIAMETER), expected, atol=0.01)


@pytest.mark.filterwarnings("error")
def test_an_image_without_any_number_gives_an_empty_picture():
    assert not picture(np.full(SHAPE, np.nan, np.float32), DIAMETER).any()


def test_brightness_and_gain_do_not_matter(places):
    image = summed(blobs(places[:20] % 150, 4.0, SHAPE), SHAPE)
    np.testing.assert_allclose(
        picture(image, DIAMETER), picture(50 * image + 300, DIAMETER), atol=0.01
    )


def test_the_score_is_one_for_the_true_transform_and_ignores_what_is_not_shared(places):
    image = field(places)
    assert score_of(image, image, IDENTITY) == pytest.approx(1, abs=1e-6)
    true = translation((20, 0))
    assert score_of(field(seen_by(true, places)), image, true) > 0.9
    assert score_of(image, image, translation((400, 0))) == 0


def test_the_best_shift_of_two_pictures_is_found_with_its_fit(places):
    image = field(places)
    pair = [searchable(p, 30) for p in (np.roll(image, (3, -5), (0, 1)), image)]
    fit, shift = best_shift(*pair)
    np.testing.assert_allclose(shift, [-3, 5], atol=0.05)
    moved = np.roll(pair_image := np.roll(image, (3, -5), (0, 1)), (-3, 5), (0, 1))
    seen = np.zeros(SHAPE, bool)
    seen[:-3, 5:] = True
    expected = fit_of(np.where(seen, moved, 0), seen, image, float((pair_image**2).sum()))
    assert fit == pytest.approx(expected, abs=0.002)


def test_a_reach_beyond_the_image_finds_the_same_shift(places):
    image = np.ascontiguousarray(field(places)[:120, :160])
    moved = np.roll(image, (3, -5), (0, 1))
    near, far = (
        best_shift(searchable(moved, reach), searchable(image, reach)) for reach in (30, 500)
    )
    np.testing.assert_allclose(far[1], near[1], atol=1e-3)
    assert far[0] == pytest.approx(near[0], abs=1e-5)
    wide = Limits("rigid", 130, 2, DIAMETER)
    found = align(moved, image, wide)
    np.testing.assert_allclose(found.transform.shift_px(image.shape), [-3, 5], atol=0.5)


def test_the_fit_is_the_correlation_less_where_little_is_in_common(places):
    image = field(places)
    energy = float((image**2).sum())
    everywhere = np.ones(SHAPE, bool)
    assert fit_of(image, everywhere, image, energy) == pytest.approx(1)
    part = everywhere & (np.arange(SHAPE[1]) < 50)
    share = (image[part] ** 2).sum() / energy
    assert fit_of(np.where(part, image, 0), part, image, energy) == pytest.approx(share**0.5)
    assert fit_of(np.zeros_like(image), everywhere, image, energy) == 0


def test_the_template_is_the_session_that_fits_the_others():
    scores = np.array([[1, 0.5, 0.2], [0.5, 1, 0.6], [0.2, 0.6, 1]])
    assert best_template(scores) == 1


def test_footprints_move_with_their_image(places):
    inner = places[((places > 20) & (places < np.array(SHAPE) - 20)).all(axis=1)]
    A = blobs(inner, 3.0, SHAPE)
    true = rotation(-4, (5, 9))
    frame = frame_around([IDENTITY, true], SHAPE)
    moved = moved_footprints(A, SHAPE, true, frame)
    image = moved_image(summed(A, SHAPE), true, frame)
    np.testing.assert_allclose(
        np.asarray(moved.sum(axis=0)).reshape(frame[2:]), np.nan_to_num(image), atol=0.05
    )
    there = centroids(moved, frame[2:]) + frame[:2]
    np.testing.assert_allclose(seen_by(true, there), centroids(A, SHAPE), atol=0.1)


def test_a_frame_holds_all_sessions():
    top, left, height, width = frame_around([IDENTITY, translation((-10, 4))], SHAPE)
    assert (top, left) == (-10, 0)
    assert (height, width) == (SHAPE[0] + 10, SHAPE[1] + 4)
    one = np.ones(SHAPE, np.float32)
    moved = moved_image(one, translation((-10, 4)), (top, left, height, width))
    assert np.isfinite(moved).sum() == SHAPE[0] * SHAPE[1]


def test_empty_footprints_and_those_that_leave_the_field_stay_empty():
    A = blobs(np.array([[5.0, 5.0], [60.0, 60.0]]), 3.0, SHAPE)
    A.data[A.indptr[1] :] = 0
    A.eliminate_zeros()
    moved = moved_footprints(A, SHAPE, translation((-60, 0)), (0, 0, *SHAPE))
    assert moved.shape == A.shape
    assert not moved.nnz
