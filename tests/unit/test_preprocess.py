"""Filters of single frames, against SciPy, and what they must leave alone."""

import numpy as np
import pytest
from scipy import ndimage

from scopeflow.opening import open_with_disk
from scopeflow.preprocess import Filters, filter_frames, glow_image, remove_glow

SHAPE = (48, 60)


def blob(row: float, col: float, sd: float, height: float) -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return height * np.exp(-((y - row) ** 2 + (x - col) ** 2) / (2 * sd**2))


def only(**changes) -> Filters:
    off = {"denoise": "none", "window_px": 3, "background": "none", "radius_px": 5}
    return Filters(**{**off, **changes})


@pytest.fixture
def frames() -> np.ndarray:
    rng = np.random.default_rng(0)
    clean = 40 + blob(20, 25, 4, 80) + blob(30, 30, 25, 60)
    return np.clip(rng.normal(clean, 5, (3, *SHAPE)), 0, 255).astype(np.uint8)


def test_all_methods_none_change_nothing(frames):
    assert filter_frames(frames, only()) is not frames
    np.testing.assert_array_equal(filter_frames(frames, only()), frames)
    glow = glow_image(frames.min(axis=0), "none", 12)
    np.testing.assert_array_equal(remove_glow(frames, glow), frames)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("window", [3, 5, 7])
def test_median_equals_scipy(frames, dtype, window):
    frames = (frames * (1 if dtype is np.uint8 else 11)).astype(dtype)
    found = filter_frames(frames, only(denoise="median", window_px=window))
    assert found.dtype == dtype
    expected = ndimage.median_filter(frames, (1, window, window), mode="nearest")
    np.testing.assert_array_equal(found, expected)


def test_tophat_is_the_frame_less_its_opening(frames):
    found = filter_frames(frames, only(background="tophat", radius_px=5))
    for frame, one in zip(frames, found, strict=True):
        np.testing.assert_array_equal(one, frame - open_with_disk(frame, 5))


def test_tophat_keeps_cells_and_takes_wide_background():
    scene = np.stack([blob(20, 25, 3, 100) + blob(24, 30, 30, 100)]).astype(np.float32)
    found = filter_frames(scene, only(background="tophat", radius_px=9))[0]
    assert found[20, 25] > 80
    assert found[40, 50] < 10


def test_uniform_takes_the_mean_around(frames):
    found = filter_frames(frames, only(background="uniform", radius_px=6))
    exact = frames[0] - ndimage.uniform_filter(frames[0].astype(float), 13, mode="mirror")
    inside = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(found[0][inside], np.maximum(exact, 0)[inside], atol=0.51)


@pytest.mark.parametrize("method", ["median", "gaussian", "bilateral", "anisotropic"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_denoising_reduces_noise_and_keeps_an_edge(method, dtype):
    rng = np.random.default_rng(1)
    clean = np.full(SHAPE, 60.0)
    clean[:, 30:] = 160
    noisy = np.clip(rng.normal(clean, 6, (1, *SHAPE)), 0, 255).astype(dtype)
    found = filter_frames(noisy, only(denoise=method, window_px=5))
    assert found.dtype == dtype
    error = [np.std((image.astype(float) - clean)[:, 5:25]) for image in (noisy[0], found[0])]
    assert error[1] < 0.6 * error[0]
    rows = found[0].astype(float).mean(axis=0)
    assert abs(rows[33:].mean() - 160) < 3
    assert abs(rows[:27].mean() - 60) < 3


def test_the_default_glow_has_no_ghost_of_a_cell_that_never_rests():
    minimum = (30 + blob(24, 30, 30, 60) + blob(20, 25, 4, 40)).astype(np.uint8)
    assert glow_image(minimum, "minimum", 16) is minimum
    glow = glow_image(minimum, "opened_minimum", 16)
    assert glow.dtype == np.uint8
    assert (glow <= minimum).all()
    error = glow - (30 + blob(24, 30, 30, 60))  # up to a constant, which does no harm
    assert error[20, 25] - error[40, 50] < 8  # 40 in the minimum itself


def test_the_default_glow_has_no_ghost_of_a_vessel():
    minimum = np.full(SHAPE, 80, dtype=np.uint8)
    minimum[:, 28:34] = 40
    glow = glow_image(minimum, "opened_minimum", 16).astype(float)
    assert (glow <= minimum).all()
    assert np.ptp(glow) < 12  # 40 in the minimum itself


def test_glow_stops_at_zero():
    frames = np.array([[[5, 200]]], dtype=np.uint8)
    glow = np.array([[9, 100]], dtype=np.uint8)
    assert remove_glow(frames, glow).tolist() == [[[0, 100]]]


def test_sizes_follow_the_cell_unless_given():
    filters = Filters.for_cells("median", None, "tophat", None, 16)
    assert (filters.window_px, filters.radius_px) == (5, 12)
    given = Filters.for_cells("median", 3, "tophat", 7.4, 16)
    assert (given.window_px, given.radius_px) == (3, 7)


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (only(denoise="median", window_px=49), r"denoise.window_px is 49.* 48 x 60 px"),
        (only(background="tophat", radius_px=24), r"background.radius_px is 24 .*49 px"),
    ],
)
def test_windows_larger_than_the_image_are_refused(filters, words):
    with pytest.raises(ValueError, match=words):
        filters.check(SHAPE)
    only(window_px=99, radius_px=99).check(SHAPE)  # what is switched off has no size
