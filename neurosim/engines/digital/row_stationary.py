"""Row-stationary arrays: Eyeriss (Chen et al., ISCA 2016 and IEEE JSSC 52, 127, 2017), TETRIS (Gao et al. 2017).

A unit slides one row of a filter along one row of an image. A set of R x e units makes e rows of one output channel
from R rows of the filter: filter rows go across it, image rows along its diagonals, sums up its columns. Several sets
share the array. The papers' mapping parameters:

    e : rows of the output that a set makes
    n : images of a pass, whose inputs follow each other through a unit
    p, q : filters and channels that a unit interleaves
    r, t : sets for other channels and for other filters
    m : output channels whose sums stay in the global buffer
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from neurosim.chips.processor import MemoryParameters, RowStationaryProcessor
from neurosim.engines.digital.shapes import LayerShape
from neurosim.engines.digital.traffic import Traffic, buffer_capacity
from neurosim.foundation.errors import LimitError

# normalised energy of moving a word from unit to unit, from the global buffer and from DRAM, with a
# multiply-accumulate and an access to a unit's own memory as 1 (Chen et al. 2016, Table IV): the choice among mappings
# depends on them, no price does
_HOP_COST, _BUFFER_COST, _DRAM_COST = 2.0, 6.0, 200.0
_UNIT_COST = 5.0  # a multiply-accumulate and its four accesses
MOST_TRIED = 16  # numbers of images of a pass


@dataclass(frozen=True)
class Mapping:
    """How one layer lies on one array; the letters of the papers, named above."""

    e: int
    n: int
    p: int
    q: int
    r: int
    t: int
    m: int


@dataclass(frozen=True)
class _Candidates:
    """Mappings of one e and n, as arrays over the others."""

    e: int
    n: int
    p: np.ndarray
    q: np.ndarray
    r: np.ndarray
    t: np.ndarray
    m: np.ndarray


def row_stationary_traffic(shape: LayerShape, processor: RowStationaryProcessor) -> Traffic:
    """One layer for a batch, with the mapping of least energy x time.

    Raises LimitError for a filter or a row of an image that does not fit.
    """
    return mapped_traffic(shape, processor, best_mapping(shape, processor))


def best_mapping(shape: LayerShape, processor: RowStationaryProcessor) -> Mapping:
    """The mapping whose time, of units, buffer and memory, times normalised energy is least.

    Raises as `row_stationary_traffic`.
    """
    _check_filter(shape, processor)
    found = _searched(replace(shape, name=""), processor)  # layers of one shape are searched once
    if found is None:
        capacity = buffer_capacity(processor)
        raise LimitError(f"layer {shape.name!r}", f"sums of one row in a global buffer of {capacity:g} bytes",
                         f"rows of {shape.result[1]} outputs", "choose a chip with a larger buffer")  # fmt: skip
    return found


@lru_cache(maxsize=4096)
def _searched(shape: LayerShape, processor: RowStationaryProcessor) -> Mapping | None:
    units = _UNIT_COST * processor.batch * shape.macs * processor.activation_bytes
    best: tuple[float, Mapping] | None = None
    for found in _candidates(shape, processor):
        cycles, buffer, dram, hops = _costs(shape, processor, found)
        moved = _HOP_COST * hops * processor.sum_bytes + _BUFFER_COST * buffer + _DRAM_COST * dram
        busy = np.maximum(cycles, np.maximum(_waiting(buffer, processor, processor.global_buffer),
                                             _waiting(dram, processor, processor.dram)))  # fmt: skip
        product = busy * (units + moved)
        at = int(product.argmin())
        if best is None or product[at] < best[0]:
            numbers = (int(letter[at]) for letter in (found.p, found.q, found.r, found.t, found.m))
            best = float(product[at]), Mapping(found.e, found.n, *numbers)
    return None if best is None else best[1]


def mapped_traffic(shape: LayerShape, processor: RowStationaryProcessor, mapping: Mapping) -> Traffic:
    """One layer for a batch, as a given mapping computes it.

    The buffer's bytes are those between it and the array: image rows and filters of every pass, sums written after
    every pass and read before all but the first for the same output. Outside the chip go the weights for every strip
    of rows and part of the batch, the inputs (strips overlap) for every m output channels, and the outputs; nothing is
    compressed.
    """
    one = _Candidates(mapping.e, mapping.n, *(
        np.array([letter]) for letter in (mapping.p, mapping.q, mapping.r, mapping.t, mapping.m)
    ))  # fmt: skip
    cycles, buffer, dram, hops = (float(cost[0]) for cost in _costs(shape, processor, one))
    macs = processor.batch * shape.macs
    per_mac = processor.weight_bytes + processor.activation_bytes + 2 * processor.sum_bytes
    return Traffic(cycles, macs, macs * per_mac, hops * processor.sum_bytes, buffer, dram)


def active_units(shape: LayerShape, mapping: Mapping) -> int:
    """Units of an array that work with a mapping."""
    return shape.kernel[0] * mapping.e * mapping.r * mapping.t


def _candidates(shape: LayerShape, processor: RowStationaryProcessor) -> Iterator[_Candidates]:
    """Mappings worth a try: strips of equal height, and as many filters at work as sets and rounds allow."""
    (tall, wide), (rows_out, row_length) = shape.kernel, shape.result
    outputs, capacity = -(-shape.outputs // processor.nodes), buffer_capacity(processor)
    deepest = min(shape.channels, max(1, processor.input_words // wide))
    most_filters = min(outputs, processor.sum_words, processor.filter_words // wide)
    for e in sorted({-(-rows_out // strips) for strips in range(1, rows_out + 1)}):
        sets = _sets(tall, e, processor)
        grids = np.meshgrid(
            np.arange(1, most_filters + 1), np.arange(1, deepest + 1), np.arange(1, sets + 1), indexing="ij"
        )
        p, q, r = (grid.ravel() for grid in grids)
        fits = (p * q * wide <= processor.filter_words) & (r <= -(-shape.channels // q))
        p, q, r = p[fits], q[fits], r[fits]
        rounds = -(-outputs // (p * (sets // r))) if sets else p
        t = -(-outputs // (p * rounds))  # the fewest sets for this number of rounds
        for n in _images(processor.batch):
            images = n * q * r * _rows_in(shape, e) * shape.image[1] * processor.activation_bytes
            per_channel = n * e * row_length * processor.sum_bytes
            kept = np.floor((capacity - images) / per_channel) if np.isfinite(capacity) else outputs + 0 * p
            inside = kept >= p * t
            if inside.any():
                step = (p * t)[inside]
                m = np.minimum(kept[inside] // step * step, -(-outputs // step) * step)
                yield _Candidates(e, n, p[inside], q[inside], r[inside], t[inside], m)


def _check_filter(shape: LayerShape, processor: RowStationaryProcessor) -> None:
    (tall, wide), where = shape.kernel, f"layer {shape.name!r}"
    if tall > processor.rows:
        raise LimitError(f"{where}: kernel", f"at most {processor.rows} rows, those of the array", str(tall),
                         "choose another chip, or a network with smaller kernels")  # fmt: skip
    if wide > processor.filter_words:
        raise LimitError(f"{where}: kernel", f"at most {processor.filter_words} columns, a unit's memory of weights",
                         str(wide), "choose another chip, or a network with smaller kernels")  # fmt: skip


def _sets(tall: int, e: int, processor: RowStationaryProcessor) -> int:
    """Sets of `tall` x e units that fit; one wider than the array is folded into several of its height."""
    if e <= processor.columns:
        return (processor.rows // tall) * (processor.columns // e)
    return processor.rows // (tall * -(-e // processor.columns))


def _images(batch: int) -> list[int]:
    if batch <= MOST_TRIED:
        return list(range(1, batch + 1))
    return sorted({2**k for k in range(batch.bit_length())} | {batch})


def _rows_in(shape: LayerShape, e: int) -> int:
    return min((e - 1) * shape.stride[0] + shape.kernel[0], shape.image[0] + shape.kernel[0] - 1)


def _waiting(
    moved: np.ndarray, processor: RowStationaryProcessor, memory: MemoryParameters | None
) -> np.ndarray:
    """Cycles for which a memory is busy with so many bytes."""
    per_second = memory.bandwidth_bytes_per_s if memory is not None else None
    return moved * (processor.clock_hertz / per_second) if per_second else 0 * moved


def _overlap(shape: LayerShape, strips: int) -> float:
    """Rows of the image that all strips read, over those that one strip of the whole height would."""
    (tall, _), (down, _) = shape.kernel, shape.stride
    whole = (shape.result[0] - 1) * down + tall
    return max(1.0, (whole + (strips - 1) * (tall - down)) / whole)


def _costs(
    shape: LayerShape, processor: RowStationaryProcessor, found: _Candidates
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cycles, bytes of the global buffer, bytes of DRAM, and sums that move from unit to unit."""
    (tall, wide), (rows_out, row_length) = shape.kernel, shape.result
    e, n, p, q, r, t, m = found.e, found.n, found.p, found.q, found.r, found.t, found.m
    outputs = -(-shape.outputs // processor.nodes)
    parts, strips = -(-processor.batch // n), -(-rows_out // e)
    in_depth = -(-shape.channels // (q * r))
    passes = shape.groups * parts * strips * -(-outputs // (p * t)) * in_depth
    filters = p * t * q * r * tall * wide
    cycles = passes * (n * p * q * row_length * wide + np.ceil(filters / processor.filter_bus_words))
    word, sums = processor.activation_bytes, n * p * t * e * row_length * processor.sum_bytes
    images = n * q * r * _rows_in(shape, e) * shape.image[1] * word
    buffer = (
        processor.nodes * passes * (images + filters * processor.weight_bytes + sums * (2 - 1 / in_depth))
    )
    again = -(-outputs // m) * _overlap(shape, strips)
    dram = (
        shape.weights * processor.weight_bytes * parts * strips
        + processor.batch * (shape.input_words * again + shape.output_words) * word
    )  # fmt: skip
    hops = processor.nodes * passes * n * p * t * r * e * row_length * tall
    return cycles, buffer, dram, hops
