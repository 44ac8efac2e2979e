"""Images per second of learning by STDP on memristive pairs (mnist_stdp), for benchmarks/spiking.py.

That kernel and explicit network on Brian2 agree spike for spike is tested elsewhere; the peers here draw Brian2's
own random numbers, and agree in the number of spikes only. Building and compiling are not timed.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import stdp_peer

from neurosim.chips import load_chip
from neurosim.engines.spiking.plastic.setup import Pairs, Setup
from neurosim.engines.spiking.plastic.showing import Synapses, show
from neurosim.graph import load_network

NETWORK, CHIP = "mnist_stdp", "kim_2015"
Result = tuple[float, int]  # processor seconds, spikes


@dataclass(frozen=True)
class LearningContender:
    """`run` lets a fresh chip learn from images (N, features)."""

    name: str
    run: Callable[[np.ndarray], Result]


def contenders(peers: bool = True) -> Iterator[LearningContender]:
    """The kernel, and Brian2 by way of Cython and of C++."""
    setup = Setup(load_network(NETWORK), load_chip(CHIP))
    yield LearningContender("kernel", lambda images: by_kernel(setup, images))
    if peers:
        yield LearningContender("Brian2, Synapses, Cython", lambda images: by_cython(setup, images))
        yield LearningContender(
            "Brian2, Synapses, C++ standalone", lambda images: by_standalone(setup, images)
        )


def by_kernel(setup: Setup, images: np.ndarray) -> Result:
    """As `neurosim.engines.spiking.plastic.learn` does."""
    stream = setup.stream(0, 0)
    pairs = Pairs.programmed(setup, stream)
    synapses = Synapses.of(setup, *pairs.arrays[:2], setup.thresholds(0, 0), np.zeros(setup.shape[0]))
    start = time.process_time()
    shown = show(setup, synapses, setup.levels(images), 0, stream.child("learn"), pairs.arrays)
    return time.process_time() - start, int((shown.winners >= 0).sum())


def _given(setup: Setup, images: np.ndarray) -> tuple[np.ndarray, ...]:
    plus, minus = Pairs.programmed(setup, setup.stream(0, 0)).arrays[:2]
    return setup.levels(images).astype(float), plus.astype(float), minus.astype(float)


def by_cython(setup: Setup, images: np.ndarray) -> Result:
    """Brian2's runtime mode."""
    brian2 = stdp_peer.brian2
    numbers = stdp_peer.numbers_of(setup)
    network, monitor = stdp_peer.build(*_given(setup, images), numbers)
    network.store()
    network.run(1 * brian2.ms)  # compiles
    network.restore()
    gc.collect()
    gc.freeze()  # Brian2 begins a run with a garbage collection, which would pay for everything that is loaded
    start = time.process_time()
    network.run(len(images) * numbers["steps"] * brian2.ms)
    return time.process_time() - start, int(monitor.num_spikes)


def by_standalone(setup: Setup, images: np.ndarray) -> Result:
    """A C++ program of Brian2's, built by a process of its own."""
    numbers = stdp_peer.numbers_of(setup)
    levels, plus, minus = _given(setup, images)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        names, values = np.array(list(numbers)), np.array(list(numbers.values()))
        np.savez(path, levels=levels, plus=plus, minus=minus, names=names, values=values)
        command = [sys.executable, stdp_peer.__file__, str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = json.loads(told.splitlines()[-1])
    return float(result["seconds"]), int(result["spikes"])
