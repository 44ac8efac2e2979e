"""Conversion of rate networks: scales, thresholds, what stays untouched and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from small_networks import build, residual

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import (
    AvgPool,
    BatchNorm,
    BiasInput,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    InputSpec,
    MaxPool,
    Operation,
    Population,
    ReLU,
    Softmax,
    find_network,
    fold_batch_norm,
    load_network,
    network_names,
    read_description,
    read_measured,
)  # fmt: skip
from neurosim.graph.to_spiking import to_spiking

FLAT = InputSpec(dataset="mnist", shape=(12,))


def images(shape, n=40, seed=0):
    return np.random.default_rng(seed).random((n, *shape)).astype(np.float32)


def convolutional():
    return build(
        AvgPool(name="shrink", kernel=2),
        Conv2d(name="conv1", channels=4, kernel=3, padding=1),
        ReLU(name="relu1"),
        MaxPool(name="max", kernel=2),
        Conv2d(name="conv2", channels=6, kernel=2, bias=False),
        ReLU(name="relu2"),
        AvgPool(name="mean", kernel=2),
        Flatten(name="flat"),
        Dense(name="dense", units=5),
        Softmax(name="softmax"),
    )


def test_scales_are_percentiles_of_positive_activations():
    network, x = convolutional(), images((1, 12, 12))
    spiking = to_spiking(network, x, 90.0)
    _, kept = network.trace(x, {"shrink", "relu1", "relu2", "dense"})
    for name, source in (("input", "shrink"), ("conv1", "relu1"), ("conv2", "relu2"), ("dense", "dense")):
        positive = kept[source][kept[source] > 0]
        assert spiking.scales[name] == pytest.approx(np.percentile(positive, 90.0))
    assert spiking.scale_before("conv1") == spiking.scales["input"]
    assert spiking.scale_before("dense") == spiking.scales["conv2"]


def test_weights_stay_and_thresholds_and_biases_take_the_scales():
    network, x = convolutional(), images((1, 12, 12))
    spiking = to_spiking(network, x)
    graph, scales = spiking.graph, spiking.scales
    order = ["input", "conv1", "conv2", "dense"]
    for before, name in pairwise(order):
        operation = graph.by_name[name]
        assert operation.params["weight"] is network.params[name]["weight"]
        if "bias" in network.params[name]:
            np.testing.assert_allclose(
                operation.params["bias"], network.params[name]["bias"] / np.float32(scales[before]), rtol=1e-6
            )
        neurons = graph.by_name[spiking.population_of[name]].neurons
        assert neurons.threshold == pytest.approx(scales[name] / scales[before])
        assert neurons.v_initial == neurons.threshold / 2
        assert (neurons.kind, neurons.reset, neurons.comparison) == ("if", "subtract", ">=")


def test_what_becomes_of_the_other_layers():
    spiking = to_spiking(convolutional(), images((1, 12, 12)))
    assert [layer.name for layer in spiking.prelude] == ["shrink"]
    assert spiking.graph.source.shape == (1, 6, 6)
    assert list(spiking.graph.order) == [
        "input", "conv1", "conv1_neurons", "max", "conv2", "conv2_neurons", "mean", "mean_neurons", "flat", "dense",
        "dense_neurons",
    ]  # fmt: skip
    assert isinstance(spiking.graph.by_name["max"], Operation)
    mean = spiking.graph.by_name["mean_neurons"]
    assert isinstance(mean, Population)
    assert (mean.neurons.threshold, mean.neurons.v_initial) == (1.0, 0.5)
    assert spiking.graph.output == "dense_neurons"


def test_the_encoder_sees_the_image_after_the_prelude():
    network, x = convolutional(), images((1, 12, 12))
    spiking = to_spiking(network, x)
    seen = spiking.encoder_input(x)
    assert seen.shape == (40, 1, 6, 6)
    np.testing.assert_allclose(
        seen, network.trace(x, {"shrink"})[1]["shrink"] / spiking.scales["input"], rtol=1e-6
    )


def test_a_silent_layer_has_a_scale():
    network = build(Dense(name="a", units=3), ReLU(name="r"), Dense(name="b", units=2), input=FLAT)
    assert to_spiking(network, np.zeros((3, 12), np.float32)).scales["input"] == 1.0


# their neurons are no rectifiers
WITHOUT_SPIKES = ("mnist_guo", "mnist_yu", "mnist_zhang")


@pytest.mark.parametrize("name", [name for name in WITHOUT_SPIKES if name in network_names()])
def test_other_neurons_than_rectifiers_are_refused(name):
    network = load_network(name)
    with pytest.raises(
        ConfigError, match=r"expected a ReLU right after it|expected a layer that spikes can pass"
    ):
        to_spiking(network, images(network.input.shape, 4))


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in network_names()
        if read_description(find_network(n))[0].coding == "rate"
        and read_measured(find_network(n).parent)
        and n not in WITHOUT_SPIKES
    ],
)
def test_every_shipped_rate_network_is_converted(name):
    network = fold_batch_norm(load_network(name))
    spiking = to_spiking(network, images(network.input.shape, 4))
    assert set(spiking.population_of) == {layer.name for layer in network.weighted}
    assert spiking.graph.by_name[spiking.graph.output].shape == network.output_shape


def dense_chain(*between):
    return build(Dense(name="a", units=4), *between, Dense(name="b", units=2), input=FLAT)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (fold_batch_norm(residual()), r"layer '\w+': expected a chain of layers, got a branch or a residual sum"),
        (dense_chain(BatchNorm(name="norm"), ReLU(name="r")), "'norm': expected no batch norm.*fold_batch_norm first"),
        (dense_chain(), "layer 'a': expected a ReLU right after it, got 'b'"),
        (dense_chain(ReLU(name="r"), ReLU(name="again")), "'again': expected a ReLU right after a dense or"),
        (dense_chain(ReLU(name="r"), Softmax(name="s")), "layer 's': expected softmax as the last layer, got"),
        (dense_chain(ReLU(name="r"), BiasInput(name="one")),
         "layer 'one': expected a layer that spikes can pass, got bias_input; it has no spiking form"),
        (build(GlobalAvgPool(name="mean")), "expected at least one dense or convolution layer, got none"),
    ],
)  # fmt: skip
def test_networks_without_a_spiking_form(network, message):
    with pytest.raises(ConfigError, match=message):
        to_spiking(network, images(network.input.shape))


def test_other_mistakes():
    network = dense_chain(ReLU(name="r"))
    with pytest.raises(ConfigError, match="percentile: expected above 0 and up to 100, got 0; 99.9 is usual"):
        to_spiking(network, images((12,)), 0)
    with pytest.raises(DataError, match="calibration images: expected at least one, got none"):
        to_spiking(network, images((12,))[:0])
