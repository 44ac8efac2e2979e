"""Operations and memory accesses of one inference on a processor, from the shapes of the layers alone.

A digital layer (ReLU, pooling, batch norm, addition) belongs to the stage of the matrix layer before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from neurosim.chips import Chip
from neurosim.chips.processor import (
    OutputStationaryProcessor,
    Processor,
    RowStationaryProcessor,
    SimtProcessor,
    SparseProcessor,
    SystolicProcessor,
    TreeProcessor,
)
from neurosim.engines.digital.output_stationary import output_stationary_traffic
from neurosim.engines.digital.row_stationary import row_stationary_traffic
from neurosim.engines.digital.shapes import LayerShape, layer_shapes
from neurosim.engines.digital.simt import simt_traffic
from neurosim.engines.digital.sparse import check_dense, sparse_traffic
from neurosim.engines.digital.systolic import systolic_traffic
from neurosim.engines.digital.traffic import Bytes, Traffic, stays_inside
from neurosim.engines.digital.tree import tree_traffic
from neurosim.engines.layer_events import digital_events
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import LimitError
from neurosim.graph import Layer, Weighted

# of a sparse processor these depend on the image: its zeros cost nothing
VARYING = ("cycles", "macs", "register_bytes", "scratchpad_bytes")

_DATAFLOWS: dict[type[Processor], Callable[[LayerShape, Any], Traffic]] = {
    SimtProcessor: simt_traffic,
    SystolicProcessor: systolic_traffic,
    RowStationaryProcessor: row_stationary_traffic,
    OutputStationaryProcessor: output_stationary_traffic,
    TreeProcessor: tree_traffic,
    SparseProcessor: sparse_traffic,
}


def layer_traffic(shape: LayerShape, processor: Processor) -> Traffic:
    """What one layer makes a processor do, for a whole batch. Raises what its dataflow raises."""
    return _DATAFLOWS[type(processor)](shape, processor)


def count_digital(layers: Sequence[Layer], chip: Chip, network: str, images: int) -> Counts:
    """Counts of one inference, per matrix layer; `images` sizes those that vary.

    layers : of a network, bound to their shapes; no weights are needed
    A count of a batch is shared out over its images and rounded up to the next whole number.

    Raises ConfigError for layers that the chip does not compute, LimitError for a network that does not fit.
    """
    processor, shapes = chip.processor, layer_shapes(layers, network)
    check_fits(shapes, chip, network)
    numbers = {shape.name: _per_image(layer_traffic(shape, processor), processor) for shape in shapes}
    _ends(shapes, processor, numbers)
    _between(layers, processor, numbers)
    counts = Counts(tuple(numbers), images)
    for name, events in numbers.items():
        for counter, number in events.items():
            counts.set(counter, name, number)
    return counts


def without_varying(counts: Counts, chip: Chip) -> Counts:
    """The counts less those that an engine counts for each image: of a sparse processor the expected ones."""
    if not isinstance(chip.processor, SparseProcessor):
        return counts
    fixed = {counter: row for counter, row in counts.fixed.items() if counter not in VARYING}
    return Counts(counts.layers, counts.images, fixed)


def check_fits(shapes: Iterable[LayerShape], chip: Chip, network: str, stored: int | None = None) -> None:
    """Refuse a network whose weights and activations do not fit in the processor's memories; LimitError.

    stored : bytes of the weights where they are known; else those of all weights, of a sparse processor the expected
        part of them
    """
    processor, where = chip.processor, f"network {network!r} on chip {chip.name}"
    shapes = tuple(shapes)
    if isinstance(processor, SparseProcessor):
        for shape in shapes:
            check_dense(shape)
    sizes = [Bytes.of(shape, processor) for shape in shapes]
    weights, widest = sum(size.weights for size in sizes), max(size.inputs + size.outputs for size in sizes)
    if stored is not None:
        weights = stored
    elif isinstance(processor, SparseProcessor):
        weights = math.ceil(processor.weight_density * weights)
    if processor.weights == "resident":
        capacity = processor.weight_capacity_bytes or 0.0
        remedy = "choose a smaller network, or a chip that streams weights"
        _check(where, "weights", weights, capacity, "on the chip", remedy)
    if processor.dram is not None:
        remedy = "choose a smaller network, or a smaller --set processor.batch"
        capacity = processor.dram.capacity_bytes or math.inf
        _check(where, "weights and activations", weights + widest, capacity, "of memory", remedy)
    elif processor.global_buffer is not None:
        remedy = "choose a smaller network: this chip has no memory outside"
        capacity = processor.global_buffer.capacity_bytes or math.inf
        _check(where, "a layer's activations", widest, capacity, "of buffer", remedy)


def _check(where: str, what: str, needed: int, capacity: float, place: str, remedy: str) -> None:
    if needed > capacity:
        raise LimitError(where, f"{what} within {capacity:,.0f} bytes {place}", f"{needed:,} bytes", remedy)


def _per_image(traffic: Traffic, processor: Processor) -> dict[str, int]:
    batch = processor.batch
    events = {
        "cycles": traffic.cycles, "macs": traffic.macs, "register_bytes": traffic.registers,
        "scratchpad_bytes": traffic.scratchpad, "global_buffer_bytes": traffic.global_buffer,
        "dram_bytes": traffic.dram,
    }  # fmt: skip
    # a sum of floats may miss a whole number by a last bit
    return {name: math.ceil(round(number / batch, 6)) for name, number in events.items()}


def _ends(shapes: Sequence[LayerShape], processor: Processor, numbers: dict[str, dict[str, int]]) -> None:
    """Add the image and the scores, which cross the border even where all other activations stay inside."""
    if processor.dram is None:
        return
    first, last = shapes[0], shapes[-1]
    if stays_inside(first, processor):
        numbers[first.name]["dram_bytes"] += first.input_words * processor.activation_bytes
    if stays_inside(last, processor):
        numbers[last.name]["dram_bytes"] += last.output_words * processor.activation_bytes


def _between(layers: Sequence[Layer], processor: Processor, numbers: dict[str, dict[str, int]]) -> None:
    """Add the operations beside the products: biases, requantisation, pooling, the last comparison."""
    stage = next(iter(numbers))
    for layer in layers:
        if isinstance(layer, Weighted):
            stage, sums = layer.name, math.prod(layer.own_output_shape)
            events = {"bias_adds": sums if layer.has_bias else 0}
            if processor.arithmetic == "int8":
                events["scalings"] = sums
        else:
            events = digital_events(layer)
        for counter, number in events.items():
            numbers[stage][counter] = numbers[stage].get(counter, 0) + number
    last = numbers[stage]
    last["comparisons"] = last.get("comparisons", 0) + math.prod(layers[-1].own_output_shape) - 1
