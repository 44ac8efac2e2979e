"""Records from TOML: quantities with units and sources, and all errors at once with their lines."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from neurosim.foundation.errors import ConfigErrors, DataError, FormatError
from neurosim.foundation.records import Record, load_record


class Adc(Record):
    """A nested table with a choice by `kind`."""

    kind: Literal["adc"] = "adc"
    bits: Annotated[int, Field(ge=1)]


class Comparator(Record):
    """The other choice."""

    kind: Literal["comparator"] = "comparator"
    level_volts: float


class Part(Record):
    """A member of a list."""

    name: str
    area_square_metres: float = 0.0


class Chip(Record):
    """What the tests read."""

    name: str
    g_max_siemens: Annotated[float, Field(gt=0)]
    steps_s: tuple[float, ...] = ()
    ratio: float = 1.0
    reader: Annotated[Adc | Comparator, Field(discriminator="kind")] = Adc(bits=8)
    parts: tuple[Part, ...] = ()


GOOD = """format = 1
name = "a"
g_max = {value = 25, unit = "uS", source = "a paper", status = "found", node = "14 nm", note = "n"}
steps = {value = [1, 2.5], unit = "ms", source = "s", status = "assumed"}
ratio = {value = 40, unit = "%", source = "s", status = "derived"}

[reader]
kind = "comparator"
level = {value = 300, unit = "mV", source = "s", status = "recalled"}

[[parts]]
name = "p"
area = {value = 2, unit = "um2", source = "s", status = "found"}
"""


@pytest.fixture
def write(tmp_path):
    """Writes a chip.toml and returns its path."""

    def make(text: str):
        path = tmp_path / "chip.toml"
        path.write_text(text)
        return path

    return make


def test_quantities_become_si_fields_with_sources(write):
    chip, sources = load_record(write(GOOD), Chip)
    assert chip.g_max_siemens == 25e-6  # exactly: 25 / 1e6, not 25 * 1e-6
    assert chip.steps_s == (0.001, 0.0025)
    assert chip.ratio == pytest.approx(0.4)
    assert chip.reader == Comparator(level_volts=0.3)
    assert chip.parts == (Part(name="p", area_square_metres=2e-12),)
    found = sources["g_max_siemens"]
    assert (found.value, found.unit, found.source, found.status) == (25, "uS", "a paper", "found")
    assert (found.line, found.node) == (3, "14 nm")
    assert set(sources) == {
        "g_max_siemens", "steps_s", "ratio", "reader.level_volts", "parts.0.area_square_metres",
    }  # fmt: skip


def test_records_are_frozen(write):
    chip, _ = load_record(write(GOOD), Chip)
    with pytest.raises(ValidationError, match="frozen"):
        chip.name = "b"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "value = 25",
            "value = -25",
            r"chip.toml:3: g_max_siemens: Input should be greater than 0, got -2.5e-05",
        ),
        ("value = 25", "value = inf", r"chip.toml:3: g_max_siemens: Input should be a finite number"),
        ("value = 25", "value = nan", r"chip.toml:3: g_max_siemens: Input should be a finite number"),
        (
            'value = 25, unit = "uS"',
            'value = 25, unit = "uZ"',
            "chip.toml:3: g_max: 'uZ' is not a known unit; ",
        ),
        (
            'value = 25, unit = "uS"',
            'value = 25, unit = "mV"',
            "chip.toml:3: g_max_volts: unknown key; did you mean",
        ),
        (
            'value = 25, unit = "uS"',
            'value = "x", unit = "uS"',
            "chip.toml:3: g_max_siemens: .*valid number.*got 'x'",
        ),
        (
            'source = "a paper", ',
            "",
            r"chip.toml:3: g_max: every number needs a source and a status \(found, derived",
        ),
        (
            'status = "found", node',
            'status = "sure", node',
            "chip.toml:3: g_max: every number needs a source and a sta",
        ),
        (
            'note = "n"',
            'hint = "n"',
            "chip.toml:3: g_max: unknown key 'hint' in a quantity; known: value, unit, source",
        ),
        ('name = "a"\n', "", "chip.toml:1: name: missing; add it"),
        ('name = "a"', 'nam = "a"', "chip.toml:2: nam: unknown key; did you mean 'name'"),
        ('name = "p"', 'nme = "p"', "chip.toml:12: parts.0.nme: unknown key; did you mean 'name'"),
        ('name = "p"\n', "", "chip.toml:11: parts.0.name: missing; add it"),
        (
            'kind = "comparator"',
            'kind = "adc"\nbits = 0',
            "chip.toml:9: reader.bits: .*greater than or equal to 1, got 0",
        ),
        (
            'kind = "comparator"',
            'kind = "coin"',
            "chip.toml:8: reader.kind: unknown kind 'coin'; known: adc, comp",
        ),
    ],
)
def test_errors_name_file_line_and_key(write, old, new, message):
    assert old in GOOD
    with pytest.raises(ConfigErrors, match=message):
        load_record(write(GOOD.replace(old, new, 1)), Chip)


def test_all_errors_at_once(write):
    text = (
        GOOD.replace("value = 25", "value = -25").replace('"um2"', '"acre"').replace('name = "a"', "name = 3")
    )
    with pytest.raises(ConfigErrors) as caught:
        load_record(write(text), Chip)
    keys = [line.split(": ")[1] for line in caught.value.lines]
    assert {"g_max_siemens", "parts.0.area", "name"} <= set(keys)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("format = 2", "chip.toml: expected format 1 or older, got format 2; update neurosim"),
        ('format = "1"', "expected a line `format = 1`, got '1'; add it at the top"),
        ("format = true", "expected a line `format = 1`, got True"),
        ("", "expected a line `format = 1`, got None"),
    ],
)
def test_formats(write, first, message):
    with pytest.raises(FormatError, match=message):
        load_record(write(GOOD.replace("format = 1", first)), Chip)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="expected a readable TOML file"):
        load_record(tmp_path / "none.toml", Chip)


def test_a_count_of_bits_may_name_its_unit(tmp_path):
    class Widths(Record):
        bits: int

    path = tmp_path / "a.toml"
    path.write_text('format = 1\nbits = {value = 6, unit = "bit", source = "here", status = "assumed"}\n')
    assert load_record(path, Widths)[0].bits == 6
