"""Operations of the layers between the products, whichever engine computes them."""

from __future__ import annotations

import math

from neurosim.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Binarise,
    Comparator,
    Fire,
    GlobalAvgPool,
    Layer,
    MaxPool,
    PairVotes,
    RectifiedTanh,
    ReLU,
)


def digital_events(layer: Layer) -> dict[str, int]:
    """Comparisons, additions and multiplications of one image in a bound layer without weights."""
    out = math.prod(layer.own_output_shape)
    into = math.prod(layer.input_shapes[0])
    if isinstance(layer, ReLU | Binarise | Fire | Comparator):
        return {"comparisons": out}
    if isinstance(layer, RectifiedTanh):  # a piecewise line: which piece, its slope, its offset
        return {"comparisons": out, "multiplications": out, "additions": out}
    if isinstance(layer, MaxPool):
        return {"comparisons": out * (math.prod(layer.kernel) - 1)}
    if isinstance(layer, AvgPool):
        return {"additions": out * (math.prod(layer.kernel) - 1), "multiplications": out}
    if isinstance(layer, GlobalAvgPool):
        return {"additions": into - out, "multiplications": out}
    if isinstance(layer, BatchNorm):
        return {"additions": out, "multiplications": out}
    if isinstance(layer, PairVotes):  # each decision adds or subtracts its share; a vote per pair
        return {"additions": into, "comparisons": len(layer.pairs)}
    if isinstance(layer, Add):
        return {"additions": out * (len(layer.inputs) - 1)}
    return {}  # flatten moves nothing; softmax keeps the order of the scores, and only the largest is wanted
