"""Axes: lists, ranges, units, and everything that can be wrong with one."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.sweep.axes import AxisError, flat_axes, parse_axis, require_distinct


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ([4, 6, 8], (4, 6, 8)),
        ({"from": 4, "to": 8, "step": 2}, (4, 6, 8)),
        ({"from": 8, "to": 4, "step": -2}, (8, 6, 4)),
        ({"from": 0.1, "to": 0.5, "step": 0.1}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ({"from": 0, "to": 1, "step": 0.4}, (0, 0.4, 0.8)),
        ({"from": 0, "to": 1, "count": 3}, (0, 0.5, 1)),
        ({"from": 1, "to": 1000, "count": 4, "scale": "log"}, (1, 10, 100, 1000)),
        ({"from": 3, "to": 3, "count": 1}, (3,)),
        ({"values": ["a", "b"], "name": "letter"}, ("a", "b")),
    ],
)
def test_lists_and_ranges(spec: Any, values: tuple[Any, ...]) -> None:
    axis = parse_axis("adc.bits", spec)
    assert axis.values == values
    assert axis.key == "adc.bits"
    assert axis.name == (spec["name"] if isinstance(spec, dict) and "name" in spec else "adc.bits")


@given(st.integers(-50, 50), st.integers(1, 40), st.sampled_from([0.1, 0.25, 0.3, 1, 7, 1e-6]))
def test_a_range_holds_its_end(start: int, steps: int, step: float) -> None:
    values = parse_axis("a.b", {"from": start, "to": start + steps * step, "step": step}).values
    assert len(values) == steps + 1
    assert values[-1] == pytest.approx(start + steps * step, rel=1e-9, abs=1e-9)
    gaps = [b - a for a, b in itertools.pairwise(values)]
    assert all(math.isclose(gap, step, rel_tol=1e-4) for gap in gaps)


def test_whole_numbers_stay_whole() -> None:
    assert all(type(value) is int for value in parse_axis("adc.bits", {"from": 4, "to": 8, "step": 1}).values)


@pytest.mark.parametrize(
    "spec", [{"values": [10, 25], "unit": "uS"}, ["10 uS", "25 uS"], ["10e-6 S", "0.025 mS"]]
)
def test_units_become_si(spec: Any) -> None:
    axis = parse_axis("device.g_max", spec)
    assert axis.key == "device.g_max_siemens"
    assert axis.values == (1e-5, 2.5e-5)


def test_a_key_that_has_its_unit_keeps_its_name() -> None:
    assert parse_axis("device.g_max_siemens", {"values": [10], "unit": "uS"}).key == "device.g_max_siemens"
    assert parse_axis("adc.bits", {"values": [4], "unit": "bit"}) == parse_axis("adc.bits", [4])
    assert parse_axis("adc.kind", ["sar", "ramp"]).values == ("sar", "ramp")  # words are no quantities


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "an empty list: no point would be left"),
        (4, r"a list of values is needed, got 4; a single one belongs in \[run\] or \[options\]"),
        ([{}], "numbers, texts, true or false are needed"),
        ([math.nan], "finite numbers are needed, got nan"),
        ({"valus": [4]}, "unknown key 'valus'; did you mean 'values'"),
        ({"values": [4], "step": 1}, "values and step: give a list or a range, not both"),
        ({"from": 1, "count": 3}, "to missing"),
        ({"from": 1, "to": 2}, "a range needs step or count"),
        ({"from": 1, "to": 2, "step": 1, "count": 2}, "a range needs step or count, one of them"),
        ({"from": 1, "to": 2, "step": -1}, "an empty range"),
        ({"from": 1, "to": 2, "step": 0}, "an empty range"),
        ({"from": 1, "to": 2, "count": 0}, "an empty range"),
        ({"from": 1, "to": 2, "count": 1}, "needs at least 2 values"),
        ({"from": 1, "to": "2", "count": 2}, "to: a number is needed, got '2'"),
        ({"from": 0, "to": 2, "count": 3, "scale": "log"}, "needs ends greater than zero"),
        ({"from": 1, "to": 2, "step": 1, "scale": "log"}, "scale 'log' goes with count"),
        ({"from": 1, "to": 2, "count": 2, "scale": "logg"}, "scale: 'linear' or 'log' is needed, got 'logg'"),
        ({"from": 0, "to": 1, "step": 1e-9}, r"1,000,000,001 values; at most 10,000,000"),
        ({"values": [1], "unit": "uX"}, "unit: 'uX' is not a known unit; did you mean"),
        ({"values": ["a"], "unit": "uS"}, "unit: goes with numbers alone"),
        (["10 uS", "10 mV"], "units of different kinds: siemens, volts"),
        ({"values": [1], "name": "no name"}, "name: a word is needed, got 'no name'"),
    ],
)
def test_what_is_no_axis(spec: Any, message: str) -> None:
    with pytest.raises(AxisError, match=message):
        parse_axis("device.g", spec)


def test_no_point_is_run_twice() -> None:
    with pytest.raises(AxisError, match="a value stands there twice"):
        require_distinct((parse_axis("adc.bits", [4, 4.0]),))
    require_distinct((parse_axis("adc.bits", [4, 4]), parse_axis("dac.bits", [6, 8])))
    require_distinct((parse_axis("a.b", [True, 1, "1", [1]]),))


def test_dotted_keys_are_tables() -> None:
    nested = {
        "adc": {"bits": [4], "kind": ["sar"]},
        "device": {"g": {"from": 1, "to": 2, "count": 2}},
        "chip": ["a"],
    }
    assert [key for key, _ in flat_axes(nested)] == ["adc.bits", "adc.kind", "device.g", "chip"]
    # a table with a key of ranges is an axis, also where another key is mistyped
    assert list(flat_axes({"device": {"g": {"from": 1, "tto": 2}}})) == [("device.g", {"from": 1, "tto": 2})]
