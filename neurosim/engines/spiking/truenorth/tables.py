"""A core network as the tick kernel's tables, with synapses that are there or not, or analog ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.foundation.errors import ConfigError
from neurosim.graph.core_network import AXON_TYPES, OUTPUT, V_BITS, CoreNetwork
from neurosim.kernels.ticks import NOWHERE, Neurons, Synapses

ANALOG_UNIT = 1024  # potentials of analog synapses are whole numbers of 1/1024: sums are exact in any order


@dataclass(frozen=True, eq=False)
class Tables:
    """What the kernel needs of a network.

    slots : of the rings, one more than the longest delay
    """

    synapses: Synapses
    neurons: Neurons
    cores: int
    axons: int
    outputs: int
    slots: int
    unit: int


def make_tables(network: CoreNetwork, strength: np.ndarray | None = None) -> Tables:
    """The tables of a network.

    strength : float (cores, axons, neurons), analog synapses in place of the binary ones: 1 is a whole one. Then V is
        kept in 1/1024, every weight is rounded to that, and a neuron compares with half a step below its threshold,
        which changes nothing for whole synapses and is where noise is least likely to tip a decision.

    Raises ConfigError for analog synapses together with drawn ones.
    """
    neurons = network.neurons
    drawn = neurons.stochastic_synapse.astype(bool)
    if strength is not None and drawn.any():
        raise ConfigError(f"core network {network.name!r}: stochastic_synapse", "synapses that are not drawn",
                          "drawn and analog ones together", "switch one of the two off")  # fmt: skip
    unit = 1 if strength is None else ANALOG_UNIT
    synapses = _synapses(network, drawn, strength, unit)
    slots = int(neurons.delay.max()) + 1
    return Tables(
        synapses, _neurons(network, drawn, unit), network.cores, network.axons, network.outputs, slots, unit
    )


def _synapses(network: CoreNetwork, drawn: np.ndarray, strength: np.ndarray | None, unit: int) -> Synapses:
    """Core by core: a whole chip has 268 million synapses."""
    cores, axons, width = network.connections.shape
    weights, kinds = network.neurons.weights, network.axon_types
    rows = np.empty((cores, axons, width), _narrowest(weights) if strength is None else np.int32)
    stochastic = np.zeros((cores if drawn.any() else 0, axons, width), np.uint8)
    for core in range(cores):
        by_axon = weights[core][:, kinds[core]].T  # (axons, neurons)
        if strength is not None:
            rows[core] = np.rint(by_axon * strength[core].astype(np.float64) * unit)
            continue
        is_drawn = drawn[core][:, kinds[core]].T
        rows[core] = by_axon * (network.connections[core] & ~is_drawn)
        if len(stochastic):
            stochastic[core] = network.connections[core] & is_drawn
    return Synapses(
        rows=rows.reshape(-1, width),
        fan=network.connections.sum(axis=2).ravel().astype(np.int32),
        stochastic=stochastic.reshape(-1, width),
        kinds=kinds.ravel().astype(np.uint8),
        weights=np.ascontiguousarray(weights.reshape(-1, AXON_TYPES).T).astype(np.int32),
    )


def _narrowest(weights: np.ndarray) -> type[np.signedinteger]:
    """The smallest integers that hold the weights: narrow rows are read faster."""
    largest = int(np.abs(weights).max(initial=0))
    return np.int8 if largest < 128 else np.int16 if largest < 32768 else np.int32


def _neurons(network: CoreNetwork, drawn: np.ndarray, unit: int) -> Neurons:
    n = network.neurons
    half = unit // 2
    floor, low_base, low_keep, floor_eta, low_eta = _below(network)
    subtracts = n.reset_mode == 1
    fire_base = np.where(n.reset_mode == 0, n.reset_value, np.where(subtracts, -n.threshold, 0))
    special = (n.stochastic_leak | n.leak_reversal | (n.threshold_bits > 0)) | drawn.any(axis=2)
    bound = 2 ** (V_BITS - 1)
    bounds = (
        (-bound * unit, (bound - 1) * unit) if network.convention == "truenorth" else (-(2**31), 2**31 - 1)
    )
    return Neurons(
        leak=_flat(np.where(n.stochastic_leak, n.leak, n.leak * unit)),
        limit=_flat(n.threshold * unit - half),
        floor=_flat(floor * unit - half),
        fire_keep=_flat(np.where(n.reset_mode == 0, 0, -1)),
        fire_base=_flat(fire_base * unit),
        low_keep=_flat(low_keep),
        low_base=_flat(low_base * unit),
        fire_eta=_flat(np.where(subtracts, -1, 0)),
        floor_eta=_flat(floor_eta),
        low_eta=_flat(low_eta),
        mask=_flat(2**n.threshold_bits - 1),
        drawn_leak=_flat(n.stochastic_leak),
        reversal=_flat(n.leak_reversal),
        target=_flat(_targets(network)),
        delay=_flat(n.delay),
        hops=_flat(network.hops),
        plain=(~special.any(axis=1)).astype(np.uint8),
        bounds=np.array(bounds, np.int32),
        unit=np.array([unit], np.int32),
    )


def _below(network: CoreNetwork) -> tuple[np.ndarray, ...]:
    """What happens below the floor: limit, base, keep, and how eta enters limit and base."""
    n, none = network.neurons, np.zeros_like(network.neurons.floor)
    absolute = n.reset_mode == 0
    if network.convention != "truenorth":
        limit = n.floor + (1 if network.convention == "ranc_inclusive" else 0)  # V <= f is V < f + 1
        return limit, np.where(absolute, -n.reset_value, -n.floor), np.where(absolute, 0, -1), none, none
    held = n.floor_mode == 1
    base = np.where(
        held, -n.floor, np.where(absolute, -n.reset_value, np.where(n.reset_mode == 1, n.floor, 0))
    )
    keep = np.where(held | absolute, 0, -1)
    low_eta = np.where(~held & (n.reset_mode == 1), 1, 0)
    return -n.floor, base, keep, np.where(held, 0, -1), low_eta


def _targets(network: CoreNetwork) -> np.ndarray:
    core, axon = network.neurons.target_core, network.neurons.target_axon
    return np.where(core >= 0, core * network.axons + axon, np.where(core == OUTPUT, -2 - axon, NOWHERE))


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int32).ravel()
