"""A user's own images: a .npz file with the arrays `images` and `labels`."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from neurosim.foundation.errors import DataError, LimitError
from neurosim.inputs.dataset import Dataset, check_limit

LARGEST_FILE_BYTES = 8 << 30  # unpacked; more is taken for a damaged or hostile file
_REMEDY = "make it with numpy.savez(path, images=..., labels=...)"
_FULL_SCALE = 255  # of uint8 images


def load_arrays_file(path: str | Path, limit: int | None = None) -> Dataset:
    """Read images and labels of the user's own from a .npz file.

    `images`: uint8 (0 to 255, or to the file's `max_level`) or float32 in [0, 1], of shape (N, pixels),
    (N, height, width) or (N, channels, height, width). `labels`: integers (N,). `class_names`: optional
    strings. Pickled objects are refused.

    Raises DataError for a missing or damaged file, a missing array, a wrong dtype or shape, NaN, values out
    of range, or an empty set; LimitError when it unpacks to more than 8 GiB; ConfigError for limit < 1.
    """
    check_limit(limit)
    path = Path(path)
    arrays = read_arrays(path)
    for key in ("images", "labels"):
        if key not in arrays:
            raise DataError(str(path), f"an array `{key}`", ", ".join(sorted(arrays)) or "no arrays", _REMEDY)
    images = _checked_images(arrays["images"], f"{path}: images")
    labels = arrays["labels"]
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        got = f"{labels.dtype} of shape {labels.shape}"
        raise DataError(f"{path}: labels", "integers of shape (N,)", got, "one class index per image")
    max_level = _checked_level(images, arrays.get("max_level", np.array(_FULL_SCALE)), path)
    labels = labels.astype(np.int64)
    classes = class_names_of(arrays, labels)
    checked = Dataset(path.stem, "file", images, labels, classes, max_level)
    if limit is None:
        return checked
    return Dataset(path.stem, "file", images[:limit], labels[:limit], classes, max_level)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The plain arrays of a .npz file, by name; raises as `load_arrays_file`."""
    if not path.is_file():
        raise DataError(str(path), "a .npz file", "no such file", _REMEDY)
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > LARGEST_FILE_BYTES:
            raise LimitError(
                str(path),
                f"at most {LARGEST_FILE_BYTES} bytes unpacked",
                f"{size}",
                "split it into several files",
            )
        with np.load(path, allow_pickle=False) as file:
            return {key: np.asarray(file[key]) for key in file.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as problem:
        raise DataError(str(path), "a readable .npz file of plain arrays", str(problem), _REMEDY) from None


def _checked_images(images: np.ndarray, where: str) -> np.ndarray:
    if images.dtype not in (np.uint8, np.float32):
        remedy = "uint8 from 0 to 255, or .astype(np.float32) scaled to [0, 1]"
        raise DataError(where, "uint8 or float32", str(images.dtype), remedy)
    if images.ndim not in (2, 3, 4):
        raise DataError(
            where,
            "(N, pixels), (N, height, width) or (N, channels, height, width)",
            str(images.shape),
            "reshape the images before saving them",
        )
    if images.size == 0:
        raise DataError(where, "at least one image", f"shape {images.shape}", "an empty data set cannot run")
    if images.dtype == np.float32:
        check_unit_range(images, where)
    axes = {2: (1, 2), 3: (1,), 4: ()}[images.ndim]
    return np.expand_dims(images, axes)


def check_unit_range(images: np.ndarray, where: str) -> None:
    """DataError unless every value lies in [0, 1]; NaN is named as such."""
    low, high = float(images.min()), float(images.max())
    if np.isnan(low) or np.isnan(high):
        count = int(np.isnan(images).sum())
        raise DataError(where, "finite numbers", f"{count} NaN", "clean the images first")
    if low < 0 or high > 1:
        raise DataError(
            where, "values in [0, 1]", f"values from {low:g} to {high:g}", "divide by the largest level"
        )


def _checked_level(images: np.ndarray, level: np.ndarray, path: Path) -> int:
    if level.size != 1 or level.dtype.kind not in "iu" or not 1 <= level.item() <= _FULL_SCALE:
        raise DataError(
            f"{path}: max_level",
            "one integer from 1 to 255",
            str(level),
            "save max_level as the level that stands for 1.0",
        )
    max_level = int(level.item())
    if images.dtype == np.uint8 and int(images.max()) > max_level:
        raise DataError(
            f"{path}: images",
            f"levels up to max_level = {max_level}",
            str(int(images.max())),
            "save the right max_level with the images",
        )
    return max_level


def class_names_of(arrays: dict[str, np.ndarray], labels: np.ndarray) -> tuple[str, ...]:
    """The array `class_names` of a file, or the numbers of the classes."""
    if "class_names" in arrays:
        return tuple(str(name) for name in arrays["class_names"].ravel())
    return tuple(str(index) for index in range(int(labels.max(initial=0)) + 1))
