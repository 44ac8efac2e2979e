"""What a chip's [device] table may say; one frozen record per technology."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.devices.gradual_parameters import EcramParameters, RramParameters
from neurosim.devices.memory_parameters import FlashParameters, MramParameters, SramParameters
from neurosim.devices.ranges import ConductanceRange, Fraction, Positive, StuckDevices
from neurosim.foundation.records import Record

__all__ = [
    "Branch",
    "ConductanceRange",
    "DeviceParameters",
    "EcramParameters",
    "FlashParameters",
    "IdealParameters",
    "MramParameters",
    "PcmParameters",
    "RramParameters",
    "SramParameters",
    "StuckDevices",
]


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


DeviceParameters = Annotated[
    IdealParameters
    | PcmParameters
    | RramParameters
    | EcramParameters
    | FlashParameters
    | MramParameters
    | SramParameters,
    Field(discriminator="kind"),
]
