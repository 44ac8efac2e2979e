"""Classification with a chip that has learned: plasticity off, the class whose neurons spike most on average."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from neurosim.engines.engine import BLOCK, Inputs, Outcome, Progress, Recorder, Segment, Settings, Spikes
from neurosim.engines.spiking.plastic.learned import UNASSIGNED, AgedLearnedChip, LearnedChip, require_learned
from neurosim.engines.spiking.plastic.setup import Setup
from neurosim.engines.spiking.plastic.showing import Shown, show
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import DataError
from neurosim.placement import Placement

VARYING = ("array_siemens", "input_spikes", "spikes", "synaptic_events", "row_activations")


@dataclass(frozen=True)
class PlasticEngine:
    """Classifies images with a `LearnedChip`, in fixed blocks; an image's result depends on its index alone.

    scores : mean spikes per neuron of each class; a class without neurons scores -1 and is never given
    An image at which no neuron spikes is valid: its scores are all 0, and the first class that has neurons is given.
    """

    name: str = "plastic"
    capabilities: frozenset[str] = frozenset({"classifies", "reads devices", "trains"})

    def run(self, programmed: LearnedChip, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Classify all images at all times; see `Engine.run`."""
        learned = require_learned(programmed)
        expected = learned.network.input.shape
        if inputs.images.shape[1:] != expected:
            raise DataError("inputs", f"images of shape {expected}", f"{inputs.images.shape[1:]}",
                            f"network {learned.network.name!r} takes {learned.network.input.dataset!r}")  # fmt: skip
        with ThreadPoolExecutor(settings.threads) as pool:
            for index, t_s in enumerate(inputs.times_s):
                wanted = [where for k, where in enumerate(inputs.segments) if recorder.wanted(index, k)]
                if not wanted:
                    continue
                aged = learned.age_to(t_s)
                recorder.aged(index, aged)
                for where in wanted:
                    recorder.put(_segment(aged, inputs.images, index, where, pool, settings, progress))
        return Outcome(count_presentation(learned.setup, learned.placement, len(inputs.images)))


def count_presentation(setup: Setup, placement: Placement, images: int) -> Counts:
    """Counts of one presentation that are the same for every image; `images` sizes the varying ones."""
    counts = Counts(tuple(place.name for place in placement.layers), images)
    name, (neurons, inputs), steps = setup.layer.name, setup.shape, setup.learning.steps
    counts.set("encoder_updates", name, inputs * steps)
    counts.set("random_draws", name, inputs * steps)
    counts.set("neuron_updates", name, neurons * steps)
    if setup.chip.neuron is None or setup.chip.neuron.kind == "analog":
        counts.set("threshold_decisions", name, neurons * steps)
    counts.set("comparisons", name, setup.layer.classes - 1)
    return counts


def class_scores(labels: np.ndarray, spikes: np.ndarray, classes: int) -> np.ndarray:
    """Mean spikes per neuron of each class, float32 (..., classes); -1 for a class without neurons.

    labels : int64 (neurons,); spikes : (..., neurons)
    """
    members = (labels[:, None] == np.arange(classes)).astype(np.int64)
    return _means(spikes @ members, labels, classes)


def _means(spikes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Spikes of each class (..., classes) over its neurons; -1 for a class without."""
    sizes = np.bincount(labels[labels != UNASSIGNED], minlength=classes)
    return np.where(sizes > 0, spikes / np.maximum(sizes, 1), -1.0).astype(np.float32)


def _segment(aged: AgedLearnedChip, images: np.ndarray, time: int, where: slice, pool: ThreadPoolExecutor,
             settings: Settings, progress: Progress) -> Segment:  # fmt: skip
    learned, setup = aged.learned, aged.learned.setup
    neurons, classes = setup.shape[0], setup.layer.classes
    tiles = len(learned.placement.layer(setup.layer.name).column_splits)

    def block(part: slice) -> Shown:
        return show(setup, aged.synapses, setup.levels(images[part]), part.start, aged.noise)

    shown: list[Shown] = []
    parts = list(_blocks(where))
    at_once = max(settings.threads, -(-settings.batch // BLOCK))
    for first in range(0, len(parts), at_once):
        now = parts[first : first + at_once]
        for part, result in zip(now, pool.map(block, now), strict=True):
            shown.append(result)
            progress(part.stop - part.start)
    winners = np.concatenate([s.winners for s in shown])
    spikes = np.concatenate([s.spike_counts(neurons) for s in shown])
    per_step = [s.per_step(neurons, tiles) for s in shown]
    steps = {name: np.concatenate([s[name] for s in per_step])[None] for name in VARYING}
    return Segment(
        time,
        where,
        class_scores(learned.labels, spikes, classes),
        {name: numbers.sum(axis=2) for name, numbers in steps.items()},
        step_scores=_step_scores(learned.labels, winners, classes),
        step_counts={name: numbers.astype(np.float32) for name, numbers in steps.items()},
        spikes={setup.layer.name: _spikes(winners, where.start)},
    )


def _blocks(where: slice) -> Iterator[slice]:
    return (slice(a, min(a + BLOCK, where.stop)) for a in range(where.start, where.stop, BLOCK))


def _step_scores(labels: np.ndarray, winners: np.ndarray, classes: int) -> np.ndarray:
    """Scores as they stand after each step, float32 (images, steps, classes); the last ones are the scores."""
    given = np.append(labels, UNASSIGNED)[winners]  # where no neuron spiked the last one, without a class
    so_far = (given[..., None] == np.arange(classes)).cumsum(axis=1)
    return _means(so_far, labels, classes)


def _spikes(winners: np.ndarray, first_image: int) -> Spikes:
    image, step = np.nonzero(winners >= 0)
    return Spikes(image + first_image, step, winners[image, step].astype(np.int64))
