"""HDF5 files in the making: under a temporary name, and at the end whole at their own, or not there."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from neurosim.recording.durable import storage_errors, sync_folder

LIBVER = ("v108", "v110")  # 'latest' writes chunk metadata that HDF5 1.14 cannot open
_CACHE_BYTES = 64 << 20  # chunks in work stay in memory until they are whole


@dataclass(frozen=True)
class Draft:
    """A file being made. `check` raises the OSError of a write that failed since."""

    file: h5py.File
    _shield: _Shield

    def check(self) -> None:
        """Stop early when the disk is full; it is also checked at the end."""
        self._shield.check()


@contextlib.contextmanager
def drafted(path: Path, temporary: Path, expected_bytes: int) -> Iterator[Draft]:
    """A new HDF5 file, which appears at `path` durably and at once when the block ends without an error.

    An interrupt (SIGINT, SIGTERM) that arrives meanwhile takes effect when the file is whole. Raises
    LimitError when the disk is full or refuses; nothing is left of it then.
    """
    with _signals_wait(), storage_errors(path, expected_bytes, temporary):
        with _Shield(temporary) as shield:
            with h5py.File(shield, "w", libver=LIBVER, rdcc_nbytes=_CACHE_BYTES) as file:
                yield Draft(file, shield)
            shield.check()
            os.fsync(shield.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


class _Shield(io.FileIO):
    """A file that keeps failed writes from HDF5, which crashes when it cannot write what it still holds.

    The first error is kept for `check`; later writes are dropped.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+b")
        self._problem: OSError | None = None

    def check(self) -> None:
        """Raise the first error met."""
        if self._problem is not None:
            raise self._problem

    def write(self, content: Any) -> int:
        """Write all bytes, or keep the error."""
        left = memoryview(content).cast("B")
        size = len(left)
        try:
            while len(left) and self._problem is None:
                left = left[super().write(left) :]
        except OSError as problem:
            self._problem = problem
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the length, or keep the error."""
        try:
            return super().truncate(size)
        except OSError as problem:
            self._problem = self._problem or problem
            return size or 0


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Let SIGINT and SIGTERM take effect only after the block.

    Python would raise KeyboardInterrupt inside `_Shield.write`, and HDF5 take that for a failed write.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    pending: list[int] = []
    former = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):
                former[number] = signal.signal(number, lambda number, _: pending.append(number))
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for arrived in pending[:1]:
            signal.raise_signal(arrived)
