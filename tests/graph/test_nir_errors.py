"""NIR graphs and files that are wrong: the message names the node and says what would do."""

from __future__ import annotations

import contextlib
import copy

import h5py
import nir
import numpy as np
import pytest
from nir_samples import IMAGE, NEURONS, chain, conv2d, lif, numbers, positive, written

from neurosim.foundation.errors import ConfigError, DataError, FormatError, LimitError, NeurosimError
from neurosim.graph.nir_files import from_nir, spiking_graph
from neurosim.recording.nir_file import read_nir


def change(graph: nir.NIRGraph, node: str | None = None, remove: str = "", **fields) -> dict:
    """A graph as a dictionary, with some of a node's fields changed or one removed."""
    tree = graph.to_dict()
    at = tree["nodes"][node] if node else tree
    at |= fields
    at.pop(remove, None)
    return tree


def affine():
    return chain((5,), nir.Affine(numbers(3, 5), numbers(3)), lif(3), out=(3,))


WRONG = {
    "unknown node": (
        change(affine(), "0", type="Afine"),
        ConfigError,
        "node '0': type: expected a node of NIR, got 'Afine'; did you mean 'Affine'",
    ),
    "no type": (change(affine(), "0", remove="type"), FormatError, "node '0': expected a node with a type"),
    "missing parameter": (
        change(affine(), "0", remove="weight"),
        DataError,
        "node '0': expected a parameter 'weight', got bias, metadata, type",
    ),
    "missing threshold": (
        change(affine(), "1", remove="v_threshold"),
        DataError,
        "node '1': expected a parameter 'v_threshold'",
    ),
    "text": (
        change(affine(), "0", weight=np.array([["a"]])),
        DataError,
        "node '0': weight: expected numbers",
    ),
    "NaN": (
        change(affine(), "0", bias=np.array([1, np.nan, 0])),
        DataError,
        "node '0': bias: expected finite numbers, got 1 of 3",
    ),
    "three axes": (
        change(affine(), "0", weight=numbers(1, 3, 5)),
        DataError,
        r"node '0': weight: expected a matrix \(outputs, inputs\), got shape \(1, 3, 5\)",
    ),
    "bias": (
        change(affine(), "0", bias=numbers(4)),
        DataError,
        r"node '0': bias: expected shape \(3,\), got \(4,\)",
    ),
    "input shape": (
        change(affine(), "0", weight=numbers(3, 4)),
        DataError,
        r"node '0': expected an input of shape \(4,\), got \(5,\)",
    ),
    "population shape": (
        change(affine(), "1", **lif(4).to_dict()),
        DataError,
        r"node '1': expected an input of shape \(4,\), got \(3,\)",
    ),
    "parameter shape": (
        change(affine(), "1", r=positive(2)),
        DataError,
        r"node '1': r: expected the population's shape \(3,\), got \(2,\)",
    ),
    "output shape": (
        change(affine(), "output", shape=np.array([2])),
        DataError,
        r"Output node: expected the shape \(3,\) of 'lif_1', got \(2,\)",
    ),
    "tau": (
        change(affine(), "1", tau=np.array([0.01, 0, 0.01])),
        DataError,
        "node '1': tau: expected a time constant above zero, got 0 s",
    ),
    "threshold": (
        change(affine(), "1", v_threshold=np.full(3, -2.0)),
        DataError,
        "node '1': v_threshold: expected a threshold above the reset potential, got -2",
    ),
    "edge": (
        change(affine(), edges=[("input", "0"), ("0", "2")]),
        ConfigError,
        "edge '0' -> '2': expected the names of two nodes, got '2'",
    ),
    "double edge": (
        change(affine(), edges=[("input", "0"), ("0", "1"), ("0", "1"), ("1", "output")]),
        ConfigError,
        "edge '0' -> '1': expected each edge once",
    ),
    "edges": (
        change(affine(), edges=[("input", "0"), ("0",)]),
        FormatError,
        "edges: expected pairs of names",
    ),
    "no edges": (change(affine(), edges=None), FormatError, "edges: expected pairs of names, got None"),
    "no graph": ({"node": {"type": "LIF"}}, FormatError, "expected a NIR graph with nodes and edges"),
    "no nodes": (change(affine(), nodes={}), FormatError, "expected a graph of nodes, got no nodes"),
    "no shape": (
        chain(IMAGE, conv2d(size=None)).to_dict() | {"edges": [("0", "input")]},
        DataError,
        "node '0': expected an input whose shape is stated or can be worked out, got neither",
    ),
    "delay": (
        chain((2,), nir.Delay(np.array([0, -1.0]))).to_dict(),
        DataError,
        "node '0': delay: expected zero or more, got -1 s",
    ),
    "fraction of a step": (
        chain((1,), nir.Delay(np.array([0.0105]))).to_dict(),
        ConfigError,
        "node '0': delay: expected a whole number of steps of 1 ms, got 10.5 ms; dt = 954.545 us would do",
    ),
    "metadata": (
        change(affine(), "1", metadata={"neurosim_reset": "swap"}),
        DataError,
        "node '1': metadata 'neurosim_reset': expected value or subtract, got 'swap'",
    ),
    "newer metadata": (
        change(affine(), "1", metadata={"neurosim_new": 1}),
        DataError,
        "metadata 'neurosim_new': .* update neurosim",
    ),
    "metadata shape": (
        change(affine(), "1", metadata={"neurosim_bias": numbers(2)}),
        DataError,
        r"metadata 'neurosim_bias': expected one number or shape \(3,\), got \(2,\)",
    ),
    "kernel": (
        change(chain(IMAGE, conv2d()), "0", weight=numbers(6, 4, 3)),
        DataError,
        "node '0': weight: expected 4 axes",
    ),
    "same, even": (
        change(chain(IMAGE, conv2d()), "0", padding="same", stride=1),
        DataError,
        "node '0': padding 'same': expected a kernel with a middle",
    ),
    "same, strided": (
        change(chain(IMAGE, conv2d(kernel=(3, 3))), "0", padding="same"),
        DataError,
        "node '0': padding 'same': .* stride 1",
    ),
    "padding word": (
        change(chain(IMAGE, conv2d()), "0", padding="full"),
        DataError,
        "node '0': padding: expected numbers, 'same' or 'valid', got 'full'",
    ),
    "stride": (
        change(chain(IMAGE, conv2d()), "0", stride=np.array([0, 1])),
        DataError,
        "node '0': expected sizes that a layer may have, got .*stride",
    ),
    "half a stride": (
        change(chain(IMAGE, conv2d()), "0", stride=np.array([1.5, 1])),
        DataError,
        "node '0': stride: expected whole numbers",
    ),
    "three strides": (
        change(chain(IMAGE, conv2d()), "0", stride=np.array([1, 1, 1])),
        DataError,
        "node '0': stride: expected one number or two",
    ),
    "groups": (
        change(chain(IMAGE, conv2d()), "0", groups=4),
        DataError,
        "node '0': expected an input of shape",
    ),
    "large kernel": (
        change(chain((4, 2, 2), conv2d(size=None)), "0", padding=0),
        DataError,
        "expected an image of at least 3 x 2 pixels",
    ),
    "flat axes": (
        chain((5,), nir.Flatten({"input": None}, 1, -1)).to_dict(),
        DataError,
        r"layer 'flatten_0': expected axes of \(5,\)",
    ),
    "empty input": (
        change(affine(), "input", shape=np.array([0])),
        DataError,
        "node 'input': expected an input of a known shape",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_graphs_name_the_node(case):
    tree, kind, message = WRONG[case]
    with pytest.raises(kind, match=message) as caught:
        spiking_graph(tree, "bad", 1e-3)
    assert caught.value.remedy
    assert "'bad'" in str(caught.value) or "layer" in str(caught.value)


def test_a_loop_of_matrices_alone_is_refused():
    """Whatever the number of steps, nothing in it holds a value."""
    nodes = {"in": nir.Input({"input": np.array([2])}), "a": nir.Linear(numbers(2, 2)),
             "b": nir.Linear(numbers(2, 2)), "out": nir.Output({"output": np.array([2])})}  # fmt: skip
    edges = [("in", "a"), ("a", "b"), ("b", "a"), ("b", "out")]
    with pytest.raises(
        ConfigError, match=r"a, b: expected a loop that passes neurons or a delay, got a loop without"
    ):
        from_nir(nir.NIRGraph(nodes, edges), "loop")
    nodes["d"] = nir.Delay(np.full(2, 1e-3))
    edges[2:3] = [("b", "d"), ("d", "a")]
    assert from_nir(nir.NIRGraph(nodes, edges), "loop", 1e-3).by_name["d"].steps == 0


@pytest.mark.parametrize("kind", ["LI", "LIF", "CubaLI", "CubaLIF"])
def test_a_time_step_above_tau_says_which_would_do(kind):
    node = NEURONS[kind]
    tree = chain((3,), node).to_dict()
    for key in ("tau", "tau_mem"):
        if key in tree["nodes"]["0"]:
            tree["nodes"]["0"][key] = np.array([0.02, 0.0025, 0.01])
    message = "node '0': time step: expected dt up to tau = 2.5 ms, got dt = 3 ms, .* too large .* take 250 us or less"
    with pytest.raises(ConfigError, match=message):
        spiking_graph(tree, "n", 3e-3)
    with pytest.raises(
        ConfigError, match=r"node '0': time step: expected a dt for tau = 2.5 ms, got none; take 250 us"
    ):
        spiking_graph(tree, "n")
    assert spiking_graph(tree, "n", 2.5e-3).dt_s == 2.5e-3


def test_the_synapse_s_tau_counts_too():
    tree = chain((3,), NEURONS["CubaLIF"]).to_dict()
    tree["nodes"]["0"]["tau_syn"] = np.full(3, 1e-3)
    with pytest.raises(
        ConfigError, match=r"node '0': time step: expected dt up to tau_syn = 1 ms, got dt = 2 ms"
    ):
        spiking_graph(tree, "n", 2e-3)


@pytest.mark.parametrize("dt_s", [0.0, -1e-3, float("nan"), float("inf")])
def test_a_time_step_is_a_positive_time(dt_s):
    with pytest.raises(ConfigError, match="time step: expected a time above zero"):
        from_nir(affine(), "n", dt_s)


def test_a_threshold_that_is_taken_off_is_above_zero():
    tree = change(affine(), "1", v_threshold=np.full(3, 0.0), v_reset=np.full(3, -1.0))
    assert spiking_graph(tree, "n", 1e-3).populations[0].neurons.threshold == 0
    with pytest.raises(
        DataError, match=r"node '1': v_threshold: expected a threshold above zero, since a spike takes"
    ):
        spiking_graph(tree, "n", 1e-3, reset="subtract")


def test_several_inputs_or_outputs_are_refused():
    for kind, extra in (
        ("Input", nir.Input({"input": np.array([3])})),
        ("Output", nir.Output({"output": np.array([3])})),
    ):
        made = affine()
        made.nodes["more"] = extra
        made.edges.append(("more", "1") if kind == "Input" else ("1", "more"))
        with pytest.raises(ConfigError, match=rf"{kind} nodes: expected one, got 2 .*'more'"):
            from_nir(made, "n", 1e-3)


def test_graphs_nested_without_end_are_refused():
    made = affine()
    for _ in range(40):
        made = nir.NIRGraph({"g": made}, [], type_check=False)
    with pytest.raises(FormatError, match="nested more than 32 deep"):
        from_nir(made, "n", 1e-3)


NONSENSE = [
    None, "x", b"y", -1, 0, 1.5, np.nan, np.array([]), np.array([1, 2]), np.array("s"), np.zeros((2, 2, 2)), {},
    {"type": "LIF"}, [("a", "b")], [("a", "b"), ("c",)], 10**9, np.array([10**12]), True, np.array([1 + 2j]),
]  # fmt: skip


def fields_of(tree, path=()):
    """The paths of everything in nested dictionaries."""
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from fields_of(value, (*path, key))


def test_nonsense_anywhere_is_an_error_of_ours():
    """Fields removed, or replaced by what does not belong there: a network, or one error with a remedy."""
    rng = np.random.default_rng(8)
    graphs = [
        affine().to_dict(),
        chain(IMAGE, conv2d(), nir.Flatten({"input": None}, 0, -1)).to_dict(),
        chain((3,), *NEURONS.values()).to_dict(),
        nir.NIRGraph({"in": nir.Input({"input": np.array([5])}), "g": affine()}, [("in", "g")]).to_dict(),
    ]
    accepted = 0
    for _ in range(1500):
        tree = copy.deepcopy(graphs[rng.integers(len(graphs))])
        paths = list(fields_of(tree))
        *folders, last = paths[rng.integers(len(paths))]
        holder = tree
        for folder in folders:
            holder = holder[folder]
        if rng.random() < 0.3:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(NONSENSE[rng.integers(len(NONSENSE))])
        with contextlib.suppress(NeurosimError):
            spiking_graph(tree, "nonsense", 1e-3)
            accepted += 1
    assert 100 < accepted < 750


class TestFiles:
    """Files that lie, are damaged or are something else."""

    def test_none(self, tmp_path):
        with pytest.raises(DataError, match=r"x.nir: expected a file, got none"):
            read_nir(tmp_path / "x.nir")

    def test_no_hdf5(self, tmp_path):
        (tmp_path / "x.nir").write_text("{}")
        with pytest.raises(FormatError, match="expected an HDF5 file"):
            read_nir(tmp_path / "x.nir")

    def test_truncated(self, tmp_path):
        path = written(tmp_path / "x.nir", affine())
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(DataError, match=r"x.nir: expected (a whole file|undamaged data)"):
            read_nir(path, 1e-3)

    def test_another_file(self, tmp_path):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file["data"] = [1, 2]
        with pytest.raises(FormatError, match="expected a NIR file, with a group /node, got data; write"):
            read_nir(tmp_path / "x.h5")

    def test_links_are_not_followed(self, tmp_path):
        path = written(tmp_path / "x.nir", affine())
        with h5py.File(path, "a") as file:
            file["node/nodes/0/more"] = h5py.ExternalLink("/etc/passwd", "/")
        with pytest.raises(
            FormatError, match=r"x.nir: /node/nodes/0/more: .* an external link; do not trust"
        ):
            read_nir(path, 1e-3)

    def test_a_size_that_the_file_cannot_hold(self, tmp_path):
        path = written(tmp_path / "x.nir", affine())
        with h5py.File(path, "a") as file:
            file["node/nodes/0"].create_dataset("huge", (1 << 20, 1 << 10), "f8", chunks=(1, 1 << 10))
        with pytest.raises(LimitError, match="do not trust this file"):
            read_nir(path, 1e-3)
