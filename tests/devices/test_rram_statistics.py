"""Soft-bounds RRAM against its equations, from sampled devices; and proof that a 5 % error is seen."""

import numpy as np
import pytest
from scipy import stats

from neurosim.devices import RramParameters, make_device
from neurosim.foundation.errors import ConfigErrors
from neurosim.foundation.records import build_record
from neurosim.foundation.streams import stream

N = 200_000
FIGURES = {
    "g_min_siemens": 1e-6,
    "g_max_siemens": 50e-6,
    "programming_sigma_siemens": 1e-6,
    "read_noise": 0.02,
    "pulses": {"step_up": 0.05, "step_down": 0.03, "cycle_spread": 0.3},
}
START = 20e-6


def made(**changes):
    figures = {**FIGURES, **{k: v for k, v in changes.items() if k in FIGURES}}
    figures["pulses"] = {**FIGURES["pulses"], **{k: v for k, v in changes.items() if k in FIGURES["pulses"]}}
    return make_device(RramParameters.model_validate(figures))


def after(device, up, down, n=N):
    start = device.from_arrays({"g_siemens": np.full(n, START, np.float32), "stuck": np.zeros(n, np.int8)})
    return device.pulse(start, np.full(n, up), np.full(n, down), stream(3, up, down)).g_siemens.astype(float)


def failures(device):
    """Every moment and distribution of the written equations that the devices do not reproduce."""
    found = []
    low, high, (a, b, s) = 1e-6, 50e-6, (0.05, 0.03, 0.3)
    error = device.program(np.full(N, START, np.float32), stream(1)).g_siemens.astype(float) - START
    if stats.kstest(error[:100_000] / 1e-6, "norm").pvalue < 1e-6 or abs(
        error.std() / 1e-6 - 1
    ) > 6 / np.sqrt(2 * N):
        found.append("programming")
    one = {"up": (after(device, 1, 0), a * (high - START)), "down": (after(device, 0, 1), -b * (START - low))}
    for name, (g, mean) in one.items():
        z = (g - START - mean) / (abs(mean) * s)
        if stats.kstest(z[:100_000], "norm").pvalue < 1e-6:
            found.append(f"one pulse {name}")
    # trains: the distance to the bound shrinks by independent factors of mean 1 - a and second moment (1-a)^2 + (a s)^2
    for name, (k, step, bound) in {"up": (20, a, high), "down": (20, b, low)}.items():
        left = np.abs(bound - after(device, *((k, 0) if name == "up" else (0, k)))) / abs(bound - START)
        mean, second = (1 - step) ** k, ((1 - step) ** 2 + (step * s) ** 2) ** k
        if abs(left.mean() - mean) > 6 * np.sqrt((second - mean**2) / N):
            found.append(f"train {name}")
    state = device.from_arrays({"g_siemens": np.full(4, START, np.float32), "stuck": np.zeros(4, np.int8)})
    if not np.allclose(device.aged(state, 10.0, 1e-6, stream(0))[1], (0.02 * START) ** 2, rtol=1e-5, atol=0):
        found.append("read noise")
    return found


def test_equations_are_reproduced():
    assert failures(made()) == []


CHANGES = ["g_min_siemens", "g_max_siemens", "programming_sigma_siemens", "read_noise", *FIGURES["pulses"]]


@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize("name", CHANGES)
def test_five_percent_is_seen(name, factor):
    value = FIGURES.get(name, FIGURES["pulses"].get(name))
    assert failures(made(**{name: value * factor})) != []


def test_many_pulses_end_at_the_bounds_and_nothing_drifts():
    device = made(cycle_spread=0.0)
    np.testing.assert_allclose(after(device, 2000, 0, 10), 50e-6, rtol=1e-5)
    np.testing.assert_allclose(after(device, 0, 2000, 10), 1e-6, rtol=1e-4)
    state = device.program(np.full(10, START, np.float32), stream(0))
    np.testing.assert_array_equal(device.conductance(state, 0.0), device.conductance(state, 3e7))


def test_stuck_devices_never_move():
    device = make_device(RramParameters.model_validate(FIGURES | {"stuck": {"low": 0.1, "high": 0.05}}))
    state = device.program(np.full(N, START, np.float32), stream(0))
    moved = device.pulse(state, np.full(N, 3), np.full(N, 1), stream(1))
    assert abs(np.mean(state.stuck == 1) - 0.1) < 6 * np.sqrt(0.09 / N)
    np.testing.assert_array_equal(moved.g_siemens[state.stuck != 0], state.g_siemens[state.stuck != 0])
    assert (moved.g_siemens[state.stuck == 0] != state.g_siemens[state.stuck == 0]).all()


def test_a_step_beyond_the_bound_is_refused():
    content = {"format": 1, **FIGURES, "pulses": {**FIGURES["pulses"], "step_up": 1.5}}
    with pytest.raises(ConfigErrors, match="pulses.step_up: Input should be less than 1, got 1.5"):
        build_record(content, {}, "chip", RramParameters)
