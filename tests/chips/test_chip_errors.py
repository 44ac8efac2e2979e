"""Every mistake in a chip.toml is told with its file, line and key, all at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurosim.chips import load_chip
from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, FormatError


@pytest.fixture
def text() -> str:
    return load_chip("joshi_2020").text


def broken(tmp_path: Path, text: str, *changes: tuple[str, str]) -> str:
    """The message for a chip.toml in which each pattern (whole lines) was replaced."""
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert count == 1, pattern
    path = tmp_path / "chip.toml"
    path.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        load_chip(path)
    return str(caught.value).replace(str(path), "chip.toml")


def quantity(value: object, unit: str = "1") -> str:
    return f'{{value = {value}, unit = "{unit}", source = "a test", status = "assumed"}}'


def test_unknown_chip_suggests_near_names() -> None:
    with pytest.raises(ConfigError, match=r"got 'joshi2020'; did you mean 'joshi_2020'\?"):
        load_chip("joshi2020")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_options_that_are_not_finite_are_told_by_their_key(value: float) -> None:
    with pytest.raises(ConfigErrors, match=rf"adc.margin: Input should be a finite number, got {value}"):
        load_chip("joshi_2020").with_options(adc__margin=value)


def test_malformed_toml_names_the_line(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r'^kind = "pcm"$', "kind = pcm"))
    assert re.match(r"chip\.toml:11: not valid TOML: ", message)


def test_g_min_not_below_g_max(tmp_path: Path, text: str) -> None:
    g_min = f'kind = "pcm"\ng_min = {quantity(30, "uS")}'
    message = broken(tmp_path, text, (r'^kind = "pcm"$', g_min))
    assert "chip.toml:13: device.g_max_siemens: g_min must be below g_max (3e-05 S >= 2.5e-05 S)" in message


@pytest.mark.parametrize("bits", [0, -8])
def test_converters_of_less_than_one_bit(tmp_path: Path, text: str, bits: int) -> None:
    message = broken(tmp_path, text, (r"^bits = .*$", f"bits = {quantity(bits)}"))
    assert re.search(
        rf"chip\.toml:\d+: dac\.bits: Input should be greater than or equal to 1, got {bits}", message
    )


@pytest.mark.parametrize("rows", [0, -512])
def test_tile_without_rows(tmp_path: Path, text: str, rows: int) -> None:
    message = broken(tmp_path, text, (r"^rows = .*$", f"rows = {quantity(rows)}"))
    assert re.search(rf"chip\.toml:\d+: array\.rows: .*greater than or equal to 1, got {rows}", message)


def test_unknown_key_suggests_near_keys(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r"^t0 = ", "t_0 = "), (r"^subtraction = ", "substraction = "))
    assert "device.drift.t_0_s: unknown key; did you mean 't0_s'?" in message
    assert "cell.substraction: unknown key; did you mean 'subtraction'?" in message


def test_unknown_table_suggests_near_tables(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r"^\[prices\.buffer\]", "[prices.bufer]"))
    assert "prices.bufer: unknown key; did you mean 'buffer'" in message


def test_unknown_device_kind_names_the_known_ones(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r'^kind = "pcm"$', 'kind = "pmc"'))
    assert re.search(r"chip\.toml:11: device.*'pmc'.*'pcm'", message)


def test_a_number_without_a_source(tmp_path: Path, text: str) -> None:
    bare = '{value = 25, unit = "uS"}'
    message = broken(tmp_path, text, (r"^g_max = .*$", f"g_max = {bare}"))
    assert "chip.toml:12: device.g_max: every number needs a source and a status" in message


def test_a_bare_number_is_told_once_and_how_to_write_it(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r"^g_max = .*$", "g_max = 25"))
    assert message.startswith("chip.toml:12: device.g_max: a bare number; write {value = ..., unit = ")
    assert len(message.splitlines()) == 1


def test_an_unknown_unit(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r"^g_max = .*$", f"g_max = {quantity(25, 'uSi')}"))
    assert re.search(r"chip\.toml:12: device\.g_max: 'uSi' is not a known unit; did you mean '\w+'", message)


def test_a_wrong_dimension_is_a_missing_field(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r"^g_max = .*$", f"g_max = {quantity(25, 'V')}"))
    assert "device.g_max_siemens: missing; add it" in message


def test_all_errors_come_at_once(tmp_path: Path, text: str) -> None:
    message = broken(
        tmp_path,
        text,
        (r"^g_max = .*$", f"g_max = {quantity(0, 'uS')}"),
        (r"^rows = .*$", f"rows = {quantity(0)}"),
        (r"^bits = .*$", f"bits = {quantity(0)}"),
        (r"^v_read = .*$", "v_read = 0.3"),
        (r"^coding = .*$", 'coding = "voltage"'),
    )
    lines = message.splitlines()
    assert len(lines) == 5
    assert all(re.match(r"chip\.toml:\d+: [\w.]+: ", line) for line in lines)


def test_prices_without_timing(tmp_path: Path, text: str) -> None:
    start, end = text.index("[periphery]"), text.index("[prices]")
    path = tmp_path / "chip.toml"
    path.write_text(text[:start] + text[end:])
    with pytest.raises(ConfigErrors, match=r"\[periphery\] and \[prices\] go together"):
        load_chip(path)


def test_array_energy_is_physical_or_published_never_both(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r'^array = "physical"$', 'array = "published"'))
    assert 'array = "published" goes with a [prices.core] that covers "array" or a [prices.tile]' in message


def test_read_noise_takes_one_law(tmp_path: Path, text: str) -> None:
    message = broken(tmp_path, text, (r"^q_max = .*\n", ""))
    assert "device.read_noise: give q_scale, q_exponent and q_max, or q_line" in message


def test_format_missing_and_newer(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chip.toml"
    path.write_text(text.replace("format = 1", "format = 2", 1))
    with pytest.raises(FormatError, match=r"expected format 1 or older, got format 2; update neurosim"):
        load_chip(path)
    path.write_text(text.replace("format = 1\n", "", 1))
    with pytest.raises(FormatError, match=r"a line `format = 1`"):
        load_chip(path)


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"expected a readable TOML file"):
        load_chip(path)


def test_unknown_option_suggests_near_options() -> None:
    chip = load_chip("joshi_2020")
    with pytest.raises(ConfigErrors, match=r"option 'drift_compnsation': unknown; did you mean 'drift_comp"):
        chip.with_options(drift_compnsation="none")
    with pytest.raises(ConfigErrors, match=r"option 'adc\.bit': unknown; did you mean 'adc\.bits'"):
        chip.with_options(adc__bit=4)


def test_option_out_of_range() -> None:
    chip = load_chip("joshi_2020")
    with pytest.raises(ConfigErrors, match=r"adc\.bits: Input should be greater than or equal to 1, got 0"):
        chip.with_options(adc__bits=0)
    with pytest.raises(ConfigErrors, match=r"compensation\.drift: .*'global' or 'none'.*got 'local'"):
        chip.with_options(drift_compensation="local")
