"""Magnetic junctions: resistances, write errors and thermal flips against their closed forms; 5 % errors are seen."""

import numpy as np
import pytest
from scipy import stats

from neurosim.devices import MramParameters, make_device
from neurosim.foundation.errors import ConfigErrors
from neurosim.foundation.records import build_record
from neurosim.foundation.streams import stream

N = 300_000
FIGURES = {
    "g_min_siemens": 100e-6, "g_max_siemens": 250e-6, "resistance_spread": 0.06, "tmr_spread": 0.08,
    "write_error_rate": 0.2, "write_attempts": 2, "thermal_stability": 30.0, "attempt_time_s": 1e-9, "read_noise": 0.01,
}  # fmt: skip


def made(**changes):
    return make_device(MramParameters.model_validate({**FIGURES, **changes}))


def written(device, high, n=N):
    target = device.parameters.g_max_siemens if high else device.parameters.g_min_siemens
    return device.program(np.full(n, target, np.float32), stream(1, high))


def failures(**changes):
    device = made(**changes)
    state = written(device, True)
    log_r = np.log(250e-6 / state.high_siemens.astype(float)) / 0.06
    tmr = (
        np.log((state.high_siemens.astype(float) / state.low_siemens - 1) / 1.5) / 0.08
    )  # R_AP / R_P - 1 = 1.5
    for name, z in (("resistance", log_r), ("tmr", tmr)):
        off = abs(z.mean()) > 6 / np.sqrt(N) or abs(z.std() - 1) > 6 / np.sqrt(2 * N)
        if off or stats.kstest(z[:100_000], "norm").pvalue < 1e-6:
            yield name
    # two attempts fail with 0.2^2, and half of the junctions then happen to be right
    wrong = np.mean(~state.parallel) + np.mean(written(device, False).parallel)
    if abs(wrong - 0.04) > 6 * np.sqrt(2 * 0.02 * 0.98 / N):
        yield "write errors"
    t_s = 0.4 * np.exp(30.0) * 1e-9
    turned = np.mean(device.conductance(state, t_s) != device.conductance(state, 0.0))
    p = (1 - np.exp(-0.8)) / 2
    if abs(turned - p) > 6 * np.sqrt(p * (1 - p) / N):
        yield "thermal flips"
    if not np.allclose(device.read_noise_sigma(state, 0.0), 0.01 * device.conductance(state, 0.0), 1e-5, 0):
        yield "read noise"


def test_closed_forms_are_reproduced():
    assert list(failures()) == []


@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize("name", [name for name in FIGURES if name != "write_attempts"])
def test_five_per_cent_is_seen(name, factor):
    assert any(failures(**{name: FIGURES[name] * factor}))


def test_verification_lowers_write_errors_and_pulses_switch():
    assert made(write_attempts=5).failure_rate() == pytest.approx(0.2**5)
    device = made()
    state = written(device, False)
    state.parallel[:] = False
    after = device.pulse(state, np.full(N, 3), np.zeros(N, int), stream(2))
    assert abs(np.mean(~after.parallel) - 0.2**3) < 6 * np.sqrt(0.008 / N)
    back = device.pulse(after, np.zeros(N, int), np.ones(N, int), stream(3))
    assert np.mean(back.parallel) == pytest.approx(np.mean(after.parallel) * 0.2, rel=0.03)


def test_targets_between_the_states_take_the_nearer_one():
    device = made(write_error_rate=0.0)
    state = device.program(np.array([0, 100e-6, 174e-6, 176e-6, 250e-6], np.float32), stream(0))
    assert state.parallel.tolist() == [False, False, False, True, True]


def test_states_keep_for_ever_without_a_barrier_and_shorter_when_warm():
    kept = made(thermal_stability=None, attempt_time_s=None)
    assert kept.flip_probability(1e12) == 0
    warm = made(reference_kelvin=300.0, temperature_kelvin=360.0)
    assert warm.flip_probability(1.0) == pytest.approx((1 - np.exp(-2 / (1e-9 * np.exp(25.0)))) / 2)


@pytest.mark.parametrize(("change", "message"), [
    ({"g_min_siemens": 0.0}, "an antiparallel junction conducts too"),
    ({"attempt_time_s": None}, "thermal_stability and attempt_time go together"),
    ({"temperature_kelvin": 300.0}, "reference and temperature go together"),
])  # fmt: skip
def test_wrong_figures_are_refused(change, message):
    with pytest.raises(ConfigErrors, match=message):
        build_record({"format": 1, **FIGURES, **change}, {}, "chip", MramParameters)
