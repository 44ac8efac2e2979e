"""The file formats, each against bytes laid out by hand."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from neurosim.foundation.errors import DataError
from neurosim.inputs import dataset_card, decoding, load_dataset
from neurosim.inputs.decoding import cifar, digits_table_by_import, idx

PLAIN = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])


def test_idx_reads_what_was_laid_out():
    np.testing.assert_array_equal(idx(gzip.compress(PLAIN), (2, 3), "f"), [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(idx(gzip.compress(PLAIN), (2, 3), "f", limit=1), [[1, 2, 3]])


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"<html>", "f: expected a gzip file, got Not a gzipped file"),
        (gzip.compress(PLAIN)[:20], "f: expected a gzip file, got Compressed file ended"),
        (gzip.compress(PLAIN)[:10] + b"\xff" * 30, "f: expected a gzip file"),
        (gzip.compress(b""), "f: expected an IDX file starting with 00000802, got no data"),
        (gzip.compress(b"\0\0\x0d" + PLAIN[3:]), "starting with 00000802, got 00000d02"),
        (gzip.compress(PLAIN[:-2]), r"f: expected 18 bytes unpacked, got 16 \(truncated\)"),
        (gzip.compress(PLAIN[:7] + b"\7" + PLAIN[8:]), r"f: expected the shape \(2, 3\), got \(7, 3\)"),
        (gzip.compress(PLAIN[:7] + b"\0" + PLAIN[8:12]), r"got \(0, 3\)"),
    ],
)
def test_damaged_idx(packed, message):
    with pytest.raises(DataError, match=message):
        idx(packed, (2, 3), "f")


def test_cifar_records():
    content = bytes([7, *range(12), 3, *range(100, 112)])
    images, labels = cifar(content, (3, 2, 2), "b.bin")
    assert labels.tolist() == [7, 3]
    assert images.shape == (2, 3, 2, 2)
    assert images[0, 2].tolist() == [[8, 9], [10, 11]]  # the third plane is blue


@pytest.mark.parametrize("size", [0, 12, 14])
def test_damaged_cifar(size):
    with pytest.raises(DataError, match=f"b.bin: expected records of 13 bytes, got {size} bytes"):
        cifar(bytes(size), (3, 2, 2), "b.bin")


def test_digits_are_scikit_learns_split_by_index():
    table = digits_table_by_import()
    index = np.arange(1797)
    for split, chosen in (("test", index % 5 == 4), ("train", index % 5 != 4)):
        data = load_dataset("digits", split)
        np.testing.assert_array_equal(data.images.reshape(-1, 64), table[chosen, :64])
        np.testing.assert_array_equal(data.labels, table[chosen, 64])
    assert (len(load_dataset("digits", "test")), len(load_dataset("digits", "train"))) == (359, 1438)
    assert load_dataset("digits", "test", limit=7).images.shape == (7, 1, 8, 8)


def test_digits_without_their_file(monkeypatch):
    monkeypatch.setattr(decoding, "find_spec", lambda _name: None)
    assert len(load_dataset("digits", "test")) == 359


def test_changed_digits_are_refused(monkeypatch):
    table = digits_table_by_import()
    table[100, 5] += 1
    got = hashlib.sha256(table[:, :64].tobytes() + table[:, 64].tobytes()).hexdigest()
    monkeypatch.setattr(decoding, "_digits_table", lambda: table)
    expected = dataset_card("digits").content_sha256
    with pytest.raises(DataError, match=f"digits of scikit-learn: expected sha256 {expected}, got {got}"):
        load_dataset("digits", "test")


def test_digits_are_not_called_mnist():
    card = dataset_card("digits")
    assert "MNIST" not in card.title
    assert "not MNIST" in card.note
