"""Readers of the formats that are not videos: values, headers, bad files."""

import json
import struct
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from pynwb import NWBHDF5IO, NWBFile
from pynwb.ophys import OnePhotonSeries, OpticalChannel
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from scopeflow.errors import InputError
from scopeflow.readers import base
from scopeflow.readers.probe import check_alike, probe

SHARED = Path(__file__).parents[3] / "shared" / "data" / "formats"
DTYPES = [np.uint8, np.uint16, np.float32]


def movie(dtype=np.uint16, shape=(12, 20, 31)):
    values = np.random.default_rng(0).integers(0, 200, shape)
    return (values / 7).astype(dtype) if np.dtype(dtype).kind == "f" else values.astype(dtype)


def write_npy(folder, frames):
    np.save(folder / "a.npy", frames)
    return folder / "a.npy"


def write_hdf5(folder, frames, name="images", **options):
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset(name, data=frames, **options)
        file["cells"] = np.zeros((3, 4))
    return folder / "a.h5"


def write_zarr(folder, frames, version=3):
    group = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=version)
    group.create_array("images", shape=frames.shape, dtype=frames.dtype)[...] = frames
    group.create_array("weights", shape=(3,), dtype=float)
    return folder / "a.zarr"


def write_nwb(folder, frames, name="OnePhotonSeries", **clock):
    file = NWBFile("test", "id", datetime(2026, 5, 1, tzinfo=UTC))
    device = file.create_device(name="Scope", description="x")
    channel = OpticalChannel(name="c", description="x", emission_lambda=500.0)
    plane = file.create_imaging_plane(
        name="p", optical_channel=channel, description="x", device=device, indicator="GCaMP6f",
        excitation_lambda=470.0, location="CA1",
    )  # fmt: skip
    series = OnePhotonSeries(
        name=name, data=frames.transpose(0, 2, 1), imaging_plane=plane, unit="counts",
        **(clock or {"rate": 20.0}),
    )  # fmt: skip
    file.add_acquisition(series)
    with NWBHDF5IO(folder / "a.nwb", "w") as io:
        io.write(file)
    return folder / "a.nwb"


def write_isxd(folder, frames, lines=0, **changes):
    codes = {"uint16": 0, "float32": 1, "uint8": 2}
    about = {
        "type": 0, "dataType": codes[frames.dtype.name], "hasFrameHeaderFooter": lines > 0,
        "spacingInfo": {"numPixels": {"x": frames.shape[2], "y": frames.shape[1]}},
        "timingInfo": {
            "numTimes": len(frames), "period": {"num": 50, "den": 1000}, "dropped": [],
            "cropped": [], "blank": [],
            "start": {"secsSinceEpoch": {"num": 1_700_000_000_000, "den": 1000}, "utcOffset": 0},
        },
    }  # fmt: skip
    for key, value in changes.items():
        about[key] = {**about[key], **value} if isinstance(about.get(key), dict) else value
    text = json.dumps(about).encode()
    edge = np.full(lines, 9, frames.dtype).tobytes()
    body = b"".join(edge + frame.tobytes() + edge for frame in frames)
    (folder / "a.isxd").write_bytes(body + text + b"\0" + struct.pack("<Q", len(text)))
    return folder / "a.isxd"


WRITERS = [write_npy, write_hdf5, write_zarr, write_nwb, write_isxd]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("write", WRITERS)
def test_what_is_written_is_read_bit_for_bit(tmp_path, write, dtype):
    frames = movie(dtype)
    reader = probe(write(tmp_path, frames))
    assert (reader.shape, reader.dtype, reader.n_stated) == ((20, 31), dtype, 12)
    assert reader.count() == 12
    got = np.array(list(reader.frames()))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, frames)
    np.testing.assert_array_equal(reader.read(slice(2, 9, 3)), frames[2:9:3])
    np.testing.assert_array_equal(reader.read([11, 0, 40]), frames[[11, 0]])
    assert reader.note == ""


@pytest.mark.parametrize("write", [write_npy, write_hdf5, write_zarr])
@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.uint32])
def test_other_numbers_become_float32_with_a_word(tmp_path, write, dtype):
    frames = movie().astype(dtype) - (5 if np.dtype(dtype).kind != "u" else 0)
    reader = probe(write(tmp_path, frames))
    assert np.dtype(dtype).name in reader.note
    got = np.array(list(reader.frames()))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, frames.astype(np.float32))


@pytest.mark.parametrize("write", [write_npy, write_hdf5, write_zarr])
@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (np.zeros((5, 9, 9), np.complex64), "complex64|three dimensions"),
        (np.zeros((5, 9), np.uint8), "three dimensions"),
        (np.zeros((5, 9, 9, 3), np.uint8), "three dimensions"),
        (np.zeros((0, 9, 9), np.uint8), "is empty"),
    ],
)
def test_arrays_that_are_no_movie_are_refused(tmp_path, write, frames, words):
    with pytest.raises(InputError, match=words) as caught:
        probe(write(tmp_path, frames))
    assert "a." in str(caught.value)


@pytest.mark.parametrize("name", ["a.npy", "a.h5", "a.nwb", "a.isxd"])
@pytest.mark.parametrize("content", [b"", b"x", b"not what its name says " * 50])
def test_files_of_another_kind_are_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        probe(tmp_path / name)


@pytest.mark.parametrize("write", [write_npy, write_hdf5, write_nwb, write_isxd])
def test_files_cut_short_are_refused_or_used_as_far_as_they_go(tmp_path, write):
    path = write(tmp_path, movie())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=path.name):
        list(probe(path).frames())


def test_a_damaged_chunk_of_hdf5_leaves_the_others(tmp_path):
    frames = movie(shape=(40, 512, 512), dtype=np.uint8)
    options = {"chunks": (8, 512, 512), "compression": "gzip", "compression_opts": 1}
    path = write_hdf5(tmp_path, frames, **options)
    with h5py.File(path) as file:
        info = file["images"].id.get_chunk_info(1)
    data = bytearray(path.read_bytes())
    data[info.byte_offset : info.byte_offset + info.size] = b"\xff" * info.size
    path.write_bytes(data)
    got = list(probe(path).frames())
    assert len(got) == 40
    assert any(frame is None for frame in got)
    np.testing.assert_array_equal(got[39], frames[39])


@pytest.mark.parametrize("codec", [ZstdCodec(), GzipCodec(), BloscCodec()])
def test_a_chunk_of_zarr_that_is_cut_short_leaves_the_others(tmp_path, codec):
    frames = movie(shape=(40, 512, 512), dtype=np.uint8)
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=frames.shape, dtype="u1", chunks=(8, 512, 512),
        compressors=codec,
    )  # fmt: skip
    array[...] = frames
    chunk = tmp_path / "a.zarr" / "c" / "1" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[: chunk.stat().st_size // 2])
    reader = probe(tmp_path / "a.zarr")
    got = list(reader.frames())
    assert len(got) == 40
    assert got[8] is None
    np.testing.assert_array_equal(got[39], frames[39])
    np.testing.assert_array_equal(reader.read([9, 2]), [0 * frames[9], frames[2]])


@pytest.mark.parametrize(("zarr_format", "codec"), [(2, numcodecs.Blosc()), (3, BloscCodec())])
@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_chunk_of_blosc_is_never_read_beyond_its_end(tmp_path, zarr_format, codec, kept):
    frames = movie(shape=(40, 512, 512), dtype=np.uint8)
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=frames.shape, dtype="u1", chunks=(8, 256, 512),
        compressors=codec, zarr_format=zarr_format,
    )  # fmt: skip
    array[...] = frames
    reader = probe(tmp_path / "a.zarr")
    np.testing.assert_array_equal(reader.read(slice(None)), frames)
    chunk = tmp_path / "a.zarr" / array.metadata.encode_chunk_key((1, 1, 0))
    data = chunk.read_bytes()
    chunk.write_bytes(data[: kept if kept > 1 else int(kept * len(data))])
    for _ in range(4):  # what lies behind its end in memory is often the chunk itself
        np.testing.assert_array_equal(reader.read([9, 2]), [0 * frames[9], frames[2]])
        got = list(reader.frames())
        assert got[8] is None
        np.testing.assert_array_equal(got[39], frames[39])


def write_chunked(folder, frames, chunk):
    return write_hdf5(folder, frames, chunks=(chunk, *frames.shape[1:]), compression="gzip")


def write_chunked_zarr(folder, frames, chunk):
    array = zarr.create_array(
        folder / "a.zarr", shape=frames.shape, dtype=frames.dtype, chunks=(chunk, *frames.shape[1:])
    )
    array[...] = frames
    return folder / "a.zarr"


@pytest.mark.parametrize("write", [write_chunked, write_chunked_zarr])
@pytest.mark.parametrize(
    ("chunk", "most", "parts"),
    [
        (7, 10**9, [(0, 7), (7, 14), (14, 21), (21, 24)]),  # longer than the usual block
        (2, 10**9, [(0, 4), (4, 8), (8, 12), (12, 16), (16, 20), (20, 24)]),
        (12, 5000, [(0, 8), (8, 12), (12, 20), (20, 24)]),  # too long for the memory
    ],
)
def test_chunks_are_unpacked_once_as_far_as_they_fit(
    tmp_path, monkeypatch, write, chunk, most, parts
):
    frames = movie(np.uint8, (24, 20, 31))
    reader = probe(write(tmp_path, frames, chunk))
    monkeypatch.setattr(base, "BLOCK_BYTES", 5 * 620)
    monkeypatch.setattr(base, "BLOCK_BYTES_MAX", most)
    assert list(reader._blocks()) == parts
    np.testing.assert_array_equal(np.array(list(reader.frames())), frames)


def test_a_frame_that_is_kept_does_not_keep_its_block(tmp_path):
    frame = next(probe(write_hdf5(tmp_path, movie())).frames())
    assert frame.base is None


def test_a_data_set_is_chosen_by_its_name(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"], file["more/two"] = movie(), movie() + 1
    np.testing.assert_array_equal(
        probe(tmp_path / "a.h5", "/more/two").read([0])[0], movie()[0] + 1
    )
    with pytest.raises(InputError, match=r"which data set.*more/two.*one.*load\.dataset"):
        probe(tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"there is no movie 'three'.*one"):
        probe(tmp_path / "a.h5", "three")


def test_an_only_movie_needs_no_name(tmp_path):
    assert probe(write_hdf5(tmp_path, movie(), name="deep/anything")).n_stated == 12


@pytest.mark.parametrize("version", [2, 3])
def test_both_formats_of_zarr_are_read(tmp_path, version):
    path = write_zarr(tmp_path, movie(), version)
    np.testing.assert_array_equal(np.array(list(probe(path).frames())), movie())
    alone = zarr.create_array(
        tmp_path / "b.zarr", shape=(12, 20, 31), dtype="u2", zarr_format=version
    )
    alone[...] = movie()
    np.testing.assert_array_equal(probe(tmp_path / "b.zarr").read([5]), movie()[[5]])


def test_of_nwb_clock_and_animal_are_taken(tmp_path):
    reader = probe(write_nwb(tmp_path, movie()))
    assert reader.fps_hz == 20
    assert reader.stamps_ms is None
    assert reader.metadata["start"].startswith("2026-05-01")
    assert reader.metadata["device_name"] == "Scope"
    times = np.arange(12) / 20 + 3
    reader = probe(write_nwb(tmp_path, movie(), timestamps=times), "OnePhotonSeries")
    np.testing.assert_allclose(reader.stamps_ms, 1000 * times)


def test_of_nwb_another_series_or_none_is_told(tmp_path):
    with pytest.raises(InputError, match=r"load\.dataset"):
        probe(write_nwb(tmp_path, movie()), "Other")
    with h5py.File(tmp_path / "b.nwb", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="three dimensions are: none"):
        probe(tmp_path / "b.nwb")


def test_of_isxd_clock_animal_and_dropped_frames_are_taken(tmp_path):
    kept = np.delete(np.arange(15), [4, 9, 10])
    extra = {"animal": {"id": "m7"}, "microscope": {"gain": 3, "led": {"exPower": 0.8}}}
    timing = {"numTimes": 15, "dropped": [4], "cropped": [[9, 10]]}
    reader = probe(write_isxd(tmp_path, movie(), extraProperties=extra, timingInfo=timing))
    assert (reader.n_stated, reader.fps_hz) == (12, 20)
    np.testing.assert_allclose(reader.stamps_ms - reader.stamps_ms[0], 50 * kept)
    assert reader.metadata["animal"] == "m7"
    assert (reader.metadata["gain"], reader.metadata["led"]) == (3, 0.8)
    assert reader.metadata["start"] == "2023-11-14T22:13:20+00:00"


def test_of_isxd_lines_of_the_sensor_are_passed_over(tmp_path):
    reader = probe(write_isxd(tmp_path, movie(), lines=62))
    np.testing.assert_array_equal(np.array(list(reader.frames())), movie())
    np.testing.assert_array_equal(reader.read([3]), movie()[[3]])


def test_isxd_that_lacks_frames_is_cut_short(tmp_path):
    reader = probe(write_isxd(tmp_path, movie(), timingInfo={"numTimes": 20}))
    assert reader.is_cut_short
    assert reader.n_stated == len(list(reader.frames())) == 12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": 1}, "a set of cells"),
        ({"dataType": 7}, "not a movie"),
        ({"timingInfo": {"period": {"num": 1, "den": 0}}}, "ZeroDivisionError"),
        ({"spacingInfo": {"numPixels": None}}, "lacks"),
        ({"timingInfo": {"dropped": [12]}}, "frame 12 is dropped, of 12"),
        ({"timingInfo": {"blank": [-1]}}, "frame -1 is blank, of 12"),
    ],
)
def test_isxd_of_another_kind_is_refused(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        probe(write_isxd(tmp_path, movie(), **changes))


def test_pixels_that_are_no_number_get_the_mean_of_the_others(tmp_path):
    frames = movie(np.float32)
    frames[3, :5] = np.nan
    frames[6] = np.nan
    frames[7, 0, 0] = np.inf
    reader = probe(write_npy(tmp_path, frames))
    got = list(reader.frames())
    assert got[6] is None
    assert got[3][0, 0] == pytest.approx(frames[3, 5:].mean(), rel=1e-5)
    np.testing.assert_array_equal(got[3][5:], frames[3, 5:])
    assert np.isfinite(got[7]).all()
    assert reader.n_mended == 3


def test_files_of_whole_and_of_real_numbers_are_not_one_recording(tmp_path):
    np.save(tmp_path / "one.npy", movie())
    np.save(tmp_path / "two.npy", movie(np.float32))
    with pytest.raises(InputError, match="floating-point"):
        check_alike([probe(tmp_path / "one.npy"), probe(tmp_path / "two.npy")], "s1")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
def test_a_real_inscopix_movie_is_the_same_in_both_formats():
    isxd = probe(SHARED / "movie_part2_108x123x63.isxd")
    tiff = probe(SHARED / "movie_part2_108x123x63.tiff")
    assert isxd.shape == tiff.shape == (123, 108)
    assert isxd.dtype == tiff.dtype == np.float32
    assert (isxd.n_stated, isxd.fps_hz) == (63, 10)
    expected = tifffile.imread(SHARED / "movie_part2_108x123x63.tiff")
    np.testing.assert_array_equal(np.array(list(isxd.frames())), expected)
    np.testing.assert_array_equal(np.array(list(tiff.frames())), expected)
    np.testing.assert_array_equal(tiff.read([5, 62]), expected[[5, 62]])


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize("part", ["part1_108x122x200", "part2_108x122x126"])
def test_of_a_real_video_the_index_counts_what_is_decoded(part):
    reader = probe(SHARED / f"movie_{part}.avi")
    assert reader.count() == sum(frame is not None for frame in reader.frames())
