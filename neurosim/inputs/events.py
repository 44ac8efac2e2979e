"""Recordings of an event camera: decoded from ATIS files, kept as events, binned into steps where they are needed.

The format is that of N-MNIST and N-Caltech101 (G. Orchard et al., Converting Static Image Datasets to Spiking
Neuromorphic Datasets Using Saccades, Frontiers in Neuroscience 9, 437 (2015)): 40 bits an event, x in 8, y in 8,
polarity in 1 and the time in microseconds in 23, most significant first. An event in row 240 is no event: it says
that the times after it begin again, 2**13 us later.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, LimitError
from neurosim.foundation.units import format_si

EVENT_BYTES = 5
DEFAULT_STEP_S = 1e-3
LARGEST_RECORDING_BYTES = 16 << 20  # unpacked; N-MNIST's largest are below 50 kB
MOST_STEPS = 1_000_000
_WRAP_ROW, _WRAP_US = 240, 1 << 13
_REMEDY = "fetch the file again"
_MEMBER = re.compile(r"(?:[\w.-]+/)?(?P<label>[\w.-]+)/(?P<number>[\w.-]+)\.bin")


@dataclass(frozen=True, eq=False)
class Events:
    """Events of one recording or of several, in order.

    x, y : uint8, column and row
    polarity : uint8, 1 where the light grew (ON), 0 where it fell (OFF)
    t_us : int64, microseconds since the recording began
    """

    x: np.ndarray
    y: np.ndarray
    polarity: np.ndarray
    t_us: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Recordings with their labels.

    name, split : which data set, which part of it
    events : those of all recordings, one recording after the other
    first : int64 (recordings + 1,), where each begins, and the end
    shape : (polarities, height, width): channel 0 holds OFF events, channel 1 ON events
    labels : int64 (recordings,), indices into `class_names`
    class_names : one per class
    span_s : how long a recording lasts, seconds; the same for all, so that steps can be told in advance
    """

    name: str
    split: str
    events: Events
    first: np.ndarray
    shape: tuple[int, int, int]
    labels: np.ndarray
    class_names: tuple[str, ...]
    span_s: float

    def __len__(self) -> int:
        return len(self.labels)

    def recording(self, index: int) -> Events:
        """The events of one recording."""
        part = slice(int(self.first[index]), int(self.first[index + 1]))
        return Events(
            self.events.x[part], self.events.y[part], self.events.polarity[part], self.events.t_us[part]
        )

    def binning(self, dt_s: float | None = None, steps: int | None = None) -> tuple[float, int]:
        """Width and number of the time bins: what is not given follows from the other and the recordings' span.

        1 ms where neither is given. Raises ConfigError for a width or a number that is not positive, or
        for more than a million steps.
        """
        if dt_s is not None and not (np.isfinite(dt_s) and dt_s > 0):
            raise ConfigError("time step", "a bin wider than zero", f"{dt_s:g} s", "write it like 1ms")
        if steps is not None and steps < 1:
            raise ConfigError("steps", "at least one", str(steps), "give --steps 300")
        if dt_s is None:
            dt_s = DEFAULT_STEP_S if steps is None else self.span_s / steps
        if steps is None:
            steps = int(np.ceil(round(self.span_s / dt_s, 6)))
        if steps > MOST_STEPS:
            raise ConfigError("steps", f"at most {MOST_STEPS}", f"{steps} of {format_si(dt_s, 's')}",
                              "take wider bins")  # fmt: skip
        return dt_s, steps

    def frames(self, where: slice, dt_s: float, steps: int, clip: bool = False) -> np.ndarray:
        """Events counted in bins: uint16 (recordings, steps, polarities, height, width).

        where : which recordings
        dt_s : width of a bin, seconds; bin k holds the events with k dt <= t < (k + 1) dt
        steps : number of bins; events after the last are left out
        clip : count one event at most per bin and pixel, as a spike
        """
        chosen = range(len(self))[where]
        return np.stack([bin_events(self.recording(i), self.shape, dt_s, steps, clip) for i in chosen])


def bin_events(
    events: Events, shape: tuple[int, int, int], dt_s: float, steps: int, clip: bool = False
) -> np.ndarray:
    """Events of one recording counted per bin, polarity and pixel: uint16 (steps, *shape)."""
    dt_us = round(dt_s * 1e6, 6)  # 3e-4 s is 300 us, not 299.99999999999994
    bins = (events.t_us / dt_us).astype(np.int64)
    places = ((bins * shape[0] + events.polarity) * shape[1] + events.y) * shape[2] + events.x
    inside = places[bins < steps]
    counts = np.bincount(inside, minlength=steps * int(np.prod(shape))).reshape(steps, *shape)
    return np.minimum(counts, 1 if clip else np.iinfo(np.uint16).max).astype(np.uint16)


def decode_atis(content: bytes, size: tuple[int, int], where: str) -> Events:
    """The events of one recording out of the bytes of its ATIS file.

    size : (height, width) of the sensor; where : names the recording in messages

    Raises DataError, naming the place, for a file that is empty or truncated and for an event outside the sensor.
    """
    whole, rest = divmod(len(content), EVENT_BYTES)
    if rest or not whole:
        got = f"{len(content)} bytes: event {whole} ends after {rest}" if content else "an empty file"
        raise DataError(where, f"whole events of {EVENT_BYTES} bytes", got, f"it is truncated: {_REMEDY}")
    table = np.frombuffer(content, np.uint8).reshape(-1, EVENT_BYTES)
    wraps = table[:, 1] == _WRAP_ROW
    t_us = (table[:, 2:].astype(np.int64) & (127, 255, 255)) @ (1 << 16, 1 << 8, 1)
    t_us += _WRAP_US * np.cumsum(wraps)
    outside = ((table[:, 0] >= size[1]) | (table[:, 1] >= size[0])) & ~wraps
    if outside.any():
        at = int(np.argmax(outside))
        raise DataError(
            f"{where}: event {at} (byte {at * EVENT_BYTES})",
            f"a pixel within {size[1]} columns and {size[0]} rows",
            f"x = {table[at, 0]}, y = {table[at, 1]}",
            f"{_REMEDY}, or correct the card's shape",
        )
    kept = table[~wraps]
    return Events(kept[:, 0].copy(), kept[:, 1].copy(), kept[:, 2] >> 7, t_us[~wraps])


def read_recordings(
    packed: bytes, classes: tuple[str, ...], size: tuple[int, int], where: str, limit: int | None = None
) -> tuple[list[Events], np.ndarray]:
    """Recordings and labels out of a zip archive of SPLIT/CLASS/NUMBER.bin, in the order of their numbers.

    packed : the archive's bytes; classes : names of the folders, whose place is the label
    size : (height, width) of the sensor; where : names the archive; limit : only the first so many

    Raises DataError for an archive or a recording that is damaged, and for a folder that is no class;
    LimitError for a member that claims to be far larger than a recording.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = sorted(_members(archive, classes, where), key=lambda member: member[1:])[:limit]
            found = [
                decode_atis(archive.read(entry), size, f"{where}: {entry.filename}") for entry, *_ in members
            ]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as problem:
        raise DataError(where, "a whole zip archive", str(problem), _REMEDY) from None
    return found, np.array([label for *_, label in members], np.int64)


def _members(
    archive: zipfile.ZipFile, classes: tuple[str, ...], where: str
) -> list[tuple[zipfile.ZipInfo, str, int]]:
    """Entry, number and label of every recording."""
    members = []
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        parts = _MEMBER.fullmatch(entry.filename)
        if parts is None or parts["label"] not in classes:
            raise DataError(f"{where}: {entry.filename!r}", "SPLIT/CLASS/NUMBER.bin", "another name",
                            f"the classes are {', '.join(classes)}; {_REMEDY}")  # fmt: skip
        if entry.file_size > LARGEST_RECORDING_BYTES:
            raise LimitError(f"{where}: {entry.filename}", f"at most {LARGEST_RECORDING_BYTES} bytes",
                             f"a claim of {entry.file_size}", "do not trust this file")  # fmt: skip
        members.append((entry, parts["number"], classes.index(parts["label"])))
    return members


def joined(recordings: list[Events]) -> tuple[Events, np.ndarray]:
    """Recordings as one row of events, and where each begins (and the end)."""
    first = np.concatenate([[0], np.cumsum([len(events) for events in recordings])]).astype(np.int64)
    return Events(
        np.concatenate([events.x for events in recordings]),
        np.concatenate([events.y for events in recordings]),
        np.concatenate([events.polarity for events in recordings]),
        np.concatenate([events.t_us for events in recordings]),
    ), first
