"""The matrices of a spiking network, placed and programmed on a chip."""

from __future__ import annotations

import pickle
from itertools import pairwise

import nir
import numpy as np
import pytest
from nir_samples import IMAGE, NEURONS, chain, conv2d, numbers

from neurosim.chips import load_chip
from neurosim.foundation.errors import ConfigError
from neurosim.graph.crossbar_network import crossbar_network
from neurosim.graph.nir_files import from_nir
from neurosim.placement import place
from neurosim.programming import Calibration, program


@pytest.fixture
def graph():
    """A convolution of two groups, neurons, a dense layer with a recurrent one."""
    conv = conv2d(groups=2)
    nodes = {
        "input": nir.Input({"input": np.array(IMAGE)}), "conv": conv,
        "spikes": nir.IF(np.ones((6, 5, 11)), np.ones((6, 5, 11))),
        "flat": nir.Flatten({"input": np.array([6, 5, 11])}, 0, -1), "dense": nir.Affine(numbers(3, 330), numbers(3)),
        "out": NEURONS["IF"], "rec": nir.Linear(numbers(3, 3)), "output": nir.Output({"output": np.array([3])}),
    }  # fmt: skip
    names = ["input", "conv", "spikes", "flat", "dense", "out", "output"]
    edges = [*pairwise(names), ("out", "rec"), ("rec", "out")]
    return from_nir(nir.NIRGraph(nodes, edges, type_check=False), "net")


def test_it_is_placed_and_programmed(graph):
    network = crossbar_network(graph, "nmnist")
    assert [layer.name for layer in network.weighted] == ["conv", "dense", "rec"]
    chip = load_chip("joshi_2020")
    placement = place(network, chip)
    assert [(p.rows, p.columns, p.groups, p.positions) for p in placement.layers] == [
        (12, 3, 2, 55), (330, 3, 1, 1), (3, 3, 1, 1)
    ]  # fmt: skip
    vectors = {p.name: np.abs(numbers(p.groups, 20, p.rows)) for p in placement.layers}
    programmed = program(network, chip, placement, Calibration(vectors), root=0)
    assert set(programmed.layers) == {"conv", "dense", "rec"}
    again = program(pickle.loads(pickle.dumps(network)), chip, placement, Calibration(vectors), root=0)
    ours, theirs = (p.read_out(25.0)["dense"][0] for p in (programmed, again))
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


def test_weights_are_the_graph_s(graph):
    network = crossbar_network(graph)
    for layer in network.weighted:
        np.testing.assert_array_equal(
            network.params[layer.name]["weight"], graph.by_name[layer.name].params["weight"]
        )
    assert network.weights == 6 * 2 * 6 + 3 * 330 + 9
    assert network.checksum == crossbar_network(graph).checksum


def test_it_does_not_compute(graph):
    with pytest.raises(
        ConfigError, match="network 'net': expected a network that computes, got its matrices alone"
    ):
        crossbar_network(graph).forward(numbers(1, *IMAGE))


def test_a_network_without_matrices():
    with pytest.raises(
        ConfigError, match="network 'n': expected at least one dense or convolution layer, got none"
    ):
        crossbar_network(from_nir(chain((3,), NEURONS["IF"]), "n"))
