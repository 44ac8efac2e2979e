"""Filamentary oxide memory (RRAM) with soft bounds: the nearer a device is to its bound, the smaller its steps.

A pulse moves the conductance by a share of what is left to the bound (Fusi and Abbott, Nat. Neurosci. 10, 485,
2007; the "soft bounds" device of aihwkit), with noise from cycle to cycle. Programming leaves a Gaussian error,
nothing drifts, and every read has white noise in proportion to the conductance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.devices.device import (
    FREE,
    PulsePhysics,
    check_targets,
    check_time,
    draw_stuck,
    hold_stuck,
    no_pulses,
)
from neurosim.devices.draws import normals
from neurosim.devices.parameters import RramParameters
from neurosim.foundation.streams import Stream
from neurosim.kernels import plastic as kernel


@dataclass(frozen=True)
class RramState:
    """Conductances (siemens, float32) and stuck flags (int8), one shape."""

    g_siemens: np.ndarray
    stuck: np.ndarray


@dataclass(frozen=True)
class Rram:
    """Soft-bounds RRAM with the given parameters."""

    parameters: RramParameters

    def program(self, target_siemens: np.ndarray, rng: Stream) -> RramState:
        """Write and verify: target plus Gaussian error, clipped to [0, g_max]. DataError for targets out of range."""
        g_max = self.parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        target = np.asarray(target_siemens, np.float32)
        error = np.float32(self.parameters.programming_sigma_siemens) * normals(
            target.shape, rng.child("programming")
        )
        g = np.clip(target + error, 0, np.float32(g_max)).astype(np.float32)
        stuck = draw_stuck(target.shape, self.parameters.stuck, rng.child("stuck"))
        return RramState(hold_stuck(g, stuck, g_max), stuck)

    def conductance(self, state: RramState, t_s: float) -> np.ndarray:
        """The conductances as they stand, at any time."""
        check_time(t_s)
        return state.g_siemens

    def read_noise_sigma(self, state: RramState, t_s: float) -> np.ndarray:
        """A fixed share of the conductance."""
        check_time(t_s)
        return np.asarray(state.g_siemens * np.float32(self.parameters.read_noise))

    def aged(
        self,
        state: RramState,
        t_s: float,
        t_chip_s: float | None,  # noqa: ARG002
        rng: Stream,  # noqa: ARG002
    ) -> tuple[np.ndarray, np.ndarray]:
        """The conductances; the noise is white, so all of its variance is drawn per read."""
        return self.conductance(state, t_s), self.read_noise_sigma(state, t_s) ** 2

    def pulse(self, state: RramState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> RramState:
        """First the pulses up, then those down; see `RramPulses`."""
        after = RramState(state.g_siemens.copy(), state.stuck)
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: RramState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:
        """The same, in place. ConfigError when the chip gives no pulse figures."""
        coefficients = self.pulse_physics().coefficients
        free = state.stuck == FREE
        up, down = (np.where(free, n, 0).astype(np.int64).ravel() for n in (n_up, n_down))
        z = normals((up.size, int((up + down).max(initial=0))), rng.child("pulse"))
        flat = np.ravel(state.g_siemens)
        kernel.soft_bounds(flat, up, down, z, coefficients)
        state.g_siemens[...] = hold_stuck(
            flat.reshape(state.g_siemens.shape), state.stuck, self.parameters.g_max_siemens
        )

    def pulse_physics(self) -> PulsePhysics:
        """Pulses for the kernels of learning on the chip. ConfigError when the chip gives no pulse figures."""
        pulses, span = self.parameters.pulses, self.parameters
        if pulses is None:
            raise no_pulses()
        width = span.g_max_siemens - span.g_min_siemens
        return PulsePhysics(
            kind="soft_bounds",
            coefficients=np.array(
                [
                    pulses.step_up,
                    pulses.step_down,
                    pulses.cycle_spread,
                    span.g_min_siemens,
                    span.g_max_siemens,
                ]
            ),
            low_siemens=span.g_min_siemens,
            high_siemens=span.g_max_siemens,
            step_siemens=(pulses.step_up + pulses.step_down) / 2 * width / 2,
            gradual_down=True,
        )

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """The programmed conductance."""
        return {"programmed": ("S", "conductance at the end of programming")}

    def constant(self, state: RramState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": state.g_siemens}[name]

    def to_arrays(self, state: RramState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        return {"g_siemens": state.g_siemens, "stuck": state.stuck}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> RramState:
        """The state back from named arrays."""
        return RramState(arrays["g_siemens"], arrays["stuck"])
