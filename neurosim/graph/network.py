"""A network in memory: its architecture, its weights, and the plain float forward."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tomli_w

from neurosim.foundation.errors import DataError
from neurosim.foundation.records import FORMAT
from neurosim.graph.architecture import Architecture
from neurosim.graph.description import Coding, Recipe
from neurosim.graph.layer import INPUT, Array, LayerParams
from neurosim.graph.plastic import Learning
from neurosim.graph.weights import Params, checked_params, checksum, weights_bytes

WORKING_SET_BYTES = 128 * 2**20  # bound on the floats one block of images needs at its widest layer


@dataclass(frozen=True, eq=False)
class Network(Architecture):
    """A frozen feed-forward network: an architecture with weights.

    Parameters
    ----------
    name : its name
    input : data set, shape (without the batch axis) and crop of what it takes
    layers : in an order in which every layer comes after those it takes; the last is the output
    params : layer name -> parameter name -> array, PyTorch's axis order; kept as read-only float32
    title : one line for people
    training : the recipe its weights come from
    text : the TOML it was read from, if it was
    coding : what the numbers between its layers mean
    learning : how it learns on the chip, if it does

    Raises ConfigError for names that are double or unknown, DataError for shapes that do not chain and for
    parameters that are missing, left over, of another shape or not finite.
    """

    params: Params
    title: str = ""
    training: Recipe | None = None
    text: str = field(default="", repr=False)
    coding: Coding = "rate"
    learning: Learning | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        flat = {f"{layer}.{name}": array for layer, own in self.params.items() for name, array in own.items()}
        object.__setattr__(self, "params", checked_params(self.layers, flat, f"network {self.name!r}"))

    def __reduce__(self) -> tuple[type[Network], tuple[Any, ...]]:
        params = {layer: dict(own) for layer, own in self.params.items()}
        return Network, (
            self.name, self.input, self.layers, params, self.title, self.training, self.text, self.coding,
            self.learning,
        )  # fmt: skip

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the weights, as they stand in a weights file written here."""
        return checksum(weights_bytes(self.params))

    def layer_params(self, name: str) -> LayerParams:
        """The parameters of a layer; empty for a layer that has none."""
        return self.params.get(name, {})

    @cached_property
    def block_images(self) -> int:
        """Images computed together in `forward`: as many as keep the widest layer within the working set."""
        widest = max(layer.work_floats(*layer.input_shapes) for layer in self.layers)
        return int(max(1, min(1024, WORKING_SET_BYTES // (4 * widest))))

    def forward(self, x: Array) -> Array:
        """Float32 outputs (N, *output shape) for inputs (N, *input shape), float32.

        Computed in blocks of `block_images` images, so that memory stays bounded for any N; the last bits
        of an output may depend on the size of its block. Raises DataError for another shape or dtype.
        """
        return self.trace(x, ())[0]

    def trace(self, x: Array, names: Collection[str]) -> tuple[Array, dict[str, Array]]:
        """The output, and the activations (N, *shape) of the layers named ("input" included).

        Raises DataError for an input of another shape or dtype, ConfigError for an unknown layer.
        """
        for name in names:
            if name != INPUT:
                self.layer(name)
        self._check_input(x)
        kept = {
            n: np.empty((len(x), *(self.shapes | {INPUT: self.input.shape})[n]), np.float32) for n in names
        }
        out = np.empty((len(x), *self.output_shape), np.float32)
        for start in range(0, len(x), self.block_images):
            block = slice(start, start + self.block_images)
            for name, value in self._activations(x[block]):
                if name in kept:
                    kept[name][block] = value
                if name == self.layers[-1].name:
                    out[block] = value
        return out, kept

    def _activations(self, x: Array) -> Iterator[tuple[str, Array]]:
        """Name and output of the input and of each layer; an array is let go after its last use."""
        last_use = {source: layer.name for layer in self.layers for source in layer.inputs}
        live = {INPUT: x}
        yield INPUT, x
        for layer in self.layers:
            live[layer.name] = layer.forward(self.layer_params(layer.name), *(live[s] for s in layer.inputs))
            yield layer.name, live[layer.name]
            for source in layer.inputs:
                if last_use[source] == layer.name:
                    live.pop(source, None)

    def _check_input(self, x: Array) -> None:
        where, got = f"network {self.name!r}: input", getattr(x, "dtype", type(x).__name__)
        if got != np.float32:
            raise DataError(where, "a float32 array", str(got), "convert it, for example with inputs.prepare")
        if x.shape[1:] != self.input.shape:
            raise DataError(
                where,
                f"shape (N, {', '.join(map(str, self.input.shape))})",
                str(x.shape),
                f"prepare images of {self.input.dataset!r} for this network",
            )

    def description(self) -> str:
        """The network as TOML text (without weights): as it was read, or written anew."""
        return self.text or _as_toml(self)


def _as_toml(network: Network) -> str:
    content: dict[str, Any] = {"format": FORMAT, "name": network.name, "title": network.title}
    content |= {"coding": network.coding} if network.coding != "rate" else {}
    content["input"] = _plain(network.input)
    content["layers"] = [{"kind": layer.model_dump()["kind"], **_plain(layer)} for layer in network.layers]
    if network.training is not None:
        content["training"] = _plain(network.training)
    if network.learning is not None:
        content["learning"] = _plain(network.learning)
    return tomli_w.dumps(content)


def _plain(record: Any) -> Mapping[str, Any]:
    return dict(record.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True))
