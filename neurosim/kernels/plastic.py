"""Learning on the chip: pulses on single devices, and the winner-take-all network that gives them.

The physics of a pulse is written once, in `_pulse`, for the trains that devices.pulse asks for and for the
network. The coefficients c of a kind are, conductances in siemens and z a standard normal:

linear            up/down  g +- c0, clipped to [0, c1]
crystallisation   up only  P <- P c6, then g + N(c0 g + c1 + c2 P, c3 g + c4 + c5 P), clipped to [0, c8]; a RESET
                           sets g = c7 and P = 1 (Nandakumar et al., J. Appl. Phys. 124, 152135, 2018)
soft_bounds       up       g + c0 (c4 - g) (1 + c2 z); down g - c1 (g - c3) (1 + c2 z), clipped to [0, c4]
linear_step       mean step s = c0 (1 - c2 x) up, c1 (1 - c3 x) down, in shares of the width c9 - c8; x is the share of
                  the way already gone, (g - c8) up and (c9 - g) down. The device's own factor P multiplies s, then
                  g +- width (P s + sqrt((P s c6)^2 + c7^2) z), clipped to [c8, c9]
exp_step          the same with s = c0 + c2 exp(-c4 x) up, c1 + c3 exp(-c5 x) down
power_step        the same with s = c0 (1 - x)^c4 up, c1 (1 - x)^c5 down

The network is that of Diehl and Cook (Front. Comput. Neurosci. 9, 99, 2015), as the engine's own files say.
Random numbers are hashes of (key, presentation, step, neuron, synapse), as in `reads`: no state, no order.
"""

from __future__ import annotations

import numpy as np
from numba import njit

KINDS = {
    "linear": 0,
    "crystallisation": 1,
    "soft_bounds": 2,
    "linear_step": 3,
    "exp_step": 4,
    "power_step": 5,
}
_LINEAR, _CRYSTALLISATION, _SOFT_BOUNDS, _LINEAR_STEP, _EXP_STEP = 0, 1, 2, 3, 4
G_RESET = 7  # where the conductance after a RESET stands among the coefficients

_U32 = np.uint32
_U64 = np.uint64
_F32 = np.float32


@njit(inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    # numba promotes uint32 arithmetic to uint64: cast after every operation or the high bits leak back in
    z = _U32(_U32(z ^ _U32(z >> _U32(16))) * _U32(0x7FEB352D))
    z = _U32(_U32(z ^ _U32(z >> _U32(15))) * _U32(0x846CA68B))
    return _U32(z ^ _U32(z >> _U32(16)))


@njit(inline="always")
def _mix64(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U64(27))) * _U64(0x94D049BB133111EB)
    return z ^ (z >> _U64(31))


@njit(inline="always")
def _event_key(word0, word1, presentation, event):  # type: ignore[no-untyped-def]
    z = _mix64(_U64(word0) + _U64(presentation) * _U64(0x9E3779B97F4A7C15))
    return _mix64((z ^ _U64(word1)) + _U64(event) * _U64(0xD1B54A32D192ED03))


@njit(inline="always")
def _bits(key, place):  # type: ignore[no-untyped-def]
    """32 random bits of a place under an event's key."""
    return _mix(_U32(_mix(_U32(_U32(place) + _U32(key))) ^ _U32(key >> _U64(32))))


@njit(inline="always")
def _normal(bits):  # type: ignore[no-untyped-def]
    """A standard normal from 32 random bits (Box and Muller; uniforms of 24 bits, so |z| < 5.9)."""
    first = _mix(_U32(bits ^ _U32(0x5BD1E995)))
    second = _mix(_U32(first ^ _U32(0x68BC21EB)))
    u = (np.float64(first >> _U32(8)) + 0.5) / 16777216.0
    return np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * (np.float64(second) / 4294967296.0))


@njit(inline="always")
def _pulse(kind, c, g, p, up, z):  # type: ignore[no-untyped-def]
    """Conductance (siemens) and memory of one device after one pulse, float64; see the module."""
    if kind == _LINEAR:
        return min(max(g + c[0] if up else g - c[0], 0.0), c[1]), p
    if kind == _CRYSTALLISATION:
        p = p * c[6]
        g = g + (c[0] * g + c[1] + c[2] * p) + (c[3] * g + c[4] + c[5] * p) * z
        return min(max(g, 0.0), c[8]), p
    if kind == _SOFT_BOUNDS:
        share = c[0] * (c[4] - g) if up else -c[1] * (g - c[3])
        return min(max(g + share * (1.0 + c[2] * z), 0.0), c[4]), p
    width, way = c[9] - c[8], 0 if up else 1
    x = min(max((g - c[8] if up else c[9] - g) / width, 0.0), 1.0)
    step = p * _mean_step(kind, c, way, x)
    moved = width * (step + np.sqrt((step * c[6]) ** 2 + c[7] ** 2) * z)
    return min(max(g + moved if up else g - moved, c[8]), c[9]), p


@njit(inline="always")
def _mean_step(kind, c, way, x):  # type: ignore[no-untyped-def]
    """Mean step of a gradual pulse, in shares of the width, after the share x of the way."""
    if kind == _LINEAR_STEP:
        return c[way] * (1.0 - c[2 + way] * x)
    if kind == _EXP_STEP:
        return c[way] + c[2 + way] * np.exp(-c[4 + way] * x)
    return c[way] * (1.0 - x) ** c[4 + way]


@njit(nogil=True, cache=True)
def crystallise(g, memory, pulses, z, c):  # type: ignore[no-untyped-def]
    """Partial SET pulses on each device, in place.

    g, memory : flat float32; pulses : integers per device; z : float32 (devices, most pulses) standard normals
    c : coefficients of "crystallisation"
    """
    for i in range(g.size):
        value, p = np.float64(g[i]), np.float64(memory[i])
        for k in range(pulses[i]):
            value, p = _pulse(_CRYSTALLISATION, c, value, p, True, np.float64(z[i, k]))
        g[i], memory[i] = _F32(value), _F32(p)


@njit(nogil=True, cache=True)
def soft_bounds(g, up, down, z, c):  # type: ignore[no-untyped-def]
    """Pulses up, then down, on each device, in place; c : coefficients of "soft_bounds", the rest as above."""
    for i in range(g.size):
        value = np.float64(g[i])
        for k in range(up[i] + down[i]):
            value, _ = _pulse(_SOFT_BOUNDS, c, value, 0.0, k < up[i], np.float64(z[i, k]))
        g[i] = _F32(value)


@njit(nogil=True, cache=True)
def gradual(g, factor, up, down, z, kind, c):  # type: ignore[no-untyped-def]
    """As `soft_bounds`, for the kinds linear_step, exp_step and power_step.

    factor : flat float32, each device's own factor of the step
    """
    for i in range(g.size):
        value = np.float64(g[i])
        for k in range(up[i] + down[i]):
            value, _ = _pulse(kind, c, value, np.float64(factor[i]), k < up[i], np.float64(z[i, k]))
        g[i] = _F32(value)


# columns of what `present` counts per presentation
INPUT_SPIKES, PULSES, RESETS, REFRESHES, READS, SPIKES = range(6)
EVENTS = 6
_NOISE = 1 << 62  # the event of a presentation under whose key read noise is drawn


@njit(nogil=True, cache=True)
def input_spikes(levels, presentation, steps, word0, word1):  # type: ignore[no-untyped-def]
    """The input spikes of one presentation, bool (steps, inputs).

    levels : float32 (inputs,), probability of a spike per step
    """
    out = np.zeros((steps, levels.size), np.bool_)
    key = _event_key(word0, word1, presentation, 0)
    for t in range(steps):
        for i in range(levels.size):
            out[t, i] = _U64(_bits(key, t * levels.size + i)) < _U64(np.float64(levels[i]) * 4294967296.0)
    return out


@njit(nogil=True, cache=True)
def pulse_draws(presentation, step, neuron, neurons, inputs, word0, word1):  # type: ignore[no-untyped-def]
    """What a spike of a neuron draws for each of its inputs: 32 random bits (compared with `potentiate` or
    `depress`) and the normals of its first and second pulse, uint32 and float64 (inputs,)."""
    key = _event_key(word0, word1, presentation, 1 + step * neurons + neuron)
    bits, first, second = np.empty(inputs, np.uint32), np.empty(inputs), np.empty(inputs)
    for i in range(inputs):
        bits[i] = _bits(key, i)
        first[i], second[i] = _normal(bits[i]), _normal(_U32(bits[i] ^ _U32(0x3C6EF372)))
    return bits, first, second


@njit(nogil=True, cache=True)
def rewrite_draws(bits, tries):  # type: ignore[no-untyped-def]
    """The normals with which a pair that drew these bits is re-written, float64 (pairs, tries)."""
    out = np.empty((bits.size, tries))
    for i in range(bits.size):
        for attempt in range(tries):
            out[i, attempt] = _normal(_U32(bits[i] + _U32(attempt + 1) * _U32(0x9E3779B9)))
    return out


@njit(nogil=True, cache=True)
def pair_weights(plus, minus, scale):  # type: ignore[no-untyped-def]
    """Membrane steps float64 (inputs, neurons) and siemens of every input's row float64 (inputs,) of pairs of
    devices float32 (neurons, inputs)."""
    neurons, inputs = plus.shape
    w, row = np.empty((inputs, neurons)), np.zeros(inputs)
    for j in range(neurons):
        for i in range(inputs):
            w[i, j] = scale * (np.float64(plus[j, i]) - np.float64(minus[j, i]))
            row[i] += np.float64(plus[j, i]) + np.float64(minus[j, i])
    return w, row


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def _leak(v, decay, floor):  # type: ignore[no-untyped-def]
    """The end of the former step, not below the floor, and the leak of this one."""
    for j in range(v.size):
        v[j] = max(v[j], floor) * decay


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def _winner(v, base, theta):  # type: ignore[no-untyped-def]
    """The neuron furthest above its threshold base + theta, the first of equal ones; -1 where none is above."""
    most = 0.0
    for j in range(v.size):  # a plain maximum, which the compiler vectorises
        most = max(most, v[j] - (base[j] + theta[j]))
    if most > 0.0:
        for j in range(v.size):
            if v[j] - (base[j] + theta[j]) >= most:
                return j
    return -1


@njit(nogil=True, cache=True)
def _hold(v, held):  # type: ignore[no-untyped-def]
    """Keep refractory neurons at rest for a step; how many are still so in the next."""
    left = 0
    for j in range(v.size):
        if held[j] > 0:
            held[j] -= 1
            v[j] = 0.0
            left += held[j] > 0
    return left


@njit(nogil=True, cache=True)
def _arrivals(key, first_place, active, chance, used, drawn, arrived):  # type: ignore[no-untyped-def]
    """List the inputs that spike in this step in `arrived`; how many they are."""
    k1, k2 = _U32(key), _U32(key >> _U64(32))
    for a in range(used):
        drawn[a] = _mix(_U32(_mix(_U32(_U32(_U32(first_place) + active[a]) + k1)) ^ k2))
    count = 0
    for a in range(used):
        arrived[count] = active[a]
        count += drawn[a] <= chance[a]
    return count


@njit(nogil=True, cache=True)
def _rewrite(j, i, plus, minus, memory_plus, memory_minus, rule, kind, c, bits, events):  # type: ignore[no-untyped-def]
    """Refresh one pair: read both, RESET both, SET one until its read is near the former difference."""
    difference = np.float64(plus[j, i]) - np.float64(minus[j, i])
    plus[j, i] = minus[j, i] = _F32(c[G_RESET])
    memory_plus[j, i] = memory_minus[j, i] = _F32(1)
    events[REFRESHES] += 1
    events[RESETS] += 2
    events[READS] += 2
    g = plus if difference >= 0 else minus
    memory = memory_plus if difference >= 0 else memory_minus
    target = c[G_RESET] + abs(difference) - rule.tolerance
    for attempt in range(rule.tries):
        if g[j, i] >= target:
            break
        z = _normal(_U32(bits + _U32(attempt + 1) * _U32(0x9E3779B9)))
        value, p = _pulse(kind, c, np.float64(g[j, i]), np.float64(memory[j, i]), True, z)
        g[j, i], memory[j, i] = _F32(value), _F32(p)
        events[PULSES] += 1
        events[READS] += 1


# fmt: off
@njit(nogil=True, cache=True)
def _learn(j, t, key, last, plus, minus, memory_plus, memory_minus, stuck, w, row, rule, kind, c, drawn, events):  # type: ignore[no-untyped-def]
# fmt: on
    """The pulses that a spike of neuron j at step t gives to its synapses."""
    k1, k2 = _U32(key), _U32(key >> _U64(32))
    for i in range(last.size):
        drawn[i] = _mix(_U32(_mix(_U32(_U32(i) + k1)) ^ k2))
    for i in range(last.size):
        bits = drawn[i]
        up = t - last[i] < rule.window
        if _U64(bits) >= _U64(rule.potentiate if up else rule.depress):
            continue
        before = np.float64(plus[j, i]) + np.float64(minus[j, i])
        first_z, second_z = 0.0, 0.0
        if kind != _LINEAR:
            first_z, second_z = _normal(bits), _normal(_U32(bits ^ _U32(0x3C6EF372)))
        if (up or rule.both_ways) and not stuck[0, j, i]:
            value, p = _pulse(kind, c, np.float64(plus[j, i]), np.float64(memory_plus[j, i]), up, first_z)
            plus[j, i], memory_plus[j, i] = _F32(value), _F32(p)
            events[PULSES] += 1
        if (not up or rule.both_ways) and not stuck[1, j, i]:
            value, p = _pulse(
                kind, c, np.float64(minus[j, i]), np.float64(memory_minus[j, i]), not up, second_z
            )
            minus[j, i], memory_minus[j, i] = _F32(value), _F32(p)
            events[PULSES] += 1
        smaller, larger = min(plus[j, i], minus[j, i]), max(plus[j, i], minus[j, i])
        if not rule.both_ways and larger >= rule.refresh_high and smaller >= rule.refresh_low:
            if not (stuck[0, j, i] or stuck[1, j, i]):
                _rewrite(j, i, plus, minus, memory_plus, memory_minus, rule, kind, c, bits, events)
        w[i, j] = rule.scale * (np.float64(plus[j, i]) - np.float64(minus[j, i]))
        row[i] += np.float64(plus[j, i]) + np.float64(minus[j, i]) - before


@njit(inline="always")
def _begin(levels, last, active, chance, window):  # type: ignore[no-untyped-def]
    """Forget the former image's spikes; list the inputs that may spike and the largest bits with which they do."""
    used = 0
    for i in range(levels.size):
        last[i] = -window
        # of 2^32 equally likely bits, those that make a spike
        below = np.int64(np.float64(levels[i]) * 4294967296.0)
        if below > 0:
            active[used], chance[used] = i, _U32(below - 1)
            used += 1
    return used


@njit(inline="always")
def _receive(v, w, row, arrived, spiking, last, t):  # type: ignore[no-untyped-def]
    """Add the weights of the inputs that spike in step t to the membranes; sum of G over their rows."""
    heat = 0.0
    for a in range(spiking):
        i = arrived[a]
        last[i] = t
        arriving = w[i]
        for j in range(v.size):
            v[j] += arriving[j]
        heat += row[i]
    return heat


@njit(inline="always")
def _add_noise(v, noise, arrived, spiking, variance, key, t):  # type: ignore[no-untyped-def]
    """Add the noise of this step's reads to each membrane; `variance` is working space."""
    variance[:] = 0.0
    for a in range(spiking):
        for j in range(v.size):
            variance[j] += noise[arrived[a], j]
    for j in range(v.size):
        v[j] += np.sqrt(variance[j]) * _normal(_bits(key, t * v.size + j))


# fmt: off
@njit(nogil=True, cache=True)
def present(levels, first, steps, word0, word1, neurons, rule, kind, c, learn, plus, minus, memory_plus,  # type: ignore[no-untyped-def]
            memory_minus, stuck, w, row, noise, base, theta, winners, arrivals, siemens, events):
    """Show images to the network, one after the other, each from rest; in place.

    levels : float32 (images, inputs), probability of an input spike per step; first : number of the first one
    plus, minus, memory_* : float32 (neurons, inputs); stuck : bool (2, neurons, inputs)
    w, row : as from `pair_weights`, kept up to date
    base, theta : float64 (neurons,), fixed and adaptive part of the thresholds
    noise : float64 (inputs, neurons), variance that one read adds to a membrane; (0, 0) where there is none
    winners : int16 (images, steps), filled with the neuron that spiked in each step, or -1
    arrivals : int32, siemens : float64 (images, steps), input spikes of each step and sum of G over the rows they read
    events : int64 (images, EVENTS), added to
    Unless `learn`, devices and thetas stay as they are.
    """
    count, inputs = levels.shape
    n, noisy = theta.size, noise.shape[0] > 0
    v, variance, held = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    last, arrived, active = np.empty(inputs, np.int64), np.empty(inputs + 1, np.int64), np.empty(inputs, np.uint32)
    chance, drawn = np.empty(inputs, np.uint32), np.empty(inputs, np.uint32)
    for image in range(count):
        key = _event_key(word0, word1, first + image, 0)
        used = _begin(levels[image], last, active, chance, rule.window)
        v[:], held[:], holding = 0.0, 0, 0
        for t in range(steps):
            _leak(v, neurons.decay, neurons.floor)
            spiking = _arrivals(key, t * inputs, active, chance, used, drawn, arrived)
            arrivals[image, t] = spiking
            siemens[image, t] = _receive(v, w, row, arrived, spiking, last, t)
            events[image, INPUT_SPIKES] += spiking
            if noisy:
                reads = _event_key(word0, word1, first + image, _NOISE)
                _add_noise(v, noise, arrived, spiking, variance, reads, t)
            if holding:
                holding = _hold(v, held)
            j = _winner(v, base, theta)
            winners[image, t] = j
            if j >= 0:
                events[image, SPIKES] += 1
                if learn:
                    draws = _event_key(word0, word1, first + image, 1 + t * n + j)
                    _learn(j, t, draws, last, plus, minus, memory_plus, memory_minus, stuck, w, row, rule, kind, c,
                           drawn, events[image])
                    theta[j] += neurons.theta_step
                for k in range(n):
                    v[k] -= neurons.inhibition
                v[j], held[j] = 0.0, neurons.refractory
                holding += neurons.refractory > 0
        if learn:
            for j in range(n):
                theta[j] *= neurons.theta_decay
# fmt: on
