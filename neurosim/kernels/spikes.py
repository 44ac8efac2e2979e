"""Event-driven products on integers: spikes times rows of weights, visiting the driven rows alone.

A spike list is an int32 array: flat indices (image * n + neuron) in ascending order, repeats allowed, and their
number in its last element; it is what Brian2 keeps as a group's spike space. Each function prepares a call on
fixed arrays, which a simulation then makes in every step: the C kernel of spikes.c where it can be compiled, else
its Numba twin. Sums of integers are exact, so both give the same bits, in any order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from neurosim.foundation.errors import LimitError
from neurosim.kernels.compiled import library

Call = Callable[[], None]
_BITS = {np.dtype(np.int8): 8, np.dtype(np.int16): 16, np.dtype(np.int32): 32}
_VECTOR_BYTES = 64
TABLE_COLUMNS = 8  # columns of a table's rows and sums are padded to a multiple of this
MOST_ROWS = 65_536  # of one tile: int16 rows then add up within 32 bits


@dataclass(frozen=True)
class Rows:
    """Integer weights as the kernels read them.

    plain : (rows, columns) int8, int16 or int32
    packed : the same padded to whole vectors, the lower halves of lanes offset (see spikes.c); rows `ld` apart
    """

    plain: np.ndarray
    packed: np.ndarray

    @property
    def bits(self) -> int:
        """Bits of a weight."""
        return _BITS[self.plain.dtype]

    @property
    def sums(self) -> Any:
        """Type of a sum of rows."""
        return np.int64 if self.bits == 32 else np.int32


def dense_rows(weights: np.ndarray) -> Rows:
    """Prepare (rows, columns) int8, int16 or int32 weights for `dense` and `fused`.

    int8 weights must keep within -127..127. Raises LimitError for more than 65,536 rows.
    """
    if len(weights) > MOST_ROWS:
        raise LimitError("weights", f"at most {MOST_ROWS} rows", str(len(weights)), "split the layer")
    lanes = _VECTOR_BYTES // weights.itemsize
    padded = _aligned(len(weights), -(-weights.shape[1] // lanes) * lanes, weights.dtype)
    padded[:, : weights.shape[1]] = weights
    if weights.dtype != np.int32:  # the lower half of a lane: flip its top bit, which adds half its range
        low = padded.view(np.uint8 if weights.dtype == np.int8 else np.uint16)[:, ::2]
        np.bitwise_xor(low, low.dtype.type(1 << (8 * weights.itemsize - 1)), out=low)
    return Rows(np.ascontiguousarray(weights), padded)


def table_rows(weights: np.ndarray) -> Rows:
    """Prepare (rows, columns) weights for `table`: padded columns, no lanes."""
    width = -(-weights.shape[1] // TABLE_COLUMNS) * TABLE_COLUMNS
    padded = _aligned(len(weights), width, weights.dtype)
    padded[:, : weights.shape[1]] = weights
    return Rows(padded, padded)


def _aligned(rows: int, columns: int, dtype: Any) -> np.ndarray:
    """Zeros (rows, columns) that begin on a cache line."""
    n_bytes = rows * columns * np.dtype(dtype).itemsize
    buffer = np.zeros(n_bytes + _VECTOR_BYTES, np.uint8)
    first = -buffer.ctypes.data % _VECTOR_BYTES
    return np.asarray(buffer[first : first + n_bytes].view(dtype).reshape(rows, columns))


def dense(spikes: np.ndarray, images: int, edges: np.ndarray, rows: Rows, out: np.ndarray,
          compiled: bool = True) -> Call:  # fmt: skip
    """out[tile, image] = sum of the rows of that tile that the image's spikes name.

    spikes : a spike list of `images` x `edges[-1]` inputs; edges : int64 (tiles + 1,), borders of the row tiles
    out : int32 (tiles, images, columns), int64 for int32 rows; overwritten
    """
    n, tiles = int(edges[-1]), len(edges) - 1
    columns = rows.plain.shape[1]
    own = library("spikes") if compiled else None
    if own is None:
        return partial(_dense, spikes, images, n, edges, rows.plain, out)
    return _bound(getattr(own, f"dense{rows.bits}"), spikes, len(spikes) - 1, images, n, edges, tiles,
                  rows.packed, rows.packed.shape[1], columns, out)  # fmt: skip


def fused(spikes: np.ndarray, images: int, rows: Rows, scale: float, bias: np.ndarray, threshold: np.ndarray,
          strict: bool, v: np.ndarray, sent: np.ndarray, compiled: bool = True) -> Call:  # fmt: skip
    """A whole dense layer of integrate-and-fire neurons with reset by subtraction.

    v += scale * (sum of rows) + bias; a neuron spikes where v >= threshold (strict: v > threshold), which is taken
    off. bias, threshold : float64 (columns,); v : float64 (images * columns,); sent : the population's spike list
    """
    n, columns = rows.plain.shape
    sums, flags = np.zeros(columns, rows.sums), np.zeros(columns, np.uint8)
    own = library("spikes") if compiled else None
    if own is None:
        return partial(_fused, spikes, images, n, rows.plain, scale, bias, threshold, strict, v, sent, sums)
    return _bound(getattr(own, f"fused{rows.bits}"), spikes, len(spikes) - 1, images, n, rows.packed,
                  rows.packed.shape[1], columns, float(scale), bias, threshold, int(strict), v, sent, sums,
                  flags)  # fmt: skip


def table(spikes: np.ndarray, images: int, first: np.ndarray, slots: np.ndarray, rows_of: np.ndarray, rows: Rows,
          block: int, out: np.ndarray, compiled: bool = True) -> Call:  # fmt: skip
    """Sums along a table of connections (a convolution's): input j adds row `rows_of[e]` to the sums that begin
    at `slots[e]` of its image's, for e in first[j]..first[j + 1].

    first : int64 (inputs + 1,); slots : int64, rows_of : int32 (entries,)
    block : elements from one image's sums to the next; out : flat int32 (int64 for int32 rows), zeroed first
    """
    n = len(first) - 1
    own = library("spikes") if compiled else None
    if own is None:
        return partial(_table, spikes, n, first, slots, rows_of, rows.packed, block, out)
    add = _bound(getattr(own, f"table{rows.bits}"), spikes, len(spikes) - 1, images, n, first, slots, rows_of,
                 rows.packed, rows.packed.shape[1], block, out)  # fmt: skip

    def call() -> None:
        out.fill(0)
        add()

    return call


def _bound(function: Any, *arguments: Any) -> Call:
    """The C function with its arguments converted once; the arrays stay alive with the call."""
    given = tuple(
        ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray)
        else ctypes.c_double(a) if isinstance(a, float) else ctypes.c_long(a)
        for a in arguments
    )  # fmt: skip
    function.restype = None
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]

    def call(_keep: list[np.ndarray] = arrays) -> None:
        function(*given)

    return call


@njit(nogil=True, cache=True)
def _dense(spikes, images, n, edges, w, out):  # type: ignore[no-untyped-def]
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
def _fused(spikes, images, n, w, scale, bias, threshold, strict, v, sent, sums):  # type: ignore[no-untyped-def]
    q, count, m = 0, spikes[-1], bias.size
    k = 0
    for b in range(images):
        sums[:] = 0
        while q < count and spikes[q] < (b + 1) * n:
            row = w[spikes[q] - b * n]
            for j in range(m):
                sums[j] += row[j]
            q += 1
        for j in range(m):
            after = v[b * m + j] + (sums[j] * scale + bias[j])
            if after > threshold[j] or (after == threshold[j] and not strict):
                after -= threshold[j]
                sent[k] = b * m + j
                k += 1
            v[b * m + j] = after
    sent[-1] = k


@njit(nogil=True, cache=True)
def _table(spikes, n, first, slots, rows_of, w, block, out):  # type: ignore[no-untyped-def]
    out[:] = 0
    for q in range(spikes[-1]):
        b = spikes[q] // n
        j = spikes[q] - b * n
        for e in range(first[j], first[j + 1]):
            start = b * block + slots[e]
            row = w[rows_of[e]]
            for c in range(row.size):
                out[start + c] += row[c]
