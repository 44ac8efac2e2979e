"""Layers of networks made for neurosynaptic cores: binary activations, ternary weights, blocks of few inputs.

A core cannot pass a partial sum on, so every sum must be formed within one core; and a synapse of a core is there
or not, its sign being the axon's, so that a ternary input takes two axons of the 256. A sum therefore has 128
inputs at most, and layers are cut into blocks that see a part of their input each (Esser et al., PNAS 113, 11441,
2016). The matrices hold -1, 0 and 1, the biases whole numbers: the forward is exact.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph.layer import Array, Count, Layer, LayerParams, Shape, Sizes
from neurosim.graph.weighted import Conv2d, Weighted

MOST_INPUTS = 128  # of one sum: half of a core's 256 axons, a ternary input taking two
MOST_BIAS = 255  # a core adds the bias as its leak, nine bits with sign
OUTSIDE = -1  # in `Block.inputs`: a place in the margin around an image, where nothing ever arrives


@dataclass(frozen=True)
class Block:
    """One product of a ternary layer: which inputs it sums and which outputs it gives, as places in flat arrays.

    group : the matrix it uses
    inputs : int64 (rows,), OUTSIDE where there is none
    outputs : int64 (columns,)
    """

    group: int
    inputs: np.ndarray
    outputs: np.ndarray


class Ternary(Weighted):
    """A layer of sums over few inputs with weights -1, 0 and 1."""

    @abstractmethod
    def input_places(self) -> np.ndarray:
        """Flat places of each product's inputs: int64 (groups, positions, rows) of a bound layer."""

    @abstractmethod
    def output_places(self) -> np.ndarray:
        """Flat places of each product's outputs: int64 (groups, positions, columns) of a bound layer."""

    def blocks(self) -> tuple[Block, ...]:
        """All products of a bound layer, position by position, the groups of a position together."""
        inputs, outputs = self.input_places(), self.output_places()
        groups, positions, _ = inputs.shape
        return tuple(Block(g, inputs[g, p], outputs[g, p]) for p in range(positions) for g in range(groups))

    def _few(self, rows: int, remedy: str) -> None:
        if rows > MOST_INPUTS:
            raise ConfigError(
                f"layer {self.name!r}", f"at most {MOST_INPUTS} inputs to a sum", str(rows), remedy
            )


class TernaryDense(Ternary):
    """Dense blocks: the input in `parts` equal parts, each seen by an equal part of the units.

    weight (units, features / parts), bias (units,).
    """

    kind: Literal["ternary_dense"] = "ternary_dense"
    units: Count
    parts: Count = 1

    @property
    def matrix_groups(self) -> int:
        """One matrix per part."""
        return self.parts

    @property
    def columns(self) -> int:
        """Units of a part."""
        return self.units // self.parts

    @property
    def rows(self) -> int:
        """Inputs of a part."""
        return self.input_shapes[0][0] // self.parts

    @property
    def positions(self) -> int:
        """One vector per image."""
        return 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """(units,) from (features,)."""
        (features,) = self._one(shapes, (1,), "(features,)")
        for what, number in (("inputs", features), ("units", self.units)):
            if number % self.parts:
                raise ConfigError(f"layer {self.name!r}: parts", f"a divisor of its {number} {what}",
                                  str(self.parts), f"choose parts and {what} that divide")  # fmt: skip
        fewest = -(-features // MOST_INPUTS)
        self._few(features // self.parts, f"set parts = {fewest} or more")
        return (self.units,)

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """weight (units, features / parts) and bias (units,)."""
        weight: dict[str, Shape] = {"weight": (self.units, shapes[0][0] // self.parts)}
        return weight | {"bias": (self.units,)} if self.has_bias else weight

    def matrices(self, params: LayerParams) -> Array:
        """(parts, features / parts, units / parts)."""
        grouped = params["weight"].reshape(self.parts, self.columns, -1)
        return np.ascontiguousarray(grouped.transpose(0, 2, 1))

    def unfold(self, x: Array) -> Array:
        """(N, features) to (parts, N, 1, features / parts)."""
        return np.ascontiguousarray(x.reshape(len(x), self.parts, -1).transpose(1, 0, 2))[:, :, None, :]

    def assemble(self, products: Array) -> Array:
        """(parts, N, 1, units / parts) to (N, units)."""
        return np.ascontiguousarray(products[:, :, 0, :].transpose(1, 0, 2)).reshape(products.shape[1], -1)

    def input_places(self) -> np.ndarray:
        """One part after the other."""
        return np.arange(self.parts * self.rows).reshape(self.parts, 1, self.rows)

    def output_places(self) -> np.ndarray:
        """One part after the other."""
        return np.arange(self.units).reshape(self.parts, 1, self.columns)


class TernaryWindows(Ternary):
    """Windows spread evenly over an image, each with features of its own (locally connected, no shared weights).

    grid : (down, across) windows; the outermost lie at the borders, the others at rounded even distances
    Output (features, down, across); weight (down * across, features, rows) with rows over channel, row, column;
    bias (down * across, features).
    """

    kind: Literal["ternary_windows"] = "ternary_windows"
    kernel: Sizes
    grid: Sizes
    features: Count

    @property
    def matrix_groups(self) -> int:
        """One matrix per window."""
        return self.grid[0] * self.grid[1]

    @property
    def columns(self) -> int:
        """Features of a window."""
        return self.features

    @property
    def rows(self) -> int:
        """Pixels of a window, all channels."""
        return self._rows(self.input_shapes[0])

    def _rows(self, shape: Shape) -> int:
        return shape[0] * self.kernel[0] * self.kernel[1]

    @property
    def positions(self) -> int:
        """One vector per window and image."""
        return 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """(features, down, across) from (C, H, W)."""
        shape = self._one(shapes, (3,), "(channels, height, width)")
        for side, kernel, windows in zip(shape[1:], self.kernel, self.grid, strict=True):
            if kernel > side:
                raise DataError(f"layer {self.name!r}", f"an image of at least {kernel} pixels a side", str(side),
                                "use a smaller kernel")  # fmt: skip
            if windows > side - kernel + 1:
                raise ConfigError(f"layer {self.name!r}: grid", f"at most {side - kernel + 1} windows a side",
                                  str(windows), "use fewer windows, or a smaller kernel")  # fmt: skip
        self._few(self._rows(shape), "use a smaller kernel, or fewer channels before it")
        return (self.features, *self.grid)

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """weight (windows, features, rows) and bias (windows, features)."""
        weight: dict[str, Shape] = {"weight": (self.matrix_groups, self.features, self._rows(shapes[0]))}
        return weight | {"bias": (self.matrix_groups, self.features)} if self.has_bias else weight

    def matrices(self, params: LayerParams) -> Array:
        """(windows, rows, features)."""
        return np.ascontiguousarray(params["weight"].transpose(0, 2, 1))

    def unfold(self, x: Array) -> Array:
        """Windows of (N, C, H, W) as (windows, N, 1, rows)."""
        places = self.bound(self.inputs, (x.shape[1:],)).input_places()[:, 0]
        return np.ascontiguousarray(x.reshape(len(x), -1)[:, places].transpose(1, 0, 2))[:, :, None, :]

    def assemble(self, products: Array) -> Array:
        """(windows, N, 1, features) to (N, features, down, across)."""
        turned = np.ascontiguousarray(products[:, :, 0, :].transpose(1, 2, 0))
        return turned.reshape(products.shape[1], self.features, *self.grid)

    def input_places(self) -> np.ndarray:
        """Pixels of each window: channel, row, column."""
        channels, height, width = self.input_shapes[0]
        pixels = np.arange(channels * height * width).reshape(channels, height, width)
        down, across = (np.rint(np.linspace(0, side - kernel, count)).astype(int) for side, kernel, count in
                        zip((height, width), self.kernel, self.grid, strict=True))  # fmt: skip
        k, m = self.kernel
        return np.array([[pixels[:, y : y + k, x : x + m].ravel()] for y in down for x in across])

    def output_places(self) -> np.ndarray:
        """Feature f of window w is output f * windows + w."""
        count = self.matrix_groups
        return (np.arange(self.features) * count + np.arange(count)[:, None])[:, None, :]


class TernaryConv2d(Conv2d, Ternary):
    """A convolution of ternary weights, shared by all positions; shapes and parameters as `Conv2d`."""

    kind: Literal["ternary_conv2d"] = "ternary_conv2d"  # type: ignore[assignment]

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, height, width) from (C, H, W)."""
        shape = super().output_shape(*shapes)
        rows = shapes[0][0] // self.groups * self.kernel[0] * self.kernel[1]
        self._few(rows, f"set groups = {-(-rows * self.groups // MOST_INPUTS)} or more, or a smaller kernel")
        return shape

    def input_places(self) -> np.ndarray:
        """The unfolded places of the pixels, OUTSIDE in the margin."""
        (shape,) = self.input_shapes
        # one added, so that the zeros of the margin are no pixel; float64 holds every place exactly
        places = np.arange(1, np.prod(shape) + 1, dtype=np.float64).reshape(1, *shape)
        return self.unfold(places)[:, 0].astype(np.int64) - 1  # type: ignore[arg-type]

    def output_places(self) -> np.ndarray:
        """Channel, row, column."""
        places = np.arange(np.prod(self.own_output_shape)).reshape(self.groups, self.columns, self.positions)
        return np.ascontiguousarray(places.transpose(0, 2, 1))


class Binarise(Layer):
    """The frame of spikes that enters the cores: 1 where the input is above `level`, else 0."""

    kind: Literal["binarise"] = "binarise"
    level: Annotated[float, Field()] = 0.5

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, tuple(range(1, 9)), "of one axis or more")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """0 and 1."""
        return (xs[0] > np.float32(self.level)).astype(np.float32)


class Fire(Layer):
    """A neuron that starts every frame from rest: 1 where the sum reaches 1, else 0.

    Sums of ternary weights are whole numbers; the comparison lies half-way, where noise is least likely to tip it.
    """

    kind: Literal["fire"] = "fire"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, tuple(range(1, 9)), "of one axis or more")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """0 and 1."""
        return (xs[0] > np.float32(0.5)).astype(np.float32)


class Votes(Layer):
    """Spikes counted per class: unit u votes for class u modulo the number of classes."""

    kind: Literal["votes"] = "votes"
    classes: Count

    def output_shape(self, *shapes: Shape) -> Shape:
        """(classes,) from (units,)."""
        (units,) = self._one(shapes, (1,), "(units,)")
        if units % self.classes:
            raise ConfigError(f"layer {self.name!r}: classes", f"a divisor of the {units} units before it",
                              str(self.classes), "give every class the same number of units")  # fmt: skip
        return (self.classes,)

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """Votes per class, float32 (N, classes)."""
        return np.asarray(xs[0].reshape(len(xs[0]), -1, self.classes).sum(axis=1))
