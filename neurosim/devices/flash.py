"""Charge-storing transistors (SONOS, NOR flash): tuned currents, charge loss, read noise.

Either a relative tuning accuracy (Guo et al., IEDM 2017: about 1 %), or spreads that saturate with the current and
grow from day to day, with a drift of the mean, as Agrawal et al. (IEDM 2022, 21.7) measured on SONOS cells and
CrossSim tabulates. A cell is read at one drain voltage, so that its current stands for a conductance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurosim.devices.device import FREE, PulsePhysics, check_targets, check_time, draw_stuck, hold_stuck
from neurosim.devices.draws import normals
from neurosim.devices.memory_parameters import FlashParameters, FlashSpread
from neurosim.devices.pulses import give_pulses, gradual_physics, step_factors
from neurosim.devices.retention import accelerated, interpolation
from neurosim.foundation.streams import Stream


@dataclass(frozen=True)
class FlashState:
    """Every physical device, arrays of one shape.

    g_siemens : float32, conductance at the end of programming
    stuck : int8 flags
    target_siemens : float32, what it was programmed to; the later spread and drift depend on it
    relaxation : float32, standard normal that a cell's charge loss follows for life
    (both None without a table of spreads, where nothing happens with time)
    step_factor : float32, the device's own factor of a pulse's step; None where all are alike
    """

    g_siemens: np.ndarray
    stuck: np.ndarray
    target_siemens: np.ndarray | None = None
    relaxation: np.ndarray | None = None
    step_factor: np.ndarray | None = None


@dataclass(frozen=True)
class Flash:
    """Flash cells with the given parameters."""

    parameters: FlashParameters

    def spread_sigma(self, g_siemens: np.ndarray, t_s: float) -> np.ndarray:
        """Standard deviation (siemens) of cells whose mean is g, t seconds after programming."""
        spread = self.parameters.spread
        if spread is None:
            return np.asarray(g_siemens * (self.parameters.tuning_accuracy or 0.0))
        a, b = (self._at(spread, np.asarray(column), t_s) for column in (spread.a_amperes, spread.b_amperes))
        return self._saturating(float(a), float(b), g_siemens)

    def mean_drift(self, target_siemens: np.ndarray, t_s: float) -> np.ndarray:
        """By how much the mean of cells programmed to a target has moved, siemens."""
        spread, v = self.parameters.spread, self.parameters.v_cell_volts or 1.0
        if spread is None or not spread.drift_amperes:
            return np.zeros(np.shape(target_siemens))
        longest = max(len(row) for row in spread.drift_amperes)
        rows = np.array([[*row, *[0.0] * (longest - len(row))] for row in spread.drift_amperes])
        y = np.asarray(target_siemens, np.float64) * v / (spread.i_reference_amperes or 1.0)
        drift = np.polynomial.Polynomial(self._at(spread, rows, t_s))(y)
        return np.asarray(drift, np.float64) / v

    def program(self, target_siemens: np.ndarray, rng: Stream) -> FlashState:
        """Tune every cell: target plus Gaussian error, at least 0. DataError for targets out of range."""
        parameters, g_max = self.parameters, self.parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        target = np.array(target_siemens, np.float32)
        error = self.spread_sigma(target, 0.0) * normals(target.shape, rng.child("programming"))
        g = np.maximum(target + error, 0).astype(np.float32)
        stuck = draw_stuck(target.shape, parameters.stuck, rng.child("stuck"))
        factor = step_factors(target.shape, parameters.pulses, rng.child("step"))
        g = hold_stuck(g, stuck, g_max)
        if parameters.spread is None:
            return FlashState(g, stuck, step_factor=factor)
        return FlashState(g, stuck, target, normals(target.shape, rng.child("relaxation")), factor)

    def conductance(self, state: FlashState, t_s: float) -> np.ndarray:
        """Programmed conductance, drift of the mean, and what the spread has grown since programming; at least 0.

        Writing errors and charge loss are independent: their variances add up to that of the table.
        """
        check_time(t_s)
        if state.target_siemens is None or state.relaxation is None or t_s == 0:
            return state.g_siemens
        drift = self.mean_drift(state.target_siemens, t_s)
        first = self.spread_sigma(state.target_siemens, 0.0)
        now = self.spread_sigma(np.maximum(state.target_siemens + drift, 0), t_s)
        shift = drift + np.sqrt(np.maximum(now**2 - first**2, 0)) * state.relaxation
        shift[state.stuck != FREE] = 0
        return np.asarray(np.maximum(state.g_siemens + shift, 0), np.float32)

    def read_noise_sigma(self, state: FlashState, t_s: float) -> np.ndarray:
        """White noise of one read: a share of the conductance, or saturating with the current."""
        g, noise = self.conductance(state, t_s), self.parameters.noise
        if noise is None:
            return np.asarray(g * np.float32(self.parameters.read_noise or 0.0))
        return np.asarray(self._saturating(noise.a_amperes, noise.b_amperes, g), np.float32)

    def aged(
        self,
        state: FlashState,
        t_s: float,
        t_chip_s: float | None,  # noqa: ARG002
        rng: Stream,  # noqa: ARG002
    ) -> tuple[np.ndarray, np.ndarray]:
        """The conductances; the noise is white, so all of its variance is drawn per read."""
        return self.conductance(state, t_s), self.read_noise_sigma(state, t_s) ** 2

    def pulse(self, state: FlashState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> FlashState:
        """First the pulses up, then those down; see `GradualPulses`."""
        target = None if state.target_siemens is None else state.target_siemens.copy()
        after = replace(state, g_siemens=state.g_siemens.copy(), target_siemens=target)
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: FlashState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:
        """The same, in place; where pulses leave a cell is its new target. ConfigError without pulse figures."""
        give_pulses(state.g_siemens, state.stuck, state.step_factor, n_up, n_down, self.pulse_physics(),
                    self.parameters.g_max_siemens, rng)  # fmt: skip
        if state.target_siemens is not None:
            pulsed = (n_up > 0) | (n_down > 0)
            state.target_siemens[pulsed] = state.g_siemens[pulsed]

    def pulse_physics(self) -> PulsePhysics:
        """Pulses for the kernels of learning on the chip. ConfigError when the chip gives no pulse figures."""
        return gradual_physics(self.parameters.pulses, self.parameters)

    def _at(self, spread: FlashSpread, rows: np.ndarray, t_s: float) -> np.ndarray:
        """Rows of a table, one per time, at a time: linear in t between them, in ln t after the last."""
        t, times = accelerated(t_s, self.parameters.temperature), spread.times_s
        if t <= 0 or len(times) == 1:
            return np.asarray(rows[0])
        if t <= times[-1]:
            place = int(np.searchsorted(times, t))
            share = (t - times[place - 1]) / (times[place] - times[place - 1])
            return np.asarray(rows[place - 1] + share * (rows[place] - rows[place - 1]))
        later = interpolation((times[1], times[-1]), t)
        return np.asarray(sum(weight * rows[(1, -1)[row]] for row, weight in later))

    def _saturating(self, a_amperes: float, b_amperes: float, g_siemens: np.ndarray) -> np.ndarray:
        """a (1 - exp(-I/b)) as a conductance, I = G v_cell."""
        v = self.parameters.v_cell_volts or 1.0
        current = np.asarray(g_siemens, np.float64) * v
        return np.asarray(-a_amperes / v * np.expm1(-current / b_amperes))

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """The programmed conductance."""
        return {"programmed": ("S", "conductance at the end of programming")}

    def constant(self, state: FlashState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": state.g_siemens}[name]

    def to_arrays(self, state: FlashState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        arrays = {"g_siemens": state.g_siemens, "stuck": state.stuck}
        for name in ("target_siemens", "relaxation", "step_factor"):
            value = getattr(state, name)
            if value is not None:
                arrays[name] = value
        return arrays

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> FlashState:
        """The state back from named arrays."""
        return FlashState(
            arrays["g_siemens"], arrays["stuck"], arrays.get("target_siemens"), arrays.get("relaxation"),
            arrays.get("step_factor"),
        )  # fmt: skip
