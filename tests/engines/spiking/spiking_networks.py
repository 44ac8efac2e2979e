"""Small spiking networks and chips for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from neurosim.chips import Chip, load_chip, parse_chip
from neurosim.engines.spiking.brian import brian
from neurosim.graph import (
    AvgPool,
    Conv2d,
    Dense,
    Flatten,
    InputSpec,
    MaxPool,
    Network,
    NeuronModel,
    Operation,
    Population,
    ReLU,
    Source,
    SpikingGraph,
    load_network,
)  # fmt: skip
from neurosim.graph.to_spiking import SpikingNetwork, to_spiking
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, program
from neurosim.programming.spiking import spiking_calibration


@contextmanager
def without_compiling() -> Iterator[None]:
    """Brian2's NumPy target: for many small models, each used once."""
    preferences = brian().prefs.codegen
    former, preferences.target = preferences.target, "numpy"
    try:
        yield
    finally:
        preferences.target = former


@cache
def digits() -> np.ndarray:
    """Test images (N, 64)."""
    test = load_dataset("digits", "test")
    return prepare(test.images, test.max_level, (64,))


@cache
def labels() -> np.ndarray:
    """Their classes."""
    return load_dataset("digits", "test").labels


@cache
def mlp() -> SpikingNetwork:
    """The shipped 64-32-10 network."""
    train = load_dataset("digits", "train", 200)
    return to_spiking(load_network("digits_mlp"), prepare(train.images, train.max_level, (64,)))


@cache
def convolutional() -> SpikingNetwork:
    """Padding, stride, groups, both poolings, a layer without bias; random weights."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    layers = (
        Conv2d(name="conv1", channels=4, kernel=3, padding=1),
        ReLU(name="relu1"),
        MaxPool(name="max", kernel=2),
        Conv2d(name="conv2", channels=6, kernel=2, stride=(2, 1), groups=2, bias=False),
        ReLU(name="relu2"),
        AvgPool(name="mean", kernel=(1, 3), stride=(1, 1)),
        Flatten(name="flat"),
        Dense(name="head", units=5),
    )
    params = {
        "conv1": {"weight": normal(4, 1, 3, 3), "bias": 0.1 * normal(4, 1).ravel()},
        "conv2": {"weight": normal(6, 2, 2, 2)},
        "head": {"weight": normal(5, 12), "bias": 0.1 * normal(5, 1).ravel()},
    }
    network = Network("small", InputSpec(dataset="digits", shape=(1, 8, 8)), layers, params)
    return to_spiking(network, digits()[:100].reshape(-1, 1, 8, 8))


@cache
def chip(name: str = "joshi_2020", neuron: str = 'kind = "digital"', **options: object) -> Chip:
    """A shipped chip with this [neuron] table."""
    loaded = load_chip(name)
    text = loaded.text.split("[neuron]")[0] if loaded.neuron is None else _without_neuron(loaded.text)
    return parse_chip(f"{text}\n[neuron]\n{neuron}\n").with_options(**options)


def _without_neuron(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.startswith("[neuron")
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def programmed(spiking: SpikingNetwork, on: Chip, seed: int = 0, instance: int = 0) -> ProgrammedChip:
    """The network on a chip, calibrated on 100 images."""
    x = digits()[:100].reshape(-1, *spiking.network.input.shape)
    fed = spiking_calibration(spiking, x)
    return program(spiking.network, on, place(spiking.network, on, fed.signed), fed, seed, instance)


def dense(name: str, weight: np.ndarray, source: str, bias: np.ndarray | None = None) -> Operation:
    """A dense operation of weights (inputs, units)."""
    layer = Dense(name=name, units=weight.shape[1], bias=bias is not None)
    params = {"weight": np.ascontiguousarray(weight.T, np.float32)}
    if bias is not None:
        params["bias"] = np.asarray(bias, np.float32)
    return Operation(layer.bound((source,), ((len(weight),),)), params)


def one_population(neurons: NeuronModel, size: int = 3, dt_s: float | None = None) -> SpikingGraph:
    """The input is the current of each neuron."""
    nodes = (Source("input", (size,)), Population("cells", (size,), neurons))
    return SpikingGraph("one", nodes, (("input", "cells"),), "cells", dt_s)


def trains(spikes: object, images: int, steps: int, size: int) -> np.ndarray:
    """Spikes as 0 and 1, (images, steps, size)."""
    made = np.zeros((images, steps, size), int)
    made[spikes.image, spikes.step, spikes.neuron] += 1  # type: ignore[attr-defined]
    return made
