"""What happens to a programmed conductance with time and temperature."""

from __future__ import annotations

import math

import numpy as np

from neurosim.devices.gradual_parameters import LogRelaxation, TableRelaxation
from neurosim.devices.ranges import Arrhenius

BOLTZMANN = 1.380649e-23  # J/K, exact in the SI


def accelerated(t_s: float, temperature: Arrhenius | None) -> float:
    """The time at the reference temperature after which as much has happened as after t at the chip's.

    t exp(Ea/k (1/T_reference - 1/T)), the law of Arrhenius.
    """
    if temperature is None:
        return t_s
    inverse = 1 / temperature.reference_kelvin - 1 / temperature.temperature_kelvin
    return t_s * math.exp(temperature.activation_energy_joules / BOLTZMANN * inverse)


def interpolation(times_s: tuple[float, ...], t_s: float) -> list[tuple[int, float]]:
    """Rows of a table and their weights at a time, linear in ln t.

    Before the first time the first row; after the last one the straight line through the last two goes on.
    """
    if t_s <= times_s[0]:
        return [(0, 1.0)]
    place = min(int(np.searchsorted(times_s, t_s)), len(times_s) - 1)
    before, after = math.log(times_s[place - 1]), math.log(times_s[place])
    share = (math.log(t_s) - before) / (after - before)
    return [(place - 1, 1 - share), (place, share)]


def table_sigma(relaxation: TableRelaxation, x: np.ndarray, t_s: float) -> np.ndarray:
    """Total spread at a time (siemens) for devices programmed to x = G / g_reference."""
    x = np.asarray(x, np.float64)
    rows = (
        weight * np.asarray(np.polynomial.Polynomial(relaxation.sigma_siemens[row])(x))
        for row, weight in interpolation(relaxation.times_s, t_s)
    )
    return np.asarray(np.maximum(np.sum(list(rows), axis=0), 0))


def moved(relaxation: LogRelaxation | TableRelaxation, g_siemens: np.ndarray, z: np.ndarray, t_s: float,
          g_max_siemens: float) -> np.ndarray:  # fmt: skip
    """By how much every device's conductance has moved t seconds after programming, float32 siemens.

    g_siemens : programmed conductances; z : a standard normal of each device for life
    """
    t = accelerated(t_s, relaxation.temperature)
    if isinstance(relaxation, LogRelaxation):
        if t < relaxation.t0_s:
            return np.zeros_like(g_siemens)
        log = math.log(t / relaxation.t0_s)
        sigma = relaxation.sigma_siemens + relaxation.sigma_log_siemens * log
        return np.asarray(relaxation.mean_log_siemens * log + sigma * z, np.float32)
    x = g_siemens / (relaxation.g_reference_siemens or g_max_siemens)
    first, now = table_sigma(relaxation, x, relaxation.times_s[0]), table_sigma(relaxation, x, t)
    return np.asarray(np.sqrt(np.maximum(now**2 - first**2, 0)) * z, np.float32)
