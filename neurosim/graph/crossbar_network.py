"""The matrices of a spiking network as a network that can be placed and programmed like any other."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from neurosim.foundation.errors import ConfigError
from neurosim.graph.description import InputSpec
from neurosim.graph.layer import INPUT, Array
from neurosim.graph.network import Network
from neurosim.graph.spiking import Operation, Population, SpikingGraph
from neurosim.graph.to_spiking import SpikingNetwork
from neurosim.graph.weighted import Weighted
from neurosim.graph.weights import checked_params


@dataclass(frozen=True, eq=False)
class CrossbarNetwork(Network):
    """Dense and convolution layers alone, each bound to its own input's shape; what joins them is elsewhere.

    `placement.place`, `programming.program` and the checksum of the weights work as for every network; there is
    no forward pass.
    """

    def __post_init__(self) -> None:
        flat = {f"{layer}.{name}": array for layer, own in self.params.items() for name, array in own.items()}
        object.__setattr__(self, "params", checked_params(self.layers, flat, f"network {self.name!r}"))

    def __reduce__(self) -> tuple[type[Network], tuple[Any, ...]]:
        params = {layer: dict(own) for layer, own in self.params.items()}
        return CrossbarNetwork, (self.name, self.input, self.layers, params)

    def trace(self, x: Array, names: Collection[str]) -> tuple[Array, dict[str, Array]]:  # noqa: ARG002
        """Refused: ConfigError."""
        raise ConfigError(f"network {self.name!r}", "a network that computes", "its matrices alone",
                          "run the spiking network that they belong to")  # fmt: skip


def on_crossbars(graph: SpikingGraph, dataset: str = "") -> SpikingNetwork:
    """A network that spikes by itself, from a NIR file for example, as the spiking engine takes it.

    Images are encoded as they are, without a prelude or a scale. Raises as `crossbar_network`.
    """
    network = crossbar_network(graph, dataset)
    population_of: dict[str, str] = {}
    for layer in network.weighted:
        following = _following(graph, layer.name)
        if following is not None and following not in population_of.values():
            population_of[layer.name] = following
    return SpikingNetwork(graph, network, (), {INPUT: 1.0}, population_of, math.nan)


def _following(graph: SpikingGraph, name: str) -> str | None:
    """The first population that a layer's output reaches, walking through layers without weights."""
    for start, end in graph.edges:
        node = graph.by_name[end]
        if start != name or (isinstance(node, Operation) and isinstance(node.layer, Weighted)):
            continue
        found = end if isinstance(node, Population) else _following(graph, end)
        if found is not None:
            return found
    return None


def crossbar_network(graph: SpikingGraph, dataset: str = "") -> CrossbarNetwork:
    """The dense and convolution layers of a spiking network, in the order of its step.

    dataset : what is shown to it, for the description

    Raises ConfigError when there is none: a chip without weights has nothing to hold.
    """
    operations = [node for name in graph.order if isinstance(node := graph.by_name[name], Operation)]
    held = [node for node in operations if isinstance(node.layer, Weighted)]
    if not held:
        raise ConfigError(f"network {graph.name!r}", "at least one dense or convolution layer", "none",
                          "run it without a chip's crossbars")  # fmt: skip
    shape = graph.source.shape
    return CrossbarNetwork(
        name=graph.name,
        input=InputSpec(dataset=dataset, shape=shape),
        layers=tuple(node.layer for node in held),
        params={node.name: dict(node.params) for node in held},
    )
