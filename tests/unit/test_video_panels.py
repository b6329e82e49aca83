"""The video: pace, gains, pictures, and the file that it becomes."""

import av
import numpy as np
import pytest
from scipy import sparse

from scopeflow.footprints import blobs
from scopeflow.motion_preview import agreement, preview_of, sharpness
from scopeflow.shift import shift_frames
from scopeflow.simulate import make_recording
from scopeflow.video_file import write_mp4
from scopeflow.video_panels import TEXT_PX, Panels, choose_pace, choose_scales


@pytest.mark.parametrize(
    ("seconds", "speed", "shown_s", "fastness"),
    [(30, None, 30, 1), (240, None, 240, 4), (2000, None, 480, 8), (30, 3, 30, 3)],
)
def test_a_video_is_not_longer_nor_faster_than_it_may_be(seconds, speed, shown_s, fastness):
    pace = choose_pace(np.zeros(seconds * 30), 30, 60, speed)
    assert pace.speed == pytest.approx(fastness)
    assert np.ptp(pace.frames) / 30 == pytest.approx(shown_s, abs=0.5)
    assert pace.fps_hz <= 20
    assert len(pace.frames) / pace.fps_hz == pytest.approx(shown_s / fastness, abs=0.1)


def test_the_most_active_stretch_is_shown():
    activity = np.zeros(20 * 2000)
    activity[30_000:30_100] = 1
    activity[5] = np.nan
    pace = choose_pace(activity, 20, 60, None)
    assert pace.frames[0] <= 30_000
    assert pace.frames[-1] > 30_099 - 8  # one of eight frames is shown


def test_what_units_explain_is_gone_from_what_is_left():
    shape = (40, 60)
    A = blobs(np.array([[20.0, 30.0]]), 3, shape)
    b = np.full(shape, 50.0)
    C = np.array([80.0])
    frame = (A.toarray()[0] * C[0]).reshape(shape) + b
    panels = Panels(A, b, 30)
    signal, explained, left = panels.parts(frame, 1.0, C)
    np.testing.assert_allclose(signal, explained, atol=1e-4)
    assert np.abs(left).max() < 1e-4
    scales = choose_scales(frame[None], C, left[None])
    assert scales.signal == pytest.approx(80)
    image = panels.compose(frame, frame, 1.0, C, scales, "1.0 s")
    assert image.shape == (20 + TEXT_PX, 120)
    assert image.shape == panels.size[::-1]
    peak = TEXT_PX + 10, 15
    assert image[peak[0], 60 + peak[1]] == image[peak[0], 30 + peak[1]] > 200
    assert image[peak[0], 90 + peak[1]] == pytest.approx(0.2 * 255, abs=2)


def test_a_video_without_units_has_a_scale():
    panels = Panels(sparse.csr_array((0, 35), dtype=np.float32), np.ones((5, 7)), 30)
    frame = np.ones((5, 7), np.uint8)
    scales = choose_scales(frame[None], np.zeros(0), np.zeros((1, 5, 7)))
    image = panels.compose(frame, frame, 1.0, np.zeros(0), scales, "")
    assert image.shape[1] % 2 == image.shape[0] % 2 == 0


def test_the_file_is_h264_with_every_frame(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (7, 32, 64), dtype=np.uint8)
    path = tmp_path / "v.mp4.part"
    assert write_mp4(path, iter(frames), (64, 32), 12.5) == 7
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 12.5
        assert sum(1 for _ in container.decode(video=0)) == 7


def test_motion_blurs_and_lowers_the_agreement():
    rng = np.random.default_rng(0)
    scene = rng.normal(size=(40, 40)).cumsum(axis=0).cumsum(axis=1)
    still = np.repeat(scene[None], 9, axis=0)
    moved = np.stack([np.roll(scene, shift, axis=1) for shift in range(-4, 5)])
    before, after = preview_of(moved, 5, 4), preview_of(still, 5, 4)
    assert before.sharpness < after.sharpness
    assert before.agreement < after.agreement == pytest.approx(1)
    np.testing.assert_allclose(after.mean, scene, rtol=1e-5, atol=1e-5)
    assert sharpness(np.ones((5, 5))) == 0
    assert agreement(np.ones((2, 5, 5)), scene[:5, :5]) == 0


@pytest.mark.parametrize("noise_sd", [0.1, 0.5, 1.5])
def test_a_right_correction_sharpens_and_a_wrong_one_blurs_however_noisy(noise_sd):
    """Unsmoothed, the slope falls and the agreement rises either way: interpolation smooths."""
    recording = make_recording({
        "height_px": 112, "width_px": 128, "n_frames": 240, "n_cells": 18, "motion_max_px": 4,
        "spike_probability": 0.01, "seed": 2, "field_seed": 2, "subpixel_motion": True,
        "noise_sd": noise_sd,
    })  # fmt: skip
    frames = np.concatenate([recording.frames(slab) for slab in recording.slabs])[::3]
    right = -recording.movement[::3]
    before = preview_of(frames, 16, 8)
    after = preview_of(shift_frames(frames, right), 16, 8)
    wrong = preview_of(shift_frames(frames, -right), 16, 8)
    assert wrong.sharpness < 0.96 * before.sharpness < before.sharpness < 0.98 * after.sharpness
    if noise_sd < 1:  # else noise that the camera cuts off decides
        assert wrong.agreement < before.agreement < after.agreement
