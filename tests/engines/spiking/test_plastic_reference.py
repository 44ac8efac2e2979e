"""The kernel against the explicit network on Brian2: the same spikes, the same pulses, the same devices."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))
import plastic_networks as small

from neurosim.chips import load_chip
from neurosim.chips.grafting import with_device
from neurosim.devices.shipped import load_device, parse_device
from neurosim.engines.spiking.plastic import Setup
from neurosim.engines.spiking.plastic.reference import Reference
from neurosim.engines.spiking.plastic.setup import Pairs
from neurosim.engines.spiking.plastic.showing import Synapses, show
from neurosim.foundation.streams import stream
from neurosim.kernels import plastic as kernel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2


def both(chip, learning=None, images=12, key="spikes"):
    """What kernel and reference make of the same images: (winners, arrays, theta) of each, and the events."""
    setup = Setup(small.small_network(small.small_layer(units=6), learning), load_chip(chip))
    levels = setup.levels(small.patterns(images)[0])
    pairs, base = Pairs.programmed(setup, stream(3)), setup.thresholds(0, 0)
    reference = Reference(setup, *(a.astype(float) for a in pairs.arrays[:4]), base, np.zeros(6))
    synapses = Synapses.of(setup, *pairs.arrays[:2], base, np.zeros(6))
    shown = show(setup, synapses, levels, 5, stream(4, key), pairs.arrays)
    winners = reference.run(levels, 5, stream(4, key))
    explicit = (reference.plus, reference.minus, reference.memory_plus, reference.memory_minus)
    return (
        (shown.winners, pairs.arrays[:4], synapses.theta),
        (winners, explicit, reference.theta),
        shown.events,
    )


@pytest.mark.parametrize("chip", ["ideal_float", "kim_2015", "rram_pairs"])
def test_kernel_and_brian_agree_spike_by_spike_and_pulse_by_pulse(chip):
    ours, theirs, events = both(chip)
    assert (ours[0] >= 0).sum() > 40
    assert events[:, kernel.PULSES].sum() > 100
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-12)
    for kept, explicit in zip(ours[1], theirs[1], strict=True):
        # the kernel rounds to float32 after each pulse
        np.testing.assert_allclose(kept, explicit, rtol=2e-5, atol=1e-11)
    if chip == "kim_2015":
        assert events[:, kernel.REFRESHES].sum() > 0


@pytest.mark.parametrize(("device", "kind"), [("tang_2018", "linear_step"), ("gong_2018", "exp_step"),
                                             ("power", "power_step")])  # fmt: skip
def test_they_agree_on_every_law_of_gradual_pulses(device, kind, tmp_path):
    text = load_device("tang_2018" if device == "power" else device).text
    if device == "power":
        text = text.replace("linear_step", "power_step").replace("slope_up", "gamma_up")
        text = text.replace("slope_down", "gamma_down")
    path = tmp_path / "chip.toml"
    path.write_text(with_device(load_chip("rram_pairs"), parse_device(text, "device")).toml)
    assert Setup(small.small_network(), load_chip(path)).physics.kind == kind
    ours, theirs, events = both(path)
    assert events[:, kernel.PULSES].sum() > 100
    assert np.ptp(ours[1][2]) > 0  # every device has a step of its own
    np.testing.assert_array_equal(ours[0], theirs[0])
    for kept, explicit in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(kept, explicit, rtol=2e-5, atol=1e-11)


def test_certain_pulses_on_ideal_devices_give_equal_weights():
    # every synapse is pulsed at every spike: nothing is left to chance but the input spikes, which are given
    learning = small.small_learning(
        potentiation=1.0, depression=1.0, initial_plus=(0.5, 0.5), initial_minus=(0.25, 0.25)
    )
    ours, theirs, events = both("ideal_float", learning)
    np.testing.assert_array_equal(ours[0], theirs[0])
    assert events[:, kernel.PULSES].sum() == 2 * 64 * events[:, kernel.SPIKES].sum()
    step = 25e-6 / 1000
    for start, kept, explicit in ((12.5e-6, ours[1][0], theirs[1][0]), (6.25e-6, ours[1][1], theirs[1][1])):
        moved = (kept - start) / step
        np.testing.assert_allclose(moved, np.rint(moved), atol=0.05)
        np.testing.assert_array_equal(np.rint(moved), np.rint((explicit - start) / step))


def test_other_draws_give_other_spikes():
    assert not np.array_equal(both("kim_2015")[0][0], both("kim_2015", key="others")[0][0])


def pulsed(chip, up, n=100_000):
    """Conductances after one pulse that the network gives, after one of `devices.pulse`, and before."""
    learning = small.small_learning(
        window_steps=1, potentiation=1.0, depression=1.0, refresh_high=1.0, refresh_low=1.0
    )
    network = small.small_network(small.small_layer(units=n // 500), learning, features=500)
    setup = Setup(network, load_chip(chip))
    physics, device = setup.physics, setup.device
    start = np.full(setup.shape, physics.low_siemens + 0.4 * physics.width_siemens, np.float32)
    plus, minus, memories = start.copy(), start.copy(), np.full((2, *setup.shape), 0.5, np.float32)
    stuck, events = np.zeros((2, *setup.shape), bool), np.zeros(kernel.EVENTS, np.int64)
    w, row = kernel.pair_weights(plus, minus, setup.scale)
    last = np.full(500, 0 if up else -5)
    for j in range(len(start)):  # a spike of every neuron in turn
        key = np.uint64(stream(1, chip, int(up), j).words()[0])
        kernel._learn(j, 0, key, last, plus, minus, *memories, stuck, w, row, setup.rule,
                      kernel.KINDS[physics.kind], physics.coefficients, np.empty(500, np.uint32), events)  # fmt: skip
    raised = up or not physics.gradual_down
    moved = plus if up or physics.gradual_down else minus
    arrays = device.to_arrays(device.program(start, stream(0)))
    arrays["g_siemens"][...] = start
    arrays.get("memory", np.empty(0))[...] = 0.5
    one, none = np.ones(start.shape, np.int64), np.zeros(start.shape, np.int64)
    expected = device.pulse(device.from_arrays(arrays), *((one, none) if raised else (none, one)), stream(2))
    return moved.ravel().astype(float), expected.g_siemens.ravel().astype(float), float(start[0, 0])


def test_pulses_of_the_network_are_those_of_the_devices():
    for chip, up in (("kim_2015", True), ("kim_2015", False), ("rram_pairs", True), ("rram_pairs", False)):
        ours, theirs, start = pulsed(chip, up)
        assert len(ours) >= 100_000
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-6
        spread = theirs.std()
        assert abs(ours.mean() - theirs.mean()) < 6 * spread * np.sqrt(2 / len(ours))
        assert abs(ours.std() / spread - 1) < 0.03
        # and a pulse 5 % larger would be seen
        larger = start + 1.05 * (theirs - start)
        assert stats.ks_2samp(ours, larger).pvalue < 1e-6


def test_pulses_come_as_often_as_the_rule_says():
    layer = small.small_layer(units=200)
    setup = Setup(small.small_network(layer, features=500), load_chip("kim_2015"))
    bits = np.concatenate(
        [kernel.pulse_draws(0, 0, j, 200, 500, np.uint64(1), np.uint64(2))[0] for j in range(200)]
    )
    chance, expected = (bits < setup.rule.potentiate).mean(), setup.rule.potentiate / 2**32
    assert expected == pytest.approx(
        0.01 * setup.physics.width_siemens / setup.physics.step_siemens, rel=1e-6
    )
    assert abs(chance - expected) < 6 * np.sqrt(expected * (1 - expected) / bits.size)
    assert stats.kstest(bits / 2**32, "uniform").pvalue > 1e-6
    normals = np.concatenate(
        [kernel.pulse_draws(0, 0, j, 200, 500, np.uint64(1), np.uint64(2))[1] for j in range(200)]
    )
    assert stats.kstest(normals, "norm").pvalue > 1e-6
    assert abs(np.corrcoef(bits, normals)[0, 1]) < 6 / np.sqrt(bits.size)


def test_input_spikes_come_as_often_as_the_levels_say():
    levels = np.array([0.0, 0.1, 0.3, 1.0], np.float32)
    spikes = kernel.input_spikes(levels, 7, 100_000, np.uint64(1), np.uint64(2))
    for rate, level in zip(spikes.mean(axis=0), levels, strict=True):
        assert abs(rate - level) <= 6 * np.sqrt(level * (1 - level) / 100_000)
