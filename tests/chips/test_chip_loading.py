"""The shipped chips say what their papers say, with a source for every number."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from neurosim.chips import Chip, chip_names, load_chip, parse_chip
from neurosim.devices import PcmParameters
from neurosim.foundation.shipped import chips_folder


def test_the_three_first_chips_are_shipped() -> None:
    assert {"hermes", "ideal_float", "joshi_2020"} <= set(chip_names())


@pytest.mark.parametrize("name", chip_names())
def test_each_folder_holds_a_chip_of_its_name_a_citation_and_claims(name: str) -> None:
    chip = load_chip(name)
    assert chip.name == name
    assert chip.folder == chips_folder() / name
    assert (chip.folder / "citation.bib").read_text().strip()
    assert (chip.folder / "claims.toml").is_file()


@pytest.mark.parametrize("name", chip_names())
def test_every_number_has_a_source_and_a_price_has_a_node(name: str) -> None:
    chip = load_chip(name)
    numbers = re.findall(r"^\w+ = .*\d", re.sub(r'".*?"', '""', chip.text), re.MULTILINE)
    assert len(chip.sources) == len([line for line in numbers if not line.startswith("format")])
    assert all(len(source.source) > 3 for source in chip.sources.values())
    assert all(source.node for name, source in chip.sources.items() if name.startswith("prices."))


def test_joshi_2020_device_is_the_published_model() -> None:
    device = load_chip("joshi_2020").device
    assert isinstance(device, PcmParameters)
    assert device.g_max_siemens == pytest.approx(25e-6)
    assert device.programming.sigma_siemens == pytest.approx((0.26348e-6, 1.9650e-6, -1.1731e-6))
    drift, noise, pulses = device.drift, device.read_noise, device.pulses
    assert (drift.t0_s, drift.mu_slope, drift.mu_offset, drift.mu_min, drift.mu_max) == (
        20, -0.0155, 0.0244, 0.049, 0.1,
    )  # fmt: skip
    assert (drift.sigma_slope, drift.sigma_offset, drift.sigma_min, drift.sigma_max) == (
        -0.0125, -0.0059, 0.008, 0.045,
    )  # fmt: skip
    assert (noise.q_scale, noise.q_exponent, noise.q_max) == (0.0088, 0.65, 0.2)
    assert noise.t_read_s == pytest.approx(250e-9)
    assert pulses is not None
    assert pulses.memory_pulses == 2.6
    assert (pulses.mu_0_siemens, pulses.mu_p_siemens) == pytest.approx((0.88e-6, 1.4e-6))
    assert (pulses.sd_0_siemens, pulses.sd_p_siemens) == pytest.approx((0.26e-6, 2.15e-6))


def test_joshi_2020_circuit() -> None:
    chip = load_chip("joshi_2020")
    assert (chip.array.rows, chip.array.columns) == (512, 1024)
    assert (chip.dac.bits, chip.adc.bits) == (8, 8)
    assert (chip.cell.kind, chip.cell.subtraction) == ("differential", "analog")
    assert (chip.compensation.drift, chip.digital.batch_norm) == ("global", "digital")
    assert chip.label == "hypothetical periphery"


def test_ideal_float_has_no_circuit_and_never_splits_a_layer() -> None:
    chip = load_chip("ideal_float")
    assert chip.dac.bits is None
    assert chip.adc.bits is None
    assert chip.read.noise == "none"
    assert chip.prices is None
    assert chip.periphery is None
    assert min(chip.array.rows, chip.array.columns) > 10**9


def test_hermes_device_follows_the_published_piecewise_fit() -> None:
    """Values of aihwkit's HermesNoiseModel(num_devices=2), worked out by hand at both sides of each break."""
    device = load_chip("hermes").device
    assert isinstance(device, PcmParameters)
    assert (device.g_max_siemens, device.drift.t0_s) == (pytest.approx(20.7e-6), 300)
    assert sum(device.programming.sigma_siemens) == pytest.approx(1.09269881e-6)  # at x = 1
    mu, sigma, q = device.drift.mu_above, device.drift.sigma_above, device.read_noise.q_above
    assert mu is not None
    assert sigma is not None
    assert q is not None
    assert (mu.start, sigma.start, q.start) == (0.0945, 0.3055, 0.16)
    assert sum(mu.coefficients) == pytest.approx(0.0174)
    assert sum(sigma.coefficients) == pytest.approx(0.0048)
    assert sum(q.coefficients) == pytest.approx(0.0123)
    assert device.read_noise.q_line is not None
    assert (device.read_noise.q_line.min, device.read_noise.q_line.max) == (0.015, 0.04)


def test_a_chip_is_found_by_file_and_by_folder(tmp_path: Path) -> None:
    (tmp_path / "chip.toml").write_text(load_chip("joshi_2020").text)
    assert load_chip(tmp_path).parameters == load_chip(tmp_path / "chip.toml").parameters


def test_a_chip_cannot_be_changed() -> None:
    chip = load_chip("joshi_2020")
    with pytest.raises(dataclasses.FrozenInstanceError):
        chip.text = ""  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        chip.parameters.array.rows = 3


def test_options_give_a_changed_copy() -> None:
    chip = load_chip("joshi_2020")
    other = chip.with_options(drift_compensation="none", read_noise="independent", adc__bits=6)
    assert (other.compensation.drift, other.read.noise, other.adc.bits) == ("none", "independent", 6)
    assert other.adc.margin == chip.adc.margin
    assert (chip.compensation.drift, chip.adc.bits) == ("global", 8)
    assert other.sources["adc.bits"].source == "an option of this run"
    assert chip.with_options(drift_compensation=False).compensation.drift == "none"
    assert chip.with_options(drift_compensation=None).parameters == chip.parameters


def test_the_text_of_a_chip_reads_back_to_it_options_included() -> None:
    chip = load_chip("joshi_2020").with_options(device__g_max_siemens=2e-5)
    again = parse_chip(chip.toml)
    assert again.parameters == chip.parameters
    assert again.device.g_max_siemens == 2e-5
    assert parse_chip(again.with_options(batch_norm="folded").toml).digital.batch_norm == "folded"
    assert again.with_options(batch_norm="folded").device.g_max_siemens == 2e-5


def test_the_text_of_an_unchanged_chip_is_the_file() -> None:
    chip = load_chip("hermes")
    assert chip.toml == (chips_folder() / "hermes" / "chip.toml").read_text()
    assert isinstance(chip, Chip)
