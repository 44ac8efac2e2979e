"""Systolic arrays that hold a tile of weights while input vectors stream through (Jouppi et al. 2017, the TPU)."""

from __future__ import annotations

from neurosim.chips.processor import SystolicProcessor
from neurosim.engines.digital.shapes import LayerShape
from neurosim.engines.digital.traffic import Traffic, dram_bytes


def systolic_traffic(shape: LayerShape, processor: SystolicProcessor) -> Traffic:
    """One layer for a batch.

    A tile of weights takes as many cycles to be shifted in as the array has rows; that happens behind the products of
    the tile before, so that a tile takes the longer of both. Products are for as many vectors as there are
    accumulators; a longer stream comes in several parts, for each of which all weights are fetched again. The last
    vector takes another rows + columns cycles to leave the array.
    """
    vectors = processor.batch * shape.positions
    down, across = -(-shape.rows // processor.rows), -(-shape.outputs // processor.columns)
    parts = -(-vectors // processor.accumulators)
    tiles = shape.groups * down * across
    lengths = [min(processor.accumulators, vectors - k * processor.accumulators) for k in range(parts)]
    streaming = sum(max(length, processor.rows) for length in lengths)
    cells = tiles * processor.rows * processor.columns
    word, sums = processor.activation_bytes, processor.sum_bytes
    fetched = (parts - 1) * shape.weights * processor.weight_bytes  # again, for every further part
    summed = vectors * shape.groups * shape.outputs * down  # written once per row of tiles, and read as often
    return Traffic(
        cycles=processor.rows + tiles * streaming + processor.rows + processor.columns,
        macs=processor.batch * shape.macs,
        # every cell hands on its input and its sum, and is loaded through the cells above it
        registers=vectors * cells * (word + sums) + parts * cells * processor.weight_bytes,
        scratchpad=2 * summed * sums,
        global_buffer=vectors * shape.groups * (shape.rows * across + shape.outputs) * word,
        dram=dram_bytes(shape, processor) + fetched,
    )
