"""The tidy table of a sweep: one row per point and time, in the order of the grid, the same bits every time."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.recording.durable import TEMPORARY, storage_errors, sync_folder
from neurosim.sweep.axes import Axis
from neurosim.sweep.description import Sweep
from neurosim.sweep.journal import Journal
from neurosim.sweep.points import DONE, Outcome, point_of

FORMATS = ("csv", "parquet")
WHOLE, REAL, TEXT, SWITCH = "int64", "float64", "string", "bool"
# figures of a point at one time, and their types; units are in the names
FIGURES = {
    "time_s": REAL, "chips": WHOLE, "images": WHOLE, "accuracy": REAL, "accuracy_low": REAL, "accuracy_high": REAL,
    "accuracy_worst_chip": REAL, "accuracy_best_chip": REAL, "accuracy_float": REAL, "agreement_with_float": REAL,
    "energy_joules": REAL, "latency_s": REAL, "images_per_s": REAL, "area_square_metres": REAL, "ops_per_joule": REAL,
    "adc_saturation": REAL, "dac_saturation": REAL,
}  # fmt: skip
_TAIL = {"status": TEXT, "error": TEXT, "file": TEXT, "content_sha256": TEXT}
_BASE = ("network", "chip", "mode")  # told of every point, whether or not they vary
RESERVED = frozenset({"point", *_BASE, "seed", *FIGURES, *_TAIL})
TIMINGS = "timings.csv"
INSTALL = 'pip install "neurosim-memristive[sweep]"'
_CHUNK = 10_000  # rows of a row group


def columns(sweep: Sweep) -> dict[str, str]:
    """Names and types of the table's columns."""
    axes = {axis.name: _type_of(axis) for axis in sweep.axes}
    base = {name: TEXT for name in _BASE if name not in axes}
    seed = {} if any(axis.key == "seed" for axis in sweep.axes) else {"seed": WHOLE}
    return {"point": WHOLE, **axes, **base, **seed, **FIGURES, **_TAIL}


def _type_of(axis: Axis) -> str:
    kinds = {type(value) for value in axis.values}
    if kinds <= {bool}:
        return SWITCH
    if kinds <= {int}:
        return WHOLE
    return REAL if kinds <= {int, float} else TEXT


def table_rows(sweep: Sweep, journal: Journal) -> Iterator[dict[str, Any]]:
    """The table's rows in order; a failed point has its times and its error."""
    types = columns(sweep)
    for number in range(sweep.points):
        outcome = journal.outcome(number)
        if outcome is not None:
            yield from _rows_of(sweep, outcome, types)


def _rows_of(sweep: Sweep, outcome: Outcome, types: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    point = point_of(sweep, outcome.point)
    choice = sweep.choice(outcome.point)
    start = {
        "point": outcome.point,
        **{axis.name: _cell(choice[axis.key], types[axis.name]) for axis in sweep.axes},
    }
    told = {**sweep.run.model_dump(), **choice}
    base = {name: told[name] for name in _BASE if name not in start}
    seed = {"seed": point.arguments["seed"]} if "seed" in types and "seed" not in start else {}
    end = {
        "status": outcome.status,
        "error": outcome.error or None,
        "file": point.file if outcome.status == DONE else None,
        "content_sha256": outcome.sha256 or None,
    }
    empty = dict.fromkeys(FIGURES)
    for figures in outcome.rows or [{"time_s": seconds} for seconds in sweep.times_s]:
        yield {**start, **base, **seed, **empty, **figures, **end}


def _cell(value: Any, kind: str) -> Any:
    if kind == REAL:
        return float(value)
    return value if kind != TEXT or isinstance(value, str) else json.dumps(value)


def write_table(folder: Path, sweep: Sweep, journal: Journal, kind: str = "csv") -> Path:
    """Write table.csv or table.parquet, whole or not at all, and timings.csv (seconds, tries and workers, which differ
    from time to time) beside it.

    Raises ConfigError for Parquet without pyarrow, LimitError when the disk is full.
    """
    path = folder / f"table.{kind}"
    write = _write_parquet if kind == "parquet" else _write_csv
    _whole(path, lambda temporary: write(temporary, columns(sweep), table_rows(sweep, journal)))
    _whole(folder / TIMINGS, lambda temporary: _write_csv(temporary, _TIMED, _timings(journal)))
    return path


_TIMED = {"point": WHOLE, "status": TEXT, "seconds": REAL, "tries": WHOLE, "worker": TEXT}


def _timings(journal: Journal) -> Iterator[dict[str, Any]]:
    for number in range(journal.points):
        outcome = journal.outcome(number)
        if outcome is not None:
            yield {name: getattr(outcome, name) for name in _TIMED}


def _whole(path: Path, write: Any) -> None:
    temporary = path.with_name(path.name + TEMPORARY)
    with storage_errors(path, 0, temporary):
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def _write_csv(path: Path, types: Mapping[str, str], rows: Iterator[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        _csv_rows(file, types, rows)


def _csv_rows(file: TextIO, types: Mapping[str, str], rows: Iterator[Mapping[str, Any]]) -> None:
    writer = csv.DictWriter(file, list(types), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        # repr of a float reads back to the same bits
        writer.writerow({name: repr(cell) if isinstance(cell, float) else cell for name, cell in row.items()})


def require_pyarrow() -> Any:
    """pyarrow and its Parquet module; ConfigError where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(
            "--parquet", "the package pyarrow", "none", f"install it: {INSTALL}, or leave --parquet out"
        ) from None
    return pyarrow


def _write_parquet(path: Path, types: Mapping[str, str], rows: Iterator[Mapping[str, Any]]) -> None:
    arrow = require_pyarrow()
    kinds = {WHOLE: arrow.int64(), REAL: arrow.float64(), TEXT: arrow.string(), SWITCH: arrow.bool_()}
    schema = arrow.schema([(name, kinds[kind]) for name, kind in types.items()])
    with arrow.parquet.ParquetWriter(path, schema) as writer:
        chunk: list[Mapping[str, Any]] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == _CHUNK:
                writer.write_table(arrow.Table.from_pylist(chunk, schema))
                chunk = []
        if chunk:
            writer.write_table(arrow.Table.from_pylist(chunk, schema))


def read_table(path: str | Path) -> dict[str, list[Any]]:
    """A table's columns, by name, from CSV or Parquet; numbers as numbers, None where there is nothing.

    Raises DataError when it cannot be read.
    """
    rows = list(stored_rows(path))
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def stored_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """The rows of a table, one after the other; as `read_table`."""
    path = Path(path)
    if path.suffix == ".parquet":
        for part in require_pyarrow().parquet.ParquetFile(path).iter_batches():
            yield from part.to_pylist()
        return
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {name: _read(text) for name, text in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(
            str(path), "the table of a sweep", str(problem), "sweep with --resume to write it"
        ) from None


def _read(text: str) -> Any:
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False}.get(text, text)
