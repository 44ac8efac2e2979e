"""The shapes of a network: layers wired together, without weights. All that a place on a chip needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from neurosim.foundation.errors import ConfigError, near
from neurosim.graph.description import InputSpec
from neurosim.graph.layer import Layer, Shape
from neurosim.graph.weighted import Weighted
from neurosim.graph.wiring import wire


@dataclass(frozen=True, eq=False)
class Architecture:
    """A feed-forward network's layers, a directed graph without cycles.

    Parameters
    ----------
    name : its name
    input : data set, shape (without the batch axis) and crop of what it takes
    layers : in an order in which every layer comes after those it takes; the last is the output

    Raises ConfigError for names that are double or unknown, DataError for shapes that do not chain.
    """

    name: str
    input: InputSpec
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ConfigError(f"network {self.name!r}", "at least one layer", "none", "add [[layers]]")
        object.__setattr__(self, "layers", wire(self.layers, self.input.shape, self.name))

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Output shape of every layer, without the batch axis."""
        return {layer.name: layer.own_output_shape for layer in self.layers}

    @property
    def output_shape(self) -> Shape:
        """Shape of the network's output."""
        return self.shapes[self.layers[-1].name]

    @property
    def weighted(self) -> tuple[Weighted, ...]:
        """The dense and convolution layers, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Weighted))

    @property
    def weights(self) -> int:
        """Number of weights in the matrices (biases and batch norm apart)."""
        return sum(layer.matrix_groups * layer.rows * layer.columns for layer in self.weighted)

    @property
    def parameters(self) -> int:
        """Number of trained parameters: weights, biases, scale and shift of batch norms (not their statistics)."""
        return sum(
            math.prod(shape)
            for layer in self.layers
            for name, shape in layer.parameter_shapes(*layer.input_shapes).items()
            if name in ("weight", "bias")
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, of the dense and convolution layers."""
        return sum(layer.macs for layer in self.weighted)

    def layer(self, name: str) -> Layer:
        """The layer of a name; ConfigError, with near names, when there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ConfigError(
            f"network {self.name!r}: layer", "a known name", repr(name), near(name, self.shapes)
        )
