"""What the records of several technologies share: the range of conductances, stuck devices, temperature."""

from __future__ import annotations

from collections.abc import Sized
from itertools import pairwise
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from neurosim.foundation.records import Record

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class StuckDevices(Record):
    """Fractions of devices that never move: at zero conductance, or at g_max."""

    low: Fraction = 0.0
    high: Fraction = 0.0

    @model_validator(mode="after")
    def _at_most_all(self) -> StuckDevices:
        if self.low + self.high > 1:
            raise ValueError("low + high must be at most 1")
        return self


class ConductanceRange(Record):
    """The conductances a cell is programmed to, siemens."""

    g_min_siemens: Annotated[float, Field(ge=0)] = 0.0
    g_max_siemens: Positive

    @property
    def states(self) -> int | None:
        """Conductances that a device can be set to; None where any of the range is one."""
        return None

    @field_validator("g_max_siemens")
    @classmethod
    def _ordered(cls, g_max: float, info: ValidationInfo) -> float:
        g_min = info.data.get("g_min_siemens", 0.0)
        if g_min >= g_max:
            raise ValueError(f"g_min must be below g_max ({g_min:g} S >= {g_max:g} S)")
        return g_max


class Arrhenius(Record):
    """How temperature speeds retention up: t -> t exp(Ea/k (1/T_reference - 1/T)).

    activation_energy_joules : Ea; reference_kelvin : temperature at which retention was measured
    temperature_kelvin : that of the chip
    """

    activation_energy_joules: NotNegative
    reference_kelvin: Positive
    temperature_kelvin: Positive


def check_rows(times_s: tuple[float, ...], rows: dict[str, Sized]) -> None:
    """Refuse times that do not rise, and tables that have not one row per time."""
    if any(later <= earlier for earlier, later in pairwise(times_s)):
        raise ValueError("times must rise")
    for name, values in rows.items():
        if len(values) != len(times_s):
            raise ValueError(f"{name} needs one entry per time: {len(times_s)}, not {len(values)}")
