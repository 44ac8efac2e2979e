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


@njit(inline="always")
def _sink(keys, names, root, size):  # type: ignore[no-untyped-def]
    """Restore the heap below `root`, the earliest time on top."""
    key, name = keys[root], names[root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[root], names[root] = keys[child], names[child]
        root = child
    keys[root], names[root] = key, name


@njit(nogil=True, cache=True)
def any_times(times, weights, threshold, stop, out):  # type: ignore[no-untyped-def]
    """Spike times of neurons whose inputs spike at any times; overwrites out.

    times : float64 (images, inputs), time constants; infinity for an input that never spikes
    weights : float32 or float64 (1 or images, inputs, neurons), C-contiguous
    threshold : float64 (neurons,)
    stop : leave an image at the first spike of any of its neurons; those that spike later keep infinity
    out : float64 (images, neurons), as in `two_times`

    The inputs are taken from a heap, so that leaving early leaves the rest unsorted.
    """
    inputs, neurons = times.shape[1], out.shape[1]
    keys, names = np.empty(inputs), np.empty(inputs, np.int64)
    total, current, bound = np.empty(neurons), np.empty(neurons), np.empty(neurons)
    for image in range(times.shape[0]):
        own, target = weights[image if weights.shape[0] > 1 else 0], out[image]
        size = 0
        for i in range(inputs):
            if times[image, i] < np.inf:
                keys[size], names[size] = times[image, i], i
                size += 1
        for root in range(size // 2 - 1, -1, -1):
            _sink(keys, names, root, size)
        total[:], current[:], bound[:], target[:] = 0.0, 0.0, threshold, np.inf
        left = neurons
        while size > 0 and left > 0:
            now, row = keys[0], own[names[0]]
            size -= 1
            decay = 0.0
            if size > 0:
                keys[0], names[0] = keys[size], names[size]
                _sink(keys, names, 0, size)
                decay = np.exp(now - keys[0])
            reached = 0
            for j in range(neurons):
                total[j] += row[j]
                current[j] += row[j]
                above = total[j] - bound[j]  # minus infinity once the neuron has spiked
                reached += 1 if above > 0.0 and above >= current[j] * decay else 0
            if reached > 0:
                for j in range(neurons):
                    above = total[j] - bound[j]
                    if above > 0.0 and above >= current[j] * decay:
                        target[j] = now + np.log(max(current[j] / above, 1.0))
                        bound[j] = np.inf
                left = 0 if stop else left - reached
            for j in range(neurons):
                current[j] *= decay
