"""Small networks with random parameters, for the tests of this folder."""

from __future__ import annotations

import numpy as np

from neurosim.graph import (
    Add,
    BatchNorm,
    Conv2d,
    Dense,
    GlobalAvgPool,
    InputSpec,
    Layer,
    MaxPool,
    Network,
    ReLU,
    Softmax,
)  # fmt: skip
from neurosim.graph.wiring import wire

IMAGE = InputSpec(dataset="mnist", shape=(1, 12, 12))


def random_params(layers, shape, seed=0):
    """Parameters of every layer: Gaussian weights, positive variances."""
    rng = np.random.default_rng(seed)
    params = {}
    for layer in wire(layers, shape, "test"):
        for name, size in layer.parameter_shapes(*layer.input_shapes).items():
            array = rng.standard_normal(size).astype(np.float32) / np.sqrt(np.prod(size[1:], dtype=float))
            array = np.abs(array) + 0.5 if name == "variance" else array
            params.setdefault(layer.name, {})[name] = array.astype(np.float32)
    return params


def build(*layers: Layer, input: InputSpec = IMAGE) -> Network:
    """A network of these layers with random parameters."""
    return Network("test", input, layers, random_params(layers, input.shape))


def residual() -> Network:
    """Two branches of unlike layers, summed: what a residual block does."""
    return build(
        Conv2d(name="stem", channels=4, kernel=3, padding=1, bias=False),
        BatchNorm(name="norm"),
        ReLU(name="relu"),
        Conv2d(name="a", channels=8, kernel=3, stride=2, padding=1, groups=2),
        BatchNorm(name="norm_a"),
        ReLU(name="relu_a"),
        Conv2d(name="b", channels=8, kernel=3, padding=1),
        Conv2d(name="shortcut", channels=8, kernel=1, stride=2, inputs=("relu",)),
        Add(name="add", inputs=("b", "shortcut")),
        MaxPool(name="pool", kernel=2),
        GlobalAvgPool(name="mean"),
        Dense(name="dense", units=10),
        Softmax(name="softmax"),
    )


def images(n, seed=1, shape=(1, 12, 12)):
    """Uniform float32 images."""
    return np.random.default_rng(seed).random((n, *shape), dtype=np.float32)
