"""A layer with weights as a processor sees it: a convolution of known sides, or a dense layer as one of 1 x 1."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Conv2d, Dense, Layer, Weighted


@dataclass(frozen=True)
class LayerShape:
    """Sides of one layer, per group of channels; the letters are those of Chen et al. 2016 (Eyeriss).

    channels (C), outputs (M) : input and output channels of a group
    kernel (R, S), stride (U, V) : height first
    image (H, W) : of the input, without its margins; result (E, F) : of the output
    """

    name: str
    groups: int
    channels: int
    outputs: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    image: tuple[int, int]
    result: tuple[int, int]
    biased: bool

    @property
    def rows(self) -> int:
        """Inputs of one output: rows of the weight matrix."""
        return self.channels * math.prod(self.kernel)

    @property
    def positions(self) -> int:
        """Outputs of one channel: input vectors of the weight matrix."""
        return math.prod(self.result)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return self.groups * self.positions * self.rows * self.outputs

    @property
    def weights(self) -> int:
        """Words of weights, biases apart."""
        return self.groups * self.rows * self.outputs

    @property
    def input_words(self) -> int:
        """Words of the input of one image."""
        return self.groups * self.channels * math.prod(self.image)

    @property
    def output_words(self) -> int:
        """Words of the output of one image."""
        return self.groups * self.outputs * self.positions

    @property
    def geometry(self) -> LayerGeometry:
        """Its place in a run file. No tile holds it: its weights are words in a memory."""
        return LayerGeometry(
            name=self.name, rows=self.rows, columns=self.outputs, groups=self.groups, positions=self.positions,
            phases=1, polarities=1, devices_per_weight=0, row_splits=(), column_splits=(), macs=self.macs,
        )  # fmt: skip


def layer_shapes(layers: Iterable[Layer], network: str) -> tuple[LayerShape, ...]:
    """The weighted layers of a network, in order.

    Raises ConfigError for a network without any, and for a layer that no processor here computes.
    """
    shapes = tuple(_shape(layer) for layer in layers if isinstance(layer, Weighted))
    if not shapes:
        raise ConfigError(f"network {network!r}", "at least one dense or convolution layer", "none",
                          "a processor without products has nothing to do")  # fmt: skip
    return shapes


def _shape(layer: Weighted) -> LayerShape:
    if isinstance(layer, Dense):
        return LayerShape(
            layer.name, 1, layer.rows, layer.columns, (1, 1), (1, 1), (1, 1), (1, 1), layer.has_bias
        )
    if not isinstance(layer, Conv2d):
        kind = layer.model_dump().get("kind", type(layer).__name__)
        raise ConfigError(f"layer {layer.name!r}", "a dense or a conv2d layer", f"one of kind {kind!r}",
                          "choose a network of rates, such as mnist_lenet")  # fmt: skip
    channels, *image = layer.input_shapes[0]
    _, *result = layer.own_output_shape
    return LayerShape(
        layer.name,
        layer.groups,
        channels // layer.groups,
        layer.columns,
        layer.kernel,
        layer.stride,
        (image[0], image[1]),
        (result[0], result[1]),
        layer.has_bias,
    )
