"""A device without physics: it takes any conductance exactly, keeps it and reads without noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.devices.device import PulsePhysics, check_targets, check_time, draw_stuck, hold_stuck
from neurosim.devices.parameters import IdealParameters
from neurosim.foundation.streams import Stream


@dataclass(frozen=True)
class IdealState:
    """Conductances (siemens, float32) and stuck flags (int8), one shape."""

    g_siemens: np.ndarray
    stuck: np.ndarray


@dataclass(frozen=True)
class Ideal:
    """The ideal device; the reference that every closed form is tested with."""

    parameters: IdealParameters

    def program(self, target_siemens: np.ndarray, rng: Stream) -> IdealState:
        """Targets taken exactly, stuck devices apart. DataError for targets out of range."""
        g_max = self.parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        stuck = draw_stuck(target_siemens.shape, self.parameters.stuck, rng.child("stuck"))
        return IdealState(hold_stuck(np.array(target_siemens, np.float32), stuck, g_max), stuck)

    def conductance(self, state: IdealState, t_s: float) -> np.ndarray:
        """The programmed conductances, at any time."""
        check_time(t_s)
        return state.g_siemens

    def read_noise_sigma(self, state: IdealState, t_s: float) -> np.ndarray:
        """Zero."""
        check_time(t_s)
        return np.zeros_like(state.g_siemens)

    def aged(
        self,
        state: IdealState,
        t_s: float,
        t_chip_s: float | None,  # noqa: ARG002
        rng: Stream,  # noqa: ARG002
    ) -> tuple[np.ndarray, np.ndarray]:
        """The programmed conductances and no variance."""
        return self.conductance(state, t_s), self.read_noise_sigma(state, t_s)

    def pulse(self, state: IdealState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> IdealState:
        """Linear steps of g_max / pulse_steps, clipped to [0, g_max]."""
        after = IdealState(state.g_siemens.copy(), state.stuck)
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: IdealState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:  # noqa: ARG002
        """The same, in place."""
        g_max = self.parameters.g_max_siemens
        moved = state.g_siemens + (n_up - n_down) * (g_max / self.parameters.pulse_steps)
        state.g_siemens[...] = hold_stuck(np.clip(moved, 0, g_max), state.stuck, g_max)

    def pulse_physics(self) -> PulsePhysics:
        """Linear steps for the kernels of learning on the chip."""
        g_max = self.parameters.g_max_siemens
        step = g_max / self.parameters.pulse_steps
        return PulsePhysics("linear", np.array([step, g_max]), 0.0, g_max, step, gradual_down=True)

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """The programmed conductance."""
        return {"programmed": ("S", "conductance at the end of programming")}

    def constant(self, state: IdealState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": state.g_siemens}[name]

    def to_arrays(self, state: IdealState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        return {"g_siemens": state.g_siemens, "stuck": state.stuck}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> IdealState:
        """The state back from named arrays."""
        return IdealState(arrays["g_siemens"], arrays["stuck"])
