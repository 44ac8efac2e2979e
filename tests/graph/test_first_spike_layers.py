"""Layers whose neurons spike once: shapes, forward, what they refuse, and the network file."""

from itertools import pairwise

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError
from neurosim.graph import (
    FirstSpikeDense,
    FirstSpikeEncoder,
    FirstSpikeScores,
    InputSpec,
    Network,
    load_network,
    read_description,
)
from neurosim.graph.first_spike import first_spikes
from neurosim.graph.reading import NETWORK_FILE, WEIGHTS_FILE
from neurosim.graph.weights import weights_bytes

LATE = float(np.log(6))


def small(seed=0, sizes=(20, 15, 4), threshold=1.0):
    rng = np.random.default_rng(seed)
    layers = [FirstSpikeEncoder(name="encoder", late=LATE)]
    params = {}
    for number, (rows, units) in enumerate(pairwise(sizes)):
        layers.append(FirstSpikeDense(name=f"layer{number}", units=units, threshold=threshold))
        weight = rng.normal(4 / rows, 1.5 / np.sqrt(rows), (units, rows))
        params[f"layer{number}"] = {"weight": weight.astype(np.float32)}
    layers.append(FirstSpikeScores(name="scores"))
    return Network(
        "small", InputSpec(dataset="digits", shape=(sizes[0],)), tuple(layers), params, coding="first_spike"
    )


def formula(times, weights, threshold):
    """One neuron: z = sum w z / (sum w - theta) over the first causal set."""
    order = np.argsort(times)
    z, w = np.exp(times[order]), weights[order]
    for last in range(len(z)):
        spare = w[: last + 1].sum() - threshold
        following = z[last + 1] if last + 1 < len(z) else np.inf
        if spare > 0 and w[: last + 1] @ z[: last + 1] / spare <= following:
            return np.log(w[: last + 1] @ z[: last + 1] / spare)
    return np.inf


def test_forward_equals_the_formula():
    network = small(threshold=0.8)
    x = np.random.default_rng(1).random((12, 20)).astype(np.float32)
    scores, kept = network.trace(x, {"encoder", "layer0"})
    np.testing.assert_array_equal(kept["encoder"], np.where(x > 0.5, np.float32(0), np.float32(LATE)))
    first, second = (network.params[f"layer{k}"]["weight"].astype(float) for k in range(2))
    hidden = [[formula(row.astype(float), w, 0.8) for w in first] for row in kept["encoder"]]
    np.testing.assert_allclose(kept["layer0"], hidden, rtol=2e-5, atol=1e-5)
    wanted = [[-formula(row.astype(float), w, 0.8) for w in second] for row in kept["layer0"]]
    np.testing.assert_allclose(scores, wanted, rtol=2e-5, atol=1e-5)
    assert scores.dtype == np.float32
    assert np.isfinite(kept["layer0"]).any()


def test_first_spikes_stopped_at_the_decision():
    network = small()
    x = np.random.default_rng(2).random((30, 20)).astype(np.float32)
    times = network.trace(x, {"layer0"})[1]["layer0"]
    weights = np.ascontiguousarray(network.params["layer1"]["weight"].T)
    whole, stopped = (first_spikes(times, weights, 1.0, stop) for stop in (False, True))
    np.testing.assert_allclose(stopped.min(axis=1), whole.min(axis=1))
    assert np.isinf(stopped).sum() > np.isinf(whole).sum()


def test_neurons_that_never_spike_score_minus_infinity_without_nan():
    network = small()
    params = {name: {"weight": -np.abs(own["weight"])} for name, own in network.params.items()}
    silent = Network("small", network.input, network.layers, params, coding="first_spike")
    scores = silent.forward(np.random.default_rng(0).random((5, 20)).astype(np.float32))
    assert (scores == -np.inf).all()


@pytest.mark.parametrize("threshold", [0.0, -1.0, np.nan, np.inf])
def test_thresholds_that_are_not_above_zero_are_refused(threshold):
    with pytest.raises(ConfigError, match="threshold: expected a finite number above zero"):
        first_spikes(np.zeros((1, 3)), np.ones((3, 2)), threshold)


def test_times_are_no_factors_of_a_product():
    layer = small().layers[1]
    with pytest.raises(ConfigError, match="an engine that computes with times of spikes.*--mode spiking"):
        layer.unfold(np.zeros((1, 20), np.float32))


def test_images_must_be_flat():
    layers = (FirstSpikeEncoder(name="encoder", late=1.0), FirstSpikeScores(name="scores"))
    with pytest.raises(DataError, match=r"input of shape \(features,\)"):
        Network("x", InputSpec(dataset="mnist", shape=(1, 4, 4)), layers, {})


def write(folder, text, network=None):
    (folder / NETWORK_FILE).write_text(text)
    if network is not None:
        (folder / WEIGHTS_FILE).write_bytes(weights_bytes(network.params))


def test_a_network_folder_is_read_back(tmp_path):
    network = small()
    write(tmp_path, network.description(), network)
    loaded = load_network(tmp_path)
    assert loaded.coding == "first_spike"
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in network.layers]
    x = np.random.default_rng(1).random((4, 20)).astype(np.float32)
    np.testing.assert_array_equal(loaded.forward(x), network.forward(x))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("units = 15", "units = 15\nthreshold = 0.0", r"threshold: Input should be greater than 0, got 0\.0"),
        ("units = 15", "units = 15\nthreshold = -1", "threshold: Input should be greater than 0, got -1"),
        ("units = 15", "units = 15\nbias = true", "a neuron that spikes once has none"),
        (f"late = {LATE}", "late = 0.0", "late: Input should be greater than 0"),
    ],
)
def test_the_network_file_refuses_what_cannot_be(tmp_path, old, new, message):
    text = small().description()
    assert old in text
    write(tmp_path, text.replace(old, new, 1))
    with pytest.raises(ConfigErrors, match=message):
        read_description(tmp_path / NETWORK_FILE)
