"""Mistakes in the converters of a chip.toml are told with file, line and key."""

import re

import pytest

from neurosim.chips import load_chip
from neurosim.foundation.errors import ConfigErrors

BITS = "bits = {value = 8"


def quantity(value):
    return f'{{value = {value}, source = "a test", status = "assumed"}}'


def broken(tmp_path, table, *lines, without=()):
    """The message for joshi_2020 with lines added to a table (and lines of it left out), and that table's line."""
    text = load_chip("joshi_2020").text
    head, rest = text.split(f"[{table}]\n")
    own, *others = rest.split("\n\n")
    kept = [line for line in own.splitlines() if not line.startswith(without or "\0")]
    text = "\n\n".join(["\n".join([f"{head}[{table}]", *lines, *kept]), *others])
    path = tmp_path / "chip.toml"
    path.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        load_chip(path)
    number = text.splitlines().index(f"[{table}]") + 1
    return str(caught.value).replace(str(path), "chip.toml"), number


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ['kind = "sar"', f"capacitor_mismatch = {quantity(-0.1)}"],
            "adc.capacitor_mismatch: .*greater than or equal",
        ),
        (['kind = "flash"'], "adc.kind: .*'uniform', 'ramp', 'sar' or 'table'"),
        ([f"capacitor_mismatch = {quantity(0.1)}"], 'adc: capacitor_mismatch is of kind = "sar"'),
        (
            ['kind = "table"', f"inl = {quantity([0.1, 0.2])}"],
            "adc: inl of a converter of 8 bits has 255 val.*got 2",
        ),
        (['range = "fixed"'], "adc: .*full_scale, a share of the largest: give both, or neither"),
        ([f"comparator_noise = {quantity(-1)}"], "adc.comparator_noise: .*greater than or equal to 0"),
    ],
)
def test_mistakes_of_an_adc(tmp_path, lines, message):
    told, number = broken(tmp_path, "adc", *lines)
    lines_at = {int(n) for n in re.findall(r"chip\.toml:(\d+): ", told)}
    assert re.search(message, told)
    assert lines_at <= {number, number + 1, number + 2}


def test_a_converter_of_a_kind_needs_bits(tmp_path):
    told, number = broken(tmp_path, "adc", 'kind = "sar"', without=("bits",))
    assert (
        f"chip.toml:{number}: adc: kind and comparator_noise are of a converter with bits: add bits" in told
    )


@pytest.mark.parametrize("line", ['kind = "sar"', f"comparator_noise = {quantity(0.5)}", 'range = "maximum"'])
def test_a_dac_is_ideal(tmp_path, line):
    told, number = broken(tmp_path, "dac", line)
    assert f"chip.toml:{number}: dac: a DAC is uniform, without noise" in told
