"""Joining layers: every input resolved to a name, every shape worked out, in the order they are written."""

from __future__ import annotations

from collections.abc import Iterable

from neurosim.foundation.errors import ConfigError, near
from neurosim.graph.layer import INPUT, Layer, Shape


def wire(layers: Iterable[Layer], input_shape: Shape, network: str) -> tuple[Layer, ...]:
    """The layers, bound to their inputs and to their shapes.

    Raises ConfigError for a name used twice and for an input that is no earlier layer, DataError (from the
    layer) for shapes that do not chain.
    """
    shapes: dict[str, Shape] = {INPUT: tuple(input_shape)}
    bound: list[Layer] = []
    before = INPUT
    for layer in layers:
        where = f"network {network!r}, layer {layer.name!r}"
        if layer.name in shapes:
            raise ConfigError(
                where, "a name of its own", f"{layer.name!r} a second time", "rename one of the layers"
            )
        sources = layer.inputs or (before,)
        for source in sources:
            if source not in shapes:
                raise ConfigError(
                    f"{where}: inputs", "the name of an earlier layer", repr(source), near(source, shapes)
                )
        taken = tuple(shapes[source] for source in sources)
        shapes[layer.name] = layer.output_shape(*taken)
        bound.append(layer.bound(sources, taken))
        before = layer.name
    return tuple(bound)


def consumers(layers: Iterable[Layer], name: str) -> tuple[Layer, ...]:
    """The layers that take the output of `name`."""
    return tuple(layer for layer in layers if name in layer.inputs)
