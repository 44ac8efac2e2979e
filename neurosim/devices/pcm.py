"""Phase-change memory: programming noise, drift, 1/f read noise, partial-SET pulses.

Statistics of Joshi et al. (Nat. Commun. 11, 2473, 2020) and Nandakumar et al. (2019), in the form published
with aihwkit (`inference/noise/pcm.py`); the pulses are those of Nandakumar et al. (J. Appl. Phys. 124,
152135, 2018). All coefficients come from the chip's TOML file.
"""

from __future__ import annotations

import math
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
from neurosim.devices.parameters import Branch, PcmParameters
from neurosim.foundation.streams import Stream
from neurosim.kernels import pcm as kernel
from neurosim.kernels import plastic

X_MIN = 1e-7  # aihwkit clips the relative target here before it takes logarithms
Q_DIVISOR_MIN = 1e-3  # aihwkit's lower clamp of x^0.65 in the read-noise amplitude


@dataclass(frozen=True)
class PcmState:
    """Every physical device, arrays of one shape.

    g_siemens : float32, conductance at the end of programming
    nu : float32, drift exponent of the device
    q : float32, amplitude Q of the 1/f noise relative to the conductance
    stuck : int8 flags
    memory : float32, crystallisation state P of the pulses; 1 after RESET
    """

    g_siemens: np.ndarray
    nu: np.ndarray
    q: np.ndarray
    stuck: np.ndarray
    memory: np.ndarray


@dataclass(frozen=True)
class Pcm:
    """Phase-change memory with the given parameters."""

    parameters: PcmParameters

    def programming_sigma(self, x: np.ndarray) -> np.ndarray:
        """Standard deviation (siemens) of programming to x = target / g_max."""
        polynomial = np.polynomial.Polynomial(self.parameters.programming.sigma_siemens)
        return np.maximum(polynomial(np.asarray(x, np.float64)), 0).astype(np.float32)

    def drift_moments(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """mu and sigma of the drift exponent for devices programmed to x; nu ~ |N(mu, sigma)|."""
        drift = self.parameters.drift
        x = np.maximum(np.asarray(x, np.float64), X_MIN)
        log = np.log(x)
        mu = np.clip(drift.mu_slope * log + drift.mu_offset, drift.mu_min, drift.mu_max)
        sigma = np.clip(drift.sigma_slope * log + drift.sigma_offset, drift.sigma_min, drift.sigma_max)
        mu, sigma = _above(x, mu, drift.mu_above), _above(x, sigma, drift.sigma_above)
        return mu.astype(np.float32), sigma.astype(np.float32)

    def noise_amplitude(self, g_siemens: np.ndarray) -> np.ndarray:
        """Q for devices of programmed conductance g (siemens)."""
        noise = self.parameters.read_noise
        x = np.maximum(g_siemens, 0) / np.float32(self.parameters.g_max_siemens)
        if noise.q_line is not None:
            line, x = noise.q_line, np.maximum(x, X_MIN)
            q = np.clip(line.slope * np.log(x) + line.offset, line.min, line.max)
            return np.asarray(_above(x, q, noise.q_above), np.float32)
        divisor = np.maximum(x ** np.float32(noise.q_exponent), np.float32(Q_DIVISOR_MIN))
        return np.asarray(np.minimum(noise.q_scale / divisor, noise.q_max), np.float32)

    def program(self, target_siemens: np.ndarray, rng: Stream) -> PcmState:
        """Iterative programming: target plus Gaussian error, clamped at zero; drift exponents drawn.

        Devices with target 0 are programmed like the others (`unused = "programmed"`) or left RESET.
        Raises DataError for targets that are not finite or outside [0, g_max].
        """
        g_max = self.parameters.g_max_siemens
        check_targets(target_siemens, g_max)
        target = np.asarray(target_siemens, np.float32)
        x = target / np.float32(g_max)
        g = np.maximum(
            target + self.programming_sigma(x) * normals(target.shape, rng.child("programming")), 0
        )
        if self.parameters.programming.unused == "reset":
            g[target == 0] = self.parameters.programming.reset_siemens
        mu, sigma = self.drift_moments(x)
        nu = np.abs(mu + sigma * normals(target.shape, rng.child("drift")))
        stuck = draw_stuck(target.shape, self.parameters.stuck, rng.child("stuck"))
        nu[stuck != FREE] = 0
        g = hold_stuck(g.astype(np.float32), stuck, g_max)
        return PcmState(g, nu, self.noise_amplitude(g), stuck, np.ones_like(g))

    def drift_log_time(self, t_s: float) -> float:
        """ln((t + t0) / t0)."""
        check_time(t_s)
        return math.log((t_s + self.parameters.drift.t0_s) / self.parameters.drift.t0_s)

    def noise_log(self, t_s: float) -> float:
        """ln((t + t0 + t_read) / (2 t_read)), the noise power integrated since programming."""
        check_time(t_s)
        t_read = self.parameters.read_noise.t_read_s
        return max(math.log((t_s + self.parameters.drift.t0_s + t_read) / (2 * t_read)), 0.0)

    def split_noise_log(self, t_s: float, t_chip_s: float | None) -> tuple[float, float]:
        """`noise_log` parted at the chip time T of one inference: (frozen, per read); per read is ln(T / t_read).

        T below t_read counts as t_read (nothing is faster than one read); None puts everything in the second.
        """
        total = self.noise_log(t_s)
        if t_chip_s is None:
            return 0.0, total
        fast = min(max(math.log(t_chip_s / self.parameters.read_noise.t_read_s), 0.0), total)
        return total - fast, fast

    def conductance(self, state: PcmState, t_s: float) -> np.ndarray:
        """g (t + t0)^-nu / t0^-nu."""
        return np.asarray(state.g_siemens * np.exp(-state.nu * np.float32(self.drift_log_time(t_s))))

    def read_noise_sigma(self, state: PcmState, t_s: float) -> np.ndarray:
        """G(t) Q sqrt(ln((t + t0 + t_read) / (2 t_read)))."""
        return np.asarray(self.conductance(state, t_s) * state.q * np.float32(math.sqrt(self.noise_log(t_s))))

    def aged(
        self, state: PcmState, t_s: float, t_chip_s: float | None, rng: Stream
    ) -> tuple[np.ndarray, np.ndarray]:
        """Drifted conductances with frozen noise (clamped at 0), and the variance of the per-read part, S^2.

        The frozen noise is drawn anew at every time: between two readings far apart the slow
        fluctuators have moved; drift exponents and programming errors are the device's own for ever.
        """
        frozen, per_read = self.split_noise_log(t_s, t_chip_s)
        z = normals(state.g_siemens.shape, rng.child("frozen", float(t_s)))
        aged, variance = np.empty_like(state.g_siemens), np.empty_like(state.g_siemens)
        kernel.age(
            state.g_siemens.ravel(), state.nu.ravel(), state.q.ravel(), np.float32(self.drift_log_time(t_s)),
            np.float32(math.sqrt(frozen)), z.ravel(), np.float32(math.sqrt(per_read)), aged.ravel(), variance.ravel(),
        )  # fmt: skip
        return aged, variance

    def pulse(self, state: PcmState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> PcmState:
        """One RESET where n_down > 0 (a melt cannot be partial), then n_up partial SET pulses."""
        after = PcmState(state.g_siemens.copy(), state.nu, state.q.copy(), state.stuck, state.memory.copy())
        self.pulse_into(after, n_up, n_down, rng)
        return after

    def pulse_into(self, state: PcmState, n_up: np.ndarray, n_down: np.ndarray, rng: Stream) -> None:
        """The same, in place. ConfigError when the chip gives no pulse figures."""
        coefficients = self.pulse_physics().coefficients
        reset = (n_down > 0) & (state.stuck == FREE)
        state.g_siemens[reset] = coefficients[plastic.G_RESET]
        state.memory[reset] = 1
        counts = np.where(state.stuck == FREE, n_up, 0).astype(np.int64)
        z = normals((counts.size, int(counts.max(initial=0))), rng.child("pulse"))
        flat_g, flat_memory = np.ravel(state.g_siemens), np.ravel(state.memory)
        plastic.crystallise(flat_g, flat_memory, counts.ravel(), z, coefficients)
        state.g_siemens[...] = flat_g.reshape(state.g_siemens.shape)
        state.memory[...] = flat_memory.reshape(state.memory.shape)
        state.q[...] = self.noise_amplitude(state.g_siemens)

    def pulse_physics(self) -> PulsePhysics:
        """Partial SET pulses for the kernels of learning on the chip.

        Pulses cover, on average, RESET to where the mean step vanishes; the step in the middle is that of a device
        whose memory of the RESET has faded. ConfigError when the chip gives no pulse figures.
        """
        pulses, g_max = self.parameters.pulses, self.parameters.g_max_siemens
        if pulses is None:
            raise no_pulses()
        high = min(-pulses.mu_0_siemens / pulses.mu_g, g_max) if pulses.mu_g < 0 else g_max
        middle = (pulses.g_reset_siemens + high) / 2
        return PulsePhysics(
            kind="crystallisation",
            coefficients=np.array([
                pulses.mu_g, pulses.mu_0_siemens, pulses.mu_p_siemens, pulses.sd_g, pulses.sd_0_siemens,
                pulses.sd_p_siemens, math.exp(-1 / pulses.memory_pulses), pulses.g_reset_siemens, g_max,
            ]),
            low_siemens=pulses.g_reset_siemens,
            high_siemens=high,
            step_siemens=pulses.mu_g * middle + pulses.mu_0_siemens,
            gradual_down=False,
        )  # fmt: skip

    @property
    def constants(self) -> dict[str, tuple[str, str]]:
        """Programmed conductance and drift exponent."""
        return {
            "programmed": ("S", "conductance at the end of programming"),
            "drift_exponent": ("1", "exponent nu of the device's drift, G ~ ((t + t0) / t0)^-nu"),
        }

    def constant(self, state: PcmState, name: str) -> np.ndarray:
        """Values of a constant by name."""
        return {"programmed": state.g_siemens, "drift_exponent": state.nu}[name]

    def to_arrays(self, state: PcmState) -> dict[str, np.ndarray]:
        """Named arrays of the state."""
        return {
            "g_siemens": state.g_siemens,
            "nu": state.nu,
            "q": state.q,
            "stuck": state.stuck,
            "memory": state.memory,
        }

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> PcmState:
        """The state back from named arrays."""
        return PcmState(arrays["g_siemens"], arrays["nu"], arrays["q"], arrays["stuck"], arrays["memory"])


def _above(x: np.ndarray, below: np.ndarray, branch: Branch | None) -> np.ndarray:
    """`below`, but for x at or above the branch's start its polynomial."""
    if branch is None:
        return below
    return np.where(x >= branch.start, np.polynomial.Polynomial(branch.coefficients)(x), below)
