"""Placement on cores: what sits there computes the network, axons and copies are counted, misfits are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from core_networks import images, network_of, three_layers, two_layers, wide

sys.path.insert(0, str(Path(__file__).parents[1] / "engines" / "spiking"))
from truenorth_samples import Twin

from neurosim.chips import load_chip
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Dense, InputSpec, Network, ReLU, TernaryDense, load_network
from neurosim.graph.core_network import OUTPUT
from neurosim.placement import place_cores


@pytest.fixture(scope="module")
def chip():
    return load_chip("truenorth")


def votes_on_cores(placement, image, classes):
    """The plain twin run on the placed cores for one frame."""
    twin, spiking = Twin(placement.cores, (0, 0)), image.ravel() > placement.level
    axons = placement.entry_axon[spiking[placement.entry_input]]
    for tick in range(placement.depth):
        fired = twin.tick(tick, axons if tick == 0 else np.zeros(0, int))
    n = placement.cores.neurons
    outputs = n.target_axon[fired & (n.target_core == OUTPUT)]
    return np.bincount(placement.classes[outputs], minlength=classes)


@pytest.mark.parametrize(
    ("make", "cores", "copies"),
    [(two_layers, (1, 1), (2, 1)), (three_layers, (3, 3, 1), (4, 2, 1)), (wide, (1, 3), (6, 1))],
)
def test_the_cores_compute_the_network(chip, make, cores, copies):
    network = make()
    placement = place_cores(network, chip)
    shown = images(12)
    expected = network.forward(shown)
    found = [votes_on_cores(placement, image, 10) for image in shown]
    np.testing.assert_array_equal(found, expected)
    assert expected.std() > 0
    assert tuple(layer.groups for layer in placement.layers) == cores
    assert placement.copies == copies
    assert placement.inputs == 64


@pytest.mark.parametrize("make", [two_layers, three_layers, wide])
def test_every_axon_has_one_source_and_every_input_two_axons(chip, make):
    placement = place_cores(make(), chip)
    cores, n = placement.cores, placement.cores.neurons
    sent = (n.target_core * cores.axons + n.target_axon)[n.target_core >= 0]
    reached = np.concatenate([sent, placement.entry_axon])
    assert len(np.unique(reached)) == len(reached)
    # axons come in pairs of types 0 and 1, and no neuron listens to both
    assert (cores.axon_types.reshape(-1, 2) == [0, 1]).all()
    pairs = cores.connections.reshape(cores.cores, -1, 2, cores.neurons_per_core)
    assert not pairs.all(axis=2).any()
    used = cores.connections.any(axis=2).reshape(cores.cores, -1, 2).any(axis=2)
    arriving = np.zeros(cores.cores * cores.axons, bool)
    arriving[reached] = True
    assert (arriving.reshape((*used.shape, 2)).all(axis=2) | ~used).all()
    # a core of one layer sends to the next one only
    layer = placement.layer_of_core
    inside = n.target_core >= 0
    assert (layer[n.target_core[inside]] == np.repeat(layer, inside.sum(axis=1)) + 1).all()
    assert sum(geometry.groups for geometry in placement.layers) == cores.cores


def test_geometry_is_in_cores(chip):
    placement = place_cores(two_layers(), chip)
    first = placement.layer("windows")
    assert (first.rows, first.columns, first.tiles, first.devices_per_weight) == (256, 256, 1, 1)
    assert first.macs == 4 * 25 * 24
    pcm = place_cores(two_layers(), load_chip("truenorth_pcm"))
    assert pcm.layer("windows").devices_per_weight == 2


def test_products_with_the_same_inputs_share_a_core(chip):
    """Neighbouring positions of a convolution share most of their pixels, and so their axons."""
    placement = place_cores(three_layers(), chip)
    # nine positions in two groups fill three cores, not eighteen
    assert placement.layer("conv2").groups == 3
    assert placement.copies[0] % 2 == 0


def test_mnist_truenorth_takes_32_cores(chip):
    placement = place_cores(load_network("mnist_truenorth"), chip)
    assert [layer.groups for layer in placement.layers] == [16, 16]
    assert placement.copies == (2, 1)
    assert placement.cores.cores == 32
    assert placement.depth == 2


def with_weights(network, layer, name, value):
    params = {k: {n: a.copy() for n, a in own.items()} for k, own in network.params.items()}
    params[layer][name].flat[3] = value
    return Network(network.name, network.input, network.layers, params, coding="ticks")


def test_what_does_not_fit_is_refused_with_the_remedy(chip):
    network = two_layers()
    small = chip.with_options(core__axons=64)
    with pytest.raises(ConfigError, match=r"at most 32 inputs to a sum, two axons each, got 48; "
                                          r"cut the layer into parts, or use a smaller kernel"):  # fmt: skip
        place_cores(network, small)
    with pytest.raises(
        ConfigError, match=r"at most 1 cores, got 2; use fewer features, or fewer and smaller windows"
    ):
        place_cores(network, chip.with_options(core__cores=1))
    with pytest.raises(
        DataError, match=r"weights: expected -1, 0 and 1, got 1 others, such as 0.5; train it with"
    ):
        place_cores(with_weights(network, "windows", "weight", 0.5), chip)
    for value in (0.25, 256):
        with pytest.raises(DataError, match=r"biases: expected whole numbers from -255 to 255, got 1 others"):
            place_cores(with_weights(network, "classes", "bias", value), chip)
    with pytest.raises(
        ConfigError, match=r"chip joshi_2020: expected a \[core\] table, got none; choose a chip with"
    ):
        place_cores(network, load_chip("joshi_2020"))


def test_other_networks_are_refused(chip):
    spec = InputSpec(dataset="digits", shape=(64,))
    rate = Network("rate", spec, (Dense(name="a", units=4, bias=False), ReLU(name="r")),
                   {"a": {"weight": np.zeros((4, 64), np.float32)}})  # fmt: skip
    with pytest.raises(
        ConfigError, match=r"network 'rate': expected binarise first and votes last, got dense and relu"
    ):
        place_cores(rate, chip)
    network = network_of(TernaryDense(name="a", units=10), shape=(64,))
    with pytest.raises(ConfigError, match=r"fire after every ternary layer"):
        place_cores(_chained("bare", [k for k in network.layers if k.name != "a_fire"], network), chip)
    twice = [*network.layers[:2], network.layers[1].model_copy(update={"name": "b"}), *network.layers[2:]]
    with pytest.raises(
        ConfigError, match=r"layer 'b': expected a ternary layer, or fire after one, got ternary_dense"
    ):
        place_cores(_chained("twice", twice, network, b=(10, 10)), chip)


def _chained(name, layers, network, **more):
    loose = [layer.model_copy(update={"inputs": ()}) for layer in layers]
    params = {"a": dict(network.params["a"])}
    for layer, shape in more.items():
        params[layer] = {"weight": np.zeros(shape, np.float32), "bias": np.zeros(shape[0], np.float32)}
    return Network(name, network.input, tuple(loose), params, coding="ticks")
