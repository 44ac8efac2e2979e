"""A user's own images out of a .npz file."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, DataError, LimitError
from neurosim.inputs import Dataset, arrays_file, load_arrays_file, load_inputs, prepare

LABELS = np.array([2, 0, 1, 1])


@pytest.fixture
def save(tmp_path):
    """Writes arrays to a .npz file and returns its path."""

    def write(**arrays: np.ndarray):
        path = tmp_path / "my.npz"
        np.savez(path, **arrays)
        return path

    return write


@pytest.mark.parametrize(
    ("shape", "read"), [((4, 6), (4, 1, 1, 6)), ((4, 2, 3), (4, 1, 2, 3)), ((4, 3, 2, 2), (4, 3, 2, 2))]
)
def test_shapes(save, shape, read):
    images = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    data = load_arrays_file(save(images=images, labels=LABELS))
    assert data.images.shape == read
    np.testing.assert_array_equal(data.images.ravel(), images.ravel())
    assert (data.name, data.split, data.max_level) == ("my", "file", 255)
    assert data.class_names == ("0", "1", "2")
    assert data.labels.dtype == np.int64


def test_floats_names_levels_and_limit(save):
    images = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    path = save(
        images=images, labels=LABELS.astype(np.uint8), class_names=np.array(["x", "y", "z"]), max_level=16
    )
    data = load_inputs(str(path), limit=2)
    assert (len(data), data.class_names, data.max_level) == (2, ("x", "y", "z"), 16)
    np.testing.assert_array_equal(prepare(data.images, data.max_level, (4,)), images[:2])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": LABELS}, "expected an array `images`, got labels; make it with numpy.savez"),
        ({"images": np.zeros((4, 2), np.uint8)}, "expected an array `labels`, got images"),
        (
            {"images": np.zeros((4, 2)), "labels": LABELS},
            "images: expected uint8 or float32, got float64; .*astype",
        ),
        ({"images": np.zeros(4, np.uint8), "labels": LABELS}, r"expected \(N, pixels\).*got \(4,\)"),
        (
            {"images": np.zeros((0, 2), np.uint8), "labels": LABELS[:0]},
            "at least one image, got shape .*empty data set",
        ),
        (
            {"images": np.full((4, 2), np.nan, np.float32), "labels": LABELS},
            "images: expected finite numbers, got 8 NaN",
        ),
        (
            {"images": np.full((4, 2), 255, np.float32), "labels": LABELS},
            r"values in \[0, 1\], got values from 255",
        ),
        (
            {"images": np.zeros((4, 2), np.uint8), "labels": LABELS / 2},
            r"labels: expected integers of shape \(N,\)",
        ),
        ({"images": np.zeros((4, 2), np.uint8), "labels": LABELS[:, None]}, r"got int64 of shape \(4, 1\)"),
        ({"images": np.zeros((4, 2), np.uint8), "labels": LABELS[:3]}, r"one label per image, shape \(4,\)"),
        (
            {"images": np.zeros((4, 2), np.uint8), "labels": LABELS - 1},
            "labels from 0 to 1, got labels from -1 to 1",
        ),
        (
            {"images": np.zeros((4, 2), np.uint8), "labels": LABELS, "class_names": np.array(["a"])},
            "labels from 0 to 0",
        ),
        (
            {"images": np.full((4, 2), 9, np.uint8), "labels": LABELS, "max_level": 8},
            "up to max_level = 8, got 9",
        ),
        (
            {"images": np.zeros((4, 2), np.uint8), "labels": LABELS, "max_level": 0},
            "max_level: expected one integer from 1 to 255, got 0",
        ),
        (
            {"images": np.zeros((4, 2), np.uint8), "labels": LABELS, "max_level": np.array([1, 2])},
            "max_level: expected one integer from 1 to 255",
        ),
        (
            {"images": np.array([{}, 1], object), "labels": LABELS},
            "readable .npz file of plain arrays, got Object arrays",
        ),
    ],
)
def test_refusals(save, arrays, message):
    with pytest.raises(DataError, match=message):
        load_arrays_file(save(**arrays))


def test_missing_and_damaged_files(save, tmp_path):
    with pytest.raises(DataError, match="none.npz: expected a .npz file, got no such file"):
        load_inputs(str(tmp_path / "none.npz"))
    path = save(images=np.zeros((40, 200), np.uint8), labels=np.zeros(40, np.int64))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DataError, match="expected a readable .npz file of plain arrays, got File is not a zip file"
    ):
        load_arrays_file(path)
    path.write_bytes(whole[:300] + b"\xff" * 50 + whole[350:])
    with pytest.raises(DataError, match="readable .npz file of plain arrays, got .*CRC"):
        load_arrays_file(path)


def test_a_header_that_claims_more_than_there_is(tmp_path):
    path = tmp_path / "liar.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("images.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match="liar.npz: expected a readable .npz file"):
        load_arrays_file(path)


def test_too_large(save, monkeypatch):
    monkeypatch.setattr(arrays_file, "LARGEST_FILE_BYTES", 100)
    with pytest.raises(LimitError, match="expected at most 100 bytes unpacked, got .*split it"):
        load_arrays_file(save(images=np.zeros((4, 50), np.uint8), labels=LABELS))


def test_limit_below_one(save):
    with pytest.raises(ConfigError, match="limit: expected at least 1 image, got 0"):
        load_arrays_file(save(images=np.zeros((4, 2), np.uint8), labels=LABELS), limit=0)


def test_a_dataset_checks_its_parts():
    with pytest.raises(
        DataError, match=r"d/s: expected images \(N, channels, height, width\), got shape \(4, 2\)"
    ):
        Dataset("d", "s", np.zeros((4, 2), np.uint8), LABELS, ("a", "b", "c"), 255)
    with pytest.raises(DataError, match="d/s: expected at least one image"):
        Dataset("d", "s", np.zeros((0, 1, 2, 2), np.uint8), LABELS[:0], ("a",), 255)
