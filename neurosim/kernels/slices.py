"""Reads of sliced weights by inputs in phases of few bits: pick rows, add them up, add noise, convert, shift and add.

An input of one bit is a selection of rows, so a product is a sum. Rows are taken in groups of four: for every group
and each of its sixteen selections the sum is put into a table once, and a read then adds one table row per group that
is driven at all (the "four Russians'" way). Digits of two bits are taken in groups of two rows, those of three or four
bits row by row: a table row then stands for all digits of its group. Nothing between the digits of the inputs and the
digital sums leaves the processor's cache: currents, noise and codes of one read live in scratch of one block of
columns.

Where conductances are whole levels the table holds int16 and all sums are exact; else it holds float32.
Noise is a hash of its key, as in `reads` (whose generator is inlined here again, see `kernels`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_U32 = np.uint32
_F32 = np.float32
ENTRY_BITS = 4  # of the digits of one group of rows
SELECTIONS = 1 << ENTRY_BITS


def group_rows(bits: int) -> int:
    """Rows of a group whose digits have so many bits; 0 where a digit alone is too long."""
    return ENTRY_BITS // bits


@njit(inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    z = _U32(_U32(z ^ _U32(z >> _U32(16))) * _U32(0x7FEB352D))
    z = _U32(_U32(z ^ _U32(z >> _U32(15))) * _U32(0x846CA68B))
    return _U32(z ^ _U32(z >> _U32(16)))


@njit(inline="always")
def _mix64(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(inline="always")
def _image_key(word0, word1, image, read):  # type: ignore[no-untyped-def]
    z = _mix64(np.uint64(word0) + np.uint64(image) * np.uint64(0x9E3779B97F4A7C15))
    return _mix64((z ^ np.uint64(word1)) + np.uint64(read) * np.uint64(0xD1B54A32D192ED03))


@njit(inline="always")
def _radius(bits):  # type: ignore[no-untyped-def]
    """sqrt(-2 ln u) for u = (top 24 bits + 1/2) / 2^24; the logarithm by a polynomial (Cephes logf)."""
    u = (_F32(np.int32(bits >> _U32(8))) + _F32(0.5)) * _F32(1.0 / 16777216.0)
    raw = np.int32(_F32(u).view(np.int32))
    exponent = _F32((raw >> np.int32(23)) - np.int32(127))
    m = np.int32((raw & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    large = m > _F32(1.41421356)
    m = m * _F32(0.5) if large else m
    exponent = exponent + (_F32(1) if large else _F32(0))
    t = m - _F32(1)
    p = _F32(7.0376836292e-2)
    p = p * t - _F32(1.1514610310e-1)
    p = p * t + _F32(1.1676998740e-1)
    p = p * t - _F32(1.2420140846e-1)
    p = p * t + _F32(1.4249322787e-1)
    p = p * t - _F32(1.6668057665e-1)
    p = p * t + _F32(2.0000714765e-1)
    p = p * t - _F32(2.4999993993e-1)
    p = p * t + _F32(3.3333331174e-1)
    log = t + (p * t * t * t - _F32(0.5) * t * t) + exponent * _F32(0.69314718056)
    return np.sqrt(max(_F32(-2) * log, _F32(0)))


@njit(inline="always")
def _cos_sin(bits):  # type: ignore[no-untyped-def]
    """cos and sin of pi v, v in [-1, 1): Taylor series of both in the half where |angle| <= pi/2."""
    v = _F32(np.int32(bits)) * _F32(1.0 / 2147483648.0)
    a = abs(v)
    far = a > _F32(0.5)
    w = (_F32(1) - a) if far else a
    q = w * w
    s = _F32(0.08214588661) - q * _F32(0.00737043094)
    s = _F32(-0.59926452932) + q * s
    s = _F32(2.55016403988) + q * s
    s = _F32(-5.16771278005) + q * s
    s = w * (_F32(3.14159265359) + q * s)
    c = _F32(0.23533063036) - q * (_F32(0.02580689139) - q * _F32(0.00192957431))
    c = _F32(-1.33526276885) + q * c
    c = _F32(4.05871212642) + q * c
    c = _F32(-4.93480220054) + q * c
    c = _F32(1) + q * c
    return (-c if far else c), (-s if v < _F32(0) else s)


@njit(nogil=True, cache=True)
def encode(  # type: ignore[no-untyped-def]
    x, lsb, low, high, phases, bits, by_amplitude, mask, row_siemens, per_image, codes, siemens, saturated
):
    """Whole-number inputs: codes = clip(round(x / lsb), low, high), and what the array will draw to show them.

    x : float32 (vectors, rows), `per_image` consecutive vectors belong to one image; codes : int32, the same shape
    phases, bits : a code is shown as `phases` digits of `bits` bits each
    mask : what of a code is shown, as two's complement; 0: its magnitude
    siemens : float64 (images,), gains the sum over phases and rows of duty x row_siemens, duty = (digit / largest)^2
        for amplitudes, digit / largest for pulse widths
    saturated : float64 (images,), gains the number of clipped inputs
    """
    inverse, largest = _F32(1) / lsb, np.int32((1 << bits) - 1)
    for row in range(x.shape[0]):
        source, target = x[row], codes[row]
        clipped = np.int32(0)
        drawn = 0.0
        for i in range(x.shape[1]):
            code = np.floor(source[i] * inverse + _F32(0.5))
            clipped += np.int32(code < low) + np.int32(code > high)
            target[i] = np.int32(min(max(code, low), high))
        for i in range(x.shape[1]):
            left = np.int32(target[i] & mask) if mask else abs(target[i])
            if left != 0:
                duty = np.int32(0)
                for _ in range(phases):
                    digit = np.int32(left & largest)
                    duty += digit * digit if by_amplitude else digit
                    left = np.int32(left >> bits)
                drawn += duty * np.float64(row_siemens[i])
        siemens[row // per_image] += drawn / (
            np.float64(largest) ** 2 if by_amplitude else np.float64(largest)
        )
        saturated[row // per_image] += clipped


@njit(nogil=True, cache=True)
def select(codes, phases, bits, entries, counts):  # type: ignore[no-untyped-def]
    """Which table rows each read adds up.

    codes : int32 (vectors, rows), not negative, or negative as two's complement
    phases, bits : a code is shown as `phases` digits of `bits` bits each, at most four
    entries : uint16 (vectors, phases, groups), filled with 16 group + selection for the groups that are driven
    counts : uint16 (vectors, phases), how many those are
    """
    vectors, rows = codes.shape
    groups, together, largest = entries.shape[2], ENTRY_BITS // bits, (1 << bits) - 1
    now, place = np.empty(phases, np.uint16), np.empty(phases, np.int64)
    for v in range(vectors):
        source, target = codes[v], entries[v]
        place[:] = 0
        for g in range(groups):
            first = together * g
            a = source[first]
            b = source[first + 1] if together > 1 and first + 1 < rows else np.int32(0)
            c = source[first + 2] if together > 2 and first + 2 < rows else np.int32(0)
            d = source[first + 3] if together > 2 and first + 3 < rows else np.int32(0)
            if (a | b | c | d) == 0:
                continue
            if bits == 1:
                for k in range(phases):
                    now[k] = ((a >> k) & 1) | ((b >> k) & 1) << 1 | ((c >> k) & 1) << 2 | ((d >> k) & 1) << 3
            else:
                for k in range(phases):
                    now[k] = ((a >> bits * k) & largest) | ((b >> bits * k) & largest) << bits
            for k in range(phases):
                target[k, place[k]] = np.uint16(SELECTIONS * g) + now[k]  # overwritten unless it is driven
                place[k] += np.int64(now[k] != 0)
        for k in range(phases):
            counts[v, k] = place[k]


@njit(inline="always")
def _fill_table(d, stride, first, width, slices, bits, squared, table):  # type: ignore[no-untyped-def]
    """table[16 g + m] = sum of the rows of group g, times the digits (or their squares) that m holds of them, for
    columns first..first + width of every slice."""
    rows = d.shape[0]
    together = ENTRY_BITS // bits
    for g in range(table.shape[0] // SELECTIONS):
        base = SELECTIONS * g
        table[base, :] = 0
        for place in range(together):
            row = together * g + place
            top = 1 << (bits * place)
            for m in range(top, top << bits):
                source, target = table[base + (m & (top - 1))], table[base + m]
                if row >= rows:
                    target[:] = source
                    continue
                digit = m >> (bits * place)
                factor = digit * digit if squared else digit
                for s in range(slices):
                    start = s * stride + first
                    for j in range(width):
                        target[s * width + j] = source[s * width + j] + factor * d[row, start + j]


@njit(inline="always")
def _add_up(table, entries, count, y):  # type: ignore[no-untyped-def]
    """y = the sum of the listed table rows; eight in one pass, so that y is loaded and stored once for all."""
    y[:] = 0
    q = 0
    while q + 8 <= count:
        a, b, c, d = table[entries[q]], table[entries[q + 1]], table[entries[q + 2]], table[entries[q + 3]]
        e, f, g, h = (
            table[entries[q + 4]],
            table[entries[q + 5]],
            table[entries[q + 6]],
            table[entries[q + 7]],
        )
        for j in range(y.size):
            y[j] += ((a[j] + b[j]) + (c[j] + d[j])) + ((e[j] + f[j]) + (g[j] + h[j]))
        q += 8
    if q + 4 <= count:
        a, b, c, d = table[entries[q]], table[entries[q + 1]], table[entries[q + 2]], table[entries[q + 3]]
        for j in range(y.size):
            y[j] += (a[j] + b[j]) + (c[j] + d[j])
        q += 4
    while q < count:
        a = table[entries[q]]
        for j in range(y.size):
            y[j] += a[j]
        q += 1


@njit(inline="always")
def _add_noise(y, v, key, first):  # type: ignore[no-untyped-def]
    """y += sqrt(v) z; element j and its partner half a block on share a pair of draws."""
    k1, k2 = _U32(key), _U32(key >> np.uint64(32))
    n = y.size
    half = (n + 1) // 2
    ya, yb, va, vb = y[:half], y[half:], v[:half], v[half:]
    for i in range(n - half):
        a = _mix(_U32(_mix(_U32(_U32(first + i) + k1)) ^ k2))
        b = _mix(_U32(a ^ _U32(0x68BC21EB)))
        r = _radius(a)
        c, s = _cos_sin(b)
        ya[i] += np.sqrt(max(va[i], _F32(0))) * r * c
        yb[i] += np.sqrt(max(vb[i], _F32(0))) * r * s
    if n % 2:
        i = half - 1
        a = _mix(_U32(_mix(_U32(_U32(first + i) + k1)) ^ k2))
        c, s = _cos_sin(_mix(_U32(a ^ _U32(0x68BC21EB))))
        ya[i] += np.sqrt(max(va[i], _F32(0))) * _radius(a) * c


@njit(inline="always")
def _convert(y, inverse, low, high, weight, acc):  # type: ignore[no-untyped-def]
    """acc += weight * clip(round(y * inverse), low, high); returns how many were clipped."""
    clipped = np.int32(0)
    for j in range(y.size):
        code = np.floor(_F32(y[j]) * inverse + _F32(0.5))
        clipped += np.int32(code < low) + np.int32(code > high)
        acc[j] += np.int32(min(max(code, low), high)) * weight
    return clipped


@njit(fastmath=True, nogil=True, cache=True)
def read_bits(  # type: ignore[no-untyped-def]
    entries, counts, bits, d, s2, slices, weights, factors, lsb, low, high, width, first_vector, per_image, first_image,
    word0, word1, first_read, reads_apart, sums, total, saturated,
):  # fmt: skip
    """All phases of one row tile, for many vectors: sums of rows, noise, codes, shifted and added.

    entries, counts : as `select` makes them for digits of `bits` bits
    d : int16 or float32 (rows, slices * columns), levels; s2 : float32, the same shape, variance of the noise per
        read, or no rows for none
    weights : of the phases, int32 or int64 (phases,): what type they are, codes are summed in
    factors : float64 (slices, columns), what one code of a converted column is worth in its weight column's sum
    lsb, low, high : the ADC
    width : weight columns of a block
    first_vector, per_image, first_image : the vectors are those from first_vector on, `per_image` of each image
    word0, word1, first_read, reads_apart : noise of phase k is keyed by the read first_read + k reads_apart
    sums : of the type of d (1,), tells the type that rows are summed in
    total : float64 (vectors, columns), added to; saturated : float64 (images,), added to
    """
    vectors, phases = counts.shape
    columns = total.shape[1]
    groups = entries.shape[2]
    inverse = _F32(1) / _F32(lsb)
    lower, upper = _F32(low), _F32(high)
    noisy = s2.shape[0] > 0
    for first in range(0, columns, width):
        wide = min(width, columns - first)
        table = np.empty((SELECTIONS * groups, slices * wide), sums.dtype)
        _fill_table(d, columns, first, wide, slices, bits, False, table)
        y, acc = np.empty(slices * wide, sums.dtype), np.empty(slices * wide, weights.dtype)
        spread = np.empty((SELECTIONS * groups if noisy else 0, slices * wide), np.float32)
        v = np.empty(slices * wide, np.float32)
        if noisy:
            _fill_table(s2, columns, first, wide, slices, bits, True, spread)
        for n in range(vectors):
            image, position = (first_vector + n) // per_image, (first_vector + n) % per_image
            acc[:] = 0
            clipped = 0
            for k in range(phases):
                if counts[n, k] == 0:
                    continue  # no row is driven: no current, no noise of a driven cell, code 0
                _add_up(table, entries[n, k], counts[n, k], y)
                if noisy:
                    _add_up(spread, entries[n, k], counts[n, k], v)
                    read = first_read + k * reads_apart
                    key = _image_key(word0, word1, np.uint64(first_image + image), np.uint64(read))
                    _add_noise(y, v, key, (position * columns + first) * slices)
                clipped += _convert(y, inverse, lower, upper, weights[k], acc)
            saturated[image] += clipped
            target = total[n, first : first + wide]
            for s in range(slices):
                part, worth = acc[s * wide : (s + 1) * wide], factors[s, first : first + wide]
                for j in range(wide):
                    target[j] += worth[j] * part[j]
