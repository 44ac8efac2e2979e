"""What a conversion costs and how long it takes: figure of merit, scaled prices, clocks of ramps and searches."""

import pytest

from neurosim.chips import load_chip, parse_chip
from neurosim.costs import latency
from neurosim.costs.tags import energy_price, price_amount
from neurosim.costs.timing import conversion_s, conversions_per_read
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigErrors

GIVEN = 'source = "a test", status = "found"'
ENERGY = r"energy = {value = 1.40625"


def layer(columns=1024, polarities=1, phases=1):
    return LayerGeometry("a", 512, columns, 1, 1, phases, polarities, 2, (512,), (columns,), 512 * columns)


def chip_with(*changes, **options):
    text = load_chip("joshi_2020").text
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_chip(text).with_options(**options)


def by_merit(**options):
    """Joshi's chip whose ADC costs 5 fJ per conversion step."""
    return chip_with((ENERGY + ', unit = "pJ"', 'figure_of_merit = {value = 5, unit = "fJ"'), **options)


def test_a_conversion_by_the_figure_of_merit_costs_a_step_for_every_code():
    tag = energy_price(by_merit(), "adc", "conversions")
    assert tag.value == pytest.approx(5e-15 * 256)
    assert tag.name == "adc.energy"
    assert "5e-15 J per step x 2^8 (Walden 1999)" in tag.source
    assert tag.status == "derived"
    assert energy_price(by_merit(adc__bits=6), "adc", "").value == pytest.approx(tag.value / 4)


def test_a_fixed_figure_holds_whatever_the_bits():
    for bits in (4, 8):
        chip = chip_with(("reference_bits = {value = 8", "# {value = 8"), adc__bits=bits)
        assert energy_price(chip, "adc", "").value == 1.40625e-12
        assert price_amount(chip, "adc", "area_square_metres").value == pytest.approx(1200e-12)


def test_prices_with_reference_bits_follow_the_bits():
    same, fewer = load_chip("joshi_2020"), chip_with(adc__bits=6)
    for quantity in ("energy_joules", "area_square_metres", "leakage_watts"):
        before, after = price_amount(same, "adc", quantity), price_amount(fewer, "adc", quantity)
        assert after.value == pytest.approx(before.value / 4)
        assert before.source == load_chip("joshi_2020").sources[f"prices.adc.{quantity}"].source
        assert after.source.startswith("x 2^-2, from 8 to 6 bits; ")
    assert price_amount(same, "adc", "area_square_metres").status == "found"
    assert price_amount(fewer, "adc", "area_square_metres").status == "derived"


def test_the_energy_of_a_conversion_is_given_once():
    text = load_chip("joshi_2020").text.replace(
        "[prices.adc]\n", f'[prices.adc]\nfigure_of_merit = {{value = 5, unit = "fJ", {GIVEN}}}\n'
    )
    with pytest.raises(ConfigErrors, match=r"chip.toml:\d+: prices.adc: .*give one of them"):
        parse_chip(text, "chip.toml")


def test_a_ramp_converts_all_its_columns_at_once():
    chip = chip_with(adc__kind="ramp", adc__t_clock_s=1e-9)
    assert conversion_s(chip, chip.periphery) == pytest.approx(256e-9)
    assert conversions_per_read(layer(polarities=2), chip, chip.periphery) == 1
    assert latency([layer()], chip).image_s == pytest.approx(250e-9 + 256e-9 + 5e-9)
    fewer = chip.with_options(adc__bits=6)
    assert latency([layer()], fewer).image_s == pytest.approx(250e-9 + 64e-9 + 5e-9)


def test_a_search_takes_a_clock_for_each_bit_and_one_to_sample():
    chip = chip_with(adc__kind="sar", adc__t_clock_s=1e-9)
    assert conversion_s(chip, chip.periphery) == pytest.approx(9e-9)
    assert conversions_per_read(layer(polarities=2), chip, chip.periphery) == 2 * 128  # 1,024 columns, 8 ADCs
    assert latency([layer()], chip).image_s == pytest.approx(250e-9 + 128 * 9e-9 + 5e-9)


def test_fewer_columns_per_adc_convert_sooner():
    times = [latency([layer()], chip_with(periphery__columns_per_adc=n)).image_s for n in (1, 8, 128, 1024)]
    assert times == pytest.approx([255e-9 + n * 0.78125e-9 for n in (1, 8, 128, 1024)])


def test_a_conversion_needs_a_time():
    text = load_chip("joshi_2020").text
    line = next(line for line in text.splitlines() if line.startswith("t_conversion"))
    with pytest.raises(ConfigErrors, match="periphery.t_conversion is missing; add it, or t_clock"):
        parse_chip(text.replace(line, ""), "chip.toml")
    clock = f'[adc]\nkind = "sar"\nt_clock = {{value = 1, unit = "ns", {GIVEN}}}\n'
    clocked = parse_chip(text.replace(line, "").replace("[adc]\n", clock))
    assert conversion_s(clocked, clocked.periphery) == pytest.approx(9e-9)
