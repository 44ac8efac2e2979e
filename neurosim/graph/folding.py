"""Folding batch norm into the weights before it, so that a crossbar holds both."""

from __future__ import annotations

import numpy as np

from neurosim.graph.elementwise import BatchNorm
from neurosim.graph.layer import Layer, LayerParams
from neurosim.graph.network import Network
from neurosim.graph.weighted import Weighted
from neurosim.graph.wiring import consumers


def fold_batch_norm(network: Network) -> Network:
    """The same function with every batch norm that directly follows a dense or convolution layer, and is its
    only consumer, multiplied into that layer's weights and bias; any other batch norm stays.

    Outputs agree with the unfolded network's to float32 rounding.
    """
    by_name = {layer.name: layer for layer in network.layers}
    params = {name: dict(own) for name, own in network.params.items()}
    folded: dict[str, str] = {}  # batch norm -> the layer that now does its work
    for layer in network.layers:
        source = by_name.get(layer.inputs[0])
        if (
            isinstance(layer, BatchNorm)
            and isinstance(source, Weighted)
            and len(consumers(by_name.values(), source.name)) == 1
        ):
            params[source.name] = _merged(source, params[source.name], layer, params.pop(layer.name))
            folded[layer.name] = source.name
    layers = tuple(_rewired(layer, folded) for layer in network.layers if layer.name not in folded)
    return Network(
        network.name, network.input, layers, params, network.title, network.training, coding=network.coding
    )  # fmt: skip


def _merged(layer: Weighted, own: LayerParams, norm: BatchNorm, norms: LayerParams) -> dict[str, np.ndarray]:
    scale, shift = norm.affine(norms)
    weight = own["weight"] * scale.reshape(-1, *([1] * (own["weight"].ndim - 1)))
    bias = own["bias"] * scale + shift if layer.has_bias else shift
    return {"weight": weight, "bias": bias}


def _rewired(layer: Layer, folded: dict[str, str]) -> Layer:
    update: dict[str, object] = {"inputs": tuple(folded.get(source, source) for source in layer.inputs)}
    if isinstance(layer, Weighted) and layer.name in folded.values():
        update["has_bias"] = True
    return layer.model_copy(update=update)
