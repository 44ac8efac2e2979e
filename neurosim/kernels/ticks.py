"""One tick of neurosynaptic cores: integer sums of the axons that spiked, leak, threshold, reset, delivery.

Everything is a table, so that one kernel serves TrueNorth's six reset modes, RANC's conventions and memristive
synapses alike: a neuron that fires, or falls below its floor, takes `(v & keep) + base`, keep being 0 or -1 (all bits).
Potentials, weights and thresholds are whole numbers of 1/unit; unit is 1 where synapses are there or not.

Random numbers are a hash of (key, image, tick, core, neuron, purpose): stateless, so no order, batch or thread changes
one (integer mixers as in kernels.reads, of Wellons and of Steele). Axons are numbered through all cores (core *
axons + axon), neurons likewise. All arrays C-contiguous.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

_U32 = np.uint32
_I32 = np.int32
_U64 = np.uint64

PURPOSES = 258  # draws that a neuron may make in a tick: one per axon, then these two
LEAK, THRESHOLD = 256, 257
NOWHERE = -1  # a neuron without a target; output k is -2 - k


class Synapses(NamedTuple):
    """rows : int8, int16 or int32 (axons, neurons per core), what a spike of the axon adds to each neuron of its core
    fan : int32 (axons,), synapses of the axon; a spike is so many synaptic events
    stochastic : uint8 (axons, neurons per core), 1 where a synapse is drawn; size 0 when none is
    kinds : uint8 (axons,), the axon's type
    weights : int32 (4, neurons), of the drawn synapses
    """

    rows: np.ndarray
    fan: np.ndarray
    stochastic: np.ndarray
    kinds: np.ndarray
    weights: np.ndarray


class Neurons(NamedTuple):
    """Per neuron, int32 (neurons,) but for `plain`.

    leak : added every tick
    limit : fires at v >= limit + eta
    floor : falls below at v < floor + floor_eta * eta
    fire_keep, fire_base, fire_eta : v after a spike is (v & keep) + base + eta * fire_eta; low_* below the floor
    mask : eta is a random number & mask, times unit
    drawn_leak : 1 where the leak is drawn; reversal : 1 where it follows the sign of v
    target : flat axon, NOWHERE, or -2 - output; delay : ticks until it arrives; hops : routers on the way
    plain : uint8 (cores,), 1 where no neuron of a core draws or reverses
    bounds : int32 (2,), where v saturates
    unit : int32 (1,)
    """

    leak: np.ndarray
    limit: np.ndarray
    floor: np.ndarray
    fire_keep: np.ndarray
    fire_base: np.ndarray
    low_keep: np.ndarray
    low_base: np.ndarray
    fire_eta: np.ndarray
    floor_eta: np.ndarray
    low_eta: np.ndarray
    mask: np.ndarray
    drawn_leak: np.ndarray
    reversal: np.ndarray
    target: np.ndarray
    delay: np.ndarray
    hops: np.ndarray
    plain: np.ndarray
    bounds: np.ndarray
    unit: np.ndarray


@njit(inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    z = _U32(_U32(z ^ _U32(z >> _U32(16))) * _U32(0x7FEB352D))
    z = _U32(_U32(z ^ _U32(z >> _U32(15))) * _U32(0x846CA68B))
    return _U32(z ^ _U32(z >> _U32(16)))


@njit(inline="always")
def _mix64(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U64(27))) * _U64(0x94D049BB133111EB)
    return z ^ (z >> _U64(31))


@njit(inline="always")
def _tick_key(word0, word1, image, tick):  # type: ignore[no-untyped-def]
    z = _mix64(_U64(word0) + _U64(image) * _U64(0x9E3779B97F4A7C15))
    return _mix64((z ^ _U64(word1)) + _U64(tick) * _U64(0xD1B54A32D192ED03))


@njit(inline="always")
def _bits(key, neuron, purpose):  # type: ignore[no-untyped-def]
    """32 random bits of a neuron's draw."""
    place = _U32(_U32(neuron) * _U32(PURPOSES) + _U32(purpose))
    return _mix(_U32(_mix(_U32(place + _U32(key))) ^ _U32(key >> _U64(32))))


@njit(inline="always")
def _drawn(weight, bits):  # type: ignore[no-untyped-def]
    """sgn(weight) with probability |weight| / 256, else 0: rho is uniform on 1..256."""
    rho = _I32(bits >> _U32(24)) + _I32(1)
    if weight >= rho:
        return _I32(1)
    if -weight >= rho:
        return _I32(-1)
    return _I32(0)


@njit(inline="always")
def _add_rows(rows, active, count, acc):  # type: ignore[no-untyped-def]
    """acc += the rows of `count` active axons; four at once, so that acc is loaded and stored once for four."""
    k = 0
    while k + 4 <= count:
        a, b, c, d = rows[active[k]], rows[active[k + 1]], rows[active[k + 2]], rows[active[k + 3]]
        for j in range(acc.size):
            acc[j] += _I32(_I32(a[j]) + _I32(b[j])) + _I32(_I32(c[j]) + _I32(d[j]))
        k += 4
    for m in range(k, count):
        row = rows[active[m]]
        for j in range(acc.size):
            acc[j] += _I32(row[j])


@njit(inline="always")
def _list(flags, first, last, found):  # type: ignore[no-untyped-def]
    """Lists where flags (0 or 1) are set; returns how many. `found` has room for one more."""
    count = 0
    for i in range(first, last):
        found[count] = i  # without a branch: overwritten unless this one is set
        count += flags[i]
    return count


@njit(inline="always")
def _draw_synapses(synapses, active, count, acc, first_neuron, unit, key, axons):  # type: ignore[no-untyped-def]
    for k in range(count):
        axon = active[k]
        drawn = synapses.stochastic[axon]
        for j in range(acc.size):
            if drawn[j]:
                weight = synapses.weights[synapses.kinds[axon], first_neuron + j]
                acc[j] += unit * _drawn(weight, _bits(key, first_neuron + j, axon % axons))


@njit(inline="always")
def _integrate(synapses, axons, neurons_per_core, unit, current, acc, events, key):  # type: ignore[no-untyped-def]
    """One image: acc is overwritten with what the spikes in `current` add up to; `current` is cleared."""
    active = np.empty(axons + 1, np.int64)
    for core in range(current.size // axons):
        part = acc[core * neurons_per_core : (core + 1) * neurons_per_core]
        part[:] = 0
        count = _list(current, core * axons, (core + 1) * axons, active)
        _add_rows(synapses.rows, active, count, part)
        for k in range(count):
            events[core] += synapses.fan[active[k]]
        if synapses.stochastic.size:
            _draw_synapses(synapses, active, count, part, core * neurons_per_core, unit, key, axons)
    current[:] = 0


@njit(inline="always")
def _plain_update(neurons, first, last, acc, v, fired):  # type: ignore[no-untyped-def]
    """Neurons that draw nothing; without branches, so that the loop vectorises."""
    low, high = neurons.bounds[0], neurons.bounds[1]
    x, y, f = v[first:last], acc[first:last], fired[first:last]
    leak, limit, floor = neurons.leak[first:last], neurons.limit[first:last], neurons.floor[first:last]
    fire_keep, fire_base = neurons.fire_keep[first:last], neurons.fire_base[first:last]
    low_keep, low_base = neurons.low_keep[first:last], neurons.low_base[first:last]
    for i in range(x.size):
        now = min(max(_I32(x[i] + y[i]), low), high)
        now = min(max(_I32(now + leak[i]), low), high)
        fires, falls = now >= limit[i], now < floor[i]
        after = _I32((now & fire_keep[i]) + fire_base[i])
        below = _I32((now & low_keep[i]) + low_base[i])
        x[i] = after if fires else (below if falls else now)
        f[i] = fires


@njit(inline="always")
def _leaked(neurons, i, now, key):  # type: ignore[no-untyped-def]
    leak = neurons.leak[i]
    if neurons.drawn_leak[i]:
        leak = neurons.unit[0] * _drawn(
            leak, _bits(key, i, LEAK)
        )  # a drawn leak stays a probability, in 1/256
    if not neurons.reversal[i]:
        return _I32(now + leak)
    if now > 0:
        return max(_I32(now + leak), _I32(0))
    if now < 0:
        return min(_I32(now - leak), _I32(0))
    return _I32(0)


@njit(inline="always")
def _update_one(neurons, i, acc, v, fired, key):  # type: ignore[no-untyped-def]
    low, high = neurons.bounds[0], neurons.bounds[1]
    now = min(max(_I32(v[i] + acc[i]), low), high)
    now = min(max(_leaked(neurons, i, now, key), low), high)
    eta = _I32(0)
    if neurons.mask[i]:
        eta = neurons.unit[0] * (_I32(_bits(key, i, THRESHOLD) >> _U32(14)) & neurons.mask[i])
    fired[i] = 0
    if now >= neurons.limit[i] + eta:
        fired[i] = 1
        now = (now & neurons.fire_keep[i]) + neurons.fire_base[i] + eta * neurons.fire_eta[i]
    elif now < neurons.floor[i] + eta * neurons.floor_eta[i]:
        now = (now & neurons.low_keep[i]) + neurons.low_base[i] + eta * neurons.low_eta[i]
    v[i] = now


@njit(inline="always")
def _update(neurons, neurons_per_core, acc, v, fired, key):  # type: ignore[no-untyped-def]
    for core in range(neurons.plain.size):
        first, last = core * neurons_per_core, (core + 1) * neurons_per_core
        if neurons.plain[core]:
            _plain_update(neurons, first, last, acc, v, fired)
        else:
            for i in range(first, last):
                _update_one(neurons, i, acc, v, fired, key)


@njit(inline="always")
def _deliver(neurons, neurons_per_core, spiking, count, ring, tick, outputs, spikes, hops):  # type: ignore[no-untyped-def]
    slots = ring.shape[0]
    now = tick % slots
    for k in range(count):
        i = spiking[k]
        core = i // neurons_per_core
        spikes[core] += 1
        hops[core] += neurons.hops[i]
        target = neurons.target[i]
        if target >= 0:
            slot = now + neurons.delay[i]
            ring[slot - slots if slot >= slots else slot, target] = 1  # two spikes at once are one
        elif target <= -2:
            outputs[-2 - target] = 1


@njit(nogil=True, cache=True)
def integrate(synapses, neurons, rings, tick, acc, events, first_image, word0, word1):  # type: ignore[no-untyped-def]
    """What the spikes due in this tick add to every neuron; they are taken out of the rings.

    rings : uint8 (images, slots, axons), slot = tick modulo slots
    acc : int32 (images, neurons), overwritten; events : float64 (images, cores), synaptic events added
    """
    cores = neurons.plain.size
    axons, per_core = rings.shape[2] // cores, acc.shape[1] // cores
    for b in range(acc.shape[0]):
        key = _tick_key(word0, word1, first_image + b, tick)
        _integrate(synapses, axons, per_core, neurons.unit[0], rings[b, tick % rings.shape[1]], acc[b], events[b],
                   key)  # fmt: skip


@njit(nogil=True, cache=True)
def update(neurons, acc, v, fired, tick, first_image, word0, word1):  # type: ignore[no-untyped-def]
    """Synapse sum, leak, threshold and reset of every neuron.

    acc, v : int32 (images, neurons), v changed in place; fired : uint8 (images, neurons), overwritten
    """
    per_core = acc.shape[1] // neurons.plain.size
    for b in range(acc.shape[0]):
        _update(neurons, per_core, acc[b], v[b], fired[b], _tick_key(word0, word1, first_image + b, tick))


@njit(nogil=True, cache=True)
def deliver(neurons, fired, rings, tick, outputs, spikes, hops):  # type: ignore[no-untyped-def]
    """Put every spike into its target's ring, or on the outputs.

    outputs : uint8 (images, outputs), set to 1 where a spike came, cleared first
    spikes, hops : float64 (images, cores), added to
    """
    per_core = fired.shape[1] // neurons.plain.size
    spiking = np.empty(fired.shape[1] + 1, np.int64)
    outputs[:] = 0
    for b in range(fired.shape[0]):
        count = _list(fired[b], 0, fired.shape[1], spiking)
        _deliver(neurons, per_core, spiking, count, rings[b], tick, outputs[b], spikes[b], hops[b])


@njit(nogil=True, cache=True)
def run_ticks(synapses, neurons, v, ring, first_tick, ends, arrivals, times, numbers, word0, word1):  # type: ignore[no-untyped-def]
    """Many ticks of one image in one call: the three steps above, tick after tick.

    v : int32 (neurons,); ring : uint8 (slots, axons), both changed in place
    ends : int64 (ticks + 1,), arrivals[ends[k] : ends[k + 1]] are the flat axons that input reaches in tick
        first_tick + k
    times, numbers : int32, filled with tick and flat number of the neurons that spike, in order

    Returns the number of spikes (those beyond the size of `times` are counted, not kept) and of synaptic events.
    """
    cores = neurons.plain.size
    axons, per_core = ring.shape[1] // cores, v.size // cores
    acc, fired, spiking = (
        np.empty(v.size, np.int32),
        np.empty(v.size, np.uint8),
        np.empty(v.size + 1, np.int64),
    )
    events, spikes, hops = np.zeros(cores), np.zeros(cores), np.zeros(cores)
    outputs = np.zeros(max(1, -1 - neurons.target.min()), np.uint8)
    total = 0
    for k in range(ends.size - 1):
        tick = first_tick + k
        current = ring[tick % ring.shape[0]]
        for m in range(ends[k], ends[k + 1]):
            current[arrivals[m]] = 1
        key = _tick_key(word0, word1, 0, tick)
        _integrate(synapses, axons, per_core, neurons.unit[0], current, acc, events, key)
        _update(neurons, per_core, acc, v, fired, key)
        count = _list(fired, 0, fired.size, spiking)
        _deliver(neurons, per_core, spiking, count, ring, tick, outputs, spikes, hops)
        kept = min(count, times.size - total)
        for m in range(kept):
            times[total + m] = tick
            numbers[total + m] = spiking[m]
        total += count
    return total, events.sum()
