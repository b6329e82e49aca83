"""Stores are written whole or not at all, and movies are cut into slabs."""

import numpy as np
import pytest
import zarr

from scopeflow.stores import (
    create,
    create_movie,
    new_store,
    put,
    read,
    read_slab,
    slab_frames,
    slabs,
    write_slab,
)


def test_a_finished_store_takes_its_name_and_leaves_no_sibling(tmp_path):
    with new_store(tmp_path / "a.zarr") as part:
        put(create(part, note="x"), "values", np.arange(5), ("frame",), units="px")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert group.attrs["note"] == "x"
    assert group["values"].attrs["units"] == "px"
    np.testing.assert_array_equal(read(tmp_path / "a.zarr", "values"), np.arange(5))


def test_a_failure_leaves_the_old_store_and_nothing_half_written(tmp_path):
    with new_store(tmp_path / "a.zarr") as part:
        put(create(part), "values", np.arange(5), ("frame",))
    with pytest.raises(RuntimeError), new_store(tmp_path / "a.zarr") as part:
        put(create(part), "values", np.arange(3), ("frame",))
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    assert len(read(tmp_path / "a.zarr", "values")) == 5


def test_what_a_killed_job_left_behind_is_swept(tmp_path):
    orphan = tmp_path / ".a.zarr.deadbeef.part"
    orphan.mkdir()
    other = tmp_path / ".b.zarr.deadbeef.part"
    other.mkdir()
    with new_store(tmp_path / "a.zarr") as part:
        create(part)
    assert not orphan.exists()
    assert other.exists()


def test_a_single_file_is_written_the_same_way(tmp_path):
    with new_store(tmp_path / "table.tsv") as part:
        part.write_text("a\n")
    assert (tmp_path / "table.tsv").read_text() == "a\n"


@pytest.mark.filterwarnings("error")
def test_xarray_opens_a_store_without_a_warning_despite_the_timestamp(tmp_path):
    xarray = pytest.importorskip("xarray")
    with new_store(tmp_path / "a.zarr") as part:
        put(create(part), "C", np.ones((2, 3), np.float32), ("unit_id", "frame"))
    (tmp_path / "a.zarr" / ".snakemake_timestamp").touch()
    assert xarray.open_zarr(tmp_path / "a.zarr")["C"].dims == ("unit_id", "frame")


@pytest.mark.parametrize(
    ("shape", "itemsize", "frames"),
    [((512, 512), 1, 128), ((512, 512), 2, 64), ((64, 64), 1, 256), ((4000, 4000), 2, 16)],
)
def test_a_slab_is_about_32_mib(shape, itemsize, frames):
    assert slab_frames(*shape, itemsize) == frames


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_slabs_are_read_as_they_were_written(tmp_path, dtype):
    frames = np.random.default_rng(0).integers(0, 255, (300, 40, 30)).astype(dtype)
    movie = create_movie(create(tmp_path / "a.zarr"), "Y", frames.shape, dtype)
    for slab in slabs(movie):
        write_slab(movie, slab, frames[slab])
    movie = zarr.open_group(tmp_path / "a.zarr", mode="r")["Y"]
    np.testing.assert_array_equal(
        np.concatenate([read_slab(movie, s) for s in slabs(movie)]), frames
    )
    np.testing.assert_array_equal(movie[...], frames)


def test_a_slab_cut_off_on_disk_is_named(tmp_path):
    movie = create_movie(create(tmp_path / "a.zarr"), "Y", (50, 40, 30), np.uint8)
    write_slab(movie, slice(0, 50), np.ones((50, 40, 30), np.uint8))
    file = tmp_path / "a.zarr" / "Y" / "c" / "0" / "0" / "0"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(OSError, match="0 is cut off"):
        read_slab(movie, slice(0, 50))


@pytest.mark.parametrize("n_frames", [1, 255, 256, 257, 600])
def test_slabs_cover_every_frame_once_and_are_whole_chunks(tmp_path, n_frames):
    movie = create_movie(create(tmp_path / "m.zarr"), "Y", (n_frames, 30, 41), np.uint8)
    cut = slabs(movie)
    frames = np.concatenate([np.arange(s.start, s.stop) for s in cut])
    np.testing.assert_array_equal(frames, np.arange(n_frames))
    assert all(s.start % movie.chunks[0] == 0 for s in cut)


@pytest.mark.parametrize("shape", [(0,), (0, 4, 5), (3, 0)])
def test_empty_arrays_are_valid(tmp_path, shape):
    dims = ("unit_id", "height", "width")[: len(shape)]
    put(create(tmp_path / "e.zarr"), "A", np.zeros(shape, np.float32), dims)
    assert read(tmp_path / "e.zarr", "A").shape == shape


@pytest.mark.parametrize(
    ("slab", "shape"),
    [(slice(0, 50), (49, 40, 30)), (slice(0, 50), (50, 30, 40)), (slice(1, 51), (50, 40, 30))],
)
def test_what_is_no_slab_of_a_movie_is_not_written(tmp_path, slab, shape):
    movie = create_movie(create(tmp_path / "a.zarr"), "Y", (300, 40, 30), np.uint8)
    with pytest.raises(ValueError, match="are not the slab"):
        write_slab(movie, slab, np.ones(shape, np.uint8))
