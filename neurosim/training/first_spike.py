"""Times of first spikes with their exact gradient (Mostafa 2017, arXiv 1606.08165). Imports PyTorch.

Everything is in z = exp(t), in which a neuron's answer is piecewise linear: with C the inputs that spike before
it does, z_out = sum_C w z / (sum_C w - theta), dz_out/dw_p = (z_p - z_out) / (sum_C w - theta) and
dz_out/dz_p = w_p / (sum_C w - theta) for p in C, else 0. A neuron that never spikes has z_out = infinity and
no gradient: the penalty on silent neurons is what pulls it back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

LATEST = 1e3  # z after which a class counts as silent in the cost: about 6.9 time constants


class TwoTimes(torch.autograd.Function):
    """z of neurons (N, units) whose inputs spike at z = 1 (`early` (N, inputs), 1 or 0) or else at z = `late`."""

    @staticmethod
    def forward(ctx: Any, early: Tensor, late: float, weight: Tensor, threshold: float) -> Tensor:
        """weight (units, inputs); z is infinity where a neuron never spikes."""
        first = early @ weight.T
        total = weight.sum(1).expand_as(first)
        soon = first / (first - threshold)
        by_first = (first > threshold) & (soon <= late)
        both = (first + late * (total - first)) / (total - threshold)
        z = torch.where(by_first, soon, torch.where(total > threshold, both.clamp(min=late), torch.inf))
        spare = torch.where(by_first, first, total) - threshold
        ctx.save_for_backward(early, z, spare, by_first)
        ctx.late = late
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, Tensor, None]:
        """The gradient of the weights; the input has none."""
        early, z, spare, by_first = ctx.saved_tensors
        slope = torch.where(z.isfinite(), grad / spare, 0.0)
        reach = torch.where(z.isfinite(), z, 0.0)
        from_early = ((1 - reach) * slope).T @ early
        from_late = ((ctx.late - reach) * slope * ~by_first).T @ (1 - early)
        return None, None, from_early + from_late, None


class AnyTimes(torch.autograd.Function):
    """z of neurons (N, units) from z of their inputs (N, inputs), which may spike at any time or never."""

    @staticmethod
    def forward(ctx: Any, z_in: Tensor, weight: Tensor, threshold: float) -> Tensor:
        """Sort the inputs; take the first causal set whose spike comes before the next input."""
        ordered, order = z_in.sort(dim=1)
        spikes = ordered.isfinite()
        ordered = ordered.masked_fill(~spikes, 0.0)
        along = order[:, None, :].expand(-1, len(weight), -1)
        sums = weight.expand(len(order), -1, -1).gather(2, along).mul_(spikes[:, None, :])
        powers = (sums * ordered[:, None, :]).cumsum_(2)
        spare = sums.cumsum_(2).sub_(threshold)
        z = powers.div_(spare)
        following = torch.cat([ordered[:, 1:], ordered.new_zeros(len(ordered), 1)], dim=1)
        following = following.masked_fill(following == 0, torch.inf)  # z of a spike is 1 at least
        valid = (spare > 0) & (z <= following[:, None, :]) & spikes[:, None, :]
        found, first = valid.max(dim=2, keepdim=True)
        cut = ordered.gather(1, first[:, :, 0])
        out = torch.maximum(z.gather(2, first)[:, :, 0], cut).masked_fill(~found[:, :, 0], torch.inf)
        ctx.save_for_backward(z_in, weight, out, spare.gather(2, first)[:, :, 0], cut)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of the inputs and the weights."""
        z_in, weight, out, spare, cut = ctx.saved_tensors
        slope = torch.where(out.isfinite(), grad / spare, 0.0)
        causal = (z_in[:, None, :] <= cut[:, :, None]) * slope[:, :, None]
        of_input = (causal * weight).sum(1)
        z_in, out = (z.masked_fill(~z.isfinite(), 0.0) for z in (z_in, out))
        of_weight = (causal * (z_in[:, None, :] - out[:, :, None])).sum(0)
        return of_input, of_weight, None


def encoded(layer: Any, _: Any, xs: list[Tensor], __: bool) -> Tensor:
    """z of the encoder's spikes: 1, or that of its late time."""
    return torch.where(xs[0] > layer.level, 1.0, math.exp(layer.late))


def dense(layer: Any, params: Mapping[str, Tensor], xs: list[Tensor], _: bool) -> Tensor:
    """z of a layer's neurons; right behind an encoder by two products, else by sorting."""
    (z,) = xs
    if not z.requires_grad and bool(((z == 1) | (z == (late := float(z.max())))).all()):
        two: Tensor = TwoTimes.apply((z == 1).to(z.dtype), late, params["weight"], layer.threshold)
        return two
    spikes: Tensor = AnyTimes.apply(z, params["weight"], layer.threshold)
    return spikes


def scores(_: Any, __: Any, xs: list[Tensor], ___: bool) -> Tensor:
    """The negative z: its softmax is the cost's probability."""
    return -xs[0].clamp(max=LATEST)
