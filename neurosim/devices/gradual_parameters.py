"""What the [device] table of a memory with small pulses both ways may say: oxide memories, electrochemical ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.devices.ranges import (
    Arrhenius,
    ConductanceRange,
    NotNegative,
    Positive,
    StuckDevices,
    check_rows,
)
from neurosim.foundation.records import Record


class GradualPulses(Record):
    """Small pulses both ways, in shares of the width g_max - g_min; x = (G - g_min) / width, and x' = 1 - x downwards.

    kind : how the mean step depends on the way already gone
        soft_bounds  step (1 - x): the step vanishes at the bound (Fusi and Abbott, Nat. Neurosci. 10, 485, 2007)
        linear_step  step (1 - slope x); slope 0 is a constant step, slope 1 soft bounds, below 0 steps grow
        exp_step     step + extra exp(-gamma x)
        power_step   step (1 - x)^gamma
    step_up, step_down : share of the width that a pulse at the far bound covers (exp_step: one where `extra` has faded)
    cycle_spread : standard deviation from pulse to pulse relative to the mean step
    cycle_noise : standard deviation from pulse to pulse that does not depend on the step, as a share of the width
    device_spread : relative standard deviation of the step size from device to device
    """

    kind: Literal["soft_bounds", "linear_step", "exp_step", "power_step"] = "soft_bounds"
    step_up: Annotated[float, Field(gt=0, lt=1)]
    step_down: Annotated[float, Field(gt=0, lt=1)]
    slope_up: Annotated[float, Field(le=1)] | None = None
    slope_down: Annotated[float, Field(le=1)] | None = None
    extra_up: NotNegative | None = None
    extra_down: NotNegative | None = None
    gamma_up: NotNegative | None = None
    gamma_down: NotNegative | None = None
    cycle_spread: NotNegative = 0.0
    cycle_noise: NotNegative = 0.0
    device_spread: NotNegative = 0.0

    @model_validator(mode="after")
    def _figures_of_the_kind(self) -> GradualPulses:
        wanted = {
            "soft_bounds": (),
            "linear_step": ("slope",),
            "exp_step": ("extra", "gamma"),
            "power_step": ("gamma",),
        }
        for figure in ("slope", "extra", "gamma"):
            given = [getattr(self, f"{figure}_{way}") is not None for way in ("up", "down")]
            if figure in wanted.get(self.kind, ()) and not all(given):
                raise ValueError(f'kind = "{self.kind}" needs {figure}_up and {figure}_down')
            if figure not in wanted.get(self.kind, ()) and any(given):
                raise ValueError(f'{figure}_up and {figure}_down are not of kind = "{self.kind}"')
        ends = (self.step_up * (1 - (self.slope_up or 0)), self.step_down * (1 - (self.slope_down or 0)))
        if max(ends) >= 1:
            raise ValueError("a slope makes steps grow to the whole range: raise it, or give a smaller step")
        return self


class ProgrammingSpread(Record):
    """Error of write and verify: sigma = c0 + c1 x + c2 x^2 + ... in siemens, at least 0, x = target / g_reference.

    g_reference_siemens : what conductances are counted in, for coefficients in the paper's own unit; None: g_max
    fitted_from_siemens, fitted_to_siemens : conductances over which the coefficients were fitted; a device whose
        range leaves them is refused
    """

    sigma_siemens: tuple[float, ...] = Field(min_length=1)
    g_reference_siemens: Positive | None = None
    fitted_from_siemens: NotNegative | None = None
    fitted_to_siemens: Positive | None = None


class LogRelaxation(Record):
    """Conductance lost and spread with ln t: from t0 on it moves by mean_log ln(t/t0) + (sigma + sigma_log ln(t/t0)) z.

    z is a standard normal of the device for life; before t0 nothing has moved. Siemens, and siemens per unit of ln t.
    """

    kind: Literal["log"] = "log"
    t0_s: Positive
    mean_log_siemens: float = 0.0
    sigma_siemens: NotNegative = 0.0
    sigma_log_siemens: NotNegative = 0.0
    temperature: Arrhenius | None = None


class TableRelaxation(Record):
    """Spread measured at some times: polynomials in x = G / g_reference as in ProgrammingSpread, one per time.

    The first one is the spread right after programming; what a later one adds (in variance) is the relaxation.
    Between times sigma is interpolated linearly in ln t, and extrapolated from the last two after the last one.
    """

    kind: Literal["table"]
    times_s: tuple[Positive, ...] = Field(min_length=2)
    sigma_siemens: tuple[tuple[float, ...], ...]
    g_reference_siemens: Positive | None = None
    temperature: Arrhenius | None = None

    @model_validator(mode="after")
    def _one_row_per_time(self) -> TableRelaxation:
        check_rows(self.times_s, {"sigma": self.sigma_siemens})
        return self


class FlickerNoise(Record):
    """1/f noise of reads: sigma = k log10(G / g_reference) sqrt(ln((t + t_read) / (2 t_read))), 0 below g_reference."""

    k_siemens: NotNegative
    g_reference_siemens: Positive
    t_read_s: Positive


class GradualParameters(ConductanceRange):
    """A device written and verified, or moved by small pulses both ways.

    programming_sigma_siemens, or the table `programming` : standard deviation of write and verify
    read_noise : relative standard deviation of one read, white; read_noise_floor_siemens adds what does not depend on G
    flicker : 1/f noise besides; relaxation : what happens to the conductance with time
    """

    programming_sigma_siemens: NotNegative | None = None
    programming: ProgrammingSpread | None = None
    read_noise: NotNegative
    read_noise_floor_siemens: NotNegative = 0.0
    flicker: FlickerNoise | None = None
    relaxation: Annotated[LogRelaxation | TableRelaxation, Field(discriminator="kind")] | None = None
    pulses: GradualPulses | None = None
    stuck: StuckDevices = StuckDevices()

    @model_validator(mode="after")
    def _one_spread(self) -> GradualParameters:
        if (self.programming_sigma_siemens is None) == (self.programming is None):
            raise ValueError("give programming_sigma, or a table [device.programming], and not both")
        fit = self.programming
        if fit is not None:
            below = fit.fitted_from_siemens is not None and self.g_min_siemens < fit.fitted_from_siemens
            above = fit.fitted_to_siemens is not None and self.g_max_siemens > fit.fitted_to_siemens * (
                1 + 1e-9
            )
            if below or above:
                fitted = f"{fit.fitted_from_siemens or 0:g} to {fit.fitted_to_siemens or float('inf'):g} S"
                raise ValueError(
                    f"g_min to g_max ({self.g_min_siemens:g} to {self.g_max_siemens:g} S) leave the {fitted} "
                    "that programming was fitted on: change them"
                )
        return self


class RramParameters(GradualParameters):
    """Filamentary oxide memory."""

    kind: Literal["rram"] = "rram"


class EcramParameters(GradualParameters):
    """Electrochemical memory: ions inserted into a channel, in small and nearly linear steps."""

    kind: Literal["ecram"] = "ecram"
