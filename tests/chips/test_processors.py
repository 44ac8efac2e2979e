"""Digital processors as chips: what their tables must say, and what their peak figures restate."""

import pytest

from neurosim.chips import chip_names, load_chip, parse_chip
from neurosim.costs import chip_figures
from neurosim.foundation.errors import ConfigError, ConfigErrors

PEAKS = {  # operations per second: units x clock x 2, of which a paper's peak is a rounding
    "k40": 4.29e12,
    "p100": 10.6e12,
    "v100": 15.67e12,
    "tpu_v1": 91.8e12,
    "eyeriss": 67.2e9,
    "eie": 102.4e9,
    "dadiannao": 4.96e12,
    "shidiannao": 128e9,
    "neurocube": 160e9,
    "tetris": 3.14e12,
}


def changed(chip, *pairs):
    text = load_chip(chip).text
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def refused(chip, *pairs):
    with pytest.raises(ConfigErrors) as caught:
        parse_chip(changed(chip, *pairs), "chip.toml")
    return str(caught.value)


def test_the_processors_are_these():
    assert [name for name in chip_names() if load_chip(name).is_processor] == sorted(PEAKS)


@pytest.mark.parametrize("name", PEAKS)
def test_peaks_restate_units_and_clock(name):
    chip = load_chip(name)
    assert chip.modes == ("digital",)
    assert chip_figures(chip).ops_per_second == pytest.approx(PEAKS[name], rel=5e-3)
    assert parse_chip(chip.with_options(processor__batch=3).toml).processor.batch == 3


def test_bytes_are_binary_and_bandwidths_decimal():
    own = load_chip("v100").processor
    assert own.dram.capacity_bytes == 16 * 2**30
    assert own.global_buffer.capacity_bytes == 6 * 2**20
    assert own.dram.bandwidth_bytes_per_s == 897e9
    assert load_chip("eyeriss").processor.dram.bandwidth_bytes_per_s == 480e6


def test_a_processor_is_no_chip_of_devices():
    chip = load_chip("v100")
    with pytest.raises(ConfigError, match=r"chip v100: expected a \[device\] table"):
        _ = chip.device
    with pytest.raises(ConfigError, match=r"chip joshi_2020: expected a \[processor\] table"):
        _ = load_chip("joshi_2020").processor


def test_a_processor_has_no_converters_to_time():
    extra = "\n[periphery]\n" + "\n".join(
        f'{name} = {{value = 1, unit = "{unit}", source = "x", status = "assumed"}}'
        for name, unit in (("columns_per_adc", "1"), ("t_conversion", "ns"), ("t_digital", "ns"))
    )
    with pytest.raises(ConfigErrors, match=r"a \[processor\] has no \[device\] and no \[periphery\]"):
        parse_chip(load_chip("v100").text + extra)


def test_weights_and_activations_come_from_somewhere():
    assert 'weights = "resident" needs a weight_capacity' in refused(
        "tpu_v1", ('weights = "streamed"', 'weights = "resident"')
    )
    assert 'weights = "streamed" needs a [processor.dram]' in refused(
        "dadiannao", ('weights = "resident"', 'weights = "streamed"')
    )
    assert 'activations = "streamed" needs a [processor.dram]' in refused(
        "shidiannao", ('activations = "resident"', 'activations = "streamed"')
    )


def test_an_arithmetic_that_the_processor_does_not_have():
    with pytest.raises(ConfigErrors, match=r"no arithmetic 'int8'; choose float32 or float16"):
        load_chip("v100").with_options(processor__arithmetic="int8")
    with pytest.raises(ConfigErrors, match=r"no arithmetic 'float16'; choose float32"):
        load_chip("k40").with_options(processor__arithmetic="float16")


def test_an_unknown_kind_and_a_clock_that_stands_still():
    assert "unknown kind 'systolik'; did you mean 'systolic'?" in refused(
        "tpu_v1", ('"systolic"', '"systolik"')
    )
    assert "processor.clock" in refused("tpu_v1", ("value = 700", "value = 0"))


def test_published_power_needs_the_power_and_a_processor():
    start = load_chip("dadiannao").text.index("leakage = ")
    line = load_chip("dadiannao").text[start:].splitlines()[0]
    assert 'basis = "published" needs the power of a [prices.chip_busy]' in refused("dadiannao", (line, ""))
    power = 'leakage = {value = 1, unit = "W", source = "x", status = "assumed"}'
    text = load_chip("joshi_2020").text.replace("[prices]\n", '[prices]\nbasis = "published"\n')
    with pytest.raises(ConfigErrors, match=r'prices.basis = "published" is of digital processors'):
        parse_chip(text + f"\n[prices.chip_busy]\n{power}\n")
