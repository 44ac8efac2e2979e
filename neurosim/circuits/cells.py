"""Weight cells: which conductances hold a weight, and what is left to do digitally."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurosim.circuits.parameters import CellParameters, ReadParameters
from neurosim.devices.parameters import ConductanceRange
from neurosim.foundation.errors import DataError


@dataclass(frozen=True)
class WeightScale:
    """How a normalised column current turns back into a product of weights.

    With u = sum_i x_i (G+ - G-)_ij / (n g_max), n devices in parallel, the product is
    `per_unit` * (u - `offset` * sum_i x_i). Of sliced weights u is in levels, the slices shifted and added.
    """

    per_unit: float
    offset: float


def cell_targets(
    weights: np.ndarray, cell: CellParameters, span: ConductanceRange
) -> tuple[np.ndarray, WeightScale]:
    """Target conductances of every device that holds a matrix of weights without slices, and the way back.

    weights : float32 (rows, columns); the largest magnitude is put at g_max

    Returns float32 siemens (polarities, devices, rows, columns), polarities 2 (G+, G-) for differential
    cells and 1 for offset cells, and the scale. Raises DataError for weights that are not finite.
    """
    w_max = _largest(weights)
    width = span.g_max_siemens - span.g_min_siemens
    w = weights.astype(np.float64) / w_max
    if cell.kind == "differential":
        unit = np.stack([np.maximum(w, 0), np.maximum(-w, 0)])
        scale = WeightScale(w_max * span.g_max_siemens / width, 0.0)
    else:
        unit = ((w + 1) / 2)[None]
        middle = (span.g_min_siemens + width / 2) / span.g_max_siemens
        scale = WeightScale(2 * w_max * span.g_max_siemens / width, middle)
    devices = np.arange(cell.devices_per_weight)[:, None, None]
    shares = np.repeat(unit[:, None], cell.devices_per_weight, axis=1)
    if cell.levels == "binary":
        # device k is on where the nearest whole number of devices is above k
        shares = (devices < np.rint(unit * cell.devices_per_weight)[:, None]).astype(np.float64)
    return (span.g_min_siemens + shares * width).astype(np.float32), scale


@dataclass(frozen=True)
class SlicedTargets:
    """What holds a matrix of whole-number weights.

    siemens : float32 (polarities, slices * devices, rows, columns), the least significant slice first
    flips : bool (row tiles, polarities, slices, columns), columns of cells that hold complements; None: none do
    """

    siemens: np.ndarray
    scale: WeightScale
    flips: np.ndarray | None


def whole_weights(weights: np.ndarray, weight_bits: int) -> tuple[np.ndarray, float]:
    """The nearest whole numbers of `weight_bits` bits, sign included, int64, and what one of them is worth.

    The largest magnitude is put at 2^(weight_bits - 1) - 1. Raises DataError for weights that are not finite.
    """
    step = _largest(weights) / (2 ** (weight_bits - 1) - 1)
    return np.rint(weights.astype(np.float64) / step).astype(np.int64), step


def sliced_targets(
    weights: np.ndarray, cell: CellParameters, span: ConductanceRange, row_splits: tuple[int, ...]
) -> SlicedTargets:
    """Target conductances of weights over slices of cells, as `CellParameters` describes them.

    weights : float32 (rows, columns); row_splits : lengths of the row tiles, each of which decides on its own which
        columns of cells it flips

    A level is a `highest_level`-th of the range g_min to g_max. Raises DataError for weights that are not finite.
    """
    assert cell.weight_bits is not None
    assert cell.bits_per_cell is not None
    whole, step = whole_weights(weights, cell.weight_bits)
    if cell.kind == "differential":
        held, offset = np.stack([np.maximum(whole, 0), np.maximum(-whole, 0)]), 0.0
    else:
        offset = float(2 ** (cell.weight_bits - 1))
        held = (whole + int(offset))[None]
    shifts = cell.bits_per_cell * np.arange(cell.slices)[:, None, None]
    levels = held[:, None] >> shifts & cell.highest_level  # (polarities, slices, rows, columns)
    flips = _flip(levels, cell.highest_level, row_splits) if cell.encoding == "flipped" else None
    shares = np.repeat(levels, cell.devices_per_weight, axis=1) / cell.highest_level
    siemens = span.g_min_siemens + shares * (span.g_max_siemens - span.g_min_siemens)
    return SlicedTargets(siemens.astype(np.float32), WeightScale(step, offset), flips)


def _flip(levels: np.ndarray, highest: int, row_splits: tuple[int, ...]) -> np.ndarray:
    """Put complements, in place, where a column of a tile holds more than half of what it could; which ones."""
    edges = np.cumsum((0, *row_splits))
    flips = []
    for a, b in pairwise(edges):
        tile = levels[:, :, a:b]
        flipped = 2 * tile.sum(axis=2) > highest * (b - a)
        np.copyto(tile, highest - tile, where=flipped[:, :, None])
        flips.append(flipped)
    return np.stack(flips)


def column_bits(cell: CellParameters, read: ReadParameters, rows: int, signed: bool) -> int | None:
    """Bits of an ADC that tells all sums apart which a column of `rows` cells can give; None where conductances
    are not whole levels, so that no number of bits does.

    signed : some of the inputs are negative
    """
    if not cell.sliced or not read.serial:
        return None
    bits = read.bits_per_phase if read.accumulate == "digital" else read.input_bits
    assert bits is not None
    most: int = rows * cell.highest_level * (2**bits - 1)
    if cell.encoding == "flipped":
        most //= 2
    both = cell.subtracts_currents or (signed and read.signed_inputs == "bipolar")
    both = both or (read.signed_inputs == "twos_complement" and read.accumulate == "analog")
    return most.bit_length() + int(both)


def reference_columns(cell: CellParameters, column_splits: tuple[int, ...] | None) -> int:
    """Cells at g_min that each row of a matrix has beside its weights: one per column tile, or none."""
    if cell.baseline != "reference" or cell.subtracts_currents:
        return 0
    return cell.devices_per_weight * (len(column_splits) if column_splits else 1)


def _largest(weights: np.ndarray) -> float:
    if not np.isfinite(weights).all():
        count = int((~np.isfinite(weights)).sum())
        raise DataError(
            "weights", "finite numbers", f"{count} NaN or infinite", "repair or retrain the network"
        )
    return float(np.abs(weights).max(initial=0)) or 1.0
