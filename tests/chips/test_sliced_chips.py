"""What a chip.toml may say of slices and phases, told with file, line and key; isaac and prime as described."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurosim.chips import load_chip
from neurosim.circuits.cells import column_bits
from neurosim.foundation.errors import ConfigErrors


def broken(tmp_path: Path, *changes: tuple[str, str]) -> str:
    """The message for isaac's chip.toml in which each pattern (whole lines) was replaced."""
    text = load_chip("isaac").text
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert count == 1, pattern
    path = tmp_path / "chip.toml"
    path.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        load_chip(path)
    return str(caught.value).replace(str(path), "chip.toml")


def number(value: int) -> str:
    return f'{{value = {value}, source = "a test", status = "assumed"}}'


def line_of(table: str) -> int:
    return load_chip("isaac").text.splitlines().index(table) + 1


def test_slices_that_do_not_cover_the_weight(tmp_path: Path) -> None:
    message = broken(tmp_path, (r"^slices = .*$", f"slices = {number(7)}"))
    assert message == (
        f"chip.toml:{line_of('[cell]')}: cell: 7 slices of 2 bits do not cover the 16 bits of a weight: give at least "
        "8 slices, or fewer weight_bits"
    )


def test_more_phases_than_bits(tmp_path: Path) -> None:
    message = broken(tmp_path, (r"^phases = .*$", f"phases = {number(17)}"))
    assert message == (
        f"chip.toml:{line_of('[read]')}: read: 17 phases are more than the 16 bits of an input"
    )


def test_a_tiles_figure_goes_with_the_published_array(tmp_path: Path) -> None:
    message = broken(tmp_path, (r'^array = "published"$', 'array = "physical"'))
    assert 'array = "published" goes with a [prices.core] that covers "array" or a [prices.tile]' in message
    message = broken(tmp_path, (r"^covers = .*$", 'covers = ["driver"]'))
    assert '[prices.tile] is the figure of a read of a whole tile: its `covers` names "array"' in message
    message = broken(
        tmp_path, (r"^\[prices.dac\]$", '[prices.core]\ncovers = ["dac", "driver"]\n\n[prices.dac]')
    )
    assert "'driver' is covered by two published figures: leave it to one of them" in message


def test_isaac_is_the_papers_arithmetic() -> None:
    chip = load_chip("isaac")
    # section V of the paper: 9 bits for 128 rows, 2-bit cells and 1-bit inputs, 8 with the flipped encoding
    assert column_bits(chip.cell, chip.read, chip.array.rows, True) == 8 == chip.adc.bits
    assert column_bits(chip.with_options(cell__encoding="plain").cell, chip.read, 128, True) == 9
    assert chip.array.columns * chip.cell.slices == 128
    assert chip.device.g_max_siemens == pytest.approx(1 / 1333, rel=1e-4)
    assert chip.device.g_min_siemens == pytest.approx(1 / 20000)


def test_prime_composes_two_phases_and_two_slices() -> None:
    chip = load_chip("prime")
    assert chip.read.bits_per_phase == 3 == chip.dac.bits
    assert chip.array.columns * chip.cell.slices == 256
    capacity = chip.parameters.capacity
    assert capacity is not None
    assert capacity.tiles * 2 * 256 * 256 == pytest.approx(2.7e8, rel=0.01)
