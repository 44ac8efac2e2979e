"""What the [device] table of a flash, magnetic or static memory cell may say."""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.devices.gradual_parameters import GradualPulses
from neurosim.devices.ranges import (
    Arrhenius,
    ConductanceRange,
    Fraction,
    NotNegative,
    Positive,
    StuckDevices,
    check_rows,
)
from neurosim.foundation.records import Record


class FlashSpread(Record):
    """Cell currents after programming: sigma = a (1 - exp(-I/b)), one a and b per time, and the mean's drift.

    drift_amperes : one row of coefficients per time, dI = c0 + c1 y + c2 y^2 + ..., y = I / i_reference; may be empty
    The first time is the end of programming, 0. Between times all figures are interpolated linearly in t; after the
    last one they follow ln t, through the second time and the last (extrapolated, not measured).
    """

    times_s: tuple[NotNegative, ...] = Field(min_length=1)
    a_amperes: tuple[NotNegative, ...]
    b_amperes: tuple[Positive, ...]
    drift_amperes: tuple[tuple[float, ...], ...] = ()
    i_reference_amperes: Positive | None = None

    @model_validator(mode="after")
    def _one_row_per_time(self) -> FlashSpread:
        rows: dict[str, Sized] = {"a": self.a_amperes, "b": self.b_amperes}
        check_rows(self.times_s, rows | ({"drift": self.drift_amperes} if self.drift_amperes else {}))
        if self.times_s[0] != 0 or len(self.times_s) == 2:
            raise ValueError(
                "times start at 0, the end of programming, and have no or at least two later ones"
            )
        if self.drift_amperes and self.i_reference_amperes is None:
            raise ValueError("drift needs i_reference, the current that its coefficients count in")
        return self


class FlashNoise(Record):
    """White noise of one read: sigma = a (1 - exp(-I/b))."""

    a_amperes: NotNegative
    b_amperes: Positive


class FlashParameters(ConductanceRange):
    """Charge-storing transistor (floating gate or SONOS) read at one drain voltage, G = I / v_cell.

    v_cell_volts : drain voltage at which the currents of its tables were measured
    tuning_accuracy : relative standard deviation of a current after tuning; or the table `spread`
    read_noise : relative standard deviation of one read, or the table `noise`
    """

    kind: Literal["flash"] = "flash"
    v_cell_volts: Positive | None = None
    tuning_accuracy: NotNegative | None = None
    spread: FlashSpread | None = None
    read_noise: NotNegative | None = None
    noise: FlashNoise | None = None
    pulses: GradualPulses | None = None
    temperature: Arrhenius | None = None
    stuck: StuckDevices = StuckDevices()

    @model_validator(mode="after")
    def _one_of_each(self) -> FlashParameters:
        if (self.tuning_accuracy is None) == (self.spread is None):
            raise ValueError("give tuning_accuracy, or a table [device.spread], and not both")
        if (self.read_noise is None) == (self.noise is None):
            raise ValueError("give read_noise, or a table [device.noise], and not both")
        if (self.spread is not None or self.noise is not None) and self.v_cell_volts is None:
            raise ValueError("tables of currents need v_cell, the drain voltage they were measured at")
        return self


class MramParameters(ConductanceRange):
    """Magnetic tunnel junction of two states: antiparallel at g_min, parallel at g_max.

    resistance_spread : relative standard deviation of the parallel resistance from junction to junction
    tmr_spread : relative standard deviation of the tunnel magnetoresistance (R_AP - R_P) / R_P
    write_error_rate : probability that one write pulse does not switch; write_attempts : pulses with verification
    thermal_stability : energy barrier over kT at reference_kelvin; attempt_time_s : mean time between attempts to
        cross it (Neel and Arrhenius); None: states are kept for ever
    read_noise : relative standard deviation of one read, white
    """

    kind: Literal["mram"] = "mram"
    resistance_spread: NotNegative
    tmr_spread: NotNegative
    write_error_rate: Fraction = 0.0
    write_attempts: Annotated[int, Field(ge=1)] = 1
    thermal_stability: Positive | None = None
    attempt_time_s: Positive | None = None
    reference_kelvin: Positive | None = None
    temperature_kelvin: Positive | None = None
    read_noise: NotNegative = 0.0
    stuck: StuckDevices = StuckDevices()

    @property
    def states(self) -> int:
        """Two."""
        return 2

    @property
    def tmr(self) -> float:
        """Tunnel magnetoresistance, (R_AP - R_P) / R_P."""
        return self.g_max_siemens / self.g_min_siemens - 1

    @model_validator(mode="after")
    def _two_states(self) -> MramParameters:
        if self.g_min_siemens <= 0:
            raise ValueError("g_min must be above 0: an antiparallel junction conducts too")
        if (self.thermal_stability is None) != (self.attempt_time_s is None):
            raise ValueError("thermal_stability and attempt_time go together: give both, or neither")
        if (self.reference_kelvin is None) != (self.temperature_kelvin is None):
            raise ValueError("reference and temperature go together: give both, or neither")
        return self


class SramParameters(ConductanceRange):
    """Read transistors of a static cell: `bits` fingers of widths 1, 2, 4, ..., each on or off.

    6T cells have one finger, the access transistor; 8T cells hold several bits by the sizes of their read transistors.
    A finger conducts ~ width (V_gate - V_t)^alpha; g_max is all fingers on at v_nominal and reference_kelvin.

    v_gate_volts, v_nominal_volts : voltage of the read gates, and the one that g_max is stated at
    v_threshold_volts : threshold of a finger without mismatch
    a_vt_volt_metres : Pelgrom's coefficient; a finger's threshold spreads by a_vt / sqrt(width length)
    width_metres, length_metres : of the smallest finger
    threshold_slope_volts_per_kelvin, mobility_exponent : V_t falls with T, and mobility goes with T^-exponent
    """

    kind: Literal["sram"] = "sram"
    bits: Annotated[int, Field(ge=1, le=8)] = 1
    alpha: Positive
    v_gate_volts: Positive
    v_nominal_volts: Positive
    v_threshold_volts: Positive
    a_vt_volt_metres: NotNegative
    width_metres: Positive
    length_metres: Positive
    threshold_slope_volts_per_kelvin: NotNegative = 0.0
    mobility_exponent: NotNegative = 0.0
    reference_kelvin: Positive | None = None
    temperature_kelvin: Positive | None = None
    read_noise: NotNegative = 0.0
    stuck: StuckDevices = StuckDevices()

    @property
    def states(self) -> int:
        """Words of its bits."""
        return int(2**self.bits)

    @model_validator(mode="after")
    def _conducts(self) -> SramParameters:
        if min(self.v_gate_volts, self.v_nominal_volts) <= self.v_threshold_volts:
            raise ValueError("v_gate and v_nominal must be above v_threshold: no model below threshold")
        if (self.reference_kelvin is None) != (self.temperature_kelvin is None):
            raise ValueError("reference and temperature go together: give both, or neither")
        return self
