"""A trained rate network as a spiking one: activation-percentile normalisation, weights left as they are.

Sources: Diehl et al., IJCNN 2015 (weights scaled by the largest activations); Rueckauer et al., Front. Neurosci. 11,
682 (2017) (percentiles, reset by subtraction, biases as constant currents, max pooling, first membrane at half the
threshold). Both scale the weights; here the thresholds and biases are scaled instead, which is the same network:
with lambda_l the percentile of layer l's positive activations, and lambda_0 that of the input,

    threshold_l = lambda_l / lambda_(l-1),    bias current per step = b_l / lambda_(l-1).

So a chip holds the very weights of the rate network, in the very same devices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph.elementwise import Add, BatchNorm, Flatten, ReLU, Softmax
from neurosim.graph.layer import INPUT, Layer
from neurosim.graph.network import Network
from neurosim.graph.pooling import AvgPool, GlobalAvgPool, MaxPool
from neurosim.graph.spiking import NeuronModel, Operation, Population, Source, SpikingGraph
from neurosim.graph.weighted import Weighted
from neurosim.graph.wiring import consumers

PERCENTILE = 99.9  # of Rueckauer et al. 2017
NEURONS = "_neurons"  # a layer's population is named after it


@dataclass(frozen=True, eq=False)
class SpikingNetwork:
    """A converted network.

    graph : its populations, one per dense or convolution layer, and the operations between them
    network : the rate network it came from (batch norm folded)
    prelude : digital layers before the first matrix; they work on the image, before it is encoded
    scales : lambda of the input ("input") and of each dense or convolution layer
    population_of : weighted layer -> its population
    percentile : what the scales were taken at; NaN for a network that spikes by itself
    """

    graph: SpikingGraph
    network: Network
    prelude: tuple[Layer, ...]
    scales: Mapping[str, float]
    population_of: Mapping[str, str]
    percentile: float

    def scale_before(self, layer: str) -> float:
        """Lambda of what a dense or convolution layer takes."""
        names = [INPUT, *(each.name for each in self.network.weighted)]
        return self.scales[names[names.index(layer) - 1]]

    @property
    def native(self) -> bool:
        """Whether it spikes by itself, and was not converted."""
        return math.isnan(self.percentile)

    def encoder_input(self, images: np.ndarray) -> np.ndarray:
        """Images (N, *network's input shape) as the encoder takes them: float32 (N, *source shape), the prelude
        applied, in units of the input's lambda."""
        x = images
        for layer in self.prelude:
            x = layer.forward({}, x)
        return np.asarray(x / np.float32(self.scales[INPUT]))


def to_spiking(network: Network, images: np.ndarray, percentile: float = PERCENTILE) -> SpikingNetwork:
    """Convert a trained rate network.

    network : batch norm folded; a chain of dense and convolution layers, each but the last with a ReLU, with
        pooling and flattening anywhere
    images : float32 (N, *input shape), calibration images
    percentile : of the positive activations; 0 < percentile <= 100

    Average pools become neurons of threshold 1 that take the mean; a max pool passes the spikes of the neuron
    with the largest count so far; softmax is dropped: the class is the one with most spikes.

    Raises ConfigError for a network that is not such a chain (the layer is named) or a percentile out of
    range, DataError when there are no images.
    """
    if not 0 < percentile <= 100:
        raise ConfigError("percentile", "above 0 and up to 100", str(percentile), "99.9 is usual")
    if len(images) == 0:
        raise DataError("calibration images", "at least one", "none", "use a data set with a training split")
    _check_chain(network)
    first = next(k for k, layer in enumerate(network.layers) if isinstance(layer, Weighted))
    prelude, rest = network.layers[:first], network.layers[first:]
    scales = _scales(network, images, percentile, prelude)
    builder = _Builder(network, scales, Source(INPUT, rest[0].input_shapes[0]))
    for layer in rest:
        builder.add(layer)
    graph = SpikingGraph(network.name, tuple(builder.nodes), tuple(builder.edges), builder.last)
    return SpikingNetwork(graph, network, prelude, scales, builder.population_of, percentile)


class _Builder:
    """Collects nodes and edges, layer by layer."""

    def __init__(self, network: Network, scales: Mapping[str, float], source: Source) -> None:
        self.network, self.scales = network, scales
        self.nodes: list[Source | Operation | Population] = [source]
        self.edges: list[tuple[str, str]] = []
        self.last, self.scale = source.name, scales[INPUT]
        self.population_of: dict[str, str] = {}

    def add(self, layer: Layer) -> None:
        if isinstance(layer, Weighted):
            self._add_weighted(layer)
        elif isinstance(layer, MaxPool | Flatten):
            self._append(Operation(layer, {}))
        elif isinstance(layer, AvgPool | GlobalAvgPool):
            self._append(Operation(layer, {}))
            mean = NeuronModel("if", threshold=1.0, v_initial=0.5)
            self._append(Population(layer.name + NEURONS, layer.own_output_shape, mean))

    def _add_weighted(self, layer: Weighted) -> None:
        params = dict(self.network.params[layer.name])
        if layer.has_bias:
            params["bias"] = (params["bias"] / np.float32(self.scale)).astype(np.float32)
        threshold = self.scales[layer.name] / self.scale
        self._append(Operation(layer, params))
        neurons = NeuronModel("if", threshold=threshold, v_initial=threshold / 2)
        self._append(Population(layer.name + NEURONS, layer.own_output_shape, neurons))
        self.scale = self.scales[layer.name]
        self.population_of[layer.name] = self.last

    def _append(self, node: Operation | Population) -> None:
        self.nodes.append(node)
        self.edges.append((self.last, node.name))
        self.last = node.name


def _scales(network: Network, images: np.ndarray, percentile: float,
            prelude: tuple[Layer, ...]) -> dict[str, float]:  # fmt: skip
    relu_of = {layer.inputs[0]: layer.name for layer in network.layers if isinstance(layer, ReLU)}
    wanted = {layer.name: relu_of.get(layer.name, layer.name) for layer in network.weighted}
    entry = prelude[-1].name if prelude else INPUT
    kept = network.trace(images, {*wanted.values(), entry})[1]
    return {
        INPUT: _percentile(kept[entry], percentile),
        **{name: _percentile(kept[source], percentile) for name, source in wanted.items()},
    }


def _percentile(activations: np.ndarray, percentile: float) -> float:
    """Of the positive activations; 1 where there is none."""
    positive = activations[activations > 0]
    return float(np.percentile(positive, percentile)) if positive.size else 1.0


def _check_chain(network: Network) -> None:
    where, before = f"network {network.name!r}: layer ", INPUT
    if network.coding != "rate":
        raise ConfigError(f"network {network.name!r}", 'coding = "rate"', repr(network.coding),
                          "it is a spiking network already")  # fmt: skip
    if not network.weighted:
        raise ConfigError(f"network {network.name!r}", "at least one dense or convolution layer", "none",
                          "there is nothing to convert")  # fmt: skip
    for layer in network.layers:
        if isinstance(layer, Add) or layer.inputs != (before,):
            raise ConfigError(where + repr(layer.name), "a chain of layers", "a branch or a residual sum",
                              "networks with branches are not converted")  # fmt: skip
        if isinstance(layer, BatchNorm):
            raise ConfigError(where + repr(layer.name), "no batch norm", "one that is not folded",
                              "call fold_batch_norm first; each must follow a dense or convolution layer")  # fmt: skip
        if isinstance(layer, Softmax) and layer is not network.layers[-1]:
            raise ConfigError(where + repr(layer.name), "softmax as the last layer", "one inside",
                              "it has no spiking form")  # fmt: skip
        before = layer.name
    _check_rectifiers(network, where)


def _check_rectifiers(network: Network, where: str) -> None:
    weighted = {layer.name for layer in network.weighted}
    for layer in network.layers:
        if isinstance(layer, ReLU) and layer.inputs[0] not in weighted:
            raise ConfigError(where + repr(layer.name), "a ReLU right after a dense or convolution layer",
                              f"one after {layer.inputs[0]!r}", "move it")  # fmt: skip
    for layer in network.weighted[:-1]:
        (following,) = consumers(network.layers, layer.name)
        if not isinstance(following, ReLU):
            raise ConfigError(where + repr(layer.name), "a ReLU right after it", repr(following.name),
                              "spike counts cannot be negative")  # fmt: skip
    first = next(k for k, layer in enumerate(network.layers) if isinstance(layer, Weighted))
    for layer in network.layers[first:]:
        if not isinstance(layer, Weighted | ReLU | MaxPool | AvgPool | GlobalAvgPool | Flatten | Softmax):
            raise ConfigError(where + repr(layer.name), "a layer that spikes can pass", str(layer.model_dump()["kind"]),
                              "it has no spiking form")  # fmt: skip
