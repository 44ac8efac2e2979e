"""Recorded spikes by meaning: image, step and neuron instead of time stamps, read in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.recording import RunFile

PIECE = 1 << 20  # spikes read at a time


@dataclass(frozen=True)
class Train:
    """The spikes of one population of one chip at one time.

    stored : name in the run file; `population` is the network's
    depth : place of the population in the network, the input's being 0
    steps : of one image; step_ms : what one takes in time stamps
    """

    run: RunFile
    stored: str
    population: str
    depth: int
    neurons: int
    chip: int
    time: int
    steps: int
    step_ms: float

    def events(self) -> Iterator[np.ndarray]:
        """The spikes as int64 (spikes, 3): image, step, neuron, sorted, in pieces that end with a step."""
        left = np.empty((0, 3), np.int64)
        for stamps, ids in self.run.spike_pieces(self.stored, PIECE):
            with np.errstate(invalid="ignore", over="ignore"):  # `_check` refuses what is no number
                ticks = np.rint(stamps / self.step_ms).astype(np.int64)
            rows = np.column_stack([ticks // self.steps, ticks % self.steps, ids.astype(np.int64)])
            self._check(rows, left)
            rows = np.concatenate([left, rows])
            whole = int(np.searchsorted(self._ticks(rows), self._ticks(rows[-1:])[0]))
            left = rows[whole:]
            if whole:
                yield self._sorted(rows[:whole])
        if len(left):
            yield self._sorted(left)

    def of_image(self, image: int) -> np.ndarray:
        """The spikes of one image as int64 (spikes, 2): step, neuron."""
        found = [np.empty((0, 2), np.int64)]
        for rows in self.events():
            found.append(rows[rows[:, 0] == image, 1:])
            if rows[-1, 0] > image:
                break
        return np.concatenate(found)

    def _ticks(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows[:, 0] * self.steps + rows[:, 1])

    def _sorted(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows[np.lexsort((rows[:, 2], self._ticks(rows)))])

    def _check(self, rows: np.ndarray, before: np.ndarray) -> None:
        ticks = self._ticks(np.concatenate([before[-1:], rows]))
        if (ticks[1:] < ticks[:-1]).any() or ticks[0] < 0 or rows[:, 2].max() >= self.neurons:
            where, got = f"{self.run.path}: spikes of {self.stored}", "others"
            expected = f"spikes of {self.neurons} neurons in the order of time"
            raise DataError(where, expected, got, "make the file again")


def trains(run: RunFile) -> tuple[Train, ...]:
    """All recorded spikes of a run in steps, by chip, time and depth. Raises DataError where a population does not
    say what its time stamps mean."""
    return tuple(
        sorted((_train(run, name) for name in run.populations), key=lambda t: (t.chip, t.time, t.depth))
    )


def _train(run: RunFile, name: str) -> Train:
    told: dict[str, Any] = run.attributes(f"/spikes/{name}")
    try:
        numbers = {key: int(told[key]) for key in ("depth", "neurons", "chip", "time", "steps")}
        train = Train(run, name, str(told["population"]), step_ms=float(told["step_ms"]), **numbers)
    except (KeyError, TypeError, ValueError) as problem:
        train, got = None, f"{type(problem).__name__} {problem}"
    else:
        got = "numbers that cannot be"
    if train is None or not (train.steps > 0 and train.neurons > 0 and train.step_ms > 0):
        expected = "what its time stamps mean: population, depth, neurons, chip, time, steps, step_ms"
        raise DataError(f"{run.path}: /spikes/{name}", expected, got, "record the run with neurosim")
    return train
