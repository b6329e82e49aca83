"""The median over a window, against SciPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scopeflow.median import median_blur


@settings(deadline=None, max_examples=80)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 7),
    st.sampled_from([np.uint16, np.float32]), st.sampled_from([3, 1000, 65_536]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_the_median_equals_scipys(height, width, reach, dtype, top, seed):
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, top, (height, width)).astype(dtype)
    if dtype is np.float32:
        frame = (frame - top / 2) / 3
    window = 2 * reach + 1
    expected = ndimage.median_filter(frame, window, mode="nearest")
    found = median_blur(frame, window)
    assert found.dtype == frame.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("value", [0, 1023, 1024, 65_535])
def test_an_image_of_one_value_is_left_as_it_is(value):
    frame = np.full((20, 30), value, np.uint16)
    np.testing.assert_array_equal(median_blur(frame, 9), frame)
