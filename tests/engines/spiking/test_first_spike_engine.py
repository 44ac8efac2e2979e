"""The engine for neurons that spike once: conformance, the float network, decisions, counts, and refusals."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from conformance import EngineConformance
from first_spike_samples import LATE, chip_with, images, network, run

from neurosim.chips import load_chip, parse_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import RateEngine
from neurosim.engines.spiking.first_spike import (
    EXTRA,
    Chain,
    FirstSpikeEngine,
    FirstSpikeOptions,
    synaptic_tau_s,
)
from neurosim.engines.spiking.first_spike.drives import chip_thresholds
from neurosim.engines.spiking.first_spike.solving import float_times
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Dense, FirstSpikeDense, FirstSpikeEncoder, InputSpec, Network
from neurosim.programming import calibrate_network
from neurosim.programming.first_spike import calibrate_first_spike

ALL = FirstSpikeOptions(stop=False)


class TestConformance(EngineConformance):
    """Without stopping at the decision, so that every score is the float network's."""

    def engine(self):
        return FirstSpikeEngine(ALL)

    def programmed(self, chip, seed, instance):
        return chip_with(network(), chip, seed, instance)

    def images(self):
        return images()

    def float_scores(self):
        return network().forward(images())


class TestDeepConformance(TestConformance):
    """Two hidden layers: a sorted layer whose single reads differ from image to image feeds another one."""

    def programmed(self, chip, seed, instance):
        return chip_with(network((64, 30, 20, 5)), chip, seed, instance)

    def float_scores(self):
        return network((64, 30, 20, 5)).forward(images())


def test_the_closed_form_without_a_chip_is_the_float_network():
    times = float_times(network(), images(), stop=False)
    hidden = network().trace(images(), {"layer0"})[1]["layer0"]
    np.testing.assert_allclose(times[0], hidden, atol=1e-5)
    np.testing.assert_allclose(-times[1], network().forward(images()), atol=1e-5)
    stopped = float_times(network(), images())
    np.testing.assert_array_equal(stopped[1].argmin(axis=1), times[1].argmin(axis=1))
    end = stopped[1].min(axis=1)[:, None]
    np.testing.assert_array_equal(stopped[0], np.where(times[0] <= end, times[0], np.inf))


def test_stopping_changes_no_decision():
    whole, end = run(chip_with(network()), ALL)
    stopped, same = run(chip_with(network()))
    np.testing.assert_array_equal(end, same)
    np.testing.assert_array_equal(whole.scores(0).argmax(axis=1), stopped.scores(0).argmax(axis=1))
    np.testing.assert_array_equal(np.isfinite(stopped.scores(0)).sum(axis=1), 1)
    np.testing.assert_array_equal(-stopped.scores(0).max(axis=1), end)


def test_counts_are_those_of_the_events_before_the_decision():
    net, dim = network(), images() * np.float32(0.75)  # few inputs spike early
    recorder, end = run(chip_with(net, "ideal_float"), shown=dim)
    times = float_times(net, dim)
    early = (dim > 0.5).sum(axis=1)
    arrived = np.where(end >= LATE, 64, early)
    hidden = np.isfinite(times[0]).sum(axis=1)
    assert ((end < LATE).any(), (end > LATE).any()) == (True, True)
    expected = {
        "input_spikes": [arrived, 0 * hidden],
        "spikes": [hidden, np.ones_like(hidden)],
        "row_activations": [arrived, hidden],
        "synaptic_events": [40 * arrived, 5 * hidden],
        "array_reads": [1 + (end >= LATE), hidden],
        "neuron_updates": [40 * (1 + (end >= LATE)), 5 * hidden],
        "scalings": [40 * (1 + (end >= LATE)), 5 * hidden],
        "partial_sums": [0 * hidden, 0 * hidden],
    }
    for name, numbers in expected.items():
        np.testing.assert_array_equal(recorder.varying(0, name), numbers, err_msg=name)
    whole = run(chip_with(net, "ideal_float"), ALL, dim)[0]
    assert (whole.varying(0, "input_spikes")[0] == 64).all()
    assert (whole.varying(0, "row_activations") >= recorder.varying(0, "row_activations")).all()


def test_array_siemens_are_those_of_the_rows_driven():
    net, dim = network(), images() * np.float32(0.75)  # few inputs spike early
    programmed = chip_with(net, "ideal_float")
    recorder, end = run(programmed, shown=dim)
    aged, times = programmed.age_to(25.0), float_times(net, dim)
    rows = [aged.layers[f"layer{k}"].crossbars[0].row_siemens.astype(float) for k in range(2)]
    driven = (dim > 0.5) | (end[:, None] >= LATE)
    siemens = recorder.varying(0, "array_siemens")
    np.testing.assert_allclose(siemens[0], driven @ rows[0], rtol=1e-5)
    np.testing.assert_allclose(siemens[1], np.isfinite(times[0]) @ rows[1], rtol=1e-5)


def test_conversions_are_counted_where_there_are_converters():
    recorder, end = run(chip_with(network(), array__rows=30))  # 64 rows on three tiles, 40 on two
    varying = recorder.segments[0].varying
    reads = 1 + (end >= LATE)
    np.testing.assert_array_equal(varying["adc_conversions"][0], reads * 3 * 40)
    np.testing.assert_array_equal(varying["partial_sums"][0], reads * 2 * 40)
    np.testing.assert_array_equal(varying["adc_conversions"][1], varying["row_activations"][1] * 5)
    np.testing.assert_array_equal(varying["dac_conversions"], varying["row_activations"])
    assert (varying["dac_saturations"] == 0).all()


def test_offset_cells_and_converted_pairs_give_the_same_times():
    options = {"adc__bits": None, "dac__bits": None}
    base = run(chip_with(network(), "ideal_float"), ALL)[0].scores(0)
    for change in ({"cell__kind": "offset"}, {"cell__subtraction": "digital"}):
        other = run(chip_with(network(), "ideal_float", **options, **change), ALL)[0].scores(0)
        np.testing.assert_allclose(other, base, atol=1e-3)


def test_noise_of_single_reads_is_drawn_for_every_image():
    same = np.repeat(images()[:1], 200, axis=0)
    noisy = run(chip_with(network(), read_noise="independent"), ALL, same)[0].scores(0)
    assert len(np.unique(noisy, axis=0)) == 200
    quiet = run(chip_with(network(), read_noise="none"), ALL, same)[0].scores(0)
    assert len(np.unique(quiet, axis=0)) == 1
    first = run(chip_with(network(), read_noise="independent"), ALL, same[:1])[0].scores(0)
    np.testing.assert_array_equal(noisy[:1], first)


def test_thresholds_have_the_chips_mismatch_for_life():
    net = network((64, 4000, 5))
    aged = chip_with(net, neuron__threshold_mismatch=0.1).age_to(25.0)
    thresholds = chip_thresholds(aged, Chain.of(net))
    assert thresholds[0].std() == pytest.approx(0.1, rel=0.04)
    assert thresholds[0].mean() == pytest.approx(1.0, abs=0.006)
    later = chip_thresholds(aged.programmed.age_to(1e6), Chain.of(net))
    np.testing.assert_array_equal(thresholds[0], later[0])
    other = chip_thresholds(
        chip_with(net, instance=1, neuron__threshold_mismatch=0.1).age_to(25.0), Chain.of(net)
    )
    assert abs(np.corrcoef(thresholds[0], other[0])[0, 1]) < 0.06
    extreme = chip_thresholds(chip_with(net, neuron__threshold_mismatch=0.9).age_to(25.0), Chain.of(net))
    assert extreme[0].min() == pytest.approx(0.01)


def test_no_spikes_at_all_is_a_result_without_nan():
    net = network()
    params = {name: {"weight": -np.abs(own["weight"])} for name, own in net.params.items()}
    silent = Network("silent", net.input, net.layers, params, coding="first_spike")
    for options in (ALL, FirstSpikeOptions()):
        recorder, end = run(chip_with(silent), options)
        assert (recorder.scores(0) == -np.inf).all()
        assert (end == np.inf).all()
        assert (recorder.varying(0, "spikes") == 0).all()
        assert (recorder.varying(0, "input_spikes")[0] == 64).all()
        assert all(np.isfinite(array).all() for array in recorder.segments[0].varying.values())


def test_spikes_everywhere_are_a_result_without_nan():
    net = network()
    params = {name: {"weight": 50 * np.abs(own["weight"])} for name, own in net.params.items()}
    loud = Network("loud", net.input, net.layers, params, coding="first_spike")
    recorder, end = run(chip_with(loud, "ideal_float"), ALL)
    assert np.isfinite(recorder.scores(0)).all()
    assert (recorder.varying(0, "spikes") == [[40], [5]]).all()
    assert (end < 0.2).all()


def test_batch_and_threads_change_no_decision_time():
    base = run(chip_with(network()))[1]
    for settings in (Settings(3, 10), Settings(1, 10_000)):
        np.testing.assert_array_equal(run(chip_with(network()), settings=settings)[1], base)


def test_the_time_constant_leaves_room_for_all_reads():
    programmed = chip_with(network())
    reading = programmed.chip.read.t_read_s + programmed.chip.periphery.t_digital_s
    conversion = programmed.chip.periphery.t_conversion_s  # 5 columns and 8 ADCs: one conversion each
    tau_s = synaptic_tau_s(programmed.placement, programmed.chip)
    assert tau_s == pytest.approx(40 * (reading + conversion))
    with pytest.raises(ConfigError, match=r"expected a \[periphery\] table"):
        synaptic_tau_s(programmed.placement, load_chip("ideal_float"))


def test_the_run_file_is_told_of_the_decision_time():
    (variable,) = EXTRA.variables
    assert variable.path == "/outputs/decision_time"
    assert variable.dims == ("chip", "time", "image")


def test_calibration_vectors_are_the_reads():
    vectors = calibrate_first_spike(network(), images(10)).vectors
    early = images(10) > 0.5
    np.testing.assert_array_equal(vectors["layer0"][0][::2], early)
    np.testing.assert_array_equal(vectors["layer0"][0][1::2], ~early)
    np.testing.assert_array_equal(vectors["layer1"][0], np.eye(40))
    with pytest.raises(DataError, match="calibration images: expected at least one, got none"):
        calibrate_first_spike(network(), images()[:0])


def rated():
    layers = (FirstSpikeEncoder(name="encoder", late=1.0), Dense(name="dense", units=3, bias=False))
    weights = {"dense": {"weight": np.ones((3, 64), np.float32)}}
    return Network("rated", InputSpec(dataset="digits", shape=(64,)), layers, weights)


def test_other_networks_are_refused():
    with pytest.raises(
        ConfigError, match='first_spike_encoder, dense; choose a network with coding = "first_spike"'
    ):
        Chain.of(rated())
    bare = network()
    without = Network("bare", bare.input, bare.layers[:-1], bare.params)
    with pytest.raises(ConfigError, match="and first_spike_scores, got first_spike_encoder"):
        Chain.of(without)


def test_rates_cannot_be_made_of_times():
    with pytest.raises(ConfigError, match="layer 'layer0'.*run the network with --mode spiking"):
        calibrate_network(network(), images())
    programmed, inputs = chip_with(network()), Inputs(images(), (25.0,))
    with pytest.raises(ConfigError, match="--mode spiking"):
        RateEngine().run(programmed, inputs, MemoryRecorder(), lambda n: None, Settings())


def test_leaking_neurons_are_refused():
    with pytest.raises(ConfigError, match="leak_tau: expected neurons without a leak, got 0.001 s"):
        run(chip_with(network(), neuron__leak_tau_s=1e-3))


def test_membranes_with_a_floor_are_refused():
    with pytest.raises(
        ConfigError, match="low: expected membranes that follow .*, got a floor at -1 thresholds"
    ):
        run(chip_with(network(), neuron__low=-1.0))
    assert run(chip_with(network(), neuron__high=2.0))[1].shape == (300,)


def test_a_chip_without_neurons_is_refused():
    text = load_chip("ideal_float").text.replace('[neuron]\nkind = "digital"\n', "")
    net, programmed = network(), chip_with(network(), "ideal_float")
    with pytest.raises(ConfigError, match=r"expected a \[neuron\] table, got none"):
        run(replace(programmed, chip=parse_chip(text), network=net))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "euler"}, "solver: expected one of closed_form, clock, clock_solved, got 'euler'"),
        ({"dt": 0.0}, "dt: expected a time above zero, got 0.0"),
        ({"dt": -1.0}, "dt: expected a time above zero"),
        ({"t_end": float("inf")}, "t_end: expected a time above zero, got inf"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        FirstSpikeOptions(**options)


def test_layers_are_kept_in_parts_that_fit_in_memory(monkeypatch):
    import neurosim.engines.spiking.first_spike.drives as module

    programmed = chip_with(network((64, 30, 20, 5)))
    base = run(programmed, ALL)[0].varying(0, "array_siemens")
    monkeypatch.setattr(module, "MOST_FLOATS", 30 * 20 * 7)
    small = run(programmed, ALL)[0].varying(0, "array_siemens")
    np.testing.assert_allclose(small, base, rtol=1e-6)


def test_dense_layers_that_spike_are_no_rate_layers():
    assert not isinstance(network().layers[1], Dense)
    assert isinstance(network().layers[1], FirstSpikeDense)
