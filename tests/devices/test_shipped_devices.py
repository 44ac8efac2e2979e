"""The devices of the literature: their figures, and that each can be made and programmed."""

import numpy as np
import pytest

from neurosim.devices import make_device
from neurosim.devices.shipped import device_names, load_device
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import stream


@pytest.mark.parametrize("name", device_names())
def test_every_device_is_made_and_every_number_has_a_source(name):
    described = load_device(name)
    assert described.name == name
    device = make_device(described.parameters)
    state = device.program(np.full(10, described.parameters.g_max_siemens, np.float32), stream(0))
    assert np.isfinite(device.conductance(state, 86400.0)).all()
    assert all(source.source and source.status for source in described.sources.values())
    assert "device.g_max_siemens" in described.sources


def test_published_spreads():
    milo, wan = (make_device(load_device(name).parameters) for name in ("milo_2021", "wan_2022"))
    g = np.array([60.0, 200.0])
    np.testing.assert_allclose(milo.programming_sigma(g * 1e-6) * 1e6, 4.782321 - 0.009107 * g, rtol=1e-5)
    g = np.array([5.0, 20.0, 39.0])
    cubic = ((1.536e-4 * g - 1.167e-2) * g + 0.2374) * g + 1.053
    np.testing.assert_allclose(wan.programming_sigma(g * 1e-6) * 1e6, cubic, rtol=1e-5)
    other = make_device(load_device("wan_2022_aihwkit").parameters).programming_sigma(g * 1e-6) * 1e6
    assert np.all(np.abs(other[1:] / cubic[1:] - 1) > 0.05)  # the two fits are not the same


def test_pulses_agree_with_the_weights_they_were_published_for():
    """A step at weight w of the published form, on weights from w_min to w_max, in shares of their range."""

    def exp_up(w):
        return 0.00135 * (1 + 1.18445 * np.exp(5 * (-0.5 * w - 0.5)))

    def exp_down(w):
        return 0.00135 * (1 - 0.259359) * (1 + 0.081404 * np.exp(-5 * (-0.5 * w - 0.5)))

    def linear(dw, gamma, bound):
        return lambda w: dw * (1 - gamma * w / bound)

    laws = {
        "gong_2018": (-1.0, 1.0, exp_up, exp_down),
        "gong_2018_soft": (-0.75, 1.25, linear(0.002, 1.0, 1.25), linear(0.002, 1.0, -0.75)),
        "tang_2018": (-0.8276, 1.1724, linear(0.002, 0.1153, 1.1724), linear(0.002, 0.5085, -0.8276)),
        "kim_2019": (-0.8286, 1.1714, linear(2.8214e-4, 0.4152, 1.1714), linear(2.8214e-4, 0.7342, -0.8286)),
    }
    for name, (w_min, w_max, up, down) in laws.items():
        parameters = load_device(name).parameters
        quiet = parameters.pulses.model_copy(
            update={"cycle_spread": 0.0, "cycle_noise": 0.0, "device_spread": 0.0}
        )
        device = make_device(
            parameters.model_copy(update={"pulses": quiet, "programming_sigma_siemens": 0.0})
        )
        low, width = parameters.g_min_siemens, parameters.g_max_siemens - parameters.g_min_siemens
        x = np.array([0.1, 0.5, 0.9])
        state = device.program((low + width * x).astype(np.float32), stream(0))
        start = state.g_siemens.astype(float)
        for law, n_up, sign in ((up, 1, 1), (down, 0, -1)):
            n = 100  # many pulses, so that a step stands well above the rounding of float32
            after = device.pulse(state, np.full(3, n * n_up), np.full(3, n * (1 - n_up)), stream(1)).g_siemens
            w = w_min + x * (w_max - w_min)
            for _ in range(n):
                w = np.clip(w + sign * law(w), w_min, w_max)
            np.testing.assert_allclose(
                (after - start) / width, (w - w_min) / (w_max - w_min) - x, rtol=2e-3, err_msg=name
            )


def test_sonos_drifts_by_its_published_polynomials():
    device = make_device(load_device("agrawal_2022").parameters)
    rows = np.array(device.parameters.spread.drift_amperes[1:]) * 1e9
    for day in (1, 5):
        wanted = sum(c * 800.0**k for k, c in enumerate(rows[day - 1]))
        found = device.mean_drift(np.array([800e-9 / 0.1]), day * 86400.0)[0] * 0.1 * 1e9
        assert found == pytest.approx(wanted, rel=1e-6)
    assert len(device.parameters.spread.drift_amperes[1]) == 11


def test_unknown_and_unreadable_devices(tmp_path):
    with pytest.raises(
        ConfigError, match=r"device: expected a known name or a path.*did you mean 'milo_2021'"
    ):
        load_device("milo_2022")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(DataError, match="a readable TOML file"):
        load_device(tmp_path / "bad.toml")
