"""Traces of many units are worked on in blocks: memory does not grow with their number."""

import numpy as np
import pytest
import zarr

from scopeflow.deconvolve import Fit, coefficients
from scopeflow.movie import UNITS_PER_CHUNK, Movie
from scopeflow.stores import create, create_movie, put, write_slab
from scopeflow.temporal import by_unit, write_fits

N_FRAMES = 40


class Spied:
    """An array that notes which rows are asked for, or written."""

    def __init__(self, array) -> None:
        self.array, self.shape, self.asked = array, array.shape, []

    def __getitem__(self, rows: slice) -> np.ndarray:
        self.asked.append(rows)
        return self.array[rows]


@pytest.mark.parametrize("n_units", [0, 1, UNITS_PER_CHUNK, 3 * UNITS_PER_CHUNK + 1])
@pytest.mark.parametrize("threads", [1, 3])
def test_each_trace_is_read_once_and_one_block_at_a_time(n_units, threads):
    traces = np.arange(n_units * N_FRAMES, dtype=np.float32).reshape(n_units, N_FRAMES)
    spied = Spied(traces)
    found = list(by_unit(spied, lambda k, y: (k, y.sum()), threads))
    assert [k for k, _ in found] == list(range(n_units))
    np.testing.assert_array_equal([total for _, total in found], traces.sum(axis=1))
    rows = [k for block in spied.asked for k in range(block.start, block.stop)]
    assert rows == list(range(n_units))
    assert all(block.stop - block.start <= UNITS_PER_CHUNK for block in spied.asked)


def test_fits_are_written_a_block_at_a_time(tmp_path, monkeypatch):
    group = create(tmp_path / "Y.zarr", fps_hz=20.0)
    Y = create_movie(group, "Y", (N_FRAMES, 5, 4), np.uint8)
    write_slab(Y, slice(0, N_FRAMES), np.zeros((N_FRAMES, 5, 4), np.uint8))
    put(group, "weight", np.ones(N_FRAMES), ("frame",))
    put(group, "seen", np.ones((5, 4)), ("height", "width"))
    n_units = 2 * UNITS_PER_CHUNK + 3
    given, held = [], []
    write = zarr.Array.__setitem__

    def fits():
        for k in range(n_units):
            given.append(k)
            trace = np.full(N_FRAMES, float(k))
            yield coefficients(0.5, 0.05, 20.0), Fit(trace, trace, 1.0, 2.0, 3.0)

    def noted(array, rows, values):
        if array.path in ("C", "S"):
            held.append(len(given) - rows.start)
        write(array, rows, values)

    monkeypatch.setattr(zarr.Array, "__setitem__", noted)
    out = create(tmp_path / "units.zarr")
    write_fits(out, fits(), Movie(str(tmp_path / "Y.zarr")), np.ones(n_units), 4.0)
    assert max(held) <= UNITS_PER_CHUNK
    np.testing.assert_array_equal(out["C"][:, 0], np.arange(n_units))
