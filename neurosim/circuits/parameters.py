"""What a chip's circuit tables may say: cells, array, converters, read conditions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
    """

    kind: Literal["differential", "offset"] = "differential"
    devices_per_weight: Count = 1  # in parallel, per polarity
    subtraction: Literal["analog", "digital"] = "analog"
    levels: Literal["any", "binary"] = "any"


class ArrayParameters(Record):
    """Size of one tile, in rows (inputs) and weight columns."""

    rows: Count
    columns: Count


class ConverterParameters(Record):
    """A uniform converter, or none (`bits` absent). The range is calibrated on calibration data:
    the given percentile of the magnitudes seen, times `margin`."""

    bits: Bits | None = None
    percentile: Annotated[float, Field(gt=0, le=100)] = 100.0
    margin: Positive = 1.0


class ReadParameters(Record):
    """Read conditions of the array.

    coding amplitude: the input is a voltage, duty 1; pulse_width: the input is a time at V_read.
    signed_inputs bipolar: one read; two_phase: positive, then negative inputs, conversions doubled.
    noise split: frozen and per-read parts (time scale: the chip time of one inference); independent: all of
    it drawn per read; none: no read noise.
    """

    v_read_volts: Positive
    t_read_s: Positive
    coding: Literal["amplitude", "pulse_width"] = "amplitude"
    signed_inputs: Literal["bipolar", "two_phase"] = "bipolar"
    noise: Literal["split", "independent", "none"] = "split"


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
