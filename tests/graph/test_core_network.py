"""Networks of cores: what hardware can hold, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.foundation.errors import ConfigError
from neurosim.graph.core_network import NOWHERE, OUTPUT, CoreNetwork, CoreNeurons


def network(
    cores=2, axons=6, neurons=5, outputs=3, convention="truenorth", types=None, places=None, **values
):
    places = (
        np.stack([np.arange(cores), np.zeros(cores, int)], axis=1) if places is None else np.array(places)
    )
    types = np.zeros((cores, axons), int) if types is None else types
    return CoreNetwork(
        "test", places, types, np.ones((cores, axons, neurons), bool), CoreNeurons.filled(cores, neurons, **values),
        outputs, convention,
    )  # fmt: skip


def one(cores, neurons, core, neuron, value, rest):
    values = np.full((cores, neurons), rest)
    values[core, neuron] = value
    return values


def test_a_core_at_its_limits_is_taken():
    full = network(
        1, 256, 256, leak=-256, weights=np.array([255, -256, 0, 1]), threshold=2**18 - 1, threshold_bits=18,
        floor=2**18 - 1, reset_value=-(2**19 - 1), reset_mode=2, floor_mode=1, v_initial=-(2**19), delay=15,
        stochastic_leak=1, leak_reversal=1, stochastic_synapse=1, target_core=0, target_axon=255,
    )  # fmt: skip
    assert (full.cores, full.axons, full.neurons_per_core) == (1, 256, 256)
    assert full.draws_per_tick[0] == 512
    with pytest.raises(ValueError, match="read-only"):
        full.neurons.leak[0, 0] = 1


# name, lowest and highest value that a neuron takes
RANGES = {
    "weights": (-256, 255), "leak": (-256, 255), "threshold": (0, 262143), "threshold_bits": (0, 18),
    "floor": (0, 262143), "reset_value": (-524287, 524287), "reset_mode": (0, 2), "floor_mode": (0, 1),
    "stochastic_synapse": (0, 1), "stochastic_leak": (0, 1), "leak_reversal": (0, 1), "v_initial": (-524288, 524287),
    "delay": (1, 15),
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("end", [0, 1])
def test_every_integer_has_its_range(name, end):
    low, high = RANGES[name]
    inside, outside = RANGES[name][end], RANGES[name][end] + (1 if end else -1)
    rest = {"delay": 1, "threshold": 1}.get(name, 0)
    values = one(2, 5, 1, 3, inside, rest)
    wide = name in ("weights", "stochastic_synapse")
    if name == "threshold" and end == 0:
        network(threshold_bits=1, threshold=0)  # a threshold of zero needs a random part
    else:
        network(**{name: values[..., None] if wide else values})
    values[1, 3] = outside
    message = rf"core network 'test': core 1, neuron 3: {name}: expected {low} to {high}, got {outside}; "
    with pytest.raises(ConfigError, match=message):
        network(**{name: values[..., None] if wide else values})


def test_every_integer_of_a_neuron_was_tried():
    known = set(vars(CoreNeurons.filled(1, 1))) - {"target_core", "target_axon"}
    assert set(RANGES) == known


def test_delays_of_none_and_of_sixteen_say_what_to_do():
    for delay in (0, 16):
        with pytest.raises(ConfigError, match=r"delay: expected 1 to 15, got \d+; .*a neuron in between"):
            network(delay=delay)


def test_a_threshold_that_always_fires_is_refused():
    with pytest.raises(
        ConfigError, match=r"threshold: expected 1 or more, or random, got 0; a neuron at rest would"
    ):
        network(threshold=one(2, 5, 1, 2, 0, 1))
    with pytest.raises(
        ConfigError, match=r"threshold: expected 0 to 262143, got -4; a threshold is positive"
    ):
        network(threshold=-4)
    network(threshold=0, convention="ranc")  # RANC's networks have it


def test_more_axon_types_than_four_are_refused():
    with pytest.raises(
        ConfigError, match=r"core 1, axon 2: axon_types: expected 0 to 3, got 4; .*four axon types"
    ):
        network(types=one(2, 6, 1, 2, 4, 0))
    neurons = CoreNeurons.filled(2, 5)
    five = CoreNeurons(**{**vars(neurons), "weights": np.zeros((2, 5, 5), int)})
    with pytest.raises(
        ConfigError, match=r"weights: expected one weight for each of 4 axon types, got \(5,\)"
    ):
        CoreNetwork(
            "test", np.array([[0, 0], [1, 0]]), np.zeros((2, 6), int), np.ones((2, 6, 5), bool), five, 0
        )


@pytest.mark.parametrize(("axons", "neurons", "what"), [(257, 5, "axons"), (6, 257, "neurons")])
def test_a_core_that_does_not_fit_is_refused(axons, neurons, what):
    with pytest.raises(
        ConfigError, match=rf"a core of 1 to 256 {what}, got 257; spread them over more cores"
    ):
        network(axons=axons, neurons=neurons)


@pytest.mark.parametrize(
    ("core", "axon", "message"),
    [
        (
            2,
            0,
            r"core 1, neuron 2: target: expected a core from 0 to 1, got core 2, axon 0; every neuron sends",
        ),
        (-3, 0, r"expected a core from 0 to 1, got core -3"),
        (0, 6, r"expected an axon or output that exists, got core 0, axon 6"),
        (OUTPUT, 3, r"expected an axon or output that exists"),
        (1, -1, r"expected an axon or output that exists"),
    ],
)
def test_targets_must_exist(core, axon, message):
    with pytest.raises(ConfigError, match=message):
        network(target_core=one(2, 5, 1, 2, core, NOWHERE), target_axon=one(2, 5, 1, 2, axon, 0))


def test_shapes_and_places_must_match():
    with pytest.raises(ConfigError, match=r"coordinates: expected a place of its own for every core"):
        network(places=[[0, 0], [0, 0]])
    with pytest.raises(ConfigError, match=r"axon_types: expected shape \(2, 6\), got \(1, 6\)"):
        network(types=np.zeros((1, 6), int))
    with pytest.raises(ConfigError, match=r"neurons: expected a parameter of a neuron, got 'leek'; one of"):
        CoreNeurons.filled(1, 1, leek=3)
    short = CoreNeurons.filled(2, 4)
    with pytest.raises(ConfigError, match=r"expected 2 cores of 5 neurons, got \(2, 4"):
        CoreNetwork(
            "test", np.array([[0, 0], [1, 0]]), np.zeros((2, 6), int), np.ones((2, 6, 5), bool), short, 0
        )


def test_ranc_has_wider_numbers_and_nothing_random():
    network(convention="ranc", threshold=-5, floor=-1000, weights=np.array([1000, 0, 0, 0]))
    for name in ("stochastic_leak", "leak_reversal", "floor_mode", "stochastic_synapse"):
        with pytest.raises(
            ConfigError, match=rf"{name}: expected 0 to [01], got 1|{name}: expected 0 to 0, got 1"
        ):
            network(convention="ranc_inclusive", **{name: 1})


def test_hops_are_the_distance_along_both_axes():
    places = [[0, 0], [3, 1]]
    hops = network(places=places, target_core=np.array([[1, 0, NOWHERE, OUTPUT, 1]] * 2)).hops
    assert hops.tolist() == [[4, 0, 0, 0, 4], [0, 4, 0, 0, 0]]
