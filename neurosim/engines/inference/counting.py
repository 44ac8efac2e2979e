"""Events of one inference that do not depend on the image.

A digital layer (ReLU, pooling, batch norm, addition) belongs to the stage of the matrix layer before it.
"""

from __future__ import annotations

import math

from neurosim.chips import Chip
from neurosim.engines.layer_events import digital_events
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.graph import Architecture, Weighted
from neurosim.placement import Placement

FLOAT_BYTES = 4  # of an activation where the chip has no converter


def count_inference(network: Architecture, chip: Chip, placement: Placement, images: int) -> Counts:
    """Counts of one inference of a rate-coded network, per matrix layer; `images` sizes the varying ones."""
    counts = Counts(tuple(layer.name for layer in placement.layers), images)
    numbers: dict[str, dict[str, int]] = {layer.name: {} for layer in placement.layers}
    stage = placement.layers[0].name
    for layer in network.layers:
        if isinstance(layer, Weighted):
            stage = layer.name
            _add(numbers[stage], _matrix_events(layer, chip, placement.layer(stage)))
        else:
            _add(numbers[stage], digital_events(layer))
    _add(
        numbers[stage], {"comparisons": math.prod(network.output_shape) - 1}
    )  # the class is the largest score
    for name, events in numbers.items():
        for counter, number in events.items():
            counts.set(counter, name, number)
    return counts


def _matrix_events(layer: Weighted, chip: Chip, place: LayerGeometry) -> dict[str, int]:
    vectors = place.groups * place.positions
    driven = vectors * place.phases * place.rows * len(place.column_splits)
    sums = vectors * place.columns
    converted = sums * place.conversions * len(place.row_splits)
    adds = converted - sums + _adds_of_inputs(chip, place)
    return {
        "dac_conversions": driven if chip.dac.bits else 0,
        "row_activations": driven,
        "array_reads": place.tiles // place.replicas * place.positions * place.phases,
        "adc_conversions": converted if chip.adc.bits else 0,
        "partial_sums": adds,
        "scalings": sums,
        "bias_adds": sums if layer.has_bias else 0,
        "buffer_reads": vectors * place.rows * activation_bytes(chip),
        "buffer_writes": sums * activation_bytes(chip),
    }


def _adds_of_inputs(chip: Chip, place: LayerGeometry) -> int:
    """Additions for what is known of a sum digitally: the inputs are summed up, and their sum counts in each column.

    An offset counts once; complements, and cells at g_min, in every conversion's column of cells.
    """
    vectors, cell = place.groups * place.positions, chip.cell
    each = vectors * place.columns
    lowest = cell.sliced and not cell.subtracts_currents and cell.baseline == "count"
    if cell.encoding == "flipped" or (lowest and chip.device.g_min_siemens):
        return vectors * place.rows + each * place.polarities * len(place.row_splits)
    return vectors * place.rows + each if cell.kind == "offset" else 0


def activation_bytes(chip: Chip) -> int:
    """Bytes of one activation as the next DAC will take it."""
    bits = chip.read.input_bits or chip.dac.bits
    return -(-bits // 8) if bits else FLOAT_BYTES


def _add(numbers: dict[str, int], events: dict[str, int]) -> None:
    for counter, number in events.items():
        numbers[counter] = numbers.get(counter, 0) + number
