"""The file formats of the data sets: IDX, CIFAR's binary records, scikit-learn's embedded digits."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.inputs.cards import Card

_REMEDY = "fetch the file again"
_UNSIGNED_BYTES = 8  # IDX's code for this element type
_TEST_EVERY = 5  # of the digits: image i is a test image when i % 5 == 4


def idx(packed: bytes, shape: tuple[int, ...], where: str, limit: int | None = None) -> np.ndarray:
    """An IDX array out of its gzip-compressed bytes.

    Parameters
    ----------
    packed : content of the .gz file
    shape : the shape it must have, e.g. (60000, 28, 28); (n,) for labels
    where : the file's name, for messages
    limit : how many of its first items to unpack (all by default)

    Returns uint8 of `shape`, or of its first `limit` items. Raises DataError when the file is not gzip, is
    truncated, is no IDX file of unsigned bytes, or has another shape.
    """
    keep = (min(limit or shape[0], shape[0]), *shape[1:])
    header = 4 + 4 * len(shape)
    wanted = header + int(np.prod(keep))
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            content = stream.read(wanted)
    except (OSError, EOFError, zlib.error) as problem:
        raise DataError(where, "a gzip file", str(problem), _REMEDY) from None
    magic = bytes((0, 0, _UNSIGNED_BYTES, len(shape)))
    if content[:4] != magic:
        raise DataError(
            where, f"an IDX file starting with {magic.hex()}", content[:4].hex() or "no data", _REMEDY
        )
    got = tuple(int(n) for n in np.frombuffer(content[4:header], ">u4"))
    if got != shape:
        raise DataError(where, f"the shape {shape}", str(got), _REMEDY)
    if len(content) < wanted:
        raise DataError(where, f"{wanted} bytes unpacked", f"{len(content)} (truncated)", _REMEDY)
    return np.frombuffer(content, np.uint8, offset=header).reshape(keep)


def cifar(content: bytes, shape: tuple[int, int, int], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one CIFAR-10 batch: records of a label byte and the channels' planes.

    Returns images uint8 (n, *shape) and labels uint8 (n,). Raises DataError for an empty file or one that
    is no whole number of records.
    """
    record = 1 + int(np.prod(shape))
    if not content or len(content) % record:
        raise DataError(where, f"records of {record} bytes", f"{len(content)} bytes", _REMEDY)
    table = np.frombuffer(content, np.uint8).reshape(-1, record)
    return table[:, 1:].reshape(-1, *shape), table[:, 0]


def digits(card: Card, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 1, 8, 8), levels 0 to 16, and labels of a split of scikit-learn's embedded digits.

    Every fifth image (index % 5 == 4) is a test image. Raises DataError when the embedded data differ from
    the card's checksum.
    """
    table = _digits_table()
    got = hashlib.sha256(table[:, :-1].tobytes() + table[:, -1].tobytes()).hexdigest()
    if got != card.content_sha256:
        raise DataError(
            "digits of scikit-learn", f"sha256 {card.content_sha256}", got, "reinstall scikit-learn"
        )
    is_test = np.arange(len(table)) % _TEST_EVERY == _TEST_EVERY - 1
    chosen = table[is_test if split == "test" else ~is_test]
    return chosen[:, :-1].reshape(-1, *card.shape), chosen[:, -1]


def _digits_table() -> np.ndarray:
    """All digits, uint8 (1797, 65): 64 pixels, then the label."""
    # importing scikit-learn costs a second or more; its data file alone, some milliseconds
    found = find_spec("sklearn")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return np.loadtxt(path, delimiter=",").astype(np.uint8)
    return digits_table_by_import()


def digits_table_by_import() -> np.ndarray:
    """The same through scikit-learn's own function, for a release that keeps its file elsewhere."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return np.column_stack([loaded.data, loaded.target]).astype(np.uint8)
