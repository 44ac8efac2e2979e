"""The conductances of one moment, and the analog product that a read of them computes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from neurosim.circuits.converters import Converter, ReadKey
from neurosim.circuits.held import Converters, HeldMatrix, Read
from neurosim.circuits.parameters import CellParameters
from neurosim.kernels import reads

CACHE_LINE = 64  # bytes


@dataclass(frozen=True)
class AgedCrossbar:
    """The conductances of one moment, ready to be read.

    d, s2 : one float32 array per row tile (rows of the tile, converted columns): conductance over n g_max,
        and the variance of its per-read noise (None when there is none); of columns that float as `floating` has them
    row_siemens : float32 (rows,), conductance that an input drives, all devices and polarities
    g_siemens, variance : float32 (polarities, devices, rows, columns), what d and s2 were made from (S, S^2)
    own_siemens : the devices' own conductances where wires make those of g_siemens effective ones; None: the same
    """

    crossbar: HeldMatrix
    d: tuple[np.ndarray, ...]
    s2: tuple[np.ndarray, ...] | None
    row_siemens: np.ndarray
    g_siemens: np.ndarray
    variance: np.ndarray
    t_s: float
    own_siemens: np.ndarray | None = field(default=None, kw_only=True)

    @property
    def device_siemens(self) -> np.ndarray:
        """Conductances of the devices, frozen noise included, whatever lies around them: shape as g_siemens."""
        return self.g_siemens if self.own_siemens is None else self.own_siemens

    @staticmethod
    def of(crossbar: HeldMatrix, g_siemens: np.ndarray, variance: np.ndarray, t_s: float) -> AgedCrossbar:
        """Arrange device conductances (polarities, devices, rows, columns) for reading."""
        unit = np.float32(1 / (crossbar.device.parameters.g_max_siemens * crossbar.cell.devices_per_weight))
        columns = _converted_columns(g_siemens.sum(axis=1) * unit, crossbar.cell, -1)
        noisy = bool(variance.any())
        spreads = (
            _converted_columns((variance * (unit * unit)).sum(axis=1), crossbar.cell, 1) if noisy else None
        )
        d = rows_of(columns, crossbar.row_splits)
        s2 = None if spreads is None else rows_of(spreads, crossbar.row_splits)
        row_siemens = g_siemens.sum(axis=(0, 1, 3), dtype=np.float64).astype(np.float32)
        return AgedCrossbar(crossbar, d, s2, row_siemens, g_siemens, variance, t_s)

    def transposed(self, column_splits: tuple[int, ...]) -> AgedCrossbar:
        """The same devices driven on their columns and sensed on their rows: `forward` then gives x W^T.

        column_splits : lengths of the column tiles, each of which then has ADCs of its own
        """
        turned = replace(self.crossbar, row_splits=column_splits, sparse=False)
        g, variance = (np.ascontiguousarray(a.swapaxes(2, 3)) for a in (self.g_siemens, self.variance))
        return AgedCrossbar.of(turned, g, variance, self.t_s)

    @property
    def columns(self) -> int:
        """Weight columns."""
        return int(self.g_siemens.shape[3])

    @property
    def converts_apart(self) -> bool:
        """Whether G+ and G- have an ADC each."""
        return self.crossbar.cell.kind == "differential" and self.crossbar.cell.subtraction == "digital"

    def adc_inputs(self, x: np.ndarray, dac: Converter | None = None) -> list[np.ndarray]:  # noqa: ARG002
        """Noise-free currents at the ADCs of each row tile, in units of x: for calibration."""
        edges = np.cumsum((0, *self.crossbar.row_splits))
        return [x[:, a:b] @ d for (a, b), d in zip(pairwise(edges), self.d, strict=True)]

    def largest_inputs(self, full_scale: float) -> list[float]:
        """What a full tile would give at each row tile's ADCs: all inputs at full scale, all devices at g_max."""
        return [len(d) * full_scale for d in self.d]

    def forward(self, x: np.ndarray, read: Read, converters: Converters, gain: float = 1.0) -> np.ndarray:
        """The product x W as the chip computes it.

        x : float32 (images * positions, rows), C-contiguous, the positions of an image together
        gain : the layer's drift compensation, multiplied after conversion

        Returns float32 (images * positions, columns), without bias. Counts go to `read.tally`.
        """
        total, driven = self._converted(x, read, converters)
        scale = self.crossbar.scale
        total *= np.float32(gain * scale.per_unit)
        if scale.offset:
            total -= np.float32(scale.per_unit * scale.offset) * driven.sum(axis=1, dtype=np.float32)[:, None]
        return total

    def converted(self, x: np.ndarray, read: Read, converters: Converters) -> np.ndarray:
        """The digital sums as they come from the ADCs, before scale and offset; arguments as `forward`."""
        return self._converted(x, read, converters)[0]

    def _converted(self, x: np.ndarray, read: Read, converters: Converters) -> tuple[np.ndarray, np.ndarray]:
        if converters.dac.signed and self.crossbar.read.signed_inputs == "two_phase":
            positive, up = self._phase(np.maximum(x, 0), read, converters, 0)
            negative, down = self._phase(np.maximum(-x, 0), read, converters, 1)
            total, driven = positive - negative, up - down
        else:
            total, driven = self._phase(x, read, converters, 0)
        if self.converts_apart:
            total = total[:, : self.columns] - total[:, self.columns :]
        return total, driven

    def _phase(
        self, x: np.ndarray, read: Read, converters: Converters, phase: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """One read of all row tiles: converted sums (vectors, converted columns) and the driven inputs."""
        driven, squares = self._encode(x, read, converters.dac)
        word0, word1 = (np.uint64(word) for word in read.noise.words())
        per_image = (read.images, -1)
        total = np.zeros((len(x), self.d[0].shape[1]), np.float32)
        start = 0
        for tile, (d, adc) in enumerate(zip(self.d, converters.adcs, strict=True)):
            rows = slice(start, start + len(d))
            current = self._product(driven[:, rows], d)
            if self.s2 is not None:
                variance = self._product(squares[:, rows], self.s2[tile])
                reads.add_normals(current.reshape(per_image), variance.reshape(per_image), read.images,
                                  read.first_image, word0, word1, phase * len(self.d) + tile)  # fmt: skip
            key = ReadKey(word0, word1, read.first_image, phase * len(self.d) + tile)
            adc.convert_into(
                current.reshape(per_image), total.reshape(per_image), read.tally.adc_saturations, key
            )
            start += len(d)
        return total, driven

    def _product(self, x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        if not self.crossbar.sparse:
            return np.asarray(x @ matrix)
        product = np.empty((len(x), matrix.shape[1]), np.float32)
        reads.event_product(x, matrix, product)
        return product

    def _encode(self, x: np.ndarray, read: Read, dac: Converter) -> tuple[np.ndarray, np.ndarray]:
        driven, squares = np.empty_like(x), np.empty_like(x)
        amplitude = self.crossbar.read.coding == "amplitude"
        reads.encode(x, np.float32(dac.lsb), np.float32(dac.low), np.float32(dac.high), amplitude, self.row_siemens,
                     len(x) // read.images, driven, squares, read.tally.array_siemens,
                     read.tally.dac_saturations)  # fmt: skip
        return driven, squares


def column_totals(aged: AgedCrossbar) -> list[np.ndarray]:
    """Total conductance of every converted column in each row tile, float64, in n g_max.

    A pair that shares one ADC lies in one column: both its devices pull at the column's voltage.
    """
    crossbar = aged.crossbar
    unit = crossbar.device.parameters.g_max_siemens * crossbar.cell.devices_per_weight
    siemens = aged.g_siemens.sum(axis=1, dtype=np.float64) / unit  # (polarities, rows, columns)
    columns = np.concatenate(list(siemens), axis=1) if aged.converts_apart else siemens.sum(axis=0)
    edges = np.cumsum((0, *crossbar.row_splits))
    return [columns[a:b].sum(axis=0) for a, b in pairwise(edges)]


def floating(aged: AgedCrossbar, programmed: AgedCrossbar) -> AgedCrossbar:
    """What a read of floating columns sees: their voltages are divided by the total conductance of now, and multiplied
    back by that of programming, so that what all cells of a column have in common cancels.

    The noise of a read in the total is left out: it is smaller than that of the current by the number of rows.
    """
    gains = [
        np.divide(then, now, out=np.ones_like(now), where=now > 0).astype(np.float32)
        for then, now in zip(column_totals(programmed), column_totals(aged), strict=True)
    ]
    d = tuple(own * gain for own, gain in zip(aged.d, gains, strict=True))
    s2 = None
    if aged.s2 is not None:
        s2 = tuple(own * gain**2 for own, gain in zip(aged.s2, gains, strict=True))
    return replace(aged, d=d, s2=s2)


def rows_of(matrix: np.ndarray, lengths: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """The row tiles of a matrix, each contiguous and aligned to a cache line (a fifth faster to stream)."""
    edges = np.cumsum((0, *lengths))
    tiles = []
    for a, b in pairwise(edges):
        part = matrix[a:b]
        buffer = np.empty(part.nbytes + CACHE_LINE, np.uint8)
        first = -buffer.ctypes.data % CACHE_LINE
        tile = buffer[first : first + part.nbytes].view(np.float32).reshape(part.shape)
        tile[...] = part
        tiles.append(tile)
    return tuple(tiles)


def _converted_columns(pair: np.ndarray, cell: CellParameters, sign: int) -> np.ndarray:
    """(polarities, rows, columns) as the ADCs meet it: G- subtracted (variances: added), or side by side."""
    if len(pair) == 1:
        return np.asarray(pair[0])
    if cell.subtraction == "digital":
        return np.concatenate([pair[0], pair[1]], axis=1)
    return np.asarray(pair[0] + sign * pair[1])
