"""Fits of measurements: parameters come back, the law that made them is chosen, too little is told."""

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.devices import EcramParameters, make_device
from neurosim.devices.fitting import fit_pulses, held_out, simplest
from neurosim.devices.fitting_laws import Crystallisation, gradual_laws
from neurosim.devices.fitting_readback import fit_read_back
from neurosim.devices.measured import Ramps, ReadBack
from neurosim.foundation.errors import DataError
from neurosim.foundation.streams import stream

LOW, HIGH = 2e-6, 102e-6
WIDTH = HIGH - LOW
READ = 0.01  # noise of a reading, of the range


def measured(pulses, ramps=9, length=130, start=(0.02, 0.98), directions=(True, False), read=READ):
    """Readings along trains of simulated devices: a measurement whose law is known."""
    figures = {
        "g_min_siemens": LOW,
        "g_max_siemens": HIGH,
        "programming_sigma_siemens": 0.0,
        "read_noise": 0.0,
    }
    device = make_device(EcramParameters.model_validate({**figures, "pulses": pulses}))
    values, up = [], []
    for way in directions:
        key = stream(11, way)
        target = np.full(ramps, LOW + WIDTH * start[0 if way else 1], np.float32)
        state = device.program(target, key)
        one, none = np.ones(ramps, int), np.zeros(ramps, int)
        rows = [state.g_siemens.astype(float)]
        for k in range(length - 1):
            state = device.pulse(state, one if way else none, none if way else one, key.child("pulse", k))
            rows.append(state.g_siemens.astype(float))
        noise = read * WIDTH * key.child("read").generator().standard_normal((length, ramps))
        values += list((np.stack(rows) + noise).T)
        up += [way] * ramps
    return Ramps(tuple(values), tuple(up))


def law(name, noise):
    return next(one for one in gradual_laws() if (one.name, one.noise) == (name, noise))


LINEAR = {"kind": "linear_step", "step_up": 0.012, "step_down": 0.015, "slope_up": 0.5, "slope_down": 0.3,
          "cycle_noise": 0.006}  # fmt: skip


def near(fit, truths, sigmas=5.0):
    """Names of parameters that are further from the truth than so many standard errors."""
    wrong = []
    for name, truth in truths.items():
        error = fit.errors[name]
        assert error is not None, name
        if abs(fit.values[name] - truth) > sigmas * error:
            wrong.append((name, fit.values[name], truth, error))
    return wrong


def rescaled(fit, truths):
    """True shares of the nominal range, in shares of the range that was measured."""
    ratio = WIDTH / (fit.high - fit.low)
    return {
        name: value * ratio if name in ("cycle_noise", "read_noise") else value
        for name, value in truths.items()
    }


def test_a_linear_law_comes_back():
    fit = fit_pulses(measured(LINEAR), "test", laws=[law("linear step", "additive")])
    assert fit.split == "every third ramp, 6 of 18"
    best = fit.best
    assert near(best, rescaled(fit, {"cycle_noise": 0.006, "read_noise": READ})) == []
    # the step anywhere: slope and step at the bottom depend on where the measured range ends
    for way, x, truth in (("up", 0.5, 0.012 * (1 - 0.25)), ("down", 0.5, 0.015 * (1 - 0.15))):
        g = LOW + WIDTH * x
        share = (g - fit.low) / (fit.high - fit.low)
        share = share if way == "up" else 1 - share
        step = best.values[f"step_{way}"] * (1 - best.values[f"slope_{way}"] * share) * (fit.high - fit.low)
        assert step == pytest.approx(truth * WIDTH, rel=0.04)
    assert best.p > 1e-6
    assert best.standardised.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(best.standardised)))


def test_five_per_cent_of_the_noise_is_seen():
    fit = fit_pulses(measured(LINEAR, ramps=60, length=120), "test", laws=[law("linear step", "additive")])
    truths = rescaled(fit, {"cycle_noise": 0.006, "read_noise": READ})
    assert near(fit.best, truths, 4.0) == []
    assert len(near(fit.best, {name: 1.05 * value for name, value in truths.items()}, 2.5)) == 2


@pytest.mark.parametrize(("pulses", "name"), [
    ({"kind": "linear_step", "step_up": 0.008, "step_down": 0.008, "slope_up": 0.0, "slope_down": 0.0,
      "cycle_noise": 0.004}, "constant step"),
    ({"kind": "power_step", "step_up": 0.03, "step_down": 0.03, "gamma_up": 2.5, "gamma_down": 2.5,
      "cycle_noise": 0.003}, "power step"),
])  # fmt: skip
def test_the_law_that_made_the_ramps_is_chosen(pulses, name):
    candidates = [law(n, "additive") for n in ("constant step", "soft bounds", "linear step", "power step")]
    fit = fit_pulses(measured(pulses, ramps=6, length=90, read=0.003), "test", laws=candidates)
    assert fit.best.law.name == name
    assert [one.score for one in fit.laws] == sorted((one.score for one in fit.laws), reverse=True)


def test_noise_in_proportion_to_the_step_is_told_from_noise_that_is_not():
    soft = {"kind": "linear_step", "step_up": 0.03, "step_down": 0.03, "slope_up": 0.9, "slope_down": 0.9}
    for more, noise in (({"cycle_spread": 0.5}, "proportional"), ({"cycle_noise": 0.006}, "additive")):
        both = [law("linear step", kind) for kind in ("additive", "proportional")]
        fit = fit_pulses(measured({**soft, **more}, ramps=6, length=60, read=0.001), "test", laws=both)
        assert fit.best.law.noise == noise


def test_the_spread_from_ramp_to_ramp_comes_back():
    spread = fit_pulses(measured({**LINEAR, "device_spread": 0.1}, ramps=30, length=50), "test",
                        laws=[law("linear step", "additive")]).ramp_spread  # fmt: skip
    none = fit_pulses(
        measured(LINEAR, ramps=30, length=50), "test", laws=[law("linear step", "additive")]
    ).ramp_spread
    assert spread[0] == pytest.approx(0.1, abs=4 * spread[1])
    assert none[0] < 0.05
    few = fit_pulses(measured(LINEAR, ramps=2), "test", laws=[law("linear step", "additive")])
    assert few.ramp_spread is None
    assert few.split == "every third of 12 blocks of each ramp"


def test_the_staircase_of_pcm_comes_back():
    device, n, length = make_device(load_chip("joshi_2020").device), 150, 30
    state = device.program(np.zeros(n, np.float32), stream(0))
    state = device.pulse(state, np.zeros(n, int), np.ones(n, int), stream(1))
    rows = [state.g_siemens.astype(float)]
    for k in range(length):
        state = device.pulse(state, np.ones(n, int), np.zeros(n, int), stream(2, k))
        rows.append(state.g_siemens.astype(float))
    # conductances that the lower end cuts off are not normal, so the first few pulses are no test
    ramps = Ramps(tuple(np.stack(rows).T), (True,) * n)
    fit = fit_pulses(ramps, "test", laws=[Crystallisation(), Crystallisation(memory=False)])
    assert fit.best.law.name == "crystallisation"
    us = fit.high * 1e6
    values = {name: value * us if name[-1] in "0p" else value for name, value in fit.best.values.items()}
    truths = {
        "mu_g": (-0.084, 0.03),
        "mu_0": (0.88, 0.25),
        "sd_g": (0.091, 0.03),
        "sd_p": (2.15, 0.5),
        "memory": (2.6, 0.8),
    }
    for name, (truth, tolerance) in truths.items():
        assert values[name] == pytest.approx(truth, abs=tolerance), name


def test_tables_of_steps_are_fitted_without_noise_of_reading():
    rng = np.random.default_rng(3)
    values, up, bins = [], [], []
    for k, x in enumerate(np.linspace(0, 1, 40)):
        for way in (True, False):
            step = 0.05 * (1 - 0.6 * (x if way else 1 - x)) + 0.01 * rng.standard_normal(15)
            values += [np.array([x, np.clip(x + (s if way else -s), 0, 1)]) * 1e-4 for s in step]
            up += [way] * 15
            bins += [k] * 15
    fit = fit_pulses(
        Ramps(tuple(values), tuple(up), bins=tuple(bins)), "test", laws=[law("linear step", "additive")]
    )
    assert fit.split == "every third conductance bin"
    assert "read_noise" not in fit.best.values
    assert (
        near(
            fit.best,
            {"step_up": 0.05, "step_down": 0.05, "slope_up": 0.6, "slope_down": 0.6, "cycle_noise": 0.01},
        )
        == []
    )


def test_held_out_readings_are_a_third_and_never_the_fit_s_own():
    held, _ = held_out(np.full(9, 50), np.array([True] * 5 + [False] * 4), 50)
    assert held.sum(axis=1).tolist() == [0, 0, 50, 0, 0, 0, 0, 50, 0]
    held, _ = held_out(np.array([120]), np.array([True]), 120)
    assert held[0].mean() == pytest.approx(1 / 3)


def test_progress_is_told_and_the_simplest_of_equals_is_taken():
    told = []
    ramps = measured({**LINEAR, "slope_up": 0.0, "slope_down": 0.0}, ramps=6, length=60)
    laws = [law("linear step", "additive"), law("constant step", "additive")]
    fit = fit_pulses(ramps, "test", lambda k, n: told.append((k, n)), laws)
    assert told == [(1, 2), (2, 2)]
    assert simplest(fit.laws).law.name == "constant step"


def test_too_little_and_what_does_not_move_is_told():
    with pytest.raises(
        DataError, match="fit.csv: expected at least 30 pulses up, got 20; measure more of them"
    ):
        fit_pulses(Ramps((np.linspace(1, 2, 20),), (True,)), "fit.csv")
    with pytest.raises(DataError, match="conductances that pulses move"):
        fit_pulses(Ramps((np.ones(50),), (True,)), "fit.csv")
    with pytest.raises(DataError, match="at least one column of conductances, got none"):
        fit_pulses(Ramps((), ()), "fit.csv")


# read-back --------------------------------------------------------------------------------------------------------


def written(coefficients, n=6000, levels=16):
    rng = np.random.default_rng(int(1000 * sum(coefficients)))
    target = np.tile(np.linspace(5e-6, 40e-6, levels), n // levels + 1)[:n]
    x = target / target.max()
    sigma = sum(c * x**k for k, c in enumerate(coefficients)) * target.max()
    return ReadBack(target, target + sigma * rng.standard_normal(n))


@pytest.mark.parametrize(("coefficients", "name"), [((0.03,), "constant"), ((0.06, -0.04), "straight line"),
                                                    ((0.02, 0.12, -0.1), "parabola")])  # fmt: skip
def test_sigma_of_programming_comes_back(coefficients, name):
    fit = fit_read_back(written(coefficients), "test")
    assert fit.best.law.name == name
    truths = {f"c{k}": c for k, c in enumerate(coefficients)}
    assert near(fit.best, truths) == []
    assert near(fit.best, {name: value * 1.8 for name, value in truths.items()})
    assert fit.best.p > 1e-6
    assert abs(fit.bias) < 5 * fit.bias_error


def test_five_per_cent_of_a_constant_sigma_is_seen():
    fit = fit_read_back(written((0.03,), n=30000), "test")
    assert near(fit.best, {"c0": 0.03}, 4.0) == []
    assert near(fit.best, {"c0": 0.0315}, 4.0)
    assert near(fit.best, {"c0": 0.0285}, 4.0)


def test_read_backs_that_say_nothing_are_refused():
    with pytest.raises(DataError, match="at least 30 readings, got 3"):
        fit_read_back(ReadBack(np.ones(3), np.ones(3)), "test")
    with pytest.raises(DataError, match="readings that differ from their targets"):
        fit_read_back(ReadBack(np.ones(40), np.ones(40)), "test")
    with pytest.raises(DataError, match="targets above zero"):
        fit_read_back(ReadBack(np.zeros(40), np.ones(40)), "test")
