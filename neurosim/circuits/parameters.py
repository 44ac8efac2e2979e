"""What a chip's circuit tables may say: cells, array, converters, read conditions."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from neurosim.foundation.records import Record

Bits = Annotated[int, Field(ge=1, le=24)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
BOUNDLESS = 1 << 24  # rows and columns of a tile that no network fills


class CellParameters(Record):
    """How a weight is held.

    differential: w ~ G+ - G-, the unused device of the pair stays low. offset: one device (per
    `devices_per_weight`) holds w shifted to mid-range, and the shift is subtracted digitally.
    `subtraction` says where G- is subtracted from G+: as currents before one ADC, or after two ADCs.
    `levels` any: a device takes any conductance of its range, and devices in parallel share a weight alike;
    binary: each is off (g_min) or on (g_max), and a weight is how many of them are on.

    Bit slicing: where `weight_bits` is given, weights are whole numbers of so many bits (sign included) over `slices`
    cells of `bits_per_cell` bits each, least significant first; every slice has columns and conversions of its own,
    and the slices are shifted and added digitally. offset: biased by 2^(weight_bits - 1). differential: magnitudes of
    weight_bits - 1 bits on either side.
    `encoding` flipped: a column of cells whose levels add up to more than half of the most that its rows could hold
    holds their complements, and its codes are turned back digitally, with the sum of the inputs: no column then needs
    the ADC's top bit (Shafiee et al., ISCA 2016, section V).
    `baseline` says how the current of cells at g_min is taken off where G- does not: count, digitally, by the sum of
    the inputs, having passed the ADC; reference, before the ADC, as the current of one more column of cells at g_min
    in every tile (taken to be trimmed, and not to feel wires, so exact).
    """

    kind: Literal["differential", "offset"] = "differential"
    devices_per_weight: Count = 1  # in parallel, per polarity and slice
    subtraction: Literal["analog", "digital"] = "analog"
    levels: Literal["any", "binary"] = "any"
    weight_bits: Annotated[int, Field(ge=2, le=24)] | None = None
    slices: Count = 1
    bits_per_cell: Annotated[int, Field(ge=1, le=8)] | None = None
    encoding: Literal["plain", "flipped"] = "plain"
    baseline: Literal["count", "reference"] = "count"

    @property
    def subtracts_currents(self) -> bool:
        """Whether G- is taken off G+ before conversion."""
        return self.kind == "differential" and self.subtraction == "analog"

    @property
    def highest_level(self) -> int:
        """Level of a cell at g_max, the lowest being 0 at g_min; 1 where weights are not sliced."""
        return (1 << (self.bits_per_cell or 1)) - 1

    @property
    def sliced(self) -> bool:
        """Whether a weight is a whole number over slices of cells."""
        return self.weight_bits is not None

    @property
    def columns_per_weight(self) -> int:
        """Columns that a weight column takes, each converted on its own: slices, and polarities converted apart."""
        apart = self.kind == "differential" and self.subtraction == "digital"
        return self.slices * (2 if apart else 1)

    @model_validator(mode="after")
    def _slices_cover_the_weight(self) -> CellParameters:
        if self.weight_bits is None:
            given = (
                self.slices > 1,
                self.bits_per_cell,
                self.encoding == "flipped",
                self.baseline == "reference",
            )
            if any(given):
                raise ValueError(
                    "slices, bits_per_cell, encoding and baseline need weight_bits: add it, or leave them out"
                )
            return self
        if self.bits_per_cell is None:
            raise ValueError("weight_bits needs bits_per_cell, the bits that one cell holds")
        magnitude = self.weight_bits - (1 if self.kind == "differential" else 0)
        if self.slices * self.bits_per_cell < magnitude:
            raise ValueError(
                f"{self.slices} slices of {self.bits_per_cell} bits do not cover the {magnitude} bits of a weight: "
                f"give at least {-(-magnitude // self.bits_per_cell)} slices, or fewer weight_bits"
            )
        if self.levels == "binary":
            raise ValueError(
                'levels = "binary" is for weights without slices; give bits_per_cell = 1 in its place'
            )
        if self.subtracts_currents and self.encoding == "flipped":
            raise ValueError(
                'encoding = "flipped" needs columns that are converted apart: take kind = "offset", or '
                'subtraction = "digital"'
            )
        return self


class ArrayParameters(Record):
    """Size of one tile, in rows (inputs) and weight columns."""

    rows: Count
    columns: Count

    @property
    def boundless(self) -> bool:
        """Whether no network fills a tile: the chip stands for one of any size."""
        return min(self.rows, self.columns) >= BOUNDLESS


class ConverterParameters(Record):
    """A converter, or none (`bits` absent).

    range calibrated: the given percentile of the magnitudes seen on calibration data, times `margin`; maximum: what
    all rows of a tile give at full input and full conductance; fixed: `full_scale` as a share of that maximum;
    levels (an ADC of sliced weights): one step is one level of one cell at the lowest input, whatever the tile.
    kind uniform: equal steps. ramp: a counter until a rising reference passes the input: equal steps, and all columns
    that share a reference are converted in one ramp, each with a comparator of its own. sar: a binary search with
    `bits` comparisons against a charge-redistribution DAC, whose unit capacitors miss by `capacitor_mismatch`
    (relative standard deviation of one unit). table: levels moved by `inl`, in steps: of the transitions into the
    codes 1 ... 2^bits - 1, counted from the lowest code; or `dnl`, in steps, how much wider than one the codes
    1 ... 2^bits - 2 are (IEEE Std 1241).
    comparator_noise : standard deviation of the input-referred noise of one comparison, in steps (lsb)
    t_clock_s : of the converter: a ramp takes 2^bits clocks, a search bits + 1 (one samples); None: see [periphery]
    """

    bits: Bits | None = None
    kind: Literal["uniform", "ramp", "sar", "table"] = "uniform"
    range: Literal["calibrated", "maximum", "fixed", "levels"] = "calibrated"
    percentile: Annotated[float, Field(gt=0, le=100)] = 100.0
    margin: Positive = 1.0
    full_scale: Annotated[float, Field(gt=0, le=1)] | None = None
    comparator_noise: Annotated[float, Field(ge=0)] = 0.0
    capacitor_mismatch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    inl: tuple[float, ...] = ()
    dnl: tuple[float, ...] = ()
    t_clock_s: Positive | None = None

    @property
    def real(self) -> bool:
        """Whether its codes are other than those of a uniform converter without noise."""
        return self.kind in ("sar", "table") or self.comparator_noise > 0

    @property
    def clocks(self) -> int:
        """Clocks of one conversion; 0 where its kind has no clock, or nothing is converted."""
        bits = self.bits or 0
        return {"ramp": 1 << bits, "sar": bits + 1}.get(self.kind, 0) if bits else 0

    @property
    def integral_nonlinearity(self) -> np.ndarray:
        """The table, in steps: float64 (2^bits - 1,), of the transitions into the codes 1 ... 2^bits - 1."""
        return np.array(self.inl) if self.inl else np.cumsum((0.0, *self.dnl))

    @model_validator(mode="after")
    def _consistent(self) -> ConverterParameters:
        if (self.range == "fixed") != (self.full_scale is not None):
            raise ValueError(
                'range = "fixed" goes with full_scale, a share of the largest: give both, or neither'
            )
        if self.capacitor_mismatch and self.kind != "sar":
            raise ValueError('capacitor_mismatch is of kind = "sar"')
        if (self.kind == "table") != bool(self.inl or self.dnl) or (self.inl and self.dnl):
            raise ValueError('kind = "table" goes with one of inl and dnl, and only with it')
        if self.bits is None and (self.kind != "uniform" or self.comparator_noise):
            raise ValueError("kind and comparator_noise are of a converter with bits: add bits")
        if self.t_clock_s is not None and self.kind not in ("ramp", "sar"):
            raise ValueError('t_clock is of kind = "ramp" or "sar": give t_conversion under [periphery]')
        return self

    @model_validator(mode="after")
    def _whole_table(self) -> ConverterParameters:
        if self.kind != "table" or self.bits is None:
            return self
        name, needed = ("inl", 2**self.bits - 1) if self.inl else ("dnl", 2**self.bits - 2)
        given = len(self.inl or self.dnl)
        if given != needed:
            raise ValueError(f"{name} of a converter of {self.bits} bits has {needed} values, got {given}")
        if (np.diff(self.integral_nonlinearity) < -1).any():
            raise ValueError(f"{name} lets a transition fall below the one before: DNL is -1 at least")
        return self


class DacParameters(ConverterParameters):
    """A DAC, or none (`bits` absent): ideal, with equal steps over a range that calibration inputs set."""

    @model_validator(mode="after")
    def _ideal(self) -> DacParameters:
        if self.kind != "uniform" or self.comparator_noise or self.range != "calibrated":
            raise ValueError('a DAC is uniform, without noise, and its range is "calibrated"')
        return self


class ReadParameters(Record):
    """Read conditions of the array.

    coding amplitude: the input is a voltage, duty 1; pulse_width: the input is a time at V_read.
    signed_inputs bipolar: one read; two_phase: positive, then negative inputs, conversions doubled.
    noise split: frozen and per-read parts (time scale: the chip time of one inference); independent: all of
    it drawn per read; none: no read noise.

    Bit-serial inputs: where `input_bits` is given, inputs are whole numbers of so many bits, shown in `phases` reads
    of input_bits / phases bits each (rounded up), least significant first. accumulate digital: a conversion after
    every phase, shifted and added; analog: the phases are weighted and summed before one conversion.
    The sign comes on top of input_bits: as that of the voltage (bipolar), or in reads of its own (two_phase). With
    signed_inputs twos_complement it is the most significant bit, whose phase counts negative; every input has it.
    overlapped : the conversions of a read run during the next one, so that a phase takes the longer of the two

    sensing current: a column is held at a fixed voltage, and its current converted. voltage: it floats to the mean of
        its rows' voltages, weighted by conductance; the column's total conductance as programmed is multiplied back
        digitally, so that each column has a range of its own (Wan et al., Nature 608, 504, 2022).
    """

    v_read_volts: Positive
    t_read_s: Positive
    coding: Literal["amplitude", "pulse_width"] = "amplitude"
    signed_inputs: Literal["bipolar", "two_phase", "twos_complement"] = "bipolar"
    noise: Literal["split", "independent", "none"] = "split"
    input_bits: Annotated[int, Field(ge=1, le=24)] | None = None
    phases: Count = 1
    accumulate: Literal["digital", "analog"] = "digital"
    overlapped: bool = False
    sensing: Literal["current", "voltage"] = "current"

    @property
    def serial(self) -> bool:
        """Whether inputs are whole numbers, shown in phases."""
        return self.input_bits is not None

    @property
    def bits_per_phase(self) -> int:
        """Bits of an input that one phase shows."""
        return -(-(self.input_bits or 1) // self.phases)

    def reads(self, signed: bool) -> int:
        """Reads of one input vector; signed: some of the layer's inputs are negative."""
        return self.phases * (2 if signed and self.signed_inputs == "two_phase" else 1)

    @model_validator(mode="after")
    def _phases_of_bits(self) -> ReadParameters:
        if self.input_bits is None:
            if self.phases > 1 or self.signed_inputs == "twos_complement" or self.accumulate == "analog":
                raise ValueError(
                    "phases, accumulate and twos_complement need input_bits: add it, or leave them out"
                )
            return self
        if self.phases > self.input_bits:
            raise ValueError(f"{self.phases} phases are more than the {self.input_bits} bits of an input")
        if (self.phases - 1) * self.bits_per_phase >= self.input_bits:
            raise ValueError(
                f"{self.phases} phases of {self.bits_per_phase} bits are more than {self.input_bits} bits need: "
                f"{-(-self.input_bits // self.bits_per_phase)} do"
            )
        if self.signed_inputs == "twos_complement" and self.phases < self.input_bits:
            raise ValueError(
                "twos_complement needs a phase for every bit, the sign's being apart: give as many phases as input_bits"
            )
        return self


class WireParameters(Record):
    """Resistances around the cells of a tile; a tile is solved with them, exactly where its cells are linear.

    row, column : of one segment of wire: between two cells, from the driver to the first cell of a row, and from the
        last cell of a column to its sense circuit
    driver, sense : of what drives a row and of what holds a column at zero volts
    pair : whether the columns of G+ and G- lie side by side in one array, or in two arrays
    cell 1T1R : the cells of rows that are not selected are cut off by their transistors; a matrix read selects all
        rows of a tile. passive: every cell conducts always, and sneak paths remain
    undriven : what becomes of a selected row at zero volts. held: its driver holds it there. cut: inputs act on the
        transistors' gates, and its cells are cut off, so that every input meets a network of its own; that is solved
        for single reads alone (`single_reads.column_currents`), and chips are not run with it
    """

    row_ohms: Annotated[float, Field(ge=0)]
    column_ohms: Annotated[float, Field(ge=0)]
    driver_ohms: Annotated[float, Field(ge=0)] = 0.0
    sense_ohms: Annotated[float, Field(ge=0)] = 0.0
    pair: Literal["interleaved", "apart"] = "interleaved"
    cell: Literal["1T1R", "passive"] = "1T1R"
    undriven: Literal["held", "cut"] = "held"

    @model_validator(mode="after")
    def _transistors_cut(self) -> WireParameters:
        if self.undriven == "cut" and self.cell == "passive":
            raise ValueError('undriven = "cut" needs transistors: give cell = "1T1R", or undriven = "held"')
        return self


class CapacityParameters(Record):
    """What one whole chip holds, and what is published of it.

    tiles : arrays on the chip; power_watts, area_square_metres : of the whole chip, as published
    link_bytes_per_s : that a chip's links to others carry together, each way
    """

    tiles: Count
    power_watts: Positive | None = None
    area_square_metres: Positive | None = None
    link_bytes_per_s: Positive | None = None


class NeuronParameters(Record):
    """The integrate-and-fire neurons of a chip that computes with spikes.

    kind digital: a converter's code is added to a register; analog: the columns' charge lands on a capacitor, and a
    comparator decides, without a converter.
    reset : a spike takes the threshold off the membrane ("subtract"), or puts it to rest ("zero")
    t_tick_s : the shortest time step; a step lasts at least as long as the reads and conversions in it. None: just
        those
    threshold_mismatch : relative standard deviation of the thresholds, fixed per neuron and chip
    leak_tau_s : time constant of the membrane's leak; None: it does not leak
    refractory_s : time after a spike in which no other is made
    low, high : where the membrane saturates, in thresholds; None: it does not
    c_membrane_farads, v_threshold_volts : of analog neurons: charge C V per spike
    """

    kind: Literal["digital", "analog"]
    reset: Literal["subtract", "zero"] = "subtract"
    comparison: Literal[">=", ">"] = ">="
    t_tick_s: Positive | None = None
    threshold_mismatch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    leak_tau_s: Positive | None = None
    refractory_s: Annotated[float, Field(ge=0)] = 0.0
    low: float | None = None
    high: float | None = None
    c_membrane_farads: Positive | None = None
    v_threshold_volts: Positive | None = None


class CoreParameters(Record):
    """Neurosynaptic cores: axons with a type, a crossbar of binary synapses, integer neurons.

    axons, neurons, axon_types : of one core
    weight_bits, v_bits : of a neuron's weights and leak, and of its potential, sign included
    delay_ticks : the longest delay of a spike
    cores : on the chip
    t_tick_s : length of a tick
    """

    axons: Annotated[int, Field(ge=2, le=256)]
    neurons: Annotated[int, Field(ge=1, le=256)]
    axon_types: Annotated[int, Field(ge=2, le=4)]
    weight_bits: Annotated[int, Field(ge=2, le=9)]
    v_bits: Annotated[int, Field(ge=20, le=20)]
    delay_ticks: Annotated[int, Field(ge=1, le=15)]
    cores: Count
    t_tick_s: Positive


class BistableParameters(Record):
    """Synapses that hold one of two weights and learn by a hidden state x in [0, 1] (Brader, Senn and Fusi, Neural
    Comput. 19, 2881, 2007): at an input spike x grows by `jump_up` if the neuron's membrane is above `v_up`
    thresholds, else it falls by `jump_down`; between spikes it drifts up from above `middle`, down from below it.

    synapses : on the chip; drift_up_hertz, drift_down_hertz : of x, per second
    """

    synapses: Count
    middle: Annotated[float, Field(gt=0, lt=1)]
    drift_up_hertz: Positive
    drift_down_hertz: Positive
    jump_up: Annotated[float, Field(gt=0, lt=1)]
    jump_down: Annotated[float, Field(gt=0, lt=1)]
    v_up: Annotated[float, Field(ge=0, le=1)]
