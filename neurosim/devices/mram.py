"""Spin-transfer-torque magnetic memory: junctions of two resistances.

A parallel junction has R_P, an antiparallel one R_P (1 + TMR). Resistances spread log-normally from junction to
junction (the barrier's thickness enters them exponentially), and so does the TMR. A write pulse fails with a
probability; with verification it is repeated. Thermal agitation flips junctions after a time tau_0 exp(Delta)
(Neel and Arrhenius).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from neurosim.devices.device import (
    FREE,
    PulsePhysics,
    check_targets,
    check_time,
    draw_stuck,
    hold_stuck,
    no_small_pulses,
)
from neurosim.devices.draws import normals
from neurosim.devices.memory_parameters import MramParameters
from neurosim.foundation.streams import Stream


@dataclass(frozen=True)
class MramState:
    """Every junction, arrays of one shape.

    parallel : bool, its state; low_siemens, high_siemens : float32, its antiparallel and parallel conductance
    flip : float32 in [0, 1), the probability of a flip at which thermal agitation turns it over
    stuck : int8 flags
    """

    parallel: np.ndarray
    low_siemens: np.ndarray
    high_siemens: np.ndarray
    flip: np.ndarray
    stuck: np.ndarray


@dataclass(frozen=True)
class Mram:
    """Magnetic tunnel junctions with the given parameters."""

    parameters: MramParameters

    def failure_rate(self) -> float:
        """Probability that a junction is not switched after all attempts."""
        return float(self.parameters.write_error_rate**self.parameters.write_attempts)

    def flip_probability(self, t_s: float) -> float:
        """Probability that a junction is in its other state after t: (1 - exp(-2 t / tau)) / 2.

        tau = attempt_time exp(Delta), Delta = E/kT; zero where no thermal stability is given.
        """
        check_time(t_s)
        parameters = self.parameters
        if parameters.thermal_stability is None or parameters.attempt_time_s is None:
            return 0.0
        barrier = parameters.thermal_stability
        if parameters.reference_kelvin is not None and parameters.temperature_kelvin is not None:
            barrier *= parameters.reference_kelvin / parameters.temperature_kelvin
        return -math.expm1(-2 * t_s / parameters.attempt_time_s * math.exp(-barrier)) / 2

    def program(self, target_siemens: np.ndarray, rng: Stream) -> MramState:
        """Write the nearer of the two states. DataError for targets out of range.

        Before, every junction is in a random state; a write that fails leaves it there.
        """
        parameters = self.parameters
        g_min, g_max = parameters.g_min_siemens, parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        shape = np.shape(target_siemens)
        former, fails, flip = rng.child("write").generator().random((3, *shape), np.float32)
        wanted = np.asarray(target_siemens) >= (g_min + g_max) / 2
        parallel = np.where(fails < self.failure_rate(), former < 0.5, wanted)
        scale = np.exp(np.float32(parameters.resistance_spread) * normals(shape, rng.child("resistance")))
        tmr = parameters.tmr * np.exp(np.float32(parameters.tmr_spread) * normals(shape, rng.child("tmr")))
        high = g_max / scale
        stuck = draw_stuck(shape, parameters.stuck, rng.child("stuck"))
        return MramState(
            parallel, (high / (1 + tmr)).astype(np.float32), high.astype(np.float32), flip, stuck
        )

    def conductance(self, state: MramState, t_s: float) -> np.ndarray:
        """Conductance of the state that each junction is in."""
        parallel = state.parallel ^ (state.flip < self.flip_probability(t_s))
        g = np.where(parallel, state.high_siemens, state.low_siemens)
        return hold_stuck(g, state.stuck, self.parameters.g_max_siemens)

    def read_noise_sigma(self, state: MramState, t_s: float) -> np.ndarray:
        """A fixed share of the conductance."""
        return np.asarray(self.conductance(state, t_s) * np.float32(self.parameters.read_noise))

    def aged(
        self,
        state: MramState,
        t_s: float,
        t_chip_s: float | None,  # noqa: ARG002
        rng: Stream,  # noqa: ARG002
    ) -> tuple[np.ndarray, np.ndarray]:
        """The conductances; the noise is white, so all of its variance is drawn per read."""
        g = self.conductance(state, t_s)
        return g, np.asarray((g * np.float32(self.parameters.read_noise)) ** 2)

    def pulse(self, state: MramState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> MramState:
        """Write pulses towards the parallel state, then towards the antiparallel one."""
        after = replace(state, parallel=state.parallel.copy())
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: MramState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:
        """The same, in place; every pulse fails with the write error rate."""
        up, down = rng.child("pulse").generator().random((2, *state.parallel.shape), np.float32)
        rate, free = self.parameters.write_error_rate, state.stuck == FREE
        state.parallel[free & (n_up > 0) & (up >= rate ** np.maximum(n_up, 1))] = True
        state.parallel[free & (n_down > 0) & (down >= rate ** np.maximum(n_down, 1))] = False

    def pulse_physics(self) -> PulsePhysics:
        """ConfigError: a pulse turns a junction over, or does not."""
        raise no_small_pulses(self.parameters.kind)

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """The programmed conductance."""
        return {"programmed": ("S", "conductance at the end of programming")}

    def constant(self, state: MramState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": self.conductance(state, 0.0)}[name]

    def to_arrays(self, state: MramState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        return {
            "parallel": state.parallel,
            "low_siemens": state.low_siemens,
            "high_siemens": state.high_siemens,
            "flip": state.flip,
            "stuck": state.stuck,
        }

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> MramState:
        """The state back from named arrays."""
        parallel = np.asarray(arrays["parallel"]).astype(np.bool_, copy=False)
        return MramState(
            parallel, arrays["low_siemens"], arrays["high_siemens"], arrays["flip"], arrays["stuck"]
        )
