"""Frames out of their order are those that reading in order gives."""

import av
import numpy as np
import pytest
import tifffile

from scopeflow.errors import InputError
from scopeflow.explore.frame_access import VideoFrames


def movie(n=70, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    top = 256 if dtype == np.uint8 else 4096
    frames = rng.integers(0, top, (n, 24, 32)).astype(dtype)
    frames[:, 0, 0] = np.arange(n) + 1
    return frames


def write(path, frames, codec="ffv1", form=None, **options):
    form = form or {"uint8": "gray", "uint16": "gray16le"}[frames.dtype.name]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=20, options=options)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = form
        for image in frames:
            frame = av.VideoFrame.from_ndarray(image, format="gray" if form == "yuv420p" else form)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return str(path)


ORDER = [0, 69, 35, 36, 34, 1, 68, 40, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_frame_of_several_files_is_exact(tmp_path, dtype):
    frames = movie(dtype=dtype)
    paths = [write(tmp_path / "a.avi", frames[:30]), write(tmp_path / "b.mkv", frames[30:])]
    video = VideoFrames(paths, "s1")
    assert len(video) == 70
    assert video.counts == [30, 40]
    assert video.dtype == dtype
    for number in ORDER:
        np.testing.assert_array_equal(video.read(number), frames[number], str(number))
    video.close()


@pytest.mark.parametrize("gap", [7, 250])
def test_frames_between_key_frames_are_found(tmp_path, gap):
    """As phones and converters write them: most frames are differences to others."""
    shades = np.linspace(20, 230, 70).round().astype(np.uint8)
    frames = np.tile(shades[:, None, None], (1, 32, 32))
    path = write(tmp_path / "a.mp4", frames, "libx264", "yuv420p", g=str(gap), bf="2", qp="1")
    video = VideoFrames([path], "s1")
    assert len(video) == 70
    straight = [int(np.median(VideoFrames([path], "s1").read(n))) for n in range(70)]
    assert np.abs(np.diff(straight) - np.diff(shades.astype(int))).max() <= 2
    for number in ORDER:
        assert int(np.median(video.read(number))) == straight[number], number


def test_the_nearest_key_frame_is_given_with_its_number(tmp_path):
    frames = movie()
    path = write(tmp_path / "a.avi", frames, g="12")
    video = VideoFrames([write(tmp_path / "b.avi", frames[:30], g="12"), path], "s1")
    for number in (0, 29, 30, 47, 99):
        place, image = video.near(number)
        assert 0 <= number - place < 12
        np.testing.assert_array_equal(image, frames[place - 30 * (number >= 30)])
        np.testing.assert_array_equal(video.read(number), frames[number - 30 * (number >= 30)])


def test_a_stack_is_read_by_number(tmp_path):
    frames = movie(20, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", frames)
    video = VideoFrames([str(tmp_path / "a.tif")], "s1")
    for number in (19, 0, 7):
        np.testing.assert_array_equal(video.read(number), frames[number])


def test_a_file_that_is_cut_off_gives_what_is_left(tmp_path):
    frames = movie(40)
    whole = write(tmp_path / "a.avi", frames)
    data = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "b.avi").write_bytes(data[: len(data) // 2])
    video = VideoFrames([str(tmp_path / "b.avi")], "s1")
    np.testing.assert_array_equal(video.read(3), frames[3])
    assert video.read(len(video) - 1) is None or len(video) < 40
    np.testing.assert_array_equal(video.read(4), frames[4])
    assert len(VideoFrames([whole], "s1")) == 40


def test_numbers_that_are_not_there_and_files_that_differ_are_refused(tmp_path):
    path = write(tmp_path / "a.avi", movie(5))
    video = VideoFrames([path], "s1")
    for number in (-1, 5):
        with pytest.raises(IndexError, match="of 5"):
            video.read(number)
    other = write(tmp_path / "b.avi", movie(5)[:, :16])
    with pytest.raises(InputError, match=r"session s1: b\.avi is 16 x 32 px"):
        VideoFrames([path, other], "s1")


def test_memory_holds_a_few_frames_only(tmp_path):
    video = VideoFrames([write(tmp_path / "a.avi", movie(70))], "s1")
    for number in range(70):
        video.read(number)
    assert len(video._seen) < 70
