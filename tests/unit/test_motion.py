"""Motion of made-up fields with known shifts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scopeflow import shift
from scopeflow.motion import Scheme, anchored, join_slabs, slab_motion
from scopeflow.regions import looked_at
from scopeflow.registration import Registrar
from scopeflow.shift import seen_fraction, shift_frames

SHAPE = (96, 110)
DIAMETER = 12
SURE = 6.0


class Field:
    """Round cells that can be drawn at any shift."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.places = rng.uniform(-20, np.array(SHAPE) + 20, (60, 2))
        self.heights = rng.uniform(20, 90, 60)

    def draw(self, shift, noise: float = 0.0, seed: int = 0) -> np.ndarray:
        y, x = (np.arange(n) for n in SHAPE)
        rows = np.exp(-((y[:, None] - self.places[:, 0] - shift[0]) ** 2) / 18)
        cols = np.exp(-((x[:, None] - self.places[:, 1] - shift[1]) ** 2) / 18)
        image = 20 + (rows * self.heights) @ cols.T
        image += np.random.default_rng(seed).normal(0, noise, SHAPE)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def movie(self, movement, noise: float = 4.0) -> np.ndarray:
        return np.stack([self.draw(m, noise, t) for t, m in enumerate(movement)])


def scheme(aggregation: str = "mean", max_shift: float = 16) -> Scheme:
    return Scheme(Registrar.for_images(SHAPE, DIAMETER, max_shift), aggregation, 2.0)


def estimate(frames, good=None, how=None, slab=50):
    how = how or scheme()
    good = np.ones(len(frames), bool) if good is None else good
    parts = [slice(i, i + slab) for i in range(0, len(frames), slab)]
    slabs = [slab_motion(how.registrar.binned(frames[p][good[p]]), how, SURE) for p in parts]
    return join_slabs(slabs, [good[p] for p in parts], how, SURE)


def error(motion, movement) -> np.ndarray:
    """Distance from the truth; the constant between them is free."""
    rest = motion + movement
    return np.hypot(*(rest - np.median(rest, axis=0)).T)


def walk(n: int, seed: int, whole: bool) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0, 1, (n, 2)).cumsum(axis=0)
    steps = np.clip(steps, -7, 7)
    return np.rint(steps) if whole else steps


@settings(max_examples=25, deadline=None)
@given(st.floats(-9, 9), st.floats(-9, 9), st.integers(0, 5))
def test_the_shift_of_a_pair_of_small_images_is_found_within_a_quarter_of_a_pixel(dy, dx, seed):
    field = Field(seed)
    how = Registrar.for_images(SHAPE, DIAMETER, 16)
    still, moved = how.spectra(how.binned(np.stack([field.draw((0, 0)), field.draw((dy, dx))])))
    (shift,), (confidence,) = how.shifts_between(moved[None], still[None])
    np.testing.assert_allclose(shift, [-dy, -dx], atol=0.25)
    assert confidence > SURE


def test_dirt_on_the_lens_does_not_hold_the_estimate_where_a_polygon_leaves_it_out():
    movement = walk(60, 6, whole=True)
    frames = Field(6).movie(movement)
    # Bright, sharp and at rest, over the right third of the image.
    dirt = np.zeros(SHAPE, dtype=bool)
    dirt[::9, 80:] = dirt[4::9, 80::3] = True
    frames[:, dirt] = 255
    polygon = [[0, 0], [0, 70], [95, 70], [95, 10], [60, 0]]
    rows, cols, inside = looked_at(SHAPE, None, polygon, DIAMETER)
    seen = frames[:, rows, cols]
    registrar = Registrar.for_images(seen.shape[1:], DIAMETER, 16, inside)
    motion, _, placed = estimate(seen, how=Scheme(registrar, "mean", 2.0))
    assert placed.all()
    assert error(motion, movement).max() < 0.3
    assert error(estimate(frames)[0], movement).max() > 1  # what the dirt does otherwise


def test_a_polygon_that_holds_the_whole_box_changes_nothing():
    edge = [[0, 0], [0, SHAPE[1] - 1], [SHAPE[0] - 1, SHAPE[1] - 1], [SHAPE[0] - 1, 0]]
    rows, cols, inside = looked_at(SHAPE, None, edge, DIAMETER)
    assert (rows, cols, inside) == (slice(0, SHAPE[0]), slice(0, SHAPE[1]), None)


def test_the_region_is_cut_to_the_polygon_and_the_image():
    region = {"top": 10, "bottom": 500, "left": 0, "right": 60}
    triangle = [[0, 5], [90, 5], [90, 100]]
    rows, cols, inside = looked_at(SHAPE, region, triangle, DIAMETER)
    assert (rows, cols) == (slice(10, 91), slice(5, 60))
    assert inside.shape == (81, 55)
    assert inside[-1].all()
    assert not inside[0, 20:].any()


@pytest.mark.parametrize(
    ("region", "polygon", "word"),
    [
        ({"top": 0, "bottom": 8, "left": 0, "right": 90}, None, "motion.region leaves 8 x 90"),
        (None, [[0, 0], [20, 0], [20, 20]], "motion.polygon leaves 21 x 21"),
        ({"top": 0, "bottom": 50, "left": 0, "right": 50}, [[60, 60], [90, 60], [90, 90]], "lies"),
    ],
)
def test_a_part_too_small_to_register_by_is_refused_by_name(region, polygon, word):
    with pytest.raises(ValueError, match=word):
        looked_at(SHAPE, region, polygon, DIAMETER)


@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_whole_pixel_motion_is_found_exactly(aggregation):
    movement = walk(120, 1, whole=True)
    motion, _, placed = estimate(Field(1).movie(movement), how=scheme(aggregation))
    assert placed.all()
    assert motion.dtype == np.float32
    assert error(motion, movement).max() == 0


def test_subpixel_motion_is_found_within_a_tenth_of_a_pixel():
    movement = walk(120, 2, whole=False)
    motion, _, placed = estimate(Field(2).movie(movement))
    assert placed.all()
    assert np.sqrt((error(motion, movement) ** 2).mean()) < 0.1


def test_no_motion_stays_none():
    motion, _, _ = estimate(Field(3).movie(np.zeros((60, 2))))
    assert not motion.any()


def test_a_frame_of_noise_is_flagged_and_does_not_disturb_the_others():
    movement = walk(90, 4, whole=False)
    frames = Field(4).movie(movement)
    frames[40] = np.random.default_rng(0).normal(60, 8, SHAPE).clip(0, 255)
    motion, confidence, placed = estimate(frames)
    assert not placed[40]
    assert confidence[40] < confidence[np.arange(90) != 40].min()
    others = np.delete(error(motion, movement), 40)
    assert others.max() < 0.4
    np.testing.assert_allclose(motion[40], (motion[39] + motion[41]) / 2, atol=1e-4)


def test_bad_frames_take_no_part_and_keep_their_place():
    movement = walk(150, 5, whole=True)
    frames = Field(5).movie(movement)
    good = np.ones(150, dtype=bool)
    good[[0, 70]] = False
    good[100:150] = False  # a whole slab
    frames[~good] = 0
    motion, confidence, placed = estimate(frames, good)
    assert motion.shape == (150, 2)
    assert not placed[~good].any()
    assert not confidence[~good].any()
    assert error(motion[good], movement[good]).max() == 0


def test_one_frame_has_no_motion():
    motion, _, placed = estimate(Field().movie(np.zeros((1, 2))))
    assert motion.tolist() == [[0, 0]]
    assert placed.all()


def test_vignetting_that_stays_does_not_hold_the_frames():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    fall = 1 - 0.6 * (((y - 48) / 60) ** 2 + ((x - 55) / 70) ** 2)
    movement = walk(90, 6, whole=True)
    frames = (Field(6).movie(movement) * fall).astype(np.uint8)
    motion, _, _ = estimate(frames)
    assert error(motion, movement).max() == 0


def test_fractions_that_gather_make_whole_shifts():
    rng = np.random.default_rng(0)
    whole = rng.integers(-5, 6, (200, 2))
    placed = np.ones(200, dtype=bool)
    found = anchored(whole + 0.3 + rng.normal(0, 0.05, (200, 2)), placed)
    assert (found == np.rint(found)).all()
    assert np.ptp(found - whole, axis=0).max() == 0
    spread = anchored(rng.uniform(-5, 5, (200, 2)), placed)
    assert (spread != np.rint(spread)).any()


@pytest.mark.parametrize("seed", range(5))
def test_whole_shifts_are_known_for_whole_even_when_they_are_noisy(seed):
    rng = np.random.default_rng(seed)
    whole = rng.integers(-4, 5, (2000, 2))
    placed = np.ones(2000, dtype=bool)
    found = anchored(whole - 0.2 + rng.normal(0, 0.2, (2000, 2)), placed)
    assert np.abs(found - whole - np.median(found - whole, axis=0)).mean() < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_brain_that_mostly_rests_keeps_its_subpixel_motion(seed):
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.1, (2000, 2)) + (rng.random((2000, 1)) < 0.2) * rng.normal(
        0, 4, (2000, 2)
    )
    found = anchored(moves, np.ones(2000, dtype=bool))
    assert np.abs(found - moves - (found - moves).mean(axis=0)).max() < 1e-9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_whole_shifts_are_copies_with_the_edge_repeated(dtype):
    frame = np.arange(30, dtype=dtype).reshape(1, 5, 6)
    moved = shift_frames(frame, np.array([[1, -2]]))
    assert moved.dtype == dtype
    np.testing.assert_array_equal(moved[0, 1:, :4], frame[0, :4, 2:])
    np.testing.assert_array_equal(moved[0, 0], moved[0, 1])
    assert (moved[0, 1:, 4:] == frame[0, :4, 5:]).all()


def test_subpixel_shifts_move_a_blob_and_keep_its_height():
    field = Field(7)
    moved = shift_frames(field.draw((0, 0))[None], np.array([[0.4, -1.3]]))[0].astype(float)
    expected = field.draw((0.4, -1.3)).astype(float)
    assert np.abs(moved - expected)[5:-5, 5:-5].max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_subpixel_shifts_are_the_cubic_convolution_of_keys(dtype):
    def cubic(x, a=-0.75):  # as it is written in the article
        x = abs(x)
        if x < 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    frame = np.random.default_rng(1).integers(20, 200, (1, 14, 17)).astype(dtype)
    move = np.array([1.3, -2.45])
    moved = shift_frames(frame, move[None])[0]
    assert moved.dtype == dtype
    weights = [
        np.array([[cubic(i - m - j) for j in range(n)] for i in range(n)])
        for n, m in zip(frame.shape[1:], move, strict=True)
    ]
    expected = (weights[0] @ frame[0].astype(float) @ weights[1].T)[4:-4, 5:-5]
    if dtype is not np.float32:
        expected = np.clip(np.rint(expected), 0, None)
    np.testing.assert_allclose(moved[4:-4, 5:-5], expected, atol=1e-3)


def test_a_shift_for_each_frame_is_asked_for():
    with pytest.raises(ValueError, match="2 shifts for 3 frames"):
        shift_frames(np.zeros((3, 5, 6), np.uint8), np.zeros((2, 2)))


def resampling(n: int, move: float) -> np.ndarray:
    """Return the matrix that moves a line of n pixels, its ends repeated without end."""
    whole = round(move)
    matrix = np.zeros((n, n))
    for i, tap in itertools.product(range(n), range(-2, 3)):
        x = abs(tap + move - whole)
        weight = (1.25 * x - 2.25) * x**2 + 1 if x <= 1 else -0.75 * (((x - 5) * x + 8) * x - 4)
        matrix[i, min(max(i - whole + tap, 0), n - 1)] += weight if x < 2 else 0
    return matrix


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 20), st.integers(1, 20), st.floats(-30, 30), st.floats(-30, 30),
    st.sampled_from([np.uint8, np.uint16, np.float32]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_frames_of_any_size_are_moved_by_any_shift(height, width, down, right, dtype, seed):
    top = 255 if dtype is np.uint8 else 60_000
    frame = np.random.default_rng(seed).integers(0, top, (height, width)).astype(dtype)
    moved = shift_frames(frame[None], np.array([[down, right]]))[0]
    expected = resampling(height, down) @ frame.astype(float) @ resampling(width, right).T
    if dtype is not np.float32:
        expected = np.clip(expected, 0, np.iinfo(dtype).max)
    atol = 0.5 + 1e-5 * top if dtype is not np.float32 else 1e-5 * top
    np.testing.assert_allclose(moved, expected, atol=atol)


def test_seen_counts_the_frames_that_saw_a_pixel():
    motion = np.array([[0, 0], [2, 0], [0, -1], [50, 50]])
    seen = seen_fraction(motion, np.array([True, True, True, False]), (6, 5))
    assert seen[0, 0] == pytest.approx(2 / 3)
    assert seen[3, 4] == pytest.approx(2 / 3)
    assert seen[0, 4] == pytest.approx(1 / 3)
    assert seen[4, 2] == 1
    assert not seen_fraction(motion, np.zeros(4, bool), (6, 5)).any()


def test_who_saw_a_pixel_is_counted_in_runs_of_frames(monkeypatch):
    motion = np.random.default_rng(0).normal(0, 2, (50, 2))
    good = np.ones(50, bool)
    whole = seen_fraction(motion, good, (20, 30))
    monkeypatch.setattr(shift, "FRAMES_AT_ONCE", 7)
    np.testing.assert_array_equal(seen_fraction(motion, good, (20, 30)), whole)
