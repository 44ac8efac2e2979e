"""The crossbar: a weight matrix held by devices on tiles, and the analog product it computes.

It knows no layer type. Programming makes a `Crossbar` (the devices, for life); `age_to` makes an
`AgedCrossbar` (what a read at that time sees), or its counterpart for sliced weights and inputs in phases
(`circuits.sliced`). Reading changes nothing but the tally.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from neurosim.circuits.cells import WeightScale, cell_targets, sliced_targets
from neurosim.circuits.converters import Converter, ReadKey
from neurosim.circuits.parameters import CellParameters, ReadParameters, WireParameters
from neurosim.circuits.wires import effective
from neurosim.devices.device import Device
from neurosim.foundation.streams import Stream
from neurosim.kernels import reads

CACHE_LINE = 64  # bytes
# With a smaller part of the inputs driven, and at least so many columns, visiting the driven rows alone is
# faster than the whole matrix product (benchmarks/speed.py).
SPARSE_INPUTS, SPARSE_COLUMNS = 0.4, 64


@dataclass
class Tally:
    """What the data decide, counted per image of a block: float64 (images,) each."""

    images: int
    array_siemens: np.ndarray = field(init=False)
    dac_saturations: np.ndarray = field(init=False)
    adc_saturations: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.array_siemens, self.dac_saturations, self.adc_saturations = (
            np.zeros(self.images) for _ in range(3)
        )


@dataclass(frozen=True)
class Converters:
    """The calibrated converters of a crossbar: one DAC setting, one ADC setting per row tile."""

    dac: Converter
    adcs: tuple[Converter, ...]


@dataclass(frozen=True)
class Read:
    """Which images a read serves, and the key of its noise.

    `first_image` is the data-set index of the first of `images` consecutive images.
    """

    first_image: int
    images: int
    noise: Stream
    tally: Tally

    @staticmethod
    def unseen(images: int) -> Read:
        """A read whose events nobody wants to know, and that draws no noise."""
        return Read(0, images, Stream(0), Tally(images))


@dataclass(frozen=True)
class Crossbar:
    """A programmed matrix (rows, columns), cut into row tiles of the given lengths.

    `state` is the device technology's struct of arrays, shape (polarities, devices, rows, columns), the devices of
    sliced weights slice by slice; `sparse` says that most inputs are zero, and products visit the driven rows alone.
    flips : of sliced weights, columns that hold complements, as `SlicedTargets` has them
    """

    device: Device[Any]
    cell: CellParameters
    read: ReadParameters
    row_splits: tuple[int, ...]
    scale: WeightScale
    state: Any
    stream: Stream
    sparse: bool = False
    wires: WireParameters | None = None
    column_splits: tuple[int, ...] | None = None
    flips: np.ndarray | None = None

    @property
    def in_parts(self) -> bool:
        """Whether weights come in slices or inputs in phases, so that `age_to` gives an `AgedSliced`."""
        return self.cell.sliced or self.read.serial

    @staticmethod
    def program(weights: np.ndarray, device: Device[Any], cell: CellParameters, read: ReadParameters,
                row_splits: tuple[int, ...], stream: Stream, driven: float = 1.0,
                wires: WireParameters | None = None, column_splits: tuple[int, ...] | None = None,
                ) -> Crossbar:  # fmt: skip
        """Program a float32 matrix (rows, columns) into fresh devices drawn from `stream`.

        driven : part of the inputs that is not zero on calibration data; decides how products are computed
        wires, column_splits : resistances around the cells, and the lengths of the column tiles they act in

        Raises DataError for weights that are not finite.
        """
        flips = None
        if cell.sliced:
            held = sliced_targets(weights, cell, device.parameters, row_splits)
            targets, scale, flips = held.siemens, held.scale, held.flips
        else:
            targets, scale = cell_targets(weights, cell, device.parameters)
        state = device.program(targets, stream.child("devices"))
        sparse = driven < SPARSE_INPUTS and weights.shape[1] >= SPARSE_COLUMNS
        return Crossbar(
            device, cell, read, row_splits, scale, state, stream, sparse, wires, column_splits, flips
        )

    def age_to(self, t_s: float, t_chip_s: float) -> AgedCrossbar:
        """What reads see t_s seconds after programming (absolute: ageing twice is not ageing more).

        t_chip_s, the chip time of one inference, parts the frozen from the per-read noise. Sliced weights and inputs
        in phases give an `AgedSliced`.
        """
        split = {"split": t_chip_s, "independent": None, "none": t_chip_s}[self.read.noise]
        g, variance = self.device.aged(self.state, t_s, split, self.stream.child("devices"))
        if self.read.noise == "none":
            g, variance = self.device.conductance(self.state, t_s), np.zeros_like(variance)
        if self.wires is not None:
            g, variance = effective(g, variance, self.wires, self.row_splits, self.column_splits)
        if self.in_parts:
            from neurosim.circuits.sliced import AgedSliced

            return AgedSliced.of(self, g, variance, t_s)
        return AgedCrossbar.of(self, g, variance, t_s)

    def read_out(self, t_s: float) -> dict[str, np.ndarray]:
        """Every device at a time: mean conductance and the device's own parameters, named arrays."""
        arrays = dict(self.device.to_arrays(self.state))
        arrays["conductance"] = self.device.conductance(self.state, t_s)
        return arrays


@dataclass(frozen=True)
class AgedCrossbar:
    """The conductances of one moment, ready to be read.

    d, s2 : one float32 array per row tile (rows of the tile, converted columns): conductance over n g_max,
        and the variance of its per-read noise (None when there is none)
    row_siemens : float32 (rows,), conductance that an input drives, all devices and polarities
    g_siemens, variance : float32 (polarities, devices, rows, columns), what d and s2 were made from (S, S^2)
    """

    crossbar: Crossbar
    d: tuple[np.ndarray, ...]
    s2: tuple[np.ndarray, ...] | None
    row_siemens: np.ndarray
    g_siemens: np.ndarray
    variance: np.ndarray
    t_s: float

    @staticmethod
    def of(crossbar: Crossbar, g_siemens: np.ndarray, variance: np.ndarray, t_s: float) -> AgedCrossbar:
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
