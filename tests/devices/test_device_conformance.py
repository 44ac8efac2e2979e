"""What every device technology promises, tested on each."""

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.devices import (
    EcramParameters,
    FlashParameters,
    IdealParameters,
    MramParameters,
    RramParameters,
    SramParameters,
    make_device,
)
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import stream

G_MAX = 25e-6
DEVICES = {
    "ideal": lambda: IdealParameters(g_max_siemens=G_MAX),
    "pcm": lambda: load_chip("joshi_2020").device,
    "rram": lambda: RramParameters(
        g_min_siemens=1e-6,
        g_max_siemens=G_MAX,
        programming_sigma_siemens=0.5e-6,
        read_noise=0.01,
        pulses={"step_up": 0.02, "step_down": 0.03, "cycle_spread": 0.3},
    ),
    "rram that relaxes": lambda: RramParameters(
        g_max_siemens=G_MAX,
        programming={"sigma_siemens": (0.5e-6, 0.02), "g_reference_siemens": 1.0},
        read_noise=0.01,
        flicker={"k_siemens": 0.03e-6, "g_reference_siemens": 1e-6, "t_read_s": 1e-6},
        relaxation={"kind": "log", "t0_s": 1.0, "mean_log_siemens": -0.1e-6, "sigma_siemens": 0.4e-6},
        pulses={"kind": "power_step", "step_up": 0.02, "step_down": 0.03, "gamma_up": 0.5, "gamma_down": 2.0,
                "cycle_noise": 0.01},
        stuck={"low": 0.02, "high": 0.02},
    ),
    "ecram": lambda: EcramParameters(
        g_min_siemens=1e-6,
        g_max_siemens=G_MAX,
        programming_sigma_siemens=0.1e-6,
        read_noise=0.01,
        pulses={"kind": "linear_step", "step_up": 0.01, "step_down": 0.01, "slope_up": 0.2, "slope_down": 0.5,
                "cycle_spread": 0.3, "device_spread": 0.1},
    ),
    "flash": lambda: FlashParameters(
        g_max_siemens=G_MAX,
        tuning_accuracy=0.01,
        read_noise=0.005,
        pulses={"kind": "exp_step", "step_up": 0.01, "step_down": 0.01, "extra_up": 0.02, "extra_down": 0.02,
                "gamma_up": 5.0, "gamma_down": 5.0, "cycle_spread": 0.3},
    ),
    "sonos": lambda: FlashParameters(
        g_max_siemens=G_MAX,
        v_cell_volts=0.1,
        spread={"times_s": (0.0, 86400.0, 432000.0), "a_amperes": (20e-9, 26e-9, 35e-9),
                "b_amperes": (176e-9, 187e-9, 207e-9), "drift_amperes": ((0.0,), (1e-9, -1e-11), (1e-9, -2e-11)),
                "i_reference_amperes": 1e-9},
        noise={"a_amperes": 12e-9, "b_amperes": 215e-9},
        pulses={"step_up": 0.01, "step_down": 0.01, "device_spread": 0.2},
    ),
    "mram": lambda: MramParameters(
        g_min_siemens=G_MAX / 2.5,
        g_max_siemens=G_MAX,
        resistance_spread=0.04,
        tmr_spread=0.05,
        write_error_rate=0.1,
        write_attempts=2,
        thermal_stability=40.0,
        attempt_time_s=1e-9,
        read_noise=0.01,
    ),
    "sram": lambda: SramParameters(
        g_min_siemens=1e-9,
        g_max_siemens=G_MAX,
        bits=4,
        alpha=1.3,
        v_gate_volts=0.8,
        v_nominal_volts=0.8,
        v_threshold_volts=0.4,
        a_vt_volt_metres=2e-9,
        width_metres=100e-9,
        length_metres=50e-9,
        read_noise=0.001,
    ),
}  # fmt: skip
GRADUAL = [name for name in DEVICES if name not in ("mram", "sram")]


@pytest.fixture(params=DEVICES)
def device(request):
    return make_device(DEVICES[request.param]())


@pytest.fixture
def targets():
    return (np.random.default_rng(0).random((2, 1, 30, 20)) * G_MAX).astype(np.float32)


def arrays_equal(device, a, b):
    first, second = device.to_arrays(a), device.to_arrays(b)
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


def test_same_key_same_devices_bit_for_bit(device, targets):
    one, two = (device.program(targets, stream(7, "chip", 0)) for _ in range(2))
    assert arrays_equal(device, one, two)
    assert device.conductance(one, 10.0).shape == targets.shape
    assert device.conductance(one, 10.0).dtype == np.float32


def test_ageing_is_absolute_and_changes_nothing(device, targets):
    state = device.program(targets, stream(7))
    before = {k: v.copy() for k, v in device.to_arrays(state).items()}
    late = device.aged(state, 1e6, 1e-6, stream(1))
    device.aged(state, 1e3, 1e-6, stream(1))
    again = device.aged(state, 1e6, 1e-6, stream(1))
    np.testing.assert_array_equal(late[0], again[0])
    assert all(np.array_equal(before[k], v) for k, v in device.to_arrays(state).items())


def test_conductances_and_variances_are_physical(device, targets):
    state = device.program(targets, stream(7))
    g, variance = device.aged(state, 1e7, 1e-4, stream(2))
    assert g.min() >= 0
    assert variance.min() >= 0
    assert np.isfinite(g).all()


def test_pulse_into_equals_pulse_and_pulse_leaves_the_state(device, targets):
    state = device.program(targets, stream(7))
    rng = np.random.default_rng(1)
    up, down = rng.integers(0, 4, targets.shape), rng.integers(0, 2, targets.shape)
    before = device.conductance(state, 0.0).copy()
    after = device.pulse(state, up, down, stream(5))
    np.testing.assert_array_equal(device.conductance(state, 0.0), before)
    device.pulse_into(state, up, down, stream(5))
    assert arrays_equal(device, state, after)
    assert not np.array_equal(device.conductance(state, 0.0), before)


def test_arrays_round_trip(device, targets):
    state = device.program(targets, stream(7))
    assert arrays_equal(device, state, device.from_arrays(device.to_arrays(state)))


def test_constants_are_given_by_name(device, targets):
    state = device.program(targets, stream(7))
    for name, (unit, meaning) in device.constants.items():
        assert device.constant(state, name).shape == targets.shape
        assert unit
        assert meaning


def test_bad_targets_are_refused(device):
    with pytest.raises(DataError, match="1 NaN or infinite"):
        device.program(np.array([np.nan, 1e-6], np.float32), stream(0))
    with pytest.raises(DataError, match="scale the weights to g_max"):
        device.program(np.array([2 * G_MAX], np.float32), stream(0))
    with pytest.raises(DataError, match="target conductance: expected 0 to"):
        device.program(np.array([-1e-6], np.float32), stream(0))


def test_negative_time_is_refused(device, targets):
    state = device.program(targets, stream(7))
    with pytest.raises(ConfigError, match="seconds since programming"):
        device.conductance(state, -1.0)


@pytest.mark.parametrize("technology", GRADUAL)
def test_physics_of_pulses_spans_a_range(technology):
    physics = make_device(DEVICES[technology]()).pulse_physics()
    assert 0 <= physics.low_siemens < physics.high_siemens <= G_MAX
    assert 0 < physics.step_siemens < physics.width_siemens
    assert np.isfinite(physics.coefficients).all()


@pytest.mark.parametrize("technology", ["mram", "sram"])
def test_devices_that_switch_have_no_small_pulses(technology):
    with pytest.raises(ConfigError, match=f"move gradually: pcm, rram, ecram, flash, got '{technology}'"):
        make_device(DEVICES[technology]()).pulse_physics()


def test_stuck_devices_stay_in_every_technology(device, targets):
    parameters = device.parameters
    stuck = parameters.stuck.model_copy(update={"low": 0.2, "high": 0.1})
    device = make_device(parameters.model_copy(update={"stuck": stuck}))
    state = device.program(targets, stream(7))
    pulsed = device.pulse(state, np.full(targets.shape, 3), np.full(targets.shape, 1), stream(8))
    for one, t_s in ((state, 0.0), (state, 1e7), (pulsed, 1e7)):
        flags = device.to_arrays(one)["stuck"]
        assert (device.conductance(one, t_s)[flags == 1] == 0).all()
        assert (device.conductance(one, t_s)[flags == 2] == np.float32(G_MAX)).all()
        assert 0.15 < np.mean(flags == 1) < 0.25


@pytest.mark.parametrize("technology", ["pcm", "rram", "ecram", "flash"])
def test_pulses_need_their_figures(technology):
    parameters = DEVICES[technology]().model_copy(update={"pulses": None})
    device = make_device(parameters)
    with pytest.raises(ConfigError, match="or learn on another one"):
        device.pulse_physics()
    state = device.program(np.zeros(3, np.float32), stream(0))
    with pytest.raises(ConfigError, match=r"add a \[device.pulses\] table"):
        device.pulse(state, np.ones(3, int), np.zeros(3, int), stream(0))
