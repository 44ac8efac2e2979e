"""Images as a network wants them: cropped, scaled to [0, 1], in its input shape."""

from __future__ import annotations

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.inputs.arrays_file import check_unit_range


def prepare(
    images: np.ndarray, max_level: int, shape: tuple[int, ...], crop: tuple[int, int] | None = None
) -> np.ndarray:
    """Images for a network's input.

    Parameters
    ----------
    images : (N, channels, height, width), uint8 from 0 to `max_level` or float32 in [0, 1]
    max_level : the level that becomes 1.0
    shape : the network's input, (pixels,) or (channels, height, width)
    crop : (height, width) kept from the middle of each image; the odd row or column is lost at the end

    Returns float32 (N, *shape), in C order, in [0, 1]. Raises DataError for another dtype or shape, values
    out of range or NaN; ConfigError for a crop that does not fit.
    """
    if images.dtype not in (np.uint8, np.float32):
        remedy = "uint8 levels, or float32 scaled to [0, 1]"
        raise DataError("images", "uint8 or float32", str(images.dtype), remedy)
    if images.ndim != 4:
        got = f"shape {images.shape}"
        raise DataError("images", "shape (N, channels, height, width)", got, "add the missing axes")
    if images.size == 0:
        raise DataError(
            "images", "at least one image", f"shape {images.shape}", "choose another split or limit"
        )
    cropped = images if crop is None else _centre(images, crop)
    _check_shape(cropped.shape[1:], shape)
    return np.ascontiguousarray(_scaled(cropped, max_level)).reshape(len(images), *shape)


def _scaled(images: np.ndarray, max_level: int) -> np.ndarray:
    if images.dtype == np.float32:
        check_unit_range(images, "images")
        return images
    if (high := int(images.max())) > max_level:
        raise DataError("images", f"levels from 0 to {max_level}", f"a level of {high}", "check max_level")
    scaled: np.ndarray = np.divide(images, np.float32(max_level), dtype=np.float32)
    return scaled


def _centre(images: np.ndarray, crop: tuple[int, int]) -> np.ndarray:
    height, width = images.shape[2:]
    rows, columns = crop
    if not (1 <= rows <= height and 1 <= columns <= width):
        raise ConfigError(
            "crop", f"within the images' {height} x {width}", f"{rows} x {columns}", "choose a smaller crop"
        )
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, :, top : top + rows, left : left + columns]


def _check_shape(got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    fits = got == wanted or (len(wanted) == 1 and int(np.prod(got)) == wanted[0])
    if not fits:
        raise DataError(
            "images",
            f"the network's input shape {wanted}",
            f"{got} = {int(np.prod(got))} values",
            "choose inputs, or a crop, that fit the network",
        )
