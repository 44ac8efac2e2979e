"""Layers for neurosynaptic cores: shapes, exact forward against loops, places, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import (
    Binarise,
    Fire,
    InputSpec,
    Network,
    TernaryConv2d,
    TernaryDense,
    TernaryWindows,
    Votes,
)
from neurosim.graph.binary import OUTSIDE


def bound(layer, shape):
    return layer.bound(("input",), (shape,))


def params_of(layer, shape, seed=0):
    r = np.random.default_rng(seed)
    shapes = layer.parameter_shapes(shape)
    made = {"weight": r.integers(-1, 2, shapes["weight"]).astype(np.float32)}
    if "bias" in shapes:
        made["bias"] = r.integers(-5, 6, shapes["bias"]).astype(np.float32)
    return made


LAYERS = [
    (TernaryDense(name="d", units=30, parts=3), (60,)),
    (TernaryDense(name="d", units=4), (128,)),
    (TernaryWindows(name="w", kernel=3, grid=(2, 3), features=5), (2, 8, 9)),
    (TernaryWindows(name="w", kernel=11, grid=4, features=7), (1, 28, 28)),
    (TernaryConv2d(name="c", channels=6, kernel=3, groups=2, padding=1, stride=2), (4, 7, 6)),
    (TernaryConv2d(name="c", channels=3, kernel=(2, 3), bias=False), (2, 5, 5)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_forward_is_the_sum_over_each_block(layer, shape):
    """What `blocks` says is wired, summed by hand, is what forward and the inference engine's products give."""
    layer = bound(layer, shape)
    params = params_of(layer, shape)
    x = (np.random.default_rng(1).random((3, *shape)) < 0.4).astype(np.float32)
    flat = x.reshape(3, -1)
    expected = np.full((3, int(np.prod(layer.own_output_shape))), np.nan)
    matrices, bias = layer.matrices(params), layer.bias(params)
    for block in layer.blocks():
        inside = block.inputs != OUTSIDE
        sums = flat[:, block.inputs[inside]] @ matrices[block.group][inside]
        expected[:, block.outputs] = sums + (0 if bias is None else bias[block.group])
    out = layer.forward(params, x)
    assert out.shape == (3, *layer.own_output_shape)
    np.testing.assert_array_equal(out.reshape(3, -1), expected)


def test_windows_reach_the_borders_evenly():
    layer = bound(TernaryWindows(name="w", kernel=11, grid=4, features=1), (1, 28, 28))
    starts = layer.input_places()[:4, 0, 0]
    assert starts.tolist() == [0, 6, 11, 17]
    assert layer.input_places().max() == 783
    counted = np.bincount(layer.input_places().ravel(), minlength=784)
    assert counted.min() >= 1  # every pixel is seen


def test_frames_fire_and_votes():
    x = np.array([[0.5, 0.51, 0.0, 1.0]], np.float32)
    np.testing.assert_array_equal(Binarise(name="b", level=0.5).forward({}, x), [[0, 1, 0, 1]])
    sums = np.array([[-1, 0, 1, 2]], np.float32)
    np.testing.assert_array_equal(Fire(name="f").forward({}, sums), [[0, 0, 1, 1]])
    votes = bound(Votes(name="v", classes=2), (6,)).forward({}, np.array([[1, 0, 1, 1, 0, 0]], np.float32))
    np.testing.assert_array_equal(votes, [[2, 1]])


@pytest.mark.parametrize(
    ("layer", "shape", "kind", "message"),
    [
        (TernaryDense(name="d", units=10), (129,), ConfigError,
         r"layer 'd': expected at most 128 inputs to a sum, got 129; set parts = 2 or more"),
        (TernaryDense(name="d", units=10, parts=3), (60,), ConfigError,
         r"parts: expected a divisor of its 10 units, got 3"),
        (TernaryDense(name="d", units=9, parts=3), (61,), ConfigError, r"a divisor of its 61 inputs, got 3"),
        (TernaryWindows(name="w", kernel=12, grid=2, features=1), (1, 28, 28), ConfigError,
         r"at most 128 inputs to a sum, got 144; use a smaller kernel, or fewer channels before it"),
        (TernaryWindows(name="w", kernel=9, grid=2, features=1), (1, 8, 9), DataError,
         r"an image of at least 9 pixels a side, got 8; use a smaller kernel"),
        (TernaryWindows(name="w", kernel=3, grid=3, features=1), (1, 4, 9), ConfigError,
         r"grid: expected at most 2 windows a side, got 3; use fewer windows"),
        (TernaryConv2d(name="c", channels=8, kernel=3), (16, 8, 8), ConfigError,
         r"at most 128 inputs to a sum, got 144; set groups = 2 or more, or a smaller kernel"),
        (Votes(name="v", classes=3), (10,), ConfigError,
         r"classes: expected a divisor of the 10 units before it, got 3"),
    ],
)  # fmt: skip
def test_what_no_core_can_hold_is_refused(layer, shape, kind, message):
    with pytest.raises(kind, match=message):
        layer.output_shape(shape)


def test_a_network_of_them_is_described_and_read_again(tmp_path):
    from neurosim.graph import load_network
    from neurosim.graph.weights import weights_bytes

    layers = (
        Binarise(name="frame"),
        TernaryWindows(name="windows", kernel=5, grid=2, features=8),
        Fire(name="features"),
        TernaryConv2d(name="conv", channels=4, kernel=2),
        Fire(name="fire"),
        Votes(name="votes", classes=2),
    )
    with pytest.raises(DataError, match=r"layer 'votes': expected an input of shape \(units,\)"):
        Network("net", InputSpec(dataset="digits", shape=(1, 8, 8)), layers, {})
    layers = (
        *layers[:3],
        *_flat(),
    )
    shapes = {"windows": params_of(layers[1], (1, 8, 8)), "classes": params_of(layers[4], (32,))}
    network = Network("net", InputSpec(dataset="digits", shape=(1, 8, 8)), layers, shapes, coding="ticks")
    (tmp_path / "network.toml").write_text(network.description())
    (tmp_path / "weights.safetensors").write_bytes(weights_bytes(network.params))
    again = load_network(tmp_path)
    assert again.coding == "ticks"
    x = np.random.default_rng(0).random((5, 1, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(again.forward(x), network.forward(x))
    assert again.forward(x).dtype == np.float32


def _flat():
    from neurosim.graph import Flatten

    return (
        Flatten(name="flat"),
        TernaryDense(name="classes", units=20),
        Fire(name="ballots"),
        Votes(name="votes", classes=10),
    )
