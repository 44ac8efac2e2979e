"""Training of weights of -1 and 1, for memories that hold one bit per cell. Imports PyTorch.

What is trained is a hidden weight in [-1, 1]; forward and backward see its sign, and the gradient passes through as
if there were none (Courbariaux et al., NIPS 2015, arXiv 1511.00363).

Where a `fire` layer follows, the sums are normalised by their batch's mean and deviation, and the neuron fires where
the normalised sum plus a trained offset is not negative, with a triangle for the derivative (Esser et al., PNAS 113,
11441, 2016). Mean, deviation and offset become the neuron's threshold, kept as a bias, in the end; where the inputs
are 0 and 1 the sums are whole numbers, and so is that bias.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import Stream
from neurosim.graph import Binarise, Fire, Flatten, Layer, MaxPool, Recipe, Weighted
from neurosim.training.ternary import Spike
from neurosim.training.torch_network import Noise, Tensors, TorchNetwork

_START = 0.2  # hidden weights start uniform in +-_START: near enough to zero for their signs to be decided by the data
_MOMENTUM = 0.05  # share of the newest batch in the running statistics of the sums
_SPREAD = 1.0  # added to the variance of a sum: one input more or less is the least that counts


class Sign(torch.autograd.Function):
    """Hidden weights to -1 and 1 (zero counts as positive); the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor) -> Tensor:  # noqa: ARG004
        """-1 or 1."""
        return torch.where(hidden < 0, -1.0, 1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        """As of the identity."""
        return grad


class BinaryNetwork(TorchNetwork):
    """A network of dense and convolution layers with their hidden weights and the statistics of their sums.

    Raises ConfigError for a layer before a `fire` layer that has no bias to keep its threshold in.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        tensors: Mapping[str, np.ndarray[Any, Any]],
        recipe: Recipe,
        draws: Stream,
    ) -> None:
        layers, start = tuple(layers), dict(tensors)
        self._recipe = recipe
        self._firing = _firing(layers)
        for layer in (layer for layer in layers if isinstance(layer, Weighted)):
            uniform = (
                draws.child("hidden", layer.name).generator().random(start[f"{layer.name}.weight"].shape)
            )
            start[f"{layer.name}.weight"] = ((2 * uniform - 1) * _START).astype(np.float32)
            if layer.name in self._firing:
                start[f"{layer.name}.mean"] = np.zeros_like(start[f"{layer.name}.bias"])
                start[f"{layer.name}.variance"] = np.ones_like(start[f"{layer.name}.bias"])
        super().__init__(layers, start)

    def logits(self, x: Tensor, live_norms: bool = True, noise: Noise | None = None) -> Tensor:
        """Output (N, classes), scaled by the recipe's `vote_scale`."""
        return super().logits(x, live_norms, noise) * self._recipe.vote_scale

    @torch.no_grad()
    def settle(self) -> None:
        """Hold the hidden weights in [-1, 1] after a step."""
        for hidden in self.matrices.values():
            hidden.clamp_(-1, 1)

    @torch.no_grad()
    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Weights of -1 and 1, and thresholds as biases, float32, as the network's layers take them."""
        out = {}
        for layer in self.layers:
            for name in layer.parameter_shapes(*layer.input_shapes):
                key = f"{layer.name}.{name}"
                tensor = self.tensors[key]
                weight = isinstance(layer, Weighted) and name == "weight"
                out[key] = (Sign.apply(tensor) if weight else tensor.detach()).numpy().copy()
        for name, whole in self._firing.items():
            mean, spread, offset = (t.numpy().astype(np.float64) for t in self._statistics(name))
            least = mean - offset * spread  # the smallest sum that fires; `fire` does above 1/2
            out[f"{name}.bias"] = (1 - np.ceil(least) if whole else 0.5 - least).astype(np.float32)
        return out

    def _forward(self, layer: Layer, params: Tensors, inputs: list[Tensor], live_norms: bool) -> Tensor:
        if isinstance(layer, Fire):
            fired: Tensor = Spike.apply(inputs[0], self._recipe.surrogate_width)
            return fired
        if not isinstance(layer, Weighted):
            return super()._forward(layer, params, inputs, live_norms)
        binary = {**params, "weight": Sign.apply(params["weight"])}
        if layer.name not in self._firing:
            return super()._forward(layer, binary, inputs, live_norms)
        del binary["bias"]
        return self._normalised(layer.name, super()._forward(layer, binary, inputs, live_norms), live_norms)

    def _statistics(self, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Running mean and deviation of the sums, and the offset, (units,) each."""
        mean, variance = self.tensors[f"{name}.mean"], self.tensors[f"{name}.variance"]
        return mean, (variance + _SPREAD).sqrt(), self.tensors[f"{name}.bias"].detach()

    def _normalised(self, name: str, sums: Tensor, live_norms: bool) -> Tensor:
        """Normalised sums plus offset; `sums` (N, units) or (N, channels, height, width)."""
        mean, spread, _ = self._statistics(name)
        if live_norms:
            rest = tuple(axis for axis in range(sums.ndim) if axis != 1)
            variance, mean = torch.var_mean(sums, dim=rest)
            spread = (variance + _SPREAD).sqrt()
            with torch.no_grad():
                self.tensors[f"{name}.mean"].lerp_(mean, _MOMENTUM)
                self.tensors[f"{name}.variance"].lerp_(variance, _MOMENTUM)
        along = (-1, *[1] * (sums.ndim - 2))
        offset = self.tensors[f"{name}.bias"]
        return (sums - mean.view(along)) / spread.view(along) + offset.view(along)


def _firing(layers: tuple[Layer, ...]) -> dict[str, bool]:
    """The weighted layers whose sums are compared with a threshold, and whether these are whole numbers."""
    by_name = {layer.name: layer for layer in layers}
    found: dict[str, bool] = {}
    for layer in layers:
        if not isinstance(layer, Fire):
            continue
        source = by_name.get(layer.inputs[0])
        if not isinstance(source, Weighted) or not source.has_bias:
            got = "none" if source is None else f"{source.name!r} without one"
            raise ConfigError(f"layer {layer.name!r}", "a dense or convolution layer with a bias before it", got,
                              "the bias keeps the threshold: leave out bias = false")  # fmt: skip
        found[source.name] = _binary(by_name, source.inputs[0])
    return found


def _binary(by_name: Mapping[str, Layer], name: str) -> bool:
    """Whether a layer gives nothing but 0 and 1."""
    layer = by_name.get(name)
    if isinstance(layer, Flatten | MaxPool):
        return _binary(by_name, layer.inputs[0])
    return isinstance(layer, Binarise | Fire)
