"""How Python values are held in HDF5 and hashed: numbers as they are, text as UTF-8 of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import h5py
import numpy as np

from neurosim.foundation.errors import ConfigError

Value = np.ndarray | str | float | Sequence[str] | Sequence[float]
_KINDS = "biuf"


class Hasher(Protocol):
    """The part of a hashlib object that is used here."""

    def update(self, data: Any, /) -> None:
        """Take in bytes."""


def as_stored(value: Any, where: str) -> np.ndarray:
    """The array that is written for a value: numbers in native types, text as an array of `str` objects.

    Raises ConfigError for anything but strings, booleans, integers, float32 and float64.
    """
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind == "O" and array.size and all(isinstance(item, str) for item in array.flat):
        return array
    if array.dtype.kind not in _KINDS or array.dtype in (np.float16, np.longdouble):
        expected = "text, booleans, integers, float32 or float64"
        raise ConfigError(
            where, expected, f"{type(value).__name__} of type {array.dtype}", "convert it first"
        )
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)


def stored_dtype(array: np.ndarray) -> Any:
    """The HDF5 type for an array from `as_stored`."""
    return h5py.string_dtype("utf-8") if array.dtype == object else array.dtype


def set_attribute(holder: Any, name: str, value: Any) -> None:
    """Write one attribute: a string, a number, or a sequence of either."""
    array = as_stored(value, f"attribute {name}")
    holder.attrs.create(name, array if array.shape else array.item(), dtype=stored_dtype(array))


def feed(hasher: Hasher, *values: Any) -> None:
    """Hash values with their types and shapes, so that no two different lists give the same bytes."""
    for value in values:
        array = as_stored(value, "value")
        text = array.dtype == object
        head = f"{'text' if text else array.dtype.newbyteorder('<').str}{array.shape}".encode()
        hasher.update(len(head).to_bytes(8, "little") + head)
        if text:
            feed_text(hasher, array)
        else:
            feed_numbers(hasher, array)


def feed_text(hasher: Hasher, array: np.ndarray) -> None:
    """Hash an array of strings, each after its length."""
    for item in array.flat:
        body = str(item).encode()
        hasher.update(len(body).to_bytes(8, "little") + body)


def feed_numbers(hasher: Hasher, array: np.ndarray) -> None:
    """Hash the little-endian bytes of numbers in C order."""
    hasher.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data)
