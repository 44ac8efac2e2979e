"""Synaptic events per second of neurosynaptic cores, for benchmarks/spiking.py.

A random network of 64 cores of 256 axons and 256 neurons, half of all synapses there, which settles at about 20 spikes
per neuron and 1,000 ticks; every neuron sends to an axon of its own, 1 to 15 ticks later. The kernel alone, the same
on Brian2's clock, and Brian2's own equations and `Synapses` give the same spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from brian_peers import brian2

from neurosim.engines.spiking.truenorth.clock import CoreClock
from neurosim.engines.spiking.truenorth.tables import Tables, make_tables
from neurosim.foundation.streams import stream
from neurosim.graph.core_network import NOWHERE, CoreNetwork, CoreNeurons
from neurosim.kernels import ticks as kernel

SIZE = 256  # axons, and neurons, of a core
FREE = 16  # neurons of each core that send nowhere: their axons take input
INPUT_RATE = 0.02  # spikes per free axon and tick
Train = tuple[np.ndarray, np.ndarray]
NO_SPIKES: Train = (np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True)
class TickProblem:
    """A core network and its input: flat axons `axons[ends[k] : ends[k + 1]]` in tick k."""

    network: CoreNetwork
    ends: np.ndarray
    axons: np.ndarray

    @property
    def ticks(self) -> int:
        """Number of ticks."""
        return len(self.ends) - 1


@dataclass(frozen=True)
class TickContender:
    """Runs the problem; `run(True)` gives tick and neuron of every spike, in order of both; run(False) keeps none."""

    name: str
    run: Callable[[bool], Train]


def tick_problem(cores: int = 64, ticks: int = 1000) -> TickProblem:
    """The random network; the same for the same sizes."""
    draw = np.random.default_rng(7)
    everyone = (cores, SIZE)
    strength = draw.integers(1, 6, (*everyone, 4)) * np.array([1, -1, 1, -1])
    axon = draw.permutation(cores * SIZE).reshape(everyone)
    free = axon[:, :FREE].ravel()
    target = axon // SIZE
    target[:, :FREE] = NOWHERE
    neurons = CoreNeurons.filled(
        cores, SIZE, weights=strength, leak=draw.integers(1, 4, everyone), threshold=draw.integers(60, 160, everyone),
        floor=draw.integers(20, 80, everyone), reset_value=draw.integers(-10, 10, everyone),
        reset_mode=draw.integers(0, 2, everyone), floor_mode=1, v_initial=draw.integers(0, 60, everyone),
        target_core=target, target_axon=axon % SIZE, delay=draw.integers(1, 16, everyone),
    )  # fmt: skip
    places = np.stack([np.arange(cores) % 8, np.arange(cores) // 8], axis=1)
    network = CoreNetwork("benchmark", places, draw.integers(0, 4, (cores, SIZE)),
                          draw.random((cores, SIZE, SIZE)) < 0.5, neurons, 0)  # fmt: skip
    given = [free[draw.random(free.size) < INPUT_RATE] for _ in range(ticks)]
    return TickProblem(network, np.cumsum([0, *map(len, given)]), np.concatenate(given))


def contenders(problem: TickProblem, peers: bool = True) -> Iterator[TickContender]:
    """Ours, and Brian2's own ways."""
    tables = make_tables(problem.network)
    yield TickContender("kernel alone", lambda record: run_kernel(problem, tables, record))
    yield TickContender("kernel on Brian2's clock", on_brian(problem, tables, by_hand=False))
    yield TickContender("kernel, Brian2's objects stepped by hand", on_brian(problem, tables, by_hand=True))
    if peers:
        yield TickContender("Brian2, equations and Synapses", by_brian(problem, tables))


def synaptic_events(problem: TickProblem) -> int:
    """Arrivals at synapses over the whole run."""
    *_, events = _kernel(problem, make_tables(problem.network), 0)
    return int(events)


def _kernel(problem: TickProblem, tables: Tables, room: int) -> tuple:
    v = problem.network.neurons.v_initial.astype(np.int32).ravel()
    ring = np.zeros((tables.slots, tables.cores * tables.axons), np.uint8)
    times, numbers = np.zeros(room, np.int32), np.zeros(room, np.int32)
    zero = np.uint64(0)
    count, events = kernel.run_ticks(tables.synapses, tables.neurons, v, ring, 0, problem.ends, problem.axons, times,
                                     numbers, zero, zero)  # fmt: skip
    return times[:count], numbers[:count], events


def run_kernel(problem: TickProblem, tables: Tables, record: bool) -> Train:
    """All ticks in one call."""
    room = problem.ticks * tables.cores * SIZE // 20 if record else 0
    return _kernel(problem, tables, room)[:2]


def on_brian(problem: TickProblem, tables: Tables, by_hand: bool) -> Callable[[bool], Train]:
    """Brian2 keeps the potentials and runs the clock; or its objects are stepped one by one."""
    clock = CoreClock(tables, problem.network.neurons.v_initial, stream(0), watched=not by_hand)
    ends, axons = problem.ends, problem.axons

    def give() -> None:
        clock.arrive(0, axons[ends[clock.tick] : ends[clock.tick + 1]])

    def run(record: bool) -> Train:
        clock.restart(0)
        start = round(float(clock.network.t / brian2.ms))
        watching = [brian2.SpikeMonitor(clock.group)] if record else []
        clock.run(problem.ticks, brian2.NetworkOperation(give, dt=1 * brian2.ms, when="start"), *watching)
        return (_steps(watching[0]) - start, np.asarray(watching[0].i)) if record else NO_SPIKES

    def steps(record: bool) -> Train:
        clock.restart(0)
        found = []
        for _ in range(problem.ticks):
            give()
            clock.step()
            if record:
                found.append(np.flatnonzero(clock.fired[0]))
        times = np.repeat(np.arange(len(found)), [len(each) for each in found])
        return (times, np.concatenate(found)) if record else NO_SPIKES

    return steps if by_hand else run


def _steps(monitor) -> np.ndarray:
    return np.rint(np.asarray(monitor.t / brian2.ms)).astype(np.int64)


CORE_NEURON = """v : integer
leak : integer (constant)
alpha : integer (constant)
beta : integer (constant)
value : integer (constant)
subtracts : integer (constant)"""


def by_brian(problem: TickProblem, tables: Tables) -> Callable[[bool], Train]:
    """Neurons and synapses as Brian2's own: a synapse for each neuron that an axon reaches, with the axon's delay."""
    network, neurons = problem.network, problem.network.neurons
    group = brian2.NeuronGroup(
        network.cores * SIZE, CORE_NEURON, threshold="v >= alpha", dt=1 * brian2.ms,
        reset="v = subtracts * (v - alpha) + (1 - subtracts) * value",
    )  # fmt: skip
    own = {"leak": neurons.leak, "alpha": neurons.threshold, "beta": neurons.floor, "value": neurons.reset_value,
           "subtracts": neurons.reset_mode}  # fmt: skip
    for name, values in own.items():
        setattr(group, name, values.ravel())
    leak = group.run_regularly("v += leak", when="groups", dt=1 * brian2.ms)
    # a neuron that fires was at its threshold, and so not below its floor: after the spikes are found, either order
    held = group.run_regularly(
        "v = int(v < -beta) * (-beta) + int(v >= -beta) * v", when="thresholds", order=1, dt=1 * brian2.ms
    )
    ticks = np.repeat(np.arange(problem.ticks), np.diff(problem.ends))
    given = brian2.SpikeGeneratorGroup(
        network.cores * SIZE, problem.axons, ticks * brian2.ms, dt=1 * brian2.ms, when="start"
    )
    sending = np.flatnonzero(tables.neurons.target >= 0)
    synapses = _synapses(group, group, sending, tables.neurons.target[sending], tables)
    # a spike is taken up at the start of the next tick: that is one tick of its delay
    synapses.delay = (tables.neurons.delay[np.asarray(synapses.i)] - 1) * brian2.ms
    inputs = np.unique(problem.axons)
    from_input = _synapses(given, group, inputs, inputs, tables)
    whole = brian2.Network(group, leak, held, given, synapses, from_input)
    whole.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
    group.v = neurons.v_initial.ravel()
    whole.store()

    def run(record: bool) -> Train:
        whole.restore()
        watching = [brian2.SpikeMonitor(group)] if record else []
        whole.add(*watching)
        whole.run(problem.ticks * brian2.ms)
        whole.remove(*watching)
        return (_steps(watching[0]), np.asarray(watching[0].i)) if record else NO_SPIKES

    return run


def _synapses(before, group, senders: np.ndarray, axons: np.ndarray, tables: Tables):
    """From each sender along the crossbar row of its axon."""
    rows = tables.synapses.rows[axons]
    which, column = np.nonzero(rows)
    synapses = brian2.Synapses(
        before, group, "w : integer (constant)", on_pre="v_post += w", dt=1 * brian2.ms
    )
    synapses.connect(i=senders[which], j=axons[which] // SIZE * SIZE + column)
    synapses.w = rows[which, column]
    return synapses
