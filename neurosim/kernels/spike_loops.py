"""Loops over spike lists: products, encoding, counting, pooling, turning sums into currents.

A spike list is an int32 array: flat indices (image * n + neuron) in ascending order, repeats allowed, and their
number in its last element. `dense`, `fused`, `table`, `fused_table`, `encode_rate`, `winners` and `note` are
the twins of C functions; spikes.py says what they do. Random spikes are a hash of what they are for (see
reads.py), so no order, batch or thread can change them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_U32 = np.uint32


@njit(inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    # numba promotes uint32 arithmetic to uint64: cast after every operation or the high bits leak back in
    z = _U32(_U32(z ^ _U32(z >> _U32(16))) * _U32(0x7FEB352D))
    z = _U32(_U32(z ^ _U32(z >> _U32(15))) * _U32(0x846CA68B))
    return _U32(z ^ _U32(z >> _U32(16)))


@njit(inline="always")
def _mix64(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(inline="always")
def _key(word0, word1, image, step):  # type: ignore[no-untyped-def]
    z = _mix64(np.uint64(word0) + np.uint64(image) * np.uint64(0x9E3779B97F4A7C15))
    return _mix64((z ^ np.uint64(word1)) + np.uint64(step) * np.uint64(0xD1B54A32D192ED03))


@njit(nogil=True, cache=True)
def encode_rate(active, level, charge, full, spikes):  # type: ignore[no-untyped-def]
    """One step of a deterministic rate code; see spikes.encode."""
    k = 0
    for q in range(active[-1]):
        after = charge[q] + level[q]
        fires = after >= full
        charge[q] = after - (full if fires else 0)
        spikes[k] = active[q]  # without a branch: overwritten unless it fires
        k += 1 if fires else 0
    spikes[-1] = k


@njit(nogil=True, cache=True)
def encode_random(active, level, n, first_image, word0, word1, step, spikes):  # type: ignore[no-untyped-def]
    """One step of independent spikes: an input spikes with probability level / 2^24.

    active : spike list of the inputs that are not zero; level : int32, one for each
    The draw is a hash of (word0, word1, first_image + image, step, input).
    """
    k, image = 0, -1
    k1, k2 = _U32(0), _U32(0)
    for q in range(active[-1]):
        b = active[q] // n
        if b != image:
            image = b
            key = _key(word0, word1, np.uint64(first_image + b), np.uint64(step))
            k1, k2 = _U32(key), _U32(key >> np.uint64(32))
        bits = _mix(_U32(_mix(_U32(_U32(active[q] - b * n) + k1)) ^ k2))
        spikes[k] = active[q]
        k += 1 if np.int32(bits >> _U32(8)) < level[q] else 0
    spikes[-1] = k


@njit(nogil=True, cache=True)
def count_spikes(spikes, n, out):  # type: ignore[no-untyped-def]
    """out[image] += spikes of that image among populations of n neurons."""
    for q in range(spikes[-1]):
        out[spikes[q] // n] += 1


@njit(nogil=True, cache=True)
def count_neurons(spikes, out):  # type: ignore[no-untyped-def]
    """out.ravel()[index] += 1 for every spike."""
    flat = out.ravel()
    for q in range(spikes[-1]):
        flat[spikes[q]] += 1


@njit(nogil=True, cache=True)
def note(spikes, counts, history, clock):  # type: ignore[no-untyped-def]
    """Spikes so far after each step; see spikes.note."""
    count_neurons(spikes, counts)
    history[clock[0]] = counts
    clock[0] += 1


@njit(nogil=True, cache=True)
def count_arrivals(spikes, n, first, slots, siemens_of, arrivals, siemens):  # type: ignore[no-untyped-def]
    """arrivals[image, slot] = spikes that arrive at a read's rows; siemens[image] += what they drive.

    first : int64 (n + 1,), slots : int64 (entries,), where input j's spikes arrive
    siemens_of : float64 (n,), conductance that one spike of input j drives
    """
    arrivals[:] = 0
    for q in range(spikes[-1]):
        b = spikes[q] // n
        j = spikes[q] - b * n
        siemens[b] += siemens_of[j]
        for e in range(first[j], first[j + 1]):
            arrivals[b, slots[e]] += 1


@njit(nogil=True, cache=True)
def count_reads(arrivals, tiles, out):  # type: ignore[no-untyped-def]
    """Per image, from arrivals (images, tiles * vectors): out[0] arrivals, out[1] row tiles read, out[2] vectors
    with any read; out is (3, images), overwritten."""
    vectors = arrivals.shape[1] // tiles
    for b in range(arrivals.shape[0]):
        total, reads, driven = 0, 0, 0
        for p in range(vectors):
            here = 0
            for tile in range(tiles):
                number = arrivals[b, tile * vectors + p]
                total += number
                here += 1 if number > 0 else 0
            reads += here
            driven += 1 if here > 0 else 0
        out[0, b], out[1, b], out[2, b] = total, reads, driven


@njit(nogil=True, cache=True)
def tally(spikes, n, history, clock):  # type: ignore[no-untyped-def]
    """Spikes of each image in this step; see spikes.tally."""
    row = history[clock[0]]
    row[:] = 0
    count_spikes(spikes, n, row)


@njit(nogil=True, cache=True)
def arrive(spikes, n, first, slots, siemens_of, arrivals, tiles, clock, arrived, reads, driven, siemens):  # type: ignore[no-untyped-def]
    """Where spikes arrive, and what they drive; see spikes.arrive."""
    row, out = siemens[clock[0]], np.empty((3, arrivals.shape[0]))
    row[:] = 0
    count_arrivals(spikes, n, first, slots, siemens_of, arrivals, row)
    count_reads(arrivals, tiles, out)
    arrived[clock[0]], reads[clock[0]], driven[clock[0]] = out[0], out[1], out[2]


@njit(nogil=True, cache=True)
def currents(sums, place, minus, scale, bias, x):  # type: ignore[no-untyped-def]
    """x[image, neuron] = scale * sum over tiles of sums[tile, image, place] (less that at `minus`) + bias.

    sums : (tiles, images, block); place, minus : int64 (neurons,), minus empty where nothing is subtracted
    scale, bias : float64 (neurons,); x : float64 (images, neurons), overwritten
    """
    apart = minus.size > 0
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            total = sums[0, b, place[j]]
            for tile in range(1, sums.shape[0]):
                total += sums[tile, b, place[j]]
            if apart:
                for tile in range(sums.shape[0]):
                    total -= sums[tile, b, minus[j]]
            x[b, j] = total * scale[j] + bias[j]


@njit(nogil=True, cache=True)
def value_product(x, w, out):  # type: ignore[no-untyped-def]
    """out = x w in float64, row by row in one order, visiting the inputs that are not zero."""
    out[:] = 0
    for row in range(x.shape[0]):
        target = out[row]
        for i in range(x.shape[1]):
            value = x[row, i]
            if value != 0:
                for j in range(w.shape[1]):
                    target[j] += value * w[i, j]


@njit(nogil=True, cache=True)
def _pack(flags, start, spikes, k):  # type: ignore[no-untyped-def]
    for j in range(flags.size):
        spikes[k] = start + j
        k += flags[j]
    return k


@njit(nogil=True, cache=True)
def winners(spikes, n, first, windows, taps, counts, flags, out):  # type: ignore[no-untyped-def]
    """Max pooling of spikes; see spikes.winners. flags : uint8 (windows,), zero before and after."""
    q, k, m = 0, 0, flags.size
    total = spikes[-1]
    for b in range(counts.shape[0]):
        own = counts[b]
        start = q
        while q < total and spikes[q] < (b + 1) * n:
            own[spikes[q] - b * n] += 1
            q += 1
        for s in range(start, q):
            j = spikes[s] - b * n
            for e in range(first[j], first[j + 1]):
                wins, before = True, True
                for i in taps[windows[e]]:
                    if i == j:
                        before = False
                    elif i >= 0 and (own[i] > own[j] or (before and own[i] == own[j])):
                        wins = False
                        break
                if wins:
                    flags[windows[e]] = 1
        if q > start:
            k = _pack(flags, b * m, out, k)
            flags[:] = 0
    out[-1] = k


@njit(nogil=True, cache=True)
def dense(spikes, images, n, edges, w, out):  # type: ignore[no-untyped-def]
    """Sums of the rows of each tile; see spikes.dense."""
    out[:] = 0
    q, count = 0, spikes[-1]
    for b in range(images):
        for tile in range(edges.size - 1):
            end = b * n + edges[tile + 1]
            target = out[tile, b]
            while q < count and spikes[q] < end:
                row = w[spikes[q] - b * n]
                for j in range(row.size):
                    target[j] += row[j]
                q += 1


@njit(nogil=True, cache=True)
def _fire(sums, place, scale, bias, threshold, strict, v, b, sent, k):  # type: ignore[no-untyped-def]
    m = bias.size
    for j in range(m):
        total = sums[place[j]] if place.size else sums[j]
        after = v[b * m + j] + (total * scale[j] + bias[j])
        if after > threshold[j] or (after == threshold[j] and not strict):
            after -= threshold[j]
            sent[k] = b * m + j
            k += 1
        v[b * m + j] = after
    return k


@njit(nogil=True, cache=True)
def fused(spikes, images, n, w, scale, bias, threshold, strict, v, sent, sums):  # type: ignore[no-untyped-def]
    """A dense layer and its neurons; see spikes.fused."""
    q, count, k = 0, spikes[-1], 0
    everywhere = np.zeros(0, np.int32)
    for b in range(images):
        sums[:] = 0
        while q < count and spikes[q] < (b + 1) * n:
            row = w[spikes[q] - b * n]
            for j in range(row.size):
                sums[j] += row[j]
            q += 1
        k = _fire(sums, everywhere, scale, bias, threshold, strict, v, b, sent, k)
    sent[-1] = k


@njit(nogil=True, cache=True)
def _spread(j, first, slots, rows, w, start, out):  # type: ignore[no-untyped-def]
    for e in range(first[j], first[j + 1]):
        row = w[rows[e]]
        for c in range(row.size):
            out[start + slots[e] + c] += row[c]


@njit(nogil=True, cache=True)
def table(spikes, n, first, slots, rows, w, block, out):  # type: ignore[no-untyped-def]
    """Sums along a table of connections; see spikes.table."""
    out[:] = 0
    for q in range(spikes[-1]):
        b = spikes[q] // n
        _spread(spikes[q] - b * n, first, slots, rows, w, b * block, out)


@njit(nogil=True, cache=True)
def fused_table(spikes, images, n, first, slots, rows, w, place, scale, bias, threshold, strict, v, sent, sums):  # type: ignore[no-untyped-def] # fmt: skip
    """A convolution and its neurons; see spikes.fused_table."""
    q, count, k = 0, spikes[-1], 0
    for b in range(images):
        sums[:] = 0
        while q < count and spikes[q] < (b + 1) * n:
            _spread(spikes[q] - b * n, first, slots, rows, w, 0, sums)
            q += 1
        k = _fire(sums, place, scale, bias, threshold, strict, v, b, sent, k)
    sent[-1] = k
