"""Spikes per neuron and step, from hand-made runs; silence and spikes everywhere are flagged."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.graph import Dense, InputSpec, Network, ReLU
from neurosim.recording import RunFile
from neurosim.reports.activity import Activity, activity


def network(bias: float) -> Network:
    """64 inputs, 5 hidden and 10 output neurons; the hidden ones are driven by their biases alone."""
    params = {
        "a": {"weight": np.zeros((5, 64), np.float32), "bias": np.full(5, bias, np.float32)},
        "b": {"weight": np.eye(10, 5, dtype=np.float32), "bias": np.zeros(10, np.float32)},
    }
    layers = (Dense(name="a", units=5), ReLU(name="r"), Dense(name="b", units=10))
    return Network("made", InputSpec(dataset="digits", shape=(64,)), layers, params)


def test_rates_of_a_network_that_fires_in_every_step() -> None:
    """Its threshold is the bias, so from the second step on each hidden neuron fires once a step."""
    run = ns.run(network(2.0), chip="ideal_float", mode="spiking", steps=50, limit=6)
    found = run.summary.activity
    assert found is not None
    np.testing.assert_allclose(found.rate[0], 1.0, atol=0.021)
    np.testing.assert_allclose(found.per_image, [found.rate[0] * 5 * 50, found.rate[1] * 10 * 50])
    np.testing.assert_allclose(found.rate[1], 0.5, atol=0.02)  # five of ten outputs have an input
    assert found.flags == (f"a spikes nearly everywhere: {found.rate[0]:.2f} per neuron and step",)


def test_a_silent_network_is_valid_and_flagged() -> None:
    run = ns.run(network(-1.0), chip="ideal_float", mode="spiking", steps=20, limit=6)
    assert (run.predictions == 0).all()
    assert run.summary.activity is not None
    assert run.summary.activity.flags == ("no neuron of a ever spiked", "no neuron of b ever spiked")
    assert run.summary.activity.silent == 1


def test_some_silent_images_are_told() -> None:
    found = Activity(("a",), np.array([3.0]), np.array([0.1]), 0.125)
    assert found.flags == ("in 12.50 % of the images no output neuron spiked: their class is the first one",)


def test_rates_count_no_spikes() -> None:
    run = ns.run("digits_mlp", chip="ideal_float", limit=5)
    assert run.summary.activity is None
    with RunFile.open(run.path) as file:
        assert activity(file) is None


@pytest.fixture(autouse=True)
def no_data_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
