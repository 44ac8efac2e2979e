"""Writing a run: values are buffered per unit of work, closed into parts, and sealed into one file."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, NeurosimError, near
from neurosim.recording.blocks import Box, Index, Pieces, block_for, box_of, merge
from neurosim.recording.durable import TEMPORARY, check_target, storage_errors
from neurosim.recording.lock import WriterLock
from neurosim.recording.manifest import NAME as MANIFEST
from neurosim.recording.manifest import Manifest, read_manifest
from neurosim.recording.parts import Content, Layout, Part, find_parts, part_path, write_part
from neurosim.recording.schema import PROVENANCE, Plan
from neurosim.recording.sealing import seal_file
from neurosim.recording.streams import Piece, checked_spikes, spike_bytes

_PART = re.compile(r"\d{8}\.h5")
_LOCK = "lock"
_SEALED = "sealed.h5"


class RunWriter:
    """The one writer of a run file. Made by `RunWriter.open`; a context manager.

    Units of work are done in the order 0, 1, ...; `completed` says how many are safe, and a resumed run
    starts with that one. Values are put for the current unit, from any thread, each cell once; `finish_unit`
    (called when no put is under way) ends it. Leaving the context after an error or an interrupt keeps the
    finished units in a last part.
    """

    def __init__(
        self, path: Path, plan: Plan, manifest: Manifest, lock: WriterLock, limits: tuple[float, int]
    ) -> None:
        self.path, self.plan = path, plan
        self.folder = parts_folder(path)
        self._manifest, self._lock = manifest, lock
        self._min_seconds, self._max_bytes = limits
        self._layout = Layout.of(plan)
        self._parts = self._kept_parts()
        self._unit: list[tuple[str, Box, np.ndarray]] = []  # put for the unit in work
        self._done: list[tuple[str, Box, np.ndarray]] = []  # of finished units not yet in a part
        self._unit_spikes: list[tuple[str, Piece]] = []
        self._done_spikes: list[tuple[str, Piece]] = []
        self._last_ms = dict.fromkeys(self._layout.streams, -math.inf)  # time of the last spike appended
        self._done_bytes = 0
        self._finished = self.completed
        self._last_close = time.monotonic()

    @classmethod
    def open(
        cls, path: str | Path, plan: Plan, config: Mapping[str, Any], *, resume: bool = False,
        overwrite: bool = False, min_seconds: float = 2.0, max_bytes: int = 64 << 20,
    ) -> RunWriter:  # fmt: skip
        """Begin or resume a run.

        Parameters
        ----------
        path : the run file to be made; parts are kept beside it in `<name>.parts` until then
        plan : what is recorded
        config : what the run depends on; a run is resumed only under the same one
        resume : go on where an interrupted run stopped (or begin, if none was)
        overwrite : replace an existing run file, and drop the parts of an interrupted run unless `resume`
        min_seconds : work after which a part may close
        max_bytes : buffered bytes after which a part closes earlier

        Raises ConfigError for an unwritable path, an existing file or parts, or a changed configuration;
        LimitError, naming the holder, when another writer is at work, or when the disk is full.
        """
        path = Path(path)
        check_target(path)
        manifest = Manifest.begin(path, plan, config, overwrite)
        lock = _locked(path, may_begin=overwrite or not path.exists())
        try:
            manifest = _manifest_to_use(path, manifest, lock, resume, overwrite)
            return cls(path, plan, manifest, lock, (min_seconds, max_bytes))
        except BaseException:
            lock.release()
            raise

    @property
    def completed(self) -> int:
        """Units that are safe on the disk; the number of the unit to start with."""
        return self._parts[-1].stop if self._parts else 0

    def put(self, path: str, index: Index, array: object) -> None:
        """Record values of the unit in work (copied at once).

        Parameters
        ----------
        path : of a variable of the plan
        index : a number or a slice per axis; axes left out at the end are whole
        array : of the shape that the index selects (axes indexed by a number dropped)

        Raises DataError for an unknown path, a wrong shape, values the type cannot hold, or no unit left.
        """
        if path not in self._layout.variables:
            raise DataError(
                path, "a variable of the plan", "another path", near(path, self._layout.variables)
            )
        self._expect_unit(path)
        shape, dtype = self._layout.variables[path]
        box, kept = box_of(path, index, shape)
        self._unit.append((path, box, block_for(path, array, dtype, kept, box)))

    def append(self, population: str, timestamps: object, node_ids: object) -> None:
        """Record spikes of the unit in work (copied at once), in the order of time, from one thread.

        Parameters
        ----------
        population : of a stream of the plan
        timestamps : milliseconds, (spikes,), none before the last one appended
        node_ids : integers (spikes,)

        Raises DataError for an unknown population, unequal lengths, ids that it has not, times that are not
        finite or run backwards, or no unit left.
        """
        if population not in self._layout.streams:
            remedy = (
                near(population, self._layout.streams) if self._layout.streams else "plan a stream for it"
            )
            raise DataError(f"spikes of {population}", "a population of the plan", "another one", remedy)
        self._expect_unit(f"spikes of {population}")
        stream, after = self._layout.streams[population], self._last_ms[population]
        times, ids = checked_spikes(stream, timestamps, node_ids, after)
        if len(times):
            self._last_ms[population] = times[-1]
            self._unit_spikes.append((population, (times, ids)))

    def finish_unit(self) -> None:
        """End the unit in work; close a part if enough work or data has gathered.

        Raises LimitError when the disk is full; the finished units stay in memory and can be flushed again.
        """
        self._expect_unit(str(self.path))
        self._done_bytes += sum(block.nbytes for _, _, block in self._unit)
        self._done_bytes += spike_bytes(piece for _, piece in self._unit_spikes)
        self._done += self._unit
        self._done_spikes += self._unit_spikes
        self._unit, self._unit_spikes = [], []
        self._finished += 1
        if self._done_bytes >= self._max_bytes or time.monotonic() - self._last_close >= self._min_seconds:
            self.flush()

    def flush(self) -> None:
        """Close a part with all finished units now; values of an unfinished one stay in memory only."""
        if self._finished > self.completed:
            path = part_path(self.folder, len(self._parts))
            part = write_part(path, self._manifest.run_id, self.completed, self._finished, self._content())
            self._done, self._done_spikes, self._done_bytes = [], [], 0
            self._parts.append(part)
        self._last_close = time.monotonic()

    def seal(self) -> Path:
        """Make the run file, atomically, and remove the parts. Ends the writer.

        Units that are in no part yet go into the run file straight away: the same bytes are not written twice.

        Raises DataError when units or cells are missing, LimitError when the disk is full (the parts stay, and
        leaving the context tries to keep the other units in a last one).
        """
        if self._finished < self.plan.n_units:
            self.flush()
            got = f"{self.completed} of them"
            raise DataError(
                str(self.path), f"{self.plan.n_units} finished units", got, "finish the run with --resume"
            )
        provenance = {**self.plan.provenance, "run_id": self._manifest.run_id}
        temporary = self.folder / (_SEALED + TEMPORARY)
        seal_file(self.path, temporary, self.plan, self._parts, provenance, self._content())
        self._done, self._done_spikes, self._done_bytes = [], [], 0
        _tidy(self.folder, self._lock)
        self.close()
        return self.path

    def close(self) -> None:
        """Give up the lock; the parts stay for a resume (idempotent)."""
        self._lock.release()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            # a second failure to write must not hide the first error
            if problem is not None:
                with contextlib.suppress(NeurosimError):
                    self.flush()
        finally:
            self.close()

    def _expect_unit(self, where: str) -> None:
        if self._finished >= self.plan.n_units:
            raise DataError(where, f"{self.plan.n_units} units of work", "one more", "seal the run")

    def _content(self) -> Content:
        """What the finished units that are in no part yet hold."""
        variables = {name: merge(pieces) for name, pieces in _by_variable(self._done).items()}
        spikes: dict[str, list[Piece]] = {}
        for population, piece in self._done_spikes:
            spikes.setdefault(population, []).append(piece)
        return Content(variables, spikes)

    def _kept_parts(self) -> list[Part]:
        """The whole parts; what is damaged, and all after it, is dropped."""
        parts = find_parts(self.folder, self._manifest.run_id, self._layout)
        kept = {part.path.name for part in parts} | {_LOCK, MANIFEST}
        _remove_parts(self.folder, kept)
        return parts


def parts_folder(path: Path) -> Path:
    """The folder of parts for a run file: `run.parts` beside `run.h5`."""
    return path.with_suffix(".parts")


def _locked(path: Path, may_begin: bool) -> WriterLock:
    folder = parts_folder(path)
    if not may_begin and not folder.is_dir():
        raise _exists(path)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(str(folder), "a folder for the parts of the run", "a file", "choose another --out")
    with storage_errors(folder, 0, folder / TEMPORARY):
        folder.mkdir(exist_ok=True)
        return WriterLock(folder / _LOCK)


def _manifest_to_use(path: Path, new: Manifest, lock: WriterLock, resume: bool, overwrite: bool) -> Manifest:
    """The manifest of the run to resume, or the new one, stored. The lock is held."""
    folder = parts_folder(path)
    began = read_manifest(folder) if resume or not overwrite else None
    if path.exists() and not overwrite:
        if began is not None and _run_id(path) == began.run_id:
            _tidy(folder, lock)  # sealed, then killed before its parts were removed
        if began is None or not began.overwrite or _run_id(path) == began.run_id:
            raise _exists(path, resume)
    if began is None:
        _remove_parts(folder, {_LOCK})
        new.write(folder)
        return new
    if not resume:
        got = "parts of an interrupted run"
        raise ConfigError(
            str(folder), "no run begun before", got, "go on with --resume or begin anew with --overwrite"
        )
    began.check(new, folder)
    return began


def check_output(path: str | Path, *, resume: bool = False, overwrite: bool = False) -> None:
    """Refuse an output that `RunWriter.open` would refuse, before any work: unwritable, or finished already.

    Raises ConfigError.
    """
    path = Path(path)
    check_target(path)
    if path.exists() and not overwrite and not parts_folder(path).exists():
        raise _exists(path, resume)


def _exists(path: Path, resume: bool = False) -> ConfigError:
    got = "a finished one, with nothing to resume" if resume else "one that exists"
    return ConfigError(str(path), "a new file", got, "replace it with --overwrite or choose another --out")


def _run_id(path: Path) -> str:
    """The identity of a sealed run file, or nothing if it is some other file."""
    try:
        with h5py.File(path, "r") as file:
            return str(file[PROVENANCE].attrs["run_id"])
    except (OSError, KeyError, RuntimeError):
        return ""


def _by_variable(puts: list[tuple[str, Box, np.ndarray]]) -> dict[str, Pieces]:
    gathered: dict[str, tuple[list[Box], list[np.ndarray]]] = {}
    for path, box, block in puts:
        boxes, blocks = gathered.setdefault(path, ([], []))
        boxes.append(box)
        blocks.append(block)
    return {
        path: Pieces(np.array(boxes, dtype=np.int64).reshape(len(boxes), -1, 2), blocks)
        for path, (boxes, blocks) in gathered.items()
    }


def _remove_parts(folder: Path, keep: set[str] | None = None) -> None:
    """Remove what belongs to runs from a folder of parts; files of others stay."""
    kept = {_LOCK} if keep is None else keep
    for path in sorted(folder.iterdir()):
        ours = _PART.fullmatch(path.name) or path.name == MANIFEST or path.name.endswith(TEMPORARY)
        if ours and path.name not in kept:
            path.unlink(missing_ok=True)


def _tidy(folder: Path, lock: WriterLock) -> None:
    """Remove all that a sealed run left, the lock last."""
    _remove_parts(folder)
    lock.remove()
    with contextlib.suppress(OSError):  # files of others keep the folder
        folder.rmdir()
