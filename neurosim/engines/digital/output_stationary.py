"""Arrays in which every unit keeps one output's sum: ShiDianNao (Du et al. 2015), Neurocube (Kim et al. 2016)."""

from __future__ import annotations

from neurosim.chips.processor import OutputStationaryProcessor
from neurosim.engines.digital.shapes import LayerShape
from neurosim.engines.digital.traffic import Traffic, dram_bytes


def output_stationary_traffic(shape: LayerShape, processor: OutputStationaryProcessor) -> Traffic:
    """One layer for a batch.

    Convolutions: the array covers a patch of one output channel, and takes one weight per cycle for all of its units;
    a unit's first input of a row of the kernel comes from the buffer and, with `neighbours`, those that the unit beside
    it has used from there. Dense layers: every unit is another output, one input is for all of them, every weight is
    used once. Nodes share out output channels. Without a global buffer all of it comes from outside the chip.
    """
    batch, word = processor.batch, processor.activation_bytes
    dense = shape.positions == 1 and shape.kernel == (1, 1)
    passes, weights, inputs, shifted = (_dense if dense else _patches)(shape, processor)
    macs = batch * shape.macs
    near = batch * (
        weights * processor.weight_bytes + inputs * word
        + shape.output_words * word
    )  # fmt: skip
    buffered = processor.global_buffer is not None
    return Traffic(
        cycles=batch * passes * shape.rows,
        macs=macs,
        registers=macs * 2 * processor.sum_bytes,
        scratchpad=batch * shifted * word,
        global_buffer=near if buffered else 0.0,
        dram=dram_bytes(shape, processor) if buffered else near,
    )


def _dense(shape: LayerShape, processor: OutputStationaryProcessor) -> tuple[int, int, int, int]:
    """Passes, and words of weights, of inputs from the buffer and of inputs from neighbours, for one image."""
    units = processor.nodes * processor.rows * processor.columns
    passes = -(-shape.outputs // units)
    nodes = min(processor.nodes, -(-shape.outputs // (processor.rows * processor.columns)))
    return passes, shape.weights, passes * nodes * shape.rows, 0


def _patches(shape: LayerShape, processor: OutputStationaryProcessor) -> tuple[int, int, int, int]:
    (height, width), (tall, wide) = shape.result, shape.kernel
    patches = -(-height // processor.rows) * -(-width // processor.columns)
    channels = -(-shape.outputs // processor.nodes)
    passes = shape.groups * channels * patches
    products = shape.groups * shape.outputs * shape.channels * shape.positions * tall * wide
    read = products
    if processor.neighbours:
        # of a row of the kernel one input is read, the others come from the right; from the second row on, those of a
        # patch but its last line come from below: only what enters the patch is read
        read = shape.groups * shape.outputs * shape.channels * _entering(shape, processor)
    return passes, shape.groups * shape.outputs * patches * shape.rows, read, products - read


def _entering(shape: LayerShape, processor: OutputStationaryProcessor) -> int:
    """Inputs that all patches of one output channel take from the buffer: the pixels under each, once."""
    (height, width), (tall, wide), (down, right) = shape.result, shape.kernel, shape.stride
    sides = [
        [min(size, total - start) for start in range(0, total, size)]
        for total, size in ((height, processor.rows), (width, processor.columns))
    ]
    tall_sum = sum((side - 1) * down + tall if down < tall else side * tall for side in sides[0])
    wide_sum = sum((side - 1) * right + wide if right < wide else side * wide for side in sides[1])
    return tall_sum * wide_sum
