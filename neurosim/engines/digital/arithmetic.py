"""Numbers as a processor holds them: float32, float16, 8-bit integers, 16-bit fixed point, code books.

Weights are rounded once, activations on their way into a layer; sums of integers are exact. Ranges come from
calibration images, never from those under test: what exceeds them is clipped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.chips import Chip
from neurosim.chips.processor import SparseProcessor
from neurosim.engines.digital.counting import check_fits
from neurosim.engines.digital.shapes import layer_shapes
from neurosim.foundation.errors import NotProgrammedError
from neurosim.graph import Network, Weighted

BOOK = 16  # entries of a code book, zero among them
LLOYD_ROUNDS = 30
_INT8, _FIXED16 = 2**7, 2**15


@dataclass(frozen=True)
class Format:
    """Whole numbers times `step`, from `low` to `high`; a step of 0 leaves floats alone."""

    step: float = 0.0
    low: int = 0
    high: int = 0

    def codes(self, x: np.ndarray) -> np.ndarray:
        """Whole numbers of values, float64 of the same shape: rounded to the nearest (of two the even one), clipped."""
        return np.clip(np.rint(x / np.float64(self.step)), self.low, self.high)


@dataclass(frozen=True)
class PreparedLayer:
    """One layer's weights as the processor holds them.

    matrices : (groups, rows, columns); whole numbers in float64, or float32 where the arithmetic is of floats
    weight_step : what a whole number of the weights stands for; 1 for floats
    inputs : format of the activations that enter
    bias : float32 (groups, columns), None without
    """

    name: str
    matrices: np.ndarray
    weight_step: float
    inputs: Format
    bias: np.ndarray | None


@dataclass(frozen=True)
class PreparedNetwork:
    """A network placed in a processor's memories, ready to compute. Nothing of it is random, and nothing ages."""

    network: Network
    chip: Chip
    layers: Mapping[str, PreparedLayer]


def prepare_network(
    network: Network, chip: Chip, ranges: Mapping[str, tuple[float, float]]
) -> PreparedNetwork:
    """Round a network's weights to the processor's arithmetic.

    ranges : layer -> smallest and largest of its inputs on calibration images

    Raises LimitError for a network that does not fit in the processor's memories, ConfigError for one that it does not
    compute.
    """
    shapes, processor = layer_shapes(network.layers, network.name), chip.processor
    check_fits(shapes, chip, network.name)
    layers = {
        layer.name: _prepared(layer, network, processor.arithmetic, ranges[layer.name])
        for layer in network.weighted
    }
    if isinstance(processor, SparseProcessor):
        kept = sum(int(np.count_nonzero(layer.matrices)) for layer in layers.values())
        check_fits(shapes, chip, network.name, kept * processor.weight_bytes)
    return PreparedNetwork(network, chip, layers)


def require_prepared(candidate: object) -> PreparedNetwork:
    """The prepared network itself; NotProgrammedError for anything else."""
    if not isinstance(candidate, PreparedNetwork):
        name = getattr(candidate, "name", type(candidate).__name__)
        raise NotProgrammedError(f"chip {name!r}", "a network placed on a processor", "none",
                                 "program it first: neurosim.engines.digital.prepare_network(...)")  # fmt: skip
    return candidate


def _prepared(
    layer: Weighted, network: Network, arithmetic: str, inputs: tuple[float, float]
) -> PreparedLayer:
    params = network.layer_params(layer.name)
    matrices, bias = layer.matrices(params), layer.bias(params)
    if arithmetic in ("float32", "float16"):
        rounded = matrices.astype(np.float16).astype(np.float32) if arithmetic == "float16" else matrices
        return PreparedLayer(layer.name, rounded, 1.0, Format(), bias)
    if arithmetic == "shared4":
        matrices = shared_weights(matrices)
    largest = float(np.abs(matrices).max())
    weights = int8_format(-largest, largest) if arithmetic == "int8" else fixed16_format(-largest, largest)
    entering = int8_format(*inputs) if arithmetic == "int8" else fixed16_format(*inputs)
    return PreparedLayer(layer.name, weights.codes(matrices), weights.step, entering, bias)


def int8_format(low: float, high: float) -> Format:
    """Eight bits, symmetric where there are negative numbers, from 0 where there are none."""
    if low < 0:
        return Format(_step(max(-low, high), _INT8 - 1), 1 - _INT8, _INT8 - 1)
    return Format(_step(high, 2 * _INT8 - 1), 0, 2 * _INT8 - 1)


def fixed16_format(low: float, high: float) -> Format:
    """Sixteen bits with a sign, the point as far left as the largest number allows: the step is a power of two."""
    largest = max(abs(low), abs(high))
    bits = math.ceil(math.log2(largest)) if largest > 0 else 0
    bits += largest * 2.0 ** (15 - bits) > _FIXED16 - 1  # a power of two itself needs one more
    return Format(2.0 ** (bits - 15), -_FIXED16, _FIXED16 - 1)


def _step(largest: float, codes: int) -> float:
    return largest / codes if largest > 0 else 1.0


def shared_weights(matrices: np.ndarray) -> np.ndarray:
    """Every weight replaced by the nearest of 15 shared ones, zero staying zero; float32 of the same shape.

    The shared ones start evenly spread and move to the mean of what is nearest to them (Lloyd's iterations), as in
    deep compression (Han et al., ICLR 2016), without training them further.
    """
    flat = matrices.ravel().astype(np.float64)
    kept = np.sort(flat[flat != 0])
    if len(kept) == 0:
        return matrices
    centres = np.linspace(kept[0], kept[-1], BOOK - 1)
    sums = np.concatenate([[0.0], np.cumsum(kept)])
    for _ in range(LLOYD_ROUNDS):
        edges = np.searchsorted(kept, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(kept)]])
        counts = np.diff(bounds)
        means = np.diff(sums[bounds]) / np.maximum(counts, 1)
        centres = np.where(counts > 0, means, centres)
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, flat)
    return np.where(flat == 0, 0.0, centres[nearest]).astype(np.float32).reshape(matrices.shape)
