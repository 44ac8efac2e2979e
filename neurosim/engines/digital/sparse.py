"""Compressed sparse columns, shared out over units: EIE (Han et al., ISCA 2016).

Output i belongs to unit i mod units. Of every column of the weights a unit keeps the entries that are not zero, each
with the number of zeros before it; where that number does not fit, entries of zero fill in. An input that is not zero
is sent to all units, and every entry of its column takes a unit one cycle; to find that there is none takes one too.
Queues let a unit run ahead of the others.
"""

from __future__ import annotations

import numpy as np

from neurosim.chips.processor import SparseProcessor
from neurosim.engines.digital.shapes import LayerShape
from neurosim.engines.digital.traffic import Traffic, dram_bytes
from neurosim.foundation.errors import ConfigError

POINTER_BYTES = 4  # where a column begins and where it ends, 16 bits each


def sparse_traffic(shape: LayerShape, processor: SparseProcessor) -> Traffic:
    """One layer for a batch, of which only the densities are known: means over independent zeros, all units alike.

    Raises ConfigError for a convolution: only dense layers are compressed.
    """
    check_dense(shape)
    longest = -(-shape.outputs // processor.units)
    driven = processor.activation_density * shape.rows
    entries = expected_entries(longest, processor.weight_density, processor.index_bits)
    stored = shape.outputs / longest * entries
    empty = (1 - processor.weight_density) ** longest
    cycles = processor.batch * driven * (entries + empty)
    return entry_traffic(
        shape, processor, cycles, processor.batch * driven * stored, processor.batch * driven
    )


def entry_traffic(
    shape: LayerShape, processor: SparseProcessor, cycles: float, entries: float, driven: float
) -> Traffic:
    """Events of a layer whose units take `cycles`, for `entries` weights and `driven` inputs that are not zero."""
    pointers = driven * min(processor.units, shape.outputs) * POINTER_BYTES
    words = processor.batch * (shape.input_words + shape.output_words) * processor.activation_bytes
    return Traffic(
        cycles=cycles,
        macs=entries,
        registers=entries * 2 * processor.sum_bytes,
        scratchpad=entries * processor.weight_bytes + pointers + words,
        dram=dram_bytes(shape, processor) if processor.dram is not None else 0.0,
    )


def expected_entries(length: int, density: float, index_bits: int) -> float:
    """Mean entries of `length` weights of which each is not zero with probability `density`.

    A weight after g zeros needs g // 2**index_bits entries that fill in; the sum over all places of a weight and over
    all multiples of 2**index_bits that its zeros may reach.
    """
    reach = 2**index_bits
    fills = sum((1 - density) ** gap * (length - gap) for gap in range(reach, length, reach))
    return density * (length + fills)


def stored_entries(matrix: np.ndarray, units: int, index_bits: int) -> np.ndarray:
    """Entries that each unit keeps of each column, int64 (rows of the matrix, units).

    matrix : (inputs, outputs), as `Weighted.matrices` gives one group
    """
    entries = np.zeros((len(matrix), units), np.int64)
    for unit in range(min(units, matrix.shape[1])):
        places = matrix[:, unit::units] != 0
        at = np.where(places, np.arange(places.shape[1]), -1)
        before = np.maximum.accumulate(np.pad(at, ((0, 0), (1, 0)), constant_values=-1), axis=1)[:, :-1]
        zeros = np.where(places, np.arange(places.shape[1]) - before - 1, 0)
        entries[:, unit] = (places + zeros // 2**index_bits).sum(axis=1)
    return entries


def check_dense(shape: LayerShape) -> None:
    """ConfigError for a convolution."""
    if shape.positions > 1 or shape.kernel != (1, 1):
        raise ConfigError(f"layer {shape.name!r}", "a dense layer: this chip computes no other", "a convolution",
                          "choose a network of dense layers, such as mnist_mlp, or another chip")  # fmt: skip
