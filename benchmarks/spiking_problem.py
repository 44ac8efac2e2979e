"""What every contender of benchmarks/spiking.py computes: one network of integers, its input spikes, its counts.

784-500-10 (`mnist_500`, no biases), weights quantised to so many bits, integer thresholds; integrate-and-fire neurons
that start at half their threshold, spike at v >= threshold and are reset by subtraction; what the hidden layer sends
in a step reaches the output within that step. An input neuron adds up its pixel, white being 2^24, and spikes at 2^24.
All other numbers are integers below 2^24, so float32 is exact and every contender must give the same spike counts.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy loads its BLAS

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

NETWORK = "mnist_500"
STEPS = 100
FULL = 1 << 24  # what an input neuron gains per step from a white pixel, and its threshold
PERCENTILE = 99.9  # of a layer's activations on training images: what one spike per step stands for


@dataclass(frozen=True)
class Problem:
    """Weights, thresholds, images.

    weights : int64 (784, 500) and (500, 10); thresholds : integers; labels : (N,)
    images : float32 (N, 784), 0 to 1
    """

    weights: tuple[np.ndarray, np.ndarray]
    thresholds: tuple[int, int]
    images: np.ndarray
    labels: np.ndarray
    steps: int = STEPS

    @property
    def levels(self) -> np.ndarray:
        """The images as integers, int32 (N, 784), white being FULL."""
        return np.rint(self.images.astype(np.float64) * FULL).astype(np.int32)

    @property
    def initial(self) -> tuple[int, int]:
        """Membranes at the first step."""
        return self.thresholds[0] // 2, self.thresholds[1] // 2

    def spikes(self, where: slice) -> np.ndarray:
        """Input spikes of these images, uint8 (steps, images, 784)."""
        return rate_spikes(self.levels[where], self.steps)

    def save(self, path: Path) -> None:
        """Write it where `read_problem` finds it."""
        w1, w2 = self.weights
        np.savez(path, w1=w1, w2=w2, thresholds=self.thresholds, images=self.images, labels=self.labels)

    @cached_property
    def counts(self) -> np.ndarray:
        """Spikes of the output neurons over all steps, (N, 10), by the plain equations in integers."""
        parts = [slice(a, a + 250) for a in range(0, len(self.images), 250)]
        return np.concatenate([reference_counts(self, self.spikes(part)) for part in parts])


@dataclass(frozen=True)
class Contender:
    """One way to run the problem.

    home : the module of benchmarks/ that made it
    load : images -> what `count` takes; not timed
    count : -> int (images, 10), the spikes of the output neurons; timed
    batches : numbers of images at a time that make sense for it
    group : "float32 peer", "peer" or "ours"
    """

    name: str
    home: str
    load: Callable[[slice], object]
    count: Callable[[object], np.ndarray]
    batches: tuple[int, ...]
    group: str = "peer"


def rate_spikes(levels: np.ndarray, steps: int) -> np.ndarray:
    """Deterministic rate code, uint8 (steps, images, 784): levels add up, and FULL of them make a spike."""
    total = np.zeros(levels.shape, np.int32)
    spikes = np.empty((steps, *levels.shape), np.uint8)
    for step in range(steps):
        total += levels
        spikes[step] = total >= FULL
        total -= FULL * spikes[step].astype(np.int32)
    return spikes


def reference_counts(problem: Problem, spikes: np.ndarray) -> np.ndarray:
    """The plain equations in int64; checks on the way that float32 would have been exact."""
    (w1, w2), (theta1, theta2) = problem.weights, problem.thresholds
    v1 = np.full((spikes.shape[1], w1.shape[1]), problem.initial[0], np.int64)
    v2 = np.full((spikes.shape[1], w2.shape[1]), problem.initial[1], np.int64)
    counts = np.zeros(v2.shape, np.int64)
    for now in spikes:
        v1 += (now.astype(np.float64) @ w1.astype(np.float64)).astype(np.int64)  # exact: below 2^53
        hidden = v1 >= theta1
        v1 -= theta1 * hidden
        v2 += hidden @ w2
        out = v2 >= theta2
        v2 -= theta2 * out
        counts += out
    return counts


def read_problem(path: Path) -> Problem:
    """A problem that was saved."""
    with np.load(path) as stored:
        thresholds = tuple(int(theta) for theta in stored["thresholds"])
        return Problem((stored["w1"], stored["w2"]), thresholds, stored["images"], stored["labels"])


def load_problem(images: int, bits: int = 8) -> Problem:
    """The first images of the test set and `mnist_500` as integers of so many bits, signs included."""
    from neurosim.graph import load_network  # here: a peer's process need not import this package
    from neurosim.inputs import load_dataset, prepare

    network = load_network(NETWORK)
    test = load_dataset(network.input.dataset, "test", images)
    train = load_dataset(network.input.dataset, "train", 2000)
    first, second = network.weighted
    w1, w2 = (layer.matrices(network.params[layer.name])[0] for layer in (first, second))
    images, calibration = (
        prepare(part.images, part.max_level, network.input.shape) for part in (test, train)
    )
    hidden = np.maximum(calibration @ w1, 0)
    hidden_rate = float(np.percentile(hidden[hidden > 0], PERCENTILE))
    output_rate = float(np.percentile(np.maximum(hidden @ w2, 0).max(axis=1), PERCENTILE))
    top = 2 ** (bits - 1) - 1
    scale1, scale2 = top / np.abs(w1).max(), top / np.abs(w2).max()
    weights = (np.rint(w1 * scale1).astype(np.int64), np.rint(w2 * scale2).astype(np.int64))
    thresholds = (round(hidden_rate * scale1), round(output_rate / hidden_rate * scale2))
    return Problem(weights, thresholds, images, test.labels)
