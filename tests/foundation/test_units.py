"""Units: the fixed table, times as people write them, and numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.foundation.errors import ConfigError
from neurosim.foundation.units import UNITS, format_area, format_si, format_time, parse_time, to_si


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (25, "uS", (25e-6, "siemens")),
        (5, "fJ", (5e-15, "joules")),
        (1.2, "V", (1.2, "volts")),
        (2, "GHz", (2e9, "hertz")),
        (3, "kohm", (3e3, "ohms")),
        (1, "um2", (1e-12, "square_metres")),
        (90, "nm", (9e-8, "metres")),
        (8, "bit", (8, "bits")),
        (2, "kB", (2048, "bytes")),
        (3, "%", (0.03, "")),
        (4, "1", (4, "")),
        (1, "month", (2_592_000, "s")),
    ],
)
def test_to_si(value, unit, expected):
    got, suffix = to_si(value, unit, "x")
    assert got == pytest.approx(expected[0], rel=1e-12)
    assert suffix == expected[1]


def test_units_whose_names_are_near_are_kept_apart():
    assert UNITS["mS"] == (1e-3, "siemens")
    assert UNITS["ms"] == (1e-3, "s")
    assert UNITS["m"] == (1.0, "metres")
    assert UNITS["min"] == (60.0, "s")
    assert UNITS["mW"][0] * 1e9 == pytest.approx(UNITS["MW"][0])


def test_unknown_units():
    with pytest.raises(ConfigError, match="device.g_max: expected a known unit, got 'uSiemens'"):
        to_si(1, "uSiemens", "device.g_max")
    with pytest.raises(ConfigError, match="did you mean .*'Hz'"):
        to_si(1, "hz", "clock")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("25 s", 25), ("1 h", 3600), ("1 day", 86400), ("1 year", 31_536_000), ("2.5e-3 s", 0.0025), ("10", 10),
     ("90 min", 5400), ("3 days", 259_200), ("1 month", 2_592_000), ("5ms", 0.005), (" 1 hour ", 3600),
     (25, 25), (0.5, 0.5), ("+7 d", 604_800), ("1 yr", 31_536_000), ("20 us", 2e-5)],
)  # fmt: skip
def test_parse_time(text, seconds):
    assert parse_time(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "s", "1 2 s", "1.2.3 s", "five s", "nan", "inf", "1 s s", "."])
def test_no_time(text):
    with pytest.raises(
        ConfigError, match="--times: expected a time with its unit, got .*write it like '25 s'"
    ):
        parse_time(text)


@pytest.mark.parametrize("text", ["3 fortnights", "1 m", "2 V", "1 S"])
def test_no_unit_of_time(text):
    with pytest.raises(ConfigError, match="times: expected a unit of time, got .*write it like"):
        parse_time(text, "times")


@pytest.mark.parametrize("text", ["0 s", "-1 h", "0", "1e400 s", "1e308 year", -3])
def test_times_that_are_not_positive_and_finite(text):
    with pytest.raises(ConfigError, match="expected a time greater than zero, got .*end of programming"):
        parse_time(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.2e-9, "3.2 nJ"), (0, "0 J"), (999.4, "999 J"), (999.6, "1 kJ"), (1e-18, "1e-18 J"),
     (-4.56e-7, "-456 nJ"), (5e15, "5e+03 TJ"), (float("inf"), "inf J"), (1, "1 J"), (1.2345, "1.23 J")],
)  # fmt: skip
def test_format_si(value, text):
    assert format_si(value, "J") == text


def test_format_si_with_more_digits():
    assert format_si(999.6, "J", digits=5) == "999.6 J"


@given(st.floats(1e-15, 1e14), st.integers(2, 6))
def test_format_si_keeps_the_value(value, digits):
    number, unit = format_si(value, "J", digits).split(" ")
    assert float(number) * UNITS[unit][0] == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))
    assert 0.999 <= float(number) < 1000


def test_format_area():
    assert format_area(2.5e-6) == "2.5 mm2"
    assert format_area(3e-12) == "3 um2"
    assert format_area(8.926e-9) == "8,930 um2"
    assert format_area(9.9996e-9) == "10,000 um2"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(25, "25 s"), (3600, "1 h"), (86400, "1 day"), (31_536_000, "1 year"), (90, "1.5 min"), (100, "100 s"),
     (2e-8, "20 ns"), (129_600, "1.5 day")],
)  # fmt: skip
def test_format_time(seconds, text):
    assert format_time(seconds) == text
    assert parse_time(text) == pytest.approx(seconds)
