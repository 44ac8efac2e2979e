"""Conversions that are not uniform: the search of a charge-redistribution converter, and levels from a table.

Both take v = y / lsb + 1/2, as `reads.convert` does, and compare it with whole numbers where there is no error, so
that a converter without errors gives the bits of the uniform one. Products may be fused with sums, nothing else may
be reordered: comparisons have to stay exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_F32 = np.float32


@njit(fastmath={"contract"}, nogil=True, cache=True)
def convert_sar(y, noise, lsb, low, high, lowest, weights, out, saturated):  # type: ignore[no-untyped-def]
    """out += lsb * code, the codes found bit by bit, the most significant first; counts inputs out of range.

    y, out : float32 (images, n), n a multiple of the columns; noise : float32 (images, bits * n), in steps, of the
        comparisons (bit 0 first), or (0, 0) for none
    lowest : code of all bits off; weights : float32 (bits, columns), what each bit adds, in steps
    saturated : float64 (images,), added to; an input is out of range below low - 1/2 or from high + 1/2 steps on
    """
    inverse = _F32(1) / lsb
    lower, upper, first = _F32(low), _F32(high), _F32(lowest)
    bits, columns = weights.shape
    n = y.shape[1]
    v, level = np.empty(n, np.float32), np.empty(n, np.float32)
    code, quiet = np.empty(n, np.float32), np.zeros(n, np.float32)
    for row in range(y.shape[0]):
        source, target = y[row], out[row]
        clipped = np.int32(0)
        for i in range(n):
            v[i] = source[i] * inverse + _F32(0.5)
            clipped += np.int32(v[i] < lower) + np.int32(v[i] >= upper + _F32(1))
        level[:] = first
        code[:] = first
        for bit in range(bits - 1, -1, -1):
            z = noise[row, bit * n : (bit + 1) * n] if noise.shape[0] > 0 else quiet
            step, weight = _F32(1 << bit), weights[bit]
            for start in range(0, n, columns):
                sampled, drawn = v[start : start + columns], z[start : start + columns]
                reached, found = level[start : start + columns], code[start : start + columns]
                for i in range(columns):
                    trial = reached[i] + weight[i]
                    kept = sampled[i] + drawn[i] >= trial
                    reached[i] = trial if kept else reached[i]
                    found[i] += step if kept else _F32(0)
        for i in range(n):
            target[i] += min(max(code[i], lower), upper) * lsb
        saturated[row] += clipped


@njit(fastmath={"contract"}, nogil=True, cache=True)
def convert_table(y, lsb, low, high, transitions, out, saturated):  # type: ignore[no-untyped-def]
    """out += lsb * code, the code being low plus the number of transitions that the input has reached.

    y, out : float32 (images, n); transitions : float32 (high - low,), rising, of v (half a step above the input's
        own): c exactly, for the transition into code c of a converter without errors
    saturated : float64 (images,), added to; an input is out of range below low - 1/2 or from high + 1/2 steps on
    """
    inverse = _F32(1) / lsb
    lower, upper = _F32(low), _F32(high)
    last = transitions.size
    for row in range(y.shape[0]):
        source, target = y[row], out[row]
        clipped = np.int32(0)
        for i in range(y.shape[1]):
            v = source[i] * inverse + _F32(0.5)
            clipped += np.int32(v < lower) + np.int32(v >= upper + _F32(1))
            k = np.int64(min(max(np.floor(v), lower), upper) - lower)  # errors are small: the code is near
            while k > 0 and v < transitions[k - 1]:
                k -= 1
            while k < last and v >= transitions[k]:
                k += 1
            target[i] += (_F32(k) + lower) * lsb
        saturated[row] += clipped
