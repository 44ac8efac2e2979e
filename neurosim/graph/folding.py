"""Folding batch norm into the weights before it, so that a crossbar holds both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurosim.graph.architecture import Architecture
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
    params = {name: dict(own) for name, own in network.params.items()}
    folded: dict[str, str] = {}  # batch norm -> the layer that now does its work
    for norm, source in _foldable(network.layers):
        params[source.name] = _merged(source, params[source.name], norm, params.pop(norm.name))
        folded[norm.name] = source.name
    layers = tuple(_rewired(layer, folded) for layer in network.layers if layer.name not in folded)
    return Network(
        network.name, network.input, layers, params, network.title, network.training, coding=network.coding
    )  # fmt: skip


def fold_shapes(network: Architecture) -> Architecture:
    """The architecture that `fold_batch_norm` leaves of a network of this one."""
    folded = {norm.name: source.name for norm, source in _foldable(network.layers)}
    layers = tuple(_rewired(layer, folded) for layer in network.layers if layer.name not in folded)
    return Architecture(network.name, network.input, layers)


def _foldable(layers: tuple[Layer, ...]) -> Iterator[tuple[BatchNorm, Weighted]]:
    """Batch norms that directly follow a matrix whose only consumer they are, each with the matrix's layer."""
    by_name = {layer.name: layer for layer in layers}
    for layer in layers:
        source = by_name.get(layer.inputs[0])
        if (
            isinstance(layer, BatchNorm)
            and isinstance(source, Weighted)
            and len(consumers(layers, source.name)) == 1
        ):
            yield layer, source


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
