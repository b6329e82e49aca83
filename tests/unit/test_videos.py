"""What was written is read back, bit for bit where the codec allows it."""

import logging

import av
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from scopeflow.errors import InputError
from scopeflow.plan.videos import natural_key
from scopeflow.readers.probe import check_alike, probe

HEIGHT, WIDTH = 48, 61


def smooth_movie(n, dtype=np.uint8):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    peak = 200 if dtype == np.uint8 else 50000
    scene = np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 400)
    return np.stack([(peak * scene * (1 - t / (2 * n))).astype(dtype) for t in range(n)])


def write(path, frames, codec, pix_fmt, source="gray", **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=20)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.options = pix_fmt, options
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=source)))
        container.mux(stream.encode())
    return path


def read(path, threads=1):
    return list(probe(path).frames(threads))


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "ffv1"), ("a.avi", "rawvideo"), ("a.mkv", "ffv1")]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_lossless_gray_is_read_bit_for_bit(tmp_path, name, codec, threads):
    frames = np.random.default_rng(0).integers(0, 256, (25, HEIGHT, WIDTH), dtype=np.uint8)
    path = write(tmp_path / name, frames, codec, "gray")
    got = np.array(read(path, threads))
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, frames)


def test_sixteen_bit_ffv1_is_read_bit_for_bit(tmp_path):
    frames = np.random.default_rng(0).integers(0, 65536, (9, HEIGHT, WIDTH), dtype=np.uint16)
    path = write(tmp_path / "a.avi", frames, "ffv1", "gray16le", "gray16le")
    assert probe(path).dtype == np.uint16
    np.testing.assert_array_equal(np.array(read(path)), frames)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"), [("a.avi", "mjpeg", "yuvj420p"), ("a.mp4", "mpeg4", "yuv420p")]
)
def test_lossy_video_keeps_the_range_of_its_luma(tmp_path, name, codec, pix_fmt):
    """Values below 16 and above 235 stay, and gray video gives no word about colour."""
    frames = smooth_movie(12)
    picture = np.full((12, HEIGHT * 3 // 2, 64), 128, np.uint8)
    picture[:, :HEIGHT, :WIDTH] = frames
    picture[:, :HEIGHT, WIDTH:] = frames[:, :, -1:]
    path = write_yuv(tmp_path / name, picture, codec, pix_fmt)
    video = probe(path)
    assert video.note == ""
    got = np.array(read(path), dtype=int)[:, :, :WIDTH]
    assert np.abs(got - frames).mean() < 2
    assert abs(int(got.max()) - int(frames.max())) < 8
    assert got.min() < 8


def write_yuv(path, planes, codec, pix_fmt):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=20)
        stream.height, stream.width = HEIGHT, planes.shape[2]
        stream.pix_fmt, stream.options = pix_fmt, {"qscale": "2"}
        stream.codec_context.qmax = 2
        for picture in planes:
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            if pix_fmt == "yuvj420p":
                frame = av.VideoFrame.from_ndarray(picture, format="yuvj420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_rgb_of_gray_content_is_gray_bit_for_bit(tmp_path):
    frames = smooth_movie(5)
    rgb = np.repeat(frames[..., None], 3, axis=3)
    path = write(tmp_path / "a.avi", rgb, "ffv1", "bgr0", "rgb24")
    assert probe(path).note == ""
    np.testing.assert_array_equal(np.array(read(path)), frames)


def test_a_colour_video_is_named_and_its_luma_used(tmp_path):
    rgb = np.zeros((5, HEIGHT, WIDTH, 3), np.uint8)
    rgb[..., 1] = 200
    path = write(tmp_path / "a.avi", rgb, "ffv1", "bgr0", "rgb24")
    assert "colour" in probe(path).note
    assert np.array(read(path)) == pytest.approx(0.587 * 200, abs=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"imagej": True}])
def test_tiff_stacks_are_read_bit_for_bit(tmp_path, dtype, options):
    frames = np.random.default_rng(0).integers(0, 255, (7, HEIGHT, WIDTH)).astype(dtype)
    path = tmp_path / "a.tif"
    if options.get("imagej"):
        tifffile.imwrite(path, frames, imagej=True)
    else:
        with tifffile.TiffWriter(path, **options) as tiff:
            for frame in frames:
                tiff.write(frame, contiguous=False)
    got = np.array(read(path))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, frames)


def test_one_page_followed_by_all_frames_is_read(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (7, HEIGHT, WIDTH), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", frames, bigtiff=True, metadata={"axes": "TYX"})
    np.testing.assert_array_equal(np.array(read(tmp_path / "a.tif")), frames)


@pytest.mark.parametrize("codec", ["ffv1", "rawvideo", "mjpeg"])
@pytest.mark.parametrize("threads", [1, 3])
def test_of_a_cut_file_the_readable_frames_are_used(tmp_path, codec, threads):
    frames = smooth_movie(40)
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "gray"
    path = write(tmp_path / "a.avi", frames, codec, pix_fmt)
    whole = read(path, threads)
    assert not probe(path).is_cut_short
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    video = probe(path)
    assert video.is_cut_short
    assert video.n_stated == 40
    got = read(path, threads)
    assert 20 <= len(got) < 40
    np.testing.assert_array_equal(got, whole[: len(got)])


@pytest.mark.parametrize("codec", ["ffv1", "mjpeg"])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_damaged_frame_keeps_its_place(tmp_path, codec, threads):
    frames = smooth_movie(30)
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "gray"
    path = write(tmp_path / "a.avi", frames, codec, pix_fmt, g="1")
    whole = read(path)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    position, size = packets[12]
    data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    got = read(path, threads)
    assert len(got) == 30
    assert got[12] is None
    np.testing.assert_array_equal(got[:12] + got[13:], whole[:12] + whole[13:])


def test_of_a_cut_stack_the_readable_pages_are_used(tmp_path, caplog):
    frames = np.random.default_rng(0).integers(0, 255, (20, HEIGHT, WIDTH), np.uint8)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in frames:
            tiff.write(frame, contiguous=False, metadata=None)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with caplog.at_level(logging.CRITICAL, "tifffile"):
        got = read(path)
    assert 8 <= len(got) < 20
    np.testing.assert_array_equal(got, frames[: len(got)])


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.avi", b"", "empty"),
        ("a.tif", b"", "empty"),
        ("a.avi", b"not a video at all" * 50, "not readable"),
        ("a.tif", b"not a stack at all" * 50, "not readable"),
        ("a.txt", b"x", "not read"),
    ],
)
def test_what_is_no_video_is_refused_by_name(tmp_path, name, content, word):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=word) as caught:
        probe(tmp_path / name)
    assert name in str(caught.value)


def test_a_missing_file_is_refused():
    with pytest.raises(InputError, match=r"nowhere\.avi"):
        probe("nowhere.avi")


@pytest.mark.parametrize(
    ("frames", "word"),
    [(np.zeros((3, 9, 9), np.complex64), "complex64"), (np.zeros((3, 9, 9, 3), np.uint8), "gray")],
)
def test_stacks_of_another_kind_are_refused_with_a_remedy(tmp_path, frames, word):
    photometric = "rgb" if frames.ndim == 4 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric=photometric)
    with pytest.raises(InputError, match=word):
        probe(tmp_path / "a.tif")


def test_files_of_different_size_or_depth_are_refused_by_name(tmp_path):
    one = write(tmp_path / "one.avi", smooth_movie(3), "ffv1", "gray")
    small = write(tmp_path / "small.avi", smooth_movie(3)[:, :40], "ffv1", "gray")
    deep = write(tmp_path / "deep.avi", smooth_movie(3, np.uint16), "ffv1", "gray16le", "gray16le")
    check_alike([probe(one), probe(one)], "s1")
    for other in (small, deep):
        with pytest.raises(InputError, match=other.name) as caught:
            check_alike([probe(one), probe(other)], "s1")
        assert "one.avi" in str(caught.value)


def test_names_are_in_natural_key():
    names = ["msCam10.avi", "msCam2.avi", "mscam1.avi", "0.avi", "10.avi", "9.avi"]
    assert sorted(names, key=natural_key) == [
        "0.avi", "9.avi", "10.avi", "mscam1.avi", "msCam2.avi", "msCam10.avi",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 10**6), unique=True), st.text("ab_.0", max_size=3))
def test_numbers_in_names_sort_as_numbers(numbers, stem):
    names = [f"{stem}x{n}.avi" for n in numbers]
    assert sorted(names, key=natural_key) == [f"{stem}x{n}.avi" for n in sorted(numbers)]
