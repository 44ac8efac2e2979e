"""The training loop. Imports PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from neurosim.foundation.streams import Stream
from neurosim.graph import InputSpec, Layer, Recipe
from neurosim.inputs import Dataset
from neurosim.training.batches import batch_count, batches
from neurosim.training.binary import BinaryNetwork
from neurosim.training.checkpoints import load_checkpoint, save_checkpoint
from neurosim.training.initial import initial_tensors
from neurosim.training.schedule import learning_rate
from neurosim.training.ternary import TernaryNetwork
from neurosim.training.torch_network import Noise, TorchNetwork

Report = Callable[[int, int, float, float], None]  # epoch, batch (both from 1), mean loss, accuracy so far
_THREADS = 1  # sums are split by thread: with one, the bits do not depend on the number of cores


@dataclass(frozen=True)
class Task:
    """All that decides the weights that come out."""

    layers: tuple[Layer, ...]
    input: InputSpec
    recipe: Recipe
    data: Dataset
    draws: Stream
    settings: Mapping[str, str]


def fit(task: Task, checkpoint: Path, resume: bool, report: Report) -> dict[str, np.ndarray[Any, Any]]:
    """Train; returns the tensors "<layer>.<parameter>".

    After each epoch the state is written to `checkpoint`. With `resume`, a training continues from there and
    ends with the same bits as one that was never stopped. Raises what load_checkpoint raises.
    """
    with _threads(_THREADS):
        start = initial_tensors(task.layers, task.draws.child("initial"), task.recipe.initial_sum)
        network = _network(task, start)
        optimiser = _optimiser(network, task.recipe)
        first = 0
        if resume and (saved := load_checkpoint(checkpoint, task.settings)):
            first = saved["epochs_done"]
            _restore(network, optimiser, saved)
        for epoch in range(first, task.recipe.epochs):
            _one_epoch(task, network, optimiser, epoch, report)
            state = {"tensors": network.tensors, "optimiser": optimiser.state_dict()}
            save_checkpoint(checkpoint, task.settings, epoch + 1, state)
        return network.arrays()


def _one_epoch(
    task: Task, network: TorchNetwork, optimiser: torch.optim.Optimizer, epoch: int, report: Report
) -> None:
    """Every draw of an epoch comes from streams that name it, so an epoch can be repeated on its own."""
    recipe, draws = task.recipe, task.draws.child("epoch", epoch)
    network.begin_epoch(epoch)
    aware = epoch >= recipe.clean_epochs
    noise = Noise(recipe.weight_noise, _torch_generator(draws)) if aware and recipe.weight_noise else None
    live_norms = epoch < recipe.epochs - recipe.frozen_norm_epochs
    steps = batch_count(len(task.data.labels), recipe.batch)
    loss_sum, right, seen = 0.0, 0, 0
    for step, (x, labels) in enumerate(batches(task.data, task.input, recipe, draws.generator())):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe, epoch * steps + step, steps)
        targets = torch.from_numpy(labels)
        logits = network.logits(torch.from_numpy(x), live_norms, noise)
        loss = functional.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        if recipe.silence_penalty:
            loss = loss + recipe.silence_penalty * network.silence()
        if recipe.polarisation:
            strength = recipe.polarisation * epoch / recipe.epochs  # first learn, then decide
            loss = loss + strength * network.indecision()
        optimiser.zero_grad()
        loss.backward()
        if recipe.gradient_norm is not None:
            torch.nn.utils.clip_grad_norm_(
                [*network.matrices.values(), *network.others], recipe.gradient_norm
            )
        optimiser.step()
        network.settle()
        if aware and recipe.clip_sigma is not None:
            network.clip(recipe.clip_sigma)
        loss_sum += float(loss.detach()) * len(labels)
        right += int((logits.detach().argmax(1) == targets).sum())
        seen += len(labels)
        report(epoch + 1, step + 1, loss_sum / seen, right / seen)


def _network(task: Task, start: Mapping[str, np.ndarray[Any, Any]]) -> TorchNetwork:
    if task.recipe.ternary is not None:
        return TernaryNetwork(task.layers, start, task.recipe, task.draws)
    if task.recipe.binary is not None:
        return BinaryNetwork(task.layers, start, task.recipe, task.draws)
    return TorchNetwork(task.layers, start)


def _optimiser(network: TorchNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay acts on matrices only; with Adam it is decoupled from the gradient."""
    groups = [
        {"params": list(network.matrices.values()), "weight_decay": recipe.weight_decay},
        {"params": network.others, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


@torch.no_grad()
def _restore(network: TorchNetwork, optimiser: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    for name, tensor in network.tensors.items():
        tensor.copy_(saved["tensors"][name])
    optimiser.load_state_dict(saved["optimiser"])


def _torch_generator(draws: Stream) -> torch.Generator:
    generator = torch.Generator()
    generator.manual_seed(draws.child("weight noise").words()[0] >> 1)  # it takes 63 bits
    return generator


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
