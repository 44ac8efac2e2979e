"""The vocabulary of events that engines count and that costs price, and the geometry they happen on.

Engines count; they never multiply by a price. A count is *per inference* (one image): either one number per
layer, when it is the same for every image, or one per layer and image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from neurosim.foundation.errors import ConfigError, near


@dataclass(frozen=True)
class Counter:
    """What one name counts."""

    unit: str
    meaning: str
    varies: bool = False  # may differ from image to image


COUNTERS: dict[str, Counter] = {
    "dac_conversions": Counter("1", "inputs driven by a DAC: rows x column tiles x positions x phases", True),
    "row_activations": Counter("1", "word lines pulsed, each across one tile", True),
    "array_reads": Counter("1", "reads of one tile: one per tile, position and phase", True),
    "array_siemens": Counter(
        "S", "sum over reads and devices of (V/V_read)^2 G (duty-weighted for pulse widths)", True
    ),
    "adc_conversions": Counter("1", "analog-to-digital conversions", True),
    "adc_saturations": Counter("1", "conversions that hit the end of the ADC's range", True),
    "dac_saturations": Counter("1", "inputs clipped by the DAC's range", True),
    "partial_sums": Counter(
        "1", "digital additions of converted partial sums (row tiles, phases, offset)", True
    ),
    "scalings": Counter("1", "digital multiplications of a converted sum by the layer's scale", True),
    "bias_adds": Counter("1", "digital additions of a bias", True),
    "multiplications": Counter("1", "other digital multiplications (digital batch norm)"),
    "additions": Counter("1", "other digital additions (batch norm, residual sums, average pooling)"),
    "comparisons": Counter("1", "digital comparisons (ReLU, max pooling, argmax)"),
    "buffer_writes": Counter("byte", "bytes written to activation buffers"),
    "buffer_reads": Counter("byte", "bytes read from activation buffers"),
    "device_programs": Counter("1", "devices programmed"),
    "cell_pulses": Counter("1", "programming pulses on single devices", True),
    "device_reads": Counter("1", "reads of single devices apart from products (refresh, verify)", True),
    "encoder_updates": Counter("1", "updates of an input encoder's state, one per input and step"),
    "input_spikes": Counter("1", "spikes that the input encoder makes for the layer", True),
    "spikes": Counter("1", "spikes emitted", True),
    "synaptic_events": Counter("1", "spike arrivals at synapses", True),
    "neuron_updates": Counter(
        "1",
        "updates of a neuron's state: one per neuron and step, or per read where there are no steps",
        True,
    ),
    "threshold_decisions": Counter("1", "comparisons of an analog membrane with its threshold", True),
    "random_draws": Counter("1", "pseudo-random numbers drawn by digital neurons"),
    "hops": Counter("1", "router hops", True),
    # of digital processors
    "cycles": Counter("1", "clock cycles of the arithmetic units, idle ones included", True),
    "macs": Counter("1", "digital multiply-accumulates that were carried out", True),
    "register_bytes": Counter(
        "byte", "bytes read from or written to registers beside an arithmetic unit", True
    ),
    "scratchpad_bytes": Counter(
        "byte", "bytes moved between neighbouring arithmetic units or local memories", True
    ),
    "global_buffer_bytes": Counter("byte", "bytes read from or written to the chip's own large memory"),
    "dram_bytes": Counter("byte", "bytes read from or written to memory outside the chip"),
}


@dataclass(frozen=True)
class LayerGeometry:
    """Where one weighted layer sits and how it is read; lengths in devices' rows and weight columns.

    `rows` x `columns` is the whole matrix of one group; `groups` such matrices; `positions` input vectors per
    inference (1 for dense, output pixels for a convolution); `phases` reads per input vector;
    `polarities` analog-to-digital conversions per column and read (slices, times 2 when G+ and G- are converted
    apart); `replicas` copies of the layer, which share out its positions; `conversions_per_vector` 1 where phases are
    summed before one conversion (2 where positive and negative inputs are read apart), else 0: one per phase.
    """

    name: str
    rows: int
    columns: int
    groups: int
    positions: int
    phases: int
    polarities: int
    devices_per_weight: int
    row_splits: tuple[int, ...]
    column_splits: tuple[int, ...]
    macs: int
    replicas: int = 1
    conversions_per_vector: int = 0

    @property
    def conversions(self) -> int:
        """Conversions of a weight column on one row tile for one input vector."""
        return self.polarities * (self.conversions_per_vector or self.phases)

    @property
    def positions_per_copy(self) -> int:
        """Input vectors of one inference that the busiest copy of the layer takes."""
        return -(-self.positions // self.replicas)

    @property
    def tiles(self) -> int:
        """Tiles occupied, over all groups and copies."""
        return self.replicas * self.groups * len(self.row_splits) * len(self.column_splits)

    @property
    def weights(self) -> int:
        """Weights held."""
        return self.groups * self.rows * self.columns


@dataclass
class Counts:
    """Events per inference, by counter and layer.

    `fixed[counter][layer]` is one integer for every image; `varying[counter]` is a float64 array
    (layers, images). A name outside the vocabulary, or of a layer that is not there, raises ConfigError.
    """

    layers: tuple[str, ...]
    images: int
    fixed: dict[str, dict[str, int]] = field(default_factory=dict)
    varying: dict[str, np.ndarray] = field(default_factory=dict)

    def set(self, counter: str, layer: str, number: int) -> None:
        """State a count that is the same for every image (idempotent: setting is not adding)."""
        self._check(counter, layer)
        self.fixed.setdefault(counter, dict.fromkeys(self.layers, 0))[layer] = int(number)

    def add(self, counter: str, layer: str, at: slice | np.ndarray, numbers: np.ndarray) -> None:
        """Add per-image numbers (shape: images selected by `at`) to a count that varies."""
        self._check(counter, layer)
        if counter not in self.varying:
            self.varying[counter] = np.zeros((len(self.layers), self.images))
        self.varying[counter][self.layers.index(layer), at] += numbers

    def mean(self, counter: str) -> np.ndarray:
        """Mean per inference of a counter, shape (layers,), whichever way it was counted."""
        if counter in self.varying:
            return np.asarray(self.varying[counter].mean(axis=1))
        row: Mapping[str, int] = self.fixed.get(counter, {})
        return np.array([row.get(name, 0) for name in self.layers], dtype=float)

    def _check(self, counter: str, layer: str) -> None:
        if counter not in COUNTERS:
            raise ConfigError("counter", "a name of the vocabulary", repr(counter), near(counter, COUNTERS))
        if layer not in self.layers:
            raise ConfigError("layer", "a layer that is counted", repr(layer), near(layer, self.layers))
