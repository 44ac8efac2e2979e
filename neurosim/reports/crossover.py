"""Where spiking stops winning: in time steps, in accuracy and in events, against a run of another kind.

Everything is computed from two run files: the energy of a spiking run after every number of steps, its accuracy
after as many, and the other run's energy and accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class StepCourse:
    """A spiking run over its steps; index 0 is one step.

    accuracy, joules : after so many steps, (steps,); means over chips and images
    events : synaptic events of an image until then, (steps,)
    event_joules : of the joules, those that grow with the events, (steps,); the rest is the steps' own
    synapses : events of a step in which everything spikes
    """

    accuracy: np.ndarray
    joules: np.ndarray = field(repr=False)
    events: np.ndarray = field(repr=False)
    event_joules: np.ndarray = field(repr=False)
    synapses: int

    @property
    def steps(self) -> int:
        """Steps that were run."""
        return len(self.accuracy)

    def rate(self, steps: int) -> float:
        """Events per synapse and step over the first `steps`: the mean rate of the neurons before the synapses."""
        return float(self.events[steps - 1]) / (self.synapses * steps)


@dataclass(frozen=True)
class Crossover:
    """A spiking run against the energy and accuracy of another.

    tolerance : by how much the accuracy may be lower and still count as equal
    energy_steps : the most steps that cost no more than the other run; 0 when one step costs more
    accuracy_steps : the fewest steps from which on the accuracy stays equal or better; None when it never is
    at_steps : the steps that the following hold for: accuracy_steps, or all of them
    joules, rival_joules : of the two runs per inference, the spiking one after at_steps
    quiet_joules : of its joules, those that it would take without any spike
    events, rate : per image, and per synapse and step
    crossing_events, crossing_rate : where the energies would meet at that many steps, the energy per event as it
        is; negative when the steps alone cost more, above 1 when even spikes everywhere cost less; None where
        no energy grows with the events
    images_won : fraction of images that cost less than the same image in the other run; None when unpaired
    image_steps : quartiles over images of the most steps that cost no more than the same image; None likewise
    """

    tolerance: float
    steps: int
    energy_steps: int
    accuracy_steps: int | None
    at_steps: int
    joules: float
    rival_joules: float
    quiet_joules: float
    events: float
    rate: float
    crossing_events: float | None
    crossing_rate: float | None
    images_won: float | None = None
    image_steps: tuple[float, float, float] | None = None

    @property
    def wins(self) -> bool:
        """Whether some number of steps is as accurate and costs no more."""
        return self.accuracy_steps is not None and self.accuracy_steps <= self.energy_steps


def cross(
    course: StepCourse,
    rival_accuracy: float,
    rival_joules: float,
    tolerance: float,
    image_steps: np.ndarray | None = None,
) -> Crossover:
    """Where a spiking run and another one meet.

    image_steps : int (images,), the most steps that cost no more than the same image of the other run
    """
    enough = accuracy_steps(course.accuracy, rival_accuracy - tolerance)
    at = enough or course.steps
    events, growing = float(course.events[at - 1]), float(course.event_joules[at - 1])
    joules = float(course.joules[at - 1])
    crossing = None
    if events and growing:
        crossing = (rival_joules - (joules - growing)) / (growing / events)
    quartiles = None if image_steps is None else np.quantile(image_steps, (0.25, 0.5, 0.75))
    return Crossover(
        tolerance=tolerance,
        steps=course.steps,
        energy_steps=affordable_steps(course.joules, rival_joules),
        accuracy_steps=enough,
        at_steps=at,
        joules=joules,
        rival_joules=rival_joules,
        quiet_joules=joules - growing,
        events=events,
        rate=course.rate(at),
        crossing_events=crossing,
        crossing_rate=None if crossing is None else crossing / (course.synapses * at),
        images_won=None if image_steps is None else float((image_steps >= at).mean()),
        image_steps=None
        if quartiles is None
        else (float(quartiles[0]), float(quartiles[1]), float(quartiles[2])),
    )


def affordable_steps(joules: np.ndarray, limit: float) -> int:
    """The most steps whose energy, (steps,) and growing, is at most the limit; 0 when one step is too many."""
    return int((joules <= limit).sum())


def accuracy_steps(accuracy: np.ndarray, wanted: float) -> int | None:
    """The fewest steps from which on the accuracy, (steps,), is at least the wanted one; None when it ends below."""
    # accuracies are fractions of whole images: a last bit of rounding is no image
    below = np.flatnonzero(accuracy < wanted - 1e-12)
    first = int(below[-1]) + 2 if below.size else 1
    return first if first <= len(accuracy) else None
