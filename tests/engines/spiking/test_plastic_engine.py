"""Learning on the chip: what every engine promises, what is counted, and that it learns."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import plastic_networks as small
from conformance import EngineConformance

from neurosim.chips import load_chip, parse_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.plastic import UNASSIGNED, PlasticEngine, assign_labels, learn, presentations
from neurosim.engines.spiking.plastic.engine import class_scores
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import load_network
from neurosim.placement import place

CHIPS = ("ideal_float", "kim_2015", "rram_pairs")


@cache
def taught(chip, root=0, instance=0):
    return small.taught(chip, root, instance)


class TestPlasticEngine(EngineConformance):
    def engine(self):
        return PlasticEngine()

    def programmed(self, chip_name, seed, instance):
        return taught({"joshi_2020": "kim_2015"}.get(chip_name, chip_name), seed, instance)

    def images(self):
        return small.patterns(300, seed=5)[0]


def classified(learned, images, settings=None, times=(25.0,)):
    recorder = MemoryRecorder()
    PlasticEngine().run(learned, Inputs(images, times), recorder, lambda n: None, settings or Settings())
    return recorder


@pytest.mark.parametrize("chip", CHIPS)
def test_patterns_are_learned_without_labels(chip):
    x, y = small.patterns(400, seed=3)
    learned = taught(chip)
    assert learned.missing_classes == ()
    assert (classified(learned, x).scores(0).argmax(axis=1) == y).mean() > 0.9
    before = learned.log.snapshots.g_plus[0]
    assert not np.array_equal(before, learned.log.snapshots.g_plus[-1])


def test_steps_and_spikes_agree_with_the_scores():
    recorder = classified(taught("kim_2015"), small.patterns(300, seed=5)[0])
    (segment,) = recorder.segments
    np.testing.assert_array_equal(segment.step_scores[:, -1], segment.scores)
    assert segment.step_counts.keys() == segment.varying.keys()
    for name, numbers in segment.step_counts.items():
        np.testing.assert_allclose(numbers.sum(axis=2, dtype=float), segment.varying[name], rtol=1e-6)
    spikes = segment.spikes["wta"]
    assert len(spikes.image) == segment.varying["spikes"].sum()
    assert spikes.neuron.max() < 12
    order = np.lexsort((spikes.neuron, spikes.step, spikes.image))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    labels = taught("kim_2015").labels
    counts = np.zeros((300, 12))
    np.add.at(counts, (spikes.image, spikes.neuron), 1)
    np.testing.assert_array_equal(class_scores(labels, counts, 4), segment.scores)
    inputs = segment.varying["input_spikes"]
    np.testing.assert_array_equal(segment.varying["synaptic_events"], 12 * inputs)


def test_energy_is_that_of_the_rows_read():
    learned = taught("ideal_float")
    (segment,) = classified(learned, small.patterns(300, seed=5)[0]).segments
    mean_row = float(
        (learned.log.snapshots.g_plus[-1] + learned.log.snapshots.g_minus[-1]).sum(axis=1).mean()
    )
    per_spike = segment.varying["array_siemens"].sum() / segment.varying["input_spikes"].sum()
    assert 0.5 * mean_row < per_spike < 2 * mean_row


def test_learning_is_counted():
    learned, log = taught("kim_2015"), taught("kim_2015").log
    fixed = {name: row["wta"] for name, row in log.totals.fixed.items()}
    assert fixed["device_programs"] == 2 * 64 * 12
    assert fixed["spikes"] == log.spikes.sum()
    assert fixed["cell_pulses"] == log.pulses.sum() > 0
    # each refresh reads both devices, RESETs both, and reads after every pulse of the re-writing
    assert log.refreshes > 0
    assert fixed["device_reads"] >= 2 * log.refreshes
    assert fixed["synaptic_events"] == 12 * fixed["input_spikes"]
    assert fixed["neuron_updates"] == 600 * 20 * 12
    np.testing.assert_array_equal(log.snapshots.presentations, [0, 100, 260, 600])
    np.testing.assert_array_equal(log.snapshots.spikes[-1].sum(), log.spikes.sum())
    np.testing.assert_array_equal(log.snapshots.theta[-1], learned.theta)
    bidirectional = taught("ideal_float").log
    assert bidirectional.refreshes == 0
    assert bidirectional.totals.fixed["device_reads"]["wta"] == 0


def test_rows_beyond_one_tile_and_columns_beyond_one_are_counted():
    network = small.small_network(features=600)
    chip = load_chip("kim_2015")
    assert place(network, chip).layer("wta").row_splits == (256, 256, 88)
    wide = small.small_network(small.small_layer(units=300), features=64)
    x, y = small.patterns(50)
    learned = learn(wide, chip, place(wide, chip), x, y, 0)
    (segment,) = classified(learned, x).segments
    np.testing.assert_array_equal(segment.varying["row_activations"], 3 * segment.varying["input_spikes"])


def test_a_chip_is_named_by_its_seed_and_instance():
    one, again = small.taught("kim_2015", images=60), small.taught("kim_2015", images=60)
    for name in ("g_plus", "g_minus", "theta", "spikes"):
        np.testing.assert_array_equal(getattr(one.log.snapshots, name), getattr(again.log.snapshots, name))
    other = small.taught("kim_2015", instance=1, images=60)
    assert not np.array_equal(one.log.snapshots.g_plus, other.log.snapshots.g_plus)


def test_learning_does_not_depend_on_later_images_and_can_be_interrupted():
    def stop(_):
        raise KeyboardInterrupt

    network, chip = small.small_network(), load_chip("kim_2015")
    x, y = small.patterns(600)
    with pytest.raises(KeyboardInterrupt):
        learn(network, chip, place(network, chip), x, y, 0, progress=stop)
    seen = []
    short = learn(network, chip, place(network, chip), x[:260], y[:260], 0, progress=seen.append)
    assert sum(seen) == presentations(network, 260) == 260 + 200
    whole = taught("kim_2015").log.snapshots
    np.testing.assert_array_equal(short.log.snapshots.g_plus[-1], whole.g_plus[2])


def test_drift_lowers_conductances_and_spikes():
    learned = taught("kim_2015")
    x = small.patterns(300, seed=5)[0]
    early, late = (classified(learned, x, times=(t,)).segments[0].varying for t in (1.0, 3e7))
    assert late["array_siemens"].sum() < 0.8 * early["array_siemens"].sum()
    assert late["spikes"].sum() < early["spikes"].sum()
    np.testing.assert_array_equal(early["input_spikes"], late["input_spikes"])
    quiet = small.taught("kim_2015", images=60, read_noise="none")
    np.testing.assert_array_equal(quiet.age_to(10.0).synapses.noise, np.zeros((0, 0)))


def test_no_spikes_at_all_is_valid_and_flagged():
    # weights this small never reach a threshold
    network = small.small_network(small.small_layer(weight_max=1e-6))
    learned = small.taught("kim_2015", network=network, images=50)
    assert learned.log.silent_presentations == 50
    assert (learned.labels == UNASSIGNED).all()
    assert learned.unassigned == 12
    assert learned.missing_classes == (0, 1, 2, 3)
    recorder = classified(learned, small.patterns(20)[0])
    assert recorder.varying(0, "spikes").sum() == 0
    assert (recorder.scores(0) == -1).all()
    dark = classified(taught("kim_2015"), np.zeros((5, 64), np.float32))
    assert (dark.scores(0) == 0).all()
    assert dark.varying(0, "input_spikes").sum() == 0


def test_spikes_everywhere_is_valid():
    layer = small.small_layer(weight_max=100.0, theta_step=0.0, inhibition=0.0, refractory_s=0.0)
    network = small.small_network(layer, small.small_learning(input_probability=1.0, depression=0.0))
    x = np.ones((10, 64), np.float32)
    learned = learn(
        network, load_chip("ideal_float"), place(network, load_chip("ideal_float")), x, np.arange(10) % 4, 0
    )
    assert (learned.log.spikes == 20).all()  # one winner in every step, and no more
    assert (classified(learned, x).varying(0, "spikes") == 20).all()


def test_a_class_that_never_wins_stays_unassigned():
    x, y = small.patterns(300)
    network, chip = small.small_network(), load_chip("ideal_float")
    learned = learn(network, chip, place(network, chip), x[y != 2], y[y != 2], 0)
    assert 2 in learned.missing_classes
    scores = classified(learned, x).scores(0)
    assert (scores[:, 2] == -1).all()
    assert (scores.argmax(axis=1) != 2).all()


def test_labels_follow_the_largest_response():
    responses = np.array([[0.0, 3.0, 0.0, 1.0], [2.0, 1.0, 0.0, 1.0]])
    np.testing.assert_array_equal(assign_labels(responses), [1, 0, UNASSIGNED, 0])


def test_mismatched_thresholds_are_the_chips():
    setup = taught("kim_2015").setup
    many = np.concatenate([setup.thresholds(0, instance) for instance in range(400)])
    assert abs(many.std() / 0.05 - 1) < 6 / np.sqrt(2 * many.size)
    assert abs(many.mean() - 1) < 6 * 0.05 / np.sqrt(many.size)
    np.testing.assert_array_equal(taught("ideal_float").setup.thresholds(0, 0), 1.0)


def test_chips_that_cannot_learn_are_refused():
    network = small.small_network()
    x, y = small.patterns(20)

    def on(chip):
        return learn(network, chip, place(network, chip), x, y, 0)

    with pytest.raises(ConfigError, match="differential cells of one device each side"):
        on(load_chip("valentian_2019"))
    with pytest.raises(ConfigError, match="converter of 8 bits; learn on a chip such as kim_2015"):
        on(load_chip("joshi_2020"))
    bare = load_chip("kim_2015")
    text = bare.text[: bare.text.index("[device.pulses]")] + bare.text[bare.text.index("[cell]") :]
    with pytest.raises(
        ConfigError, match=r"device.pulses: expected the figures of its pulses, got none; add a \[device"
    ):
        on(parse_chip(text))


def test_pulses_that_lower_the_conductance_are_refused():
    with pytest.raises(ConfigError, match="expected pulses that raise the conductance, got -"):
        small.taught("kim_2015", images=10, device__pulses__mu_0_siemens=-1e-6)


def test_networks_that_cannot_learn_are_refused():
    chip = load_chip("kim_2015")
    digits = load_network("digits_mlp")
    with pytest.raises(ConfigError, match='choose a network with coding = "plastic"'):
        learn(digits, chip, place(digits, chip), np.zeros((3, 64), np.float32), np.zeros(3, int), 0)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 5), np.float32), np.zeros(3, int), r"expected float32 \(N, 64\), got float32 \(3, 5\)"),
        (np.zeros((3, 64)), np.zeros(3, int), "got float64"),
        (np.zeros((0, 64), np.float32), np.zeros(0, int), "at least one image, and a label for each"),
        (np.zeros((3, 64), np.float32), np.zeros(2, int), "got 3 images, 2 labels"),
        (
            np.zeros((3, 64), np.float32),
            np.array([0, 1, 4]),
            "expected labels 0 to 3, got 0 to 4; raise `classes`",
        ),
    ],
)
def test_training_images_that_do_not_fit_are_refused(images, labels, message):
    network, chip = small.small_network(), load_chip("kim_2015")
    with pytest.raises(DataError, match=message):
        learn(network, chip, place(network, chip), images, labels, 0)
