"""The axes of a sweep: lists and ranges of values, with units, alone or zipped with others."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.foundation.errors import near
from neurosim.foundation.units import UNITS

MOST_VALUES = 10_000_000  # of one axis: they are held in memory
SPEC = ("values", "from", "to", "step", "count", "scale", "unit", "name")
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z%]\w*|%)\s*")
_NAME = re.compile(r"[A-Za-z_][\w.\-]*")


class AxisError(ValueError):
    """What is wrong with an axis; the reader adds file, line and key."""


@dataclass(frozen=True)
class Axis:
    """One quantity that a sweep varies.

    key : an argument of `neurosim.run`, or a dotted key of the chip in SI units ("device.g_max_siemens")
    name : of its column in the table
    values : in the order of the table, numbers in SI units
    written : the key as the file has it
    line : of the key in the file
    """

    key: str
    name: str
    values: tuple[Any, ...]
    written: str
    line: int = 1

    def __len__(self) -> int:
        return len(self.values)


Group = tuple[Axis, ...]  # axes that go together, all of one length


def flat_axes(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and what stands there: `adc.bits = [4, 6]` and `"adc.bits" = [4, 6]` are the same axis."""
    for key, value in table.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, Mapping) and (not value or not set(value) <= set(SPEC)) and _is_table(value):
            yield from flat_axes(value, dotted + ".")
        else:
            yield dotted, value


def _is_table(value: Mapping[str, Any]) -> bool:
    """Whether a table holds further axes, and is no description of one with a key mistyped."""
    return not set(value) & set(SPEC)


def parse_axis(written: str, spec: Any, line: int = 1) -> Axis:
    """An axis from a list, or from a table: {values = [...]}, {from, to, step} or {from, to, count, scale}, each with
    `unit` and `name` where wanted. The end of a range belongs to it.

    Raises AxisError.
    """
    table = spec if isinstance(spec, Mapping) else {"values": spec}
    for key in table:
        if key not in SPEC:
            raise AxisError(f"unknown key {key!r}; {near(key, SPEC)}")
    values = _listed(table["values"]) if "values" in table else _range(table)
    if "values" in table and (extra := sorted({"from", "to", "step", "count", "scale"} & set(table))):
        raise AxisError(f"values and {', '.join(extra)}: give a list or a range, not both")
    name = table.get("name")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise AxisError(f"name: a word is needed, got {name!r}")
    key, values = _in_si(written, values, table.get("unit"))
    return Axis(key, str(name or key), values, written, line)


def require_distinct(group: Group) -> None:
    """Refuse axes that would have a point run twice; AxisError."""
    together = list(zip(*([_same(value) for value in axis.values] for axis in group), strict=False))
    if len(set(together)) < len(together):
        raise AxisError("a value stands there twice; each point would be run twice")


def _same(value: Any) -> Any:
    """What tells values apart: 1 and 1.0 are the same, 1 and true are not."""
    return (isinstance(value, bool), tuple(value) if isinstance(value, list) else value)


def _listed(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list):
        raise AxisError(
            f"a list of values is needed, got {values!r}; a single one belongs in [run] or [options]"
        )
    if not values:
        raise AxisError("an empty list: no point would be left; give it values, or leave it out")
    for value in values:
        whole = isinstance(value, list) and all(isinstance(item, int | float) for item in value)
        if not isinstance(value, str | int | float) and not whole:
            raise AxisError(f"numbers, texts, true or false are needed, got {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise AxisError(f"finite numbers are needed, got {value!r}")
    return tuple(values)


def _range(table: Mapping[str, Any]) -> tuple[float, ...]:
    """Values from `from` to `to`, both included; whole numbers stay whole."""
    if missing := [key for key in ("from", "to") if key not in table]:
        raise AxisError(
            f"{' and '.join(missing)} missing; write values = [...], or from, to and step or count"
        )
    if ("step" in table) == ("count" in table):
        raise AxisError("a range needs step or count, one of them")
    for key in ("from", "to", "step", "count"):
        number = table.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise AxisError(f"{key}: a number is needed, got {number!r}")
    scale = table.get("scale", "linear")
    if scale not in ("linear", "log"):
        raise AxisError(f"scale: 'linear' or 'log' is needed, got {scale!r}")
    return _steps(table, scale) if "step" in table else _counted(table, scale)


def _steps(table: Mapping[str, Any], scale: str) -> tuple[float, ...]:
    start, stop, step = table["from"], table["to"], table["step"]
    if scale == "log":
        raise AxisError("scale 'log' goes with count, not with step")
    if step == 0 or (stop - start) / step < 0:
        raise AxisError(f"no value lies between {start} and {stop} in steps of {step}: an empty range")
    slack = 4 * sys.float_info.epsilon * (abs(start) + abs(stop)) / abs(step)  # of the division, by rounding
    steps = math.floor((stop - start) / step + min(slack, 0.5))
    _affordable(steps + 1)
    return tuple(_clean(start + number * step) for number in range(steps + 1))


def _counted(table: Mapping[str, Any], scale: str) -> tuple[float, ...]:
    start, stop, count = table["from"], table["to"], table["count"]
    if not isinstance(count, int) or count < 1:
        raise AxisError(f"count: a whole number of at least 1 is needed, got {count!r}: an empty range")
    if count == 1 and start != stop:
        raise AxisError("count: a range with two ends needs at least 2 values")
    if scale == "log" and not (start > 0 and stop > 0):
        raise AxisError("scale 'log' needs ends greater than zero")
    _affordable(count)
    parts = [number / max(count - 1, 1) for number in range(count)]
    if scale == "log":
        inner = [_clean(start * (stop / start) ** part) for part in parts[1:-1]]
    else:
        inner = [_clean(start + (stop - start) * part) for part in parts[1:-1]]
    return (start, *inner, stop)[:count]


def _clean(value: float) -> float:
    """Without the last digits' rounding: 0.1 + 2 * 0.1 reads 0.3."""
    return value if isinstance(value, int) else float(f"{value:.12g}")


def _affordable(count: int) -> None:
    if count > MOST_VALUES:
        raise AxisError(f"{count:,} values; at most {MOST_VALUES:,} are possible")


def _in_si(key: str, values: tuple[Any, ...], unit: Any) -> tuple[str, tuple[Any, ...]]:
    """Key and values in SI units, from a unit of all, or from texts such as "25 uS" where the key is the chip's."""
    if unit is not None:
        if unit not in UNITS:
            raise AxisError(f"unit: {unit!r} is not a known unit; {near(str(unit), UNITS)}")
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            raise AxisError("unit: goes with numbers alone")
        pairs = [(float(value), unit) for value in values]
    elif "." in key and all(isinstance(value, str) for value in values):
        matches = [_QUANTITY.fullmatch(value) for value in values]
        pairs = [(float(m[1]), m[2]) for m in matches if m and m[2] in UNITS]
        if len(pairs) < len(values):
            return key, values  # words, such as "sar"
    else:
        return key, values
    suffixes = {UNITS[unit][1] for _, unit in pairs}
    if len(suffixes) > 1:
        raise AxisError(f"units of different kinds: {', '.join(sorted(suffixes))}")
    return si_key(key, suffixes.pop()), tuple(_scaled(*pair) for pair in pairs)


def si_key(key: str, suffix: str) -> str:
    """The field that holds a key's number in SI units: `device.g_max` in siemens is `device.g_max_siemens`."""
    last = key.rpartition(".")[2]
    return key if not suffix or last == suffix or last.endswith("_" + suffix) else f"{key}_{suffix}"


def _scaled(value: float, unit: str) -> float:
    factor = UNITS[unit][0]
    if factor == 1:
        return int(value) if value.is_integer() else value
    # dividing by the exact inverse makes 25 uS read 2.5e-05
    return value / round(1 / factor) if factor < 1 else value * factor
