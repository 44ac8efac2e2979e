"""Images shaped for a network: levels, crop, order, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.inputs import prepare


def ramp(n: int, channels: int, height: int, width: int) -> np.ndarray:
    """uint8 images whose pixels are all different (while there are at most 256)."""
    return np.arange(n * channels * height * width, dtype=np.uint8).reshape(n, channels, height, width)


def test_levels_become_zero_to_one():
    images = np.array([0, 4, 16], np.uint8).reshape(3, 1, 1, 1)
    out = prepare(images, 16, (1,))
    assert out.dtype == np.float32
    assert out.ravel().tolist() == [0.0, 0.25, 1.0]


def test_flattening_keeps_channel_row_column_order():
    images = ramp(2, 3, 2, 2)
    np.testing.assert_array_equal(prepare(images, 255, (12,)), prepare(images, 255, (3, 2, 2)).reshape(2, 12))
    assert (prepare(images, 255, (12,))[0] * 255).round().tolist() == list(range(12))


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    data=st.data(),
    channels=st.integers(1, 3),
    n=st.integers(1, 3),
)
def test_centre_crop(height, width, data, channels, n):
    rows, columns = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    images = np.random.default_rng(0).integers(0, 256, (n, channels, height, width), dtype=np.uint8)
    out = prepare(images, 255, (channels, rows, columns), crop=(rows, columns))
    assert out.shape == (n, channels, rows, columns)
    assert out.flags.c_contiguous
    top, left = (height - rows) // 2, (width - columns) // 2
    for row in range(rows):
        for column in range(columns):
            expected = images[:, :, top + row, left + column] / 255
            np.testing.assert_allclose(out[:, :, row, column], expected, rtol=1e-6)


def test_the_crop_of_22_by_24():
    out = prepare(ramp(1, 1, 28, 28), 255, (528,), crop=(22, 24))
    assert out.shape == (1, 528)
    assert round(out[0, 0] * 255) == (3 * 28 + 2) % 256


def test_float_images_pass_unchanged():
    images = np.random.default_rng(1).random((4, 1, 5, 5), dtype=np.float32)
    np.testing.assert_array_equal(prepare(images, 255, (25,)), images.reshape(4, 25))


def test_the_input_is_not_touched():
    images = ramp(2, 1, 4, 4)
    images.setflags(write=False)
    prepare(images, 255, (16,))[:] = 0.5
    np.testing.assert_array_equal(images, ramp(2, 1, 4, 4))


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.float16, bool, object])
def test_other_dtypes(dtype):
    with pytest.raises(
        DataError, match="images: expected uint8 or float32, got .*uint8 levels, or float32 scaled"
    ):
        prepare(np.zeros((1, 1, 2, 2), dtype), 255, (4,))


@pytest.mark.parametrize(
    ("shape", "wanted"), [((1, 28, 28), (64,)), ((3, 32, 32), (1, 28, 28)), ((1, 4, 4), (1, 2, 8))]
)
def test_other_shapes(shape, wanted):
    with pytest.raises(
        DataError, match="images: expected the network's input shape .*, got .* values; choose inputs"
    ):
        prepare(np.zeros((2, *shape), np.uint8), 255, wanted)


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (1, 1, 1, 28, 28)])
def test_missing_axes(shape):
    with pytest.raises(DataError, match=r"expected shape \(N, channels, height, width\), got shape"):
        prepare(np.zeros(shape, np.uint8), 255, (784,))


def test_no_images():
    with pytest.raises(DataError, match="images: expected at least one image"):
        prepare(np.zeros((0, 1, 2, 2), np.uint8), 255, (4,))


@pytest.mark.parametrize("crop", [(29, 28), (28, 29), (0, 3), (3, -1)])
def test_crops_that_do_not_fit(crop):
    with pytest.raises(
        ConfigError, match="crop: expected within the images' 28 x 28, got .*choose a smaller crop"
    ):
        prepare(np.zeros((1, 1, 28, 28), np.uint8), 255, (784,), crop)


def test_levels_above_the_largest():
    with pytest.raises(DataError, match="images: expected levels from 0 to 16, got a level of 17"):
        prepare(np.full((1, 1, 2, 2), 17, np.uint8), 16, (4,))


@pytest.mark.parametrize(("value", "message"), [(1.5, r"values in \[0, 1\], got values from 0 to 1.5"),
                                                (-0.1, r"values in \[0, 1\], got values from -0.1 to 0"),
                                                (np.nan, "finite numbers, got 1 NaN; clean the images"),
                                                (np.inf, r"values in \[0, 1\]")])  # fmt: skip
def test_floats_out_of_range(value, message):
    images = np.zeros((1, 1, 2, 2), np.float32)
    images[0, 0, 1, 1] = value
    with pytest.raises(DataError, match=message):
        prepare(images, 255, (4,))
