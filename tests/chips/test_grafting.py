"""Chips with the devices of another technology."""

import numpy as np
import pytest

from neurosim.chips import load_chip, parse_chip
from neurosim.chips.grafting import with_device, with_fitted
from neurosim.devices.fitted_toml import Fitted
from neurosim.devices.fitting import fit_pulses
from neurosim.devices.fitting_laws import gradual_laws
from neurosim.devices.measured import Ramps
from neurosim.devices.shipped import device_names, load_device
from neurosim.foundation.errors import ConfigError, ConfigErrors


@pytest.mark.parametrize("base", ["joshi_2020", "hermes", "rram_pairs", "valentian_2019"])
def test_every_device_goes_into_a_chip_and_the_circuit_stays(base):
    chip = load_chip(base)
    for name in device_names():
        device = load_device(name)
        if device.parameters.states == 2 and chip.cell.levels != "binary":
            with pytest.raises(ConfigErrors, match="a device of 2 states cannot hold such weights"):
                with_device(chip, device)
            continue
        made = with_device(chip, device)
        assert made.device == device.parameters
        assert made.name == f"{base}_{name}"
        assert name in made.label
        assert made.sources["device.g_max_siemens"].source == device.sources["device.g_max_siemens"].source
        own, its = made.parameters.model_dump(), chip.parameters.model_dump()
        assert {k: v for k, v in own.items() if k not in ("name", "title", "label", "device")} == {
            k: v for k, v in its.items() if k not in ("name", "title", "label", "device")
        }
        assert parse_chip(made.toml).parameters == made.parameters


def test_slices_need_no_more_levels_than_a_device_has_states():
    device = load_device("sram_8t")
    sliced = {"cell__weight_bits": 9, "cell__slices": 2}
    with_device(load_chip("joshi_2020").with_options(**sliced, cell__bits_per_cell=4), device)
    with pytest.raises(ConfigErrors, match="a device of 16 states cannot hold such weights"):
        with_device(load_chip("joshi_2020").with_options(**sliced, cell__bits_per_cell=5), device)


def test_options_stay_and_those_of_the_device_are_refused():
    device = load_device("milo_2021")
    assert with_device(load_chip("joshi_2020").with_options(adc__bits=6), device).adc.bits == 6
    with pytest.raises(
        ConfigError, match=r"no options of the device that is replaced, got device.g_max_siemens"
    ):
        with_device(load_chip("joshi_2020").with_options(device__g_max_siemens=2e-5), device)
    with pytest.raises(ConfigError, match="choose a chip with memristive devices"):
        with_device(load_chip("truenorth"), device)


def test_a_chip_s_file_serves_as_a_device(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(with_device(load_chip("hermes"), load_device("tang_2018")).toml)
    assert (
        with_device(load_chip("joshi_2020"), load_device(path)).device == load_device("tang_2018").parameters
    )


def test_a_fitted_device_is_written_with_its_sources():
    x = np.linspace(0, 1, 60)
    rng = np.random.default_rng(0)
    ramps = Ramps(tuple((10 + 80 * x + rng.standard_normal(60)) * 1e-6 for _ in range(5)), (True,) * 5)
    laws = [law for law in gradual_laws() if law.name == "constant step"]
    fit = fit_pulses(ramps, "test", laws=laws)
    made = with_fitted(load_chip("joshi_2020"), Fitted("rram", "fitted to mine.csv", fit), "mine")
    device = made.device
    assert device.g_min_siemens == pytest.approx(fit.low, rel=1e-5)
    assert device.pulses.step_up == pytest.approx(fit.best.values["step_up"], rel=1e-5)
    assert device.pulses.step_up * (device.g_max_siemens - device.g_min_siemens) == pytest.approx(
        80e-6 / 59, rel=0.03
    )
    assert device.pulses.step_down == device.pulses.step_up
    assert made.sources["device.pulses.step_up"].status == "derived"
    assert "fitted to mine.csv, standard error" in made.sources["device.pulses.step_up"].source
    assert made.sources["device.pulses.step_down"].status == "assumed"
    assert device.read_noise_floor_siemens == pytest.approx(1e-6, rel=0.4)


def test_only_pulses_of_pcm_are_fitted():
    with pytest.raises(ConfigError, match="phase-change devices, whose pulses alone are fitted"):
        with_fitted(load_chip("rram_pairs"), Fitted("pcm", "x"), "mine")
    with pytest.raises(ConfigError, match="ramps of partial SET pulses, got a read-back alone"):
        with_fitted(load_chip("joshi_2020"), Fitted("pcm", "x"), "mine")
