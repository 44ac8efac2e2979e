"""Files made by others: what must be refused before a single value is read.

HDF5 follows external links, virtual datasets and external raw files silently, loads plug-ins for filters, and
believes any size that a file claims. So every object is looked at first, by metadata alone.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5l, h5o, h5t, h5z

from neurosim.foundation.errors import DataError, FormatError, LimitError

SCALE_ATTRIBUTES = (
    "CLASS",
    "NAME",
    "REFERENCE_LIST",
    "DIMENSION_LIST",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
)
_REFERENCES = ("REFERENCE_LIST", "DIMENSION_LIST")  # attributes that dimension scales need
_TYPES = (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM)
_FILTERS = (h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32)
_MAX_RATIO = 100  # claimed bytes over bytes of the file; honest compression of what we write stays under 10
_MIN_CLAIM = 64 << 20  # claims below this are harmless whatever the file's size
_MAX_ATTRIBUTE = 16 << 20
_MAX_OBJECTS = 100_000
_MAX_DEPTH = 32


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading after checking every object in it.

    Raises DataError when it is missing, truncated or damaged, FormatError when it is not HDF5 or holds what
    is not accepted, LimitError when it claims more than its size can hold.
    """
    with _open(path) as file, undamaged(path):
        _Walk(str(path), file.id.get_filesize()).group(file.id, "")
        yield file


@contextlib.contextmanager
def undamaged(path: Path | str, dataset: str = "") -> Iterator[None]:
    """Turn what HDF5 raises when it meets damage into a DataError that names the dataset."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError) as problem:
        where = f"{path}: {dataset}" if dataset else str(path)
        got = (str(problem) or type(problem).__name__).splitlines()[0]
        raise DataError(where, "undamaged data", got, "make the file again or restore a copy") from problem


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise DataError(str(path), "a file", "a folder" if path.is_dir() else "none", "check the path")
    with undamaged(path):
        if not h5py.is_hdf5(path):
            with path.open("rb") as file:
                start = file.read(8)
            raise FormatError(str(path), "an HDF5 file", f"one that begins with {start!r}", "check the path")
        try:
            return h5py.File(path, "r")
        except OSError as problem:
            if "truncated" not in str(problem):
                raise
            raise DataError(
                str(path), "a whole file", "a truncated one", "copy or make it again"
            ) from problem


@dataclass
class _Walk:
    """A walk over a file's objects, by hard links only."""

    path: str
    file_bytes: int
    seen: set[int] = field(default_factory=set)
    claimed: int = 0

    def group(self, group: Any, name: str) -> None:
        """Check a group and all below it."""
        if name.count("/") > _MAX_DEPTH or len(self.seen) > _MAX_OBJECTS:
            raise LimitError(
                self._at(name),
                f"{_MAX_OBJECTS} objects, {_MAX_DEPTH} deep, at most",
                "more",
                "split the file, or read it with other tools",
            )
        self._attributes(group, name)
        children: list[bytes] = []
        group.links.iterate(children.append)
        for child in children:
            here = f"{name}/{child.decode(errors='replace')}"
            self._link(group, child, here)
            self._object(group, child, here)

    def _link(self, group: Any, child: bytes, name: str) -> None:
        if not name.isprintable() or "\ufffd" in name:
            self._refuse(name, "a printable name", "control characters or bytes that are not UTF-8")
        kind = group.links.get_info(child).type
        if kind != h5l.TYPE_HARD:
            known = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}
            self._refuse(name, "data inside the file", known.get(kind, "a link of an unknown kind"))

    def _object(self, group: Any, child: bytes, name: str) -> None:
        info = h5o.get_info(group, child)
        if info.addr in self.seen:
            self._refuse(name, "one name per object", "a second link to the same object")
        self.seen.add(info.addr)
        if info.type == h5o.TYPE_GROUP:
            self.group(h5o.open(group, child), name)
        elif info.type == h5o.TYPE_DATASET:
            self._dataset(h5d.open(group, child), name)
        else:
            self._refuse(name, "a group or a dataset", "a named type")

    def _dataset(self, dataset: Any, name: str) -> None:
        storage = dataset.get_create_plist()
        if storage.get_layout() == h5d.VIRTUAL:
            self._refuse(name, "data inside the file", "a virtual dataset")
        if storage.get_external_count():
            self._refuse(name, "data inside the file", "external raw storage")
        for number in range(storage.get_nfilters()):
            if storage.get_filter(number)[0] not in _FILTERS:
                self._refuse(
                    name, "gzip, shuffle or fletcher32 as filters", f"filter {storage.get_filter(number)[0]}"
                )
        kind = dataset.get_type()
        self._type(kind, name)
        self._attributes(dataset, name)
        chunk = math.prod(storage.get_chunk()) if storage.get_layout() == h5d.CHUNKED else 0
        self._claim(max(math.prod(dataset.shape), chunk) * kind.get_size(), name)

    def _claim(self, claimed: int, name: str) -> None:
        self.claimed += claimed
        limit = max(_MIN_CLAIM, _MAX_RATIO * self.file_bytes)
        if self.claimed > limit:
            expected = f"at most {limit / 1e6:.4g} MB from a file of {self.file_bytes / 1e6:.3g} MB"
            raise LimitError(
                self._at(name), expected, f"a claim of {self.claimed / 1e6:.4g} MB", "do not trust this file"
            )

    def _attributes(self, holder: Any, name: str) -> None:
        for number in range(h5a.get_num_attrs(holder)):
            attribute = h5a.open(holder, index=number)
            label = attribute.name.decode(errors="replace")
            where = f"{name}@{label}"
            kind = attribute.get_type()
            if math.prod(attribute.shape or ()) * kind.get_size() > _MAX_ATTRIBUTE:
                raise LimitError(
                    self._at(where),
                    f"attributes up to {_MAX_ATTRIBUTE >> 20} MiB",
                    "a larger claim",
                    "keep large data in datasets, not attributes",
                )
            if not label.isprintable():
                self._refuse(where, "a printable name", "control characters")
            if label not in _REFERENCES:
                self._type(kind, where)

    def _type(self, kind: Any, name: str) -> None:
        if kind.get_class() not in _TYPES:
            names = {h5t.REFERENCE: "references", h5t.VLEN: "variable-length data", h5t.COMPOUND: "compounds"}
            self._refuse(name, "numbers or text", names.get(kind.get_class(), "an unknown type"))
        if kind.get_class() == h5t.FLOAT and kind.get_size() not in (4, 8):
            self._refuse(name, "float32 or float64", f"floats of {kind.get_size()} bytes")

    def _refuse(self, name: str, expected: str, got: str) -> None:
        raise FormatError(self._at(name), expected, got, "do not trust this file")

    def _at(self, name: str) -> str:
        shown = name if name.isprintable() else ascii(name)
        return f"{self.path}: {shown or '/'}"


def check_version(file: Any, path: Path | str, newest: int, what: str = "run file") -> int:
    """The `format` of a file. Raises FormatError when it is absent or newer than `newest`."""
    number = file.attrs.get("format")
    if not isinstance(number, int | np.integer) or number < 1:
        raise FormatError(str(path), f"a {what} with its format number", "none", f"is it a {what}?")
    if number > newest:
        raise FormatError(
            str(path), f"format {newest} or older", f"format {number}", "needs a newer neurosim"
        )
    return int(number)
