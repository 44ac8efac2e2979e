"""Layers that only spiking networks have: element-wise scaling, partial flattening, one-dimensional convolution.

They are what NIR's nodes need beyond the layers of a network.toml. Sum pooling is in `pooling`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neurosim.foundation.errors import DataError
from neurosim.graph.layer import Array, Count, Layer, LayerParams, Shape
from neurosim.graph.weighted import Conv2d, Weighted

_ANY_AXES = tuple(range(1, 9))


class Scale(Layer):
    """Element by element: y = scale x."""

    kind: Literal["scale"] = "scale"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, _ANY_AXES, "of one axis or more")

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """scale, of the input's shape."""
        return {"scale": shapes[0]}

    def forward(self, params: LayerParams, *xs: Array) -> Array:
        """Scaled, same shape."""
        return np.asarray(xs[0] * params["scale"])


class Merge(Layer):
    """Axes `first` to `last` (of those without the batch axis) in one; negative numbers count from the end."""

    kind: Literal["merge"] = "merge"
    first: int = 0
    last: int = -1

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's, with the product of the merged axes in their place."""
        shape = self._one(shapes, _ANY_AXES, "of one axis or more")
        first, last = (axis % len(shape) if -len(shape) <= axis < len(shape) else None
                       for axis in (self.first, self.last))  # fmt: skip
        if first is None or last is None or first > last:
            raise DataError(
                f"layer {self.name!r}",
                f"axes of {shape}, first to last",
                f"axes {self.first} to {self.last}",
                "number the axes from 0, the batch not among them; 0 to -1 merges all",
            )
        return (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :])

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """The same values, (N, *output shape)."""
        return xs[0].reshape(len(xs[0]), *self.output_shape(xs[0].shape[1:]))


class Conv1d(Weighted):
    """One-dimensional convolution over (channels, length): weight (out, in / groups, kernel), bias (out,).

    Computed as a two-dimensional one of height 1, which it equals.
    """

    kind: Literal["conv1d"] = "conv1d"
    channels: Count
    kernel: Count
    stride: Count = 1
    padding: Annotated[int, Field(ge=0)] = 0
    dilation: Count = 1
    groups: Count = 1

    @property
    def _flat(self) -> Conv2d:
        """The same convolution over images of one row; bound when this layer is."""
        layer = Conv2d(
            name=self.name, channels=self.channels, kernel=(1, self.kernel), stride=(1, self.stride),
            padding=(0, self.padding), dilation=(1, self.dilation), groups=self.groups, bias=self.has_bias,
        )  # fmt: skip
        shapes = tuple((channels, 1, length) for channels, length in self._input_shapes)
        return layer.bound(self.inputs, shapes) if shapes else layer

    @property
    def matrix_groups(self) -> int:
        """One matrix per group of channels."""
        return self.groups

    @property
    def columns(self) -> int:
        """Output channels of a group."""
        return self.channels // self.groups

    @property
    def rows(self) -> int:
        """Kernel x input channels of a group."""
        return self.input_shapes[0][0] // self.groups * self.kernel

    @property
    def positions(self) -> int:
        """Output samples."""
        return self.own_output_shape[1]

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, length) from (C, length)."""
        channels, length = self._one(shapes, (2,), "(channels, length)")
        out, _, samples = self._flat.output_shape((channels, 1, length))
        return (out, samples)

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """weight (out, in / groups, kernel) and bias (out,)."""
        weight: dict[str, Shape] = {"weight": (self.channels, shapes[0][0] // self.groups, self.kernel)}
        return weight | {"bias": (self.channels,)} if self.has_bias else weight

    def matrices(self, params: LayerParams) -> Array:
        """(groups, kernel * in / groups, out / groups)."""
        return self._flat.matrices({"weight": params["weight"][:, :, None, :]})

    def unfold(self, x: Array) -> Array:
        """Pieces of (N, C, length) as (groups, N, output samples, rows)."""
        return self._flat.unfold(x[:, :, None, :])

    def assemble(self, products: Array) -> Array:
        """(groups, N, output samples, out / groups) to (N, channels, output samples)."""
        return self._flat.assemble(products)[:, :, 0, :]
