"""TrueNorth's figures fit each other, and a chip of cores may leave the tables of devices out."""

from __future__ import annotations

import pytest

from neurosim.chips import load_chip, parse_chip
from neurosim.foundation.errors import ConfigError, ConfigErrors

NEURONS, SYNAPSES = 2**20, 128  # that the published operating points are about


def test_events_and_cores_are_two_parts_of_the_published_power() -> None:
    chip = load_chip("truenorth")
    assert chip.prices is not None
    event, core, whole = chip.prices.event, chip.prices.core_static, chip.prices.chip_static
    assert event is not None
    assert core is not None
    assert whole is not None

    def watts(hertz: float) -> float:
        return event.energy_joules * hertz * NEURONS * SYNAPSES + whole.leakage_watts

    # the two points of the sweep at 0.8 V that they come from
    assert watts(11.58) == pytest.approx(68e-3, rel=0.01)
    assert watts(95.93) == pytest.approx(94e-3, rel=0.01)
    # a core's is the chip's, and the "26 pJ per synaptic event" is both together at 20 Hz, not a third part
    assert core.leakage_watts * chip.core.cores == pytest.approx(whole.leakage_watts, rel=0.01)
    assert watts(20) / (20 * NEURONS * SYNAPSES) == pytest.approx(26e-12, rel=0.02)
    assert watts(20) == pytest.approx(72e-3, rel=0.03)
    assert "hop" in event.covers
    assert chip.prices.hop is None
    assert core.area_square_metres == pytest.approx(240e-6 * 390e-6)


def test_truenorth_has_cores_and_no_devices() -> None:
    chip = load_chip("truenorth")
    assert chip.has_cores
    assert chip.modes == ("spiking",)
    core = chip.core
    assert (core.axons, core.neurons, core.axon_types, core.cores, core.t_tick_s) == (256, 256, 4, 4096, 1e-3)
    for table in ("device", "read"):
        with pytest.raises(
            ConfigError, match=rf"chip truenorth: expected a \[{table}\] table, got none: its synapses"
        ):
            getattr(chip, table)
    with pytest.raises(
        ConfigError, match=r"chip hermes: expected a \[core\] table, got none; choose a chip with cores"
    ):
        _ = load_chip("hermes").core


def test_the_memristive_variant_is_truenorth_with_joshis_devices() -> None:
    pcm, joshi, digital = load_chip("truenorth_pcm"), load_chip("joshi_2020"), load_chip("truenorth")
    assert pcm.core == digital.core
    assert pcm.device == joshi.device.model_copy(update={"pulses": None})
    assert pcm.prices is not None
    assert digital.prices is not None
    assert pcm.prices.event == digital.prices.event
    # what is taken over says so
    assert pcm.sources["prices.event.energy_joules"].status == "assumed"
    assert "hypothetical" in pcm.label


BARE = """format = 1
name = "bare"
title = "cores"
node = "none"
label = "no circuit"
[core]
axons = {value = 256, source = "a test", status = "assumed"}
neurons = {value = 256, source = "a test", status = "assumed"}
axon_types = {value = 4, source = "a test", status = "assumed"}
weight_bits = {value = 9, source = "a test", status = "assumed"}
v_bits = {value = 20, source = "a test", status = "assumed"}
delay_ticks = {value = 15, source = "a test", status = "assumed"}
cores = {value = 16, source = "a test", status = "assumed"}
t_tick = {value = 1, unit = "ms", source = "a test", status = "assumed"}
"""


def test_a_chip_of_cores_may_leave_devices_out_or_give_them_whole() -> None:
    chip = parse_chip(BARE)
    assert parse_chip(chip.toml).core == chip.core
    with pytest.raises(ConfigErrors, match=r"read.v_read_volts: missing; add it"):
        parse_chip(BARE + '[device]\nkind = "ideal"\n'
                   'g_max = {value = 25, unit = "uS", source = "a test", status = "assumed"}\n')  # fmt: skip
    without = BARE[: BARE.index("[core]")]
    with pytest.raises(ConfigErrors, match=r"array.rows: missing; add it"):
        parse_chip(without)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "axon_types = {value = 4",
            "axon_types = {value = 5",
            r"core.axon_types: .*less than or equal to 4, got 5",
        ),
        ("axons = {value = 256", "axons = {value = 512", r"core.axons: .*less than or equal to 256, got 512"),
        (
            "delay_ticks = {value = 15",
            "delay_ticks = {value = 16",
            r"core.delay_ticks: .*equal to 15, got 16",
        ),
        ("delay_ticks = {value = 15", "delay_ticks = {value = 0", r"core.delay_ticks: .*equal to 1, got 0"),
        ("cores = {value = 16", "cores = {value = 0", r"core.cores: .*greater than or equal to 1, got 0"),
    ],
)
def test_cores_have_limits(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message):
        parse_chip(BARE.replace(old, new))
