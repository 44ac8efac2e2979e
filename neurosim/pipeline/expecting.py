"""Counts of an inference without data: what shapes decide, exactly, and what images and weights decide, assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.cells import reference_columns
from neurosim.engines.inference.counting import count_inference
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError
from neurosim.graph import INPUT, Architecture, Layer
from neurosim.placement import Placement

# Measured on the shipped networks (mnist_mlp, mnist_lenet, fashion_mlp, fashion_cnn), layer by layer: mean
# conductance of a pair 0.13 to 0.21 of its range; mean square of a layer's inputs 0.01 to 0.22 of full scale, with a
# mean of 0.06; share of ones in 16-bit inputs 0.11 to 0.26.
PAIR_CONDUCTANCE = 0.16
SLICED_PAIR_CONDUCTANCE = 0.25  # lower slices of a magnitude are even, and one of the pair is empty
EVEN_CONDUCTANCE = 0.5  # of a weight shifted to mid-range, or of its slices
INPUT_ACTIVITY = {"amplitude": 0.06, "pulse_width": 0.12, "bits": 0.2}
# kinds of layers whose output is never negative, and of those that make nothing negative of what is not
_RECTIFY = frozenset({"relu", "rectified_tanh", "binarise", "fire", "softmax"})
_PASS = frozenset({"max_pool", "avg_pool", "global_avg_pool", "flatten", "add", "bias_input"})


@dataclass(frozen=True)
class Assumed:
    """What nobody knows without weights and images.

    mean_conductance : mean over devices, as a share of the device's range
    input_activity : mean of (V / V_read)^2 over a layer's inputs, of its duty for pulse widths, of its ones where
        inputs come bit by bit
    """

    mean_conductance: float
    input_activity: float


def assumed(
    chip: Chip, mean_conductance: float | None = None, input_activity: float | None = None
) -> Assumed:
    """The assumptions for a chip, where none are given: what the shipped networks have on such cells.

    Raises ConfigError for a share outside 0 to 1.
    """
    for name, share in (("mean conductance", mean_conductance), ("input activity", input_activity)):
        if share is not None and not 0 <= share <= 1:
            raise ConfigError(name, "a share from 0 to 1", f"{share:g}", "give a share such as 0.2")
    coding = "bits" if chip.read.serial else chip.read.coding
    return Assumed(
        _usual_conductance(chip) if mean_conductance is None else mean_conductance,
        INPUT_ACTIVITY[coding] if input_activity is None else input_activity,
    )


def _usual_conductance(chip: Chip) -> float:
    if chip.cell.kind == "offset":
        return EVEN_CONDUCTANCE
    return SLICED_PAIR_CONDUCTANCE if chip.cell.sliced else PAIR_CONDUCTANCE


def expected_counts(network: Architecture, chip: Chip, placement: Placement, shares: Assumed) -> Counts:
    """Counts of one inference: those that are the same for every image, and the siemens driven as expected."""
    counts = count_inference(network, chip, placement, 1)
    span = chip.device.g_max_siemens - chip.device.g_min_siemens
    siemens = chip.device.g_min_siemens + shares.mean_conductance * span
    for layer in placement.layers:
        reads = layer.groups * layer.positions * layer.phases
        devices = layer.rows * layer.columns * layer.devices_per_weight
        references = layer.rows * reference_columns(chip.cell, layer.column_splits)  # cells at g_min
        each = devices * siemens + references * chip.device.g_min_siemens
        driven = reads * each * shares.input_activity
        counts.add("array_siemens", layer.name, slice(0, 1), np.array([driven]))
    return counts


def signed_inputs(network: Architecture) -> set[str]:
    """Matrix layers whose inputs may be negative: those that no ReLU keeps from it. Images are not negative."""
    positive = {INPUT}
    for layer in network.layers:
        if _keeps_positive(layer, positive):
            positive.add(layer.name)
    return {layer.name for layer in network.weighted if not positive.issuperset(layer.inputs)}


def _keeps_positive(layer: Layer, positive: set[str]) -> bool:
    kind = str(getattr(layer, "kind", ""))
    return kind in _RECTIFY or (kind in _PASS and positive.issuperset(layer.inputs))
