"""Recordings of events: decoding against an independent bit-by-bit reader, binning against loops, bad files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, LimitError
from neurosim.inputs import Card, load_dataset, load_events, load_inputs
from neurosim.inputs.events import LARGEST_RECORDING_BYTES, Events, bin_events, decode_atis, read_recordings

SIZE = (5, 7)  # rows, columns


def packed(x, y, p, t) -> bytes:
    """Events as the camera writes them, by shifting bits of one 40-bit number each."""
    words = [
        (int(a) << 32) | (int(b) << 24) | (int(c) << 23) | int(d)
        for a, b, c, d in zip(x, y, p, t, strict=True)
    ]
    return b"".join(word.to_bytes(5, "big") for word in words)


@pytest.fixture
def random_events():
    """1,000 events on 5 x 7 pixels over the whole range of times."""
    rng = np.random.default_rng(3)
    t = np.sort(rng.integers(0, 1 << 23, 1000))
    return rng.integers(0, 7, 1000), rng.integers(0, 5, 1000), rng.integers(0, 2, 1000), t


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return stream.getvalue()


def card(data: bytes, recordings: int, **changes) -> Card:
    return Card.model_validate(
        {
            "name": "tiny", "title": "t", "licence": "none", "citation": "made by the tests", "reader": "events",
            "shape": (2, *SIZE), "classes": ("a", "b"), "span_s": 0.01, "folders": ("tiny-folder",),
            "files": [{"name": "Test.zip", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}],
            "splits": {"test": {"images": recordings, "files": ("Test.zip",)}}, "note": "not to be had",
        }
        | changes
    )  # fmt: skip


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts an archive into the data folder."""

    def put(data: bytes) -> None:
        folder = tmp_path / "data" / "tiny-folder"
        folder.mkdir(parents=True)
        (folder / "Test.zip").write_bytes(data)
        monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("NEUROSIM_OFFLINE", "1")

    return put


ONE = packed([1], [2], [1], [3])
THREE = archive({
    "Test/b/00002.bin": packed([1, 2], [0, 4], [0, 1], [0, 9_999]),
    "Test/a/00001.bin": packed([6, 6, 6], [4, 4, 0], [1, 1, 0], [5, 6, 2_000]),
    "Test/b/00003.bin": ONE,
})  # fmt: skip


def test_the_bits_of_an_event(random_events):
    events = decode_atis(packed(*random_events), SIZE, "r")
    for got, wanted in zip((events.x, events.y, events.polarity, events.t_us), random_events, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_row_240_carries_the_time_on():
    content = packed([1, 0, 2, 0, 3], [1, 240, 2, 240, 3], [0, 0, 1, 0, 1], [8000, 0, 10, 0, 20])
    events = decode_atis(content, SIZE, "r")
    assert events.t_us.tolist() == [8000, 8192 + 10, 2 * 8192 + 20]
    assert events.x.tolist() == [1, 2, 3]


@pytest.mark.parametrize("left", [1, 4, 5 * 7 + 2])
def test_a_truncated_recording_is_named_with_the_place(left):
    content = packed([1] * 8, [1] * 8, [0] * 8, range(8))[:left]
    with pytest.raises(
        DataError, match=rf"Test/0/1.bin: .* event {left // 5} ends after {left % 5}; it is truncated"
    ):
        decode_atis(content, SIZE, "Test/0/1.bin")


def test_an_empty_recording():
    with pytest.raises(DataError, match="r: expected whole events of 5 bytes, got an empty file"):
        decode_atis(b"", SIZE, "r")


@pytest.mark.parametrize(("x", "y"), [(7, 0), (0, 5), (255, 255), (0, 239), (0, 241)])
def test_an_event_outside_the_sensor_is_named_with_the_place(x, y):
    content = packed([1, 2, x, 300 % 7], [1, 2, y, 9], [0] * 4, range(4))
    message = (
        rf"r: event 2 \(byte 10\): expected a pixel within 7 columns and 5 rows, got x = {x}, y = {y}; fetch"
    )
    with pytest.raises(DataError, match=message):
        decode_atis(content, SIZE, "r")


@pytest.mark.parametrize(
    ("dt_s", "steps", "clip"), [(1e-3, 10, False), (3e-4, 40, False), (1e-3, 4, True), (0.1, 1, False)]
)
def test_binning_counts_every_event_in_its_bin(dt_s, steps, clip):
    rng = np.random.default_rng(5)
    n = 3000
    x, y, p = rng.integers(0, 7, n), rng.integers(0, 5, n), rng.integers(0, 2, n)
    t = np.sort(rng.integers(0, 12_000, n))
    wanted = np.zeros((steps, 2, *SIZE))
    for a, b, c, d in zip(x, y, p, t, strict=True):
        k = int(d) // round(dt_s * 1e6)
        if k < steps:
            wanted[k, c, b, a] += 1
    events = Events(x.astype(np.uint8), y.astype(np.uint8), p.astype(np.uint8), t)
    got = bin_events(events, (2, *SIZE), dt_s, steps, clip)
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, np.minimum(wanted, 1) if clip else wanted)


def test_a_bin_begins_with_its_first_microsecond():
    events = decode_atis(packed([0] * 4, [0] * 4, [1] * 4, [299, 300, 599, 600]), SIZE, "r")
    assert bin_events(events, (2, *SIZE), 3e-4, 3)[:, 1, 0, 0].tolist() == [1, 2, 1]


def test_recordings_come_in_the_order_of_their_numbers(stored):
    stored(THREE)
    data = load_events(card(THREE, 3), "test")
    assert (len(data), data.labels.tolist(), data.shape) == (3, [0, 1, 1], (2, *SIZE))
    assert data.recording(0).t_us.tolist() == [5, 6, 2_000]
    assert data.recording(1).t_us.tolist() == [0, 9_999]
    frames = data.frames(slice(0, 2), 1e-3, 10)
    assert frames.shape == (2, 10, 2, *SIZE)
    assert frames.sum(axis=(1, 2, 3, 4)).tolist() == [3, 2]
    assert frames[0, 0, 1, 4, 6] == 2  # ON is channel 1, y the row, x the column
    assert frames[1, 9, 1, 4, 2] == 1
    assert len(load_events(card(THREE, 3), "test", limit=2)) == 2


def test_binning_is_told_by_width_or_number_or_both(stored):
    stored(THREE)
    data = load_events(card(THREE, 3), "test")
    assert data.binning() == (1e-3, 10)
    assert data.binning(dt_s=3e-3) == (3e-3, 4)
    assert data.binning(steps=5) == (0.002, 5)
    assert data.binning(1e-3, 3) == (1e-3, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dt_s": 0.0}, "time step: expected a bin wider than zero, got 0 s"),
        ({"dt_s": float("nan")}, "time step: expected a bin wider than zero, got nan s"),
        ({"steps": 0}, "steps: expected at least one, got 0; give --steps 300"),
        ({"dt_s": 1e-9}, "steps: expected at most 1000000, got 10000000 of 1 ns; take wider bins"),
    ],
)
def test_binning_refuses(stored, given, message):
    stored(THREE)
    with pytest.raises(ConfigError, match=message):
        load_events(card(THREE, 3), "test").binning(**given)


BAD = {
    "no zip": (b"not a zip", "tiny: Test.zip: expected a whole zip archive"),
    "cut": (THREE[:-30], "tiny: Test.zip: expected a whole zip archive"),
    "flipped": (THREE.replace(ONE, packed([1], [2], [1], [4])), "expected a whole zip archive, got Bad CRC"),
    "name": (archive({"Test/readme.txt": b"x"}), "'Test/readme.txt': expected SPLIT/CLASS/NUMBER.bin"),
    "class": (archive({"Test/z/1.bin": ONE}), "'Test/z/1.bin': .* the classes are a, b"),
    "truncated": (archive({"Test/a/1.bin": ONE[:3]}), "Test.zip: Test/a/1.bin: .* it is truncated"),
    "outside": (archive({"Test/a/1.bin": packed([9], [0], [0], [0])}), r"Test/a/1.bin: event 0 \(byte 0\)"),
    "few": (archive({"Test/a/1.bin": ONE}), "tiny/test: expected 3 recordings, got 1"),
    "nothing": (archive({}), "tiny/test: expected 3 recordings, got 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_archives(stored, case):
    data, message = BAD[case]
    stored(data)
    with pytest.raises(DataError, match=message):
        load_events(card(data, 3), "test")


def test_a_member_that_claims_too_much():
    data = archive({"Test/a/1.bin": ONE + bytes(LARGEST_RECORDING_BYTES)})
    with pytest.raises(LimitError, match=r"z: Test/a/1.bin: expected at most .* do not trust this file"):
        read_recordings(data, ("a",), SIZE, "z")


def test_missing_files_say_that_they_cannot_be_downloaded(monkeypatch):
    monkeypatch.setenv("NEUROSIM_OFFLINE", "1")
    with pytest.raises(DataError, match=r"holds Test.zip; it cannot be downloaded \(not to be had\)"):
        load_events(card(THREE, 3), "test")


def test_images_and_recordings_are_told_apart(stored, tiny_card):
    stored(THREE)
    with pytest.raises(
        ConfigError, match="inputs tiny: expected images, got recordings of events; show them"
    ):
        load_dataset(card(THREE, 3), "test")
    with pytest.raises(ConfigError, match="inputs nmnist: expected images, got recordings"):
        load_inputs("nmnist/test")
    with pytest.raises(ConfigError, match="inputs tiny: expected recordings of events, got images"):
        load_events(tiny_card(), "test")
    with pytest.raises(ConfigError, match=r"split of tiny: .* got 'tset'; did you mean 'test'"):
        load_events(card(THREE, 3), "tset")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"span_s": None}, "span: how long"), ({"shape": (1, 5, 7)}, "shape: events have two channels"),
     ({"reader": "cifar"}, "span: how long")],
)  # fmt: skip
def test_a_wrong_card(change, message):
    with pytest.raises((ConfigErrors, ValueError), match=message):
        card(THREE, 3, **change)


@pytest.mark.data
def test_the_subset_of_n_mnist(data_folder, monkeypatch):
    """Labels are MNIST's own, and the first training recording begins and ends as tonic's documentation prints it."""
    monkeypatch.setenv("NEUROSIM_DATA", str(data_folder))
    test = load_events("nmnist", "test")
    images = load_dataset("mnist", "test", limit=100)
    np.testing.assert_array_equal(test.labels, images.labels)
    assert len(test) == 100
    assert test.events.t_us.max() < test.span_s * 1e6
    train = load_events("nmnist", "train", limit=2)
    second = train.recording(1)  # number 00002, a zero
    assert [int(row[0]) for row in (second.x, second.y, second.t_us, second.polarity)] == [10, 30, 937, 1]
    assert (int(second.x[-1]), int(second.y[-1]), int(second.t_us[-1])) == (11, 17, 305_341)
