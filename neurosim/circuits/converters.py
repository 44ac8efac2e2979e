"""Digital-to-analog and analog-to-digital conversion with uniform steps over a calibrated range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.circuits.parameters import ConverterParameters
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import Stream
from neurosim.kernels import reads


@dataclass(frozen=True)
class ReadKey:
    """What names the noise of one read of one tile: the stream's words, its first image, its number (phase, tile)."""

    word0: np.uint64
    word1: np.uint64
    first_image: int
    number: int


@dataclass(frozen=True)
class Converter:
    """Codes low..high of size lsb; lsb = 0 is a wire, and `high` then its full scale.

    A signed converter of b bits has the 2^b - 1 codes that are symmetric about zero, an unsigned one 2^b.
    """

    lsb: float
    low: int
    high: float

    @property
    def full_scale(self) -> float:
        """The largest magnitude that passes unclipped."""
        return self.high * (self.lsb or 1.0)

    def convert_into(
        self, current: np.ndarray, total: np.ndarray, saturated: np.ndarray, key: ReadKey
    ) -> None:
        """Add the converted currents to `total`.

        current, total : float32 (images, n); saturated : float64 (images,), gains the clipped conversions
        key : names the noise of these conversions
        """
        del key  # an ideal comparator draws no noise
        if self.lsb:
            reads.convert(current, np.float32(self.lsb), self.low, self.high, total, saturated)
        else:
            total += current

    @property
    def signed(self) -> bool:
        """Whether negative values pass."""
        return self.low < 0


@dataclass(frozen=True)
class Site:
    """Where ADCs sit: what their errors are drawn from, and what they serve.

    stream : of this chip, layer, group and row tile
    largest : the current of a full tile, every input and conductance at its end, in the units of the values
    columns, columns_per_adc : converted columns, and how many share one ADC
    """

    stream: Stream
    largest: float
    columns: int
    columns_per_adc: int


def calibrate(values: np.ndarray, parameters: ConverterParameters, signed: bool, where: str,
              site: Site | None = None) -> Converter:  # fmt: skip
    """A converter whose range covers the chosen percentile of |values|, times the margin.

    site : of ADCs; a DAC has none, and is ideal

    Raises DataError when there are no values to calibrate on or they are not finite, ConfigError when a
    signed converter has one bit.
    """
    if values.size == 0:
        raise DataError(f"calibration of {where}", "at least one value", "none", "give calibration images")
    magnitudes = np.abs(values)
    full = float(np.percentile(magnitudes, parameters.percentile)) * parameters.margin
    if not np.isfinite(full):
        raise DataError(
            f"calibration of {where}", "finite values", "NaN or infinity", "check weights and inputs"
        )
    full = full or float(magnitudes.max()) or 1.0
    return uniform(full, parameters.bits, signed, where)


def uniform(full_scale: float, bits: int | None, signed: bool, where: str) -> Converter:
    """A converter with a given full scale; `bits` None is a wire that neither rounds nor clips."""
    if bits is None:
        return Converter(0.0, -1 if signed else 0, full_scale)
    codes = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    if codes < 1:
        raise ConfigError(where, "at least 2 bits, one being the sign", "1 bit",
                          "use more bits, or unsigned inputs with digital subtraction")  # fmt: skip
    return Converter(float(np.float32(full_scale / codes)), -codes if signed else 0, codes)
