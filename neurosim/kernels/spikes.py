"""Event-driven products on integers: spikes times rows of weights, visiting the driven rows alone.

A spike list is an int32 array: flat indices (image * n + neuron) in ascending order, repeats allowed, and their
number in its last element; it is what Brian2 keeps as a group's spike space. Each function prepares a call on
fixed arrays, which a simulation then makes in every step: the C kernel of spikes.c where it can be compiled, else
its Numba twin in spike_loops.py. Sums of integers are exact, so both give the same bits, in any order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neurosim.foundation.errors import LimitError
from neurosim.kernels import spike_loops as loops
from neurosim.kernels.compiled import library

Call = Callable[[], None]
FULL = 1 << 24  # an encoder's charge at which it spikes, and the level of an input of 1
TABLE_COLUMNS = 8  # columns of a table's rows and sums are padded to a multiple of this
MOST_ROWS = 65_536  # of one tile: int16 rows then add up within 32 bits
_BITS = {np.dtype(np.int8): 8, np.dtype(np.int16): 16, np.dtype(np.int32): 32}
_VECTOR_BYTES = 64


@dataclass(frozen=True)
class Rows:
    """Integer weights as the kernels read them.

    plain : (rows, columns) int8, int16 or int32
    packed : the same padded to whole vectors, the lower halves of lanes offset (see spikes.c)
    """

    plain: np.ndarray
    packed: np.ndarray

    @property
    def bits(self) -> int:
        """Bits of a weight."""
        return _BITS[self.plain.dtype]

    @property
    def width(self) -> int:
        """Elements from one packed row to the next."""
        return int(self.packed.shape[1])

    @property
    def sums(self) -> Any:
        """Type of a sum of rows."""
        return np.int64 if self.bits == 32 else np.int32


@dataclass(frozen=True)
class Table:
    """Connections of a convolution: input j adds row `rows[e]` to the sums that begin at `slots[e]` of its image's,
    for e in first[j]..first[j + 1].

    first : int64 (inputs + 1,); slots : int64, rows : int32 (entries,)
    block : elements from one image's sums to the next
    """

    first: np.ndarray
    slots: np.ndarray
    rows: np.ndarray
    block: int


@dataclass(frozen=True)
class Fire:
    """What integrate-and-fire neurons with reset by subtraction need, beside their input.

    scale, bias, threshold : float64 (neurons,); v += scale * sum + bias
    strict : spikes where v > threshold, else where v >= threshold
    v : float64 (images * neurons,); sent : the population's spike list
    """

    scale: np.ndarray
    bias: np.ndarray
    threshold: np.ndarray
    strict: bool
    v: np.ndarray
    sent: np.ndarray


class KernelCall:
    """A C function with its arguments, as one array of 64-bit words; the arrays stay alive with it."""

    def __init__(self, function: Any, *arguments: np.ndarray | int) -> None:
        self._keep: list[Any] = [*arguments]
        self.address = ctypes.cast(function, ctypes.c_void_p).value or 0
        words = [a.ctypes.data if isinstance(a, np.ndarray) else int(a) for a in arguments]
        self.words = np.array(words, np.int64)
        function.restype, function.argtypes = None, [ctypes.c_void_p]
        self._call = partial(function, self.words.ctypes.data)

    def __call__(self) -> None:
        self._call()


def chained(calls: Iterable[Call]) -> list[Call]:
    """The same calls, runs of C functions made one call each: a call from Python costs as much as a small layer."""
    done: list[Call] = []
    run: list[KernelCall] = []
    for call in (*calls, None):
        if isinstance(call, KernelCall):
            run.append(call)
            continue
        if run:
            done.append(run[0] if len(run) == 1 else _chain(run))
            run = []
        if call is not None:
            done.append(call)
    return done


def _chain(run: list[KernelCall]) -> KernelCall:
    own = library("spikes")
    assert own is not None
    functions = np.array([call.address for call in run], np.int64)
    arguments = np.array([call.words.ctypes.data for call in run], np.int64)
    made = KernelCall(own.chain, functions, arguments, len(run))
    made._keep += run
    return made


def repeated(calls: list[Call], times: int) -> list[Call]:
    """So many rounds of the calls as one call, where a round is a single C function; else an empty list."""
    own = library("spikes")
    if own is None or len(calls) != 1 or not isinstance(calls[0], KernelCall):
        return []
    made = KernelCall(own.repeat, calls[0].address, calls[0].words, times)
    made._keep.append(calls[0])
    return [made]


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


def dense(spikes: np.ndarray, images: int, edges: np.ndarray, rows: Rows, out: np.ndarray) -> Call:
    """out[tile, image] = sum of the rows of that tile that the image's spikes name.

    spikes : a spike list of `images` x `edges[-1]` inputs; edges : int64 (tiles + 1,), borders of the row tiles
    out : int32 (tiles, images, columns), int64 for int32 rows; overwritten
    """
    n, tiles, columns = int(edges[-1]), len(edges) - 1, rows.plain.shape[1]
    if (own := library("spikes")) is None:
        return partial(loops.dense, spikes, images, n, edges, rows.plain, out)
    return KernelCall(getattr(own, f"dense{rows.bits}"), spikes, len(spikes) - 1, images, n, edges, tiles,
                      rows.packed, rows.width, columns, out)  # fmt: skip


def fused(spikes: np.ndarray, images: int, rows: Rows, fire: Fire) -> Call:
    """A whole dense layer of one tile: products, thresholds, resets and the spike list of its neurons."""
    n, columns = rows.plain.shape
    sums, flags = np.zeros(columns, rows.sums), np.zeros(columns, np.uint8)
    neurons = (fire.scale, fire.bias, fire.threshold, fire.strict, fire.v, fire.sent)
    if (own := library("spikes")) is None:
        return partial(loops.fused, spikes, images, n, rows.plain, *neurons, sums)
    return KernelCall(getattr(own, f"fused{rows.bits}"), spikes, len(spikes) - 1, images, n, rows.packed,
                      rows.width, columns, *neurons, sums, np.zeros(columns), flags)  # fmt: skip


def table(spikes: np.ndarray, along: Table, rows: Rows, out: np.ndarray) -> Call:
    """Sums along a table of connections; out : flat int32 (int64 for int32 rows), overwritten."""
    n = len(along.first) - 1
    if (own := library("spikes")) is None:
        return partial(
            loops.table, spikes, n, along.first, along.slots, along.rows, rows.packed, along.block, out
        )
    return KernelCall(getattr(own, f"table{rows.bits}"), spikes, len(spikes) - 1, n, along.first, along.slots,
                      along.rows, rows.packed, rows.width, along.block, out, out.size)  # fmt: skip


def fused_table(spikes: np.ndarray, images: int, along: Table, rows: Rows, place: np.ndarray,
                fire: Fire) -> Call:  # fmt: skip
    """A whole convolution of one tile, and its neurons; neuron j takes the sum at place[j], int32 (neurons,)."""
    n, sums, flags = len(along.first) - 1, np.zeros(along.block, rows.sums), np.zeros(len(place), np.uint8)
    neurons = (fire.scale, fire.bias, fire.threshold, fire.strict, fire.v, fire.sent)
    if (own := library("spikes")) is None:
        return partial(loops.fused_table, spikes, images, n, along.first, along.slots, along.rows, rows.packed, place,
                       *neurons, sums)  # fmt: skip
    return KernelCall(getattr(own, f"fused_table{rows.bits}"), spikes, len(spikes) - 1, images, n, along.first,
                      along.slots, along.rows, rows.packed, rows.width, along.block, len(place), place, *neurons,
                      sums, np.zeros(len(place)), flags)  # fmt: skip


def encode(active: np.ndarray, level: np.ndarray, charge: np.ndarray, spikes: np.ndarray) -> Call:
    """One step of a deterministic rate code: charge += level; a spike where it reaches FULL, which is taken off.

    active : the inputs that are not zero, a spike list of the same length as `spikes`
    level, charge : int32, one for each in that list
    """
    if (own := library("spikes")) is None:
        return partial(loops.encode_rate, active, level, charge, FULL, spikes)
    return KernelCall(own.encode, active, len(active) - 1, level, charge, spikes, FULL)


def winners(
    spikes: np.ndarray, windows: Table, taps: np.ndarray, counts: np.ndarray, out: np.ndarray
) -> Call:
    """Max pooling of spikes: a window passes the spikes of the neuron that has made most so far, this step's
    included; of equals the first in the window.

    windows : `first` and `rows`, the windows that hold an input
    taps : int32 (windows, k), the inputs of a window in order, -1 for the margin
    counts : int32 (images, n), spikes so far, updated; out : the pooled spike list
    """
    images, n = counts.shape
    flags = np.zeros(len(taps), np.uint8)
    if (own := library("spikes")) is None:
        return partial(loops.winners, spikes, n, windows.first, windows.rows, taps, counts, flags, out)
    return KernelCall(own.winners, spikes, len(spikes) - 1, images, n, windows.first, windows.rows, taps,
                      taps.shape[1], counts, flags, len(taps), out)  # fmt: skip


def tally(spikes: np.ndarray, n: int, history: np.ndarray, clock: np.ndarray) -> Call:
    """history[clock] = spikes of each image; history : float64 (steps, images), of populations of n neurons."""
    if (own := library("spikes")) is None:
        return partial(loops.tally, spikes, n, history, clock)
    return KernelCall(own.tally, spikes, len(spikes) - 1, history.shape[1], n, history, clock)


@dataclass(frozen=True)
class Arrivals:
    """Where a layer's inputs arrive, and what their spikes drive.

    first : int64 (inputs + 1,); slots : int64, tile * vectors + vector, for e in first[j]..first[j + 1]
    siemens_of : float64 (inputs,), what a spike of each input drives
    tiles, vectors : of the layer
    here : int32 (images, tiles * vectors), spikes at each slot in this step
    """

    first: np.ndarray
    slots: np.ndarray
    siemens_of: np.ndarray
    tiles: int
    vectors: int
    here: np.ndarray


def arrive(spikes: np.ndarray, to: Arrivals, clock: np.ndarray, arrived: np.ndarray, reads: np.ndarray,
           driven: np.ndarray, siemens: np.ndarray) -> Call:  # fmt: skip
    """Fill `to.here`, and row `clock` of float64 (steps, images): spikes at rows, tiles read over all vectors, vectors
    with any read, and the conductance driven."""
    n, rows = len(to.first) - 1, (arrived, reads, driven, siemens)
    if (own := library("spikes")) is None:
        return partial(
            loops.arrive, spikes, n, to.first, to.slots, to.siemens_of, to.here, to.tiles, clock, *rows
        )
    return KernelCall(own.arrive, spikes, len(spikes) - 1, len(to.here), n, to.first, to.slots, to.siemens_of, to.here,
                      to.tiles, to.vectors, clock, *rows)  # fmt: skip


def note(spikes: np.ndarray, counts: np.ndarray, history: np.ndarray, clock: np.ndarray) -> Call:
    """counts[index] += 1 for every spike, and counts so far into history[clock], clock being then moved on.

    counts : float32, flat indices as the list's; history : float32 (steps, *shape of counts); clock : int64 (1,)
    """
    if (own := library("spikes")) is None:
        return partial(loops.note, spikes, counts, history, clock)
    return KernelCall(own.note, spikes, len(spikes) - 1, counts, counts.size, history, clock)
