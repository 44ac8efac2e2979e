"""One run of a comparison, read from its file: who was right, what it costs, and both after every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.costs import Ledger, energy_by_step, price_run, step_counts, step_prices, stored_run
from neurosim.foundation.errors import DataError
from neurosim.recording import RunFile
from neurosim.reports.accuracy import Accuracy
from neurosim.reports.crossover import StepCourse
from neurosim.reports.pairing import state_digests
from neurosim.reports.stored import Stored

IMAGES = 500  # read at a time
STEP_SCORES = "/outputs/step_scores"
ARRIVALS = ("synaptic_events",)
SENT = ("input_spikes", "spikes")  # where arrivals were not counted


@dataclass(frozen=True)
class Compared:
    """A run as a comparison takes it, at one time.

    letter : A, B, ...; what tables call it
    time : index of the time; t_s : seconds after programming
    correct : bool (chips, images)
    ledger : of one inference, mean over chips, at that time
    steps : of a spiking run; 0 for rates, and where each neuron spikes once
    course : of a spiking run that recorded its steps
    digests : hashes of its devices, as `state_digests`
    """

    letter: str
    path: Path
    attributes: Mapping[str, Any]
    labels: np.ndarray = field(repr=False)
    image_numbers: np.ndarray = field(repr=False)
    time: int
    t_s: float
    correct: np.ndarray = field(repr=False)
    ledger: Ledger = field(repr=False)
    steps: int
    course: StepCourse | None
    digests: Mapping[str, str]

    @property
    def accuracy(self) -> Accuracy:
        """Over chips, at the one time."""
        return Accuracy.of(self.correct[:, None], (self.t_s,))

    @property
    def title(self) -> str:
        """What ran on what, and how."""
        of = self.attributes
        steps = f", {self.steps} steps" if self.steps else ""
        return f"{of.get('network', '?')} on {of.get('chip', '?')} ({of.get('mode', 'rate')}{steps})"


def read_compared(run: RunFile, letter: str, time: int, prices: Any = None) -> Compared:
    """Read a run at one of its times (index). Raises DataError for a file that holds no classification."""
    stored = Stored(run)
    labels = stored.labels
    correct = stored.predictions[:, time] == labels
    presentation = stored_run(run, time=time).presentation
    course = step_course(run, time, prices) if presentation and STEP_SCORES in run else None
    if course:
        course.accuracy[-1] = (
            correct.mean()
        )  # the class given at the end may also decide between equal scores
    return Compared(
        letter=letter,
        path=run.path,
        attributes=stored.attributes,
        labels=labels,
        image_numbers=run.read("/image"),
        time=time,
        t_s=stored.times_s[time],
        correct=correct,
        ledger=price_run(run, prices, time=time),
        steps=presentation.steps if presentation and "steps" in stored.attributes else 0,
        course=course,
        digests=state_digests(run),
    )


def step_course(run: RunFile, time: int, prices: Any = None) -> StepCourse:
    """Accuracy, energy and events of a spiking run after every step, means over chips and images."""
    stored = stored_run(run, time=time)
    cost, macs = step_prices(run, stored, prices), sum(layer.macs for layer in stored.geometries)
    number = np.arange(1, cost.steps + 1)
    events, joules = np.zeros(cost.steps), np.zeros(cost.steps)
    images, chosen = run.sizes["/image"], {"chip": None, "time": time}
    counters = ARRIVALS if f"/counts/steps/{ARRIVALS[0]}" in run else SENT
    for part in blocks(images):
        for counter in (name for name in counters if f"/counts/steps/{name}" in run):
            events += step_counts(run, counter, chosen, slice(None), part).sum(axis=(0, 1))
        joules += energy_by_step(run, prices, time=time, images=part).sum(axis=0)
    mean = joules / images
    growing = mean - cost.once - cost.per_step * number
    return StepCourse(step_accuracy(run, time).mean(axis=0), mean, events.cumsum() / images, growing, macs)


def step_accuracy(run: RunFile, time: int) -> np.ndarray:
    """Accuracy after every step, float64 (chips, steps), from the scores as they stood."""
    labels, chips = run.read("/outputs/labels"), run.sizes["/chip"]
    right = np.zeros((chips, run.sizes["/step"]))
    for part in blocks(len(labels)):
        for chip in range(chips):
            scores = run.read(STEP_SCORES, (chip, time, part))
            right[chip] += (scores.argmax(axis=2) == labels[part, None]).sum(axis=0)
    return right / len(labels)


def image_steps(run: RunFile, time: int, limits: np.ndarray, prices: Any = None) -> np.ndarray:
    """The most steps of each image that cost no more than its limit, int64 (images,).

    limits : joules of each image in another run, (images,)
    """
    if len(limits) != run.sizes["/image"]:
        raise DataError(f"{run.path}: images", f"{len(limits)} images, as in the other run",
                        str(run.sizes["/image"]), "run both on the same images")  # fmt: skip
    steps = [
        (energy_by_step(run, prices, time=time, images=part) <= limits[part, None]).sum(axis=1)
        for part in blocks(len(limits))
    ]
    return np.concatenate(steps)


def blocks(images: int) -> list[slice]:
    """All images in parts that fit in memory."""
    return [slice(start, min(start + IMAGES, images)) for start in range(0, images, IMAGES)]
