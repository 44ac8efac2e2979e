"""Accuracy on MNIST against the number of TrueNorth cores, and what a bias of the probabilities saves.

    python studies/truenorth_cores.py                # trains seven networks, ten minutes on one core
    python studies/truenorth_cores.py --short        # half a minute: that it works, not what it says

Two ways to spend cores. More windows and features, trained straight through (Esser et al., PNAS 2016); or several
copies of one network whose votes are added up, each with synapses sampled anew from the same probabilities (Esser et
al., NIPS 2015). With the probabilities pulled to 0 and 1 (Wen et al., DAC 2016) the copies differ less, and fewer are
needed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.truenorth.engine import TrueNorthEngine
from neurosim.foundation.streams import stream
from neurosim.foundation.units import format_si
from neurosim.graph import (
    Binarise,
    Fire,
    Flatten,
    InputSpec,
    Layer,
    Network,
    Recipe,
    TernaryDense,
    TernaryWindows,
    Votes,
)
from neurosim.graph.wiring import wire
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place_cores
from neurosim.programming import program_cores
from neurosim.training.checkpoints import load_checkpoint
from neurosim.training.initial import nested
from neurosim.training.loop import Task, fit
from neurosim.training.ternary import TernaryNetwork

COPIES = (1, 2, 4, 8)
EVENTS_FROM = 1000  # test images
VOTE_SCALE = 0.48  # of all parts together: logits keep their range, however many units vote


@dataclass(frozen=True)
class Shape:
    """windows a side, features of a window, parts of the voting layer, pixels a side that are looked at."""

    grid: int
    features: int
    parts: int
    side: int = 28

    @property
    def input(self) -> InputSpec:
        """Digits lie in the middle: two windows a side see all of it when the margin is cut off."""
        return InputSpec(dataset="mnist", shape=(1, self.side, self.side), crop=(self.side, self.side))


SHAPES = (Shape(2, 64, 2, 22), Shape(2, 128, 4, 22), Shape(3, 128, 9), Shape(4, 128, 16))
SAMPLED = SHAPES[0]
POLARISATIONS = (0.0, 2e-5, 1e-4)


@dataclass(frozen=True)
class Result:
    """One row of the table."""

    rule: str
    shape: Shape
    copies: int
    cores: int
    joules: float
    accuracy: float


def layers_of(shape: Shape) -> tuple[Layer, ...]:
    """Windows of 11 x 11 pixels, then voting units, 250 on a core."""
    layers = (
        Binarise(name="frame"),
        TernaryWindows(name="windows", kernel=11, grid=shape.grid, features=shape.features),
        Fire(name="features"),
        Flatten(name="flat"),
        TernaryDense(name="classes", units=250 * shape.parts, parts=shape.parts),
        Fire(name="ballots"),
        Votes(name="votes", classes=10),
    )
    return wire(layers, shape.input.shape, "study")


def trained(shape: Shape, recipe: Recipe, limit: int | None) -> TernaryNetwork:
    """The network at the end of its training, with its hidden weights."""
    task = Task(
        layers_of(shape),
        shape.input,
        recipe,
        load_dataset("mnist", "train", limit),
        stream(recipe.seed, "study"),
        {},
    )
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        fit(task, checkpoint, False, lambda *_: None)
        saved = load_checkpoint(checkpoint, {})
    network = TernaryNetwork(task.layers, _start(task), recipe, task.draws)
    for name, tensor in network.tensors.items():
        tensor.data.copy_(saved["tensors"][name])
    return network


def _start(task: Task) -> dict[str, np.ndarray]:
    shapes = {
        f"{layer.name}.{name}": shape
        for layer in task.layers
        for name, shape in layer.parameter_shapes(*layer.input_shapes).items()
    }
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def widths(epochs: int, limit: int | None, shapes: tuple[Shape, ...]) -> Iterator[Result]:
    """More windows and features: one network of each shape, trained straight through."""
    for shape in shapes:
        images, labels = _test(shape, limit)
        network = _network(trained(shape, _recipe(epochs, shape), limit).arrays(), shape)
        right = float((network.forward(images).argmax(axis=1) == labels).mean())
        yield Result("straight through", shape, 1, *_cores_and_joules(network, images), right)


def copies(epochs: int, limit: int | None, shape: Shape) -> Iterator[Result]:
    """Copies of one network, each with synapses sampled anew; their votes are added up."""
    images, labels = _test(shape, limit)
    for polarisation in POLARISATIONS:
        recipe = _recipe(epochs, shape, ternary="probability_biased", polarisation=polarisation)
        hidden = trained(shape, recipe, limit)
        votes, cores, joules = np.zeros((len(images), 10), np.float32), 0, 0.0
        for copy in range(max(COPIES)):
            network = _network(hidden.arrays(copy), shape)
            votes += network.forward(images)
            more = _cores_and_joules(network, images)
            cores, joules = cores + more[0], joules + more[1]
            if copy + 1 in COPIES:
                right = float((votes.argmax(axis=1) == labels).mean())
                yield Result(f"sampled, {polarisation:g}", shape, copy + 1, cores, joules, right)


def _recipe(epochs: int, shape: Shape, **changes: Any) -> Recipe:
    base = Recipe(optimiser="adam", learning_rate=0.01, epochs=epochs, batch=128, shift_pixels=1,
                  ternary="straight_through", vote_scale=VOTE_SCALE / shape.parts)  # fmt: skip
    return base.model_copy(update=changes)


def _test(shape: Shape, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    data = load_dataset("mnist", "test", limit)
    return prepare(data.images, data.max_level, shape.input.shape, shape.input.crop), data.labels


def _network(arrays: dict[str, np.ndarray], shape: Shape) -> Network:
    return Network("study", shape.input, layers_of(shape), nested(arrays), coding="ticks")


def _cores_and_joules(network: Network, images: np.ndarray) -> tuple[int, float]:
    """Cores, and energy of an image where one comes in every tick: its events, and the cores for that tick."""
    chip = load_chip("truenorth")
    placement = place_cores(network, chip)
    recorder, inputs = MemoryRecorder(), Inputs(images[:EVENTS_FROM], (0.0,))
    programmed = program_cores(network, chip, placement, 0)
    TrueNorthEngine().run(programmed, inputs, recorder, lambda _: None, Settings())
    events = recorder.varying(0, "synaptic_events").sum(axis=0).mean()
    cores, prices = placement.cores.cores, chip.prices
    event, static = prices.event.energy_joules, prices.core_static.leakage_watts
    return cores, float(events * event + cores * static * chip.core.t_tick_s)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="2,000 images, one epoch, two shapes")
    options = parser.parse_args()
    print(
        f"{'rule':20} {'windows':>8} {'features':>8} {'copies':>7} {'cores':>6} {'energy':>9} {'accuracy':>9}"
    )

    def report(row: Result) -> None:
        windows, energy = f"{row.shape.grid} x {row.shape.grid}", format_si(row.joules, "J")
        print(f"{row.rule:20} {windows:>8} {row.shape.features:8} {row.copies:7} {row.cores:6} {energy:>9} "
              f"{row.accuracy:9.2%}", flush=True)  # fmt: skip

    epochs, limit, shapes = (1, 2000, SHAPES[:2]) if options.short else (options.epochs, None, SHAPES)
    for row in chain(widths(epochs, limit, shapes), copies(epochs, limit, SAMPLED)):
        report(row)


if __name__ == "__main__":
    main()
