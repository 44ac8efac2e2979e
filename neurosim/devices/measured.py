"""Measurements of devices as CSV files: conductance along ramps of pulses, tables of steps, read-back of targets."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.foundation.errors import DataError, LimitError
from neurosim.foundation.units import UNITS

MOST_SIEMENS = 0.1  # a memory cell of more would be a short circuit: the unit is wrong
MOST_BYTES = 64 * 2**20  # of text: some ten million readings
QUANTILES = 20  # steps that stand for a bin of a table of steps
LEAST_SIEMENS = 1e-13  # largest value of a measurement in a wrong unit the other way
_UP = ("up", "pot", "ltp", "set", "inc")
_DOWN = ("down", "dep", "ltd", "reset", "dec")
_UNIT_IN_NAME = re.compile(r"[(\[]\s*([A-Za-z]+)\s*[)\]]\s*$|_([munpfk]?[SA])$")


@dataclass(frozen=True)
class Ramps:
    """Conductances after successive pulses, one array per ramp.

    values : siemens, or without unit where `normalised`; up : whether the ramp's pulses raise it
    bins : of a table of steps, which are ramps of one pulse: the number of each one's conductance bin; its values are
        free of the noise of reading
    """

    values: tuple[np.ndarray, ...]
    up: tuple[bool, ...]
    normalised: bool = False
    bins: tuple[int, ...] | None = None

    def joined(self, other: Ramps) -> Ramps:
        """These and others, of one measurement."""
        if (self.bins is None) != (other.bins is None) or self.normalised != other.normalised:
            got = "a table of steps beside ramps, or normalised beside measured conductances"
            raise DataError("measurements", "files of one kind and unit", got, "fit them apart")
        bins = None if self.bins is None or other.bins is None else self.bins + other.bins
        return Ramps(self.values + other.values, self.up + other.up, self.normalised, bins)


@dataclass(frozen=True)
class ReadBack:
    """Conductances read after programming to a target, siemens."""

    target: np.ndarray
    measured: np.ndarray


@dataclass(frozen=True)
class Table:
    """A CSV file: names of its columns, and per column its numbers (blanks at its end cut off) and their lines."""

    path: Path
    names: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    lines: tuple[tuple[int, ...], ...]

    def where(self, column: int, place: int) -> str:
        """`file:line: column NAME` of a number."""
        return f"{self.path}:{self.lines[column][place]}: column {self.names[column]!r}"


def read_measured(path: Path, unit: str | None = None, v_read: float | None = None, turn: int | None = None,
                  ) -> Ramps | ReadBack:  # fmt: skip
    """Read a measurement.

    A file with columns `target` and `measured` is a read-back; one whose first line speaks of CDF points is a table of
    steps as CrossSim keeps them (conductance bins, CDF points, then a row of changes per CDF point, siemens); any
    other one holds ramps in its columns, with a column `pulse` or without, with a line of names or without.

    Parameters
    ----------
    unit : of the values (S, uS, A, nA, ...; "1" for normalised ones), where no column says it: `name (uS)`, `name_uS`
    v_read : read voltage, for currents
    turn : after so many pulses the pulses of a column change their direction, up first

    Raises DataError, with line and column, for cells that are no numbers, blanks between numbers, pulse numbers that
    do not rise one by one, negative conductances, a missing or impossible unit, currents without a read voltage;
    LimitError for more than MOST_BYTES of text.
    """
    text = _text(path)
    first = text.partition("\n")[0]
    if "cdf" in first.lower() and "row" in first.lower():
        return _steps(path, text)
    table = _table(path, text)
    factor = _factor(table, unit, v_read)
    names = [name.lower() for name in table.names]
    target = next((k for k, name in enumerate(names) if name.startswith("target")), None)
    measured = next((k for k, name in enumerate(names) if name.startswith(("measured", "read"))), None)
    if target is not None and measured is not None:
        return _read_back(table, target, measured, factor)
    return _ramps(table, factor, turn)


def _text(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:  # of what is unpacked: a small file may hold very much
            raise LimitError(str(path), f"at most {MOST_BYTES // 2**20} MiB of text", "more",
                             "leave out columns or pulses")  # fmt: skip
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as problem:
        raise DataError(
            str(path), "a readable CSV file", str(problem), "check the path and the file"
        ) from None


def _table(path: Path, text: str) -> Table:
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [
            (number, [cell.strip() for cell in row])
            for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1)
            if not (row and row[0].startswith("#"))
        ]
    except csv.Error as problem:
        raise DataError(
            str(path), "a table of numbers", str(problem), "export the measurement again"
        ) from None
    while rows and not any(rows[-1][1]):
        rows.pop()
    if not rows:
        raise DataError(str(path), "a table of numbers", "an empty file", "export the measurement again")
    named = any(cell and _number(cell) is None for cell in rows[0][1])
    if named and len(rows) == 1:
        raise DataError(
            str(path), "a table of numbers", "one line without them", "export the measurement again"
        )
    width = max(len(row) for _, row in rows)
    names = [*rows[0][1]] if named else []
    names += [f"column {k + 1}" for k in range(len(names), width)]
    parsed = [_column(path, rows[named:], k, names[k]) for k in range(width)]
    return Table(path, tuple(names), tuple(p[0] for p in parsed), tuple(p[1] for p in parsed))


def _column(
    path: Path, rows: list[tuple[int, list[str]]], k: int, name: str
) -> tuple[np.ndarray, tuple[int, ...]]:
    cells = [(line, row[k] if k < len(row) else "") for line, row in rows]
    while cells and not cells[-1][1]:
        cells.pop()
    numbers = []
    for line, cell in cells:
        value = _number(cell)
        if value is None:
            got = repr(cell) if cell else "a blank between numbers"
            raise DataError(f"{path}:{line}: column {name!r}", "a number", got,
                            "correct it; blanks may only stand at the end of a column")  # fmt: skip
        numbers.append(value)
    return np.array(numbers), tuple(line for line, _ in cells)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _factor(table: Table, unit: str | None, v_read: float | None) -> float | None:
    """Siemens per unit of the values; None where they are normalised."""
    found = {match[1] or match[2] for name in table.names if (match := _UNIT_IN_NAME.search(name))}
    known = sorted(name for name, (_, suffix) in UNITS.items() if suffix in ("siemens", "amperes"))
    if unit is None and len(found) != 1:
        got = "none" if not found else " and ".join(sorted(found))
        raise DataError(f"{table.path}: unit", "one unit of its values", got,
                        'give it: --unit uS, --unit A with --v-read, or --unit 1 for normalised values')  # fmt: skip
    name = unit if unit is not None else found.pop()
    if found - {name}:
        raise DataError(
            f"{table.path}: unit", f"{name}, as --unit says", ", ".join(found), "leave one of them out"
        )
    if name == "1":
        return None
    if name not in known:
        raise DataError(f"{table.path}: unit", "siemens or amperes: S, mS, uS, nS, A, mA, uA, nA", repr(name),
                        "give another --unit, 1 for normalised values")  # fmt: skip
    scale, suffix = UNITS[name]
    if suffix == "amperes":
        if v_read is None:
            raise DataError(f"{table.path}: unit", "conductances, or currents with their read voltage",
                            f"currents in {name}", "give the voltage: --v-read 0.1")  # fmt: skip
        return scale / v_read
    return scale


def _siemens(table: Table, column: int, factor: float | None) -> np.ndarray:
    """A column in siemens, checked; as it is where it is normalised."""
    values = table.columns[column]
    if factor is None:
        return values
    negative = np.flatnonzero(values < 0)
    if len(negative):
        place = int(negative[0])
        raise DataError(table.where(column, place), "a conductance of at least 0", f"{values[place]:g}",
                        "correct the sign, or give --unit 1 for normalised values")  # fmt: skip
    siemens = values * factor
    largest = float(siemens.max(initial=0))
    if largest > MOST_SIEMENS or 0 < largest < LEAST_SIEMENS:
        place = int(np.argmax(siemens))
        raise DataError(table.where(column, place), f"at most {MOST_SIEMENS:g} S and more than {LEAST_SIEMENS:g} S",
                        f"{largest:g} S", "the unit is wrong: change --unit or --v-read")  # fmt: skip
    return np.asarray(siemens)


def _read_back(table: Table, target: int, measured: int, factor: float | None) -> ReadBack:
    if factor is None:
        raise DataError(
            f"{table.path}: unit", "targets in siemens or amperes", "normalised values", "give --unit"
        )
    wanted, read = (_siemens(table, k, factor) for k in (target, measured))
    if len(wanted) != len(read):
        raise DataError(str(table.path), f"a measured value for each of {len(wanted)} targets", f"{len(read)}",
                        "fill in the last rows, or cut them off")  # fmt: skip
    return ReadBack(wanted, read)


def _ramps(table: Table, factor: float | None, turn: int | None) -> Ramps:
    counted = next((k for k, name in enumerate(table.names) if name.lower().startswith("pulse")), None)
    starts = [0] if counted is None else _starts(table, counted)
    values: list[np.ndarray] = []
    up: list[bool] = []
    for k, name in enumerate(table.names):
        if k == counted or not len(table.columns[k]):
            continue
        if counted is not None and len(table.columns[k]) > len(table.columns[counted]):
            where = table.where(k, len(table.columns[counted]))
            raise DataError(
                where, "a pulse number beside each value", "none", "number it, or delete the value"
            )
        whole = _siemens(table, k, factor)
        bounds = [start for start in starts if start < len(whole)]
        pieces = [piece for part in np.split(whole, bounds[1:]) for piece in _turned(part, turn)]
        for number, piece in enumerate(pieces):
            if len(piece):
                values.append(piece)
                up.append(number % 2 == 0 if turn else _direction(name, piece))
    return Ramps(tuple(values), tuple(up), normalised=factor is None)


def _starts(table: Table, column: int) -> list[int]:
    """Where ramps begin: pulse numbers rise one by one, and begin again with the first one."""
    numbers = table.columns[column]
    starts = [0]
    for place in range(1, len(numbers)):
        if numbers[place] == numbers[place - 1] + 1:
            continue
        if numbers[place] == numbers[0] and place - starts[-1] > 1:
            starts.append(place)
            continue
        got = f"{numbers[place]:g} after {numbers[place - 1]:g}"
        raise DataError(table.where(column, place), "pulse numbers that rise one by one", got,
                        "sort the rows by pulse, each pulse once; a new ramp begins with the first number")  # fmt: skip
    return starts


def _turned(values: np.ndarray, turn: int | None) -> list[np.ndarray]:
    return [values] if turn is None else [values[k : k + turn] for k in range(0, len(values), turn)]


def _direction(name: str, values: np.ndarray) -> bool:
    """Whether pulses raise the conductance: by the column's name, else by where it goes."""
    word = name.lower()
    if word.startswith(_DOWN):
        return False
    if word.startswith(_UP):
        return True
    part = max(len(values) // 10, 1)
    return bool(values[-part:].mean() >= values[:part].mean())


def _steps(path: Path, text: str) -> Ramps:
    rows = []
    for number, line in enumerate(text.splitlines()[1:], 2):
        if not line.strip():
            continue
        cells = [_number(cell) for cell in line.split(",")]
        if None in cells:
            where = f"{path}:{number}: column {cells.index(None) + 1}"
            raise DataError(where, "a number", repr(line.split(",")[cells.index(None)].strip()), "correct it")
        rows.append((number, np.array(cells, float)))
    if len(rows) < 3:
        raise DataError(str(path), "conductance bins, CDF points, then rows of changes", f"{len(rows)} rows",
                        "export the table again")  # fmt: skip
    bins, points = rows[0][1], rows[1][1]
    for number, row in rows[2:]:
        if len(row) != len(bins):
            raise DataError(f"{path}:{number}", f"{len(bins)} changes, one per conductance bin", f"{len(row)}",
                            "complete the row")  # fmt: skip
    if len(rows) - 2 != len(points):
        raise DataError(str(path), f"{len(points)} rows of changes, one per CDF point", f"{len(rows) - 2}",
                        "complete the table")  # fmt: skip
    return _quantiles(bins, points, np.stack([row for _, row in rows[2:]]))


def _quantiles(bins: np.ndarray, points: np.ndarray, changes: np.ndarray) -> Ramps:
    """Ramps of one pulse: as many per bin as QUANTILES, at equally likely points of the bin's distribution."""
    likely = (np.arange(QUANTILES) + 0.5) / QUANTILES
    drawn = [np.interp(likely, points, changes[:, k]) for k in range(len(bins))]
    values = tuple(
        np.array([g, g + change]) for g, column in zip(bins, drawn, strict=True) for change in column
    )
    numbers = tuple(int(k) for k in np.repeat(np.arange(len(bins)), QUANTILES))
    return Ramps(values, (bool(changes.mean() >= 0),) * len(values), bins=numbers)
