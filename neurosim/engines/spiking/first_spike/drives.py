"""What the chip's crossbars give a block of images: the currents of the input spikes, the weights of later ones.

An input spike of the first layer drives its row together with all others of the same time, in two reads per image
(early, late). Later spikes come one by one: each drives its row alone, is converted alone, and is read at most once
per image. Both kinds of reads have the devices' frozen noise in them and noise of their own per image, drawn at the
ADC's input of each column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurosim.circuits.crossbar import Read, Tally
from neurosim.circuits.neurons import relative_thresholds
from neurosim.circuits.row_reads import RowReads, read_rows
from neurosim.engines.spiking.first_spike.options import Chain
from neurosim.foundation.streams import Stream
from neurosim.graph.first_spike import checked_thresholds
from neurosim.programming import AgedChip, AgedLayer
from neurosim.programming.chip import layer_stream

MOST_FLOATS = 4_000_000  # of the weights that single reads give the images computed together


@dataclass(frozen=True)
class Drives:
    """All that decides when neurons spike, for `images` consecutive images.

    early, late : float32 (images, neurons) of the first layer: summed weights of the inputs of either time
    gap : time of the late inputs
    rows : reads of each further layer
    thresholds : float64 (neurons,) of every layer
    tallies : of the early and of the late read
    inputs : int64 (images, 2), early and late spikes
    """

    early: np.ndarray
    late: np.ndarray
    gap: float
    rows: tuple[RowReads, ...]
    thresholds: tuple[np.ndarray, ...]
    tallies: tuple[Tally, Tally]
    inputs: np.ndarray

    def __len__(self) -> int:
        return len(self.early)

    def head(self, images: int) -> Drives:
        """Those of the first images alone."""
        if images == len(self):
            return self
        rows = tuple(RowReads(own.weights[:images], own.siemens, own.saturated[:images]) for own in self.rows)
        tallies = (_head(self.tallies[0], images), _head(self.tallies[1], images))
        return replace(self, early=self.early[:images], late=self.late[:images], rows=rows, tallies=tallies,
                       inputs=self.inputs[:images])  # fmt: skip


def drives(aged: AgedChip, chain: Chain, thresholds: tuple[np.ndarray, ...], images: np.ndarray,
           first_image: int) -> Drives:  # fmt: skip
    """Read the crossbars for consecutive images, float32 (images, features)."""
    early = chain.encoder.forward({}, images) == 0
    first, *others = (aged.layers[layer.name] for layer in chain.layers)
    sums, tallies = [], []
    for which, spikes in (("early", early), ("late", ~early)):
        read = Read(first_image, len(images), _noise(aged, first).child(which), Tally(len(images)))
        x = np.ascontiguousarray(spikes, np.float32)
        sums.append(first.crossbars[0].forward(x, read, first.converters[0], first.gain))
        tallies.append(read.tally)
    rows = tuple(
        read_rows(
            layer.crossbars[0], layer.converters[0], layer.gain, first_image, len(images), _noise(aged, layer)
        )
        for layer in others
    )
    spikes = np.stack([early.sum(axis=1), (~early).sum(axis=1)], axis=1)
    return Drives(sums[0], sums[1], chain.encoder.late, rows, thresholds, (tallies[0], tallies[1]), spikes)


def _head(tally: Tally, images: int) -> Tally:
    kept = Tally(images)
    for name in ("array_siemens", "adc_saturations", "dac_saturations"):
        getattr(kept, name)[:] = getattr(tally, name)[:images]
    return kept


def _noise(aged: AgedChip, layer: AgedLayer) -> Stream:
    return aged.noise.child(layer.name).child(0)


def chip_thresholds(aged: AgedChip, chain: Chain) -> tuple[np.ndarray, ...]:
    """Thresholds of every layer's neurons on this chip, float64 (neurons,): the network's, with the mismatch that
    the chip's neurons have for life."""
    programmed, neuron = aged.programmed, aged.programmed.chip.neuron
    spread = neuron.threshold_mismatch if neuron is not None else 0.0
    found = []
    for layer in chain.layers:
        key = layer_stream(programmed.root, programmed.instance, layer.name).child("threshold")
        relative = relative_thresholds(spread, layer.units, key)
        found.append(checked_thresholds(layer.threshold * relative, layer.units))
    return tuple(found)


def images_at_once(chain: Chain, block: int) -> int:
    """Images whose single reads fit in memory together, at most a block."""
    floats = sum(layer.rows * layer.columns for layer in chain.layers[1:])
    return max(1, min(block, MOST_FLOATS // max(1, floats)))
