"""Bad frames are found by kind, and the minimum over the good ones is exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scopeflow.frames import Extremes, describe, extremes, frame_statistics, joined, judge

H, W = 60, 50


def movie(n=40, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    scene = 60 + 40 * np.hypot(*np.mgrid[-1 : 1 : H * 1j, -1 : 1 : W * 1j])
    return np.clip(scene + rng.normal(0, 4, (n, H, W)), 0, 255).astype(dtype)


def verdicts(frames, black_frac=0.25):
    absent = np.full(len(frames), "", dtype="<U16")
    return judge(frame_statistics(frames, None), absent, H, black_frac)


def test_statistics_are_those_of_numpy():
    frames = movie().astype(np.uint16) * 200
    got = frame_statistics(frames[3:], frames[2])
    f = frames.astype(np.int64)
    np.testing.assert_allclose(got.mean, f[3:].mean(axis=(1, 2)))
    np.testing.assert_array_equal(got.min, f[3:].min(axis=(1, 2)))
    np.testing.assert_array_equal(got.max, f[3:].max(axis=(1, 2)))
    np.testing.assert_allclose(got.difference, np.abs(np.diff(f, axis=0)).mean(axis=(1, 2))[2:])
    rough = np.abs(np.diff(f[3:], axis=2)).mean(axis=2).max(axis=1)
    np.testing.assert_allclose(got.roughness, rough)


def test_slabs_give_the_statistics_of_the_whole():
    frames = movie()
    whole = frame_statistics(frames, None)
    parts = joined([frame_statistics(frames[:16], None), frame_statistics(frames[16:], frames[15])])
    for name in ("mean", "min", "max", "difference", "roughness", "flat_rows"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_each_kind_is_called_by_its_name():
    frames = movie()
    frames[5] = 0
    frames[7] = frames[7] // 8
    frames[9] = 77
    frames[12, 40:] = 0
    frames[15] = frames[14]
    frames[20, 10:14] = np.random.default_rng(1).integers(0, 256, (4, W))
    status = verdicts(frames)
    expected = {5: "black", 7: "black", 9: "black", 12: "truncated", 15: "duplicated",
                20: "corrupted"}  # fmt: skip
    assert {int(i): status[i] for i in np.flatnonzero(status != "")} == expected
    lines = list(describe(status))
    assert lines[0].startswith("3 of 40 frames black")
    assert "5, 7, 9" in lines[0]


def test_rows_that_are_always_dark_are_no_fault():
    frames = movie()
    frames[:, :10] = 0
    assert (verdicts(frames) == "").all()


def test_a_sparse_dark_video_is_not_bad():
    """Filtered video is zero nearly everywhere; some rows are empty by chance."""
    rng = np.random.default_rng(0)
    frames = (rng.random((200, H, W)) < 0.05).astype(np.uint8) * 9
    assert (verdicts(frames) == "").mean() > 0.99


def test_absent_frames_keep_their_word():
    frames = movie()
    frames[8] = frames[7]
    absent = np.full(40, "", dtype="<U16")
    absent[8] = "dropped"
    status = judge(frame_statistics(frames, None), absent, H, 0.25)
    assert status[8] == "dropped"
    assert (np.delete(status, 8) == "").all()


def stream(frames, step, provisional):
    """Run `Extremes` over slabs with a given provisional verdict."""
    slabs = [slice(i, min(i + step, len(frames))) for i in range(0, len(frames), step)]
    found = Extremes(frames.shape[1:], frames.dtype)
    for slab in slabs:
        found.add(*extremes(frames[slab], provisional[slab]), provisional[slab])
    return found, slabs


@settings(deadline=None)
@given(
    good=st.lists(st.booleans(), min_size=20, max_size=20),
    provisional=st.lists(st.booleans(), min_size=20, max_size=20),
    step=st.integers(1, 21),
)
def test_extremes_are_exact_whatever_the_first_verdict(good, provisional, step):
    good, provisional = np.array(good), np.array(provisional)
    frames = np.random.default_rng(0).integers(0, 256, (20, 3, 4), dtype=np.uint8)
    found, slabs = stream(frames, step, provisional)
    found.mend(good, frames, slabs)
    if good.any():
        np.testing.assert_array_equal(found.minimum, frames[good].min(axis=0))
        np.testing.assert_array_equal(found.maximum, frames[good].max(axis=0))


@pytest.mark.parametrize(("wrong", "expected"), [(None, 0), ("strict", 1), ("lax", 3)])
def test_only_what_must_be_is_read_again(wrong, expected):
    frames = np.random.default_rng(0).integers(0, 256, (12, 3, 4), dtype=np.uint8)
    good = np.ones(12, dtype=bool)
    good[5] = False
    provisional = good.copy()
    if wrong:
        provisional[5 if wrong == "lax" else 6] ^= True
    found, slabs = stream(frames, 4, provisional)
    assert found.mend(good, frames, slabs) == expected
