"""Small networks for cores, with random ternary weights."""

from __future__ import annotations

import numpy as np

from neurosim.graph import (
    Binarise,
    Fire,
    Flatten,
    InputSpec,
    Layer,
    Network,
    TernaryConv2d,
    TernaryDense,
    TernaryWindows,
    Votes,
)
from neurosim.graph.wiring import wire

IMAGE = (1, 8, 8)


def network_of(*inner: Layer, classes: int = 10, seed: int = 0, shape: tuple[int, ...] = IMAGE) -> Network:
    """Ternary layers with `fire` after each, random weights, biases near what makes half of the neurons fire."""
    layers: list[Layer] = [Binarise(name="frame")]
    for layer in inner:
        layers += [layer] if isinstance(layer, Flatten) else [layer, Fire(name=f"{layer.name}_fire")]
    layers.append(Votes(name="votes", classes=classes))
    r, params = np.random.default_rng(seed), {}
    for layer in wire(layers, shape, "small"):
        shapes = layer.parameter_shapes(*layer.input_shapes)
        if shapes:
            params[layer.name] = {"weight": r.integers(-1, 2, shapes["weight"]).astype(np.float32)}
            if "bias" in shapes:
                params[layer.name]["bias"] = r.integers(-2, 4, shapes["bias"]).astype(np.float32)
    return Network("small", InputSpec(dataset="digits", shape=shape), tuple(layers), params, coding="ticks")


def two_layers(seed: int = 0) -> Network:
    """Four windows that overlap so much that one core takes them all, then two parts, on one core too."""
    windows = TernaryWindows(name="windows", kernel=5, grid=2, features=24)
    return network_of(
        windows, Flatten(name="flat"), TernaryDense(name="classes", units=100, parts=2), seed=seed
    )


def three_layers(seed: int = 0) -> Network:
    """A padded convolution in groups, a second one without bias, then dense parts: copies in every layer."""
    return network_of(
        TernaryConv2d(name="conv1", channels=16, kernel=3, stride=2, padding=1),
        TernaryConv2d(name="conv2", channels=12, kernel=2, groups=2, bias=False),
        Flatten(name="flat"),
        TernaryDense(name="classes", units=30),
        seed=seed,
    )


def wide(seed: int = 0) -> Network:
    """A layer whose 600 units need three cores, which all want every input."""
    first = TernaryWindows(name="windows", kernel=5, grid=2, features=10)
    return network_of(first, Flatten(name="flat"), TernaryDense(name="classes", units=600), seed=seed)


def images(count: int, seed: int = 5, shape: tuple[int, ...] = IMAGE) -> np.ndarray:
    """Random images of the range 0 to 1."""
    return np.random.default_rng(seed).random((count, *shape), np.float32)
