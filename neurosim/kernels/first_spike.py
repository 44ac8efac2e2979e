"""Times of first spikes in closed form: non-leaky neurons with exponential synaptic currents (Mostafa 2017).

With time in units of the synaptic time constant, a neuron whose inputs spike at t_i obeys dV/dt = I and
I = sum_i w_i exp(t_i - t), so that V = U - I with U = sum_i w_i over the inputs so far. Between two inputs U
stands still and I decays, so V reaches the threshold theta at t + ln(I / (U - theta)) if U > theta. Both loops
carry (U, I) from input to input. That is Mostafa's z = sum w z / (sum w - theta) with z = exp(t), without powers
that could overflow: only exponentials of negative time differences are taken.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def two_times(early, late, gap, threshold, out):  # type: ignore[no-untyped-def]
    """Spike times of neurons whose inputs spike at no other times than 0 and `gap`; overwrites out.

    early, late : float32 or float64 (images, neurons), summed weights of the inputs that spike at 0 and at `gap`
    gap : >= 0, in time constants; infinity for inputs that never spike
    threshold : float64 (neurons,)
    out : float64 (images, neurons), time constants; infinity where a neuron never spikes
    """
    decay = np.exp(-gap)
    for image in range(out.shape[0]):
        for j in range(out.shape[1]):
            theta, total = threshold[j], np.float64(early[image, j])
            time = np.inf
            if total - theta >= total * decay and total > theta:
                time = np.log(total / (total - theta))
            elif gap < np.inf:
                current = total * decay + late[image, j]
                total += late[image, j]
                if total > theta:
                    # by rounding alone could the current be below U - theta here: then it spikes at once
                    time = gap + np.log(max(current / (total - theta), 1.0))
            out[image, j] = time


@njit(nogil=True, cache=True)
def sort_spikes(times, keys, names, place, starts):  # type: ignore[no-untyped-def]
    """Sort the finite times of one image; returns how many there are.

    times : float64 (inputs,)
    keys, names : float64 and int64 (inputs,), overwritten: sorted times, and the inputs they belong to
    place, starts : int64 (inputs,) and (inputs + 1,), scratch

    Times go into as many equal bins as there are spikes, of which all within four times the mean fall apart, and
    an insertion sort puts the few of a bin in order: linear for any times but those with far outliers.
    """
    first, total, size = np.inf, 0.0, 0
    for i in range(times.size):
        if times[i] < np.inf:
            first = min(first, times[i])
            total += times[i]
            size += 1
    if size == 0:
        return 0
    width = 4.0 * (total / size - first)
    scale = (size - 1) / width if width > 0.0 else 0.0
    starts[: size + 1] = 0
    for i in range(times.size):
        if times[i] < np.inf:
            place[i] = np.int64(min((times[i] - first) * scale, size - 1.0))
            starts[place[i] + 1] += 1
    for b in range(size):
        starts[b + 1] += starts[b]
    for i in range(times.size):
        if times[i] < np.inf:
            to = starts[place[i]]
            starts[place[i]] = to + 1
            keys[to], names[to] = times[i], i
    for q in range(1, size):
        key, name, to = keys[q], names[q], q
        while to > 0 and keys[to - 1] > key:
            keys[to], names[to] = keys[to - 1], names[to - 1]
            to -= 1
        keys[to], names[to] = key, name
    return size


@njit(nogil=True, cache=True)
def any_times(times, weights, threshold, stop, out):  # type: ignore[no-untyped-def]
    """Spike times of neurons whose inputs spike at any times; overwrites out.

    times : float64 (images, inputs), time constants; infinity for an input that never spikes
    weights : float32 or float64 (1 or images, inputs, neurons), C-contiguous
    threshold : float64 (neurons,)
    stop : leave an image at the first spike of any of its neurons; those that spike after the next input keep
        infinity
    out : float64 (images, neurons), as in `two_times`
    """
    inputs, neurons = times.shape[1], out.shape[1]
    keys, names = np.empty(inputs), np.empty(inputs, np.int64)
    place, starts = np.empty(inputs, np.int64), np.empty(inputs + 1, np.int64)
    total, current, bound = np.empty(neurons), np.empty(neurons), np.empty(neurons)
    for image in range(times.shape[0]):
        own, target = weights[image if weights.shape[0] > 1 else 0], out[image]
        size = sort_spikes(times[image], keys, names, place, starts)
        total[:], current[:], bound[:], target[:] = 0.0, 0.0, threshold, np.inf
        left, before = neurons, 0.0
        for q in range(size):
            row, after = own[names[q]], 0.0
            if q + 1 < size:
                after = np.exp(keys[q] - keys[q + 1])
            reached = np.int64(0)
            for j in range(neurons):
                total[j] += row[j]
                current[j] = current[j] * before + row[j]
                above = total[j] - bound[j]  # minus infinity once the neuron has spiked
                reached += np.int64(above > 0.0) & np.int64(above >= current[j] * after)
            if reached > 0:
                for j in range(neurons):
                    above = total[j] - bound[j]
                    if above > 0.0 and above >= current[j] * after:
                        target[j] = keys[q] + np.log(max(current[j] / above, 1.0))
                        bound[j] = np.inf
                left = 0 if stop else left - reached
                if left == 0:
                    break
            before = after
