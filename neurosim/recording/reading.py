"""Reading a run file, one's own or a stranger's: checked first, then read by path."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from neurosim.foundation.errors import DataError, LimitError, near
from neurosim.recording.safety import SCALE_ATTRIBUTES, check_version, opened, undamaged
from neurosim.recording.schema import FORMAT, NODE_IDS, PROVENANCE, SPIKES, TIMESTAMPS
from neurosim.recording.streams import PIECE, Piece
from neurosim.recording.values import feed, feed_numbers, feed_text

_BARE = b"This is a netCDF dimension but not a netCDF variable"
_HASH_BYTES = 16 << 20  # read at a time when hashing


@dataclass(frozen=True)
class Entry:
    """One dataset of a run file."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    dims: tuple[str, ...]
    units: str
    nbytes: int
    description: str


class RunFile:
    """A run file open for reading. Made by `RunFile.open`; a context manager."""

    def __init__(self, file: h5py.File, path: Path, limit_bytes: int) -> None:
        self._file, self.path, self._limit_bytes, self._stack = (
            file,
            path,
            limit_bytes,
            contextlib.ExitStack(),
        )
        self._datasets: dict[str, h5py.Dataset] = {}
        self._groups: dict[str, h5py.Group] = {"/": file}
        self._lengths: dict[str, int] = {}
        file.visititems(self._sort_in)

    @classmethod
    def open(cls, path: str | Path, limit_bytes: int = 8 << 30) -> RunFile:
        """Open after checking every object in the file; no value is read before.

        Parameters
        ----------
        path : a sealed run file
        limit_bytes : largest array that `read` will make

        Raises DataError when it is missing, truncated or damaged, FormatError when it is not HDF5, is no run
        file, is of a newer format, or holds links, virtual or external data or object types, LimitError when
        it claims more data than its size can hold.
        """
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(opened(Path(path)))
            check_version(file, path, FORMAT)
            run = cls(file, Path(path), limit_bytes)
            run._stack = stack.pop_all()
            return run
        raise AssertionError  # the stack never swallows an error

    def __enter__(self) -> RunFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file (idempotent)."""
        self._stack.close()

    def __contains__(self, path: str) -> bool:
        return path in self._datasets

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of all datasets, sorted; dimensions without values are not among them."""
        return tuple(sorted(self._datasets))

    @property
    def sizes(self) -> dict[str, int]:
        """Length of every dimension, by its path ("/image")."""
        return dict(sorted(self._lengths.items()))

    def read(self, path: str, index: tuple[int | slice, ...] = ()) -> np.ndarray:
        """The values of a dataset, or of the part that `index` selects; text as an array of str.

        Raises DataError for an unknown path or damaged data, LimitError for more than `limit_bytes`.
        """
        dataset = self._dataset(path)
        if not index and dataset.nbytes > self._limit_bytes:
            got = f"{dataset.nbytes / 1e6:.4g} MB"
            raise LimitError(
                f"{self.path}: {path}", f"at most {self._limit_bytes / 1e6:.4g} MB", got, "read it in pieces"
            )
        with undamaged(self.path, path):
            if h5py.check_string_dtype(dataset.dtype):
                text = np.array(dataset.asstr()[index], dtype=object)
                return np.asarray(text, dtype=str) if text.size else np.zeros(text.shape, "U1")
            return np.asarray(dataset[index])

    @property
    def populations(self) -> tuple[str, ...]:
        """Populations whose spikes were recorded, sorted."""
        start = SPIKES + "/"
        names = (path.removeprefix(start) for path in self._groups if path.startswith(start))
        return tuple(sorted(name for name in names if f"{start}{name}/{TIMESTAMPS}" in self))

    def spikes(self, population: str) -> Piece:
        """All spikes of a population: time stamps, float64 ms, sorted, and node ids, uint64.

        Raises DataError for an unknown population or damaged data, LimitError for more than `limit_bytes`.
        """
        self._check_population(population)
        group = f"{SPIKES}/{population}"
        return self.read(f"{group}/{TIMESTAMPS}"), self.read(f"{group}/{NODE_IDS}")

    def spike_pieces(self, population: str, most: int = PIECE) -> Iterator[Piece]:
        """The same, so many spikes at a time at most, however large the population is."""
        paths = [f"{SPIKES}/{population}/{name}" for name in (TIMESTAMPS, NODE_IDS)]
        for start in range(0, self._check_population(population), most):
            part = (slice(start, start + most),)
            yield self.read(paths[0], part), self.read(paths[1], part)

    def text(self, path: str) -> str:
        """A text stored as one string. Raises DataError when it is something else."""
        value = self.read(path)
        if value.shape or value.dtype.kind != "U":
            raise DataError(
                f"{self.path}: {path}",
                "one text",
                f"{value.dtype} of shape {value.shape}",
                "use read() for numbers",
            )
        return str(value)

    def dims(self, path: str) -> tuple[str, ...]:
        """Names of the axes of a dataset ("" for one without a name)."""
        return tuple(name.rsplit("/", 1)[-1] for name in self._scales(path))

    def units(self, path: str) -> str:
        """Unit of a dataset; "" for text."""
        return str(self.attributes(path).get("units", ""))

    def attributes(self, path: str = "/") -> dict[str, Any]:
        """Attributes of a dataset or group, without those that make up dimension scales."""
        holder = self._groups.get(path)
        holder = self._dataset(path) if holder is None else holder
        names = sorted(name for name in holder.attrs if name not in SCALE_ATTRIBUTES)
        with undamaged(self.path, path):
            return {name: _plain(holder.attrs[name]) for name in names}

    def tree(self) -> list[Entry]:
        """All datasets, by path."""
        return [self._entry(path) for path in self.paths]

    def content_hash(self) -> str:
        """SHA-256 of paths, dims, types, shapes, values and attributes, without /provenance.

        How the file is laid out (chunks, checksums, order of writing) has no part in it.
        """
        hasher = hashlib.sha256()
        for path, length in self.sizes.items():
            feed(hasher, "dimension", path, length)
        for path in sorted([*self._groups, *self._datasets]):
            if path == PROVENANCE or path.startswith(PROVENANCE + "/"):
                continue
            feed(hasher, path)
            for name, value in self.attributes(path).items():
                feed(hasher, name, value)
            if path in self._datasets:
                self._hash_dataset(hasher, path)
        return hasher.hexdigest()

    def _check_population(self, population: str) -> int:
        """Number of spikes of a population."""
        where = f"{self.path}: spikes of {population}"
        if population not in self.populations:
            remedy = near(population, self.populations) if self.populations else "record spikes in the run"
            raise DataError(where, "a population of this file", "none", remedy)
        times, ids = (self._dataset(f"{SPIKES}/{population}/{name}") for name in (TIMESTAMPS, NODE_IDS))
        if (
            times.ndim != 1
            or times.shape != ids.shape
            or times.dtype.kind + ids.dtype.kind not in ("fu", "fi")
        ):
            got = f"{times.dtype} {times.shape} and {ids.dtype} {ids.shape}"
            raise DataError(where, "one time stamp and one node id per spike", got, "make the file again")
        return len(times)

    def _hash_dataset(self, hasher: Any, path: str) -> None:
        dataset = self._datasets[path]
        text = h5py.check_string_dtype(dataset.dtype) is not None
        kind = "text" if text else dataset.dtype.newbyteorder("<").str
        feed(hasher, kind, *self._scales(path), np.array(dataset.shape, np.int64))
        rows = max(1, len(dataset)) if dataset.shape else 1
        step = max(1, _HASH_BYTES // max(1, dataset.nbytes // rows)) if dataset.shape and not text else rows
        step = max(step, dataset.chunks[0] if dataset.chunks else 1)
        for start in range(0, rows, step):
            block = self.read(path, (slice(start, start + step),) if dataset.shape else ())
            feed_text(hasher, block) if text else feed_numbers(hasher, block)

    def _sort_in(self, name: str, item: Any) -> None:
        if isinstance(item, h5py.Group):
            self._groups[f"/{name}"] = item
            return
        if item.attrs.get("CLASS") == b"DIMENSION_SCALE":
            self._lengths[f"/{name}"] = item.shape[0]
            if bytes(item.attrs.get("NAME", b"")).startswith(_BARE):
                return
        self._datasets[f"/{name}"] = item

    def _dataset(self, path: str) -> h5py.Dataset:
        if path not in self._datasets:
            raise DataError(
                f"{self.path}: {path}", "a dataset of this file", "none", near(path, self._datasets)
            )
        return self._datasets[path]

    def _scales(self, path: str) -> tuple[str, ...]:
        dataset = self._dataset(path)
        if path in self._lengths:
            return (path,)
        with undamaged(self.path, path):
            return tuple(str(axis[0].name) if len(axis) else "" for axis in dataset.dims)

    def _entry(self, path: str) -> Entry:
        dataset = self._dataset(path)
        kind = "text" if h5py.check_string_dtype(dataset.dtype) else str(dataset.dtype)
        described = str(self.attributes(path).get("long_name", ""))
        return Entry(path, dataset.shape, kind, self.dims(path), self.units(path), dataset.nbytes, described)


def _plain(value: Any) -> Any:
    """An attribute as Python knows it; ValueError for text that is not UTF-8."""
    if isinstance(value, str):
        value.encode()
    return value.item() if isinstance(value, np.generic) else value
