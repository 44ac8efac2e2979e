"""Static memory cells that compute with the currents of their read transistors.

A cell of b bits has b read fingers of widths 1, 2, 4, ...; the stored word switches each of them on or off (6T: one
bit, the access transistor; 8T: several, by the sizes of the read transistors). On-currents follow the alpha-power law
I ~ width (V_gate - V_t)^alpha (Sakurai and Newton, IEEE JSSC 25, 584, 1990); the thresholds of two fingers differ by
chance, with a standard deviation A_VT / sqrt(width length) (Pelgrom et al., IEEE JSSC 24, 1433, 1989). Bits last as
long as the supply does.
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
from neurosim.devices.memory_parameters import SramParameters
from neurosim.foundation.streams import Stream


@dataclass(frozen=True)
class SramState:
    """Every cell, arrays of one shape.

    level : int16, the stored word
    thresholds : float32 per finger, widest last: by how much its threshold misses, volts, for life
    stuck : int8 flags
    """

    level: np.ndarray
    thresholds: tuple[np.ndarray, ...]
    stuck: np.ndarray


@dataclass(frozen=True)
class Sram:
    """Static cells with the given parameters."""

    parameters: SramParameters

    @property
    def levels(self) -> int:
        """Words a cell can hold."""
        return int(2**self.parameters.bits)

    def threshold_sigma(self, finger: int) -> float:
        """Standard deviation of a finger's threshold, volts: A_VT / sqrt(2^finger width length)."""
        area = self.parameters.width_metres * 2**finger * self.parameters.length_metres
        return float(self.parameters.a_vt_volt_metres / math.sqrt(area))

    def drive(self, threshold_volts: np.ndarray | float) -> np.ndarray:
        """On-current of a finger whose threshold misses by so much, as a share of what g_max is stated with."""
        parameters = self.parameters
        nominal = parameters.v_nominal_volts - parameters.v_threshold_volts
        warmer, slower = 0.0, 1.0
        if parameters.temperature_kelvin is not None and parameters.reference_kelvin is not None:
            warmer = parameters.temperature_kelvin - parameters.reference_kelvin
            slower = (
                parameters.temperature_kelvin / parameters.reference_kelvin
            ) ** -parameters.mobility_exponent
        own = parameters.v_threshold_volts - parameters.threshold_slope_volts_per_kelvin * warmer
        over = np.maximum(parameters.v_gate_volts - own - np.asarray(threshold_volts, np.float64), 0)
        return np.asarray(slower * (over / nominal) ** parameters.alpha)

    def program(self, target_siemens: np.ndarray, rng: Stream) -> SramState:
        """Store the nearest word. DataError for targets out of range."""
        parameters = self.parameters
        g_min, g_max = parameters.g_min_siemens, parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        share = (np.asarray(target_siemens, np.float64) - g_min) / (g_max - g_min)
        level = np.rint(np.clip(share, 0, 1) * (self.levels - 1)).astype(np.int16)
        thresholds = tuple(
            np.float32(self.threshold_sigma(k)) * normals(level.shape, rng.child("threshold", k))
            for k in range(parameters.bits)
        )
        return SramState(level, thresholds, draw_stuck(level.shape, parameters.stuck, rng.child("stuck")))

    def conductance(self, state: SramState, t_s: float) -> np.ndarray:
        """g_min, the leakage of a cell whose fingers are off, and the on-currents of the others."""
        check_time(t_s)
        parameters = self.parameters
        unit = (parameters.g_max_siemens - parameters.g_min_siemens) / (self.levels - 1)
        g = np.full(state.level.shape, parameters.g_min_siemens)
        for k, threshold in enumerate(state.thresholds):
            g += ((state.level >> k) & 1) * (2**k * unit) * self.drive(threshold)
        return hold_stuck(g.astype(np.float32), state.stuck, parameters.g_max_siemens)

    def read_noise_sigma(self, state: SramState, t_s: float) -> np.ndarray:
        """A fixed share of the conductance."""
        return np.asarray(self.conductance(state, t_s) * np.float32(self.parameters.read_noise))

    def aged(
        self,
        state: SramState,
        t_s: float,
        t_chip_s: float | None,  # noqa: ARG002
        rng: Stream,  # noqa: ARG002
    ) -> tuple[np.ndarray, np.ndarray]:
        """The conductances; the noise is white, so all of its variance is drawn per read."""
        g = self.conductance(state, t_s)
        return g, np.asarray((g * np.float32(self.parameters.read_noise)) ** 2)

    def pulse(self, state: SramState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> SramState:
        """Writes that raise or lower the stored word by one each, within its range."""
        after = replace(state, level=state.level.copy())
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: SramState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:  # noqa: ARG002
        """The same, in place."""
        raised = np.minimum(state.level + n_up, self.levels - 1)
        free = state.stuck == FREE
        state.level[free] = np.maximum(raised - n_down, 0)[free]

    def pulse_physics(self) -> PulsePhysics:
        """ConfigError: a write sets a word."""
        raise no_small_pulses(self.parameters.kind)

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """The programmed conductance."""
        return {"programmed": ("S", "conductance at the end of programming")}

    def constant(self, state: SramState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": self.conductance(state, 0.0)}[name]

    def to_arrays(self, state: SramState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        fingers = {f"threshold_{k}": threshold for k, threshold in enumerate(state.thresholds)}
        return {"level": state.level, "stuck": state.stuck, **fingers}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> SramState:
        """The state back from named arrays."""
        fingers = tuple(arrays[f"threshold_{k}"] for k in range(self.parameters.bits))
        return SramState(arrays["level"], fingers, arrays["stuck"])
