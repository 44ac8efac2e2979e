"""What every layer of a network is: a frozen description that knows its shapes and its float forward."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BeforeValidator, Field, PrivateAttr

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.records import Record

Shape = tuple[int, ...]
Array = np.ndarray[Any, np.dtype[np.float32]]
LayerParams = Mapping[str, Array]
LayerName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]
Count = Annotated[int, Field(ge=1)]
INPUT = "input"  # the name of the network's input among the layers' `inputs`

Bound = TypeVar("Bound", bound="Layer")


def _as_pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


Sizes = Annotated[tuple[Count, Count], BeforeValidator(_as_pair)]
"""(height, width); one number means both."""
Margins = Annotated[
    tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], BeforeValidator(_as_pair)
]
"""Zeros added on either side: (above and below, left and right); one number means both."""


class Layer(Record, ABC):
    """One layer: its name, and the names of the layers (or "input") whose outputs it takes.

    No `inputs` means the layer before. A layer inside a Network is bound: its inputs are written out and it
    knows their shapes. Shapes never include the batch axis; images are (channels, height, width).
    """

    name: LayerName
    inputs: tuple[str, ...] = ()
    _input_shapes: tuple[Shape, ...] = PrivateAttr(default=())

    def bound(self: Bound, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> Bound:
        """A copy that takes these inputs, of these shapes."""
        copy = self.model_copy(update={"inputs": inputs})
        copy._input_shapes = shapes
        return copy

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the inputs; ConfigError when the layer is not part of a network yet."""
        if not self._input_shapes:
            raise ConfigError(
                f"layer {self.name!r}",
                "a layer of a network",
                "one on its own",
                "put it in a Network, or use bound()",
            )
        return self._input_shapes

    @property
    def own_output_shape(self) -> Shape:
        """Output shape of a bound layer."""
        return self.output_shape(*self.input_shapes)

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """Output shape for inputs of these shapes; DataError when the layer cannot take them."""

    def parameter_shapes(self, *shapes: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """Names and shapes of the layer's parameters, in PyTorch's axis order; most layers have none."""
        return {}

    @abstractmethod
    def forward(self, params: LayerParams, *xs: Array) -> Array:
        """Float32 output (N, *output_shape) for inputs (N, *input shape)."""

    def work_floats(self, *shapes: Shape) -> int:
        """Floats needed per image while this layer runs: its inputs, its output, what it lays out between."""
        return int(sum(np.prod(s) for s in shapes) + np.prod(self.output_shape(*shapes)))

    def _one(self, shapes: tuple[Shape, ...], axes: tuple[int, ...], what: str) -> Shape:
        if len(shapes) != 1:
            raise ConfigError(
                f"layer {self.name!r}", "one input", f"{len(shapes)}", "name one layer in `inputs`"
            )
        if len(shapes[0]) not in axes:
            raise DataError(
                f"layer {self.name!r}",
                f"an input of shape {what}",
                _text(shapes[0]),
                "add a flatten layer before a dense one; images have three axes",
            )
        return shapes[0]


def windows(shape: Shape, kernel: Shape, stride: Shape, padding: Shape, where: str) -> Shape:
    """(height, width) of the grid of windows over an image (C, H, W); DataError when none fits."""
    sizes = tuple(s + 2 * p for s, p in zip(shape[1:], padding, strict=True))
    if any(k > s for k, s in zip(kernel, sizes, strict=True)):
        raise DataError(
            f"layer {where!r}",
            f"an image of at least {_text(kernel)} pixels",
            _text(sizes),
            "use a smaller kernel, or padding",
        )
    return tuple((s - k) // d + 1 for s, k, d in zip(sizes, kernel, stride, strict=True))


def padded(x: Array, padding: Shape, value: float) -> Array:
    """Images (N, C, H, W) with a margin of `value` on every side."""
    (v, h) = padding
    return np.pad(x, ((0, 0), (0, 0), (v, v), (h, h)), constant_values=value) if v or h else x


def _text(shape: Shape) -> str:
    return " x ".join(map(str, shape)) if shape else "nothing"
