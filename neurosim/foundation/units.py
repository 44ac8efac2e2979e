"""The fixed table of units, and the suffix that names the SI unit in a field's name."""

from __future__ import annotations

import math
import re

from neurosim.foundation.errors import ConfigError, near

_BASE = {
    "S": "siemens",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "F": "farads",
    "Hz": "hertz",
    "ohm": "ohms",
    "m": "metres",
    "K": "kelvin",
    "s": "s",
}
_PREFIX = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9,
           "T": 1e12}  # fmt: skip

# unit text -> (factor to SI, suffix of the field's name)
UNITS: dict[str, tuple[float, str]] = {
    prefix + base: (factor, suffix) for base, suffix in _BASE.items() for prefix, factor in _PREFIX.items()
}
UNITS |= {
    "min": (60.0, "s"), "h": (3600.0, "s"), "day": (86400.0, "s"), "month": (30 * 86400.0, "s"),
    "year": (365 * 86400.0, "s"),
    "m2": (1.0, "square_metres"), "mm2": (1e-6, "square_metres"), "um2": (1e-12, "square_metres"),
    "nm2": (1e-18, "square_metres"),
    "bit": (1, "bits"), "byte": (1, "bytes"), "kB": (1024, "bytes"), "MB": (2**20, "bytes"),
    "GB": (2**30, "bytes"), "MB/s": (1e6, "bytes_per_s"), "GB/s": (1e9, "bytes_per_s"), "1": (1, ""), "%": (0.01, ""),
    "eV": (1.602176634e-19, "joules"),  # the elementary charge, exact in the SI
    "mV um": (1e-9, "volt_metres"), "mV/K": (1e-3, "volts_per_kelvin"),
}  # fmt: skip
_ALIASES = {
    "second": "s", "seconds": "s", "sec": "s", "minute": "min", "minutes": "min", "hour": "h", "hours": "h",
    "d": "day", "days": "day", "months": "month", "y": "year", "yr": "year", "years": "year",
}  # fmt: skip


def to_si(value: float, unit: str, where: str) -> tuple[float, str]:
    """`value` in SI units, and the suffix naming that unit; ConfigError for an unknown unit."""
    if unit not in UNITS:
        raise ConfigError(where, "a known unit", repr(unit), near(unit, UNITS))
    factor, suffix = UNITS[unit]
    return (value * factor if factor != 1 else value), suffix


def parse_time(text: str | float, where: str = "--times") -> float:
    """Seconds from text such as '25 s', '1 h', '1 day', '1 year' (365 days); a bare number is seconds.

    Raises ConfigError for anything else, and for times that are not positive and finite.
    """
    match = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*", str(text))
    remedy = "write it like '25 s', '1 h', '1 day' or '1 year'"
    if match is None:
        raise ConfigError(where, "a time with its unit", repr(text), remedy)
    unit = _ALIASES.get(match[2], match[2] or "s")
    if UNITS.get(unit, (0, ""))[1] != "s":
        raise ConfigError(where, "a unit of time", repr(match[2]), remedy)
    try:
        seconds = float(match[1]) * UNITS[unit][0]
    except ValueError:
        raise ConfigError(where, "a time with its unit", repr(text), remedy) from None
    if not (math.isfinite(seconds) and seconds > 0):
        remedy = "times count from the end of programming"
        raise ConfigError(where, "a time greater than zero", repr(text), remedy)
    return seconds


_STEPS = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"),
          (1e-12, "p"), (1e-15, "f")]  # fmt: skip


def format_si(value: float, unit: str, digits: int = 3) -> str:
    """A value with an engineering prefix: format_si(3.2e-9, 'J') == '3.2 nJ'."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    rounds_up = 1 - 0.5 * 10.0**-digits  # 999.6 with three digits is the next prefix's 1
    for factor, prefix in _STEPS:
        if abs(value) >= factor * rounds_up:
            return f"{value / factor:.{digits}g} {prefix}{unit}"
    return f"{value:.{digits}g} {unit}"


def format_area(square_metres: float) -> str:
    """An area in mm2 or um2, whichever reads better."""
    if square_metres >= 1e-8:
        return f"{square_metres * 1e6:.3g} mm2"
    return f"{float(f'{square_metres * 1e12:.3g}'):,g} um2"  # 8,930, not 8.93e+03


def format_time(seconds: float) -> str:
    """A time in the largest unit that divides it to a short number: 86400 -> '1 day'."""
    for unit in ("year", "day", "h", "min"):
        count = seconds / UNITS[unit][0]
        if count >= 1 and abs(count - round(count, 2)) < 1e-9:
            return f"{count:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 else format_si(seconds, "s")
