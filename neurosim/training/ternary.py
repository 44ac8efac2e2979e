"""Training of ternary weights and binary activations for neurosynaptic cores. Imports PyTorch.

What is trained is a hidden weight in [-1, 1]. By the recipe's `ternary` it becomes -1, 0 or 1

- "straight_through": rounded, the gradient passing through as if nothing had been rounded (Esser et al., PNAS 113,
  11441, 2016);
- "probability_biased": a synapse of the hidden weight's sign that is there with the probability of its magnitude,
  sampled anew at every step and once at the end; a cost of `polarisation` x sum (1/2 - |p - 1/2|), growing from zero
  over the epochs, pulls the probabilities to 0 and 1 (Wen et al., DAC 2016, arXiv 1604.00697). Wen et al. train with
  the mean over the samples; here the samples themselves are used, as they stand on the chip, and the gradient passes
  through them.

Sums are normalised by their batch's mean and deviation; a neuron fires where the normalised sum plus a trained offset
is not negative, with a triangle for the derivative (Esser 2016). As sums are whole numbers, mean, deviation and offset
become a whole bias in the end, without any loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import Stream
from neurosim.graph import INPUT, Binarise, Fire, Flatten, Layer, Recipe, Ternary, TernaryConv2d, Votes
from neurosim.graph.binary import MOST_BIAS
from neurosim.training.torch_network import Noise, TorchNetwork

_START = 0.8  # hidden weights start uniform in +-_START: three in eight round to a synapse
_MOMENTUM = 0.05  # share of the newest batch in the running statistics of the sums
_SPREAD = 1.0  # added to the variance of a sum: one input more or less is the least that counts


class Round(torch.autograd.Function):
    """Hidden weights to -1, 0 and 1; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor) -> Tensor:  # noqa: ARG004
        """Nearest of the three."""
        return torch.round(hidden.clamp(-1, 1))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        """As of the identity."""
        return grad


class Sample(torch.autograd.Function):
    """sign(hidden) where a uniform number is below |hidden|, else 0; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, uniform: Tensor) -> Tensor:  # noqa: ARG004
        """Synapses that are there."""
        return torch.sign(hidden) * (uniform < hidden.abs())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        """As of the identity, which is the mean over the samples."""
        return grad, None


class Spike(torch.autograd.Function):
    """1 where r >= 0; derivative max(0, 1 - |r| / width) / width."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, width: float) -> Tensor:
        """0 and 1."""
        ctx.save_for_backward(r)
        ctx.width = width
        return (r >= 0).to(r.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """A triangle about the threshold."""
        (r,) = ctx.saved_tensors
        return grad * (1 - r.abs() / ctx.width).clamp(min=0) / ctx.width, None


class TernaryNetwork(TorchNetwork):
    """A network of ternary layers with its hidden weights and the statistics of its sums.

    Every ternary layer is followed by a `fire` layer, its normalised sums being what that one compares with zero.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        tensors: Mapping[str, np.ndarray[Any, Any]],
        recipe: Recipe,
        draws: Stream,
    ) -> None:
        start = dict(tensors)
        self._recipe, self._draws = recipe, draws
        for layer in (layer for layer in layers if isinstance(layer, Ternary)):
            shape, units = start[f"{layer.name}.weight"].shape, _units(layer)
            uniform = draws.child("hidden", layer.name).generator().random(shape)
            start[f"{layer.name}.weight"] = ((2 * uniform - 1) * _START).astype(np.float32)
            start[f"{layer.name}.mean"] = np.zeros(units, np.float32)
            start[f"{layer.name}.variance"] = np.ones(units, np.float32)
        super().__init__(layers, start)
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Start the samples of an epoch, so that it can be repeated on its own."""
        self._generator = torch.Generator()
        self._generator.manual_seed(self._draws.child("samples", epoch).words()[0] >> 1)  # it takes 63 bits

    def logits(self, x: Tensor, live_norms: bool = True, noise: Noise | None = None) -> Tensor:  # noqa: ARG002
        """Votes (N, classes), scaled by the recipe's `vote_scale`. The statistics are the batch's own."""
        values = {INPUT: x}
        for layer in self.layers:
            taken = values[layer.inputs[0]]
            if isinstance(layer, Ternary):
                values[layer.name] = self._normalised(layer, self._sums(layer, taken))
            elif isinstance(layer, Fire):
                values[layer.name] = Spike.apply(taken, self._recipe.surrogate_width)
            else:
                values[layer.name] = _passive(layer, taken)
        return values[self.layers[-1].name] * self._recipe.vote_scale

    def indecision(self) -> Tensor:
        """sum over synapses of 1/2 - |p - 1/2|: zero when every synapse is there or not, for certain."""
        return torch.stack([(0.5 - (w.abs() - 0.5).abs()).sum() for w in self.matrices.values()]).sum()

    @torch.no_grad()
    def settle(self) -> None:
        """Hold the hidden weights in [-1, 1] after a step."""
        for hidden in self.matrices.values():
            hidden.clamp_(-1, 1)

    @torch.no_grad()
    def arrays(self, copy: int = 0) -> dict[str, np.ndarray[Any, Any]]:
        """Ternary weights and whole biases, float32, as the network's layers take them.

        copy : number of the sample, where synapses are sampled
        """
        self._generator.manual_seed(self._draws.child("connections", copy).words()[0] >> 1)
        out = {}
        for layer in self.layers:
            if isinstance(layer, Ternary):
                mean, spread, offset = (t.numpy().astype(np.float64) for t in self._statistics(layer))
                least = np.ceil(mean - offset * spread)  # the smallest sum that fires
                bias = np.clip(1 - least, -MOST_BIAS, MOST_BIAS)
                shapes = layer.parameter_shapes(*layer.input_shapes)
                out[f"{layer.name}.weight"] = self._ternary(layer).numpy().copy()
                out[f"{layer.name}.bias"] = bias.reshape(shapes["bias"]).astype(np.float32)
        return out

    def _ternary(self, layer: Ternary) -> Tensor:
        hidden = self.tensors[f"{layer.name}.weight"]
        if self._recipe.ternary == "probability_biased":
            sampled: Tensor = Sample.apply(hidden, torch.rand(hidden.shape, generator=self._generator))
            return sampled
        rounded: Tensor = Round.apply(hidden)
        return rounded

    def _sums(self, layer: Ternary, x: Tensor) -> Tensor:
        """Sums (units, N x positions), whole numbers."""
        weight = self._ternary(layer)
        if isinstance(layer, TernaryConv2d):
            y = functional.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
            return y.transpose(0, 1).reshape(layer.channels, -1)
        places = torch.from_numpy(layer.input_places()[:, 0])  # (groups, rows)
        vectors = x.flatten(1).T[places]  # (groups, rows, N)
        return torch.bmm(weight.reshape(layer.matrix_groups, layer.columns, layer.rows), vectors).flatten(
            0, 1
        )

    def _statistics(self, layer: Ternary) -> tuple[Tensor, Tensor, Tensor]:
        """Running mean and deviation of the sums, and the offset, (units,) each."""
        mean, variance = self.tensors[f"{layer.name}.mean"], self.tensors[f"{layer.name}.variance"]
        return mean, (variance + _SPREAD).sqrt(), self.tensors[f"{layer.name}.bias"].detach().flatten()

    def _normalised(self, layer: Ternary, sums: Tensor) -> Tensor:
        variance, mean = torch.var_mean(sums, dim=1)
        with torch.no_grad():
            self.tensors[f"{layer.name}.mean"].lerp_(mean, _MOMENTUM)
            self.tensors[f"{layer.name}.variance"].lerp_(variance, _MOMENTUM)
        offset = self.tensors[f"{layer.name}.bias"].flatten()
        r = (sums - mean[:, None]) / (variance + _SPREAD).sqrt()[:, None] + offset[:, None]
        if isinstance(layer, TernaryConv2d):
            return r.reshape(layer.channels, -1, *layer.own_output_shape[1:]).transpose(0, 1)
        placed = torch.empty_like(r)
        placed[torch.from_numpy(layer.output_places().ravel())] = r
        return placed.T.reshape(-1, *layer.own_output_shape)


def _units(layer: Ternary) -> int:
    """Sums with a bias of their own."""
    return layer.matrix_groups * layer.columns


def _passive(layer: Layer, x: Tensor) -> Tensor:
    """Layers without anything to train."""
    if isinstance(layer, Binarise):
        return (x > layer.level).to(x.dtype)
    if isinstance(layer, Flatten):
        return x.flatten(1)
    if isinstance(layer, Votes):
        return x.reshape(len(x), -1, layer.classes).sum(1)
    raise ConfigError(f"layer {layer.name!r}", "a layer of networks for cores", str(layer.model_dump()["kind"]),
                      "use binarise, flatten, ternary layers with fire after each, and votes")  # fmt: skip
