"""The opening by a disk, against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scopeflow.opening import open_with_disk

DTYPES = [np.uint8, np.uint16, np.float32]


def defined(image: np.ndarray, radius: int) -> np.ndarray:
    """Erode and dilate; what lies outside the image takes no part."""
    offsets = np.arange(-radius, radius + 1)
    disk = offsets[:, None] ** 2 + offsets**2 <= radius**2
    outside = np.pad(image.astype(float), radius, constant_values=np.inf)
    eroded = ndimage.minimum_filter(outside, footprint=disk)
    eroded[np.isinf(outside)] = -np.inf
    return ndimage.maximum_filter(eroded, footprint=disk)[radius:-radius, radius:-radius]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 300), st.integers(1, 80), st.integers(1, 14),
    st.sampled_from(DTYPES), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_opening_equals_the_definition(height, width, radius, dtype, seed):
    top = 255 if dtype is np.uint8 else 60_000
    image = np.random.default_rng(seed).integers(0, top, (height, width), endpoint=True)
    opened = open_with_disk(image.astype(dtype), radius)
    assert opened.dtype == dtype
    np.testing.assert_array_equal(opened, defined(image, radius))


@pytest.mark.parametrize("dtype", DTYPES)
def test_views_of_frames_are_opened_like_copies(dtype):
    frame = np.random.default_rng(0).integers(0, 200, (40, 60)).astype(dtype)[::2, 5:50]
    np.testing.assert_array_equal(open_with_disk(frame, 4), open_with_disk(frame.copy(), 4))
