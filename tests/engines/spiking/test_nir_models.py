"""NIR graphs through the spiking engine, against the written equations stepped one neuron at a time in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import nir
import numpy as np
import pytest
import torch
from torch.nn import functional

from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.simulation import simulate
from neurosim.graph.nir_files import from_nir
from neurosim.inputs import load_events
from neurosim.recording.nir_file import read_nir

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2

DT_S = 1e-3
N = 6


@pytest.fixture(autouse=True)
def without_compiling() -> Iterator[None]:
    """Brian2's NumPy target: many small models, each used once."""
    preferences = brian().prefs.codegen
    former, preferences.target = preferences.target, "numpy"
    yield
    preferences.target = former


def neurons(kind: str, rng: np.random.Generator) -> nir.NIRNode:
    """N neurons of a kind, each with parameters of its own."""

    def between(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, N)

    leaky = {"r": between(0.5, 2), "v_leak": between(-0.1, 0.1)}
    firing = {"v_threshold": between(0.2, 0.5), "v_reset": between(-0.2, 0.1)}
    taus = {"tau_mem": between(5e-3, 30e-3), "tau_syn": between(2e-3, 8e-3), "w_in": between(2, 4)}
    return {
        "I": lambda: nir.I(r=between(0.5, 2)),
        "IF": lambda: nir.IF(r=between(0.5, 2), **firing),
        "LI": lambda: nir.LI(tau=between(5e-3, 30e-3), **leaky),
        "LIF": lambda: nir.LIF(tau=between(5e-3, 30e-3), **leaky, **firing),
        "CubaLI": lambda: nir.CubaLI(**taus, **leaky),
        "CubaLIF": lambda: nir.CubaLIF(**taus, **leaky, **firing),
        "Threshold": lambda: nir.Threshold(threshold=between(0.5, 1.0)),
    }[kind]()  # fmt: skip


def stepped(node: nir.NIRNode, x: np.ndarray) -> np.ndarray:
    """What a population gives for inputs (steps, N): forward Euler of NIR's equations, neuron by neuron."""
    out = np.zeros_like(x, np.float64)
    for j in range(N):

        def own(name: str, j: int = j) -> float:
            return float(getattr(node, name)[j])

        v = current = 0.0
        for t, given in enumerate(x[:, j]):
            if isinstance(node, nir.Threshold):
                out[t, j] = given > own("threshold")
                continue
            drive = float(given)
            if isinstance(node, nir.CubaLI | nir.CubaLIF):
                current = current + DT_S / own("tau_syn") * (own("w_in") * drive - current)
                drive = current
            if isinstance(node, nir.I | nir.IF):
                v = v + own("r") * drive
            else:
                tau = own("tau") if hasattr(node, "tau") else own("tau_mem")
                v = v + DT_S / tau * ((own("v_leak") - v) + own("r") * drive)
            if hasattr(node, "v_threshold"):
                fired = v > own("v_threshold")
                out[t, j] = fired
                v = own("v_reset") if fired else v
            else:
                out[t, j] = v
    return out


KINDS = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold")


def graph_of(*nodes: nir.NIRNode) -> nir.NIRGraph:
    """Nodes in a row behind an input of four."""
    return nir.NIRGraph.from_list(nir.Input({"input": np.array([4])}), *nodes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_neuron_by_its_equations(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    node = neurons(kind, rng)
    weight = rng.uniform(-0.2, 1, (N, 4)).astype(np.float32)
    bias = rng.uniform(-0.1, 0.3, N).astype(np.float32)
    spikes = (rng.random((2, 300, 4)) < 0.3).astype(np.int64)
    result = simulate(from_nir(graph_of(nir.Affine(weight, bias), node), "n", DT_S), spikes)
    for image in range(2):
        x = spikes[image] @ weight.T.astype(np.float64) + bias
        wanted = stepped(node, x)
        if kind in ("I", "LI", "CubaLI"):
            np.testing.assert_allclose(result.outputs[image], wanted, rtol=1e-5, atol=1e-5)
        else:
            assert 0.02 < wanted.mean() < 0.9
            np.testing.assert_array_equal(result.outputs[image], np.cumsum(wanted, axis=0))


@pytest.mark.parametrize("delay", [None, 1, 4])
def test_recurrent_edges_and_delays(delay: int | None) -> None:
    """Spikes come back one step later, or as late as the delay in their loop says."""
    rng = np.random.default_rng(5)
    node, weight = neurons("LIF", rng), rng.uniform(-0.3, 1.2, (N, 4)).astype(np.float32)
    back = rng.uniform(-0.8, 0.8, (N, N)).astype(np.float32)
    nodes = {"input": nir.Input({"input": np.array([4])}), "w": nir.Linear(weight), "lif": node,
             "back": nir.Linear(back), "output": nir.Output({"output": np.array([N])})}  # fmt: skip
    edges = [("input", "w"), ("w", "lif"), ("lif", "output"), ("lif", "back")]
    if delay is None:
        edges.append(("back", "lif"))
    else:
        nodes["delay"] = nir.Delay(np.full(N, delay * DT_S))
        edges += [("back", "delay"), ("delay", "lif")]
    spikes = (rng.random((1, 200, 4)) < 0.4).astype(np.int64)
    result = simulate(from_nir(nir.NIRGraph(nodes, edges), "n", DT_S), spikes)
    late = delay or 1
    fired = np.zeros((200, N))
    v = np.zeros(N)
    for t in range(200):
        x = weight.astype(np.float64) @ spikes[0, t]
        if t >= late:
            x = x + back.astype(np.float64) @ fired[t - late]
        v = v + DT_S / node.tau * ((node.v_leak - v) + node.r * x)
        fired[t] = v > node.v_threshold
        v = np.where(fired[t] > 0, node.v_reset, v)
    assert fired.mean() > 0.02
    np.testing.assert_array_equal(result.outputs[0], np.cumsum(fired, axis=0))


def stateless(kind: str) -> tuple[nir.NIRNode, tuple[int, ...], Callable[[torch.Tensor], torch.Tensor]]:
    """A node, the shape it takes, and what it does to a batch, by PyTorch."""
    rng = np.random.default_rng(len(kind))

    def numbers(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    image, row, window = (4, 9, 8), (4, 11), (np.array([3, 2]), np.array([2, 2]), np.array([1, 0]))
    matrix, kernel, line, factor = numbers(3, 5), numbers(6, 2, 3, 2), numbers(6, 4, 3), numbers(*image)
    w, k, n, f = (torch.tensor(a, dtype=torch.float64) for a in (matrix, kernel, line, factor))
    conv2d = nir.Conv2d((9, 8), kernel, (2, 1), (1, 2), (1, 2), 2, np.zeros(6, np.float32))
    conv1d = nir.Conv1d(11, line, 2, 1, 2, 1, np.ones(6, np.float32))
    return {
        "Linear": (nir.Linear(matrix), (5,), lambda x: x @ w.T),
        "Conv2d": (conv2d, image, lambda x: functional.conv2d(x, k, None, (2, 1), (1, 2), (1, 2), 2)),
        "Conv1d": (
            conv1d,
            row,
            lambda x: functional.conv1d(x, n, torch.ones(6, dtype=torch.float64), 2, 1, 2),
        ),
        "SumPool2d": (
            nir.SumPool2d(*window),
            image,
            lambda x: 6 * functional.avg_pool2d(x, (3, 2), 2, (1, 0)),
        ),
        "AvgPool2d": (nir.AvgPool2d(*window), image, lambda x: functional.avg_pool2d(x, (3, 2), 2, (1, 0))),
        "Scale": (nir.Scale(factor), image, lambda x: x * f),
        "Flatten": (nir.Flatten({"input": np.array(image)}, 0), image, lambda x: x.flatten(1)),
        "Flatten of some axes": (nir.Flatten({"input": np.array(image)}, 1), image, lambda x: x.flatten(2)),
    }[kind]


STATELESS = (
    "Linear",
    "Conv2d",
    "Conv1d",
    "SumPool2d",
    "AvgPool2d",
    "Scale",
    "Flatten",
    "Flatten of some axes",
)


@pytest.mark.parametrize("kind", STATELESS)
def test_every_stateless_node_on_spikes(kind: str) -> None:
    """Between neurons that spike and an integrator, whose value is then the sum over the steps so far."""
    node, shape, reference = stateless(kind)
    out = tuple(reference(torch.zeros((1, *shape), dtype=torch.float64)).shape[1:])
    half, ones = np.full(shape, 0.5), np.ones(out)
    nodes = {"input": nir.Input({"input": np.array(shape)}), "spikes": nir.Threshold(half), "node": node,
             "sum": nir.I(ones), "output": nir.Output({"output": np.array(out)})}  # fmt: skip
    names = list(nodes)
    graph = from_nir(nir.NIRGraph(nodes, list(pairwise(names)), type_check=False), "n")
    given = np.random.default_rng(1).integers(0, 2, (3, 20, *shape))
    result = simulate(graph, given)
    each = reference(torch.tensor(given.reshape(-1, *shape), dtype=torch.float64)).reshape(3, 20, *out)
    np.testing.assert_allclose(result.outputs, torch.cumsum(each, dim=1), rtol=1e-4, atol=1e-4)


def test_a_spike_needs_more_than_the_threshold() -> None:
    """NIR's comparison is strict: three inputs of a third of the threshold do not suffice, four do."""
    node = nir.IF(r=np.full(1, 0.25), v_threshold=np.full(1, 0.75))
    graph = nir.NIRGraph.from_list(nir.Linear(np.ones((1, 1), np.float32)), node)
    result = simulate(from_nir(graph, "n"), np.ones((1, 4, 1), np.int64))
    assert result.outputs[0, :, 0].tolist() == [0, 0, 0, 1]


@pytest.mark.data
@pytest.mark.parametrize("route", ["events", "synapses"])
def test_the_reference_neuron_of_the_nir_paper(data_folder, route) -> None:
    """tau = 2.5 ms, threshold 0.1, dt = 0.1 ms; the file's columns are input, membrane after the reset, spikes."""
    given, membrane, spikes = np.loadtxt(data_folder / "nir" / "01_lif" / "lif_norse.csv", delimiter=",").T
    graph = read_nir(data_folder / "nir" / "01_lif" / "lif_norse.nir", 1e-4)
    result = simulate(graph, given[None, :, None], route=route, spikes=("lif_1",), traces={"lif_1": (0,)})
    assert result.spikes["lif_1"].step.tolist() == [460, 510, 710, 760] == np.flatnonzero(spikes).tolist()
    np.testing.assert_allclose(result.traces["lif_1"][0, :, 0], membrane, rtol=0, atol=1e-6)


@pytest.mark.data
def test_the_cnn_of_the_nir_paper_knows_digits(data_folder) -> None:
    """The first 20 of the 100 test recordings; accuracy on all of them stands in the documentation."""
    recordings = load_events("nmnist", "test", limit=20)
    graph = read_nir(data_folder / "nir" / "02_cnn" / "cnn_sinabs.nir", 1e-3)
    result = simulate(graph, recordings.frames(slice(None), 1e-3, 250))
    right = result.outputs[:, -1].argmax(axis=1) == recordings.labels
    assert right.mean() >= 0.95
