"""Traces written slab by slab."""

import numpy as np
import pytest

from scopeflow.movie import FRAMES_PER_CHUNK, Movie, TraceWriter, create_traces, stretches
from scopeflow.stores import SLAB_FRAMES, create, create_movie, put, slabs, write_slab


@pytest.fixture
def movie(tmp_path):
    """Return a function that makes a movie of so many frames."""

    def make(n_frames: int) -> Movie:
        group = create(tmp_path / "Y.zarr", fps_hz=20.0)
        Y = create_movie(group, "Y", (n_frames, 5, 4), np.uint8)
        for slab in slabs(Y):
            write_slab(Y, slab, np.zeros((slab.stop - slab.start, 5, 4), np.uint8))
        put(group, "weight", np.ones(n_frames), ("frame",))
        put(group, "seen", np.ones((5, 4)), ("height", "width"))
        return Movie(str(tmp_path / "Y.zarr"))

    return make


@pytest.mark.parametrize("n_frames", [1, 256, 1023, 1024, 1025, 2500])
@pytest.mark.parametrize("n_units", [0, 1, 130])
def test_traces_arrive_as_they_were_given(movie, tmp_path, n_frames, n_units):
    traces = np.random.default_rng(0).normal(size=(n_units, n_frames)).astype(np.float32)
    recording = movie(n_frames)
    array = create_traces(create(tmp_path / "units.zarr"), "C", n_units, recording.n_frames)
    weight = np.random.default_rng(1).uniform(size=n_frames) > 0.1
    writer = TraceWriter(array, weight)
    for slab in recording.slabs:
        writer.add(traces[:, slab].copy())
    np.testing.assert_array_equal(array[...], np.where(weight, traces, np.nan))
    covered = np.concatenate([np.arange(n_frames)[part] for part in stretches(array)])
    np.testing.assert_array_equal(covered, np.arange(n_frames))


def test_any_size_of_slab_ends_where_a_chunk_of_traces_does():
    smallest, largest = SLAB_FRAMES
    assert FRAMES_PER_CHUNK % largest == largest % smallest == 0
