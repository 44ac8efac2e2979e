"""The problem of spiking_problem.py on this package's spiking engine, for benchmarks/spiking.py.

Ours starts from images: encoding and keeping the output's scores after every step are part of what is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from spiking_problem import NETWORK, STEPS, Contender, Problem

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions
from neurosim.engines.spiking.matrices import Grid
from neurosim.engines.spiking.observing import Watch
from neurosim.engines.spiking.simulation import Setup, Simulation, ideal_matrices
from neurosim.foundation.streams import stream
from neurosim.graph import Dense, NeuronModel, Operation, Population, Source, SpikingGraph, load_network
from neurosim.graph.to_spiking import to_spiking
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import program
from neurosim.programming.spiking import spiking_calibration

BATCHES = (1, 10, 25, 50, 100, 250)
MEMRISTIVE = "ours, 16 bits as memristive synapses"
VARIANTS: dict[str, tuple[Grid, Watch]] = {
    "ours, ideal synapses of 8 bits": ("int8", Watch()),
    MEMRISTIVE: ("int16", Watch()),
    "ours, 16 bits, events counted in every step": ("int16", Watch(events=True)),
}
CHIPS = ("ideal_float", "joshi_2020")
DAY_S = 86400.0


def contenders(problem: Problem, only: str | None = None) -> Iterator[Contender]:
    """The event route; weights as int8, and on the int16 grid of a chip's conductances."""
    for name, (grid, watch) in VARIANTS.items():
        if only in (None, name):
            yield Contender(name, __name__, _images(problem), _counts(problem, grid, watch), BATCHES, "ours")


def _images(problem: Problem) -> Callable[[slice], np.ndarray]:
    return lambda where: problem.images[where]


def _counts(problem: Problem, grid: Grid, watch: Watch) -> Callable[[np.ndarray], np.ndarray]:
    built: dict[int, Simulation] = {}

    def counts(images: np.ndarray) -> np.ndarray:
        if len(images) not in built:
            built[len(images)] = simulation(problem, len(images), grid, watch)
        return built[len(images)].run(0, images).outputs[:, -1].astype(np.int64)

    return counts


def simulation(problem: Problem, images: int, grid: Grid, watch: Watch) -> Simulation:
    """The network for so many images side by side."""
    graph = spiking_graph(problem)
    setup = Setup(problem.steps, "deterministic", "events", images, stream(0), watch)
    return Simulation(graph, ideal_matrices(graph, grid), setup)


def spiking_graph(problem: Problem) -> SpikingGraph:
    """Dense layers of the problem's integers, each with its neurons."""
    nodes: list = [Source("input", (len(problem.weights[0]),))]
    for number, weight in enumerate(problem.weights):
        layer = Dense(name=f"dense{number + 1}", units=weight.shape[1], bias=False)
        bound = layer.bound((nodes[-1].name,), (nodes[-1].shape,))
        neurons = NeuronModel("if", threshold=float(problem.thresholds[number]),
                              v_initial=float(problem.initial[number]))  # fmt: skip
        nodes += [
            Operation(bound, {"weight": np.ascontiguousarray(weight.T, np.float32)}),
            Population(f"neurons{number + 1}", (weight.shape[1],), neurons),
        ]
    edges = tuple((a.name, b.name) for a, b in pairwise(nodes))
    return SpikingGraph("benchmark", tuple(nodes), edges, nodes[-1].name)


def chip_run(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The whole engine with `mnist_500` on a programmed chip, a day old: images to scores, events counted."""
    network, chip = load_network(NETWORK), load_chip(name)
    train = load_dataset(network.input.dataset, "train", 500)
    images = prepare(train.images, train.max_level, network.input.shape)
    spiking = to_spiking(network, images)
    fed, placement = spiking_calibration(spiking, images), place(network, chip)
    programmed, engine = (
        program(network, chip, placement, fed, 0, 0),
        SpikingEngine(spiking, SpikingOptions(STEPS)),
    )

    def run(shown: np.ndarray) -> np.ndarray:
        recorder = MemoryRecorder()
        engine.run(programmed, Inputs(shown, (DAY_S,)), recorder, lambda n: None, Settings())
        return recorder.scores(0)

    return run
