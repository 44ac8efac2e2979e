"""Flash cells: tabulated statistics of SONOS cells and tuning accuracy, from sampled devices; 5 % errors are seen."""

import copy

import numpy as np
import pytest
from scipy import stats

from neurosim.devices import FlashParameters, make_device
from neurosim.foundation.errors import ConfigErrors
from neurosim.foundation.records import build_record
from neurosim.foundation.streams import stream

N = 200_000
NA, DAY, V = 1e-9, 86400.0, 0.1
DAYS = (0, 1, 2, 3, 4, 5)
A = (19.88665, 25.59102, 28.72753, 31.04318, 33.76214, 34.57909)
B = (176.3115, 186.85544, 193.56834, 198.90332, 204.77023, 207.34309)
DRIFT = (  # the first coefficients of the published polynomials, enough to test with
    (0.0,), (0.68365, 6.5125e-3, -4.03163e-5), (0.660925, 8.60627e-3), (1.15821, 1.96116e-2),
    (0.872216, 1.70926e-2), (1.15294, 1.03149e-2, -6.05199e-5),
)  # fmt: skip
SONOS = {
    "g_max_siemens": 1600 * NA / V,
    "v_cell_volts": V,
    "spread": {
        "times_s": tuple(day * DAY for day in DAYS), "a_amperes": tuple(a * NA for a in A),
        "b_amperes": tuple(b * NA for b in B), "drift_amperes": tuple(tuple(c * NA for c in row) for row in DRIFT),
        "i_reference_amperes": NA,
    },
    "noise": {"a_amperes": 12.58037 * NA, "b_amperes": 215.36557 * NA},
}  # fmt: skip


def made(figures):
    return make_device(FlashParameters.model_validate(figures))


def differs(sample, mean, sigma):
    z = (np.asarray(sample, float) - mean) / sigma
    return (
        abs(z.mean()) > 6 / np.sqrt(len(z))
        or abs(z.std() - 1) > 6 / np.sqrt(2 * len(z))
        or stats.kstest(z[:100_000], "norm").pvalue < 1e-6
    )


def failures(figures, currents=(150.0, 600.0, 1500.0), days=(0, 1, 3, 5, 2.5, 30)):
    """Currents (nA) and times (days) at which sampled cells are not normal with the tabulated moments."""
    device = made(figures)
    for current in currents:
        state = device.program(np.full(N, current * NA / V, np.float32), stream(1, current))
        for day in days:
            drifts = [sum(c * current**k for k, c in enumerate(row)) for row in DRIFT]
            if day <= 5:
                drift, a, b = (np.interp(day, DAYS, column) for column in (drifts, A, B))
            else:  # a straight line in ln t through the first and the fifth day
                log = np.log(day) / np.log(5)
                drift, a, b = (column[1] + log * (column[5] - column[1]) for column in (drifts, A, B))
            mean = current + drift
            # the writing error keeps the spread it was written with; what is added makes the variance the table's
            sigma = a * (1 - np.exp(-mean / b))
            if differs(device.conductance(state, day * DAY) * V / NA, mean, sigma):
                yield (current, day)
    state = device.program(np.full(4, 600 * NA / V, np.float32), stream(2))
    noise = 12.58037 * (1 - np.exp(-device.conductance(state, DAY).astype(float) * V / NA / 215.36557))
    if not np.allclose(device.read_noise_sigma(state, DAY) * V / NA, noise, rtol=1e-5):
        yield "read noise"
    if not np.allclose(device.aged(state, DAY, 1e-6, stream(0))[1] * (V / NA) ** 2, noise**2, rtol=1e-5):
        yield "variance per read"


def test_sonos_statistics_are_reproduced():
    assert list(failures(SONOS)) == []


@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize(("column", "row"), [("a_amperes", 0), ("a_amperes", 3), ("b_amperes", 0), ("b_amperes", 5),
                                             ("drift_amperes", 1)])  # fmt: skip
def test_five_per_cent_of_the_table_is_seen(column, row, factor):
    figures = copy.deepcopy(SONOS)
    values = list(figures["spread"][column])
    values[row] = (
        tuple(factor * c for c in values[row]) if column == "drift_amperes" else values[row] * factor
    )
    figures["spread"][column] = tuple(values)
    assert any(failures(figures, currents=(150.0, 1500.0), days=(0, 1, 3, 5)))


@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize("name", ["a_amperes", "b_amperes"])
def test_five_per_cent_of_the_read_noise_is_seen(name, factor):
    noisy = {**SONOS, "noise": {**SONOS["noise"], name: SONOS["noise"][name] * factor}}
    assert list(failures(noisy, currents=(), days=())) == ["read noise", "variance per read"]


def test_tuning_accuracy_is_a_share_of_the_current():
    figures = {"g_max_siemens": 10e-6, "tuning_accuracy": 0.01, "read_noise": 0.002}
    state = made(figures).program(np.full(N, 5e-6, np.float32), stream(3))
    assert not differs(state.g_siemens, 5e-6, 0.01 * 5e-6)
    assert differs(state.g_siemens, 5e-6, 0.0105 * 5e-6)
    np.testing.assert_array_equal(made(figures).conductance(state, 1e8), state.g_siemens)
    np.testing.assert_allclose(made(figures).read_noise_sigma(state, 1.0), 0.002 * state.g_siemens, rtol=1e-6)
    off = made(figures).program(np.zeros(10, np.float32), stream(3))
    assert (off.g_siemens == 0).all()


def test_a_cell_keeps_its_way_and_warmth_shortens_it():
    cold = made(SONOS)
    hot = {
        "activation_energy_joules": 1.0 * 1.602176634e-19,
        "reference_kelvin": 300.0,
        "temperature_kelvin": 330.0,
    }
    warm = made({**SONOS, "temperature": hot})
    state = cold.program(np.full(1000, 600 * NA / V, np.float32), stream(1))
    early, late = (cold.conductance(state, day * DAY) - state.g_siemens for day in (1, 5))
    assert np.corrcoef(early, late)[0, 1] > 0.999
    factor = np.exp(1.0 / 8.617333262e-5 * (1 / 300 - 1 / 330))
    np.testing.assert_allclose(
        warm.conductance(state, 3600.0), cold.conductance(state, 3600.0 * factor), rtol=1e-6
    )


def test_pulses_set_new_targets():
    device = made({**SONOS, "pulses": {"step_up": 0.1, "step_down": 0.1}})
    state = device.program(np.full(4, 600 * NA / V, np.float32), stream(1))
    up = np.array([3, 0, 0, 0])
    after = device.pulse(state, up, np.zeros(4, int), stream(2))
    assert after.target_siemens[0] == after.g_siemens[0] > state.g_siemens[0]
    np.testing.assert_array_equal(after.target_siemens[1:], state.target_siemens[1:])


@pytest.mark.parametrize(("change", "message"), [
    ({"tuning_accuracy": 0.01}, r"give tuning_accuracy, or a table \[device.spread\], and not both"),
    ({"read_noise": 0.01}, r"give read_noise, or a table \[device.noise\], and not both"),
    ({"v_cell_volts": None}, "tables of currents need v_cell"),
    ({"spread": {**SONOS["spread"], "a_amperes": (1e-9,)}}, "a needs one entry per time: 6, not 1"),
    ({"spread": {**SONOS["spread"], "times_s": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)}}, "times start at 0"),
    ({"spread": {**SONOS["spread"], "i_reference_amperes": None}}, "drift needs i_reference"),
])  # fmt: skip
def test_wrong_tables_are_refused(change, message):
    with pytest.raises(ConfigErrors, match=message):
        build_record({"format": 1, **SONOS, **change}, {}, "chip", FlashParameters)
