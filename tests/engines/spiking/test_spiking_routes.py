"""One semantics: the event route, Brian2 Synapses and plain NumPy agree spike for spike."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from spiking_networks import (
    chip,
    convolutional,
    dense,
    digits,
    mlp,
    one_population,
    programmed,
    trains,
    without_compiling,
)  # fmt: skip

from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions
from neurosim.engines.spiking.simulation import simulate
from neurosim.foundation.errors import ConfigError, DataError, LimitError
from neurosim.graph import AxonDelay, NeuronModel, Population, Source, SpikingGraph
from neurosim.kernels import spikes as kernel

STEPS = 24
CHIPS = {
    "ideal": chip("ideal_float"),
    "converters": chip("ideal_float", adc__bits=5, dac__bits=8),
    "programming noise, drift, frozen noise, converters": chip(read_noise="split", array__rows=40),
    "read noise as well": chip(read_noise="independent", array__rows=40),
    "polarities converted apart": chip(subtraction="digital", array__rows=24),
    "offset cells": chip(cell__kind="offset"),
}


def on_chip(spiking, name, route, images=4, **options):
    """A segment of the engine's results."""
    x = digits()[:images].reshape(-1, *spiking.network.input.shape)
    names = tuple(spiking.population_of.values())
    recorder = MemoryRecorder()
    given = SpikingOptions(steps=STEPS, route=route, spikes=("input", *names), **options)
    SpikingEngine(spiking, given).run(
        programmed(spiking, CHIPS[name]), Inputs(x, (3600.0,)), recorder, lambda n: None, Settings()
    )
    return recorder.segments[0]


def assert_same(one, two):
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.step_scores, two.step_scores)
    assert one.step_counts.keys() == two.step_counts.keys()
    assert one.spikes.keys() == two.spikes.keys()
    assert one.step_counts["spikes"].sum() > 20  # silence would be equal too
    for counter, array in one.step_counts.items():
        np.testing.assert_array_equal(array, two.step_counts[counter], err_msg=counter)
    for population, spikes in one.spikes.items():
        for field in ("image", "step", "neuron"):
            np.testing.assert_array_equal(getattr(spikes, field), getattr(two.spikes[population], field))


@pytest.mark.parametrize("name", CHIPS)
def test_both_routes_give_the_same_spikes_and_counts_on_a_chip(name):
    events, reference = (on_chip(mlp(), name, route) for route in ("events", "synapses"))
    assert_same(events, reference)
    assert events.spikes["dense1_neurons"].image.size > 50


def test_the_equality_can_fail():
    one, two = (
        on_chip(mlp(), "ideal", "events", grid=grid).spikes["dense1_neurons"] for grid in ("int16", "int8")
    )
    assert one.step.size != two.step.size or (one.step != two.step).any()


@pytest.mark.parametrize("name", ["ideal", "read noise as well"])
def test_both_routes_agree_on_convolutions_and_pooling(name):
    with without_compiling():
        assert_same(*(on_chip(convolutional(), name, route, images=2) for route in ("events", "synapses")))


@pytest.mark.parametrize("encoding", ["bernoulli", "poisson", "direct"])
def test_both_routes_agree_for_every_encoding(encoding):
    with without_compiling():
        assert_same(
            *(on_chip(mlp(), "read noise as well", r, encoding=encoding) for r in ("events", "synapses"))
        )


def test_the_numba_kernels_give_the_same_bits(monkeypatch):
    before = on_chip(mlp(), "ideal", "events"), on_chip(convolutional(), "read noise as well", "events")
    monkeypatch.setattr(kernel, "library", lambda name: None)
    assert_same(before[0], on_chip(mlp(), "ideal", "events"))
    assert_same(before[1], on_chip(convolutional(), "read noise as well", "events"))


def two_layers(rng, threshold=3.0):
    first, second = rng.integers(-3, 4, (6, 8)), rng.integers(-3, 4, (8, 4))
    neurons = NeuronModel("if", threshold=threshold, v_initial=1.0)
    nodes = (Source("input", (6,)), dense("one", first, "input"), Population("a", (8,), neurons),
             dense("two", second, "a"), Population("b", (4,), neurons))  # fmt: skip
    edges = (("input", "one"), ("one", "a"), ("a", "two"), ("two", "b"))
    return SpikingGraph("two", nodes, edges, "b"), first, second


def if_steps(x, v, threshold):
    """Spikes (images, n) of integrate-and-fire neurons; v in place."""
    v += x
    fires = v >= threshold
    v -= fires * threshold
    return fires.astype(int)


def run_everywhere(graph, x, **options):
    """The event route's result, after checking that Synapses give the same."""
    with without_compiling():
        events, reference = (simulate(graph, x, route=r, **options) for r in ("events", "synapses"))
    np.testing.assert_array_equal(events.outputs, reference.outputs)
    for name, spikes in events.spikes.items():
        np.testing.assert_array_equal(spikes.neuron, reference.spikes[name].neuron)
        np.testing.assert_array_equal(spikes.step, reference.spikes[name].step)
    return events


def test_a_spike_crosses_all_layers_within_its_step():
    rng = np.random.default_rng(0)
    graph, first, second = two_layers(rng)
    x = (rng.random((3, 40, 6)) < 0.4).astype(int)
    got = run_everywhere(graph, x, spikes=("a", "b"))
    a, b = np.full((3, 8), 1.0), np.full((3, 4), 1.0)
    for step in range(40):
        sent = if_steps(x[:, step] @ first, a, 3.0)
        out = if_steps(sent @ second, b, 3.0)
        np.testing.assert_array_equal(trains(got.spikes["a"], 3, 40, 8)[:, step], sent)
        np.testing.assert_array_equal(trains(got.spikes["b"], 3, 40, 4)[:, step], out)


def test_counts_of_more_than_one_event_weigh_as_many():
    rng = np.random.default_rng(1)
    graph, first, _ = two_layers(rng)
    x = rng.integers(0, 4, (2, 30, 6))
    got = run_everywhere(graph, x, spikes=("a",))
    a = np.full((2, 8), 1.0)
    for step in range(30):
        np.testing.assert_array_equal(
            trains(got.spikes["a"], 2, 30, 8)[:, step], if_steps(x[:, step] @ first, a, 3.0)
        )


def test_recurrent_connections_hand_over_the_step_before():
    rng = np.random.default_rng(2)
    inward, back = rng.integers(0, 3, (5, 6)), rng.integers(-2, 2, (6, 6))
    neurons = NeuronModel("if", threshold=4.0)
    nodes = (Source("input", (5,)), dense("in", inward, "input"), Population("a", (6,), neurons),
             dense("back", back, "a"))  # fmt: skip
    graph = SpikingGraph("loop", nodes, (("input", "in"), ("in", "a"), ("a", "back"), ("back", "a")), "a")
    x = (rng.random((2, 50, 5)) < 0.5).astype(int)
    got = run_everywhere(graph, x, spikes=("a",))
    v, sent = np.zeros((2, 6)), np.zeros((2, 6), int)
    for step in range(50):
        sent = if_steps(x[:, step] @ inward + sent @ back, v, 4.0)
        np.testing.assert_array_equal(trains(got.spikes["a"], 2, 50, 6)[:, step], sent)


def test_delays_hand_over_later_one_by_one():
    rng = np.random.default_rng(3)
    late, weights = np.array([0, 1, 5, 3]), rng.integers(1, 4, (4, 3))
    neurons = NeuronModel("if", threshold=5.0)
    nodes = (Source("input", (4,)), AxonDelay("axons", (4,), late), dense("w", weights, "axons"),
             Population("a", (3,), neurons))  # fmt: skip
    graph = SpikingGraph("late", nodes, (("input", "axons"), ("axons", "w"), ("w", "a")), "a")
    x = (rng.random((2, 30, 4)) < 0.5).astype(int)
    got = run_everywhere(graph, x, spikes=("a",))
    v = np.zeros((2, 3))
    for step in range(30):
        arrived = np.stack(
            [x[:, step - d, j] if step >= d else np.zeros(2, int) for j, d in enumerate(late)], axis=1
        )
        np.testing.assert_array_equal(
            trains(got.spikes["a"], 2, 30, 3)[:, step], if_steps(arrived @ weights, v, 5.0)
        )


def test_a_delay_in_a_loop_adds_to_the_step_of_the_feedback():
    neurons = NeuronModel("if", threshold=1.0)
    nodes = (Source("input", (1,)), Population("a", (1,), neurons), AxonDelay("axon", (1,), 2))
    graph = SpikingGraph("echo", nodes, (("input", "a"), ("a", "axon"), ("axon", "a")), "a")
    x = np.zeros((1, 12, 1), int)
    x[0, 1] = 1
    got = run_everywhere(graph, x, spikes=("a",))
    assert got.spikes["a"].step.tolist() == [1, 4, 7, 10]


def test_several_sources_add_up():
    rng = np.random.default_rng(4)
    graph, first, second = two_layers(rng)
    skip = rng.integers(-2, 3, (6, 4))
    nodes = (*graph.nodes, dense("skip", skip, "input"))
    both = SpikingGraph("skip", nodes, (*graph.edges, ("input", "skip"), ("skip", "b")), "b")
    x = (rng.random((2, 40, 6)) < 0.4).astype(int)
    got = run_everywhere(both, x, spikes=("b",))
    a, b = np.full((2, 8), 1.0), np.full((2, 4), 1.0)
    for step in range(40):
        sent = if_steps(x[:, step] @ first, a, 3.0)
        out = if_steps(sent @ second + x[:, step] @ skip, b, 3.0)
        np.testing.assert_array_equal(trains(got.spikes["b"], 2, 40, 4)[:, step], out)


def test_neither_batch_nor_padding_changes_a_result():
    rng = np.random.default_rng(5)
    graph, _, _ = two_layers(rng)
    x = rng.random((7, 6)).astype(np.float32)
    for encoding in ("deterministic", "bernoulli"):
        results = [
            simulate(graph, x, steps=20, encoding=encoding, batch=b, spikes=("a",)) for b in (None, 1, 3, 7)
        ]
        for other in results[1:]:
            np.testing.assert_array_equal(other.outputs, results[0].outputs)
            np.testing.assert_array_equal(other.spikes["a"].image, results[0].spikes["a"].image)


def test_silence_and_storms_are_results_like_any_other():
    rng = np.random.default_rng(6)
    graph, _, _ = two_layers(rng)
    silent = run_everywhere(graph, np.zeros((2, 10, 6), int), spikes=("input", "a", "b"))
    assert not silent.outputs.any()
    assert all(spikes.step.size == 0 for spikes in silent.spikes.values())
    loud = NeuronModel("if", threshold=1e-3, v_initial=1.0)
    nodes = tuple(replace(n, neurons=loud) if isinstance(n, Population) else n for n in graph.nodes)
    positive = tuple(dense(n.name, np.ones_like(n.params["weight"].T), n.layer.inputs[0])
                     if n.name in ("one", "two") else n for n in nodes)  # fmt: skip
    storm = run_everywhere(replace(graph, nodes=positive), np.ones((2, 10, 6), int), spikes=("a", "b"))
    np.testing.assert_array_equal(storm.outputs[:, -1], 10)
    assert storm.spikes["a"].step.size == 2 * 10 * 8


def test_limits_are_said_before_they_hurt(monkeypatch):
    graph, _, _ = two_layers(np.random.default_rng(7))
    with pytest.raises(
        LimitError, match="spikes of one step: expected at most 4 per input on average, got 60 in all"
    ):
        simulate(graph, np.full((2, 3, 6), 5))
    monkeypatch.setattr("neurosim.engines.spiking.synapses.MOST_SYNAPSES", 90)
    with pytest.raises(
        LimitError, match="layer 'one': expected at most 90 synapses in all, got 96; use the route"
    ):
        simulate(graph, np.ones((2, 3, 6), int), route="synapses")


def test_a_delay_cannot_be_negative():
    nodes = (Source("input", (2,)), AxonDelay("axons", (2,), np.array([1, -1])),
             Population("a", (2,), NeuronModel("if", threshold=1.0)))  # fmt: skip
    graph = SpikingGraph("early", nodes, (("input", "axons"), ("axons", "a")), "a")
    with pytest.raises(DataError, match="delay 'axons': expected 0 steps or more, got -1"):
        simulate(graph, np.ones((3, 2), int))


def test_what_simulate_refuses():
    graph = one_population(NeuronModel("if", threshold=1.0))
    with pytest.raises(
        DataError, match=r"inputs: expected \(images, steps, \*shape\) with shape \(3,\), got"
    ):
        simulate(graph, np.zeros((2, 5, 4)))
    with pytest.raises(DataError, match=r"expected \(images, \*shape\) with shape \(3,\), got \(2, 4\)"):
        simulate(graph, np.zeros((2, 4)), steps=5, encoding="deterministic")
    with pytest.raises(DataError, match="finite numbers, got NaN"):
        simulate(graph, np.full((2, 5, 3), np.nan))
    with pytest.raises(ConfigError, match="steps: expected at least 1, got 0"):
        simulate(graph, np.zeros((2, 3)), steps=0, encoding="bernoulli")
    with pytest.raises(ConfigError, match="steps: expected a number of steps, got none"):
        simulate(graph, np.zeros((2, 3)), encoding="bernoulli")
    with pytest.raises(ConfigError, match="encoding: expected one of .*'rates'"):
        simulate(graph, np.zeros((2, 3)), steps=3, encoding="rates")
    with pytest.raises(ConfigError, match="route: expected one of events, synapses, got 'fast'"):
        simulate(graph, np.zeros((2, 5, 3)), route="fast")
    with pytest.raises(ConfigError, match="grid: expected one of int8, int16, int32, got 'int4'"):
        simulate(graph, np.zeros((2, 5, 3)), grid="int4")
    with pytest.raises(ConfigError, match="recorded spikes: expected a node that makes spikes, got 'cell'"):
        simulate(graph, np.zeros((2, 5, 3)), spikes=("cell",))
    with pytest.raises(
        ConfigError, match="recorded traces: expected a population with membranes, got 'input'"
    ):
        simulate(graph, np.zeros((2, 5, 3)), traces={"input": (0,)})
    with pytest.raises(ConfigError, match=r"traces of 'cells': expected neurons 0 to 2, got \(3,\)"):
        simulate(graph, np.zeros((2, 5, 3)), traces={"cells": (3,)})
