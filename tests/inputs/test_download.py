"""Mirrors that fail in every way they can, on the loopback."""

from __future__ import annotations

import hashlib
import io
import itertools
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.errors import DataError, LimitError
from neurosim.inputs import Card, download, load_dataset
from neurosim.inputs.download import cache_folder

PAGE = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


def stored(tmp_path: Path) -> list[str]:
    """Names of all files under the test's cache."""
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_bad_mirrors_are_passed_over_in_turn(mirrors, tiny_files, tiny_card, tiny, tmp_path):
    corrupt = mirrors.add("corrupt", lambda name: (200, [tiny_files[name][:-1] + b"?"]))
    page = mirrors.add("page", lambda name: (200, [PAGE]))
    missing = mirrors.add("missing", lambda name: (404, []))
    truncated = mirrors.add("truncated", lambda name: (200, [tiny_files[name][:20]]), length=1000)
    short = mirrors.add("short", lambda name: (200, [tiny_files[name][:20]]))
    good = mirrors.add("good", lambda name: (200, [tiny_files[name]]))

    data = load_dataset(tiny_card(corrupt, page, missing, truncated, short, good), "test")

    np.testing.assert_array_equal(data.images[:, 0], tiny["images"])
    np.testing.assert_array_equal(data.labels, tiny["labels"])
    order = ["corrupt", "page", "missing", "truncated", "short", "good"]
    assert [mirror for mirror, name in mirrors.log if name == "t-images.gz"] == order
    assert stored(tmp_path) == ["t-images.gz", "t-labels.gz"]  # nothing of the bad ones is left


def test_second_load_comes_from_the_cache(mirrors, tiny_files, tiny_card):
    card = tiny_card(mirrors.add("good", lambda name: (200, [tiny_files[name]])))
    first, second = load_dataset(card, "test"), load_dataset(card, "test")
    assert len(mirrors.log) == 2  # one request per file, from the first load alone
    np.testing.assert_array_equal(first.images, second.images)


def test_damaged_cache_is_fetched_again(mirrors, tiny_files, tiny_card, tmp_path):
    card = tiny_card(mirrors.add("good", lambda name: (200, [tiny_files[name]])))
    load_dataset(card, "test")
    cached = tmp_path / "cache" / "tiny" / "t-images.gz"
    cached.write_bytes(b"rot" + cached.read_bytes()[3:])
    load_dataset(card, "test")
    assert cached.read_bytes() == tiny_files["t-images.gz"]


def test_all_mirrors_bad_names_each(mirrors, tiny_files, tiny_card, tmp_path):
    page = mirrors.add("page", lambda name: (200, [PAGE]))
    missing = mirrors.add("missing", lambda name: (503, []))
    with pytest.raises(DataError, match=r"wrong checksum.*\| .*503.*set NEUROSIM_DATA") as caught:
        load_dataset(tiny_card(page, missing), "test")
    assert page in str(caught.value)
    assert hashlib.sha256(tiny_files["t-images.gz"]).hexdigest() in str(caught.value)
    assert stored(tmp_path) == []


def test_no_server_is_a_clear_error(tiny_card):
    with pytest.raises(
        DataError, match=r"t-images.gz: expected a download .*ConnectionError.*check the network"
    ):
        load_dataset(tiny_card("http://127.0.0.1:9/"), "test")


def test_no_mirror_at_all(tiny_card):
    with pytest.raises(DataError, match="got no mirror to ask"):
        load_dataset(tiny_card(), "test")


def test_a_silent_server_does_not_hang(mirrors, tiny_card, tiny_files, monkeypatch):
    monkeypatch.setattr(download, "READ_TIMEOUT_S", 0.2)

    def slow(name: str) -> tuple[int, list[bytes]]:
        time.sleep(1.0)
        return 404, []

    silent = mirrors.add("silent", slow)
    good = mirrors.add("good", lambda name: (200, [tiny_files[name]]))
    started = time.monotonic()
    assert len(load_dataset(tiny_card(silent, good), "test")) == 6
    assert time.monotonic() - started < 1.5  # two files, 0.2 s each before the good mirror is asked


def test_a_crawling_server_is_given_up(mirrors, tiny_card, monkeypatch):
    def crawl(name: str) -> tuple[int, Iterator[bytes]]:
        return 200, (time.sleep(0.05) or b"x" for _ in range(100))

    crawling = mirrors.add("crawling", crawl, length=100)
    monkeypatch.setattr(download, "GRACE_S", 0.3)
    started = time.monotonic()
    with pytest.raises(DataError, match="slower than 10000 bytes per second"):
        load_dataset(tiny_card(crawling), "test")
    assert time.monotonic() - started < 2.0  # it would have taken five seconds


def test_an_endless_file_is_cut(mirrors, tiny_card):
    endless = mirrors.add("endless", lambda name: (200, itertools.repeat(bytes(1 << 16))))
    with pytest.raises(DataError, match=r"larger than the \d+ bytes it should have"):
        load_dataset(tiny_card(endless), "test")


def test_progress_is_reported(mirrors, tiny_files, tiny_card):
    seen: list[tuple[str, int, int | None]] = []
    card = tiny_card(mirrors.add("good", lambda name: (200, [tiny_files[name]])))
    load_dataset(card, "test", progress=lambda *step: seen.append(step))
    assert [(name, size) for name, done, size in seen if done == size] == [
        (name, len(data)) for name, data in tiny_files.items()
    ]


def test_unwritable_cache(tiny_card, tmp_path, monkeypatch):
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("NEUROSIM_CACHE", str(blocked / "cache"))
    with pytest.raises(LimitError, match="a cache folder with room to write.*set NEUROSIM_CACHE"):
        load_dataset(tiny_card("http://127.0.0.1:9/"), "test")


def test_full_disk_while_downloading(tiny_card, monkeypatch):
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_fetch", full)
    with pytest.raises(LimitError, match="No space left on device"):
        load_dataset(tiny_card("http://127.0.0.1:9/", "http://127.0.0.1:10/"), "test")


def test_offline_names_the_remedies(tiny_card, monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROSIM_OFFLINE", "1")
    with pytest.raises(
        DataError, match=r"NEUROSIM_OFFLINE forbids.*NEUROSIM_DATA.*http://a.example/t-images.gz"
    ) as e:
        load_dataset(tiny_card("http://a.example/"), "test")
    assert str(tmp_path / "cache" / "tiny") in str(e.value)
    assert e.value.exit_code == 1


def test_cache_folder_choice(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("NEUROSIM_CACHE")
    assert cache_folder().name == "neurosim"


def pack_batches() -> tuple[bytes, dict[str, bytes]]:
    """A tar.gz laid out as CIFAR-10's, of two batches of three images of 3 x 2 x 2."""
    records = np.arange(6 * 13, dtype=np.uint8).reshape(6, 13)
    records[:, 0] = [0, 1, 2, 2, 1, 0]
    batches = {"one.bin": records[:3].tobytes(), "two.bin": records[3:].tobytes()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in (batches | {"readme.html": b"<p>"}).items():
            entry = tarfile.TarInfo(f"batches-bin/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue(), batches


def archive_card(mirror: str, packed: bytes, batches: dict[str, bytes]) -> Card:
    """The card of such an archive."""
    digest = hashlib.sha256(packed).hexdigest()
    return Card.model_validate(
        {
            "name": "batches", "title": "six", "licence": "none", "citation": "the tests", "reader": "cifar",
            "shape": (3, 2, 2), "max_level": 255, "classes": ("a", "b", "c"), "folders": ("batches-bin",),
            "mirrors": (mirror,), "splits": {"train": {"images": 6, "files": tuple(batches)}},
            "archive": {"name": "b.tar.gz", "folder": "batches-bin", "sha256": digest},
            "files": tuple({"name": n, "sha256": hashlib.sha256(d).hexdigest()} for n, d in batches.items()),
        }
    )  # fmt: skip


def test_an_archive_is_unpacked_into_the_cache(mirrors, tmp_path):
    packed, batches = pack_batches()
    card = archive_card(mirrors.add("good", lambda name: (200, [packed])), packed, batches)
    data = load_dataset(card, "train")
    assert data.images.shape == (6, 3, 2, 2)
    assert data.labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert data.images[1].ravel().tolist() == list(range(14, 26))
    assert stored(tmp_path) == ["one.bin", "two.bin"]
    load_dataset(card, "train", limit=4)
    assert mirrors.log == [("good", "b.tar.gz")]


def test_full_disk_while_unpacking(mirrors, tmp_path, monkeypatch):
    packed, batches = pack_batches()
    card = archive_card(mirrors.add("good", lambda name: (200, [packed])), packed, batches)

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        LimitError, match="a cache folder with room to write, got .*No space left.*NEUROSIM_CACHE"
    ):
        load_dataset(card, "train")
    assert stored(tmp_path) == ["b.tar.gz"]  # which is whole, and unpacked next time


def test_an_archive_in_the_data_folder(tmp_path, monkeypatch):
    packed, batches = pack_batches()
    (tmp_path / "b.tar.gz").write_bytes(packed)
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    monkeypatch.setenv("NEUROSIM_OFFLINE", "1")
    data = load_dataset(archive_card("http://a.example/", packed, batches), "train", limit=4)
    assert data.labels.tolist() == [0, 1, 2, 2]


def test_an_archive_that_lacks_a_file(tmp_path, monkeypatch):
    packed, batches = pack_batches()
    (tmp_path / "b.tar.gz").write_bytes(packed)
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"b.tar.gz: absent.bin: expected sha256"):
        load_dataset(archive_card("http://a.example/", packed, batches | {"absent.bin": b"x"}), "train")


def test_an_archive_that_is_none(tmp_path, monkeypatch):
    _, batches = pack_batches()
    (tmp_path / "b.tar.gz").write_bytes(PAGE)
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"b.tar.gz: expected a readable tar.gz"):
        load_dataset(archive_card("http://a.example/", PAGE, batches), "train")


def test_offline_names_the_archive(monkeypatch):
    packed, batches = pack_batches()
    monkeypatch.setenv("NEUROSIM_OFFLINE", "1")
    with pytest.raises(DataError, match=r"batches: one.bin: .*http://a.example/b.tar.gz"):
        load_dataset(archive_card("http://a.example/", packed, batches), "train")
