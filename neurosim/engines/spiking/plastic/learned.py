"""A chip that has learned: its devices, thresholds and labels, and the log of how it came to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.engines.spiking.plastic.setup import Pairs, Setup
from neurosim.engines.spiking.plastic.showing import Synapses
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import NotProgrammedError
from neurosim.foundation.streams import Stream
from neurosim.placement import Placement
from neurosim.programming import inference_time_s
from neurosim.programming.chip import chip_stream

UNASSIGNED = -1


@dataclass(frozen=True, eq=False)
class Snapshots:
    """The plastic state after so many presentations.

    presentations : int64 (snapshots,)
    g_plus, g_minus : float32 (snapshots, inputs, neurons), siemens
    theta : float64 (snapshots, neurons), thresholds above the resting one, in thresholds
    spikes : int64 (snapshots, neurons), spikes since the beginning
    """

    presentations: np.ndarray
    g_plus: np.ndarray
    g_minus: np.ndarray
    theta: np.ndarray
    spikes: np.ndarray


@dataclass(frozen=True, eq=False)
class LearningLog:
    """What learning took, over all presentations of the training images.

    totals : counts of learning and of programming, the whole chip, per layer; every one is a single number
    spikes, pulses : int32 (presentations,), per presentation
    label_responses : float64 (classes, neurons), mean spikes of each neuron to the label images of each class
    refreshes : pairs read, RESET and re-written
    """

    totals: Counts
    spikes: np.ndarray
    pulses: np.ndarray
    refreshes: int
    label_responses: np.ndarray
    snapshots: Snapshots

    @property
    def silent_presentations(self) -> int:
        """Training presentations at which no neuron spiked, and nothing was learned."""
        return int((self.spikes == 0).sum())


@dataclass(frozen=True, eq=False)
class LearnedChip:
    """One physical chip after learning; what the engine classifies with.

    pairs : device states; theta : float64 (neurons,)
    labels : int64 (neurons,), class of each neuron, UNASSIGNED where it never spiked to a label image
    root, instance : the run's seed and the chip's number, which name every draw
    """

    setup: Setup
    placement: Placement
    pairs: Pairs
    theta: np.ndarray
    labels: np.ndarray
    log: LearningLog
    root: int
    instance: int

    @property
    def network(self) -> Any:
        """The network."""
        return self.setup.network

    @property
    def chip(self) -> Any:
        """The chip's description."""
        return self.setup.chip

    @property
    def unassigned(self) -> int:
        """Neurons without a class."""
        return int((self.labels == UNASSIGNED).sum())

    @property
    def missing_classes(self) -> tuple[int, ...]:
        """Classes that no neuron stands for: no image can be given to them."""
        return tuple(c for c in range(self.setup.layer.classes) if not (self.labels == c).any())

    @property
    def t_presentation_s(self) -> float:
        """Time of one presentation."""
        return self.setup.learning.steps * self.setup.layer.dt_s

    def age_to(self, t_s: float) -> AgedLearnedChip:
        """The chip t_s seconds after the end of learning; absolute.

        Drift and the noise slower than a presentation are frozen; what is faster is drawn in every step. An image has
        the same input spikes at all times.
        """
        device, read = self.setup.device, self.setup.chip.read
        slowest = max(self.t_presentation_s, inference_time_s(self.placement, self.setup.chip))
        split = {"split": slowest, "independent": None, "none": slowest}[read.noise]
        stream = self.setup.stream(self.root, self.instance)
        aged, total = [], np.zeros(self.setup.shape, np.float32)
        for side, state in (("plus", self.pairs.plus), ("minus", self.pairs.minus)):
            g, variance = device.aged(state, t_s, split, stream.child("aged", side))
            aged.append(device.conductance(state, t_s) if read.noise == "none" else g)
            total += 0 if read.noise == "none" else variance
        base = self.setup.thresholds(self.root, self.instance)
        synapses = Synapses.of(self.setup, aged[0], aged[1], base, self.theta, total)
        noise = chip_stream(self.root, self.instance).child("classify")
        return AgedLearnedChip(self, aged[0].T, aged[1].T, synapses, t_s, noise)


@dataclass(frozen=True, eq=False)
class AgedLearnedChip:
    """A chip that has learned, at one time.

    g_plus, g_minus : float32 (inputs, neurons), siemens, frozen noise included
    """

    learned: LearnedChip
    g_plus: np.ndarray
    g_minus: np.ndarray
    synapses: Synapses = field(repr=False)
    t_s: float
    noise: Stream


def require_learned(candidate: Any) -> LearnedChip:
    """The chip itself; NotProgrammedError for anything that has not learned."""
    if not isinstance(candidate, LearnedChip):
        name = getattr(candidate, "name", type(candidate).__name__)
        raise NotProgrammedError(f"chip {name!r}", "a chip that has learned", "one that has not",
                                 "program it first: neurosim.engines.spiking.plastic.learn(...)")  # fmt: skip
    return candidate
