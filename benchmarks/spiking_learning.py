"""Images per second of learning by STDP on memristive pairs (mnist_stdp), for benchmarks/spiking.py.

The kernel and the explicit network on Brian2 draw the same random numbers: the same neurons spike in the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.spiking.plastic.reference import Reference
from neurosim.engines.spiking.plastic.setup import Pairs, Setup
from neurosim.engines.spiking.plastic.showing import Synapses, show
from neurosim.graph import load_network

NETWORK, CHIP = "mnist_stdp", "kim_2015"


@dataclass(frozen=True)
class LearningContender:
    """`run` lets a fresh chip learn from images (N, features) and gives the neuron that spiked in each step."""

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    images: int


def contenders(images: int) -> Iterator[LearningContender]:
    """The kernel, and Brian2 synapse by synapse."""
    setup = Setup(load_network(NETWORK), load_chip(CHIP))
    yield LearningContender("kernel", lambda x: by_kernel(setup, x), images)
    yield LearningContender(
        "Brian2, Synapses with pulses", lambda x: by_brian(setup, x), max(1, images // 20)
    )


def by_kernel(setup: Setup, images: np.ndarray) -> np.ndarray:
    """Winners int16 (images, steps)."""
    stream = setup.stream(0, 0)
    pairs = Pairs.programmed(setup, stream)
    synapses = Synapses.of(setup, *pairs.arrays[:2], setup.thresholds(0, 0), np.zeros(setup.shape[0]))
    return show(setup, synapses, setup.levels(images), 0, stream.child("learn"), pairs.arrays).winners


def by_brian(setup: Setup, images: np.ndarray) -> np.ndarray:
    """The same on Brian2, compiled."""
    stream = setup.stream(0, 0)
    plus, minus, memory_plus, memory_minus, _ = Pairs.programmed(setup, stream).arrays
    network = Reference(setup, plus, minus, memory_plus, memory_minus, setup.thresholds(0, 0),
                        np.zeros(setup.shape[0]), compiled=True)  # fmt: skip
    return network.run(setup.levels(images), 0, stream.child("learn"))
