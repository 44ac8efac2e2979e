"""What a run in steps records beside a classification: scores, counts and membranes per step, and every spike.

A spike of image i in step k is stamped (i x steps + k) x step: with the beginning of its step, images following each
other without a gap. Where a step has no length of its own it counts as one millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.engines.engine import Segment
from neurosim.foundation.counts import COUNTERS
from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.recording import Coordinate, RunWriter, SpikeStream, Static, Variable

NOMINAL_STEP_S = 1e-3  # only of time stamps: readers of spikes want milliseconds
_AXES = ("chip", "time", "image", "step")
_STAMP = "(image x steps + step) x step_ms: the beginning of the step"


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one image, and what is recorded of them.

    count : how many
    step_s : length of one, seconds; None where steps have no length
    score_dtype : type of the scores after each step: "uint16" where they count spikes, else "float32"
    counters : those of the run's varying counters that are also counted per step
    most : counter -> the largest number there can be in one step of one image and layer, where it is known
    per_step : counter -> layer -> events of every step, the same for all images and steps
    populations : name -> neurons, of those whose spikes are recorded, from the input on
    traced : population -> its neurons whose membranes are recorded
    """

    count: int
    step_s: float | None = None
    score_dtype: str = "float32"
    counters: tuple[str, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict)
    per_step: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    populations: Mapping[str, int] = field(default_factory=dict)
    traced: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError("steps", "at least one step", str(self.count), "give --steps 100")
        for name, neurons in self.traced.items():
            where = f"traces of {name}"
            if name not in self.populations:
                raise ConfigError(where, "a population", repr(name), near(name, self.populations))
            inside = all(0 <= neuron < self.populations[name] for neuron in neurons)
            if not inside or len(set(neurons)) < len(neurons) or not len(neurons):
                expected = f"neurons from 0 to {self.populations[name] - 1}, each once"
                raise ConfigError(where, expected, str(list(neurons)), "choose other neurons")

    @property
    def step_ms(self) -> float:
        """Length of a step in time stamps."""
        return 1e3 * (NOMINAL_STEP_S if self.step_s is None else self.step_s)

    def coordinates(self, record: frozenset[str]) -> dict[str, Coordinate]:
        """The steps, and the traced neurons."""
        numbers = np.arange(self.count)
        if self.step_s is None:
            made = {"step": Coordinate(numbers, "1", "number of the step")}
        else:
            made = {"step": Coordinate(numbers * self.step_s, "s", "beginning of the step")}
        for name, neurons in self._traced(record).items():
            made[f"traces/{name}/neuron"] = Coordinate(np.array(neurons), "1", "number of the neuron")
        return made

    def variables(self, record: frozenset[str]) -> Iterator[Variable]:
        """Scores and counts after and in every step, membranes where they are wanted."""
        if "none" not in record:
            scores = "outputs of the network as they stand after each step"
            yield Variable("/outputs/step_scores", (*_AXES, "class"), self.score_dtype, "1", scores)
            for counter in self.counters:
                entry, dtype = COUNTERS[counter], self._dtype(counter)
                dims = ("chip", "time", "layer", "image", "step")
                yield Variable(
                    f"/counts/steps/{counter}", dims, dtype, entry.unit, f"{entry.meaning}, in each step"
                )
        for name in self._traced(record):
            text = "membrane at the end of each step, in the network's own unit"
            yield Variable(f"/traces/{name}/membrane", (*_AXES, "neuron"), "float32", "1", text)

    def static(self, layers: Sequence[str]) -> dict[str, Static]:
        """The counts that every step adds alike."""
        made = {}
        for counter, per_layer in self.per_step.items():
            for name in per_layer.keys() - set(layers):
                remedy = near(name, layers)
                raise ConfigError(f"{counter} per step", "a layer that is placed", repr(name), remedy)
            numbers = np.array([per_layer.get(name, 0) for name in layers], np.int64)
            entry = COUNTERS[counter]
            text = f"{entry.meaning}, in every step alike"
            made[f"/counts/per_step/{counter}"] = Static(numbers, ("layer",), entry.unit, text)
        return made

    def streams(
        self, record: frozenset[str], chips: int, times_s: Sequence[float]
    ) -> tuple[SpikeStream, ...]:
        """A stream for each population, chip and time."""
        single = chips == 1 and len(times_s) == 1
        made = []
        for chip, time, name in self._every(chips, len(times_s)) if "spikes" in record else ():
            attributes: dict[str, Any] = {
                "population": name, "neurons": self.populations[name], "chip": chip, "time": time,
                "time_s": times_s[time], "steps": self.count, "step_ms": self.step_ms, "timestamps": _STAMP,
                "depth": list(self.populations).index(name),
            }  # fmt: skip
            made.append(
                SpikeStream(stream_name(name, chip, time, single), self.populations[name], attributes)
            )
        return tuple(made)

    def put(
        self, writer: RunWriter, segment: Segment, chip: int, record: frozenset[str], single: bool
    ) -> None:
        """Record what a segment says of its steps. Raises DataError where counts are not whole or do not fit."""
        at = (chip, segment.time, segment.where)
        if "none" not in record:
            self._put_scores(writer, at, segment.step_scores)
            for counter in self.counters:
                numbers = whole(
                    f"/counts/steps/{counter}", segment.step_counts[counter], self._dtype(counter)
                )
                writer.put(f"/counts/steps/{counter}", (*at[:2], slice(None), segment.where), numbers)
        for name in self._traced(record):
            writer.put(f"/traces/{name}/membrane", at, np.asarray(segment.traces[name], np.float32))
        for name in self.populations if "spikes" in record else ():
            spikes = segment.spikes[name]
            stamps = (spikes.image * self.count + spikes.step) * self.step_ms
            writer.append(stream_name(name, chip, segment.time, single), stamps, spikes.neuron)

    def _put_scores(self, writer: RunWriter, at: tuple[Any, ...], scores: np.ndarray | None) -> None:
        path = "/outputs/step_scores"
        if scores is None:
            raise DataError(path, "scores after each step", "none", "use an engine that computes in steps")
        writer.put(path, at, whole(path, scores, self.score_dtype))

    def _traced(self, record: frozenset[str]) -> Mapping[str, Sequence[int]]:
        return self.traced if "traces" in record else {}

    def _every(self, chips: int, times: int) -> Iterator[tuple[int, int, str]]:
        return ((c, t, name) for c in range(chips) for t in range(times) for name in self.populations)

    def _dtype(self, counter: str) -> str:
        if COUNTERS[counter].unit == "S":
            return "float32"
        return "uint16" if self.most.get(counter, 2**32) < 2**16 else "uint32"


def stream_name(population: str, chip: int, time: int, single: bool) -> str:
    """Name of a population's spikes in the run file; chip and time only where there are several."""
    return population if single else f"{population}_chip{chip}_time{time}"


def whole(path: str, numbers: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers in the type that stores them. Raises DataError when a type of whole numbers cannot hold them."""
    with np.errstate(invalid="ignore"):
        stored = np.asarray(numbers).astype(dtype)
    if stored.dtype.kind in "iu" and not np.array_equal(stored, numbers):
        got = f"values from {np.min(numbers)} to {np.max(numbers)}, whole or not"
        raise DataError(path, f"whole numbers that fit {dtype}", got, "declare another type")
    return stored
