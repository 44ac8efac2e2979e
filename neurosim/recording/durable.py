"""Files that are whole on the disk or not there: temporary name, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from neurosim.foundation.errors import ConfigError, LimitError

_RESUME = "what was recorded before is safe: free some space, then run again with --resume"
TEMPORARY = ".writing"  # end of the name of every file not yet whole
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_durably(path: Path, content: bytes, remedy: str = _RESUME) -> None:
    """Put a whole file at `path`; once this returns it survives kill -9 and loss of power. `remedy` is what to do where
    the disk is full.

    Raises LimitError when the disk is full or refuses; then nothing is left behind and what stood at `path`
    stays.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with storage_errors(path, len(content), temporary, remedy):
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def storage_errors(path: Path, size: int, temporary: Path, remedy: str = _RESUME) -> Iterator[None]:
    """Turn errors of the file system into LimitError, and remove the temporary file on any error."""
    try:
        yield
    except BaseException as problem:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(problem, OSError | RuntimeError):
            raise
        # HDF5 reports a failed write as OSError or RuntimeError with the number of the error in its text
        full = getattr(problem, "errno", None) in _FULL or any(
            f"errno = {number}," in str(problem) for number in _FULL
        )
        if getattr(problem, "errno", None) in _REFUSED:
            got = getattr(problem, "strerror", "") or str(problem)
            elsewhere = "check the path and its permissions, or choose another --out"
            raise LimitError(str(path), "a place that can be written", got, elsewhere) from problem
        got = "a full disk or quota" if full else f"{type(problem).__name__}: {str(problem).splitlines()[0]}"
        room = f"room for {size / 1e6:.3g} MB" if size else "room"
        raise LimitError(str(path), room, got, remedy) from problem


def check_target(path: Path) -> None:
    """Refuse a path that cannot be written, before any work is done.

    Raises ConfigError when the folder is missing or cannot be written to, or when `path` is a folder.
    """
    if path.is_dir():
        raise ConfigError(str(path), "a file name", "a folder", "name a file in it, such as run.h5")
    if not path.parent.is_dir():
        raise ConfigError(str(path), "an existing folder", f"none at {path.parent}", "make the folder first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(
            str(path), "a folder that can be written to", str(path.parent), "choose another --out"
        )
