"""Nested arrays in one file, atomically saved: how programmed chips are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.foundation.errors import ConfigError, FormatError
from neurosim.recording.drafting import drafted
from neurosim.recording.durable import TEMPORARY, check_target
from neurosim.recording.safety import check_version, opened
from neurosim.recording.sealing import chunk_shape
from neurosim.recording.values import as_stored, set_attribute, stored_dtype

_TREE = "tree"


def save_arrays(path: str | Path, tree: Mapping[str, Any], kind: str, format: int = 1) -> Path:
    """Save nested dictionaries of arrays, strings, numbers, None and tuples; replaces an older file at once.

    Parameters
    ----------
    path : the file to make
    tree : NumPy arrays of numbers come back as arrays of the same type and shape, other leaves as they are
        (numbers of a mixed tuple come back as floats, lists as tuples)
    kind : what it is ("programmed chip"); must be named again to load it
    format : version of the tree's layout

    Raises ConfigError for a path that cannot be written or a value that cannot be stored, LimitError when the
    disk is full.
    """
    path = Path(path)
    check_target(path)
    temporary = path.with_name(f".{path.name}{TEMPORARY}")
    with drafted(path, temporary, _nbytes(tree)) as draft:
        set_attribute(draft.file, "kind", kind)
        set_attribute(draft.file, "format", format)
        _store(draft.file.create_group(_TREE), tree)
    return path


def load_arrays(path: str | Path, kind: str, newest: int = 1) -> dict[str, Any]:
    """The tree that `save_arrays` stored.

    Parameters
    ----------
    path : the file
    kind : what it must be
    newest : the newest format that the caller knows

    Raises FormatError for another kind, a newer format, or a file that holds what is not accepted, DataError
    when it is missing or damaged.
    """
    with opened(Path(path)) as file:
        if file.attrs.get("kind") != kind or _TREE not in file:
            raise FormatError(
                str(path),
                f"a file of kind {kind!r}",
                repr(file.attrs.get("kind", "no kind")),
                "choose a file that was saved as this kind",
            )
        check_version(file, path, newest, kind)
        return _restored(file[_TREE])


def _store(group: Any, tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        where = f"{group.name}/{name}"
        if not isinstance(name, str) or not name or "/" in name or name == "." or not name.isprintable():
            raise ConfigError(where, "a printable name without slashes", repr(name), "rename it")
        if isinstance(value, Mapping):
            _store(group.create_group(name), value)
        elif isinstance(value, np.ndarray):
            array = as_stored(value, where)
            options = {} if array.dtype == object or not array.size or not array.shape else {
                "chunks": chunk_shape(array.shape, array.itemsize), "fletcher32": True}  # fmt: skip
            group.create_dataset(name, data=array, dtype=stored_dtype(array), **options)
        elif value is None:
            group.attrs[name] = h5py.Empty("i1")
        elif isinstance(value, tuple | list) and not value:
            group.attrs.create(name, np.zeros(0))
        else:
            set_attribute(group, name, value)


def _restored(group: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {name: _leaf(value) for name, value in group.attrs.items()}
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            tree[name] = _restored(item)
        elif h5py.check_string_dtype(item.dtype):
            tree[name] = np.array(item.asstr()[()], dtype=str)
        else:
            tree[name] = np.asarray(item[()])
    return tree


def _leaf(value: Any) -> Any:
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def _nbytes(tree: Mapping[str, Any]) -> int:
    return sum(_nbytes(v) if isinstance(v, Mapping) else getattr(v, "nbytes", 0) for v in tree.values())
