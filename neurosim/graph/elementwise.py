"""Layers without a matrix or a window: batch norm, activations, bias inputs, flatten, residual sum, softmax."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph.layer import Array, Layer, LayerParams, Shape


class BatchNorm(Layer):
    """Per channel: weight (x - mean) / sqrt(variance + epsilon) + bias, with the stored statistics."""

    kind: Literal["batch_norm"] = "batch_norm"
    epsilon: Annotated[float, Field(gt=0)] = 1e-5  # PyTorch's default

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, (1, 3), "(features,) or (channels, height, width)")

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """weight, bias, mean and variance, each (channels,)."""
        return dict.fromkeys(("weight", "bias", "mean", "variance"), (shapes[0][0],))

    def affine(self, params: LayerParams) -> tuple[Array, Array]:
        """The layer as y = scale x + shift: scale and shift, each (channels,)."""
        scale = params["weight"] / np.sqrt(params["variance"] + np.float32(self.epsilon))
        return scale, params["bias"] - params["mean"] * scale

    def forward(self, params: LayerParams, *xs: Array) -> Array:
        """Scaled and shifted, same shape."""
        (x,) = xs
        scale, shift = (a.reshape(-1, *([1] * (x.ndim - 2))) for a in self.affine(params))
        return np.asarray(x * scale + shift)


class ReLU(Layer):
    """Negative values become zero."""

    kind: Literal["relu"] = "relu"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, tuple(range(1, 9)), "of one axis or more")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """max(x, 0)."""
        return np.maximum(xs[0], np.float32(0))


class RectifiedTanh(Layer):
    """Negative values become zero, positive ones saturate at 1: an analog neuron that can only source current."""

    kind: Literal["rectified_tanh"] = "rectified_tanh"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's."""
        return self._one(shapes, tuple(range(1, 9)), "of one axis or more")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """tanh(max(x, 0))."""
        return np.asarray(np.tanh(np.maximum(xs[0], np.float32(0))))


class BiasInput(Layer):
    """One input more, last, that is always `level`: the row of an array that holds the biases of the layer after it."""

    kind: Literal["bias_input"] = "bias_input"
    level: Annotated[float, Field(gt=0)] = 1.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """(features + 1,) from (features,)."""
        (features,) = self._one(shapes, (1,), "(features,)")
        return (features + 1,)

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """The input, and `level` after it."""
        (x,) = xs
        return np.concatenate([x, np.full((len(x), 1), self.level, np.float32)], axis=1)


class Flatten(Layer):
    """All axes in one, channel first, then row, then column."""

    kind: Literal["flatten"] = "flatten"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The product of the input's axes."""
        return (int(np.prod(self._one(shapes, tuple(range(1, 9)), "of one axis or more"))),)

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """(N, features)."""
        return xs[0].reshape(len(xs[0]), -1)


class Add(Layer):
    """Sum of two or more inputs of one shape (a residual connection)."""

    kind: Literal["add"] = "add"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The common shape of the inputs."""
        if len(shapes) < 2:
            raise ConfigError(
                f"layer {self.name!r}", "two inputs or more", f"{len(shapes)}", "name them in `inputs`"
            )
        if len(set(shapes)) > 1:
            raise DataError(
                f"layer {self.name!r}",
                "inputs of one shape",
                ", ".join(map(str, shapes)),
                "match channels, strides and padding of the branches",
            )
        return shapes[0]

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """x1 + x2 + ..., added in that order."""
        out = xs[0] + xs[1]
        for x in xs[2:]:
            out += x
        return out


class Softmax(Layer):
    """Probabilities of the classes; the largest is the answer."""

    kind: Literal["softmax"] = "softmax"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's, (classes,)."""
        return self._one(shapes, (1,), "(classes,)")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """exp(x - max x), normalised to a sum of 1."""
        powers = np.exp(xs[0] - xs[0].max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
