"""Simulated recordings: reproducible, true to their truth, and of the paper's magnitudes."""

import numpy as np
import pytest

from scopeflow.errors import InputError
from scopeflow.recipes import complete, video_names
from scopeflow.simulate import GAIN_COUNTS, _calcium, make_recording

SMALL = {"height_px": 64, "width_px": 80, "n_frames": 150, "n_cells": 12, "seed": 5}


def movie(recording):
    return np.concatenate([recording.frames(slab) for slab in recording.slabs])


def test_frames_follow_from_the_seed_in_any_order():
    first, second = make_recording(SMALL), make_recording(SMALL)
    expected = [first.frames(slab) for slab in first.slabs]
    for slab, frames in list(zip(second.slabs, expected, strict=True))[::-1]:
        np.testing.assert_array_equal(second.frames(slab), frames)
    other = make_recording({**SMALL, "seed": 6})
    assert not np.array_equal(other.frames(other.slabs[0]), expected[0])


@pytest.mark.parametrize("subpixel", [False, True])
def test_correcting_the_motion_leaves_cells_on_a_smooth_background(subpixel):
    """Without noise, what remains of two frames after the correction is the background."""
    recipe = {**SMALL, "noise_sd": 0.0, "n_backgrounds": 0, "subpixel_motion": subpixel}
    recording = make_recording(recipe)
    _, A, C, _ = recording.truth()
    scene = (C.T @ A.toarray()).reshape(-1, 64, 80) + GAIN_COUNTS
    inner = slice(25, 40), slice(25, 55)  # never sees a cell from outside
    if not subpixel:
        for frame, truth, moved in zip(movie(recording), scene, recording.movement, strict=True):
            corrected = np.roll(frame, (-moved).astype(int), (0, 1))
            assert np.abs(corrected[inner] - truth[inner]).max() < 6
    t = np.abs(recording.movement).sum(axis=1).argmin()
    still = movie(recording)[t].astype(float)
    np.testing.assert_allclose(still[inner], scene[t][inner], atol=12 if subpixel else 6)


def test_a_frame_is_the_sum_that_the_truth_says():
    """An oracle: every Gaussian written out in full, at the frame's own place."""
    recording = make_recording({**SMALL, "noise_sd": 0.0, "subpixel_motion": True})
    y, x = np.mgrid[:64, :80].astype(float)
    for t in (0, 77, 149):
        expected = np.full((64, 80), GAIN_COUNTS)
        sources = [
            (recording.centres, recording.variances, recording.C),
            (recording.bg_centres, recording.bg_variances, recording.f),
        ]
        for centres, variances, course in sources:
            for (cy, cx), (vy, vx), value in zip(centres, variances, course[:, t], strict=True):
                dy, dx = y - cy - recording.movement[t, 0], x - cx - recording.movement[t, 1]
                expected += value * np.exp(-(dy**2) / (2 * vy) - dx**2 / (2 * vx))
        frame = recording.frames(recording.slabs[t // 64])[t % 64]
        assert np.abs(frame - np.clip(expected, 0, 255)).max() < 0.52  # half a count: rounding


def test_magnitudes_are_those_of_the_paper_at_signal_0_2():
    recipe = {"height_px": 128, "width_px": 128, "n_frames": 3000, "n_cells": 20}
    recording = make_recording({**recipe, "signal_level": 0.2, "motion_max_px": 0, "seed": 1})
    frames = np.concatenate([recording.frames(s)[:, ::4, ::4] for s in recording.slabs])
    noise = np.diff(frames.astype(float), axis=0).std() / np.sqrt(2)
    assert noise == pytest.approx(6, abs=0.2)
    assert np.sqrt(frames.var(axis=0).mean() - noise**2) == pytest.approx(17, abs=3)
    assert recording.C.std(axis=1).mean() == pytest.approx(4, abs=0.8)


def test_motion_is_the_papers_walk():
    movement = make_recording({**SMALL, "n_frames": 5000}).movement
    assert (movement == np.rint(movement)).all()
    np.testing.assert_allclose(movement.std(axis=0), 1.7, atol=0.15)
    assert 3 <= np.abs(np.diff(movement, axis=0)).max() <= 6
    limited = make_recording({**SMALL, "n_frames": 2000, "motion_max_px": 2}).movement
    assert np.abs(limited).max() == 2


def test_the_kernel_starts_on_the_frame_of_the_spike():
    spikes = np.zeros(200, np.uint8)
    spikes[40] = 1
    calcium = _calcium(spikes, 60, 5)
    t = np.arange(1, 161)
    assert (calcium[:40] == 0).all()
    np.testing.assert_allclose(calcium[40:], np.exp(-t / 60) - np.exp(-t / 5), atol=1e-12)


def test_truth_holds_the_cells_of_the_image_with_peak_one():
    recording = make_recording(SMALL)
    unit_id, A, C, S = recording.truth()
    assert len(unit_id) == A.shape[0] == len(C) == len(S) == SMALL["n_cells"]
    np.testing.assert_allclose(A.max(axis=1).toarray(), 1)
    assert set(np.unique(S)) <= {0, 1}


def test_two_sessions_share_their_field():
    recipe = {**SMALL, "n_cells": 40, "field_seed": 9}
    one = make_recording({**recipe, "fraction_active": 0.8})
    two = make_recording(
        {**recipe, "fraction_active": 0.8, "shift_px": [4, -7], "seed": 6, "signal_level": 0.5}
    )
    both, i, j = np.intersect1d(one.unit_id, two.unit_id, return_indices=True)
    assert 0 < len(both) < min(len(one.unit_id), len(two.unit_id))
    np.testing.assert_allclose(two.centres[j] - one.centres[i], np.tile([4, -7], (len(both), 1)))
    np.testing.assert_array_equal(two.variances[j], one.variances[i])
    assert not np.array_equal(two.S[j], one.S[i])
    np.testing.assert_allclose(two.bg_centres - one.bg_centres, [[4, -7]] * len(one.bg_centres))


@pytest.mark.parametrize(
    ("recipe", "word"),
    [({"cells": 3}, "cells"), ({"shift_px": [0, 41]}, "shift_px"),
     ({"tau_rise_frames": 60}, "tau_rise_frames")],
)  # fmt: skip
def test_a_wrong_recipe_is_refused_by_name(recipe, word):
    with pytest.raises(InputError, match=word):
        complete(recipe)


def test_file_names_follow_from_the_recipe():
    assert video_names({"n_frames": 2001, "frames_per_file": 1000}) == [
        "msCam1.avi", "msCam2.avi", "msCam3.avi",
    ]  # fmt: skip
