"""Graphics processors: a layer as one matrix product, cut into tiles that the multiprocessors share out.

The model is that of the vendor's performance guide (NVIDIA, Deep Learning Performance, "Matrix Multiplication
Background"): every multiprocessor computes one tile of the result at a time, so that a product takes as many waves as
its tiles need; what a tile does not fill is wasted. Convolutions are implicit products: nothing is unfolded in memory.
"""

from __future__ import annotations

from neurosim.chips.processor import SimtProcessor
from neurosim.engines.digital.shapes import LayerShape
from neurosim.engines.digital.traffic import Traffic, dram_bytes

MAC_WORDS = 4  # two factors and a sum read, a sum written


def simt_traffic(shape: LayerShape, processor: SimtProcessor) -> Traffic:
    """One layer for a batch, with the side of tiles that takes the fewest cycles (of equals the largest).

    A tile reads rows x (two sides) words through the cache and writes its results there once; within it, a thread
    reads two vectors of `thread_tile` words from the multiprocessor's own memory for the square of it that it adds to.
    """
    vectors = processor.batch * shape.positions
    cycles, side, tiles = min(
        (_waves(shape, vectors, side, processor) for side in processor.tiles), key=lambda found: found[:1]
    )
    word = processor.activation_bytes
    done = tiles * side * side * shape.rows  # with what sticks out of the matrix
    read = tiles * 2 * side * shape.rows * word
    written = processor.batch * shape.output_words * word
    return Traffic(
        cycles=cycles,
        macs=processor.batch * shape.macs,
        registers=done * (2 * word + 2 * processor.sum_bytes),
        scratchpad=done * 2 / processor.thread_tile * word + read,
        global_buffer=read + written,
        dram=dram_bytes(shape, processor),
    )


def _waves(shape: LayerShape, vectors: int, side: int, processor: SimtProcessor) -> tuple[float, int, int]:
    """Cycles with tiles of a side, the side, and the number of tiles."""
    tiles = shape.groups * -(-vectors // side) * -(-shape.outputs // side)
    waves = -(-tiles // processor.multiprocessors)
    per_tile = side * side * shape.rows * processor.multiprocessors / processor.macs_per_cycle
    return waves * per_tile, side, tiles
