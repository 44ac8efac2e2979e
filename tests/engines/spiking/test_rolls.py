"""Mismatched neurons and bistable synapses, as the chip ROLLS has them."""

import numpy as np
import pytest
from scipy import stats

from neurosim.chips import load_chip
from neurosim.engines.spiking.plastic.rolls import NEURONS, bistability, firing_rates
from neurosim.foundation.errors import ConfigError, DataError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2
NO_SPIKES = np.zeros((0, 3), bool)


@pytest.fixture(scope="module")
def chip():
    return load_chip("rolls")


@pytest.fixture(scope="module")
def rates(chip):
    return firing_rates(chip, 20.0, 10.0)


def test_rates_follow_the_closed_form(chip, rates):
    # integration without a leak: threshold / current in whole steps, and the refractory steps but the spike's own
    dt_s = chip.neuron.t_tick_s
    held_s = chip.neuron.refractory_s - dt_s
    interval_s = np.ceil(rates.thresholds / (20.0 * dt_s)) * dt_s
    np.testing.assert_allclose(rates.rates_hertz, 1 / (interval_s + held_s), rtol=0.012)
    assert len(rates.rates_hertz) == NEURONS == 256


def test_the_mismatch_is_recovered_within_its_interval(rates):
    # normal thresholds: the sample variance of 256 follows chi squared
    spread = rates.thresholds.std(ddof=1)
    low, high = (spread * np.sqrt(255 / stats.chi2.ppf(p, 255)) for p in (0.9995, 0.0005))
    assert low < 0.094 < high
    # a rate falls as its threshold rises: the same relative spread, but for steps and curvature
    assert low - 0.01 < rates.coefficient_of_variation < high + 0.01
    assert not low < 0.094 * 0.7 < high


def test_without_mismatch_all_neurons_fire_alike(chip):
    alike = firing_rates(chip.with_options(neuron__threshold_mismatch=0.0), 20.0, 1.0)
    assert alike.coefficient_of_variation == 0
    assert not np.array_equal(
        firing_rates(chip, 20.0, 0.1).thresholds, firing_rates(chip, 20.0, 0.1, 1).thresholds
    )


def test_a_leak_slows_the_neurons(chip, rates):
    leaky = firing_rates(chip.with_options(neuron__leak_tau_s=0.1), 20.0, 4.0)
    interval_s = -0.1 * np.log(1 - rates.thresholds / 2.0)  # tau I = 2 thresholds
    expected = 1 / (np.ceil(interval_s / 1e-3) * 1e-3 + 1e-3)
    np.testing.assert_allclose(leaky.rates_hertz, expected, rtol=0.03)


def test_drift_goes_to_the_nearer_weight_at_its_rate(chip):
    trace = bistability(chip, np.array([0.45, 0.55, 0.5]), NO_SPIKES, np.zeros(3, bool), 0.3)
    t = trace.t_s
    np.testing.assert_allclose(trace.state[:, 0], np.maximum(0.45 - 3.5 * t, 0), atol=1e-9)
    np.testing.assert_allclose(trace.state[:, 1], np.minimum(0.55 + 3.5 * t, 1), atol=1e-9)
    np.testing.assert_array_equal(trace.high, [False, True, False])
    assert trace.state[-1, :2].tolist() == [0.0, 1.0]


def test_spikes_switch_a_synapse_and_the_switch_is_kept(chip):
    spikes = np.zeros((200, 3), bool)
    spikes[20:200:15] = True
    spikes[:, 2] = False
    start, depolarised = np.array([0.0, 1.0, 1.0]), np.array([True, False, True])
    trace = bistability(chip, start, spikes, depolarised, 0.8)
    np.testing.assert_array_equal(trace.high, [True, False, True])
    assert trace.state[-1].tolist() == [1.0, 0.0, 1.0]
    jumps = np.diff(trace.state[:, 0])
    np.testing.assert_allclose(jumps[19], 0.1 - 3.5e-3, atol=1e-9)  # a spike in step 20, and the drift back


def test_too_few_spikes_are_forgotten(chip):
    spikes = np.zeros((60, 1), bool)
    spikes[[5, 20, 35]] = True
    trace = bistability(chip, np.array([0.0]), spikes, np.array([True]), 0.5)
    assert 0.1 < trace.state.max() < 0.5
    assert trace.state[-1, 0] == 0
    assert not trace.high[0]


def test_what_does_not_fit_is_refused(chip):
    with pytest.raises(ConfigError, match="choose a chip with bistable synapses: rolls"):
        firing_rates(load_chip("kim_2015"), 10.0, 1.0)
    with pytest.raises(ConfigError, match="lower the current"):
        firing_rates(chip, 1000.0, 1.0)
    with pytest.raises(DataError, match="start: expected states from 0 to 1"):
        bistability(chip, np.array([1.5]), np.zeros((0, 1), bool), np.array([True]), 0.1)
    with pytest.raises(DataError, match="spikes: expected at most 100 steps of 1 synapses"):
        bistability(chip, np.array([0.5]), np.zeros((101, 1), bool), np.array([True]), 0.1)
    with pytest.raises(ConfigError, match=r"rolls: expected a \[device\] table"):
        _ = chip.device
