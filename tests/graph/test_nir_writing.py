"""Spiking networks as NIR files: read back number for number, readable by the nir package, and what NIR cannot say."""

from __future__ import annotations

from dataclasses import replace

import h5py
import nir
import numpy as np
import pytest
from nir_samples import IMAGE, NEURONS, assert_same, chain, conv2d, lif, numbers, positive, written
from small_networks import random_params

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import (
    AxonDelay,
    Conv2d,
    Dense,
    Flatten,
    MaxPool,
    NeuronModel,
    Operation,
    Population,
    Source,
    SpikingGraph,
)  # fmt: skip
from neurosim.graph.nir_files import from_nir, nir_tree, spiking_graph, to_nir, write_nir
from neurosim.graph.pooling import AvgPool, SumPool
from neurosim.graph.spiking_layers import Conv1d, Merge, Scale
from neurosim.recording.nir_file import read_nir

NIR_S = {"reset": "value", "comparison": ">"}  # of neurons that never spike, where it means nothing
MODELS = {
    "if": NeuronModel("if", threshold=0.7, reset="subtract", comparison=">=", v_initial=0.35),
    "if of values": NeuronModel("if", threshold=0.7, reset="value", comparison=">", v_reset=-0.2),
    "i": NeuronModel("i", **NIR_S, resistance=2.0, low=-1.0, high=1.0),
    "lif": NeuronModel("lif", tau_s=0.02, v_leak=0.1, refractory_steps=3, threshold=positive(3)),
    "li": NeuronModel("li", **NIR_S, tau_s=0.02 * positive(3), bias=positive(3)),
    "cuba_lif": NeuronModel("cuba_lif", tau_s=0.02, tau_synapse_s=0.01, w_in=2.0, v_initial=-positive(3), high=2.0),
    "cuba_li": NeuronModel("cuba_li", **NIR_S, tau_s=0.02, tau_synapse_s=0.01 * positive(3), resistance=positive(3)),
    "threshold": NeuronModel("threshold", threshold=0.3, reset="value", comparison=">="),
}  # fmt: skip


def row(shape, *layers, dt_s=None) -> SpikingGraph:
    """Layers in a row, with random parameters, and a population at the end."""
    nodes, edges, before = [Source("input", shape)], [], "input"
    for layer in layers:
        bound = layer.bound((), (shape,))
        params = random_params((layer,), shape).get(layer.name, {})
        nodes.append(Operation(bound, params))
        edges.append((before, layer.name))
        before, shape = layer.name, bound.own_output_shape
    nodes.append(Population("spikes", shape, NeuronModel("if", reset="value", comparison=">")))
    return SpikingGraph("net", tuple(nodes), (*edges, (before, "spikes")), "spikes", dt_s)


LAYERS = {
    "dense": ((5,), Dense(name="a", units=4), Dense(name="b", units=3, bias=False)),
    "conv2d": (IMAGE, Conv2d(name="c", channels=6, kernel=(3, 2), stride=(2, 1), padding=(1, 0), groups=2)),
    "holes": (IMAGE, Conv2d(name="c", channels=6, kernel=2, dilation=(2, 3), bias=False)),
    "conv1d": ((4, 11), Conv1d(name="c", channels=6, kernel=3, stride=2, padding=2, dilation=2, groups=2)),
    "pools": (IMAGE, AvgPool(name="a", kernel=2, padding=1), SumPool(name="b", kernel=(2, 1), stride=2)),
    "others": (IMAGE, Scale(name="s"), Merge(name="m", first=1), Merge(name="n", first=0, last=0), Flatten(name="f")),
}  # fmt: skip


@pytest.mark.parametrize("case", LAYERS)
def test_layers_come_back(tmp_path, case):
    graph = row(*LAYERS[case])
    write_nir(graph, tmp_path / "net.nir")
    assert_same(graph, read_nir(tmp_path / "net.nir"))


@pytest.mark.parametrize("case", MODELS)
def test_neurons_come_back_with_what_nir_cannot_say(tmp_path, case):
    model = MODELS[case]
    nodes = (Source("input", (3,)), Population("n", (3,), model))
    graph = SpikingGraph("net", nodes, (("input", "n"),), "n", 1e-3)
    write_nir(graph, tmp_path / "net.nir")
    assert_same(graph, read_nir(tmp_path / "net.nir"))
    stated = {key.removeprefix("neurosim_") for key in nir.read(tmp_path / "net.nir").nodes["n"].metadata}
    conventions = {"reset", "comparison"} if model.reset == "subtract" else set()
    conventions = {"comparison"} if case == "threshold" else conventions
    assert stated & {"reset", "comparison"} == conventions


def test_networks_of_others_come_back(tmp_path):
    """From the nir package, through ours, and again."""
    for kind, node in NEURONS.items():
        graph = from_nir(chain((3,), nir.Affine(numbers(3, 3), numbers(3)), node), "net", 0.01)
        write_nir(graph, tmp_path / f"{kind}.nir")
        again = read_nir(tmp_path / f"{kind}.nir", name="net")
        assert_same(graph, again)
        theirs = nir.read(tmp_path / f"{kind}.nir").nodes[f"{kind.lower()}_1"]
        assert type(theirs) is type(node)
        assert theirs.metadata == {}
        for key, value in node.to_dict().items():
            if key not in ("type", "metadata"):
                np.testing.assert_allclose(getattr(theirs, key), value)


def looped(steps: int) -> SpikingGraph:
    """A population with a delayed connection onto itself, one step of which the feedback edge takes."""
    weight = {"w": {"weight": numbers(3, 3)}}
    nodes = (
        Source("in", (3,)), Population("n", (3,), NeuronModel("if", reset="value", comparison=">")),
        Operation(Dense(name="w", units=3, bias=False).bound((), ((3,),)), weight["w"]),
        AxonDelay("late", (3,), steps), AxonDelay("first", (3,), np.array([0, 2, 5])),
    )  # fmt: skip
    edges = (("in", "first"), ("first", "n"), ("n", "w"), ("w", "late"), ("late", "n"))
    return SpikingGraph("net", nodes, edges, "n", 2e-3)


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_loop_is_written_as_long_as_it_takes(tmp_path, steps):
    graph = looped(steps)
    write_nir(graph, tmp_path / "net.nir")
    nodes = nir.read(tmp_path / "net.nir").nodes
    np.testing.assert_allclose(nodes["late"].delay, (steps + 1) * 2e-3)
    np.testing.assert_allclose(nodes["first"].delay, [0, 4e-3, 10e-3])
    assert_same(graph, read_nir(tmp_path / "net.nir"))


def test_the_time_step_goes_along_but_the_caller_s_wins(tmp_path):
    graph = from_nir(chain((3,), lif(3)), "net", 1e-3)
    write_nir(graph, tmp_path / "net.nir")
    assert read_nir(tmp_path / "net.nir").dt_s == 1e-3
    assert read_nir(tmp_path / "net.nir", 5e-4).dt_s == 5e-4


def test_the_tree_is_what_the_package_stores(tmp_path):
    """Stored field by field, it is a file that the package reads as the graph."""
    graph = from_nir(chain(IMAGE, conv2d(kernel=(3, 3)), nir.Flatten({"input": None}, 0, -1)), "net")
    tree = nir_tree(graph)
    nir.write(tmp_path / "a.nir", to_nir(graph))
    with h5py.File(tmp_path / "a.nir") as file:
        assert file["version"][()].decode() == tree["version"] == nir.version

        def compare(group, node):
            assert set(group) == {key for key, value in node.items() if value is not None}
            for key, value in node.items():
                if isinstance(value, dict):
                    compare(group[key], value)
                elif isinstance(value, str):
                    assert group[key][()].decode() == value
                elif key == "edges":
                    assert [tuple(name.decode() for name in pair) for pair in group[key][()]] == value
                else:
                    np.testing.assert_array_equal(group[key][()], value)

        compare(file["node"], tree["node"])
    assert_same(graph, spiking_graph(tree, "net"))


def test_an_output_of_that_name_is_no_obstacle(tmp_path):
    nodes = (Source("input", (3,)), Population("output", (3,), MODELS["if"]))
    graph = SpikingGraph("net", nodes, (("input", "output"),), "output")
    write_nir(graph, tmp_path / "net.nir")
    assert_same(graph, read_nir(tmp_path / "net.nir"))


def test_what_nir_has_no_node_for():
    message = (
        "network 'net': layer 'm': expected a layer that NIR has a node for, got MaxPool; use average pooling"
    )
    with pytest.raises(ConfigError, match=message):
        nir_tree(row(IMAGE, MaxPool(name="m", kernel=2)))


def test_delays_need_a_time_step():
    with pytest.raises(
        ConfigError, match="network 'net': delay 'late': expected a dt, as NIR counts delays in seconds"
    ):
        nir_tree(replace(looped(2), dt_s=None))


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="expected a place that can be written"):
        write_nir(looped(2), tmp_path / "file" / "net.nir")


def test_the_same_network_is_the_same_bytes(tmp_path):
    graph = looped(2)
    for name in ("a.nir", "b.nir"):
        write_nir(graph, tmp_path / name)
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


@pytest.mark.data
@pytest.mark.parametrize("name", ["01_lif/lif_norse.nir", "01_lif/lif_rockpool.nir", "02_cnn/cnn_sinabs.nir",
                                  "01_lif/debug_spike_representation/two_lif_neurons.nir"])  # fmt: skip
def test_reference_graphs_of_the_nir_paper(data_folder, tmp_path, name):
    """Files of 2023: no v_reset, an output of another number of axes, edges in any order."""
    graph = read_nir(data_folder / "nir" / name, 1e-4)
    assert all(np.all(population.neurons.v_reset == 0) for population in graph.populations)
    write_nir(graph, tmp_path / "again.nir")
    assert_same(graph, read_nir(tmp_path / "again.nir", 1e-4))
    assert written(tmp_path / "third.nir", nir.read(tmp_path / "again.nir")).is_file()
