"""Multipliers with adder trees beside memories that hold all weights: DaDianNao (Chen et al. 2014)."""

from __future__ import annotations

from neurosim.chips.processor import TreeProcessor
from neurosim.engines.digital.shapes import LayerShape
from neurosim.engines.digital.traffic import Traffic, dram_bytes


def tree_traffic(shape: LayerShape, processor: TreeProcessor) -> Traffic:
    """One layer for a batch.

    In every cycle each tile takes the same `synapses` inputs and adds their products to the sums of its `neurons`
    outputs. Weights are read from the tiles' memories for every vector: what an output does not use of a cycle is lost.
    A convolution's outputs are spread over tiles by channel.
    """
    vectors = processor.batch * shape.positions
    steps = -(-shape.rows // processor.synapses)
    rounds = -(-shape.outputs // (processor.tiles * processor.neurons))
    cycles = vectors * shape.groups * steps * rounds
    filled = -(-shape.outputs // processor.neurons) * processor.neurons  # tiles work whole, idle tiles do not
    read = vectors * shape.groups * steps * processor.synapses
    results = processor.batch * shape.output_words
    return Traffic(
        cycles=cycles,
        macs=processor.batch * shape.macs,
        registers=vectors * shape.groups * steps * filled * 2 * processor.sum_bytes,
        scratchpad=read * filled * processor.weight_bytes,
        global_buffer=(read * rounds + results) * processor.activation_bytes,
        dram=dram_bytes(shape, processor),
    )
