"""Learning on the chip: program fresh devices, show the training images in order, give neurons their classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from neurosim.chips import Chip
from neurosim.engines.engine import BLOCK, Progress
from neurosim.engines.spiking.plastic.learned import (
    UNASSIGNED,
    LearnedChip,
    LearningLog,
    Snapshots,
)
from neurosim.engines.spiking.plastic.setup import Pairs, Setup
from neurosim.engines.spiking.plastic.showing import Synapses, show
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import DataError
from neurosim.foundation.streams import Stream
from neurosim.graph import Network
from neurosim.kernels import plastic as kernel
from neurosim.placement import Placement


def presentations(network: Network, images: int) -> int:
    """Presentations in `learn` with so many training images, those of labelling included: what progress counts."""
    learning = network.learning
    if learning is None:
        return 0
    return learning.epochs * min(images, learning.images or images) + min(images, learning.label_images)


def learn(network: Network, chip: Chip, placement: Placement, images: np.ndarray, labels: np.ndarray, root: int,
          instance: int = 0, progress: Progress = lambda _: None) -> LearnedChip:  # fmt: skip
    """Let one chip learn from training images, in their order.

    images : float32 (N, features), values 0 to 1; labels : int (N,), used for nothing but `assign_labels`
    root, instance : the run's seed and the chip's number, which name every draw
    progress : told after every block how many more presentations were done; an exception it raises, or Ctrl-C,
        ends learning there

    Raises ConfigError for a network or chip that cannot learn, DataError for images that do not fit.
    """
    setup = Setup(network, chip)
    _check(setup, images, labels)
    stream = setup.stream(root, instance)
    pairs = Pairs.programmed(setup, stream)
    course = _Course(setup, pairs, setup.thresholds(root, instance))
    shown = images[: setup.learning.images]
    for epoch in range(setup.learning.epochs):
        for part in _parts(len(shown), epoch, setup.learning.snapshots):
            course.teach(setup.levels(shown[part]), stream.child("learn"))
            progress(part.stop - part.start)
    pairs.settled(stream.child("settled"))
    course.keep()
    some = images[: setup.learning.label_images]
    responses = label_responses(
        setup, course.synapses, some, labels[: len(some)], stream.child("label"), progress
    )
    log = course.log(placement, responses)
    return LearnedChip(
        setup, placement, pairs, course.synapses.theta, assign_labels(responses), log, root, instance
    )


def at_snapshot(learned: LearnedChip, number: int, images: np.ndarray, labels: np.ndarray) -> LearnedChip:
    """The chip as it was at one of its snapshots, its neurons given their classes by responses of that time.

    images, labels : as for `learn`. Drift exponents and stuck flags are the devices' own; the log is the chip's.
    """
    setup, past = learned.setup, learned.log.snapshots
    stream = setup.stream(learned.root, learned.instance)
    states = []
    for state, g in ((learned.pairs.plus, past.g_plus), (learned.pairs.minus, past.g_minus)):
        arrays = {name: array.copy() for name, array in setup.device.to_arrays(state).items()}
        arrays["g_siemens"][...] = g[number].T
        states.append(setup.device.from_arrays(arrays))
    pairs = Pairs(setup, *states).settled(stream.child("settled"))
    base, theta = setup.thresholds(learned.root, learned.instance), past.theta[number]
    synapses = Synapses.of(setup, *pairs.arrays[:2], base, theta)
    some = images[: setup.learning.label_images]
    responses = label_responses(setup, synapses, some, labels[: len(some)], stream.child("label"))
    return replace(learned, pairs=pairs, theta=theta, labels=assign_labels(responses))


def assign_labels(responses: np.ndarray) -> np.ndarray:
    """The class to which each neuron responds most, int64 (neurons,); UNASSIGNED where it responds to none.

    responses : mean spikes float64 (classes, neurons); of equal ones the lowest class wins
    """
    return np.where(responses.max(axis=0) > 0, responses.argmax(axis=0), UNASSIGNED)


def label_responses(setup: Setup, synapses: Synapses, images: np.ndarray, labels: np.ndarray, key: Stream,
                    progress: Progress = lambda _: None) -> np.ndarray:  # fmt: skip
    """Mean spikes of each neuron to the images of each class, float64 (classes, neurons), without learning."""
    neurons, classes = setup.shape[0], setup.layer.classes
    total = np.zeros((classes, neurons))
    for start in range(0, len(images), BLOCK):
        part = slice(start, min(start + BLOCK, len(images)))
        counts = show(setup, synapses, setup.levels(images[part]), start, key).spike_counts(neurons)
        np.add.at(total, labels[part], counts)
        progress(part.stop - part.start)
    return np.asarray(total / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None])


def _check(setup: Setup, images: np.ndarray, labels: np.ndarray) -> None:
    rows, classes = setup.layer.rows, setup.layer.classes
    where = f"training images of {setup.network.name!r}"
    if images.ndim != 2 or images.shape[1] != rows or images.dtype != np.float32:
        raise DataError(where, f"float32 (N, {rows})", f"{images.dtype} {images.shape}",
                        "prepare them with neurosim.inputs")  # fmt: skip
    if len(images) == 0 or len(labels) != len(images):
        got = f"{len(images)} images, {len(labels)} labels"
        raise DataError(
            where, "at least one image, and a label for each", got, "choose another split or limit"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(where, f"labels 0 to {classes - 1}", f"{labels.min()} to {labels.max()}",
                        "raise `classes` of the winner_take_all layer")  # fmt: skip


def _parts(images: int, epoch: int, snapshots: tuple[int, ...]) -> Iterator[slice]:
    """Blocks of the images, cut where a snapshot is due."""
    before = epoch * images
    cuts = {*range(0, images, BLOCK), images} | {k - before for k in snapshots if 0 < k - before < images}
    edges = sorted(cuts)
    return (slice(a, b) for a, b in pairwise(edges))


@dataclass(eq=False)
class _Course:
    """Learning under way: the synapses as they stand, and what has been counted."""

    setup: Setup
    pairs: Pairs
    base: np.ndarray
    done: int = 0
    events: list[np.ndarray] = field(default_factory=list)
    siemens: float = 0.0
    kept: list[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        neurons, _ = self.setup.shape
        self.synapses = Synapses.of(self.setup, *self.pairs.arrays[:2], self.base, np.zeros(neurons))
        self.spikes = np.zeros(neurons, np.int64)
        self.keep()

    def teach(self, levels: np.ndarray, key: Stream) -> None:
        """Show images and learn from them; a snapshot afterwards where one is due."""
        shown = show(self.setup, self.synapses, levels, self.done, key, self.pairs.arrays)
        self.done += len(levels)
        self.events.append(shown.events)
        self.siemens += float(shown.siemens.sum())
        self.spikes += shown.spike_counts(len(self.spikes)).sum(axis=0)
        if self.done in self.setup.learning.snapshots:
            self.keep()

    def keep(self) -> None:
        """Take a snapshot, once for the same presentation."""
        if not self.kept or self.kept[-1][0] != self.done:
            plus, minus = (g.T.copy() for g in self.pairs.arrays[:2])
            self.kept.append((self.done, plus, minus, self.synapses.theta.copy(), self.spikes.copy()))

    def log(self, placement: Placement, responses: np.ndarray) -> LearningLog:
        """What there is to tell of it."""
        events = np.concatenate(self.events)
        snapshots = Snapshots(*(np.stack(column) for column in zip(*self.kept, strict=True)))
        return LearningLog(
            totals=self._totals(placement, events.sum(axis=0)),
            spikes=events[:, kernel.SPIKES].astype(np.int32),
            pulses=(events[:, kernel.PULSES] + events[:, kernel.RESETS]).astype(np.int32),
            refreshes=int(events[:, kernel.REFRESHES].sum()),
            label_responses=responses,
            snapshots=snapshots,
        )

    def _totals(self, placement: Placement, events: np.ndarray) -> Counts:
        """Counts of the whole of learning, programming included; labelling apart."""
        name, (neurons, inputs) = self.setup.layer.name, self.setup.shape
        steps = self.done * self.setup.learning.steps
        spikes_in = int(events[kernel.INPUT_SPIKES])
        totals = Counts((name,), 1)
        fixed = {
            "device_programs": 2 * neurons * inputs,
            "cell_pulses": int(events[kernel.PULSES] + events[kernel.RESETS]),
            "device_reads": int(events[kernel.READS]),
            "spikes": int(events[kernel.SPIKES]),
            "input_spikes": spikes_in,
            "synaptic_events": spikes_in * neurons,
            "row_activations": spikes_in * len(placement.layer(name).column_splits),
            "neuron_updates": steps * neurons,
            "threshold_decisions": steps * neurons,
            "encoder_updates": steps * inputs,
            "random_draws": (steps + int(events[kernel.SPIKES])) * inputs,
        }
        for counter, number in fixed.items():
            totals.set(counter, name, number)
        totals.add("array_siemens", name, slice(None), np.array([self.siemens]))
        return totals
