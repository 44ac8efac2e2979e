"""How much the neurons of a spiking run spiked: silence and spikes everywhere are valid results, and are flagged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.costs import stored_run
from neurosim.recording import RunFile
from neurosim.reports.stored import Stored

SPIKES = "/counts/inference/spikes"
LABELS = "/learning/labels"
BUSY = 0.9  # spikes per neuron and step from which hardly anything can still be told apart


@dataclass(frozen=True)
class Activity:
    """Spikes of every layer's neurons, means over chips, times and images.

    layers : names
    per_image : spikes of the layer per image, (layers,)
    rate : spikes per neuron and step, (layers,); of neurons that spike once: per neuron
    silent : fraction of images in which the last layer did not spike at all
    unlearned : classes for which, on some chip that learned, no neuron stands
    """

    layers: tuple[str, ...]
    per_image: np.ndarray
    rate: np.ndarray
    silent: float
    unlearned: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader should know before trusting the accuracy."""
        said = [f"no neuron of {name} ever spiked" for name in self._those(self.per_image == 0)]
        said += [f"{name} spikes nearly everywhere: {rate:.2f} per neuron and step"
                 for name, rate in zip(self.layers, self.rate, strict=True) if rate >= BUSY]  # fmt: skip
        if 0 < self.silent < 1:
            said.append(
                f"in {100 * self.silent:.2f} % of the images no output neuron spiked: their class is the first one"
            )
        said += [
            f"no neuron stands for class {name} on some chip: it is never given" for name in self.unlearned
        ]
        return tuple(said)

    def _those(self, chosen: np.ndarray) -> list[str]:
        return [name for name, wanted in zip(self.layers, chosen, strict=True) if wanted]


def activity(run: RunFile) -> Activity | None:
    """Of a run file; None for one that counts no spikes. Raises DataError when it holds no classification."""
    if SPIKES not in run:
        return None
    stored = Stored(run)
    steps = int(stored.attributes.get("steps", 1))
    spikes, silent = np.zeros(len(stored.layers)), []
    chips, times = run.sizes["/chip"], run.sizes["/time"]
    for chip in range(chips):
        for time in range(times):  # all images of all chips and times need not fit in memory
            part = run.read(SPIKES, (chip, time, slice(None), slice(None)))
            spikes += part.mean(axis=1) / (chips * times)
            silent.append(float((part[-1] == 0).mean()))
    neurons = [g.groups * g.positions * g.columns for g in stored_run(run).geometries]
    rate = spikes / (np.array(neurons) * steps)
    return Activity(stored.layers, spikes, rate, float(np.mean(silent)), _unlearned(run, stored))


def _unlearned(run: RunFile, stored: Stored) -> tuple[str, ...]:
    """Classes that are missing among the labels of a chip's neurons."""
    if LABELS not in run:
        return ()
    labels, names = run.read(LABELS), stored.class_names
    return tuple(name for k, name in enumerate(names) if not (labels == k).any(axis=1).all())
