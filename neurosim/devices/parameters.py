"""What a chip's [device] table may say; one frozen record per technology."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from neurosim.foundation.records import Record

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


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

    @field_validator("g_max_siemens")
    @classmethod
    def _ordered(cls, g_max: float, info: ValidationInfo) -> float:
        g_min = info.data.get("g_min_siemens", 0.0)
        if g_min >= g_max:
            raise ValueError(f"g_min must be below g_max ({g_min:g} S >= {g_max:g} S)")
        return g_max


class IdealParameters(ConductanceRange):
    """A device that takes any conductance exactly, keeps it, and reads without noise."""

    kind: Literal["ideal"] = "ideal"
    pulse_steps: Annotated[int, Field(ge=1)] = 1000  # linear pulses from zero to g_max
    stuck: StuckDevices = StuckDevices()


class PcmProgramming(Record):
    """Programming noise: sigma = c0 + c1 x + c2 x^2 + ... in siemens, x = target / g_max, at least 0."""

    sigma_siemens: tuple[float, ...] = Field(min_length=1)
    unused: Literal["programmed", "reset"]
    reset_siemens: Annotated[float, Field(ge=0)] = 0.0


class Branch(Record):
    """What replaces a formula for x = G / g_max at or above `start`: c0 + c1 x + c2 x^2 + ..."""

    start: Fraction
    coefficients: tuple[float, ...] = Field(min_length=1)


class ClippedLine(Record):
    """slope ln x + offset, clipped to min..max."""

    slope: float
    offset: float
    min: float
    max: float


class PcmDrift(Record):
    """Drift exponents nu ~ |N(mu, sigma)|; mu and sigma are clipped lines in ln x.

    Where `mu_above` or `sigma_above` is given, it holds instead for x >= its start.
    """

    t0_s: Positive
    mu_slope: float
    mu_offset: float
    mu_min: float
    mu_max: float
    sigma_slope: float
    sigma_offset: Annotated[float, Field()]
    sigma_min: Annotated[float, Field(ge=0)]
    sigma_max: float
    mu_above: Branch | None = None
    sigma_above: Branch | None = None


class PcmReadNoise(Record):
    """1/f read noise: sigma / G = Q sqrt(ln((t + t_read) / (2 t_read))), Q = min(q_scale / x^q_exponent, q_max).

    Where `q_line` is given Q is that clipped line in ln x, and `q_above` holds instead for x >= its start;
    the three numbers of the power law are then left out.
    """

    q_scale: Annotated[float, Field(ge=0)] = 0.0
    q_exponent: float = 0.0
    q_max: Annotated[float, Field(ge=0)] = 0.0
    t_read_s: Positive
    q_line: ClippedLine | None = None
    q_above: Branch | None = None

    @model_validator(mode="after")
    def _one_law(self) -> PcmReadNoise:
        power = {"q_scale", "q_exponent", "q_max"} & self.model_fields_set
        if self.q_line is None and len(power) < 3:
            raise ValueError("give q_scale, q_exponent and q_max, or q_line")
        if self.q_line is not None and power:
            raise ValueError("give q_scale, q_exponent and q_max, or q_line, not both")
        return self


class PcmPulses(Record):
    """Crystallisation staircase of partial SET pulses (Nandakumar 2018), conductances in siemens.

    A device remembers P, 1 after RESET; each pulse: P <- P exp(-1/memory), then
    dG ~ N(mu_g G + mu_0 + mu_p P, sd_g G + sd_0 + sd_p P).
    """

    memory_pulses: Positive
    mu_g: float
    mu_0_siemens: float
    mu_p_siemens: float
    sd_g: float
    sd_0_siemens: float
    sd_p_siemens: float
    g_reset_siemens: Positive


class PcmParameters(ConductanceRange):
    """Phase-change memory: programming noise, drift, 1/f read noise, partial-SET pulses, stuck devices."""

    kind: Literal["pcm"] = "pcm"
    programming: PcmProgramming
    drift: PcmDrift
    read_noise: PcmReadNoise
    pulses: PcmPulses | None = None
    stuck: StuckDevices = StuckDevices()


class RramPulses(Record):
    """Soft-bounds pulses: up dG = step_up (g_max - G) (1 + spread z), down dG = -step_down (G - g_min) (1 + spread z).

    step_up, step_down : share of the way to the bound that one pulse covers on average
    cycle_spread : relative standard deviation from pulse to pulse
    """

    step_up: Annotated[float, Field(gt=0, lt=1)]
    step_down: Annotated[float, Field(gt=0, lt=1)]
    cycle_spread: Annotated[float, Field(ge=0)] = 0.0


class RramParameters(ConductanceRange):
    """Filamentary oxide memory: programming noise, read noise, gradual pulses both ways, no drift, stuck devices.

    programming_sigma_siemens : standard deviation of write-and-verify programming
    read_noise : relative standard deviation of one read, white
    """

    kind: Literal["rram"] = "rram"
    programming_sigma_siemens: Annotated[float, Field(ge=0)]
    read_noise: Annotated[float, Field(ge=0)]
    pulses: RramPulses | None = None
    stuck: StuckDevices = StuckDevices()


DeviceParameters = Annotated[IdealParameters | PcmParameters | RramParameters, Field(discriminator="kind")]
