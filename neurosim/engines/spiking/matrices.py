"""Weighted layers as both routes of the engine hold them: integer weights on a grid, and what follows the sum.

Conductances, as a chip at one time has them, are rounded to a grid, so that sums of the rows that spikes drive are
exact in any order; noise, conversion, scale and bias are applied to the sums by one function, `Sums.currents`.
That makes the two routes equal spike for spike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurosim.circuits.converters import Converter, ReadKey
from neurosim.circuits.crossbar import AgedCrossbar
from neurosim.foundation.streams import Stream
from neurosim.graph import Operation, Weighted
from neurosim.kernels import reads, spike_loops
from neurosim.kernels.spikes import Rows, dense_rows, table_rows
from neurosim.programming import AgedLayer

Grid = Literal["int8", "int16", "int32"]
GRIDS: dict[str, Any] = {"int8": np.int8, "int16": np.int16, "int32": np.int32}
CONDUCTANCE_STEP = 2.0**-13  # of n g_max, on the int16 grid: conductances up to 4 g_max fit
_MOST = {"int8": 127, "int16": 32767, "int32": 2**30}


@dataclass(frozen=True)
class Wiring:
    """Where the inputs of a weighted layer arrive and where its outputs come from.

    first : int64 (inputs + 1,); of input j are the entries first[j]..first[j + 1]
    slots : int64 (entries,), read it arrives at: tile * vectors + vector, a vector being one position of one group
    rows : int32 (entries,), row of the stacked matrices (group * rows + row)
    place : int64 (outputs,), vector * columns + column that an output is
    column : int64 (outputs,), group * columns + column
    tiles, vectors : row tiles, and input vectors of an image over all groups
    edges : int64 (tiles + 1,), borders of the row tiles of one matrix
    dense : one vector, whose inputs are the rows themselves
    """

    first: np.ndarray
    slots: np.ndarray
    rows: np.ndarray
    place: np.ndarray
    column: np.ndarray
    tiles: int
    vectors: int
    edges: np.ndarray
    dense: bool

    @staticmethod
    def of(layer: Weighted, row_splits: tuple[int, ...]) -> Wiring:
        """The wiring of a bound layer, found by unfolding an image of its own indices."""
        shape = layer.input_shapes[0]
        n = int(np.prod(shape))
        index = np.arange(1, n + 1, dtype=np.float32).reshape(1, *shape)  # exact below 2^24
        unfolded = (
            layer.unfold(index)[:, 0].astype(np.int64) - 1
        )  # (groups, positions, rows), -1 for the margin
        groups, positions, rows = unfolded.shape
        edges = np.cumsum((0, *row_splits))
        vectors = groups * positions
        group, position, row = np.indices(unfolded.shape).reshape(3, -1)
        tile = np.searchsorted(edges, row, side="right") - 1
        source = unfolded.ravel()
        slot, stacked = tile * vectors + group * positions + position, group * rows + row
        kept = source >= 0
        order = np.lexsort((slot[kept], source[kept]))
        first = np.searchsorted(source[kept][order], np.arange(n + 1))
        shape_of = (groups, 1, positions, layer.columns)
        products = np.arange(vectors * layer.columns, dtype=np.float32).reshape(shape_of)
        place = layer.assemble(products).ravel().astype(np.int64)
        column = place // layer.columns // positions * layer.columns + place % layer.columns
        return Wiring(first.astype(np.int64), slot[kept][order].astype(np.int64),
                      stacked[kept][order].astype(np.int32), place, column, len(row_splits), vectors,
                      edges.astype(np.int64), vectors == 1)  # fmt: skip


@dataclass(frozen=True)
class Analog:
    """What stands between a chip's sums and its digital side.

    adcs : (groups, tiles)
    noise : noise's key of each group
    variances : the rows' per-read variances on their own grid, None without noise; step_variance : one step of it
    """

    adcs: tuple[tuple[Converter, ...], ...]
    noise: tuple[tuple[np.uint64, np.uint64], ...]
    variances: Rows | None
    step_variance: float


@dataclass(frozen=True)
class Matrix:
    """A weighted layer, its weights integers on a grid.

    rows : (groups * rows, converted columns) ; step : one step of the grid in units of n g_max (of the weights
        where there is no chip)
    columns : weight columns of a group; converted columns are twice as many where G+ and G- are converted apart
    scale, bias, offset : float64 (outputs,), of the digital side; offset times the arrivals comes off
    siemens_of : float64 (inputs,), conductance that a spike of each input drives
    crossbars : of the chip, for inputs that are no spikes; None without a chip
    """

    operation: Operation
    wiring: Wiring
    rows: Rows
    step: float
    columns: int
    apart: bool
    scale: np.ndarray
    bias: np.ndarray
    offset: np.ndarray | None
    siemens_of: np.ndarray
    analog: Analog | None
    layer: AgedLayer | None = None
    noise: Stream | None = None

    @property
    def layer_of(self) -> Weighted:
        """The weighted layer."""
        assert isinstance(self.operation.layer, Weighted)
        return self.operation.layer

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return len(self.wiring.first) - 1

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.wiring.place)

    @property
    def simple(self) -> bool:
        """One tile, and nothing between the sum and the neuron but a scale and a bias."""
        return self.wiring.tiles == 1 and self.analog is None and self.offset is None and not self.apart


def ideal_matrix(operation: Operation, grid: Grid) -> Matrix:
    """A weighted layer without a chip: its own weights, rounded to 2^30 steps (int32), or to fewer."""
    layer = operation.layer
    assert isinstance(layer, Weighted)
    weights = layer.matrices(operation.params).astype(np.float64)
    wiring = Wiring.of(layer, (layer.rows,))
    step = _step_of(weights, grid)
    return Matrix(operation, wiring, _rows(weights, step, grid, wiring), step, layer.columns, False,
                  np.full(len(wiring.place), step), _bias(operation, wiring), None,
                  np.zeros(len(wiring.first) - 1), None)  # fmt: skip


def chip_matrix(operation: Operation, aged: AgedLayer, grid: Grid, noise: Stream) -> Matrix:
    """A weighted layer as an aged chip holds it; `noise` keys its reads."""
    layer = operation.layer
    assert isinstance(layer, Weighted)
    crossbars = aged.crossbars
    own = crossbars[0].crossbar
    wiring = Wiring.of(layer, own.row_splits)
    effective = np.stack([np.concatenate(c.d) for c in crossbars]).astype(np.float64)
    step = _step_of(effective, grid, CONDUCTANCE_STEP)
    groups = np.array([aged.gain * c.crossbar.scale.per_unit for c in crossbars])
    analog = _analog(aged, crossbars, grid, noise, wiring)
    scale = np.repeat(groups, layer.columns)[wiring.column]
    offset = None
    if own.scale.offset:
        offsets = np.array([c.crossbar.scale.per_unit * c.crossbar.scale.offset for c in crossbars])
        offset = np.repeat(offsets, layer.columns)[wiring.column]
    siemens = np.concatenate([c.row_siemens for c in crossbars]).astype(np.float64)
    siemens_of = np.add.reduceat(
        np.append(siemens[wiring.rows], 0.0), np.minimum(wiring.first[:-1], len(wiring.rows))
    )
    siemens_of[np.diff(wiring.first) == 0] = 0
    return Matrix(operation, wiring, _rows(effective, step, grid, wiring), step, layer.columns,
                  crossbars[0].converts_apart, scale if analog else scale * step, _bias(operation, wiring), offset,
                  siemens_of, analog, aged, noise)  # fmt: skip


def _analog(aged: AgedLayer, crossbars: tuple[AgedCrossbar, ...], grid: Grid, noise: Stream,
            wiring: Wiring) -> Analog | None:  # fmt: skip
    noisy = crossbars[0].s2 is not None
    if not noisy and not aged.converters[0].adcs[0].lsb:
        return None
    variances, step = None, 0.0
    if noisy:
        squares = np.stack([np.concatenate(c.s2 or ()) for c in crossbars]).astype(np.float64)
        step = 2.0 ** np.ceil(np.log2(float(squares.max()) / _MOST[grid])) if squares.any() else 1.0
        variances = _rows(squares, step, grid, wiring)
    words = (noise.child(group).words() for group in range(len(crossbars)))
    keys = tuple((np.uint64(a), np.uint64(b)) for a, b in words)
    return Analog(tuple(c.adcs for c in aged.converters), keys, variances, step)


def _step_of(weights: np.ndarray, grid: Grid, usual: float | None = None) -> float:
    """int8: the largest magnitude in 127 steps. int16: the usual step of conductances, doubled until all fit.
    Else the smallest power of two with which all fit. Whole numbers that fit keep a step of 1."""
    largest = float(np.abs(weights).max(initial=0)) or 1.0
    if usual is None and largest <= _MOST[grid] and (weights == np.rint(weights)).all():
        return 1.0
    if grid == "int8":
        return largest / _MOST[grid]
    fits = float(2.0 ** np.ceil(np.log2(largest / _MOST[grid])))
    return max(fits, usual) if usual is not None and grid == "int16" else fits


def _rows(weights: np.ndarray, step: float, grid: Grid, wiring: Wiring) -> Rows:
    most = _MOST[grid]
    whole = np.clip(np.rint(weights / step), -most, most).astype(GRIDS[grid])
    stacked = whole.reshape(-1, whole.shape[-1])
    return dense_rows(stacked) if wiring.dense else table_rows(stacked)


def _bias(operation: Operation, wiring: Wiring) -> np.ndarray:
    assert isinstance(operation.layer, Weighted)
    bias = operation.layer.bias(operation.params)
    if bias is None:
        return np.zeros(len(wiring.place))
    return np.asarray(bias.ravel()[wiring.column], np.float64)


class Sums:
    """The sums of one block of images on their way to the neurons: buffers, and the one function both routes share.

    sums, squares : integers (tiles, images, block); `block` holds the vectors of an image, `width` columns each
    """

    def __init__(self, matrix: Matrix, images: int) -> None:
        self.matrix, self.images = matrix, images
        wiring, rows = matrix.wiring, matrix.rows
        self.converted = matrix.columns * (2 if matrix.apart else 1)
        self.width = self.converted if wiring.dense else rows.packed.shape[1]
        shape = (wiring.tiles, images, wiring.vectors * self.width)
        self.sums = np.zeros(shape, rows.sums)
        analog = matrix.analog
        self.squares = None if analog is None or analog.variances is None else np.zeros(shape, rows.sums)
        self.saturations = np.zeros(images)
        padded = self.width if analog is None else self.converted
        vector, column = np.divmod(wiring.place, matrix.columns)
        self.place = vector * padded + column
        self.minus = self.place + matrix.columns if matrix.apart else np.zeros(0, np.int64)
        self.vector = vector

    def currents(self, first_image: int, step: int, arrivals: np.ndarray | None, x: np.ndarray) -> None:
        """The layer's outputs from its sums: noise and conversion per tile, then scale and bias.

        arrivals : int32 (images, tiles * vectors), needed where an offset comes off; x : float64 (images,
        outputs), overwritten. Saturations of converters are counted in `saturations` (images,), overwritten.
        """
        matrix = self.matrix
        self.saturations[:] = 0
        sums = self.sums if matrix.analog is None else self._converted(matrix.analog, first_image, step)
        spike_loops.currents(sums, self.place, self.minus, matrix.scale, matrix.bias, x)
        if matrix.offset is not None and arrivals is not None:
            given = arrivals.reshape(self.images, matrix.wiring.tiles, -1).sum(axis=1)
            x -= given[:, self.vector] * matrix.offset

    def _converted(self, analog: Analog, first_image: int, step: int) -> np.ndarray:
        """float32 (1, images, vectors * converted columns): the converted sums, added over the tiles."""
        wiring, groups = self.matrix.wiring, len(analog.adcs)
        total = np.zeros((groups, self.images, wiring.vectors // groups * self.converted), np.float32)
        for tile in range(wiring.tiles):
            for group in range(groups):
                y = self._part(self.sums, tile, group, groups) * np.float32(self.matrix.step)
                if self.squares is not None:
                    v = self._part(self.squares, tile, group, groups) * np.float32(analog.step_variance)
                    reads.add_normals(y, v, self.images, first_image, *analog.noise[group],
                                      step * wiring.tiles + tile)  # fmt: skip
                key = ReadKey(*analog.noise[group], first_image, step * wiring.tiles + tile)
                analog.adcs[group][tile].convert_into(y, total[group], self.saturations, key)
        return np.ascontiguousarray(total.transpose(1, 0, 2)).reshape(1, self.images, -1)

    def _part(self, sums: np.ndarray, tile: int, group: int, groups: int) -> np.ndarray:
        """float32 (images, positions * converted columns) of one tile and group, contiguous."""
        parts = sums[tile].reshape(self.images, groups, -1, self.width)[:, group, :, : self.converted]
        return np.ascontiguousarray(parts, np.float32).reshape(self.images, -1)
