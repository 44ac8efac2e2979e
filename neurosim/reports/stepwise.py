"""How good the answers are after every step of a run in steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.recording import RunFile
from neurosim.reports.stored import Stored

SCORES = "/outputs/step_scores"
_CELLS = 1 << 24  # of the scores read at a time


@dataclass(frozen=True)
class Stepwise:
    """Accuracy after each step.

    per_chip : float64 (chips, times, steps), fraction of images whose largest score is that of their class;
        without any spike yet all scores are equal and the first class counts as given
    step_s : length of a step, seconds; None where steps have none
    """

    per_chip: np.ndarray = field(repr=False)
    times_s: tuple[float, ...]
    step_s: float | None

    @property
    def steps(self) -> int:
        """Steps of one image."""
        return int(self.per_chip.shape[2])

    @property
    def mean(self) -> np.ndarray:
        """Mean over chips, (times, steps)."""
        return np.asarray(self.per_chip.mean(axis=0))

    def settled(self, time: int = 0, within: float = 0.005) -> int:
        """Steps after which the mean accuracy at one time (index) stays within so much of the last step's."""
        away = np.flatnonzero(np.abs(self.mean[time] - self.mean[time, -1]) > within + 1e-9)
        return int(away[-1]) + 2 if len(away) else 1


def accuracy_by_step(run: RunFile) -> Stepwise:
    """Accuracy after every step of an open run file. Raises DataError when it holds no scores per step."""
    if SCORES not in run:
        remedy = "run with spikes, and without --record none"
        raise DataError(str(run.path), f"a run with {SCORES}", "none", remedy)
    stored = Stored(run)
    labels, dims = stored.labels, run.dims(SCORES)
    if dims != ("chip", "time", "image", "step", "class"):
        raise DataError(
            f"{run.path}: {SCORES}", "dimensions chip, time, image, step, class", str(dims), "run again"
        )
    chips, times, images, steps, classes = (run.sizes[f"/{name}"] for name in dims)
    most = max(1, _CELLS // (steps * classes))
    right = np.zeros((chips, times, steps))
    for chip in range(chips):
        for time in range(times):
            for start in range(0, images, most):
                part = slice(start, min(start + most, images))
                given = run.read(SCORES, (chip, time, part)).argmax(axis=-1)
                right[chip, time] += (given == labels[part, None]).sum(axis=0)
    return Stepwise(right / images, stored.times_s, step_length_s(run))


def step_length_s(run: RunFile) -> float | None:
    """Length of a step in seconds; None where steps have none."""
    if run.units("/step") != "s":
        return None
    beginnings = run.read("/step")
    return float(beginnings[1] - beginnings[0]) if len(beginnings) > 1 else None
