"""What one layer makes a processor do, and which bytes cross the border of its chip."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.chips.processor import Processor
from neurosim.engines.digital.shapes import LayerShape


@dataclass(frozen=True)
class Traffic:
    """Events of one layer for a whole batch of images.

    cycles : of the arithmetic units, idle ones included
    macs : carried out
    registers, scratchpad, global_buffer, dram : bytes read or written at each level
    """

    cycles: float
    macs: float
    registers: float = 0.0
    scratchpad: float = 0.0
    global_buffer: float = 0.0
    dram: float = 0.0


@dataclass(frozen=True)
class Bytes:
    """Bytes of a layer for a whole batch, each word once."""

    weights: int
    inputs: int
    outputs: int

    @staticmethod
    def of(shape: LayerShape, processor: Processor) -> Bytes:
        """From a layer's words and the processor's word lengths."""
        per_word, batch = processor.activation_bytes, processor.batch
        return Bytes(
            shape.weights * processor.weight_bytes,
            batch * shape.input_words * per_word,
            batch * shape.output_words * per_word,
        )


def dram_bytes(shape: LayerShape, processor: Processor) -> int:
    """Bytes of a layer that cross the border of the chip, for a whole batch.

    Weights are read once per batch, unless they are resident. Activations are read and written once, unless they
    are resident and all of the layer's fit in the global buffer. Where neither a layer's weights nor its inputs fit
    in the global buffer, the cheaper of the two is read anew for every part of the other that does: the order of
    loops that needs the fewest bytes. A processor without a buffer keeps nothing, and its own mapping says what it
    reads.
    """
    own, capacity = Bytes.of(shape, processor), buffer_capacity(processor)
    weights = 0 if processor.weights == "resident" else own.weights
    inputs, outputs = (0, 0) if stays_inside(shape, processor) else (own.inputs, own.outputs)
    again = 0
    if min(weights, inputs) > capacity:
        parts_of_weights, parts_of_inputs = (math.ceil(size / capacity) for size in (weights, inputs))
        again = min((parts_of_weights - 1) * inputs, (parts_of_inputs - 1) * weights)
    return weights + inputs + outputs + again


def stays_inside(shape: LayerShape, processor: Processor) -> bool:
    """Whether a layer's activations, of the whole batch, never leave the chip."""
    own = Bytes.of(shape, processor)
    return processor.activations == "resident" and own.inputs + own.outputs <= buffer_capacity(processor)


def buffer_capacity(processor: Processor) -> float:
    """Bytes of the global buffer; infinite where none is stated, 0 where there is no buffer."""
    if processor.global_buffer is None:
        return 0.0
    return processor.global_buffer.capacity_bytes or math.inf
