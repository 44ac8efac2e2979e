"""What a sweep has done so far: a manifest that says which sweep it is, and a journal with a line per point."""

from __future__ import annotations

import json
import os
import platform
from array import array
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

import neurosim
from neurosim.foundation.errors import ConfigErrors, DataError, FormatError
from neurosim.recording.durable import storage_errors, write_durably
from neurosim.sweep.points import FAILED, MANIFEST, Outcome

FORMAT = 1
JOURNAL = "journal.jsonl"
_PACKAGES = ("numpy", "numba", "distributed", "pyarrow")


def begin_manifest(folder: Path, text: str, identity: Mapping[str, Any], points: int) -> None:
    """Write sweep.json: the sweep file's text, what the results depend on, and versions."""
    content = {
        "format": FORMAT, "neurosim": neurosim.__version__, "points": points, "identity": identity, "sweep_toml": text,
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }  # fmt: skip
    write_durably(folder / MANIFEST, (json.dumps(content, indent=1) + "\n").encode())


def check_manifest(folder: Path, identity: Mapping[str, Any]) -> None:
    """Refuse to go on as another sweep.

    Raises ConfigErrors with one line per difference (key, what it was, what it is now), DataError for a damaged
    manifest, FormatError for one of a newer program.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version, was = (
            content["format"],
            {"neurosim": content["neurosim"], **dict(_flat(content["identity"]))},
        )
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise DataError(
            str(path), "the manifest of a sweep", str(problem), "begin anew in another --out"
        ) from None
    if version > FORMAT:
        raise FormatError(str(path), f"format {FORMAT} or older", f"format {version}", "update neurosim")
    now = {"neurosim": neurosim.__version__, **dict(_flat(json.loads(json.dumps(identity))))}
    lines = [
        f"{path}: {key}: changed since the sweep began: was {_show(was, key)}, now {_show(now, key)}"
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key) or (key in was) != (key in now)
    ]
    if lines:
        raise ConfigErrors([*lines, f"{path}: sweep again as it was begun, or begin anew with another --out"])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _show(content: Mapping[str, Any], key: str) -> str:
    return json.dumps(content[key]) if key in content else "absent"


class Journal:
    """One line of JSON per finished point, in the order in which they finished; the last line of a point counts.

    Only the places of the lines are held in memory, 8 bytes a point. A line that was cut short (the machine went down
    while it was written) is dropped, and its point with it. Made by the one writer of a sweep.
    """

    def __init__(self, folder: Path, points: int) -> None:
        self.path = folder / JOURNAL
        self._places = array("q", [-1]) * points
        self._failed = bytearray(points)
        self.path.touch()
        self._file = self.path.open("r+b")
        self._read_back()

    def _read_back(self) -> None:
        place = 0
        for line in self._file:
            try:
                outcome = json.loads(line if line.endswith(b"\n") else b"")
                self._note(outcome["point"], outcome["status"], place)
            except (ValueError, TypeError, KeyError, IndexError):
                break
            place += len(line)
        self._file.truncate(place)
        self._file.seek(place)

    def _note(self, point: int, status: str, place: int) -> None:
        self._places[point] = place
        self._failed[point] = status == FAILED

    @property
    def points(self) -> int:
        """Points of the sweep."""
        return len(self._places)

    @property
    def failed(self) -> int:
        """Points that have failed."""
        return sum(self._failed)

    def missing(self) -> Iterator[int]:
        """Points that are not done: without a line, or failed; in order."""
        return (point for point, place in enumerate(self._places) if place < 0 or self._failed[point])

    @property
    def done(self) -> int:
        """Points that are done."""
        return sum(place >= 0 for place in self._places) - self.failed

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Add lines; once this returns they survive kill -9 and loss of power.

        Raises LimitError when the disk is full.
        """
        place = self._file.seek(0, os.SEEK_END)
        lines = [json.dumps(outcome.plain(), allow_nan=False).encode() + b"\n" for outcome in outcomes]
        with storage_errors(self.path, sum(map(len, lines)), self.path.with_suffix(".none")):
            self._file.write(b"".join(lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        for outcome, line in zip(outcomes, lines, strict=True):
            self._note(outcome.point, outcome.status, place)
            place += len(line)

    def outcome(self, point: int) -> Outcome | None:
        """What became of a point; None where nothing has yet."""
        if self._places[point] < 0:
            return None
        self._file.seek(self._places[point])
        content = json.loads(self._file.readline())
        return Outcome(**{**content, "rows": tuple(content["rows"])})

    def close(self) -> None:
        """Close the file (idempotent)."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()
