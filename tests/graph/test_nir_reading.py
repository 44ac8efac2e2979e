"""NIR files: every node against PyTorch or the written equations, wiring, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest
import torch
from nir_samples import IMAGE, NEURONS, assert_same, chain, conv2d, lif, numbers, positive, written
from torch.nn import functional

from neurosim.graph import AxonDelay, NeuronModel, Operation, Population
from neurosim.graph.nir_files import from_nir, spiking_graph
from neurosim.recording.nir_file import read_nir

WHOLE_FLOAT32 = {"rtol": 2e-5, "atol": 1e-5}


def conv1d(groups=1, stride=2, padding=1, dilation=1, kernel=3):
    return nir.Conv1d(input_shape=11, weight=numbers(6, 4 // groups, kernel), stride=stride, padding=padding,
                      dilation=dilation, groups=groups, bias=numbers(6))  # fmt: skip


def torch_conv(x, node):
    call = functional.conv2d if isinstance(node, nir.Conv2d) else functional.conv1d
    padding = node.padding if isinstance(node.padding, str | int) else tuple(int(p) for p in node.padding)
    return call(
        x,
        torch.tensor(node.weight),
        torch.tensor(node.bias),
        node.stride,
        padding,
        node.dilation,
        node.groups,
    )


def pool(kind):
    return kind(kernel_size=np.array([3, 2]), stride=np.array([2, 2]), padding=np.array([1, 0]))


ROW = (4, 11)
STATELESS = {
    "Affine": (nir.Affine(numbers(3, 5), numbers(3)), (5,), lambda x, n: x.numpy() @ n.weight.T + n.bias),
    "Linear": (nir.Linear(numbers(3, 5)), (5,), lambda x, n: x.numpy() @ n.weight.T),
    "Scale": (nir.Scale(numbers(2, 3)), (2, 3), lambda x, n: x.numpy() * n.scale),
    "Conv2d": (conv2d(), IMAGE, torch_conv),
    "Conv2d of groups": (conv2d(groups=2), IMAGE, torch_conv),
    "Conv2d with holes": (conv2d(dilation=(2, 3), stride=(1, 1)), IMAGE, torch_conv),
    "Conv2d of numbers": (conv2d(padding=1, stride=1, dilation=2, kernel=(3, 3)), IMAGE, torch_conv),
    "Conv2d valid": (conv2d(padding="valid"), IMAGE, torch_conv),
    "Conv2d same": (conv2d(padding="same", stride=(1, 1), kernel=(3, 5)), IMAGE, torch_conv),
    "Conv2d same with holes": (conv2d(1, (3, 2), (1, 1), "same", dilation=(1, 2)), IMAGE, torch_conv),
    "Conv2d without a shape": (conv2d(size=None), IMAGE, torch_conv),
    "Conv1d": (conv1d(), ROW, torch_conv),
    "Conv1d of groups": (conv1d(groups=2, dilation=2), ROW, torch_conv),
    "Conv1d same": (conv1d(padding="same", stride=1, kernel=5), ROW, torch_conv),
    "SumPool2d": (pool(nir.SumPool2d), IMAGE, lambda x, n: 6 * functional.avg_pool2d(x, (3, 2), 2, (1, 0))),
    "AvgPool2d": (pool(nir.AvgPool2d), IMAGE, lambda x, n: functional.avg_pool2d(x, (3, 2), 2, (1, 0))),
    "Flatten": (nir.Flatten({"input": np.array(IMAGE)}, 0, -1), IMAGE, lambda x, n: x.flatten(1)),
    "Flatten of the last axes": (nir.Flatten({"input": np.array(IMAGE)}), IMAGE, lambda x, n: x.flatten(2)),
    "Flatten of the first axes": (nir.Flatten({"input": None}, 0, 1), IMAGE, lambda x, n: x.flatten(1, 2)),
}  # fmt: skip


@pytest.mark.parametrize("case", STATELESS)
def test_stateless_nodes(tmp_path, case):
    node, shape, reference = STATELESS[case]
    made = chain(shape, node)
    if case in ("Conv2d without a shape", "Flatten of the first axes"):  # the package cannot write them
        graph = from_nir(made, "n")
    else:
        graph = read_nir(written(tmp_path / "n.nir", made))
    assert graph.source.shape == shape
    operation = graph.by_name[graph.output]
    assert isinstance(operation, Operation)
    x = numbers(2, *shape)
    wanted = np.asarray(reference(torch.tensor(x), node))
    assert operation.shape == wanted.shape[1:]
    np.testing.assert_allclose(operation.layer.forward(operation.params, x), wanted, **WHOLE_FLOAT32)


def test_a_matrix_of_every_convolution_is_what_a_crossbar_holds():
    """The product with the matrices is the layer, for the one-dimensional convolution too."""
    for node, shape in ((conv1d(groups=2, dilation=2), ROW), (conv2d(dilation=(2, 3), stride=(1, 1)), IMAGE)):
        graph = from_nir(chain(shape, node), "n")
        operation = graph.by_name[graph.output]
        layer, x = operation.layer, numbers(2, *shape)
        vectors = layer.unfold(x)
        assert vectors.shape[2:] == (layer.positions, layer.rows)
        products = np.einsum("gnpr,grc->gnpc", vectors, layer.matrices(operation.params))
        products += layer.bias(operation.params)[:, None, None, :]
        np.testing.assert_allclose(
            layer.assemble(products.astype(np.float32)), layer.forward(operation.params, x), **WHOLE_FLOAT32
        )


FIELDS = {"r": "resistance", "tau": "tau_s", "tau_mem": "tau_s", "tau_syn": "tau_synapse_s",
          "v_threshold": "threshold", "threshold": "threshold", "v_leak": "v_leak", "v_reset": "v_reset",
          "w_in": "w_in"}  # fmt: skip
KINDS = {"I": "i", "IF": "if", "LI": "li", "LIF": "lif", "CubaLI": "cuba_li", "CubaLIF": "cuba_lif",
         "Threshold": "threshold"}  # fmt: skip


@pytest.mark.parametrize("kind", NEURONS)
def test_neurons(tmp_path, kind):
    node = NEURONS[kind]
    graph = read_nir(written(tmp_path / "n.nir", chain((3,), node)), 0.01)
    population = graph.by_name[graph.output]
    assert isinstance(population, Population)
    model = population.neurons
    assert (model.kind, model.reset, model.comparison) == (KINDS[kind], "value", ">")
    written_fields = {key: value for key, value in node.to_dict().items() if key in FIELDS}
    for key, value in written_fields.items():
        np.testing.assert_array_equal(getattr(model, FIELDS[key]), value)
    untouched = set(FIELDS.values()) - {FIELDS[key] for key in written_fields}
    assert all(getattr(model, field) == getattr(NeuronModel(model.kind), field) for field in untouched)
    assert model.spikes == (kind not in ("I", "LI", "CubaLI"))


def test_equal_neurons_share_one_number():
    node = nir.LIF(tau=np.full(4, 0.02), r=np.ones(4), v_leak=np.zeros(4), v_threshold=np.full(4, 2.0))
    model = from_nir(chain((4,), node), "n", 1e-3).by_name["lif_0"].neurons
    assert (model.tau_s, model.resistance, model.threshold, model.v_reset) == (0.02, 1.0, 2.0, 0.0)


def test_a_parameter_without_axes_holds_for_all():
    tree = chain((4, 2), nir.IF(positive(4, 2), positive(4, 2))).to_dict()
    tree["nodes"]["0"] |= {"r": np.float32(2), "v_threshold": 3.0, "v_reset": 0.5}
    population = spiking_graph(tree, "n").by_name["if_0"]
    assert (population.shape, population.neurons.threshold, population.neurons.v_reset) == ((4, 2), 3.0, 0.5)


def test_a_missing_reset_potential_is_zero(tmp_path):
    """Files before NIR 1.0 have none."""
    path = written(
        tmp_path / "old.nir", chain((3,), lif(3, tau_s=1.0), nir.IF(positive(3), positive(3), -positive(3)))
    )
    with h5py.File(path, "a") as file:
        del file["node/nodes/0/v_reset"], file["node/nodes/1/v_reset"]
    graph = read_nir(path, 0.1)
    assert [population.neurons.v_reset for population in graph.populations] == [0.0, 0.0]


def test_what_a_spike_does_may_be_said(tmp_path):
    path = written(tmp_path / "n.nir", chain((3,), NEURONS["IF"], NEURONS["I"], NEURONS["Threshold"]))
    resets = [population.neurons.reset for population in read_nir(path, reset="subtract").populations]
    assert resets == ["subtract", "value", "value"]


def recurrent(delay_s: float | None = None, first: bool = False) -> nir.NIRGraph:
    """A population whose spikes come back through a matrix, and perhaps a delay before or after it."""
    nodes = {"input": nir.Input({"input": np.array([2])}), "w": nir.Linear(numbers(3, 2)), "lif": lif(3),
             "w_rec": nir.Linear(numbers(3, 3)), "output": nir.Output({"output": np.array([3])})}  # fmt: skip
    edges = [("input", "w"), ("w", "lif"), ("lif", "output")]
    loop = ["lif", "w_rec", "lif"]
    if delay_s is not None:
        nodes["delay"] = nir.Delay(np.full(3, delay_s))
        loop = ["lif", "delay", "w_rec", "lif"] if first else ["lif", "w_rec", "delay", "lif"]
    edges += list(pairwise(loop))
    return nir.NIRGraph(nodes, edges)


def test_a_recurrent_edge_hands_over_the_step_before():
    graph = from_nir(recurrent(), "rnn", 1e-3)
    assert graph.order.index("w") < graph.order.index("lif") < graph.order.index("w_rec")
    assert graph.feedback == {("w_rec", "lif")}


@pytest.mark.parametrize("first", [False, True])
def test_a_loop_takes_as_long_as_its_delay(first):
    """The feedback edge takes one of the delay's five steps."""
    graph = from_nir(recurrent(5e-3, first), "rnn", 1e-3)
    assert graph.by_name["delay"].steps == 4
    assert len(graph.feedback) == 1


def test_a_delay_that_serves_others_too_keeps_its_steps():
    made = recurrent(5e-3, first=True)
    made.nodes["tap"] = nir.Linear(numbers(3, 3))
    made.edges += [("delay", "tap"), ("tap", "output")]
    graph = from_nir(made, "rnn", 1e-3)
    assert graph.by_name["delay"].steps == 5


def test_delays_count_steps():
    graph = from_nir(
        chain((3,), nir.Delay(np.array([0.0, 0.003, 0.01])), nir.Delay(np.full(3, 0.1 + 0.2))), "d", 1e-3
    )
    delays = [node for node in graph.nodes if isinstance(node, AxonDelay)]
    assert delays[0].steps.tolist() == [0, 3, 10]
    assert delays[1].steps == 300


def nested() -> nir.NIRGraph:
    """input -> [in -> lif -> out, lif -> w_rec -> lif] twice, one in another -> readout."""

    def block(n_in, tail=None):
        nodes = {"in": nir.Input({"input": np.array([n_in])}), "w": nir.Linear(numbers(3, n_in)),
                 "lif": lif(3), "w_rec": nir.Linear(numbers(3, 3)),
                 "out": nir.Output({"output": np.array([3])})}  # fmt: skip
        edges = [("in", "w"), ("w", "lif"), ("lif", "w_rec"), ("w_rec", "lif")]
        if tail is not None:
            nodes["inner"] = tail
            edges += [("lif", "inner"), ("inner", "out")]
        else:
            edges += [("lif", "out")]
        return nir.NIRGraph(nodes, edges)

    nodes = {"input": nir.Input({"input": np.array([2])}), "rnn": block(2, block(3)),
             "readout": nir.Linear(numbers(4, 3)), "output": nir.Output({"output": np.array([4])})}  # fmt: skip
    return nir.NIRGraph(nodes, [("input", "rnn"), ("rnn", "readout"), ("readout", "output")])


def test_nested_graphs_become_flat(tmp_path):
    graph = read_nir(written(tmp_path / "nested.nir", nested()), 1e-3)
    assert set(graph.edges) == {
        ("input", "rnn_w"), ("rnn_w", "rnn_lif"), ("rnn_lif", "rnn_w_rec"), ("rnn_w_rec", "rnn_lif"),
        ("rnn_lif", "rnn_inner_w"), ("rnn_inner_w", "rnn_inner_lif"), ("rnn_inner_lif", "rnn_inner_w_rec"),
        ("rnn_inner_w_rec", "rnn_inner_lif"), ("rnn_inner_lif", "readout"),
    }  # fmt: skip
    assert graph.output == "readout"
    assert graph.feedback == {("rnn_w_rec", "rnn_lif"), ("rnn_inner_w_rec", "rnn_inner_lif")}


def test_a_file_s_graph_and_the_package_s_are_one(tmp_path):
    assert_same(
        read_nir(written(tmp_path / "x.nir", nested()), 1e-3),
        from_nir(nested_again(tmp_path / "x.nir"), "x", 1e-3),
    )


def nested_again(path):
    return nir.read(path)


def test_an_input_that_is_left_out():
    tree = chain((5,), nir.Affine(numbers(3, 5), numbers(3)), nir.Threshold(positive(3))).to_dict()
    del tree["nodes"]["input"]
    tree["edges"] = [("0", "1")]
    graph = spiking_graph(tree, "n")
    assert (graph.source.shape, graph.output) == ((5,), "threshold_1")


def test_several_nodes_before_the_output_are_summed():
    nodes = {"in": nir.Input({"input": np.array([2])}), "a": nir.Linear(numbers(3, 2)),
             "b": nir.Linear(numbers(3, 2)), "out": nir.Output({"output": np.array([3])})}  # fmt: skip
    graph = from_nir(nir.NIRGraph(nodes, [("in", "a"), ("in", "b"), ("a", "out"), ("b", "out")]), "n")
    assert set(graph.sources_of(graph.output)) == {"a", "b"}
    operation, x = graph.by_name[graph.output], numbers(2, 3)
    np.testing.assert_array_equal(operation.layer.forward(operation.params, x), x)


def test_names_are_made_fit_and_stay_apart():
    nodes = {"input": nir.Input({"input": np.array([2])}), "a.b": nir.Linear(numbers(2, 2)),
             "a_b": nir.Linear(numbers(2, 2)), "7 x": nir.Linear(numbers(2, 2))}  # fmt: skip
    graph = from_nir(
        nir.NIRGraph(nodes, [("input", "a.b"), ("a.b", "a_b"), ("a_b", "7 x")], type_check=False), "n"
    )
    assert [graph.by_name[name].shape for name in ("input", "a_b", "a_b_", "linear_7_x")] == [(2,)] * 4
