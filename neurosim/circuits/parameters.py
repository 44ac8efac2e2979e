"""What a chip's circuit tables may say: cells, array, converters, read conditions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.foundation.records import Record

Bits = Annotated[int, Field(ge=1, le=24)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


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
    `encoding` flipped: a column whose sum would need the ADC's top bit holds the complement of its slice, and its
    codes are turned back digitally, with the number of driven rows (Shafiee et al., ISCA 2016, section V).
    """

    kind: Literal["differential", "offset"] = "differential"
    devices_per_weight: Count = 1  # in parallel, per polarity and slice
    subtraction: Literal["analog", "digital"] = "analog"
    levels: Literal["any", "binary"] = "any"
    weight_bits: Annotated[int, Field(ge=2, le=24)] | None = None
    slices: Count = 1
    bits_per_cell: Annotated[int, Field(ge=1, le=8)] | None = None
    encoding: Literal["plain", "flipped"] = "plain"

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
            if self.slices > 1 or self.bits_per_cell is not None or self.encoding == "flipped":
                raise ValueError(
                    "slices, bits_per_cell and encoding need weight_bits: add it, or leave them out"
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
        return self


class ArrayParameters(Record):
    """Size of one tile, in rows (inputs) and weight columns."""

    rows: Count
    columns: Count


class ConverterParameters(Record):
    """A converter, or none (`bits` absent).

    range calibrated: the given percentile of the magnitudes seen on calibration data, times `margin`; maximum: what
    all rows of a tile give at full input and full conductance; fixed: `full_scale` as a share of that maximum.
    kind uniform: equal steps. ramp: a counter until a rising reference passes the input: equal steps, and a
    conversion takes 2^bits clocks. sar: a binary search with `bits` comparisons against a charge-redistribution DAC,
    whose unit capacitors miss by `capacitor_mismatch` (relative standard deviation of one unit). table: levels moved
    by `inl`, in steps, one per code from the lowest (or `dnl`, summed up).
    comparator_noise : standard deviation of the input-referred noise of one comparison, in steps (lsb)
    """

    bits: Bits | None = None
    kind: Literal["uniform", "ramp", "sar", "table"] = "uniform"
    range: Literal["calibrated", "maximum", "fixed"] = "calibrated"
    percentile: Annotated[float, Field(gt=0, le=100)] = 100.0
    margin: Positive = 1.0
    full_scale: Annotated[float, Field(gt=0, le=1)] | None = None
    comparator_noise: Annotated[float, Field(ge=0)] = 0.0
    capacitor_mismatch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    inl: tuple[float, ...] = ()
    dnl: tuple[float, ...] = ()

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
        return self


class ReadParameters(Record):
    """Read conditions of the array.

    coding amplitude: the input is a voltage, duty 1; pulse_width: the input is a time at V_read.
    signed_inputs bipolar: one read; two_phase: positive, then negative inputs, conversions doubled.
    noise split: frozen and per-read parts (time scale: the chip time of one inference); independent: all of
    it drawn per read; none: no read noise.

    Bit-serial inputs: where `input_bits` is given, inputs are whole numbers of so many bits, shown in `phases` reads
    of input_bits / phases bits each. accumulate digital: a conversion after every phase, shifted and added; analog:
    the phases are weighted and summed before one conversion.
    signed_inputs twos_complement: the most significant phase of a bit-serial input counts negative.
    overlapped : the conversions of a read run during the next one, so that a phase takes the longer of the two
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

    @property
    def serial(self) -> bool:
        """Whether inputs are whole numbers, shown in phases."""
        return self.input_bits is not None

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
        return self


class WireParameters(Record):
    """Resistances around the cells of a tile; a tile is solved with them, exactly where its cells are linear.

    row, column : of one segment of wire between two cells
    driver, sense : of what drives a row and of what holds a column at zero volts
    pair : whether the columns of G+ and G- lie side by side in one array, or in two arrays
    cell 1T1R : rows that are not driven are cut off; passive: they are held at their driver, and sneak paths remain
    """

    row_ohms: Annotated[float, Field(ge=0)]
    column_ohms: Annotated[float, Field(ge=0)]
    driver_ohms: Annotated[float, Field(ge=0)] = 0.0
    sense_ohms: Annotated[float, Field(ge=0)] = 0.0
    pair: Literal["interleaved", "apart"] = "interleaved"
    cell: Literal["1T1R", "passive"] = "1T1R"


class CapacityParameters(Record):
    """What one whole chip holds, and what is published of it.

    tiles : arrays on the chip; power_watts, area_square_metres : of the whole chip, as published
    link_hertz : bytes per second between chips
    """

    tiles: Count
    power_watts: Positive | None = None
    area_square_metres: Positive | None = None
    link_hertz: Positive | None = None


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
