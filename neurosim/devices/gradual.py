"""Memories that small pulses move both ways: oxide memory (RRAM) and electrochemical memory (ECRAM).

Write and verify leaves a Gaussian error that may depend on the conductance; with time the conductance relaxes;
reads have white noise and 1/f noise. The default pulses have soft bounds: the nearer a device is to its bound, the
smaller its steps (Fusi and Abbott, Nat. Neurosci. 10, 485, 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from neurosim.devices.device import FREE, PulsePhysics, check_targets, check_time, draw_stuck, hold_stuck
from neurosim.devices.draws import normals
from neurosim.devices.gradual_parameters import FlickerNoise, GradualParameters
from neurosim.devices.pulses import give_pulses, gradual_physics, step_factors
from neurosim.devices.retention import moved
from neurosim.foundation.streams import Stream


@dataclass(frozen=True)
class GradualState:
    """Every physical device, arrays of one shape.

    g_siemens : float32, conductance at the end of programming
    stuck : int8 flags
    relaxation : float32, standard normal that a device's relaxation follows for life; None where nothing relaxes
    step_factor : float32, the device's own factor of a pulse's step; None where all are alike
    """

    g_siemens: np.ndarray
    stuck: np.ndarray
    relaxation: np.ndarray | None = None
    step_factor: np.ndarray | None = None


@dataclass(frozen=True)
class Gradual:
    """Oxide or electrochemical memory with the given parameters."""

    parameters: GradualParameters

    def programming_sigma(self, target_siemens: np.ndarray) -> np.ndarray:
        """Standard deviation (siemens, float32) of write and verify to a target."""
        fit = self.parameters.programming
        if fit is None:
            sigma = self.parameters.programming_sigma_siemens or 0.0
            return np.full(np.shape(target_siemens), sigma, np.float32)
        x = np.asarray(target_siemens, np.float64) / (
            fit.g_reference_siemens or self.parameters.g_max_siemens
        )
        return np.maximum(np.polynomial.Polynomial(fit.sigma_siemens)(x), 0).astype(np.float32)

    def program(self, target_siemens: np.ndarray, rng: Stream) -> GradualState:
        """Write and verify: target plus Gaussian error, clipped to [0, g_max]. DataError for targets out of range."""
        parameters, g_max = self.parameters, self.parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        target = np.asarray(target_siemens, np.float32)
        error = self.programming_sigma(target) * normals(target.shape, rng.child("programming"))
        g = np.clip(target + error, 0, np.float32(g_max)).astype(np.float32)
        stuck = draw_stuck(target.shape, parameters.stuck, rng.child("stuck"))
        relaxing = parameters.relaxation is not None
        z = normals(target.shape, rng.child("relaxation")) if relaxing else None
        factor = step_factors(target.shape, parameters.pulses, rng.child("step"))
        return GradualState(hold_stuck(g, stuck, g_max), stuck, z, factor)

    def conductance(self, state: GradualState, t_s: float) -> np.ndarray:
        """The conductances as they have relaxed, at least 0; stuck devices stay."""
        check_time(t_s)
        relaxation = self.parameters.relaxation
        if relaxation is None or state.relaxation is None:
            return state.g_siemens
        shift = moved(relaxation, state.g_siemens, state.relaxation, t_s, self.parameters.g_max_siemens)
        shift[state.stuck != FREE] = 0
        return np.asarray(np.maximum(state.g_siemens + shift, 0))

    def read_noise_sigma(self, state: GradualState, t_s: float) -> np.ndarray:
        """White noise, a share of the conductance and a floor, and the 1/f noise since programming."""
        g, flicker = self.conductance(state, t_s), self.parameters.flicker
        if flicker is None and not self.parameters.read_noise_floor_siemens:
            return np.asarray(g * np.float32(self.parameters.read_noise))
        variance = self._white(g)
        if flicker is not None:
            variance = variance + _amplitude(flicker, g) ** 2 * np.float32(_noise_log(flicker, t_s))
        return np.asarray(np.sqrt(variance))

    def _white(self, g_siemens: np.ndarray) -> np.ndarray:
        """Variance of the white noise of a read, S^2."""
        relative, floor = self.parameters.read_noise, self.parameters.read_noise_floor_siemens
        return np.asarray((g_siemens * np.float32(relative)) ** 2 + np.float32(floor**2))

    def aged(
        self, state: GradualState, t_s: float, t_chip_s: float | None, rng: Stream
    ) -> tuple[np.ndarray, np.ndarray]:
        """Relaxed conductances with the frozen part of the 1/f noise, and the variance of the per-read part, S^2.

        White noise is all per read. The 1/f noise is parted at the chip time of one inference, as that of PCM is.
        """
        g, flicker = self.conductance(state, t_s), self.parameters.flicker
        variance = self._white(g)
        if flicker is None:
            return g, variance
        total = fast = _noise_log(flicker, t_s)
        if t_chip_s is not None:
            fast = min(max(math.log(t_chip_s / flicker.t_read_s), 0.0), total)
        amplitude = _amplitude(flicker, g)
        z = normals(g.shape, rng.child("frozen", float(t_s)))
        aged = np.maximum(g + amplitude * np.float32(math.sqrt(total - fast)) * z, 0)
        return np.asarray(aged, np.float32), np.asarray(variance + amplitude**2 * np.float32(fast))

    def pulse(self, state: GradualState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> GradualState:
        """First the pulses up, then those down; see `GradualPulses`."""
        after = replace(state, g_siemens=state.g_siemens.copy())
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: GradualState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:
        """The same, in place. ConfigError when the chip gives no pulse figures."""
        give_pulses(state.g_siemens, state.stuck, state.step_factor, n_up, n_down, self.pulse_physics(),
                    self.parameters.g_max_siemens, rng)  # fmt: skip

    def pulse_physics(self) -> PulsePhysics:
        """Pulses for the kernels of learning on the chip. ConfigError when the chip gives no pulse figures."""
        return gradual_physics(self.parameters.pulses, self.parameters)

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """The programmed conductance."""
        return {"programmed": ("S", "conductance at the end of programming")}

    def constant(self, state: GradualState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": state.g_siemens}[name]

    def to_arrays(self, state: GradualState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        arrays = {"g_siemens": state.g_siemens, "stuck": state.stuck}
        if state.relaxation is not None:
            arrays["relaxation"] = state.relaxation
        if state.step_factor is not None:
            arrays["step_factor"] = state.step_factor
        return arrays

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> GradualState:
        """The state back from named arrays."""
        return GradualState(
            arrays["g_siemens"], arrays["stuck"], arrays.get("relaxation"), arrays.get("step_factor")
        )


def _amplitude(flicker: FlickerNoise, g_siemens: np.ndarray) -> np.ndarray:
    """k log10(G / g_reference), siemens, at least 0."""
    ratio = np.maximum(g_siemens / np.float32(flicker.g_reference_siemens), 1)
    return np.asarray(np.float32(flicker.k_siemens) * np.log10(ratio), np.float32)


def _noise_log(flicker: FlickerNoise, t_s: float) -> float:
    """ln((t + t_read) / (2 t_read)), at least 0."""
    return max(math.log((t_s + flicker.t_read_s) / (2 * flicker.t_read_s)), 0.0)
