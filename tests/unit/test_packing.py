"""Traces of the report: no peak is lost, bytes come back within their step."""

import numpy as np
import pytest

from scopeflow.report import packing


def test_what_fits_the_budget_is_left_alone():
    assert packing.bin_width(300, 20_000, 8_000_000) == 1
    width = packing.bin_width(1000, 20_000, 8_000_000)
    assert 1000 * 2 * -(-20_000 // width) <= 8_000_000 * 1.01
    assert packing.bin_width(1, 7, 6) == 3  # pairs of two frames would save nothing
    values = np.arange(6.0)
    np.testing.assert_array_equal(packing.envelope(values, 1), values)
    np.testing.assert_array_equal(packing.bin_times(values, 1, pairs=True), values)


@pytest.mark.parametrize("n", [12, 13, 1])
def test_an_envelope_keeps_every_peak_and_its_time(n):
    values = np.random.default_rng(0).normal(size=(2, n))
    values[1, n // 2] = 99
    found = packing.envelope(values, 4)
    assert found.shape == (2, 2 * -(-n // 4))
    assert found.dtype == np.float32
    assert found[1].max() == 99
    np.testing.assert_allclose(found.min(axis=1), values.min(axis=1), rtol=1e-6)
    time_s = np.arange(n) / 20
    for pairs in (False, True):
        times = packing.bin_times(time_s, 4, pairs)
        assert len(times) == (2 if pairs else 1) * -(-n // 4)
        assert (np.diff(times) >= 0).all()
        assert times[0] >= time_s[0]
        assert times[-1] <= time_s[-1]
    at = packing.bin_times(time_s, 4)[packing.highest(values, 4)[1].argmax()]
    assert abs(at - time_s[n // 2]) <= 3 / 20


def test_only_bins_without_a_value_are_missing():
    values = np.array([np.nan, 1, 2, np.nan, np.nan, np.nan, 5])
    found = packing.envelope(values, 3)
    np.testing.assert_array_equal(found, [1, 2, np.nan, np.nan, 5, 5])


def test_bytes_come_back_within_half_a_step():
    rng = np.random.default_rng(1)
    traces = rng.normal(100, [[1], [50], [0]], (3, 500))
    traces[0, 7] = np.nan
    found = packing.in_bytes(traces)
    assert found.data.dtype == np.uint8
    error = np.abs(found.values() - traces)
    assert np.isnan(found.values()[0, 7])
    assert (np.nanmax(error, axis=1) <= found.step / 2 + 1e-9).all()
    coarse = packing.in_bytes(traces, np.array([4.0, 4.0, 4.0]))
    assert (coarse.step >= 0.5).all()  # an eighth of the noise
    nothing = packing.in_bytes(np.full((1, 3), np.nan))
    assert np.isnan(nothing.values()).all()


def test_packed_bytes_are_unpacked():
    data = np.random.default_rng(2).integers(0, 256, (4, 33), dtype=np.uint8)
    np.testing.assert_array_equal(packing.unpacked(packing.packed(data)), data.ravel())
    np.testing.assert_array_equal(packing.unpacked(packing.packed(row for row in data)),
                                  data.ravel())  # fmt: skip
    assert packing.unpacked(packing.packed([])).size == 0
