"""Read a sweep file: what all points share, what varies, and every mistake in it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from neurosim.chips.chip import OPTIONS
from neurosim.foundation.errors import ConfigError, ConfigErrors, DataError, near
from neurosim.foundation.records import Record, build_record
from neurosim.foundation.toml_lines import KeyPath, line_of, parse_toml
from neurosim.foundation.units import parse_time
from neurosim.sweep.axes import Axis, AxisError, Group, flat_axes, parse_axis, require_distinct

Strict = Annotated[int, Field(ge=1, strict=True)]
Whole = Annotated[int, Field(ge=0, strict=True)]
Times = tuple[str | float, ...]
SEEDS = "seeds"
DEFAULT_TIMES: Times = ("25 s",)


class RunTable(Record):
    """[run]: arguments of `neurosim.run` that all points share."""

    network: str = ""
    chip: str = "joshi_2020"
    mode: str | None = None
    inputs: str | None = None
    limit: Strict | None = None
    instances: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1
    times: Annotated[Times, Field(min_length=1, max_length=1000)] = DEFAULT_TIMES
    seed: Whole = 0
    record: Annotated[tuple[str, ...], Field(min_length=1)] = ("none",)
    steps: Strict | None = None
    encoding: str | None = None
    route: str = "events"
    dt_s: Annotated[float, Field(gt=0)] | None = None
    percentile: Annotated[float, Field(gt=0, le=100)] | None = None


class MonteCarloTable(Record):
    """[monte_carlo]: chips per point, times at which each is read, seeds.

    seeds : "same" (every point has the run's seed, so that points are compared on the same devices), "different"
        (each point has the next one), a number of seeds, or a list; the last two make an axis `seed`
    """

    chips: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    times: Annotated[Times, Field(min_length=1, max_length=1000)] | None = None
    seeds: Literal["same", "different"] | Strict | Annotated[tuple[Whole, ...], Field(min_length=1)] = "same"


class SweepTables(Record):
    """A sweep file."""

    title: str = ""
    run: RunTable
    options: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, Any] | None = None
    zip: dict[str, Any] | list[dict[str, Any]] | None = None
    monte_carlo: MonteCarloTable | None = None


AXES_OF_RUN = tuple(name for name in RunTable.model_fields if name not in ("times", "record"))


@dataclass(frozen=True)
class Sweep:
    """A sweep, read and checked as far as its file alone can tell.

    path, text : the sweep file and what it holds
    run : arguments that all points share
    options : dotted key of the chip -> value, for all points
    groups : what varies; the first varies slowest, as in nested loops
    different_seeds : whether point k has the seed `run.seed + k` in place of `run.seed`
    lines : line of every key of the file
    """

    path: Path
    text: str = field(repr=False)
    title: str
    run: RunTable
    options: Mapping[str, Any]
    groups: tuple[Group, ...]
    different_seeds: bool = False
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """All axes, in the order of their columns."""
        return tuple(axis for group in self.groups for axis in group)

    @property
    def points(self) -> int:
        """How many points it has."""
        count = 1
        for group in self.groups:
            count *= len(group[0])
        return count

    @property
    def times_s(self) -> tuple[float, ...]:
        """Seconds after programming at which every point is read, sorted."""
        return tuple(sorted(parse_time(text) for text in self.run.times))

    def choice(self, point: int) -> dict[str, Any]:
        """Key of every axis -> its value at a point."""
        return choice_of(self.groups, point)


def choice_of(groups: Sequence[Group], number: int) -> dict[str, Any]:
    """The values of one point of a product of groups; nothing is listed for that, so there may be millions."""
    places = []
    for group in reversed(groups):
        number, place = divmod(number, len(group[0]))
        places.append(place)
    chosen = zip(groups, reversed(places), strict=True)
    return {axis.key: axis.values[place] for group, place in chosen for axis in group}


def read_sweep(path: str | Path) -> Sweep:
    """Read a sweep file.

    Raises ConfigErrors with one `file:line: key: message` per error, FormatError for a newer format, DataError when
    the file cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        remedy = "give the path of a sweep file (`neurosim sweep --help` shows one)"
        raise DataError(str(path), "a readable TOML file", str(problem), remedy) from None
    content, lines = parse_toml(text, str(path))
    return _Reader(path, text, content, lines).sweep()


class _Reader:
    """Goes through the tables of a sweep file and gathers what is wrong with them."""

    def __init__(self, path: Path, text: str, content: dict[str, Any], lines: dict[KeyPath, int]) -> None:
        self.path, self.text, self.content, self.lines = path, text, content, lines
        self.problems: list[str] = []

    def sweep(self) -> Sweep:
        try:
            tables, _ = build_record(self.content, self.lines, str(self.path), SweepTables)
        except ConfigErrors as invalid:
            self._scan_axes(self.content)  # so that what is wrong with the axes is told as well
            raise ConfigErrors([*invalid.lines, *self.problems]) from None
        options = self._options(tables.options)
        groups = [*self._grid(tables.grid), *self._zipped(tables.zip)]
        run, different = self._with_monte_carlo(tables, groups)
        self._check(run, options, groups, tables.monte_carlo is not None)
        if self.problems:
            raise ConfigErrors(self.problems)
        return Sweep(self.path, self.text, tables.title, run, options, tuple(groups), different, self.lines)

    def _scan_axes(self, content: Mapping[str, Any]) -> None:
        grid, zipped = content.get("grid"), content.get("zip")
        self._grid(grid if isinstance(grid, dict) else None)
        whole = isinstance(zipped, list) and all(isinstance(table, dict) for table in zipped)
        self._zipped(zipped if whole or isinstance(zipped, dict) else None)

    def wrong(self, path: KeyPath, text: str) -> None:
        """Note a mistake at a key."""
        dotted = ".".join(str(part) for part in path)
        self.problems.append(f"{self.path}:{self.line(path)}: {dotted}: {text}")

    def line(self, path: KeyPath) -> int:
        """The line of a key, whether the file has "adc.bits" as one quoted word or as a table and its key."""
        if path in self.lines:
            return self.lines[path]
        parts = tuple(
            part for name in path for part in (name.split(".") if isinstance(name, str) else [name])
        )
        return line_of(self.lines, parts)

    def _options(self, table: Mapping[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for written, value in flat_axes(table):
            try:
                axis = parse_axis(written, [value] if not isinstance(value, Mapping) else value)
            except AxisError as problem:
                self.wrong(("options", written), str(problem))
                continue
            if isinstance(value, Mapping):
                self.wrong(("options", written), "one value is needed; what varies belongs in [grid]")
            elif self._is_option(axis.key, ("options", written), ()):
                options[OPTIONS.get(axis.key, axis.key)] = axis.values[0]
        return options

    def _grid(self, table: Mapping[str, Any] | None) -> list[Group]:
        if table is not None and not table:
            self.wrong(("grid",), 'empty: it needs at least one axis, such as "adc.bits" = [4, 6, 8]')
        groups: list[Group] = [(axis,) for axis in self._axes(table or {}, ("grid",))]
        for group in groups:
            self._distinct(group, ("grid", group[0].written))
        return groups

    def _zipped(self, tables: Mapping[str, Any] | list[dict[str, Any]] | None) -> list[Group]:
        listed = tables if isinstance(tables, list) else [tables] if tables is not None else []
        groups = []
        for number, table in enumerate(listed):
            path: KeyPath = ("zip", number) if isinstance(tables, list) else ("zip",)
            group = tuple(self._axes(table, path))
            lengths = {axis.written: len(axis) for axis in group}
            if not table:
                self.wrong(path, "empty: it needs axes of one length")
            elif len(set(lengths.values())) > 1:
                told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
                self.wrong(path, f"axes that go together need as many values each: {told}")
            elif group:
                self._distinct(group, path)
            if group:
                groups.append(group)
        return groups

    def _distinct(self, group: Group, path: KeyPath) -> None:
        try:
            require_distinct(group)
        except AxisError as problem:
            self.wrong(path, str(problem))

    def _axes(self, table: Mapping[str, Any], path: KeyPath) -> list[Axis]:
        axes = []
        for written, spec in flat_axes(table):
            here = (*path, written)
            try:
                axis = parse_axis(written, spec, self.line(here))
            except AxisError as problem:
                self.wrong(here, str(problem))
                continue
            if axis.key in AXES_OF_RUN:
                axes.append(axis)
            elif self._is_option(axis.key, here, AXES_OF_RUN):
                key = OPTIONS.get(axis.key, axis.key)
                axes.append(Axis(key, axis.name, axis.values, axis.written, axis.line))
        return axes

    def _is_option(self, key: str, path: KeyPath, others: Sequence[str]) -> bool:
        """Whether a key may be an option of a chip; says what is wrong where it cannot."""
        if "." in key or key in OPTIONS:
            return True
        if key == "times" and others:
            self.wrong(
                path, "times belong in [run] or [monte_carlo]: every point is read at all of them, a row each"
            )
        elif key in RunTable.model_fields:
            self.wrong(path, "is no axis; it belongs in [run]" if others else "belongs in [run]")
        else:
            what = (
                "an argument of the run or a dotted key of the chip" if others else "a dotted key of the chip"
            )
            self.wrong(path, f"unknown: neither {what}; {near(key, [*others, *OPTIONS])}"
                       if others else f"unknown: not {what}; {near(key, OPTIONS)}")  # fmt: skip
        return False

    def _with_monte_carlo(self, tables: SweepTables, groups: list[Group]) -> tuple[RunTable, bool]:
        """[run] with chips and times of [monte_carlo], and whether every point has another seed; appends an axis
        where there are several seeds."""
        given, carlo = tables.run.model_fields_set, tables.monte_carlo or MonteCarloTable()
        update: dict[str, Any] = {}
        for key, name, value in (("chips", "instances", carlo.chips), ("times", "times", carlo.times)):
            if value is None:
                continue
            update[name] = value
            if name in given:
                self.wrong(("monte_carlo", key), f"is in [run] too, as {name}; leave one out")
            if any(axis.key == name for group in groups for axis in group):
                self.wrong(("monte_carlo", key), f"{name} is an axis too; leave one out")
        run = tables.run.model_copy(update=update)
        seeds = carlo.seeds
        if isinstance(seeds, str):
            return run, seeds == "different"
        if isinstance(seeds, int):
            seeds = tuple(range(run.seed, run.seed + seeds))
        elif "seed" in given:
            self.wrong(("monte_carlo", "seeds"), "a list of seeds, and seed is in [run] too; leave one out")
        if len(set(seeds)) < len(seeds):
            self.wrong(("monte_carlo", "seeds"), "a value stands there twice; each point would be run twice")
        groups.append((Axis("seed", "seed", seeds, SEEDS, self.line(("monte_carlo", "seeds"))),))
        return run, False

    def _check(self, run: RunTable, options: Mapping[str, Any], groups: Sequence[Group], carlo: bool) -> None:
        """What single tables cannot tell: keys given twice, values that no run would take, nothing to do."""
        axes = [axis for group in groups for axis in group]
        if not axes and not carlo and not self.problems:
            self.problems.append(f"{self.path}:1: file: nothing to sweep; add [grid], [zip] or [monte_carlo]")
        if not run.network and not any(axis.key == "network" for axis in axes):
            self.wrong(
                ("run", "network"),
                "missing; name one (`neurosim networks` lists them), or make it an axis",
            )
        self._check_times(run)
        for axis in axes:
            self._check_values(axis)
            if axis.written == SEEDS:  # whose `seed` in [run] is the first of them
                continue
            if axis.key in options or (axis.key in run.model_fields_set and axis.key in self.content["run"]):
                where = "[options]" if axis.key in options else "[run]"
                self._wrong_axis(axis, f"is given in {where} too; leave one out")
        for names in ([axis.key for axis in axes], [axis.name for axis in axes]):
            for axis, name in zip(axes, names, strict=True):
                if names.count(name) > 1 and axis is axes[len(names) - 1 - names[::-1].index(name)]:
                    self._wrong_axis(
                        axis, f"{name!r} is an axis twice; leave one out, or give it another name"
                    )

    def _check_values(self, axis: Axis) -> None:
        """Values of an argument of the run must be ones that [run] would take."""
        if axis.key not in AXES_OF_RUN:
            return
        for value in axis.values[:: max(1, len(axis) // 10_000)]:
            try:
                RunTable.model_validate({axis.key: value})
            except ValidationError as invalid:
                text = invalid.errors()[0]["msg"].removeprefix("Value error, ")
                self._wrong_axis(axis, f"{text}, got {value!r}")
                return

    def _check_times(self, run: RunTable) -> None:
        table = "monte_carlo" if "times" in self.content.get("monte_carlo", {}) else "run"
        seconds = []
        for text in run.times:
            try:
                seconds.append(parse_time(text))
            except ConfigError as problem:
                self.wrong(
                    (table, "times"), f"expected {problem.expected}, got {problem.got}; {problem.remedy}"
                )
        if len(set(seconds)) < len(seconds):
            self.wrong((table, "times"), "a time stands there twice; leave one out")

    def _wrong_axis(self, axis: Axis, text: str) -> None:
        self.problems.append(f"{self.path}:{axis.line}: {axis.written}: {text}")
