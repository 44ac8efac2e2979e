"""The engine of neurosynaptic cores: the conformance suite, counts, steps, spikes, memristive synapses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "placement"))
from conformance import EngineConformance
from core_networks import images, three_layers, two_layers
from truenorth_samples import Twin

from neurosim.chips import load_chip
from neurosim.costs import Presentation, price
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.truenorth.engine import VARYING, TrueNorthEngine, count_cores, populations
from neurosim.foundation.errors import ConfigError
from neurosim.graph.core_network import NOWHERE, OUTPUT
from neurosim.placement import place_cores
from neurosim.programming import program_cores

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2
NOISY = {"device__programming__sigma_siemens": [8e-6]}


def cores_of(network, chip="truenorth", seed=0, instance=0, **options):
    silicon = load_chip(chip).with_options(**options)
    return program_cores(network, silicon, place_cores(network, silicon), seed, instance)


def outcome_of(programmed, shown, engine=None, times=(25.0,), settings=None):
    recorder = MemoryRecorder()
    engine = engine or TrueNorthEngine()
    outcome = engine.run(programmed, Inputs(shown, times), recorder, lambda n: None, settings or Settings())
    return recorder, outcome


class TestConformance(EngineConformance):
    """A chip with noisy devices stands for `joshi_2020`, digital cores for `ideal_float`."""

    def engine(self):
        return TrueNorthEngine()

    def programmed(self, chip_name, seed, instance):
        if chip_name == "ideal_float":
            return cores_of(two_layers(), seed=seed, instance=instance)
        return cores_of(two_layers(), "truenorth_pcm", seed, instance, **NOISY)

    def images(self):
        return images(260)

    def float_scores(self):
        return two_layers().forward(self.images())

    @pytest.mark.parametrize("settings", [Settings(1, 1), Settings(2, 10_000), Settings(3, 300)])
    def test_batch_and_threads_change_nothing(self, settings):
        base, other = self.run()[0], self.run(settings=settings)[0]
        for time in range(2):
            np.testing.assert_array_equal(base.scores(time), other.scores(time))
            for counter in VARYING:
                np.testing.assert_array_equal(base.varying(time, counter), other.varying(time, counter))


@pytest.mark.parametrize("make", [two_layers, three_layers])
def test_digital_cores_are_the_float_network_bit_for_bit(make):
    network, shown = make(), images(40)
    recorder, _ = outcome_of(cores_of(network), shown)
    np.testing.assert_array_equal(recorder.scores(0), network.forward(shown))


def test_images_do_not_depend_on_each_other():
    network, shown = two_layers(), images(30)
    programmed = cores_of(network, "truenorth_pcm", **NOISY)
    whole = outcome_of(programmed, shown)[0].scores(0)
    np.testing.assert_array_equal(outcome_of(programmed, shown[:7])[0].scores(0), whole[:7])


def test_counts_are_those_of_the_twin():
    """Counted again in the plain twin, image by image: layer k has the image in tick k."""
    network, shown = three_layers(), images(10)
    programmed = cores_of(network)
    placement, cores = programmed.placement, programmed.placement.cores
    recorder, outcome = outcome_of(programmed, shown)
    layer, fan = placement.layer_of_core, cores.connections.sum(axis=2)
    for image in range(10):
        twin = Twin(cores, (0, 0))
        spiking = shown[image].ravel() > 0.5
        axons = placement.entry_axon[spiking[placement.entry_input]]
        assert recorder.varying(0, "input_spikes")[:, image].tolist() == [len(axons), 0, 0]
        for k in range(3):
            first = {divmod(int(a), cores.axons) for a in axons} if k == 0 else set()
            arriving = first | twin.arriving.get(k, set())
            fired = twin.tick(k, axons if k == 0 else axons[:0]) & (layer == k)[:, None]
            expected = {
                "synaptic_events": sum(fan[core, axon] for core, axon in arriving if layer[core] == k),
                "spikes": fired.sum(),
                "hops": cores.hops[fired].sum(),
            }
            for counter, number in expected.items():
                assert recorder.varying(0, counter)[k, image] == number
    # every neuron that sends is updated once a tick, copies included
    sending = cores.neurons.target_core != NOWHERE
    features = [int(sending[layer == k].sum()) for k in range(3)]
    assert features[1:] == [108 * 2, 30]
    assert list(outcome.counts.fixed["neuron_updates"].values()) == features
    assert outcome.counts.fixed["random_draws"] == dict.fromkeys(outcome.counts.layers, 0)
    assert outcome.counts.fixed["encoder_updates"] == {"conv1": 64, "conv2": 0, "classes": 0}
    assert outcome.counts.fixed["additions"]["classes"] == (cores.neurons.target_core == OUTPUT).sum() == 30
    assert outcome.counts.fixed["comparisons"]["classes"] == 10
    assert recorder.varying(0, "hops").sum() > 0


def test_steps_hold_the_pipeline_and_add_up():
    network, shown = three_layers(), images(15)
    programmed = cores_of(network)
    for frames in (1, 4):
        engine = TrueNorthEngine(frames=frames)
        recorder, outcome = outcome_of(programmed, shown, engine)
        (segment,) = recorder.segments
        ticks = frames + 2
        assert engine.ticks(programmed.placement) == ticks
        assert segment.step_scores.shape == (15, ticks, 10)
        np.testing.assert_array_equal(segment.step_scores[:, -1], segment.scores)
        np.testing.assert_array_equal(segment.step_scores[:, :2], 0)  # nothing has come through yet
        np.testing.assert_array_equal(segment.scores, frames * network.forward(shown))
        for counter in VARYING:
            counted = segment.step_counts[counter]
            assert counted.shape == (3, 15, ticks)
            assert counted.dtype == np.float32
            np.testing.assert_array_equal(counted.sum(axis=2), segment.varying[counter])
            for layer in range(3):  # a layer works on the image in `frames` ticks, one after the layer before
                outside = [t for t in range(ticks) if not layer <= t < layer + frames]
                assert (counted[layer][:, outside] == 0).all()
        assert outcome.counts.fixed["neuron_updates"] == {
            name: frames * count
            for name, count in count_cores(programmed.placement, 15).fixed["neuron_updates"].items()
        }


def test_spikes_and_traces_are_recorded_where_they_are_wanted():
    network, shown = two_layers(), images(12)
    programmed = cores_of(network)
    engine = TrueNorthEngine(record_spikes=True, traced={"classes": (0, 5)})
    (segment,) = outcome_of(programmed, shown, engine)[0].segments
    assert set(segment.spikes) == set(populations(programmed.placement)) == {"input", "windows", "classes"}
    frame = segment.spikes["input"]
    expected = np.argwhere(shown.reshape(12, -1) > 0.5)
    np.testing.assert_array_equal(np.stack([frame.image, frame.neuron], axis=1), expected)
    assert (frame.step == 0).all()
    for number, name in enumerate(("windows", "classes")):
        spikes = segment.spikes[name]
        per_image = np.bincount(spikes.image, minlength=12)
        np.testing.assert_array_equal(per_image, segment.varying["spikes"][number])
        assert (spikes.step == number).all()
        order = np.lexsort((spikes.neuron, spikes.step, spikes.image))
        np.testing.assert_array_equal(order, np.arange(len(order)))
    assert segment.traces["classes"].shape == (12, 2, 2)
    assert outcome_of(programmed, shown)[0].segments[0].spikes == {}


def test_bernoulli_frames_come_with_the_pixels_probability():
    shown = np.full((100, 1, 8, 8), 0.25, np.float32)
    shown[:, :, 4:] = 0.75
    programmed = cores_of(two_layers())
    engine = TrueNorthEngine(frames=64, encoding="bernoulli", record_spikes=True)
    (segment,) = outcome_of(programmed, shown, engine)[0].segments
    counts = np.bincount(segment.spikes["input"].neuron, minlength=64)
    trials = 100 * 64
    for share, some in ((0.25, counts[:32]), (0.75, counts[32:])):
        sigma = np.sqrt(32 * trials * share * (1 - share))  # 204,800 draws each
        assert abs(some.sum() - 32 * trials * share) < 4.5 * sigma
        assert abs(some.sum() - 32 * trials * 1.05 * share) > 4.5 * sigma
    again = outcome_of(programmed, shown[:3], engine)[0].segments[0]
    np.testing.assert_array_equal(again.step_scores, segment.step_scores[:3])
    other = outcome_of(cores_of(two_layers(), instance=1), shown, engine)[0].segments[0]
    np.testing.assert_array_equal(other.spikes["input"].neuron, segment.spikes["input"].neuron)  # paired


def test_no_spikes_and_spikes_everywhere():
    network = two_layers()
    shown = np.stack([np.zeros((1, 8, 8), np.float32), np.ones((1, 8, 8), np.float32)])
    recorder, _ = outcome_of(cores_of(network), shown)
    np.testing.assert_array_equal(recorder.scores(0), network.forward(shown))
    assert recorder.varying(0, "synaptic_events")[0, 0] == 0
    assert recorder.varying(0, "synaptic_events")[0, 1] > 0


def strength_errors(programmed):
    ideal = programmed.placement.cores.connections.astype(np.float32)
    return programmed.age_to(25.0).strength - ideal


def test_ideal_devices_are_digital_cores_bit_for_bit():
    network, shown = three_layers(), images(60)
    exact = {"device__programming__sigma_siemens": [0.0], "read__noise": "none", "compensation__drift": "none",
             "device__drift__mu_min": 0.0, "device__drift__mu_max": 0.0, "device__drift__sigma_min": 0.0,
             "device__drift__sigma_max": 0.0}  # fmt: skip
    analog = cores_of(network, "truenorth_pcm", **exact)
    assert np.abs(strength_errors(analog)).max() == 0
    digital, found = outcome_of(cores_of(network), shown)[0], outcome_of(analog, shown)[0]
    np.testing.assert_array_equal(found.scores(0), digital.scores(0))
    for counter in VARYING:
        np.testing.assert_array_equal(found.varying(0, counter), digital.varying(0, counter))


def test_noise_degrades_continuously():
    """Mean distance of the votes from the digital ones over chips: none without errors, growing with them."""
    network, shown = two_layers(), images(100)
    digital = outcome_of(cores_of(network), shown)[0].scores(0)
    distances, agreements = [], []
    for sigma in (1e-9, 1e-6, 5e-6, 30e-6):
        options = {"device__programming__sigma_siemens": [sigma], "read__noise": "none"}
        chips = [cores_of(network, "truenorth_pcm", 1, instance, **options) for instance in range(2)]
        votes = [outcome_of(chip, shown, times=(1e-3,))[0].scores(0) for chip in chips]
        distances.append(float(np.mean([np.abs(v - digital).mean() for v in votes])))
        agreements.append(float(np.mean([(v.argmax(1) == digital.argmax(1)).mean() for v in votes])))
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert agreements[0] == 1
    assert agreements == sorted(agreements, reverse=True)
    assert 0 < distances[1] < 0.2 * distances[-1]
    assert agreements[-1] < 0.8


def test_read_noise_is_drawn_for_every_image_and_tick():
    network = two_layers()
    quiet = {"device__programming__sigma_siemens": [1e-6], "device__read_noise__q_scale": 0.2,
             "device__read_noise__q_max": 1.0, "read__noise": "independent"}  # fmt: skip
    programmed = cores_of(network, "truenorth_pcm", **quiet)
    same = np.repeat(images(1), 50, axis=0)
    scores = outcome_of(programmed, same)[0].scores(0)
    assert len(np.unique(scores, axis=0)) > 10  # one image, one chip, fifty answers
    frames = outcome_of(programmed, same[:4], TrueNorthEngine(frames=6))[0].segments[0].step_scores
    assert np.unique(np.diff(frames[:, 1:], axis=1).reshape(-1, 10), axis=0).shape[0] > 5


def test_drift_lowers_the_sums_and_compensation_brings_them_back():
    network = two_layers()
    year = 365 * 86400.0
    for drift, low, high in (("none", 0.3, 0.7), ("global", 0.97, 1.03)):
        programmed = cores_of(network, "truenorth_pcm", compensation__drift=drift)
        strength = programmed.age_to(year).strength
        wired = programmed.placement.cores.connections
        assert low < strength[wired].mean() < high
        assert len(programmed.age_to(year).gains) == 2
    read = cores_of(network, "truenorth_pcm").read_out(25.0)
    assert set(read) == {"windows", "classes"}
    assert read["windows"][0]["conductance"].shape == (2, 1, 256, 256)
    assert cores_of(network).read_out(25.0) == {}
    aged = cores_of(network, "truenorth_pcm").age_to(25.0)
    assert [(k, len(v.crossbars), v.gain) for k, v in aged.layers.items()] == [
        ("windows", 1, aged.gains[0]),
        ("classes", 1, aged.gains[1]),
    ]
    assert aged.layers["windows"].crossbars[0].g_siemens.shape == (2, 1, 256, 256)
    assert cores_of(network).age_to(25.0).layers["windows"].crossbars == ()


def test_energy_is_events_and_cores_and_never_more():
    network, shown = two_layers(), images(25)
    programmed = cores_of(network)
    recorder, outcome = outcome_of(programmed, shown)
    counts = outcome.counts
    for counter in VARYING:
        for number, name in enumerate(counts.layers):
            counts.add(counter, name, slice(None), recorder.varying(0, counter)[number])
    ledger = price(counts, programmed.placement.layers, programmed.chip, presentation=Presentation(1, 1))
    events = recorder.varying(0, "synaptic_events").sum() / 25
    static = 2 * 15.7e-6 * 2e-3  # two cores for two ticks of a millisecond
    outside = 0.05e-12 * (64 + 100 + 10)
    assert ledger.total == pytest.approx(2.30e-12 * events + static + outside, rel=1e-9)
    notes = {row.component: row.note for row in ledger.rows if not row.joules}
    assert "part of the published energy of a synaptic event" in notes["routing"]
    assert not ledger.unpriced
    (whole,) = ledger.whole_chip
    assert whole.joules == pytest.approx(64e-3 * 2e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": 0}, r"frames: expected 1 or more, got 0; show every image"),
        (
            {"encoding": "bernouli"},
            r"encoding: expected one of binary, bernoulli, got 'bernouli'; did you mean",
        ),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        TrueNorthEngine(**arguments)


def test_wrong_traces_are_refused():
    programmed = cores_of(two_layers())
    with pytest.raises(
        ConfigError, match=r"traces of window: expected a layer, got 'window'; did you mean 'windows'"
    ):
        outcome_of(programmed, images(2), TrueNorthEngine(traced={"window": (0,)}))
    with pytest.raises(ConfigError, match=r"traces of classes: expected neurons from 0 to 255, got \[256\]"):
        outcome_of(programmed, images(2), TrueNorthEngine(traced={"classes": (256,)}))
