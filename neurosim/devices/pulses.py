"""Small pulses both ways, shared by the technologies that have them."""

from __future__ import annotations

import numpy as np

from neurosim.devices.device import FREE, PulsePhysics, hold_stuck, no_pulses
from neurosim.devices.draws import normals
from neurosim.devices.gradual_parameters import GradualPulses
from neurosim.devices.ranges import ConductanceRange
from neurosim.foundation.streams import Stream
from neurosim.kernels import plastic as kernel


def gradual_physics(pulses: GradualPulses | None, span: ConductanceRange) -> PulsePhysics:
    """The pulses of a device of that range, for the kernels. ConfigError where there are no figures of pulses.

    Soft bounds whose noise is in proportion to the step have a kernel kind of their own; with more noise they are the
    kind linear_step of slope 1.
    """
    if pulses is None:
        raise no_pulses()
    low, high = span.g_min_siemens, span.g_max_siemens
    plain = pulses.kind == "soft_bounds" and not (pulses.cycle_noise or pulses.device_spread)
    return PulsePhysics(
        kind="soft_bounds" if plain else "linear_step" if pulses.kind == "soft_bounds" else pulses.kind,
        coefficients=_soft_bounds(pulses, low, high) if plain else coefficients(pulses, low, high),
        low_siemens=low,
        high_siemens=high,
        step_siemens=(mean_step(pulses, 0.5, True) + mean_step(pulses, 0.5, False)) / 2 * (high - low),
        gradual_down=True,
    )


def mean_step(pulses: GradualPulses, x: float, up: bool) -> float:
    """Mean step after the share x of the way, in shares of the width."""
    step = pulses.step_up if up else pulses.step_down
    if pulses.kind in ("soft_bounds", "linear_step"):
        slope = pulses.slope_up if up else pulses.slope_down
        return step * (1 - (1.0 if slope is None else slope) * x)
    gamma = (pulses.gamma_up if up else pulses.gamma_down) or 0.0
    if pulses.kind == "exp_step":
        extra = (pulses.extra_up if up else pulses.extra_down) or 0.0
        return float(step + extra * np.exp(-gamma * x))
    return float(step * (1 - x) ** gamma)


def coefficients(pulses: GradualPulses, low_siemens: float, high_siemens: float) -> np.ndarray:
    """The numbers of linear_step, exp_step and power_step as kernels/plastic.py explains them."""
    if pulses.kind == "soft_bounds":
        shape = (1.0, 1.0)
    elif pulses.kind == "linear_step":
        shape = (pulses.slope_up or 0.0, pulses.slope_down or 0.0)
    else:
        shape = (pulses.extra_up or 0.0, pulses.extra_down or 0.0)
    return np.array([
        pulses.step_up, pulses.step_down, *shape, pulses.gamma_up or 0.0, pulses.gamma_down or 0.0,
        pulses.cycle_spread, pulses.cycle_noise, low_siemens, high_siemens,
    ])  # fmt: skip


def _soft_bounds(pulses: GradualPulses, low_siemens: float, high_siemens: float) -> np.ndarray:
    return np.array([pulses.step_up, pulses.step_down, pulses.cycle_spread, low_siemens, high_siemens])


def step_factors(shape: tuple[int, ...], pulses: GradualPulses | None, rng: Stream) -> np.ndarray | None:
    """Each device's own factor of the step, float32: normal about 1, at least 0; None where all are alike."""
    if pulses is None or not pulses.device_spread:
        return None
    return np.asarray(np.maximum(1 + np.float32(pulses.device_spread) * normals(shape, rng), 0), np.float32)


def give_pulses(g_siemens: np.ndarray, stuck: np.ndarray, factor: np.ndarray | None, n_up: np.ndarray,
                n_down: np.ndarray, physics: PulsePhysics, g_max_siemens: float, rng: Stream) -> None:  # fmt: skip
    """First the pulses up, then those down, on every device that is not stuck; in place."""
    free = stuck == FREE
    up, down = (np.where(free, n, 0).astype(np.int64).ravel() for n in (n_up, n_down))
    z = normals((up.size, int((up + down).max(initial=0))), rng.child("pulse"))
    flat = np.ravel(g_siemens)
    if physics.kind == "soft_bounds":
        kernel.soft_bounds(flat, up, down, z, physics.coefficients)
    else:
        factors = np.ones(flat.size, np.float32) if factor is None else np.ravel(factor)
        kernel.gradual(flat, factors, up, down, z, kernel.KINDS[physics.kind], physics.coefficients)
    g_siemens[...] = hold_stuck(flat.reshape(g_siemens.shape), stuck, g_max_siemens)
