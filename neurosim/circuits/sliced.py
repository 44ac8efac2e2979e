"""Reads of sliced weights and of inputs in phases: conversions in parts, shifted and added digitally.

Every slice of a weight column has conversions of its own, in every phase of an input. The current of a read is counted
in levels of one cell at the lowest input (of weights without slices: in n g_max), the codes in whole numbers, so that
with ideal devices and steps of one level all sums are whole numbers and exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from neurosim.circuits.aged import AgedCrossbar, rows_of
from neurosim.circuits.cells import reference_columns
from neurosim.circuits.converters import Converter, ReadKey
from neurosim.circuits.held import Converters, HeldMatrix, Read
from neurosim.circuits.parameters import CellParameters, ReadParameters
from neurosim.foundation.errors import ConfigError
from neurosim.kernels import reads, slices

BLOCK_COLUMNS = (
    128  # converted columns of a kernel's block: a full tile's table then stays in the second cache
)
ENTRIES = 2_000_000  # of the lists of driven rows that are held at once
CALIBRATION_VECTORS = 256  # whose phases and slices are looked at for the range of an ADC
_NONE = np.zeros((0, 0), np.float32)
WHOLE = 1e-5  # levels: conductances are kept in float32, so whole levels miss by some 1e-7 of themselves


@dataclass(frozen=True)
class Phase:
    """One read of an input vector: what its rows show, and how its codes count.

    weight : of its codes in the digital sum
    shown : float32 (vectors, rows)
    squares : the same of its noise, summed over what is added before conversion; empty where no noise is drawn
    number : among the reads of the vector
    """

    weight: int
    shown: np.ndarray
    squares: np.ndarray
    number: int


@dataclass(frozen=True)
class AgedSliced(AgedCrossbar):
    """The conductances of one moment, read slice by slice and phase by phase; the interface of AgedCrossbar.

    d, s2 : in levels of one cell, columns by (polarity converted apart, slice, weight column); a reference column's
        current is taken off already
    whole : d as int16 where every conductance is a whole level and nothing is noisy, else None
    worths : float64 (row tiles, polarities x slices, columns), what a level counts in its weight column's sum
    known : float64 (row tiles, columns), what is known digitally of a sum, per input: of complements and of cells at
        g_min
    """

    whole: tuple[np.ndarray, ...] | None
    worths: np.ndarray
    known: np.ndarray

    @staticmethod
    def of(crossbar: HeldMatrix, g_siemens: np.ndarray, variance: np.ndarray, t_s: float) -> AgedSliced:
        """Arrange device conductances (polarities, slices * devices, rows, columns) for reading."""
        span, cell = crossbar.device.parameters, crossbar.cell
        step = span.g_max_siemens
        if cell.sliced:
            step = (span.g_max_siemens - span.g_min_siemens) / cell.highest_level
        unit = 1 / (step * cell.devices_per_weight)
        lowest = span.g_min_siemens / step if cell.sliced and not cell.subtracts_currents else 0.0
        row_siemens = g_siemens.sum(axis=(0, 1, 3), dtype=np.float64)
        levels = _columns(g_siemens, cell, np.float32(unit), -1)
        if cell.baseline == "reference":
            levels -= np.float32(lowest)
            lowest = 0.0
            row_siemens += reference_columns(cell, crossbar.column_splits) * span.g_min_siemens
        d = rows_of(levels, crossbar.row_splits)
        s2 = None
        if variance.any():
            s2 = rows_of(_columns(variance, cell, np.float32(unit * unit), 1), crossbar.row_splits)
        whole = _whole(d, 2**crossbar.read.bits_per_phase - 1) if cell.sliced and s2 is None else None
        worths, known = _digital(crossbar, g_siemens.shape[3], lowest)
        return AgedSliced(crossbar, d, s2, row_siemens.astype(np.float32), g_siemens, variance, t_s, whole, worths,
                          known)  # fmt: skip

    def transposed(self, column_splits: tuple[int, ...]) -> AgedSliced:
        """The same devices driven on their columns, slice after slice, and sensed on their rows.

        Raises ConfigError for flipped columns: what drives them would need the other sign.
        """
        own = self.crossbar
        if own.flips is not None:
            raise ConfigError("transposed read", 'cells with encoding = "plain"', "flipped",
                              "set cell.encoding to plain for products with the transpose")  # fmt: skip
        turned = replace(own, row_splits=column_splits, column_splits=own.row_splits, sparse=False)
        g, variance = (np.ascontiguousarray(a.swapaxes(2, 3)) for a in (self.g_siemens, self.variance))
        return AgedSliced.of(turned, g, variance, self.t_s)

    def adc_inputs(self, x: np.ndarray, dac: Converter | None = None) -> list[np.ndarray]:
        """Noise-free currents at the ADCs of each row tile, of all phases of some of the vectors: for calibration."""
        if dac is None:
            raise ConfigError(
                "adc_inputs", "the DAC that cuts inputs into phases", "none", "calibrate it first"
            )
        x = x[:: max(1, len(x) // CALIBRATION_VECTORS)][:CALIBRATION_VECTORS]
        shown = self._shown(x, Read.unseen(len(x)), dac)
        currents: list[list[np.ndarray]] = [[] for _ in self.d]
        for part, _ in self._parts(shown, dac.signed):
            for phase in self._phases(part, 0):
                for tile, (a, b) in enumerate(self._edges()):
                    currents[tile].append(phase.shown[:, a:b] @ self.d[tile])
        return [np.concatenate(own) for own in currents]

    def largest_inputs(self, full_scale: float) -> list[float]:
        """What a full tile would give at each row tile's ADCs: the largest digit, all cells at the highest level."""
        cell, read = self.crossbar.cell, self.crossbar.read
        if read.serial:
            bits = read.bits_per_phase if read.accumulate == "digital" else read.input_bits
            full_scale = float(2 ** (bits or 1) - 1)
        highest = cell.highest_level if cell.sliced else 1
        return [len(d) * highest * full_scale for d in self.d]

    def forward(self, x: np.ndarray, read: Read, converters: Converters, gain: float = 1.0) -> np.ndarray:
        """The product x W as the chip computes it; arguments and result as `AgedCrossbar.forward`.

        The gain multiplies what was converted, not what is known digitally.
        """
        shown = self._shown(x, read, converters.dac)
        total = self._converted_sums(shown, read, converters, self.worths)
        scale, sums = self.crossbar.scale, self._input_sums(shown)
        if gain != 1.0:
            total *= gain
        if self.known.any():
            total += sums @ self.known
        if scale.offset:
            total -= scale.offset * sums.sum(axis=1)[:, None]
        worth = converters.dac.lsb if self.crossbar.read.serial else 1.0
        return np.asarray(total * (worth * scale.per_unit), np.float32)

    def converted(self, x: np.ndarray, read: Read, converters: Converters) -> np.ndarray:
        """The digital sums as they come from the ADCs, shifted and added, complements not turned back."""
        shown = self._shown(x, read, converters.dac)
        plain = _digital(replace(self.crossbar, flips=None), self.columns, 0.0)[0]
        return np.asarray(self._converted_sums(shown, read, converters, plain), np.float32)

    def _edges(self) -> Iterator[tuple[int, int]]:
        return pairwise(np.cumsum((0, *self.crossbar.row_splits)).tolist())

    def _shown(self, x: np.ndarray, read: Read, dac: Converter) -> np.ndarray:
        """What the DACs make of the inputs: whole numbers (int32), or float32 where there are no phases."""
        own = self.crossbar.read
        per_image, amplitude = len(x) // read.images, own.coding == "amplitude"
        tally = read.tally
        if not own.serial:
            driven, squares = np.empty_like(x), np.empty_like(x)
            reads.encode(x, np.float32(dac.lsb), np.float32(dac.low), np.float32(dac.high), amplitude,
                         self.row_siemens, per_image, driven, squares, tally.array_siemens,
                         tally.dac_saturations)  # fmt: skip
            return driven
        codes = np.empty(x.shape, np.int32)
        mask = (1 << (own.input_bits or 0)) - 1 if own.signed_inputs == "twos_complement" else 0
        slices.encode(x, np.float32(dac.lsb), dac.low, int(dac.high), own.phases, own.bits_per_phase, amplitude, mask,
                      self.row_siemens, per_image, codes, tally.array_siemens, tally.dac_saturations)  # fmt: skip
        return codes

    def _parts(self, shown: np.ndarray, signed: bool) -> list[tuple[np.ndarray, int]]:
        """What is read on its own, with its sign: positive and negative inputs where they take two reads."""
        if signed and self.crossbar.read.signed_inputs == "two_phase":
            return [(np.maximum(shown, 0), 1), (np.maximum(-shown, 0), -1)]
        return [(shown, 1)]

    def _phases(self, part: np.ndarray, first: int) -> Iterator[Phase]:
        """The reads of one part; conversions follow each."""
        own, noisy = self.crossbar.read, self.s2 is not None
        if not own.serial:
            yield Phase(1, part, part * part if noisy else _NONE, first)
            return
        if own.accumulate == "digital":
            for k, (weight, digit) in enumerate(_digits(part, own)):
                yield Phase(weight, digit, digit * digit if noisy else _NONE, first + k)
            return
        squares = _NONE
        if noisy:
            squares = np.asarray(sum(np.float32(w) ** 2 * (x * x) for w, x in _digits(part, own)), np.float32)
        yield Phase(1, part.astype(np.float32), squares, first)

    def _input_sums(self, shown: np.ndarray) -> np.ndarray:
        """Sums of the inputs of each row tile, float64 (vectors, row tiles)."""
        return np.stack([shown[:, a:b].sum(axis=1, dtype=np.float64) for a, b in self._edges()], axis=1)

    def _converted_sums(
        self, shown: np.ndarray, read: Read, converters: Converters, worths: np.ndarray
    ) -> np.ndarray:
        """float64 (vectors, columns): converted levels, each counted at its worth, over tiles, slices and phases."""
        total = np.zeros((len(shown), self.columns))
        signed = converters.dac.signed
        for number, (part, sign) in enumerate(self._parts(shown, signed)):
            first = number * self.crossbar.read.phases
            if self._selects(converters):
                self._read_bits(part, first, read, converters, sign * worths, total)
            else:
                self._read_phases(part, first, read, converters, sign * worths, total)
        return total

    def _selects(self, converters: Converters) -> bool:
        """Whether every read picks table rows, and every conversion is uniform."""
        own = self.crossbar.read
        few = own.serial and slices.group_rows(own.bits_per_phase) > 0 and own.accumulate == "digital"
        negative = converters.dac.signed and own.signed_inputs == "bipolar"
        return few and not negative and all(adc.plain and adc.lsb for adc in converters.adcs)

    def _read_bits(self, codes: np.ndarray, first: int, read: Read, converters: Converters, worths: np.ndarray,
                   total: np.ndarray) -> None:  # fmt: skip
        """All phases of few bits, fused: see kernels/slices.py."""
        phases, bits, tiles = self.crossbar.read.phases, self.crossbar.read.bits_per_phase, len(self.d)
        word0, word1 = (np.uint64(word) for word in read.noise.words())
        per_image, columns = len(codes) // read.images, self.columns
        width = max(1, BLOCK_COLUMNS * columns // self.d[0].shape[1])
        own = self.d if self.whole is None else self.whole
        for tile, ((a, b), adc) in enumerate(zip(self._edges(), converters.adcs, strict=True)):
            weights = _phase_weights(
                self.crossbar.read, np.int32 if _narrow(adc, phases * bits) else np.int64
            )
            spread = np.zeros((0, 0), np.float32) if self.s2 is None else self.s2[tile]
            groups = -(-(b - a) // slices.group_rows(bits))
            chunk = max(1, ENTRIES // (phases * groups))
            for start in range(0, len(codes), chunk):
                some = codes[start : start + chunk, a:b]
                entries = np.empty((len(some), phases, groups), np.uint16)
                counts = np.empty((len(some), phases), np.uint16)
                slices.select(some, phases, bits, entries, counts)
                slices.read_bits(entries, counts, bits, own[tile], spread, len(worths[tile]), weights,
                                 worths[tile] * adc.lsb, adc.lsb, adc.low, adc.high, width, start, per_image,
                                 read.first_image, word0, word1, first * tiles + tile, tiles,
                                 np.zeros(1, own[tile].dtype), total[start : start + chunk],
                                 read.tally.adc_saturations)  # fmt: skip

    def _read_phases(self, part: np.ndarray, first: int, read: Read, converters: Converters, worths: np.ndarray,
                     total: np.ndarray) -> None:  # fmt: skip
        """Phase by phase: a matrix product, noise, any converter."""
        words = read.noise.words()
        word0, word1 = np.uint64(words[0]), np.uint64(words[1])
        per_image, columns = (read.images, -1), self.columns
        for phase in self._phases(part, first):
            for tile, ((a, b), adc) in enumerate(zip(self._edges(), converters.adcs, strict=True)):
                current = np.asarray(np.ascontiguousarray(phase.shown[:, a:b]) @ self.d[tile])
                key = ReadKey(word0, word1, read.first_image, phase.number * len(self.d) + tile)
                if self.s2 is not None:
                    variance = np.ascontiguousarray(phase.squares[:, a:b]) @ self.s2[tile]
                    reads.add_normals(current.reshape(per_image), variance.reshape(per_image), read.images,
                                      read.first_image, word0, word1, key.number)  # fmt: skip
                codes = np.zeros_like(current)
                adc.convert_into(
                    current.reshape(per_image), codes.reshape(per_image), read.tally.adc_saturations, key
                )
                for k, worth in enumerate(worths[tile]):
                    total += (phase.weight * worth) * codes[:, k * columns : (k + 1) * columns]


def _columns(devices: np.ndarray, cell: CellParameters, unit: np.float32, sign: int) -> np.ndarray:
    """(polarities, slices * devices, rows, columns) as the ADCs meet it: float32 (rows, converted columns).

    sign : of G- where it is added to G+ before conversion
    """
    polarities, own, rows, columns = devices.shape
    parallel = cell.devices_per_weight
    each = devices.reshape(polarities, own // parallel, parallel, rows, columns).sum(axis=2) * unit
    each = each[0] + sign * each[1] if cell.subtracts_currents else each.reshape(-1, rows, columns)
    return np.ascontiguousarray(each.transpose(1, 0, 2)).reshape(rows, -1)


def _whole(d: tuple[np.ndarray, ...], digit: int) -> tuple[np.ndarray, ...] | None:
    """The tiles in whole levels, where all are, and a column's sum with the largest digit stays within 16 bits."""
    rounded = tuple(np.rint(tile) for tile in d)
    exact = all(np.abs(tile - near).max(initial=0) < WHOLE for tile, near in zip(d, rounded, strict=True))
    most = max(digit * np.abs(near).sum(axis=0).max(initial=0) for near in rounded)
    if not exact or most > np.iinfo(np.int16).max:
        return None
    return tuple(near.astype(np.int16) for near in rounded)


def _digital(crossbar: HeldMatrix, columns: int, lowest: float) -> tuple[np.ndarray, np.ndarray]:
    """`worths` and `known` of AgedSliced; lowest : the level-equivalent of a cell at g_min that passes the ADC.

    A column of complements holds F - L in place of L, F the highest level: x L = F sum(x) - x (F - L).
    """
    cell = crossbar.cell
    apart = 2 if cell.kind == "differential" and not cell.subtracts_currents else 1
    shifts = 2.0 ** ((cell.bits_per_cell or 1) * np.arange(cell.slices))
    plain = np.concatenate([shifts, -shifts][:apart])[:, None]
    flips = np.zeros((len(crossbar.row_splits), len(plain), columns), bool)
    if crossbar.flips is not None:
        flips = crossbar.flips.reshape(flips.shape)
    worths = np.where(flips, -plain, plain)
    known = (plain * np.where(flips, cell.highest_level + lowest, -lowest)).sum(axis=1)
    return np.ascontiguousarray(worths, np.float64), known


def _phase_weights(read: ReadParameters, kind: type) -> np.ndarray:
    """What the codes of each phase count; the last of two's complements is negative."""
    weights = np.left_shift(1, read.bits_per_phase * np.arange(read.phases, dtype=np.int64))
    if read.signed_inputs == "twos_complement":
        weights[-1] *= -1
    return weights.astype(kind)


def _digits(codes: np.ndarray, read: ReadParameters) -> Iterator[tuple[int, np.ndarray]]:
    """Weight and digits, float32 like codes, of every phase; digits take the sign of a code unless it is a bit."""
    bits, twos = read.bits_per_phase, read.signed_inputs == "twos_complement"
    left = codes if twos else np.abs(codes)
    signed = not twos and bool((codes < 0).any())
    for k, weight in enumerate(_phase_weights(read, np.int64).tolist()):
        digit = (left >> (bits * k) & (2**bits - 1)).astype(np.float32)
        yield weight, digit * np.sign(codes).astype(np.float32) if signed else digit


def _narrow(adc: Converter, bits: int) -> bool:
    """Whether all phases of the largest code, of inputs of so many bits, add up within 32 bits."""
    return max(-adc.low, int(adc.high)) << bits < 1 << 31
