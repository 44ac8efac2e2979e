"""Neurons that spike once (mnist_ttfs), in closed form and clocked, for benchmarks/spiking.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neurosim.circuits.crossbar import Tally
from neurosim.circuits.row_reads import RowReads
from neurosim.engines.spiking.first_spike.clocked import Clocked
from neurosim.engines.spiking.first_spike.drives import Drives
from neurosim.engines.spiking.first_spike.options import Chain
from neurosim.engines.spiking.first_spike.solving import float_times
from neurosim.graph import Network

CLOCK_STEPS = 28  # between the early and the late inputs
T_END = 6.0  # synaptic time constants


@dataclass(frozen=True)
class OnceContender:
    """`run` gives each image's class, the first output neuron to spike, of float32 images (N, features)."""

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    images: int  # that it is given at most


def contenders(network: Network, images: int) -> Iterator[OnceContender]:
    """The closed form compiled and in plain NumPy, and both clocks."""
    yield OnceContender("closed form", lambda x: _classes(float_times(network, x)[-1]), images)
    yield OnceContender("closed form in plain NumPy", lambda x: numpy_classes(network, x), images // 4)
    for name, solved in (
        ("Brian2's clock, spikes on the grid", False),
        ("Brian2's clock, crossings solved", True),
    ):
        yield OnceContender(name, clocked(network, min(100, images // 4), solved), min(100, images // 4))


def _classes(times: np.ndarray) -> np.ndarray:
    return times.argmin(axis=1)


def numpy_classes(network: Network, images: np.ndarray) -> np.ndarray:
    """The closed form of the paper in z = exp(t), sorted, vectorised over images; a second way to the same classes."""
    chain = Chain.of(network)
    w1, w2 = (layer.matrices(network.params[layer.name])[0].astype(np.float64) for layer in chain.layers)
    theta1, theta2 = (layer.threshold for layer in chain.layers)
    late = np.exp(chain.encoder.late)
    parts = [slice(a, a + 250) for a in range(0, len(images), 250)]
    return np.concatenate([
        _second(_first(images[part] > chain.encoder.level, w1, theta1, late), w2, theta2).argmin(axis=1)
        for part in parts
    ])  # fmt: skip


def _first(early: np.ndarray, w: np.ndarray, theta: float, late: float) -> np.ndarray:
    """z of neurons whose inputs come at z = 1 and z = late."""
    on, every = early @ w, w.sum(axis=0)
    with np.errstate(all="ignore"):
        before, after = on / (on - theta), (on + late * (every - on)) / (every - theta)
    found = np.where((every > theta) & (after >= late), after, np.inf)
    return np.where((on > theta) & (before <= late), before, found)


def _second(z: np.ndarray, w: np.ndarray, theta: float) -> np.ndarray:
    """z of the output neurons, infinity where they never spike."""
    order = np.argsort(z, axis=1, kind="stable")
    sorted_z = np.take_along_axis(z, order, axis=1)
    finite = np.where(np.isfinite(sorted_z), sorted_z, 0.0)[:, :, None]
    rows = w[order] * np.isfinite(sorted_z)[:, :, None]
    sums, weighted = rows.cumsum(axis=1), (rows * finite).cumsum(axis=1)
    following = np.concatenate([sorted_z[:, 1:], np.full((len(z), 1), np.inf)], axis=1)[:, :, None]
    with np.errstate(all="ignore"):
        out = weighted / (sums - theta)
    valid = (sums > theta) & (out <= following) & (out >= sorted_z[:, :, None])
    first = np.take_along_axis(out, valid.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(valid.any(axis=1), first, np.inf)


def clocked(network: Network, images: int, solved: bool) -> Callable[[np.ndarray], np.ndarray]:
    """The engine's clock on Brian2, on the network's own weights."""
    chain = Chain.of(network)
    weights = [layer.matrices(network.params[layer.name])[0] for layer in chain.layers]
    sizes = tuple(w.shape[1] for w in weights)
    gap = chain.encoder.late
    clock = Clocked(sizes, images, CLOCK_STEPS, gap, solved, T_END)
    rows = tuple(RowReads(w[None], np.zeros(len(w)), np.zeros((1, len(w)))) for w in weights[1:])
    thresholds = tuple(np.full(layer.units, float(layer.threshold)) for layer in chain.layers)

    def classes(x: np.ndarray) -> np.ndarray:
        early = chain.encoder.forward({}, x) == 0
        first, second = early.astype(np.float32) @ weights[0], (~early).astype(np.float32) @ weights[0]
        tallies = (Tally(len(x)), Tally(len(x)))
        spikes = np.stack([early.sum(axis=1), (~early).sum(axis=1)], axis=1)
        return _classes(clock.times(Drives(first, second, gap, rows, thresholds, tallies, spikes), True)[-1])

    return classes
