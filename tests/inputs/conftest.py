"""Small data sets made here, their cards, and mirrors on the loopback that serve what a test tells them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from neurosim.inputs import Card

IMAGES, LABELS = "t-images.gz", "t-labels.gz"


def pack_idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes, gzip-compressed."""
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has an empty cache of its own, no local data unless it says so, and may use the loopback."""
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    monkeypatch.setenv("NEUROSIM_OFFLINE", "0")


@pytest.fixture
def tiny() -> dict[str, np.ndarray]:
    """Six images of 3 x 4 pixels and their labels."""
    pixels = np.arange(6 * 3 * 4, dtype=np.uint8).reshape(6, 3, 4)
    return {"images": pixels, "labels": np.array([0, 1, 2, 0, 1, 2], np.uint8)}


@pytest.fixture
def tiny_files(tiny: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The same as IDX files."""
    return {IMAGES: pack_idx(tiny["images"]), LABELS: pack_idx(tiny["labels"])}


@pytest.fixture
def tiny_card(tiny_files: dict[str, bytes]) -> Callable[..., Card]:
    """Makes the card of those files, with the mirrors given."""

    def make(*mirrors: str) -> Card:
        files = tuple(
            {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in tiny_files.items()
        )
        return Card.model_validate(
            {
                "name": "tiny", "title": "six images", "licence": "none", "citation": "made by the tests",
                "reader": "idx", "shape": (1, 3, 4), "max_level": 255, "classes": ("a", "b", "c"),
                "folders": ("tiny-folder",), "mirrors": mirrors, "files": files,
                "splits": {"test": {"images": 6, "files": tuple(tiny_files)}},
            }
        )  # fmt: skip

    return make


Answer = Callable[[str], tuple[int, Iterable[bytes]]]


class Mirrors:
    """Servers on the loopback; `log` keeps what was asked, as (mirror's name, file)."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.stack = contextlib.ExitStack()

    def add(self, name: str, answer: Answer, length: int | None = None) -> str:
        """Start one and return its address; it sends the pieces of its answer one by one."""
        log = self.log

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                log.append((name, self.path.lstrip("/")))
                status, pieces = answer(self.path.lstrip("/"))
                self.send_response(status)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                with contextlib.suppress(OSError):  # the other side may have given us up
                    for piece in pieces:
                        self.wfile.write(piece)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the tests' output quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture
def mirrors() -> Iterator[Mirrors]:
    """A set of loopback mirrors, stopped at the end."""
    made = Mirrors()
    with made.stack:
        yield made
