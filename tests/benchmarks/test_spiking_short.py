"""The spiking benchmark: every contender computes the same thing. No time or ratio is tested here."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
pytestmark = [
    pytest.mark.usefixtures("data_folder"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Brian2's, of pyparsing
]


@pytest.fixture(scope="module")
def problem():
    import spiking_problem

    return spiking_problem.load_problem(20)


def test_the_input_spikes_are_a_rate_code(problem):
    spikes = problem.spikes(slice(0, 3))
    step = np.arange(1, problem.steps + 1)[:, None, None]
    expected = step * problem.levels[:3].astype(np.int64) // (1 << 24)
    np.testing.assert_array_equal(spikes.cumsum(axis=0, dtype=np.int64), expected)


def test_the_reference_counts_are_the_equations(problem):
    """One image in Python's own integers, neuron by neuron."""
    w1, w2 = (weights.tolist() for weights in problem.weights)
    (theta1, theta2), (v1, v2) = problem.thresholds, problem.initial
    hidden, output, counts = [v1] * 500, [v2] * 10, [0] * 10
    for now in problem.spikes(slice(7, 8))[:, 0]:
        sums = [sum(column) for column in zip(*(w1[i] for i in np.flatnonzero(now)), strict=True)] or [
            0
        ] * 500
        hidden = [v + current for v, current in zip(hidden, sums, strict=True)]
        sent = [j for j, v in enumerate(hidden) if v >= theta1]
        for j in sent:
            hidden[j] -= theta1
            output = [v + w for v, w in zip(output, w2[j], strict=True)]
        for k, v in enumerate(output):
            if v >= theta2:
                output[k] -= theta2
                counts[k] += 1
    assert problem.counts[7].tolist() == counts
    assert sum(counts) > 20


def test_the_problem_is_worth_computing(problem):
    assert (problem.counts.argmax(axis=1) == problem.labels).mean() >= 0.9
    assert 50 < problem.spikes(slice(0, 20)).sum() / (20 * problem.steps) < 200


def test_float32_is_exact(problem):
    """Nothing that a float32 contender adds up can reach 2^24."""
    for weights, theta in zip(problem.weights, problem.thresholds, strict=True):
        assert problem.steps * np.abs(weights).sum(axis=0).max() + theta < 2**24


@pytest.fixture
def by_numpy(monkeypatch):
    """Brian2's code by NumPy: compiling takes a minute."""
    import brian_peers

    before = brian_peers.brian2.prefs.codegen.target
    brian_peers.brian2.prefs.codegen.target = "numpy"
    yield
    brian_peers.brian2.prefs.codegen.target = before


@pytest.mark.parametrize("home", ["spiking_ours", "torch_peers"])
def test_contenders_give_the_same_counts(problem, home, by_numpy):
    import spiking

    found, missing = spiking.contenders(problem, (home,))
    assert found, missing
    for contender in found:
        for batch in sorted({1, 10} & set(contender.batches)):
            counts = contender.count(contender.load(slice(3, 3 + batch)))
            np.testing.assert_array_equal(counts, problem.counts[3 : 3 + batch], contender.name)
    assert all("not installed" in line for line in missing)


def test_brian2_gives_the_same_counts(problem, by_numpy):
    """Both of Brian2's ways are one class: two copies of the network."""
    import brian_peers

    counts = brian_peers.SideBySide(problem, 2).counts(problem.levels[5:7])
    np.testing.assert_array_equal(counts, problem.counts[5:7])


def test_a_wrong_contender_is_found_out(problem):
    """One count too many in one image shows in the table's last column."""
    import spiking

    def wrong(where):
        counts = problem.counts[where].copy()
        counts[0, 0] += where.start == 4
        return counts

    contender = spiking.Contender("wrong", __name__, lambda where: where, wrong, (1,))
    line = spiking.Line(contender, 1)
    spiking.images_per_second(line, 1, problem, 20)
    assert (line.equal, line.compared) == (19, 20)


def test_cores_spike_alike(by_numpy):
    import spiking_ticks

    problem = spiking_ticks.tick_problem(cores=2, ticks=60)
    wanted, *others = [contender.run(True) for contender in spiking_ticks.contenders(problem)]
    assert len(others) == 3
    assert 0.01 < len(wanted[0]) / (60 * 512) < 0.05
    for found in others:
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_array_equal(found[1], wanted[1])
    assert spiking_ticks.synaptic_events(problem) > 1e4


def test_neurons_that_spike_once_decide_alike(problem):
    import spiking_once

    from neurosim.graph import load_network

    network = load_network("mnist_ttfs")
    wanted, plain, *_ = spiking_once.contenders(network, 20)
    classes = wanted.run(problem.images)
    np.testing.assert_array_equal(plain.run(problem.images), classes)
    assert (classes == problem.labels).mean() >= 0.9


def test_learning_networks_spike_alike_in_number(problem, by_numpy):
    import spiking_learning

    kernel, cython, _ = spiking_learning.contenders()
    spikes = [contender.run(problem.images[:5])[1] for contender in (kernel, cython)]
    assert 0.5 < spikes[1] / spikes[0] < 2
