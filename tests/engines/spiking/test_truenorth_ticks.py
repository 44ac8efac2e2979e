"""Neurosynaptic cores against a plain twin, the written equations, and the distributions that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from truenorth_samples import HIGH, LOW, Twin, after_tick, bits, random_network

from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.truenorth.clock import CoreClock
from neurosim.engines.spiking.truenorth.tables import make_tables
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream
from neurosim.graph.core_network import CoreNetwork, CoreNeurons
from neurosim.kernels import ticks

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2
DRAWS = stream(3, "ticks")
SIGMAS = 4.5  # of a two-sided normal: one false alarm in 150,000


def clock_of(network, images=1, first_image=0, strength=None, watched=False):
    tables = make_tables(network, strength)
    start = network.neurons.v_initial * tables.unit
    clock = CoreClock(tables, start, DRAWS, images, watched=watched)
    clock.restart(first_image)
    return clock


def spikes_in(network, arrivals, count):
    """Spikes of the fused kernel: list of flat neurons per tick, final V, synaptic events."""
    tables = make_tables(network)
    v = network.neurons.v_initial.astype(np.int32).ravel().copy()
    ring = np.zeros((tables.slots, network.cores * network.axons), np.uint8)
    ends = np.cumsum([0, *map(len, arrivals)])
    times, numbers = np.zeros(count * v.size, np.int32), np.zeros(count * v.size, np.int32)
    words = (np.uint64(word) for word in DRAWS.words())
    total, events = ticks.run_ticks(
        tables.synapses, tables.neurons, v, ring, 0, ends, np.concatenate(arrivals).astype(np.int32), times, numbers,
        *words,
    )  # fmt: skip
    return times[:total], numbers[:total], v, events


def input_of(network, count, seed=1, rate=0.02):
    r = np.random.default_rng(seed)
    axons = network.cores * network.axons
    return [np.flatnonzero(r.random(axons) < rate) for _ in range(count)]


@pytest.mark.parametrize("random", [False, True])
def test_64_cores_with_delays_run_alike_in_kernel_and_twin(random):
    network = random_network(7, 64, random=random)
    arrivals, twin = input_of(network, 40), Twin(network, DRAWS.words())
    expected = [np.flatnonzero(twin.tick(t, axons)) for t, axons in enumerate(arrivals)]
    times, numbers, v, events = spikes_in(network, arrivals, 40)
    for t, fired in enumerate(expected):
        np.testing.assert_array_equal(numbers[times == t], fired)
    np.testing.assert_array_equal(v, twin.v.ravel())
    assert events == twin.events
    assert len(times) > 2000
    assert set(network.neurons.delay.ravel()) == set(range(1, 16))


def test_brian_steps_and_brians_own_loop_are_the_kernel():
    network = random_network(5, 6)
    arrivals = input_of(network, 40, rate=0.1)
    times, numbers, v, events = spikes_in(network, arrivals, 40)
    clock = clock_of(network, watched=True)
    fired, counted = [], 0.0
    for axons in arrivals:
        clock.arrive(np.zeros(len(axons), int), axons)
        clock.step()
        fired.append(np.flatnonzero(clock.fired[0]))
        counted += clock.events.sum()
    np.testing.assert_array_equal(np.concatenate(fired), numbers)
    np.testing.assert_array_equal(clock.v[0], v)
    assert counted == events
    # the same once more by Brian2's loop, watched by Brian2's monitor
    clock.restart(0)
    monitor = brian().SpikeMonitor(clock.group)
    clock.run(40, monitor, source=lambda tick: (np.zeros(len(arrivals[tick]), int), arrivals[tick]))
    np.testing.assert_array_equal(np.asarray(monitor.i), numbers)
    np.testing.assert_array_equal(np.rint(np.asarray(monitor.t) * 1000).astype(int), times)


def test_images_side_by_side_are_the_images_alone():
    network = random_network(11, 4)
    arrivals = input_of(network, 30, rate=0.1)
    together = clock_of(network, images=5, first_image=20)
    for axons in arrivals:
        for image in range(5):
            together.arrive(np.full(len(axons), image), axons)
        together.step()
    for image in (0, 4):
        alone = clock_of(network, first_image=20 + image)
        for axons in arrivals:
            alone.arrive(np.zeros(len(axons), int), axons)
            alone.step()
        np.testing.assert_array_equal(alone.v[0], together.v[image])
    assert not np.array_equal(together.v[0], together.v[1])  # each image draws for itself


INTEGERS = {
    "v": st.integers(LOW, HIGH),
    "sum_": st.integers(-1020, 1020),
    "leak": st.integers(-256, 255),
    "alpha": st.integers(1, 2**18 - 1),
    "beta": st.integers(0, 2**18 - 1),
    "reset": st.integers(-HIGH, HIGH),
    "bits_": st.integers(0, 18),
    "flags": st.tuples(st.integers(0, 1), st.integers(0, 1)),
}


@pytest.mark.parametrize("gamma", [0, 1, 2])
@pytest.mark.parametrize("kappa", [0, 1])
@settings(max_examples=120)
@given(near=st.booleans(), offset=st.integers(-3, 3), **INTEGERS)
def test_every_reset_mode_follows_the_equations(
    gamma, kappa, near, offset, v, sum_, leak, alpha, beta, reset, bits_, flags
):
    """V anywhere, or within three of a threshold or of zero, where the comparisons are decided."""
    if near:
        v = (alpha, -beta, 0)[abs(offset) % 3] + offset - sum_ - leak
        v = min(max(v, LOW), HIGH)
    parts = np.array([np.clip(sum_ - 255 * k, -255, 255) if sum_ > 0 else np.clip(sum_ + 255 * k, -255, 255)
                      for k in range(4)])  # fmt: skip
    parts = np.where(np.sign(parts) == np.sign(sum_), parts, 0)
    neurons = CoreNeurons.filled(
        1, 1, weights=parts, leak=leak, threshold=alpha, floor=beta, reset_value=reset, threshold_bits=bits_,
        reset_mode=gamma, floor_mode=kappa, leak_reversal=flags[0], stochastic_leak=flags[1], v_initial=v,
    )  # fmt: skip
    network = CoreNetwork(
        "one neuron", np.zeros((1, 2), int), np.arange(4)[None], np.ones((1, 4, 1), bool), neurons, 0
    )
    tables = make_tables(network)
    acc, rings = np.zeros((1, 1), np.int32), np.zeros((1, tables.slots, 4), np.uint8)
    potential, fired = np.full((1, 1), v, np.int32), np.zeros((1, 1), np.uint8)
    rings[0, 0] = 1
    words = [np.uint64(word) for word in DRAWS.words()]
    ticks.integrate(tables.synapses, tables.neurons, rings, 0, acc, np.zeros((1, 1)), 0, *words)
    ticks.update(tables.neurons, acc, potential, fired, 0, 0, *words)
    random = [bits(DRAWS.words(), 0, 0, np.zeros((1, 1), int), purpose) for purpose in (256, 257)]
    expected, fires = after_tick(neurons, np.full((1, 1), v), np.full((1, 1), parts.sum()), *random)
    assert acc[0, 0] == parts.sum()
    assert potential[0, 0] == expected[0, 0]
    assert bool(fired[0, 0]) == fires[0, 0]


def one_tick(images, drive=False, **values):
    """256 neurons in each of many images after one tick; with `drive`, one axon of type 0 spikes."""
    neurons = CoreNeurons.filled(1, 256, **values)
    network = CoreNetwork(
        "statistics", np.zeros((1, 2), int), np.zeros((1, 1), int), np.ones((1, 1, 256), bool), neurons, 0
    )
    clock = clock_of(network, images)
    if drive:
        clock.arrive(np.arange(images), np.zeros(images, int))
    clock.step()
    return clock


def caught(events, n, p):
    """Deviation of a count from n p in standard deviations, and from a share that is 5 % off."""
    sigma = np.sqrt(n * p * (1 - p))
    return abs(events - n * p) / sigma, abs(events - n * min(1.05 * p, 1 - 1e-9)) / sigma


@pytest.mark.parametrize("weight", [255, 128, -64, 20])
def test_drawn_synapses_and_leaks_come_with_their_probability(weight):
    n, p = 1000 * 256, abs(weight) / 256
    rest = {"threshold": 1000, "floor": 1000}
    for values, drive in (
        ({"weights": np.array([weight, 0, 0, 0]), "stochastic_synapse": 1}, True),
        ({"leak": weight, "stochastic_leak": 1}, False),
    ):
        v = one_tick(1000, drive, **rest, **values).v
        assert set(np.unique(v)) == {0, int(np.sign(weight))}
        true, wrong = caught(np.abs(v).sum(), n, p)
        assert true < SIGMAS
        assert wrong > SIGMAS or p > 0.9  # a share that is 5 % off would show
        # every neuron and every image has its own draws: sums over either are binomial
        for axis, trials in ((0, 1000), (1, 256)):
            counts = np.abs(v).sum(axis=axis)
            spread = ((counts - trials * p) ** 2).sum() / (trials * p * (1 - p))
            assert stats.chi2.sf(spread, len(counts)) > 1e-4
            assert stats.chi2.cdf(spread, len(counts)) > 1e-4


@pytest.mark.parametrize("threshold_bits", [1, 8, 14])
def test_random_thresholds_are_uniform(threshold_bits):
    alpha, start, top = 10, 2**18, 2**threshold_bits
    # linear reset takes alpha + eta off V: eta is read off every neuron of every image
    clock = one_tick(
        500, threshold=alpha, threshold_bits=threshold_bits, reset_mode=1, v_initial=start, floor=0
    )
    eta = start - alpha - clock.v.astype(np.int64)
    assert clock.fired.all()
    assert eta.min() == 0 or threshold_bits == 14
    assert eta.max() < top
    n = eta.size
    mean, sigma = (top - 1) / 2, np.sqrt((top**2 - 1) / 12)
    assert abs(eta.mean() - mean) < SIGMAS * sigma / np.sqrt(n)
    assert abs(eta.mean() - 1.05 * mean) > SIGMAS * sigma / np.sqrt(n)
    assert eta.std() == pytest.approx(sigma, rel=0.01)
    bins = min(top, 256)
    counts = np.bincount((eta * bins // top).ravel(), minlength=bins)
    assert stats.chisquare(counts).pvalue > 1e-4
    if threshold_bits == 14:
        assert stats.kstest(eta.ravel() / top, "uniform").pvalue > 1e-4
        assert stats.kstest(eta.ravel() / top * 1.05, "uniform").pvalue < 1e-12
        for shift in ((0, 1), (1, 0)):  # neither neighbours nor images lean on each other
            r = np.corrcoef(eta.ravel(), np.roll(eta, shift, (0, 1)).ravel())[0, 1]
            assert abs(r) < SIGMAS / np.sqrt(n)


def test_random_threshold_fires_with_the_probability_of_the_potential():
    k = np.arange(256)
    clock = one_tick(400, threshold=100, threshold_bits=8, reset_mode=2, v_initial=100 + k)
    p, counts = (k + 1) / 256, clock.fired.sum(axis=0)
    inside = p < 1
    assert counts[~inside] == 400
    spread = ((counts - 400 * p) ** 2 / (400 * p * (1 - p) + (p == 1)))[inside].sum()
    assert stats.chi2.sf(spread, inside.sum()) > 1e-4
    assert stats.chi2.cdf(spread, inside.sum()) > 1e-4


def test_ticks_and_purposes_draw_anew():
    network = random_network(2, 1)
    eta, leak = (bits(DRAWS.words(), 0, 5, np.arange(100_000), purpose) for purpose in (256, 257))
    later = bits(DRAWS.words(), 0, 6, np.arange(100_000), 256)
    for other in (leak, later):
        assert abs(np.corrcoef(eta, other)[0, 1]) < SIGMAS / np.sqrt(100_000)
    assert network.draws_per_tick[0] == (
        (network.neurons.stochastic_leak > 0).sum() + (network.neurons.threshold_bits > 0).sum()
    )


def test_potentials_saturate_at_twenty_bits():
    high = one_tick(1, True, weights=np.array([255, 0, 0, 0]), threshold=2**18 - 1, threshold_bits=0,
                    reset_mode=2, v_initial=HIGH - 3, leak=-7)  # fmt: skip
    assert (high.v == HIGH - 7).all()  # cut at the top first, then the leak
    low = one_tick(1, True, weights=np.array([-256, 0, 0, 0]), floor=2**18 - 1, reset_mode=2, floor_mode=0,
                   v_initial=LOW + 3, leak=-7)  # fmt: skip
    assert (low.v == LOW).all()


def test_narrow_and_wide_rows_give_the_same():
    """Weights beyond eight bits take another table."""
    small = random_network(21, 2, random=False)
    tables = make_tables(small)
    assert tables.synapses.rows.dtype == np.int8
    wide = CoreNeurons(**{**vars(small.neurons), "weights": small.neurons.weights * 40})
    large = CoreNetwork("wide", small.coordinates, small.axon_types, small.connections, wide, 0)
    assert make_tables(large).synapses.rows.dtype == np.int16
    clock, twin = clock_of(large), Twin(large, DRAWS.words())
    for t, axons in enumerate(input_of(large, 20, rate=0.1)):
        clock.arrive(np.zeros(len(axons), int), axons)
        clock.step()
        np.testing.assert_array_equal(clock.fired[0].astype(bool), twin.tick(t, axons).ravel())
    np.testing.assert_array_equal(clock.v[0], twin.v.ravel())


def test_whole_analog_synapses_are_the_binary_ones_bit_for_bit():
    network = random_network(31, 4, random=False)
    arrivals = input_of(network, 40, rate=0.1)
    analog = clock_of(network, strength=network.connections.astype(np.float32))
    binary = clock_of(network)
    for axons in arrivals:
        for clock in (analog, binary):
            clock.arrive(np.zeros(len(axons), int), axons)
            clock.step()
        np.testing.assert_array_equal(analog.fired, binary.fired)
        np.testing.assert_array_equal(analog.v, 1024 * binary.v)
    assert binary.fired.any()


def test_analog_and_drawn_synapses_exclude_each_other():
    network = random_network(1, 1)
    with pytest.raises(ConfigError, match=r"stochastic_synapse: expected synapses that are not drawn"):
        make_tables(network, network.connections.astype(np.float32))
