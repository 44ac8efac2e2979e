"""Events of a spiking inference: which are the same for every image, and what each layer's steps add up to.

A population belongs to the stage of the weighted layer before it; so do pooling and the populations that take
means. Fixed: `neuron_updates` (digital neurons: one per neuron and step; the membrane's register is part of an
update), `threshold_decisions` (analog neurons), `bias_adds`, `encoder_updates` (one per input and step, first layer),
`comparisons` (max pooling: one per window element but one and step; the class: the largest count, and with digital
neurons the membranes of equal ones), `additions` of pooling, and, with digital neurons, the bytes of spike
buffers: one bit per neuron and step written, one bit per input and step read.

Per image and step: `input_spikes` (made by the encoder, first layer), `spikes` (of the population after the layer),
`synaptic_events` (arrivals x columns), `row_activations` and, with a DAC, `dac_conversions` (arrivals x column tiles),
`array_reads` (only tiles at which a spike arrives are read), with an ADC `adc_conversions` (row tiles read x converted
columns) and `adc_saturations`, with digital neurons `partial_sums` and `scalings`, `array_siemens` (a spike drives
its row at full amplitude, duty 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from neurosim.chips import Chip
from neurosim.engines.spiking.steps import Events
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.graph import (
    AvgPool,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Operation,
    Population,
    SpikingGraph,
    Weighted,
)
from neurosim.graph.pooling import SumPool
from neurosim.graph.spiking_layers import Scale
from neurosim.inputs.encoding import Encoding
from neurosim.placement import Placement


def count_spiking(graph: SpikingGraph, chip: Chip, placement: Placement, images: int, steps: int,
                  encoding: Encoding) -> Counts:  # fmt: skip
    """Counts of one inference of `steps` steps that are the same for every image, per weighted layer."""
    names = tuple(layer.name for layer in placement.layers)
    numbers: dict[str, dict[str, int]] = {name: {} for name in names}
    stage = names[0]
    if encoding not in ("direct", "events"):
        _add(numbers[stage], {"encoder_updates": math.prod(graph.source.shape) * steps})
    for name in graph.order:
        node = graph.by_name[name]
        if isinstance(node, Operation) and isinstance(node.layer, Weighted):
            stage = name
            inputs, outputs = math.prod(node.layer.input_shapes[0]), math.prod(node.shape)
            biased = outputs * steps if node.layer.has_bias else 0
            _add(numbers[stage], {"bias_adds": biased})
            if is_digital(chip):
                _add(numbers[stage], {"buffer_reads": -(-inputs // 8) * steps})
        elif isinstance(node, Operation):
            _add(numbers[stage], {c: n * steps for c, n in _pooling(node.layer).items()})
        elif isinstance(node, Population):
            _add(numbers[stage], _updates(node, chip, steps))
    classes = math.prod(graph.by_name[graph.output].shape)
    _add(numbers[stage], {"comparisons": (classes - 1) * (2 if is_digital(chip) else 1)})
    counts = Counts(names, images)
    for name, events in numbers.items():
        for counter, number in events.items():
            counts.set(counter, name, number)
    return counts


def is_digital(chip: Chip) -> bool:
    """Whether the chip's neurons are digital; a chip that says nothing of neurons is taken to have such."""
    return chip.neuron is None or chip.neuron.kind == "digital"


def _updates(node: Population, chip: Chip, steps: int) -> dict[str, int]:
    if not is_digital(chip):
        return {"threshold_decisions": node.size * steps}
    return {"neuron_updates": node.size * steps, "buffer_writes": -(-node.size // 8) * steps}


def _pooling(layer: Layer) -> dict[str, int]:
    if isinstance(layer, MaxPool):
        return {"comparisons": math.prod(layer.own_output_shape) * (math.prod(layer.kernel) - 1)}
    if isinstance(layer, Scale):
        return {"multiplications": math.prod(layer.own_output_shape)}
    if isinstance(layer, AvgPool | SumPool):
        return {"additions": math.prod(layer.own_output_shape) * (math.prod(layer.kernel) - 1)}
    if isinstance(layer, GlobalAvgPool):
        return {"additions": math.prod(layer.input_shapes[0]) - math.prod(layer.own_output_shape)}
    return {}


def _add(numbers: dict[str, int], events: Mapping[str, int]) -> None:
    for counter, number in events.items():
        numbers[counter] = numbers.get(counter, 0) + number


def layer_counts(place: LayerGeometry, chip: Chip, events: Events, made: np.ndarray,
                 sent: np.ndarray) -> dict[str, np.ndarray]:  # fmt: skip
    """Counter -> events of one layer, (steps, images).

    made : spikes of the encoder that are the layer's input (zeros for the later layers); sent : of its population
    """
    columns, across = place.columns, len(place.column_splits)
    counts = {
        "input_spikes": made, "spikes": sent,
        "synaptic_events": events.arrivals * columns, "row_activations": events.arrivals * across,
        "array_reads": events.reads * across, "array_siemens": events.siemens,
    }  # fmt: skip
    if chip.dac.bits:
        counts["dac_conversions"] = events.arrivals * across
        counts["dac_saturations"] = events.dac
    if chip.adc.bits:
        counts["adc_conversions"] = events.reads * columns * place.polarities
        counts["adc_saturations"] = events.adc
    if is_digital(chip):
        offset = chip.cell.kind == "offset"
        sums = events.reads * columns * place.polarities - events.driven * columns
        counts["partial_sums"] = sums + (events.arrivals + events.driven * columns if offset else 0)
        counts["scalings"] = events.driven * columns
    return counts


def varying_counters(chip: Chip) -> tuple[str, ...]:
    """Names of the counters that `layer_counts` gives on this chip."""
    names = [
        "input_spikes",
        "spikes",
        "synaptic_events",
        "row_activations",
        "array_reads",
        "array_siemens",
    ]
    names += ["dac_conversions", "dac_saturations"] if chip.dac.bits else []
    names += ["adc_conversions", "adc_saturations"] if chip.adc.bits else []
    return (*names, *(["partial_sums", "scalings"] if is_digital(chip) else []))
