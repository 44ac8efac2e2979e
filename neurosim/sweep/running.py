"""Run a sweep: check it, hand its points to workers, note what comes back, write the table.

`neurosim.sweep.run_sweep` and the verb `sweep` call `run_sweep`.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from neurosim.foundation.errors import ConfigError, near
from neurosim.recording.durable import storage_errors
from neurosim.recording.lock import WriterLock
from neurosim.sweep.checking import check_sweep, checked_count, identity_of
from neurosim.sweep.crew import (
    Batch,
    Crew,
    Finished,
    OwnProcess,
    cores,
    local_workers,
    require_dask,
    scheduler_workers,
)
from neurosim.sweep.description import Sweep, read_sweep
from neurosim.sweep.estimating import require_consent
from neurosim.sweep.journal import Journal, begin_manifest, check_manifest
from neurosim.sweep.points import FOLDER, MANIFEST, Outcome, forget_tries, point_of
from neurosim.sweep.table import FORMATS, require_pyarrow, write_table

TASK_S = 0.5  # of work in a batch, so that handing it out does not count
MOST_IN_BATCH = 1000
TICK_S = 0.2
MOST_WORKERS = 1000
_LOCK = "lock"


class Watch(Protocol):
    """Told how far a sweep is."""

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """A stage begins: so many things, of which some are done."""
        ...

    def advance(self, count: int) -> None:
        """So many more are done."""
        ...

    def finished(self, sweep: Sweep, outcome: Outcome, done: int, failed: int) -> None:
        """A point has finished; done and failed count those of the whole sweep."""
        ...

    def tick(self) -> None:
        """Nothing has happened for a moment."""
        ...


class Unwatched:
    """Nobody looks."""

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""

    def finished(self, sweep: Sweep, outcome: Outcome, done: int, failed: int) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to: its folder, its table, how many points there are, and how many of them failed."""

    sweep: Sweep
    folder: Path
    table: Path
    points: int
    failed: int


def run_sweep(
    path: str | Path,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    yes: bool = False,
    table: str = "csv",
    watch: Watch | None = None,
) -> SweepResult:
    """Run every point of a sweep file.

    Parameters
    ----------
    path : the sweep file
    out : folder to make: run files in points/, table.csv or table.parquet, timings.csv, sweep.json and the journal;
        default the sweep file's name without its ending, in the current folder
    workers : processes on this machine, each with a thread; default one per core. 0: this process, without Dask
    scheduler : address of a Dask scheduler to use in place of a local cluster
    resume : go on with an interrupted sweep: points that are missing or have failed
    yes : run more than 10,000 points
    table : "csv" or "parquet"
    watch : told how far it is

    In a script, call it below `if __name__ == "__main__":`, because workers are processes that import the script.

    No figure depends on workers or order. A point that fails is recorded, and the others go on; one whose worker dies
    is begun three times at most. Raises ConfigErrors (all mistakes of the file at once), ConfigError for a folder that
    is in use, LimitError for too many points, a full disk, another writer, or a cluster that is gone.
    """
    _check_arguments(workers, scheduler, table)
    shown = watch or Unwatched()
    sweep = read_sweep(path)
    count = cores() if workers is None else workers
    folder = Path(out) if out is not None else Path(sweep.path.stem)
    _check_folder(folder, resume)
    if not (folder / MANIFEST).is_file():
        shown.stage("estimating", 0)
        require_consent(sweep, count, yes)
    shown.stage("checking points", checked_count(sweep))
    check_sweep(sweep, shown.advance)
    with contextlib.ExitStack() as stack:
        crew: Crew | None = None
        if scheduler is not None:  # before the folder is made: nothing is left behind where nobody answers
            crew = stack.enter_context(scheduler_workers(folder.resolve(), scheduler))
        journal = stack.enter_context(_opened(folder, sweep))
        if left := sweep.points - journal.done:
            if crew is None:
                shown.stage("starting workers", 0)
                crew = stack.enter_context(_own_workers(folder.resolve(), min(count, left)))
            shown.stage("points", sweep.points, journal.done)
            _hand_out(sweep, crew, journal, shown)
        written = write_table(folder, sweep, journal, table)
        return SweepResult(sweep, folder, written, sweep.points, journal.failed)


def _check_arguments(workers: int | None, scheduler: str | None, table: str) -> None:
    if table not in FORMATS:
        raise ConfigError("table", "csv or parquet", repr(table), near(table, FORMATS))
    if workers is not None and not 0 <= workers <= MOST_WORKERS:
        raise ConfigError("workers", f"0 to {MOST_WORKERS}", str(workers), "leave it out: one per core")
    if workers is not None and scheduler is not None:
        raise ConfigError("scheduler", "it or workers", "both", "a scheduler has workers of its own")
    if workers != 0:
        require_dask()
    if table == "parquet":
        require_pyarrow()


def _check_folder(folder: Path, resume: bool) -> None:
    """Refuse a folder that holds something else, before any work."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(str(folder), "a folder", "a file", "choose another --out")
    if (folder / MANIFEST).is_file():
        if not resume:
            raise ConfigError(str(folder), "a new folder", "one that holds a sweep",
                              "go on with --resume, or choose another --out")  # fmt: skip
    elif folder.is_dir() and any(path.name != _LOCK for path in folder.iterdir()):
        raise ConfigError(
            str(folder), "a new or an empty folder", "one with other files", "choose another --out"
        )
    elif not folder.parent.is_dir():
        raise ConfigError(
            str(folder), "an existing folder to make it in", f"none at {folder.parent}", "make it first"
        )


@contextlib.contextmanager
def _opened(folder: Path, sweep: Sweep) -> Iterator[Journal]:
    """The folder, locked, with its manifest checked or begun, and its journal."""
    with storage_errors(folder, 0, folder / "none"):
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    lock = WriterLock(folder / _LOCK)
    try:
        identity = identity_of(sweep)
        if (folder / MANIFEST).is_file():
            check_manifest(folder, identity)
            forget_tries(folder)
        else:
            begin_manifest(folder, sweep.text, identity, sweep.points)
        with Journal(folder, sweep.points) as journal:
            yield journal
        lock.remove()
    finally:
        lock.release()


@contextlib.contextmanager
def _own_workers(folder: Path, count: int) -> Iterator[Crew]:
    """Workers of this machine, or, where there are to be none, this process."""
    if count == 0:
        yield OwnProcess(folder)
    else:
        with local_workers(folder, count) as crew:
            yield crew


def _hand_out(sweep: Sweep, crew: Crew, journal: Journal, shown: Watch) -> None:
    """Keep every worker busy, with a batch in wait for each, until all points are in the journal."""
    missing = journal.missing()
    done, failed, left = journal.done, 0, sweep.points - journal.done
    pace, under_way = math.inf, 0
    while True:
        while under_way < 2 * crew.size and (numbers := _take(missing, pace, left, crew.size)):
            crew.submit(Batch(tuple(point_of(sweep, number) for number in numbers)))
            under_way, left = under_way + 1, left - len(numbers)
        ended = crew.next(TICK_S) if under_way or left else None
        if ended is None:
            if not (under_way or left):
                return
            if not crew.size:
                shown.stage("waiting for workers", 0)
            shown.tick()
            continue
        under_way -= 1
        journal.append(ended.outcomes)
        pace = _seconds_per_point(ended)
        for outcome in ended.outcomes:
            bad = outcome.status != "done"
            done, failed = done + (not bad), failed + bad
            shown.finished(sweep, outcome, done, failed)


def _take(missing: Iterator[int], pace: float, left: int, workers: int) -> list[int]:
    """The next points: TASK_S of work, but so few that all workers have something to do until the end."""
    wanted = math.ceil(TASK_S / pace) if pace > 0 else MOST_IN_BATCH
    fair = math.ceil(left / (4 * max(workers, 1)))
    return list(itertools.islice(missing, max(1, min(wanted, fair, MOST_IN_BATCH))))


def _seconds_per_point(ended: Finished) -> float:
    return sum(outcome.seconds for outcome in ended.outcomes) / len(ended.outcomes)
