"""Several runs side by side: accuracy, energy, latency, area, image by image, and where spiking stops winning."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.costs import Ledger, price_run
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.units import format_time
from neurosim.recording import RunFile
from neurosim.reports.compared import Compared, image_steps, read_compared
from neurosim.reports.comparison_tables import plain_text
from neurosim.reports.crossover import Crossover, accuracy_steps, cross
from neurosim.reports.pairing import Pairing, device_sentence, pair
from neurosim.reports.stored import Stored

TOLERANCE = 0.005  # of an accuracy that counts as equal
MOST_RUNS = 8


@dataclass(frozen=True)
class Meeting:
    """Two runs of a comparison, the first being the one that the others are held against.

    devices : what their devices have in common, in words
    crossover : None where neither is a spiking run that recorded its steps, or a chip is not priced
    spiking : letter of the spiking run that the crossover is about
    """

    first: str
    second: str
    pairing: Pairing
    devices: str
    crossover: Crossover | None
    spiking: str = ""


@dataclass(frozen=True)
class Equal:
    """A run at an accuracy that all runs reach.

    steps : the fewest that reach it; 0 for a rate run, which has no steps to leave out; None when it does not
    """

    letter: str
    accuracy: float
    steps: int | None
    ledger: Ledger


@dataclass(frozen=True)
class Comparison:
    """What several runs on the same images came to.

    runs : in the order given
    meetings : the first run with each of the others
    equal : every run at `equal_accuracy`, where that was asked for
    flags : what to know before reading the totals
    """

    runs: tuple[Compared, ...]
    meetings: tuple[Meeting, ...]
    flags: tuple[str, ...]
    equal_accuracy: float | None = None
    equal: tuple[Equal, ...] = ()

    def table(self) -> str:
        """Plain text of everything."""
        return plain_text(self)


def compare(
    *paths: str | Path,
    tolerance: float = TOLERANCE,
    equal_accuracy: bool = False,
    prices: Any = None,
) -> Comparison:
    """Compare run files of the same images; the first is held against each of the others.

    Parameters
    ----------
    paths : two or more run files, of the same networks and chips or of different ones
    tolerance : by how much an accuracy may be lower and still count as equal, a fraction
    equal_accuracy : also each run at the lowest of their accuracies (less the tolerance), spiking runs with the
        fewest steps that reach it
    prices : a chip whose prices replace those of every run, as for `price_run`; None: each run's own

    Raises ConfigError for fewer than two files, for other images or lengths and for a tolerance out of range,
    DataError and FormatError for files that are no complete run.
    """
    if not 2 <= len(paths) <= MOST_RUNS:
        raise ConfigError("runs", f"2 to {MOST_RUNS} run files", str(len(paths)), "name the runs to compare")
    if not 0 <= tolerance < 1:
        raise ConfigError(
            "tolerance", "a fraction from 0 to below 1", f"{tolerance:g}", "0.005 is half a point"
        )
    with ExitStack() as stack:
        files = [stack.enter_context(RunFile.open(path)) for path in paths]
        times = _times(files)
        letters = string.ascii_uppercase
        runs = tuple(read_compared(file, letters[k], times[k], prices) for k, file in enumerate(files))
        for run in runs[1:]:
            _same_images(runs[0], run)
        others = range(1, len(runs))
        meetings = tuple(_meet(runs, files, k, tolerance, prices) for k in others)
        if not equal_accuracy:
            return Comparison(runs, meetings, tuple(_flags(runs)))
        lowest = min(float(run.accuracy.mean[0]) for run in runs) - tolerance
        equal = tuple(_at(run, file, lowest, prices) for run, file in zip(runs, files, strict=True))
        return Comparison(runs, meetings, tuple(_flags(runs)), lowest, equal)


def _times(files: Sequence[RunFile]) -> list[int]:
    """Index of the time at which each run is read: the first that all of them have, else each one's first."""
    times = [Stored(file).times_s for file in files]
    shared = [t for t in times[0] if all(t in other for other in times[1:])]
    return [own.index(shared[0]) if shared else 0 for own in times]


def _same_images(first: Compared, second: Compared) -> None:
    """Refuse runs of other data sets, splits, lengths or labels."""
    where = f"{second.path}"
    data = [str(run.attributes.get("inputs", "?")) for run in (first, second)]
    if data[0] != data[1]:
        raise ConfigError(f"{where}: inputs", f"{data[0]}, as in {first.path}", data[1],
                          "compare runs of one data set: run both with the same --inputs")  # fmt: skip
    counts = [len(run.labels) for run in (first, second)]
    if counts[0] != counts[1]:
        raise ConfigError(f"{where}: images", f"{counts[0]}, as in {first.path}", str(counts[1]),
                          "run both with the same --limit")  # fmt: skip
    if not (
        np.array_equal(first.labels, second.labels)
        and np.array_equal(first.image_numbers, second.image_numbers)
    ):
        raise ConfigError(f"{where}: images", f"those of {first.path}", "others under the same name",
                          "run both on one copy of the data set")  # fmt: skip


def _meet(
    runs: Sequence[Compared], files: Sequence[RunFile], other: int, tolerance: float, prices: Any
) -> Meeting:
    first, second = runs[0], runs[other]
    same_seed = first.attributes.get("seed") == second.attributes.get("seed")
    devices = device_sentence(dict(first.digests), dict(second.digests), same_seed)
    pairing = pair(first.correct, second.correct)
    spiking, rival = (other, 0) if second.course else (0, other)
    run, held = runs[spiking], runs[rival]
    if run.course is None or not (run.ledger.priced and held.ledger.priced):
        return Meeting(first.letter, second.letter, pairing, devices, None)
    steps = image_steps(files[spiking], run.time, held.ledger.per_image, prices)
    accuracy = float(held.accuracy.mean[0])
    crossover = cross(run.course, accuracy, held.ledger.total, tolerance, steps)
    return Meeting(first.letter, second.letter, pairing, devices, crossover, run.letter)


def _at(run: Compared, file: RunFile, wanted: float, prices: Any) -> Equal:
    """A run at the wanted accuracy; a spiking one with the fewest steps for it."""
    if run.course is None:
        return Equal(run.letter, float(run.accuracy.mean[0]), 0, run.ledger)
    steps = accuracy_steps(run.course.accuracy, wanted)
    shown = steps or run.steps
    ledger = price_run(file, prices, time=run.time, steps=shown)
    return Equal(run.letter, float(run.course.accuracy[shown - 1]), steps, ledger)


def _flags(runs: Sequence[Compared]) -> Iterator[str]:
    """What makes the totals of the runs unequal."""
    nodes = {run.letter: ", ".join(run.ledger.nodes) or "none" for run in runs}
    if len(set(nodes.values())) > 1:
        yield f"technology nodes differ ({_each(nodes)}) and are not scaled to each other"
    for run in runs:
        if run.ledger.mixed_nodes:
            yield f"{run.letter} adds prices of several nodes ({nodes[run.letter]}): read its sums with care"
    labels = {run.letter: run.ledger.label for run in runs}
    if any(labels.values()):
        yield f"what the figures rest on: {_each(labels)}"
    for run in runs:
        if not run.ledger.priced:
            yield f"{run.letter} has no circuit: nothing of it is timed or priced"
        elif run.ledger.unpriced:
            yield f"{run.letter} is without {_missing(run.ledger)}"
        if run.steps and run.course is None:
            yield f"{run.letter} recorded no steps, so there is no crossover: run it with --record outputs"
    for name, text in (
        ("network", "networks"),
        ("seed", "seeds"),
        ("drift_compensation", "drift compensations"),
    ):
        values = {run.letter: str(run.attributes[name]) for run in runs if name in run.attributes}
        if len(set(values.values())) > 1:
            yield f"{text} differ: {_each(values)}"
    ages = {run.letter: format_time(run.t_s) for run in runs}
    if len(set(ages.values())) > 1:
        yield f"read at different ages: {_each(ages)}"
    if len({len(run.correct) for run in runs}) > 1:
        yield f"numbers of chips differ: {_each({run.letter: str(len(run.correct)) for run in runs})}"


def _each(values: dict[str, str]) -> str:
    return "; ".join(f"{letter}: {value}" for letter, value in values.items())


def _missing(ledger: Ledger) -> str:
    parts = [f"{name} ({reason.removeprefix('not priced: ')})" for name, reason in ledger.unpriced.items()]
    return ", ".join(parts)
