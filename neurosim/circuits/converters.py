"""Digital-to-analog and analog-to-digital conversion over a calibrated, largest or fixed range.

An input y becomes v = y / lsb + 1/2; a uniform converter gives the code floor(v), clipped to its codes. The others
compare v with transitions that are not quite whole numbers. A ramp without noise is a uniform converter.

A successive-approximation converter of b bits searches its code bit by bit against a charge-redistribution DAC of
binary-weighted capacitors (McCreary and Gray, IEEE J. Solid-State Circuits 10, 371, 1975): the capacitor of bit k is
2^k unit capacitors, each of which misses by a relative sigma of its own, so that it misses by sigma 2^(k/2) units. One
more unit terminates the array; the levels are shares of the whole, so both ends of the range are exact. Differential
and integral nonlinearity are those of IEEE Std 1241, in steps.

A signed converter works in offset binary with the same 2^b codes, of which the lowest is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neurosim.circuits.parameters import ConverterParameters
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import Stream
from neurosim.kernels import converters as kernels
from neurosim.kernels import reads

COMPARATOR = 1 << 32  # added to a read's number: the noise of its comparators is not that of its currents
NOISE_BUFFER = 1 << 16  # floats: comparator noise of a search that is held at once; more leaves the cache


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

    @property
    def plain(self) -> bool:
        """Whether lsb, low and high say all: uniform steps (or a wire), the same at every column, without noise."""
        return type(self) is Converter

    @property
    def noisy(self) -> bool:
        """Whether two conversions of one current may differ."""
        return False

    def convert_into(
        self, current: np.ndarray, total: np.ndarray, saturated: np.ndarray, key: ReadKey
    ) -> None:
        """Add the converted currents to `total`.

        current, total : float32 (images, n), C-contiguous; n is a multiple of the tile's converted columns
        saturated : float64 (images,), gains the clipped conversions
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

    def errors(self) -> dict[str, np.ndarray]:
        """What makes it other than plain, as named arrays for storage; `with_errors` gives it back."""
        return {}


@dataclass(frozen=True, eq=False)
class NoisyConverter(Converter):
    """Uniform steps behind a noisy comparator: noise is added at the input, before quantisation.

    noise : its standard deviation, in steps
    """

    noise: float

    @property
    def noisy(self) -> bool:
        """As `Converter.noisy`."""
        return self.noise > 0

    def convert_into(
        self, current: np.ndarray, total: np.ndarray, saturated: np.ndarray, key: ReadKey
    ) -> None:
        """As `Converter.convert_into`; noise counts where it drives an input out of range."""
        reads.convert(self._noisy(current, key), np.float32(self.lsb), self.low, self.high, total, saturated)

    def _noisy(self, current: np.ndarray, key: ReadKey) -> np.ndarray:
        if not self.noise:
            return current
        noisy = np.array(current, np.float32)
        variance = np.full_like(noisy, (self.noise * self.lsb) ** 2)
        reads.add_normals(noisy, variance, len(noisy), key.first_image, key.word0, key.word1,
                          COMPARATOR + key.number)  # fmt: skip
        return noisy

    def errors(self) -> dict[str, np.ndarray]:
        """As `Converter.errors`."""
        return {"noise": np.array(self.noise)}


@dataclass(frozen=True, eq=False)
class TableConverter(NoisyConverter):
    """Levels from a table of nonlinearity, the same for every ADC; noise as in NoisyConverter.

    transitions : float32 (high - low,), rising: v at which the codes low + 1 ... high begin
    """

    transitions: np.ndarray

    def convert_into(
        self, current: np.ndarray, total: np.ndarray, saturated: np.ndarray, key: ReadKey
    ) -> None:
        """As `NoisyConverter.convert_into`."""
        kernels.convert_table(self._noisy(current, key), np.float32(self.lsb), self.low, self.high,
                              self.transitions, total, saturated)  # fmt: skip

    def errors(self) -> dict[str, np.ndarray]:
        """As `Converter.errors`."""
        return {**super().errors(), "transitions": self.transitions}


@dataclass(frozen=True, eq=False)
class SarConverter(NoisyConverter):
    """Successive approximation with the capacitors of each ADC; every one of the comparisons draws its own noise.

    weights : float32 (bits, converted columns), what each bit adds in the ADC that serves a column, in steps
    """

    weights: np.ndarray

    def convert_into(
        self, current: np.ndarray, total: np.ndarray, saturated: np.ndarray, key: ReadKey
    ) -> None:
        """As `Converter.convert_into`; an input is counted as clipped by its noise-free value."""
        bits, n = len(self.weights), current.shape[1]
        chunk = max(1, NOISE_BUFFER // (bits * n)) if self.noise else len(current)
        lowest = -(1 << (bits - 1)) if self.signed else 0
        for a in range(0, len(current), chunk):
            images = slice(a, a + chunk)
            noise = np.zeros((0, 0), np.float32)
            if self.noise:
                noise = np.zeros((len(current[images]), bits * n), np.float32)
                variance = np.full_like(noise, self.noise**2)
                reads.add_normals(noise, variance, len(noise), key.first_image + a, key.word0, key.word1,
                                  COMPARATOR + key.number)  # fmt: skip
            kernels.convert_sar(current[images], noise, np.float32(self.lsb), self.low, self.high, lowest,
                                self.weights, total[images], saturated[images])  # fmt: skip

    def errors(self) -> dict[str, np.ndarray]:
        """As `Converter.errors`."""
        return {**super().errors(), "weights": self.weights}


@dataclass(frozen=True, eq=False)
class ColumnConverter(Converter):
    """A converter whose range follows the column: it meets the current over `shares`, and its code counts as much.

    Voltage-mode sensing (Wan et al., Nature 608, 504, 2022): a column floats to the mean of its rows' voltages,
    weighted by conductance, which is its current over its total conductance; the total, known from programming, is
    multiplied back digitally.

    own : converter of what is left
    shares : float32 (converted columns,), total conductance of each column over the tile's mean
    """

    own: Converter
    shares: np.ndarray

    @property
    def noisy(self) -> bool:
        """As `Converter.noisy`."""
        return self.own.noisy

    def convert_into(
        self, current: np.ndarray, total: np.ndarray, saturated: np.ndarray, key: ReadKey
    ) -> None:
        """As `Converter.convert_into`."""
        by_column = (-1, len(self.shares))
        voltages = np.divide(current.reshape(by_column), self.shares, dtype=np.float32).reshape(current.shape)
        codes = np.zeros_like(voltages)
        self.own.convert_into(voltages, codes, saturated, key)
        total.reshape(by_column)[...] += codes.reshape(by_column) * self.shares

    def errors(self) -> dict[str, np.ndarray]:
        """As `Converter.errors`."""
        return {**self.own.errors(), "shares": self.shares}


@dataclass(frozen=True, eq=False)
class Site:
    """Where ADCs sit: what their errors are drawn from, and what they serve.

    stream : of this chip, layer, group and row tile
    largest : the current of a full tile, every input and conductance at its end, in the units of the values
    adc_of : int (converted columns,), the ADC that converts each; see `adc_of_columns`
    shares : float32 (converted columns,), by which a column's range is larger than the tile's; None: all are alike
    """

    stream: Stream
    largest: float
    adc_of: np.ndarray
    shares: np.ndarray | None = None


def adc_of_columns(column_splits: tuple[int, ...], adcs_per_tile: int, copies: int = 1) -> np.ndarray:
    """Which ADC converts each column: those of a tile take turns, so that none serves more than it must.

    column_splits : weight columns of each column tile
    copies : converted columns per weight column (polarities, slices), one block of columns after the other; all of
        them pass the ADC of their weight column
    """
    own = [tile * adcs_per_tile + np.arange(length) % adcs_per_tile
           for tile, length in enumerate(column_splits)]  # fmt: skip
    return np.tile(np.concatenate(own), copies)


def calibrate(values: np.ndarray, parameters: ConverterParameters, signed: bool, where: str,
              site: Site | None = None) -> Converter:  # fmt: skip
    """A converter of the described kind and range, with the errors of its site.

    site : of ADCs; a DAC has none, is ideal, and its range comes from the values

    Raises DataError when there are no values to calibrate on or they are not finite, ConfigError when a
    signed converter has one bit, or where a converter without a site needs one.
    """
    if site is not None and site.shares is not None:
        alike = replace(site, shares=None)
        own = calibrate(values / site.shares, parameters, signed, where, alike)
        return ColumnConverter(own.lsb, own.low, own.high, own, site.shares)
    full = _full_scale(values, parameters, where, site)
    plain = uniform(full, parameters.bits, signed, where)
    if parameters.bits is None or not parameters.real:
        return plain
    if site is None:
        raise ConfigError(where, "an ideal converter", f"kind {parameters.kind} with errors",
                          "errors are of ADCs: give the site that they are drawn for")  # fmt: skip
    return _with_site(plain, parameters, site)


def _full_scale(values: np.ndarray, parameters: ConverterParameters, where: str, site: Site | None) -> float:
    if parameters.range != "calibrated":
        if site is None:
            raise ConfigError(where, 'range = "calibrated"', f'range = "{parameters.range}"',
                              "only an ADC knows the largest current of its tile")  # fmt: skip
        return site.largest * (parameters.full_scale or 1.0)
    if values.size == 0:
        raise DataError(f"calibration of {where}", "at least one value", "none", "give calibration images")
    magnitudes = np.abs(values)
    largest = float(magnitudes.max())
    if not np.isfinite(largest):
        raise DataError(
            f"calibration of {where}", "finite values", "NaN or infinity", "check weights and inputs"
        )
    return float(np.percentile(magnitudes, parameters.percentile)) * parameters.margin or largest or 1.0


def uniform(full_scale: float, bits: int | None, signed: bool, where: str) -> Converter:
    """A converter with a given full scale; `bits` None is a wire that neither rounds nor clips."""
    if bits is None:
        return Converter(0.0, -1 if signed else 0, full_scale)
    codes = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    if codes < 1:
        raise ConfigError(where, "at least 2 bits, one being the sign", "1 bit",
                          "use more bits, or unsigned inputs with digital subtraction")  # fmt: skip
    return Converter(float(np.float32(full_scale / codes)), -codes if signed else 0, codes)


def _with_site(plain: Converter, parameters: ConverterParameters, site: Site) -> Converter:
    errors: dict[str, np.ndarray] = {"noise": np.array(parameters.comparator_noise)}
    if parameters.kind == "sar":
        assert parameters.bits is not None
        adcs = int(site.adc_of.max()) + 1
        drawn = capacitor_weights(adcs, parameters.bits, parameters.capacitor_mismatch, site.stream)
        errors["weights"] = np.ascontiguousarray(drawn[site.adc_of].T, np.float32)
    elif parameters.kind == "table":
        errors["transitions"] = _transitions(parameters, plain)
    return with_errors(plain, errors)


def with_errors(plain: Converter, errors: Mapping[str, np.ndarray]) -> Converter:
    """The converter whose `errors()` these are; the plain one where there are none."""
    if "shares" in errors:
        own = with_errors(plain, {name: array for name, array in errors.items() if name != "shares"})
        return ColumnConverter(own.lsb, own.low, own.high, own, errors["shares"])
    if not errors:
        return plain
    lsb, low, high, noise = plain.lsb, plain.low, plain.high, float(errors["noise"])
    if "weights" in errors:
        return SarConverter(lsb, low, high, noise, errors["weights"])
    if "transitions" in errors:
        return TableConverter(lsb, low, high, noise, errors["transitions"])
    return NoisyConverter(lsb, low, high, noise)


def capacitor_weights(adcs: int, bits: int, mismatch: float, stream: Stream) -> np.ndarray:
    """What each bit adds, in steps: float64 (adcs, bits), bit 0 first.

    mismatch : relative standard deviation of one unit capacitor. The capacitor of bit k has 2^k of them; with the
    terminating unit, a level is its capacitors' share of all of them, times 2^bits. A capacitor is not negative.
    """
    units = np.append(2.0 ** np.arange(bits), 1.0)
    drawn = stream.generator().standard_normal((adcs, bits + 1))
    capacitors = np.maximum(units + mismatch * np.sqrt(units) * drawn, 0.0)
    return np.asarray(capacitors[:, :bits] * (2.0**bits / capacitors.sum(axis=1, keepdims=True)))


def sar_transitions(weights: np.ndarray) -> np.ndarray:
    """Where a noise-free search changes its code: float64 (adcs, 2^bits - 1), of the codes 1 ... 2^bits - 1.

    weights : (adcs, bits), bit 0 first, in steps from the lowest level, whose code is 0

    The search compares with the level of every prefix of the code; where levels do not rise, codes are missing, and
    two transitions fall together. The nonlinearities of IEEE Std 1241 are INL[k] = T[k] - k and DNL[k] = T[k+1] - T[k]
    - 1, with T[k] the transition into code k.
    """
    adcs, bits = weights.shape
    codes = np.arange(1, 1 << bits)
    found = np.full((adcs, len(codes)), -np.inf)
    for bit in range(bits):
        on = (codes >> bit & 1).astype(bool)
        trial = weights[:, bit, None] + sum(
            weights[:, above, None] * (codes >> above & 1) for above in range(bit + 1, bits)
        )
        # a code with this bit needs the trial and what follows; one without is passed as soon as the trial is kept
        found = np.where(on, np.maximum(trial, found), np.minimum(trial, found))
    return found


def _transitions(parameters: ConverterParameters, plain: Converter) -> np.ndarray:
    """float32: where the codes above the lowest begin, as v, from the table's nonlinearity."""
    inl = parameters.integral_nonlinearity
    own = inl[len(inl) - int(plain.high - plain.low) :]  # a signed converter leaves out the lowest code
    return np.asarray(plain.low + 1 + np.arange(len(own)) + own, np.float32)
