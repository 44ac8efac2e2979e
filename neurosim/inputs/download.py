"""Files from the mirrors into the cache: always checked, never hanging, the next mirror after a bad one."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from neurosim.foundation.errors import DataError, LimitError

# (file name, bytes so far, bytes in all or None when unknown)
Progress = Callable[[str, int, int | None], None]

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0  # between two pieces of one file
GRACE_S = 60.0  # after this, a mirror slower than the next figure is given up
MINIMUM_BYTES_PER_S = 10_000.0
LARGEST_DOWNLOAD_BYTES = 1 << 30  # where a card does not state a file's size
_CHUNK_BYTES = 1 << 16
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def is_offline() -> bool:
    """Whether NEUROSIM_OFFLINE forbids downloads (any value but empty and 0)."""
    return os.environ.get("NEUROSIM_OFFLINE", "") not in ("", "0")


def cache_folder() -> Path:
    """The user's cache for downloaded data: NEUROSIM_CACHE, else the system's usual place."""
    if chosen := os.environ.get("NEUROSIM_CACHE"):
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("neurosim"))


@dataclass
class _Watch:
    """Follows one download, and gives it up when it grows too large or stays too slow."""

    name: str
    size: int | None
    progress: Progress | None
    received: int = 0
    started_s: float = field(default_factory=time.monotonic)

    def update(self, n_bytes: int) -> None:
        """Count a piece that came; raises OSError to give the mirror up."""
        self.received += n_bytes
        largest = self.size or LARGEST_DOWNLOAD_BYTES
        if self.received > largest:
            raise OSError(f"larger than the {largest} bytes it should have")
        elapsed_s = time.monotonic() - self.started_s
        if elapsed_s > GRACE_S and self.received < MINIMUM_BYTES_PER_S * elapsed_s:
            raise OSError(f"slower than {MINIMUM_BYTES_PER_S:g} bytes per second")
        if self.progress:
            self.progress(self.name, self.received, self.size)


def download(name: str, sha256: str, size: int | None, mirrors: tuple[str, ...], folder: Path,
             progress: Progress | None = None) -> Path:  # fmt: skip
    """Fetch `name` from the first mirror that gives a file with this checksum, into `folder`.

    What a mirror gives is kept under a temporary name until its checksum is verified, and removed when it
    is wrong, so a file under its own name is always whole.

    Raises DataError, naming what each mirror answered, when none gives it; LimitError when the folder
    cannot be written.
    """
    _make_folder(folder)
    failures = []
    for mirror in mirrors:
        try:
            return _fetch(mirror + name, name, sha256, size, folder, progress)
        except (OSError, ValueError) as problem:
            if isinstance(problem, OSError) and problem.errno in _DISK_ERRORS:
                raise unwritable(folder, problem) from None
            failures.append(f"{mirror + name}: {_short(problem)}")
    raise DataError(
        name,
        f"a download with sha256 {sha256}",
        " | ".join(failures) or "no mirror to ask",
        "check the network, or download the file yourself and set NEUROSIM_DATA to its folder",
    )


def _fetch(
    url: str, name: str, sha256: str, size: int | None, folder: Path, progress: Progress | None
) -> Path:
    import pooch

    if progress is not None:
        pooch.get_logger().setLevel("WARNING")  # the caller shows the progress itself
    watch = _Watch(name, size, progress)

    def downloader(url: str, output_file: str, _pooch: object) -> None:
        _stream(url, Path(output_file), watch)

    return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=folder, downloader=downloader))


def _stream(url: str, target: Path, watch: _Watch) -> None:
    """Write what a URL gives into a file, piece by piece as it comes; OSError when it fails.

    pooch's own downloader collects full pieces first, so a server that sends a byte now and then would
    keep it for hours.
    """
    import requests
    import urllib3

    # a transparently unpacked .gz would not have its checksum any more
    headers = {"Accept-Encoding": "identity"}
    timeouts = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    with (
        requests.get(url, stream=True, timeout=timeouts, headers=headers) as response,
        target.open("wb") as file,
    ):
        response.raise_for_status()
        read_piece = getattr(response.raw, "read1", response.raw.read)  # urllib3 before 2 has no read1
        try:
            while piece := read_piece(_CHUNK_BYTES):
                watch.update(len(piece))
                file.write(piece)
        except urllib3.exceptions.HTTPError as problem:
            raise OSError(str(problem)) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise unwritable(folder, problem) from None


def unwritable(folder: Path, problem: OSError) -> LimitError:
    """What to say when the cache cannot be written."""
    remedy = "set NEUROSIM_CACHE to another folder"
    return LimitError(str(folder), "a cache folder with room to write", str(problem), remedy)


def _short(problem: Exception) -> str:
    text = " ".join(str(problem).split())
    if "known hash" in text:
        return "wrong checksum (a damaged file, or a page in its place); removed"
    return f"{type(problem).__name__}: {text[:160]}"
