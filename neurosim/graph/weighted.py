"""The layers that hold a matrix: dense and convolution. Their products are what a crossbar computes.

Both are one matrix product: `forward == assemble(unfold(x) @ matrices) + bias`. An engine keeps unfold and
assemble and puts a crossbar in the place of the product.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field, model_validator

from neurosim.foundation.errors import DataError
from neurosim.graph.layer import Array, Count, Layer, LayerParams, Margins, Shape, Sizes, padded, windows


class Weighted(Layer):
    """A layer whose output is a matrix product of its (rearranged) input, plus a bias."""

    has_bias: bool = Field(default=True, alias="bias")

    @property
    @abstractmethod
    def matrix_groups(self) -> int:
        """Number of separate matrices."""

    @property
    @abstractmethod
    def columns(self) -> int:
        """Columns (outputs) of each matrix."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows (inputs) of each matrix of a bound layer."""

    @property
    @abstractmethod
    def positions(self) -> int:
        """Input vectors per image and group of a bound layer: output pixels, 1 when dense."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image of a bound layer."""
        return self.matrix_groups * self.positions * self.rows * self.columns

    @abstractmethod
    def matrices(self, params: LayerParams) -> Array:
        """The weights as float32 (groups, rows, columns), contiguous, rows in unfold's order."""

    @abstractmethod
    def unfold(self, x: Array) -> Array:
        """Input vectors of every product: (N, *input shape) to contiguous (groups, N, positions, rows)."""

    @abstractmethod
    def assemble(self, products: Array) -> Array:
        """Products (groups, N, positions, columns) of a bound layer to (N, *output shape); no bias added."""

    def bias(self, params: LayerParams) -> Array | None:
        """The biases (groups, columns), or None when the layer has none."""
        return params["bias"].reshape(self.matrix_groups, self.columns) if self.has_bias else None

    def forward(self, params: LayerParams, *xs: Array) -> Array:
        """Unfold, multiply, add the bias, assemble; float32."""
        (x,) = xs
        vectors = self.unfold(x)
        groups, images, positions, rows = vectors.shape
        products = np.matmul(vectors.reshape(groups, images * positions, rows), self.matrices(params))
        products = products.reshape(groups, images, positions, self.columns)
        if (bias := self.bias(params)) is not None:
            products += bias[:, None, None, :]
        return self.bound(self.inputs, (x.shape[1:],)).assemble(products)

    def work_floats(self, *shapes: Shape) -> int:
        """As for every layer, plus the unfolded input and the products."""
        layer = self.bound(self.inputs, shapes)
        unfolded = layer.matrix_groups * layer.positions * (layer.rows + layer.columns)
        return super().work_floats(*shapes) + unfolded


class FullyConnected(Weighted):
    """One matrix between all inputs and all units: weight (units, features), bias (units,)."""

    units: Count

    @property
    def matrix_groups(self) -> int:
        """One matrix."""
        return 1

    @property
    def columns(self) -> int:
        """The units."""
        return self.units

    @property
    def rows(self) -> int:
        """The input's features."""
        return self.input_shapes[0][0]

    @property
    def positions(self) -> int:
        """One vector per image."""
        return 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """(units,) from (features,)."""
        self._one(shapes, (1,), "(features,)")
        return (self.units,)

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """weight (units, features) and bias (units,)."""
        weight: dict[str, Shape] = {"weight": (self.units, shapes[0][0])}
        return weight | {"bias": (self.units,)} if self.has_bias else weight

    def matrices(self, params: LayerParams) -> Array:
        """The transposed weight, (1, features, units)."""
        return np.ascontiguousarray(params["weight"].T)[None]

    def unfold(self, x: Array) -> Array:
        """(N, features) to (1, N, 1, features)."""
        return np.ascontiguousarray(x)[None, :, None, :]

    def assemble(self, products: Array) -> Array:
        """(1, N, 1, units) to (N, units)."""
        return products[0, :, 0, :]


class Dense(FullyConnected):
    """Fully connected: weight (units, features), bias (units,)."""

    kind: Literal["dense"] = "dense"


class Conv2d(Weighted):
    """Two-dimensional convolution: weight (out, in / groups, height, width), bias (out,).

    The rows of its matrices run over kernel row, kernel column, input channel: neighbouring pixels then lie
    together in memory, which makes unfolding several times faster than with the channel first.
    """

    kind: Literal["conv2d"] = "conv2d"
    channels: Count
    kernel: Sizes
    stride: Sizes = (1, 1)
    padding: Margins = (0, 0)
    dilation: Sizes = (1, 1)
    groups: Count = 1

    @model_validator(mode="after")
    def _whole_groups(self) -> Conv2d:
        if self.channels % self.groups:
            raise ValueError(
                f"groups must divide the channels ({self.groups} does not divide {self.channels})"
            )
        return self

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width that the kernel spans: more than its own where its taps are `dilation` apart."""
        (down, right), (height, width) = self.dilation, self.kernel
        return down * (height - 1) + 1, right * (width - 1) + 1

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
        """Kernel height x width x input channels of a group."""
        return self.input_shapes[0][0] // self.groups * self.kernel[0] * self.kernel[1]

    @property
    def positions(self) -> int:
        """Output pixels."""
        _, height, width = self.own_output_shape
        return height * width

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, height, width) from (C, H, W)."""
        shape = self._one(shapes, (3,), "(channels, height, width)")
        if shape[0] % self.groups:
            raise DataError(
                f"layer {self.name!r}",
                f"input channels divisible by {self.groups} groups",
                f"{shape[0]} channels",
                "change `groups`, or the channels of the layer before",
            )
        return (self.channels, *windows(shape, self.extent, self.stride, self.padding, self.name))

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """weight (out, in / groups, height, width) and bias (out,)."""
        weight: dict[str, Shape] = {"weight": (self.channels, shapes[0][0] // self.groups, *self.kernel)}
        return weight | {"bias": (self.channels,)} if self.has_bias else weight

    def matrices(self, params: LayerParams) -> Array:
        """(groups, height * width * in / groups, out / groups)."""
        weight = params["weight"]
        grouped = weight.reshape(self.groups, self.columns, *weight.shape[1:])
        rows_first = grouped.transpose(0, 3, 4, 2, 1)
        return np.ascontiguousarray(rows_first).reshape(self.groups, -1, self.columns)

    def unfold(self, x: Array) -> Array:
        """Patches of (N, C, H, W) as (groups, N, output pixels, rows)."""
        images, channels = x.shape[:2]
        last = np.ascontiguousarray(padded(x, self.padding, 0).transpose(0, 2, 3, 1))
        every: Array = sliding_window_view(last, self.extent, axis=(1, 2))  # type: ignore[call-overload]
        taps = every[..., :: self.dilation[0], :: self.dilation[1]]
        view = taps[:, :: self.stride[0], :: self.stride[1]]
        _, height, width = view.shape[:3]
        split = view.reshape(*view.shape[:3], self.groups, channels // self.groups, *self.kernel)
        patches = np.ascontiguousarray(split.transpose(3, 0, 1, 2, 5, 6, 4))
        rows = channels // self.groups * self.kernel[0] * self.kernel[1]
        return patches.reshape(self.groups, images, height * width, rows)

    def assemble(self, products: Array) -> Array:
        """(groups, N, output pixels, out / groups) to (N, channels, height, width)."""
        return np.ascontiguousarray(products.transpose(1, 0, 3, 2)).reshape(-1, *self.own_output_shape)
