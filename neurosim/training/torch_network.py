"""A network as PyTorch sees it: the same layers on tensors that hold gradients. Imports PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neurosim.foundation.errors import ConfigError
from neurosim.graph import INPUT, FirstSpikeDense, Layer, Softmax, Weighted
from neurosim.training import first_spike

Tensors = Mapping[str, Tensor]
_BN_MOMENTUM = 0.1  # share of the newest batch in the running statistics; PyTorch's default


@dataclass(frozen=True)
class Noise:
    """Gaussian noise of `eta` x max|W| on every matrix, drawn anew at each forward pass."""

    eta: float
    generator: torch.Generator

    def on(self, weight: Tensor) -> Tensor:
        """The noisy weight; gradients pass to the clean one unchanged."""
        peak = weight.detach().abs().max()
        return weight + self.eta * peak * torch.randn(weight.shape, generator=self.generator)


class TorchNetwork:
    """Layers with trainable tensors, named "<layer>.<parameter>" as in the weights file."""

    def __init__(self, layers: Iterable[Layer], tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.layers = tuple(layers)
        self.tensors = {name: torch.tensor(array) for name, array in tensors.items()}
        for name, tensor in self.tensors.items():
            tensor.requires_grad_(name.rpartition(".")[2] in ("weight", "bias"))

    @property
    def matrices(self) -> dict[str, Tensor]:
        """The weights of dense and convolution layers, by layer."""
        return {w.name: self.tensors[f"{w.name}.weight"] for w in self.layers if isinstance(w, Weighted)}

    @property
    def others(self) -> list[Tensor]:
        """The other trainable tensors: biases, batch norms."""
        held = {id(tensor) for tensor in self.matrices.values()}
        return [t for t in self.tensors.values() if t.requires_grad and id(t) not in held]

    def logits(self, x: Tensor, live_norms: bool = False, noise: Noise | None = None) -> Tensor:
        """Output (N, classes) before a softmax head. With `live_norms`, batch norms use the
        batch's statistics and update the stored ones."""
        values = {INPUT: x}
        for layer in self.layers:
            if isinstance(layer, Softmax) and layer is self.layers[-1]:
                return values[layer.inputs[0]]
            params = self._params(layer, noise)
            inputs = [values[source] for source in layer.inputs]
            values[layer.name] = self._forward(layer, params, inputs, live_norms)
        return values[self.layers[-1].name]

    def _forward(self, layer: Layer, params: Tensors, inputs: list[Tensor], live_norms: bool) -> Tensor:
        """Output of one layer; ConfigError for a layer that has no gradient in this kind of network."""
        forward = _FORWARDS.get(type(layer).__name__)
        if forward is None:
            raise ConfigError(f"layer {layer.name!r}", "a layer with a derivative", str(layer.model_dump()["kind"]),
                              'set ternary or binary = "straight_through" in [training] for spikes')  # fmt: skip
        return forward(layer, params, inputs, live_norms)

    def _params(self, layer: Layer, noise: Noise | None) -> dict[str, Tensor]:
        names = layer.parameter_shapes(*layer.input_shapes)
        params = {name: self.tensors[f"{layer.name}.{name}"] for name in names}
        if noise is not None and isinstance(layer, Weighted):
            params["weight"] = noise.on(params["weight"])
        return params

    @torch.no_grad()
    def clip(self, sigmas: float) -> None:
        """Clip every matrix at so many of its own standard deviations."""
        for weight in self.matrices.values():
            bound = float(sigmas * weight.std())
            weight.clamp_(-bound, bound)

    def silence(self) -> Tensor:
        """What the weights of neurons that spike once lack, in sum, for a spike once all inputs have come."""
        lacking = torch.zeros(())
        for layer in self.layers:
            if isinstance(layer, FirstSpikeDense):
                weight = self.tensors[f"{layer.name}.weight"]
                lacking = lacking + (layer.threshold - weight.sum(1)).clamp(min=0).sum()
        return lacking

    def begin_epoch(self, epoch: int) -> None:
        """Called before an epoch; nothing to do for weights that are used as they are."""

    def settle(self) -> None:
        """Called after every step; nothing to do for weights that may take any value."""

    def indecision(self) -> Tensor:
        """Cost of weights that stand for probabilities; there are none."""
        return torch.zeros(())

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The tensors as NumPy arrays (copies)."""
        return {name: tensor.detach().numpy().copy() for name, tensor in self.tensors.items()}


def _dense(_: Any, p: Tensors, xs: list[Tensor], __: bool) -> Tensor:
    return functional.linear(xs[0], p["weight"], p.get("bias"))


def _conv2d(layer: Any, p: Tensors, xs: list[Tensor], _: bool) -> Tensor:
    return functional.conv2d(
        xs[0], p["weight"], p.get("bias"), layer.stride, layer.padding, layer.dilation, layer.groups
    )


def _batch_norm(layer: Any, p: Tensors, xs: list[Tensor], live: bool) -> Tensor:
    return functional.batch_norm(
        xs[0], p["mean"], p["variance"], p["weight"], p["bias"], live, _BN_MOMENTUM, layer.epsilon
    )


def _max_pool(layer: Any, _: Tensors, xs: list[Tensor], __: bool) -> Tensor:
    return functional.max_pool2d(xs[0], layer.kernel, layer.steps, layer.padding)


def _avg_pool(layer: Any, _: Tensors, xs: list[Tensor], __: bool) -> Tensor:
    return functional.avg_pool2d(xs[0], layer.kernel, layer.steps, layer.padding)


def _bias_input(layer: Any, _: Tensors, xs: list[Tensor], __: bool) -> Tensor:
    return functional.pad(xs[0], (0, 1), value=layer.level)


_FORWARDS: dict[str, Callable[[Any, Tensors, list[Tensor], bool], Tensor]] = {
    "Dense": _dense,
    "Conv2d": _conv2d,
    "BatchNorm": _batch_norm,
    "MaxPool": _max_pool,
    "AvgPool": _avg_pool,
    "GlobalAvgPool": lambda _, __, xs, ___: xs[0].mean(dim=(2, 3)),
    "ReLU": lambda _, __, xs, ___: torch.relu(xs[0]),
    "RectifiedTanh": lambda _, __, xs, ___: torch.tanh(torch.relu(xs[0])),
    "BiasInput": _bias_input,
    "Binarise": lambda layer, _, xs, __: (xs[0] > layer.level).to(xs[0].dtype),
    "Flatten": lambda _, __, xs, ___: xs[0].flatten(1),
    "Add": lambda _, __, xs, ___: sum(xs[1:], start=xs[0]),
    "Softmax": lambda _, __, xs, ___: torch.softmax(xs[0], dim=1),
    "FirstSpikeEncoder": first_spike.encoded,
    "FirstSpikeDense": first_spike.dense,
    "FirstSpikeScores": first_spike.scores,
}
