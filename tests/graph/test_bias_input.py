"""Biases as a row of the matrix, and neurons that rectify and saturate: closed forms, and the same network twice."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from neurosim.chips import load_chip
from neurosim.engines.layer_events import digital_events
from neurosim.foundation.errors import DataError
from neurosim.graph import BiasInput, Binarise, Dense, Fire, InputSpec, Network, RectifiedTanh, load_network
from neurosim.graph.weights import weights_bytes
from neurosim.pipeline.expecting import signed_inputs
from neurosim.placement import place

FLAT = InputSpec(dataset="digits", shape=(64,))


def two_ways() -> tuple[Network, Network]:
    """One network with biases beside its matrices, and with the same ones as their last rows."""
    r = np.random.default_rng(4)
    w1, b1, w2, b2 = (r.normal(0, 0.3, shape).astype(np.float32) for shape in ((9, 64), 9, (10, 9), 10))
    beside = Network("beside", FLAT, (
        Binarise(name="pixels"), Dense(name="one", units=9), RectifiedTanh(name="hidden"), Dense(name="two", units=10),
    ), {"one": {"weight": w1, "bias": b1}, "two": {"weight": w2, "bias": b2}})  # fmt: skip
    inside = Network("inside", FLAT, (
        Binarise(name="pixels"), BiasInput(name="on"), Dense(name="one", units=9, bias=False),
        RectifiedTanh(name="hidden"), BiasInput(name="half", level=0.5), Dense(name="two", units=10, bias=False),
    ), {"one": {"weight": np.column_stack([w1, b1])}, "two": {"weight": np.column_stack([w2, 2 * b2])}})  # fmt: skip
    return beside, inside


def test_a_rectified_tanh_is_zero_below_and_saturates_above():
    x = np.array([[-3, -1e-3, 0, 0.1, 1, 40]], np.float32)
    out = RectifiedTanh(name="t").forward({}, x)
    np.testing.assert_allclose(out, [[0, 0, 0, 0.099667994, 0.76159416, 1]], rtol=1e-6)
    assert out.dtype == np.float32


def test_a_row_of_biases_is_the_same_network():
    beside, inside = two_ways()
    x = np.random.default_rng(0).random((30, 64), np.float32)
    np.testing.assert_allclose(inside.forward(x), beside.forward(x), rtol=1e-5, atol=1e-5)
    assert inside.weights == beside.weights + 9 + 10


def test_it_is_described_and_read_again(tmp_path):
    _, inside = two_ways()
    (tmp_path / "network.toml").write_text(inside.description())
    (tmp_path / "weights.safetensors").write_bytes(weights_bytes(inside.params))
    again = load_network(tmp_path)
    x = np.random.default_rng(0).random((5, 64), np.float32)
    np.testing.assert_array_equal(again.forward(x), inside.forward(x))


def test_biases_take_devices_and_no_digital_addition():
    beside, inside = two_ways()
    chip = load_chip("guo_2017")
    devices = {
        network.name: sum(layer.weights * layer.devices_per_weight for layer in place(network, chip).layers)
        for network in (beside, inside)
    }
    assert devices == {"beside": 2 * (64 * 9 + 9 * 10), "inside": 2 * (65 * 9 + 10 * 10)}
    assert signed_inputs(inside) == set()


def test_what_neurons_cost_digitally():
    events = {
        layer.name: digital_events(layer.bound(("input",), ((7,),)))
        for layer in (
            BiasInput(name="bias"),
            Binarise(name="pixels"),
            Fire(name="fire"),
            RectifiedTanh(name="tanh"),
        )
    }
    assert events == {
        "bias": {},
        "pixels": {"comparisons": 7},
        "fire": {"comparisons": 7},
        "tanh": {"comparisons": 7, "multiplications": 7, "additions": 7},
    }


def test_mistakes():
    with pytest.raises(
        DataError, match=r"layer 'on': expected an input of shape \(features,\), got 1 x 8 x 8"
    ):
        BiasInput(name="on").output_shape((1, 8, 8))
    with pytest.raises(ValidationError, match="greater than 0"):
        BiasInput(name="on", level=0)
