"""The rule ``load`` from files to the store: values, time axis, bad input."""

from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import load
from scopeflow.errors import InputError
from scopeflow.loading import Entry, averaged, every
from scopeflow.stores import create_movie

H, W = 40, 56


def movie(n=60, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    gain = 1 if dtype == np.uint8 else 100
    return (rng.integers(80, 130, (n, H, W)) * gain).astype(dtype)


def write(path, frames, codec="ffv1", fps=20):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = form = "gray" if frames.dtype == np.uint8 else "gray16le"
        stream.options = {"g": "1"}  # each frame by itself
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=form)))
        container.mux(stream.encode())
    return path


def write_stamps(path, stamps):
    rows = [f"{i},{round(s)},0" for i, s in enumerate(stamps)]
    path.write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]))
    return path


class Input(dict):
    __getattr__ = dict.__getitem__


def run(
    tmp_path, videos, stamps=None, threads=1, fps_hz=None, mem_mb=2000, metadata=(),
    orientation=(), **changes,
):  # fmt: skip
    """Run the rule and return the opened store and the table of frames."""
    section = {
        "pattern": None,
        "dataset": None,
        "downsample": {"frame": 1, "height": 1, "width": 1},
        "downsample_method": "subset",
        "frames": {"start": 0, "stop": None},
        "exclude": [],
        "region": {"top": 0, "bottom": None, "left": 0, "right": None},
        "black_frac": 0.25,
        "drop_bad_frames": True,
    }
    for key, value in changes.items():
        section[key] = {**section[key], **value} if isinstance(value, dict) else value
    out = tmp_path / "out"
    smk = SimpleNamespace(
        input=Input(
            videos=[str(v) for v in videos],
            timestamps=[str(stamps)] if stamps else [],
            metadata=list(metadata),
            orientation=list(orientation),
        ),
        output=SimpleNamespace(raw=str(out / "raw.zarr"), frames=str(out / "frames.tsv")),
        params=SimpleNamespace(
            settings={"load": section, "session": {"session": "s1", "fps_hz": fps_hz}}, code="x"
        ),
        wildcards=SimpleNamespace(session="s1"),
        resources=SimpleNamespace(mem_mb=mem_mb),
        threads=threads,
    )
    try:
        load.main(smk)
    except InputError:
        assert not list(out.glob("**/*")), "something half-done was left behind"
        raise
    table = pd.read_csv(out / "frames.tsv", sep="\t", keep_default_na=False)
    return zarr.open_group(out / "raw.zarr", mode="r"), table


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("threads", [1, 3])
def test_several_files_become_one_movie_bit_for_bit(tmp_path, dtype, threads):
    frames = movie(700, dtype=dtype)
    cuts = [frames[:300], frames[300:650], frames[650:]]
    videos = [write(tmp_path / f"{i}.avi", part) for i, part in enumerate(cuts)]
    raw, table = run(tmp_path, videos, threads=threads)
    assert raw["Y"].dtype == dtype
    np.testing.assert_array_equal(raw["Y"][:], frames)
    np.testing.assert_array_equal(raw["minimum"][:], frames.min(axis=0))
    np.testing.assert_array_equal(raw["maximum"][:], frames.max(axis=0))
    np.testing.assert_allclose(table["mean"], frames.mean(axis=(1, 2)), atol=1e-4)
    np.testing.assert_array_equal(table["min"], frames.min(axis=(1, 2)))
    assert list(table["file"].unique()) == ["0.avi", "1.avi", "2.avi"]
    assert list(table["file_frame"][[299, 300, 650]]) == [299, 0, 0]
    np.testing.assert_allclose(table["time_s"], np.arange(700) / 20)
    assert (table["status"] == "").all()
    assert raw.attrs["fps_hz"] == 20
    assert raw.attrs["files"][2] == {"name": "2.avi", "frames": 50}
    assert raw.attrs["frames_lost"] == 0
    assert raw.attrs["warnings"] == []


def test_a_stack_is_the_same_movie_as_a_video(tmp_path):
    frames = movie(50)
    tifffile.imwrite(tmp_path / "a.tif", frames)
    raw, _ = run(tmp_path, [tmp_path / "a.tif"], fps_hz=20.0)
    np.testing.assert_array_equal(raw["Y"][:], frames)


def test_bad_frames_keep_their_place_and_do_not_touch_the_minimum(tmp_path):
    frames = movie(600)
    frames[300:560] = 0  # a whole slab of black
    frames[20] = frames[19]
    frames[40, 30:] = 0
    raw, table = run(tmp_path, [write(tmp_path / "a.avi", frames)])
    status = table["status"].to_numpy()
    good = np.ones(600, dtype=bool)
    good[[20, 40]] = good[300:560] = False
    assert (status[300:560] == "black").all()
    assert (status[20], status[40]) == ("duplicated", "truncated")
    np.testing.assert_array_equal(status == "", good)
    np.testing.assert_array_equal(raw["Y"][:], frames)
    np.testing.assert_array_equal(raw["minimum"][:], frames[good].min(axis=0))
    np.testing.assert_array_equal(raw["maximum"][:], frames[good].max(axis=0))
    assert any("260 of 600 frames black" in line for line in raw.attrs["warnings"])


def test_a_recording_that_starts_dark_is_judged_by_the_whole(tmp_path):
    """At first the dark frames look usual; the minimum must not keep them."""
    frames = movie(700)
    frames[:256] = frames[:256] // 10
    raw, table = run(tmp_path, [write(tmp_path / "a.avi", frames)])
    assert (table["status"][:256] == "black").all()
    np.testing.assert_array_equal(raw["minimum"][:], frames[256:].min(axis=0))


def test_bad_frames_can_be_kept(tmp_path):
    frames = movie(60)
    frames[20] = 0
    raw, table = run(tmp_path, [write(tmp_path / "a.avi", frames)], drop_bad_frames=False)
    assert (table["status"] == "").all()
    assert raw["minimum"][:].max() == 0


def test_frames_that_a_person_left_out_keep_their_place_and_do_not_count(tmp_path):
    frames = movie(60)
    frames[10:14] //= 4
    videos = [write(tmp_path / "a.avi", frames[:30]), write(tmp_path / "b.avi", frames[30:])]
    raw, table = run(tmp_path, videos, exclude=[[10, 14], [29, 32]], drop_bad_frames=False)
    left_out = np.zeros(60, dtype=bool)
    left_out[10:14] = left_out[29:32] = True
    np.testing.assert_array_equal(table["status"] == "excluded", left_out)
    np.testing.assert_array_equal(raw["Y"][:], frames)
    np.testing.assert_array_equal(raw["minimum"][:], frames[~left_out].min(axis=0))
    assert any("7 of 60 frames excluded" in line for line in raw.attrs["warnings"])


def test_frames_left_out_are_counted_in_the_original_video(tmp_path):
    """Whatever part of it is read, and however many frames become one."""
    path = write(tmp_path / "a.avi", movie(60))
    how = {"frames": {"start": 20, "stop": 50}, "exclude": [[24, 28], [33, 34], [0, 5]]}
    _, table = run(tmp_path, [path], downsample={"frame": 2}, **how)
    assert np.flatnonzero(table["status"]).tolist() == [2, 3]
    _, table = run(tmp_path, [path], downsample={"frame": 2}, downsample_method="mean", **how)
    assert np.flatnonzero(table["status"]).tolist() == [2, 3]  # half a pair is enough


def test_frames_left_out_that_are_not_there_are_told(tmp_path):
    raw, _ = run(tmp_path, [write(tmp_path / "a.avi", movie(40))], exclude=[[30, 90]])
    assert any("frames 30 to 90, but the recording has 40" in w for w in raw.attrs["warnings"])


def test_frames_dropped_by_the_stamps_get_their_place(tmp_path):
    numbers = np.delete(np.arange(64), [10, 30, 31, 32])
    frames = movie(60)
    stamps = write_stamps(tmp_path / "t.csv", numbers * 50)
    raw, table = run(tmp_path, [write(tmp_path / "a.avi", frames, fps=60)], stamps)
    assert raw.attrs["fps_hz"] == pytest.approx(20)
    assert len(table) == 64
    assert list(np.flatnonzero(table["status"] == "dropped")) == [10, 30, 31, 32]
    np.testing.assert_allclose(table["time_s"], np.arange(64) / 20, atol=1e-6)
    np.testing.assert_array_equal(raw["Y"][:][numbers], frames)
    np.testing.assert_array_equal(raw["Y"][10], frames[9])
    assert table["file"][10] == ""


def test_frames_lost_from_a_cut_file_get_their_place_by_the_stamps(tmp_path):
    frames = movie(120)
    videos = [write(tmp_path / f"{i}.avi", frames[60 * i :][:60]) for i in range(2)]
    videos[0].write_bytes(videos[0].read_bytes()[: videos[0].stat().st_size * 3 // 4])
    stamps = write_stamps(tmp_path / "t.csv", np.arange(120) * 50)
    raw, table = run(tmp_path, videos, stamps)
    n_lost = int((table["status"] == "lost").sum())
    assert 10 < n_lost < 20
    assert len(table) == 120
    np.testing.assert_array_equal(raw["Y"][60:], frames[60:])
    assert raw.attrs["frames_lost"] == n_lost
    assert any("0.avi is cut short" in line for line in raw.attrs["warnings"])


def test_a_damaged_frame_is_stood_in_for(tmp_path):
    frames = movie(40)
    path = write(tmp_path / "a.avi", frames)
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][12]
    data = bytearray(path.read_bytes())
    data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    raw, table = run(tmp_path, [path])
    assert list(np.flatnonzero(table["status"] != "")) == [12]
    assert table["status"][12] == "damaged"
    np.testing.assert_array_equal(raw["Y"][12], frames[11])
    np.testing.assert_array_equal(raw["Y"][13], frames[13])


def test_a_header_that_states_too_few_frames_is_not_believed(tmp_path):
    frames = movie(900)
    path = write(tmp_path / "a.mkv", frames)  # states none
    raw, table = run(tmp_path, [path])
    assert len(table) == 900
    np.testing.assert_array_equal(raw["Y"][:], frames)


def test_part_of_a_recording(tmp_path):
    frames = movie(100)
    raw, table = run(
        tmp_path, [write(tmp_path / "a.avi", frames)],
        frames={"start": 20, "stop": 80}, region={"top": 4, "bottom": 31, "left": 10},
        downsample={"frame": 3, "height": 2, "width": 4},
    )  # fmt: skip
    np.testing.assert_array_equal(raw["Y"][:], frames[20:80:3, 4:31:2, 10::4])
    np.testing.assert_array_equal(table["file_frame"], np.arange(20, 80, 3))
    assert raw.attrs["fps_hz"] == pytest.approx(20 / 3)


def test_means_over_blocks(tmp_path):
    frames = movie(100)
    raw, _ = run(
        tmp_path, [write(tmp_path / "a.avi", frames)], downsample_method="mean",
        downsample={"frame": 3, "height": 2, "width": 5},
    )  # fmt: skip
    cut = frames[:99, :40, :55].reshape(33, 3, 20, 2, 11, 5).astype(float)
    np.testing.assert_array_equal(raw["Y"][:], np.rint(cut.mean(axis=(1, 3, 5))))


def entries(frames, absent=()):
    return [
        Entry(frame, float(i), 0, i, "dropped" if i in absent else "")
        for i, frame in enumerate(frames)
    ]


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 20),
    factors=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 99),
)
def test_block_means_are_within_half_a_count_and_without_bias(n, factors, seed):
    frames = np.random.default_rng(seed).integers(100, 200, (n, 9, 11), dtype=np.uint8)
    got = [entry.frame for entry in averaged(entries(frames), factors, 0.25)]
    f, h, w = factors
    assert len(got) == n // f
    for i, frame in enumerate(got):
        block = frames[i * f : (i + 1) * f, : 9 // h * h, : 11 // w * w].astype(float)
        exact = block.reshape(f, 9 // h, h, 11 // w, w).mean(axis=(0, 2, 4))
        assert np.abs(frame - exact).max() <= 0.5


def test_block_means_leave_out_black_and_absent_frames():
    frames = movie(9)
    frames[0] = frames[4] = 0
    got = list(averaged(entries(frames, absent={2, 6, 7, 8}), (3, 1, 1), 0.25))
    np.testing.assert_array_equal(got[0].frame, frames[1])
    np.testing.assert_array_equal(got[1].frame, np.rint(frames[[3, 5]].mean(axis=0)))
    assert [entry.absent for entry in got] == ["", "", "dropped"]


def test_every_takes_the_first_of_each_group():
    assert [e.file_frame for e in every(entries(movie(7)), 3)] == [0, 3, 6]


def bad(tmp_path, kind):
    a = tmp_path / "a.avi"
    if kind == "empty file":
        write(a, movie(30))
        (tmp_path / "b.avi").touch()
        return [a, tmp_path / "b.avi"]
    if kind == "two sizes":
        return [write(a, movie(30)), write(tmp_path / "b.avi", movie(30)[:, :20])]
    if kind == "two depths":
        return [write(a, movie(30)), write(tmp_path / "b.avi", movie(30, dtype=np.uint16))]
    frames = {
        "one frame": movie(1),
        "few frames": movie(9),
        "black": np.zeros((30, H, W), np.uint8),
        "no frame": movie(30),
    }[kind]
    write(a, frames, codec="rawvideo")
    if kind == "no frame":
        a.write_bytes(a.read_bytes()[: a.read_bytes().index(b"movi") + 600])
    return [a]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty file", "b.avi 0 bytes"),
        ("two sizes", "a.avi b.avi 20 x 56"),
        ("two depths", "a.avi b.avi 16 8"),
        ("one frame", "one frame"),
        ("few frames", "9 of 9 at least"),
        ("black", "all 30 black"),
        ("no frame", "a.avi"),
    ],
)
def test_bad_input_is_refused_by_name_and_leaves_nothing(tmp_path, kind, words):
    with pytest.raises(InputError) as caught:
        run(tmp_path, bad(tmp_path, kind))
    for word in words.split():
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"region": {"top": 50}}, "load.region.top"),
        ({"region": {"right": 57}}, "load.region.left to right"),
        ({"downsample": {"height": 64}, "downsample_method": "mean"}, "load.downsample"),
        ({"frames": {"start": 100}}, "load.frames.start"),
        ({"mem_mb": 200}, "mem_mb.load"),
    ],
)
def test_settings_that_do_not_fit_the_recording_are_refused_by_name(tmp_path, changes, word):
    path = write(tmp_path / "a.avi", movie(60))
    with pytest.raises(InputError, match=word):
        run(tmp_path, [path], **changes)


def test_real_numbers_stay_what_they_are(tmp_path):
    frames = movie(60).astype(np.float32) / 1000
    frames[20] = frames[19]
    frames[30] = 0
    frames[40, 30:] = 0
    np.save(tmp_path / "a.npy", frames)
    raw, table = run(tmp_path, [tmp_path / "a.npy"], fps_hz=20.0)
    assert raw["Y"].dtype == np.float32
    np.testing.assert_array_equal(raw["Y"][:], frames)
    good = np.delete(frames, [20, 30, 40], axis=0)
    np.testing.assert_array_equal(raw["minimum"][:], good.min(axis=0))
    np.testing.assert_array_equal(raw["maximum"][:], good.max(axis=0))
    found = table["status"][table["status"] != ""]
    assert found.to_dict() == {20: "duplicated", 30: "black", 40: "truncated"}
    assert table["max"][0] == pytest.approx(frames[0].max())
    raw, _ = run(
        tmp_path, [tmp_path / "a.npy"], fps_hz=20.0, downsample={"frame": 2, "height": 2},
        downsample_method="mean",
    )  # fmt: skip
    expected = frames[:2].reshape(2, 20, 2, W).mean(axis=(0, 2))
    np.testing.assert_allclose(raw["Y"][0], expected, rtol=1e-5)


def test_a_filtered_movie_around_zero_is_not_black(tmp_path):
    frames = np.random.default_rng(0).normal(0, 1, (60, H, W)).astype(np.float32)
    np.save(tmp_path / "a.npy", frames)
    _, table = run(tmp_path, [tmp_path / "a.npy"], fps_hz=20.0)
    assert (table["status"] == "").all()
    raw, _ = run(
        tmp_path, [tmp_path / "a.npy"], fps_hz=20.0, downsample={"frame": 2},
        downsample_method="mean",
    )  # fmt: skip
    np.testing.assert_allclose(raw["Y"][0], frames[:2].mean(axis=0), atol=1e-6)


def test_what_the_software_tells_is_carried_along(tmp_path):
    device = tmp_path / "metaData.json"
    device.write_text('{"deviceName": "scope", "frameRate": "20FPS", "gain": "Low", "led0": 12}')
    stamps = np.arange(60) * 50.0 + 17
    rows = [f"{t - 17 + 20},1,0,{i},0" for i, t in enumerate(stamps) if i not in (30, 31, 32)]
    orientation = tmp_path / "headOrientation.csv"
    orientation.write_text("\n".join(["Time Stamp (ms),qw,qx,qy,qz", *rows]))
    np.save(tmp_path / "a.npy", movie(60))
    raw, table = run(
        tmp_path, [tmp_path / "a.npy"], write_stamps(tmp_path / "timeStamps.csv", stamps),
        metadata=[device], orientation=[orientation],
    )  # fmt: skip
    assert raw.attrs["recording"] == {
        "software": "Miniscope DAQ, V4", "device_name": "scope", "fps_hz": 20.0, "gain": "Low",
        "led": 12,
    }  # fmt: skip
    assert raw.attrs["fps_source"] == "time stamps"
    angles = pd.to_numeric(table["qy"], errors="coerce").to_numpy()
    number = np.arange(60.0)
    known = ~np.isin(number, [31])
    np.testing.assert_array_equal(np.isfinite(angles), known)
    near = np.where(number == 30, 29, np.where(number == 32, 33, number))
    np.testing.assert_allclose(angles[known], (near / np.hypot(1, near))[known], atol=1e-5)
    raw, _ = run(tmp_path, [tmp_path / "a.npy"], metadata=[device])
    assert (raw.attrs["fps_hz"], raw.attrs["fps_source"]) == (
        20, "metadata of the recording software",
    )  # fmt: skip


def test_a_stack_needs_a_frame_rate(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", movie(30))
    with pytest.raises(InputError, match="fps_hz"):
        run(tmp_path, [tmp_path / "a.tif"])


def test_a_movie_that_grows_keeps_what_was_written(tmp_path):
    group = zarr.open_group(tmp_path / "m.zarr", mode="w")
    array = create_movie(group, "Y", (1, H, W), np.dtype(np.uint8))
    pieces = [
        SimpleNamespace(place=slice(i * 256, i * 256 + 256), frames=movie(256, seed=i))
        for i in range(4)
    ]
    for piece in load._growing(array, pieces):
        array[piece.place] = piece.frames
    array.resize((1000, H, W))
    expected = np.concatenate([p.frames for p in pieces])[:1000]
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "m.zarr", path="Y")[:], expected)


@pytest.mark.parametrize("folder", ["minian_demo", "artifacts"])
def test_real_recordings_load(tmp_path, folder):
    root = Path(__file__).parents[3] / "shared" / "data" / folder
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    name = {"minian_demo": "msCam1.avi", "artifacts": "mio_wireless_corrupted.avi"}[folder]
    _, table = run(tmp_path, [root / name], frames={"stop": 60})
    bad_frames = list(np.flatnonzero(table["status"] != ""))
    expected = [] if folder == "minian_demo" else [7, 21, 23, 24, 32, 33, 34, 35]
    assert bad_frames == expected
