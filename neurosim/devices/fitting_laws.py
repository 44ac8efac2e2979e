"""Laws of pulses that are fitted to measurements: their parameters, and how likely they make a measurement.

Conductances are in shares of the measured range, x = (G - low) / (high - low). The likelihood is that of the
one-step-ahead predictions of a Kalman filter (Kalman, J. Basic Eng. 82, 35, 1960): the conductance moves by the law's
step, with noise from pulse to pulse, and is read with noise, so that what a reading adds is not taken for a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from neurosim.kernels import plastic, pulse_filter

Way = Literal["up", "down"]
WAYS: tuple[Way, Way] = ("up", "down")


@dataclass(frozen=True)
class Parameter:
    """One number of a law: where it may lie, whether it is fitted by its logarithm, and where the search starts."""

    name: str
    low: float
    high: float
    logarithmic: bool = True


@dataclass(frozen=True)
class Law:
    """A law with one kind of noise.

    name : for tables; kind : as in GradualPulses, or crystallisation; noise : additive or proportional
    shape : what describes the step besides its size, per way
    fixed : figures of the shape that this law does not fit
    """

    name: str
    kind: str
    noise: Literal["additive", "proportional"]
    shape: tuple[Parameter, ...] = ()
    fixed: dict[str, float] = field(default_factory=dict)

    from_zero = False  # conductances are counted from the lower end of the range

    def parameters(self, ways: tuple[Way, ...], read: bool = True) -> tuple[Parameter, ...]:
        """All that is fitted, for the ways that were measured; `read` whether readings are noisy."""
        steps = [Parameter(f"step_{way}", 1e-7, 0.999) for way in ways]
        shapes = [
            Parameter(f"{p.name}_{way}", p.low, p.high, p.logarithmic) for p in self.shape for way in ways
        ]
        noise = Parameter("cycle_noise", 1e-7, 1.0)
        if self.noise == "proportional":
            noise = Parameter("cycle_spread", 1e-3, 1e3)
        return (*steps, *shapes, noise, *((READ_NOISE, *BOUNDS) if read else ()))

    def guess(self, rough: dict[str, float], ways: tuple[Way, ...]) -> dict[str, float]:
        """Where a search begins, from the steps at both ends of the way and the noises in `rough`."""
        guess = {
            "low": 0.0,
            "high": 1.0,
            "cycle_noise": rough["pulse"],
            "cycle_spread": rough["pulse"] / rough["step"],
        }
        for way in ways:
            first, last = rough[f"first_{way}"], rough[f"last_{way}"]
            guess[f"step_{way}"] = last if self.kind == "exp_step" else first
            guess[f"slope_{way}"] = min(1 - last / first, 0.98)
            guess[f"extra_{way}"] = max(first - last, 0.1 * last)
            guess[f"gamma_{way}"] = 3.0 if self.kind == "exp_step" else 1.0
        return guess

    def coefficients(self, values: dict[str, float]) -> np.ndarray:
        """The numbers of the kernels; a way that was not measured moves as the other one does."""
        found = {**self.fixed, **values}

        def pair(name: str) -> list[float]:
            known = [found.get(f"{name}_{way}", found.get(name)) for way in WAYS]
            return [float(next(v for v in (one, *known, 0.0) if v is not None)) for one in known]

        shape = pair("slope" if self.kind == "linear_step" else "extra")
        noise = [found.get("cycle_spread", 0.0), found.get("cycle_noise", 0.0)]
        return np.array([*pair("step"), *shape, *pair("gamma"), *noise, *UNBOUNDED])


UNBOUNDED = (-1e6, 1e6)
# ends of the device's range, in shares of what was measured: noise makes the measured ones too wide
BOUNDS = (Parameter("low", -0.2, 0.2, logarithmic=False), Parameter("high", 0.8, 1.2, logarithmic=False))
READ_NOISE = Parameter("read_noise", 1e-7, 1.0)
_SLOPE = Parameter("slope", -20.0, 1.0, logarithmic=False)
_GAMMA, _EXTRA = Parameter("gamma", 0.05, 50.0), Parameter("extra", 1e-7, 0.999)


def gradual_laws() -> tuple[Law, ...]:
    """Every law of small pulses, with both kinds of noise."""
    laws = []
    for noise in ("additive", "proportional"):
        laws += [
            Law("constant step", "linear_step", noise, fixed={"slope": 0.0}),
            Law("soft bounds", "linear_step", noise, fixed={"slope": 1.0}),
            Law("linear step", "linear_step", noise, (_SLOPE,)),
            Law("exponential step", "exp_step", noise, (_EXTRA, _GAMMA)),
            Law("power step", "power_step", noise, (_GAMMA,)),
        ]
    return tuple(laws)


@dataclass(frozen=True)
class Crystallisation:
    """The staircase of partial SET pulses (Nandakumar et al., J. Appl. Phys. 124, 152135, 2018), from a RESET on.

    Conductances are counted from zero, in shares of the largest one; memory : whether the first pulses after a RESET
    do more than the later ones
    """

    memory: bool = True
    kind = "crystallisation"
    noise = "of G and memory"
    from_zero = True

    @property
    def name(self) -> str:
        """For tables."""
        return "crystallisation" if self.memory else "crystallisation without memory"

    def parameters(self, ways: tuple[Way, ...], read: bool = True) -> tuple[Parameter, ...]:  # noqa: ARG002
        """All that is fitted."""
        mean = [
            Parameter("mu_g", -0.999, 0.5, logarithmic=False),
            Parameter("mu_0", -1.0, 1.0, logarithmic=False),
        ]
        spread = [Parameter("sd_g", 0.0, 2.0, logarithmic=False), Parameter("sd_0", 1e-6, 1.0)]
        if self.memory:
            mean += [Parameter("mu_p", -1.0, 2.0, logarithmic=False), Parameter("memory", 0.2, 50.0)]
            spread += [Parameter("sd_p", 0.0, 2.0, logarithmic=False)]
        return (*mean, *spread, *((READ_NOISE,) if read else ()))

    def guess(self, rough: dict[str, float], ways: tuple[Way, ...]) -> dict[str, float]:  # noqa: ARG002
        """Where a search begins."""
        first, last = rough["first_up"], rough["last_up"]
        return {"mu_g": last - first, "mu_0": first, "mu_p": first, "memory": 2.0, "sd_g": 0.05,
                "sd_0": rough["pulse"], "sd_p": rough["pulse"]}  # fmt: skip

    def coefficients(self, values: dict[str, float]) -> np.ndarray:
        """The numbers of the kernels."""
        means = [values["mu_g"], values["mu_0"], values.get("mu_p", 0.0)]
        spreads = [values["sd_g"], values["sd_0"], values.get("sd_p", 0.0)]
        return np.array([*means, *spreads, math.exp(-1 / values.get("memory", 1.0))])


AnyLaw = Law | Crystallisation


@dataclass(frozen=True)
class Scaled:
    """Ramps in shares of the range, as the kernel takes them.

    x : float64 (ramps, pulses), NaN behind a ramp's end; held : bool (ramps, pulses), readings kept out of the fit
    noisy : whether readings have noise of their own
    """

    x: np.ndarray
    lengths: np.ndarray
    up: np.ndarray
    held: np.ndarray
    noisy: bool = True

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that were measured."""
        return tuple(way for way, is_up in zip(WAYS, (True, False), strict=True) if is_up in self.up)

    @property
    def predicted(self) -> np.ndarray:
        """Readings that something predicts: all but the first of each ramp."""
        places = np.arange(self.x.shape[1])[None]
        return np.asarray((places > 0) & (places < self.lengths[:, None]))

    def within(self, low: float, high: float) -> Scaled:
        """The same in shares of low to high, which are shares of this range."""
        return replace(self, x=(self.x - low) / (high - low))

    def chosen(self, ramps: np.ndarray) -> Scaled:
        """Some of the ramps."""
        return Scaled(self.x[ramps], self.lengths[ramps], self.up[ramps], self.held[ramps], self.noisy)


def predictions(ramps: Scaled, kind: str, c: np.ndarray, read_noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors of one-step-ahead predictions and their variances, like `ramps.x`."""
    c, error, variance = _clipping(ramps, c), np.zeros_like(ramps.x), np.ones_like(ramps.x)
    pulse_filter.innovations(
        ramps.x, ramps.lengths, ramps.up, plastic.KINDS[kind], c, read_noise**2, error, variance
    )
    return error, variance


def log_likelihood(ramps: Scaled, kind: str, c: np.ndarray, read_noise: float, chosen: np.ndarray) -> float:
    """Sum of the log densities of the readings where `chosen`, bool like `ramps.x`, is."""
    c, work = _clipping(ramps, c), np.empty((2, *ramps.x.shape))
    return float(pulse_filter.log_likelihood(
        ramps.x, ramps.lengths, ramps.up, plastic.KINDS[kind], c, read_noise**2, chosen, work[0], work[1]
    ))  # fmt: skip


def _clipping(ramps: Scaled, c: np.ndarray) -> np.ndarray:
    """The coefficients with the bounds of the range; the bins of a table of steps end, but no device stops there."""
    if not ramps.noisy or len(c) < 10:
        return c
    return np.array([*c[:8], 0.0, 1.0])
