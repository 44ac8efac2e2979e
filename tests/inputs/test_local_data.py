"""The user's own folder: found directly and in sub-folders, always checked, never changed."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.inputs import dataset_card, load_dataset


@pytest.fixture(params=["", "tiny-folder"])
def local(request, tmp_path, tiny_files, monkeypatch) -> Path:
    """A data folder with the tiny files, directly or in the card's sub-folder; no network allowed."""
    folder = tmp_path / "data" / request.param
    folder.mkdir(parents=True)
    for name, data in tiny_files.items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NEUROSIM_OFFLINE", "1")
    return folder


def test_local_files_are_used(local, tiny_card, tiny):
    data = load_dataset(tiny_card(), "test")
    np.testing.assert_array_equal(data.images, tiny["images"][:, None])
    assert (data.images.dtype, data.labels.dtype) == (np.uint8, np.int64)
    assert (data.name, data.split, data.class_names, len(data)) == ("tiny", "test", ("a", "b", "c"), 6)


def test_a_limit_keeps_the_first(local, tiny_card, tiny):
    data = load_dataset(tiny_card(), "test", limit=4)
    np.testing.assert_array_equal(data.images, tiny["images"][:4, None])
    assert data.labels.tolist() == [0, 1, 2, 0]
    assert len(load_dataset(tiny_card(), "test", limit=100)) == 6


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one(local, tiny_card, limit):
    with pytest.raises(ConfigError, match=f"limit: expected at least 1 image, got {limit}"):
        load_dataset(tiny_card(), "test", limit)


def test_a_damaged_local_file_is_named_and_kept(local, tiny_card, tiny_files):
    path = local / "t-images.gz"
    path.write_bytes(tiny_files["t-images.gz"][:-5])
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    expected = hashlib.sha256(tiny_files["t-images.gz"]).hexdigest()
    with pytest.raises(DataError, match=f"{path}: expected sha256 {expected}, got {got} .*NEUROSIM_DATA"):
        load_dataset(tiny_card(), "test")
    assert path.read_bytes() == tiny_files["t-images.gz"][:-5]


def test_a_missing_data_folder(monkeypatch, tiny_card):
    monkeypatch.setenv("NEUROSIM_DATA", "/no/such/folder")
    with pytest.raises(DataError, match="NEUROSIM_DATA: expected an existing folder, got '/no/such/folder'"):
        load_dataset(tiny_card(), "test")


def test_an_unreadable_local_file(local, tiny_card, monkeypatch):
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        DataError, match="expected a readable file, got .*Permission denied.*check its permissions"
    ):
        load_dataset(tiny_card(), "test")


def test_a_card_that_states_another_size(local, tiny_card):
    card = tiny_card()
    splits = {"test": {"images": 5, "files": card.splits["test"].files}}
    other = card.model_validate(card.model_dump() | {"splits": splits})
    with pytest.raises(DataError, match=r"t-images.gz: expected the shape \(5, 3, 4\), got \(6, 3, 4\)"):
        load_dataset(other, "test")


@pytest.mark.parametrize(("name", "first"), [("mnist", [7, 2, 1, 0, 4]), ("fashion_mnist", [9, 2, 1, 1, 6])])
def test_real_test_splits(data_folder, monkeypatch, name, first):
    monkeypatch.setenv("NEUROSIM_DATA", str(data_folder))
    data = load_dataset(name, "test")
    assert data.images.shape == (10_000, 1, 28, 28)
    assert data.labels[:5].tolist() == first
    assert np.bincount(data.labels).min() > 800
    assert (data.images.min(), data.images.max(), data.max_level) == (0, 255, 255)


def test_real_training_split_loads_within_a_second(data_folder, monkeypatch):
    monkeypatch.setenv("NEUROSIM_DATA", str(data_folder))
    started = time.process_time()
    data = load_dataset("mnist", "train")
    assert time.process_time() - started < 1.0
    assert data.images.shape == (60_000, 1, 28, 28)
    assert data.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_same_file_names_of_another_data_set(data_folder, monkeypatch):
    """MNIST's and Fashion-MNIST's files have the same names: the wrong ones are not taken, nor reported."""
    monkeypatch.setenv("NEUROSIM_DATA", str(data_folder / "mnist"))
    monkeypatch.setenv("NEUROSIM_OFFLINE", "1")
    assert len(load_dataset("mnist", "test")) == 10_000
    with pytest.raises(DataError, match="fashion_mnist: t10k-images-idx3-ubyte.gz: .*NEUROSIM_OFFLINE"):
        load_dataset("fashion_mnist", "test")


def test_real_cifar(data_folder, monkeypatch):
    folder = data_folder / "cifar-10-batches-bin"
    if not (folder / "test_batch.bin").is_file() and not (data_folder / "cifar-10-binary.tar.gz").is_file():
        pytest.skip("needs CIFAR-10's binary batches in NEUROSIM_DATA")
    monkeypatch.setenv("NEUROSIM_DATA", str(data_folder))
    data = load_dataset("cifar10", "test")
    assert data.images.shape == (10_000, 3, 32, 32)
    assert np.bincount(data.labels).tolist() == [1000] * 10
    assert data.class_names[data.labels[0]] == "cat"


def test_a_damaged_cifar_batch_is_refused(tmp_path, monkeypatch):
    (tmp_path / "test_batch.bin").write_bytes(bytes(3073))
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    expected = dataset_card("cifar10").file("test_batch.bin").sha256
    with pytest.raises(DataError, match=f"test_batch.bin: expected sha256 {expected}, got .* .3073 bytes"):
        load_dataset("cifar10", "test")
