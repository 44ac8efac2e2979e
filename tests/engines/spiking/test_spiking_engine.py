"""The spiking engine: the conformance suite, its devices, its counts, its scores, and the chip's neurons."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from conformance import EngineConformance
from spiking_networks import chip, convolutional, digits, labels, mlp, programmed, trains, without_compiling

from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.chip_neurons import with_chip_neurons
from neurosim.engines.spiking.counting import count_spiking, varying_counters
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream
from neurosim.graph import Population, load_network
from neurosim.placement import place
from neurosim.programming import calibrate_network, program
from neurosim.programming.spiking import spiking_calibration

STEPS = 20


@cache
def built(name, seed, instance):
    return programmed(mlp(), chip(name), seed, instance)


class TestConformance(EngineConformance):
    def engine(self):
        return SpikingEngine(mlp(), SpikingOptions(steps=8))

    def programmed(self, chip, seed, instance):
        return built(chip, seed, instance)

    def images(self):
        return digits()[:120]

    def float_scores(self):
        return load_network("digits_mlp").forward(self.images())


def segment(on=None, images=None, spiking=None, steps=STEPS, **options):
    """One segment at an hour, and the counts that are the same for every image."""
    spiking = spiking or mlp()
    x = (digits()[:20] if images is None else images).reshape(-1, *spiking.network.input.shape)
    recorder = MemoryRecorder()
    engine = SpikingEngine(spiking, SpikingOptions(steps=steps, **options))
    outcome = engine.run(
        programmed(spiking, on or chip()), Inputs(x, (3600.0,)), recorder, lambda n: None, Settings()
    )
    return recorder.segments[0], outcome.counts


def test_the_devices_are_those_of_rate_coded_inference():
    network, x, silicon = mlp().network, digits()[:100], chip()
    rate = program(network, silicon, place(network, silicon), calibrate_network(network, x), 3, 1)
    spiking = programmed(mlp(), silicon, 3, 1)
    assert rate.t_chip_s == spiking.t_chip_s
    for t_s in (0.0, 86400.0):
        one, two = rate.age_to(t_s), spiking.age_to(t_s)
        for name in one.layers:
            for a, b in zip(one.layers[name].crossbars, two.layers[name].crossbars, strict=True):
                np.testing.assert_array_equal(a.g_siemens, b.g_siemens)  # drift and frozen noise in them
                np.testing.assert_array_equal(a.variance, b.variance)


def test_calibration_spikes_have_the_rates_of_the_activations():
    x = digits()[:100]
    fed, rates = spiking_calibration(mlp(), x), calibrate_network(mlp().network, x)
    for name, spikes in fed.vectors.items():
        assert set(np.unique(spikes)) <= {0.0, 1.0}
        p = np.clip(rates.vectors[name] / mlp().scale_before(name), 0, 1)
        spread = np.sqrt((p * (1 - p)).sum())
        assert abs(spikes.sum() - p.sum()) < 5 * spread
        assert abs(spikes.sum() - 1.05 * p.sum()) > 5 * spread or p.sum() * 0.05 < 10 * spread
    for layer in programmed(mlp(), chip()).layers.values():
        assert layer.converters[0].dac.full_scale == pytest.approx(1.0)


def test_accuracy_rises_with_steps_to_that_of_the_float_network():
    result, _ = segment(chip("ideal_float"), digits(), steps=100)
    float_accuracy = (mlp().network.forward(digits()).argmax(axis=1) == labels()).mean()
    accuracy = {n: (result.step_scores[:, n - 1].argmax(axis=1) == labels()).mean() for n in (5, 20, 100)}
    assert accuracy[5] < accuracy[100]
    assert abs(accuracy[100] - float_accuracy) <= 0.01


def test_rates_of_neurons_are_the_activations():
    spiking, x = mlp(), digits()[:30]
    result, _ = segment(chip("ideal_float"), x, steps=400, spikes=("dense1_neurons",))
    rates = trains(result.spikes["dense1_neurons"], 30, 400, 32).mean(axis=1)
    active = spiking.network.trace(x, {"relu1"})[1]["relu1"] / spiking.scales["dense1"]
    # a membrane carries over at most a threshold or so, and rates cannot exceed 1
    np.testing.assert_allclose(rates, np.minimum(active, 1), atol=0.03)


def test_scores_are_counts_and_membranes_decide_ties():
    result, _ = segment()
    counts, final = result.step_scores[:, -1], result.scores
    assert (counts == np.rint(counts)).all()
    assert (np.abs(final - counts) <= 1 / 3 + 1e-6).all()
    assert (np.diff(result.step_scores, axis=1) >= 0).all()
    analog, _ = segment(chip(neuron='kind = "analog"'))
    np.testing.assert_array_equal(analog.scores, analog.step_scores[:, -1])


def test_step_counts_add_up_and_are_those_that_are_declared():
    for on in (chip(), chip(neuron='kind = "analog"'), chip("ideal_float"), chip(cell__kind="offset")):
        result, _ = segment(on)
        assert set(result.step_counts) == set(result.varying) == set(varying_counters(on))
        for name, array in result.step_counts.items():
            assert array.shape == (2, 20, STEPS)
            np.testing.assert_allclose(array.sum(axis=2, dtype=float), result.varying[name])


def test_counts_per_image_follow_from_the_recorded_spikes():
    on = chip(array__rows=40, array__columns=20)
    result, counts = segment(on, spikes=("input", "dense1_neurons", "dense2_neurons"))
    given, hidden, out = (trains(result.spikes[name], 20, STEPS, size) for name, size in (
        ("input", 64), ("dense1_neurons", 32), ("dense2_neurons", 10)))  # fmt: skip
    got = result.step_counts
    arrivals = np.stack([given.sum(axis=2), hidden.sum(axis=2)])
    np.testing.assert_array_equal(got["input_spikes"], [arrivals[0], 0 * arrivals[0]])
    np.testing.assert_array_equal(got["spikes"], [arrivals[1], out.sum(axis=2)])
    np.testing.assert_array_equal(got["synaptic_events"], arrivals * np.array([32, 10])[:, None, None])
    # 64 x 32 on tiles of 40 x 20: two row tiles, two column tiles
    np.testing.assert_array_equal(got["row_activations"], arrivals * np.array([2, 1])[:, None, None])
    np.testing.assert_array_equal(got["dac_conversions"], got["row_activations"])
    upper, lower = given[..., :40].any(axis=2).astype(int), given[..., 40:].any(axis=2).astype(int)
    second = hidden.any(axis=2).astype(int)
    np.testing.assert_array_equal(got["array_reads"], [2 * (upper + lower), second])
    np.testing.assert_array_equal(got["adc_conversions"], [32 * (upper + lower), 10 * second])
    np.testing.assert_array_equal(got["partial_sums"], [32 * (upper & lower), 0 * second])
    np.testing.assert_array_equal(got["scalings"], [32 * (upper | lower), 10 * second])
    row_siemens = programmed(mlp(), on).age_to(3600.0).layers["dense1"].crossbars[0].row_siemens
    np.testing.assert_allclose(got["array_siemens"][0], given @ row_siemens, rtol=1e-6)
    assert counts.fixed["neuron_updates"] == {"dense1": 32 * STEPS, "dense2": 10 * STEPS}
    assert counts.fixed["bias_adds"] == {"dense1": 32 * STEPS, "dense2": 10 * STEPS}
    assert counts.fixed["encoder_updates"] == {"dense1": 64 * STEPS, "dense2": 0}
    assert counts.fixed["comparisons"] == {"dense1": 0, "dense2": 2 * 9}
    assert counts.fixed["buffer_reads"] == {"dense1": 8 * STEPS, "dense2": 4 * STEPS}
    assert counts.fixed["buffer_writes"] == {"dense1": 4 * STEPS, "dense2": 2 * STEPS}


def test_fixed_counts_of_convolutions_and_pooling_by_hand():
    spiking, on = convolutional(), chip(neuron='kind = "analog"')
    placement = place(spiking.network, on)
    counts = count_spiking(spiking.graph, on, placement, 1, 10, "direct").fixed
    # conv1 8x8x4, max pool 2x2 to 4x4x4; conv2 2x2 stride (2, 1) to 2x3x6; mean 1x3 to 2x1x6; head 12 to 5
    assert counts["threshold_decisions"] == {"conv1": 2560, "conv2": 360 + 120, "head": 50}
    assert counts["comparisons"] == {"conv1": 64 * 3 * 10, "conv2": 0, "head": 4}
    assert counts["additions"]["conv2"] == 12 * 2 * 10
    assert counts["bias_adds"] == {"conv1": 2560, "conv2": 0, "head": 50}
    assert "encoder_updates" not in counts
    assert "neuron_updates" not in counts


def test_direct_current_reads_every_row_in_every_step():
    with without_compiling():
        result, _ = segment(encoding="direct")
    assert (result.step_counts["row_activations"][0] == 64).all()
    assert (result.step_counts["input_spikes"] == 0).all()
    assert (result.step_counts["adc_conversions"][0] == 32).all()
    assert (result.step_counts["array_siemens"][0] > 0).all()
    accuracy = (result.scores.argmax(axis=1) == labels()[:20]).mean()
    assert accuracy >= 0.9


def test_a_silent_image_costs_reads_of_nothing():
    result, _ = segment(images=np.zeros((3, 64), np.float32), steps=3)
    assert (result.step_counts["array_reads"][0] == 0).all()
    assert (result.step_counts["synaptic_events"][0] == 0).all()
    assert np.isfinite(result.scores).all()


def test_traces_are_the_membranes():
    result, _ = segment(traces={"dense2_neurons": (0, 7)})
    trace = result.traces["dense2_neurons"]
    assert trace.shape == (20, STEPS, 2)
    threshold = mlp().graph.by_name["dense2_neurons"].neurons.threshold
    share = np.clip(trace[:, -1] / threshold, -1, 1) / 3
    counts = result.step_scores[:, -1, [0, 7]]
    np.testing.assert_allclose(result.scores[:, [0, 7]], counts + share, rtol=1e-5, atol=1e-6)


def neurons_of(text, seed=0):
    graph = with_chip_neurons(mlp().graph, chip(neuron=text).neuron, stream(seed, "chip"))
    return {n.name: n.neurons for n in graph.nodes if isinstance(n, Population)}, graph


def number(name, value, unit="1"):
    return f'{name} = {{value = {value}, unit = "{unit}", source = "this test", status = "assumed"}}'


def test_the_chips_neurons_reset_saturate_leak_and_wait():
    ideal = mlp().graph.by_name["dense1_neurons"].neurons
    text = "\n".join(
        [
            'kind = "analog"',
            'reset = "zero"',
            'comparison = ">"',
            number("low", -0.5),
            number("high", 2),
            number("t_tick", 1, "us"),
            number("refractory", 2.5, "us"),
            number("leak_tau", 50, "us"),
        ]
    )
    made, graph = neurons_of(text)
    neurons = made["dense1_neurons"]
    assert (neurons.kind, neurons.reset, neurons.v_reset, neurons.comparison) == ("lif", "value", 0.0, ">")
    assert neurons.refractory_steps == 3
    assert graph.dt_s == 1e-6
    assert neurons.low == pytest.approx(-0.5 * ideal.threshold)
    assert neurons.high == pytest.approx(2 * ideal.threshold)
    # one step: v loses dt / tau of itself and gains the whole input
    assert graph.dt_s / neurons.tau_s * neurons.resistance == pytest.approx(1.0)
    with without_compiling():
        result, _ = segment(chip(neuron=text))
    assert result.step_scores[:, -1].max() > 0


def test_thresholds_differ_by_the_mismatch_neuron_by_neuron_and_chip_by_chip():
    text = 'kind = "analog"\n' + number("threshold_mismatch", 0.1)
    ideal = mlp().graph.by_name["dense1_neurons"].neurons.threshold
    made = [neurons_of(text, seed)[0]["dense1_neurons"].threshold for seed in range(400)]
    relative = (np.concatenate(made) / ideal - 1) / 0.1
    assert stats.kstest(relative, "norm").pvalue > 1e-6
    assert stats.kstest(relative * 1.1, "norm").pvalue < 1e-6  # the test can fail
    np.testing.assert_array_equal(made[3], neurons_of(text, 3)[0]["dense1_neurons"].threshold)
    assert len({threshold[0] for threshold in made}) == 400


def test_times_of_neurons_need_the_length_of_a_step():
    for name in ("leak_tau", "refractory"):
        with pytest.raises(
            ConfigError, match=f"chip: neuron.{name}: expected neuron.t_tick beside it, got none"
        ):
            neurons_of('kind = "analog"\n' + number(name, 5, "us"))


def test_what_the_engine_refuses():
    with pytest.raises(ConfigError, match="steps: expected at least 1, got 0"):
        SpikingOptions(steps=0)
    with pytest.raises(ConfigError, match="encoding: expected one of .*got 'poison'; did you mean 'poisson'"):
        SpikingOptions(encoding="poison")
    with pytest.raises(ConfigError, match="route: expected one of events, synapses, got 'event'"):
        SpikingOptions(route="event")
    with pytest.raises(ConfigError, match="grid: expected one of int8, int16, int32"):
        SpikingOptions(grid="float")
    other = programmed(convolutional(), chip())
    with pytest.raises(
        ConfigError, match="programmed chip: expected one that holds the weights of 'digits_mlp', got"
    ):
        SpikingEngine(mlp()).run(
            other, Inputs(digits()[:2], (0.0,)), MemoryRecorder(), lambda n: None, Settings()
        )


def test_semantics_say_what_computed_the_spikes():
    said = SpikingEngine(mlp(), SpikingOptions(steps=7, grid="int8")).semantics()
    assert said["steps"] == "7"
    assert said["grid"] == "int8"
    assert said["brian2"].startswith("2.")
    assert said["spike_kernels"] == "Numba" or said["spike_kernels"].startswith("C (")
    assert all(isinstance(value, str) for value in said.values())
