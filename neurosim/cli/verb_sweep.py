"""neurosim sweep: many runs, over a grid or a Monte Carlo."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.stopping import FAILURE, Stopped
from neurosim.cli.terminal import WIDTH, note, per_cent, plural, say, table, title, visible
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.units import format_si, format_time

if TYPE_CHECKING:
    from neurosim.sweep import Outcome, Sweep, SweepResult

SHOWN, BEST, ERRORS, ERROR_LENGTH = 20, 10, 5, 400
_APART = 3  # characters between columns
_LEAVE_OUT = ("latency", "energy", "95 % interval")  # where there is no room, in this order

EPILOG = """
**Examples**

A file such as bits.toml:

    format = 1

    [run]
    network = "digits_mlp"
    times = ["25 s", "1 year"]

    [grid]
    "adc.bits" = [4, 6, 8]
    "device.g_max" = {from = 5, to = 25, step = 5, unit = "uS"}

    [monte_carlo]
    chips = 10

Run its 15 points, with 10 chips each, on all cores:

`neurosim sweep bits.toml`

Go on after Ctrl-C, or after a point has failed, and draw the accuracy:

`neurosim sweep bits.toml --resume --plot adc.bits`
"""

_CLUSTER = "Where it is computed (changes no result)"
SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="What is run, and what varies.")]
Out = Annotated[Path | None, typer.Option(
    metavar="FOLDER", help="Folder to make: table, run files. Default: the file's name without .toml.",
)]  # fmt: skip
Workers = Annotated[int | None, typer.Option(
    metavar="N", rich_help_panel=_CLUSTER, help="Processes on this machine; default one per core. 0: in this one.",
)]  # fmt: skip
Scheduler = Annotated[str | None, typer.Option(
    metavar="ADDRESS", rich_help_panel=_CLUSTER, help="Workers of this Dask scheduler, such as tcp://10.0.0.1:8786.",
)]  # fmt: skip
Resume = Annotated[bool, typer.Option(
    "--resume", metavar="", help="Go on: run the points that are missing or have failed.",
)]  # fmt: skip
Yes = Annotated[bool, typer.Option("--yes", metavar="", help="Run more than 10,000 points.")]
Parquet = Annotated[bool, typer.Option(
    "--parquet/--csv", metavar="", help="Write the table as Parquet, or as CSV (the default).",
)]  # fmt: skip
Plot = Annotated[str | None, typer.Option(metavar="AXIS", help="Also draw the accuracy against this axis.")]


class _Shown:
    """The sweep's progress as a bar, with what has failed and what came last."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._now: tuple[int, int, str] | None = None

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """A stage begins."""
        self._now = None
        self._bar.stage(text, total, done)

    def advance(self, count: int) -> None:
        """So many more."""
        self._bar.advance(count)

    def finished(self, sweep: Sweep, outcome: Outcome, done: int, failed: int) -> None:
        """A point has finished."""
        bad = f", {failed:,} failed" if failed else ""
        self._now = (
            done + failed,
            sweep.points,
            f"{done:,} of {sweep.points:,} done{bad}; {_last(sweep, outcome)}",
        )
        self._bar.reach(*self._now)

    def tick(self) -> None:
        """Nothing new."""
        if self._now is None:
            self._bar.advance(0)
        else:
            self._bar.reach(*self._now)


def _last(sweep: Sweep, outcome: Outcome) -> str:
    """The last point, in a few words."""
    choice = sweep.choice(outcome.point)
    told = " ".join(_cell(choice[axis.key]) for axis in sweep.axes[:3]) or f"point {outcome.point}"
    if not outcome.rows:
        return f"{told}: {outcome.status}"
    return f"{told}: {per_cent(outcome.rows[0]['accuracy'])}"


def sweep_verb(
    file: SweepFile,
    out: Out = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    resume: Resume = False,
    yes: Yes = False,
    parquet: Parquet = False,
    plot: Plot = None,
) -> None:
    """Run every point of a sweep file: a grid or a Monte Carlo over networks, chips and any of their parameters.

    Each point is a run with a run file of its own, and rows of one table. No figure depends on the number of workers.
    """
    folder = out if out is not None else Path(file.stem)
    _check_plot(file, plot)
    try:
        with Bar("points") as bar:
            bar.stage("starting", 0)
            from neurosim.sweep import run_sweep

            kind = "parquet" if parquet else "csv"
            done = run_sweep(file, folder, workers=workers, scheduler=scheduler, resume=resume, yes=yes, table=kind,
                             watch=_Shown(bar))  # fmt: skip
    except (KeyboardInterrupt, Stopped):
        _say_how_to_go_on(folder)
        raise
    _show(done)
    if done.failed:
        note(
            f"{plural(done.failed, 'point')} of {done.points:,} failed: go on with --resume when the cause is gone"
        )
    if done.failed < done.points:
        _draw(done, plot)
    if done.failed:
        raise typer.Exit(FAILURE)


def _check_plot(file: Path, plot: str | None) -> None:
    """Refuse an axis that is none before anything is run."""
    if plot is None:
        return
    from neurosim.foundation.errors import near
    from neurosim.sweep import read_sweep

    names = {axis.name for axis in read_sweep(file).axes} | {"time_s"}
    if plot not in names:
        raise ConfigError("--plot", "an axis of the sweep", repr(plot), near(plot, names))


def _say_how_to_go_on(folder: Path) -> None:
    """After a signal: what is kept, and how to get the rest."""
    if (folder / "sweep.json").is_file():
        note(
            f"stopped; finished points are safe in {visible(folder)}: go on with --resume, all else the same"
        )
    else:
        note("stopped; nothing had begun")


def _show(done: SweepResult) -> None:
    from neurosim.sweep.table import stored_rows

    sweep = done.sweep
    say(visible(sweep.title or f"Sweep of {sweep.path.name}"), "bold")
    work = ", ".join(f"{axis.name} ({len(axis)})" for axis in sweep.axes) or "no axis"
    say(visible(f"{plural(done.points, 'point')}: {work}; {plural(len(sweep.times_s), 'time')} each"))
    rows = list(stored_rows(done.table)) if done.points * len(sweep.times_s) <= SHOWN else None
    if rows is None:
        finished = (row for row in stored_rows(done.table) if row["accuracy"] is not None)
        rows = heapq.nlargest(BEST, finished, key=lambda row: (row["accuracy"], -row["point"]))
        title(f"The {BEST} most accurate rows")
    else:
        title("Accuracy, energy and latency of one inference")
    _rows(sweep, rows)
    if done.failed:
        _errors(stored_rows(done.table))
    say()
    say(visible(f"Table: {done.table}; run files: {done.folder / 'points'}"))


def _rows(sweep: Sweep, rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows, and as many columns as the terminal has room for."""
    names = [axis.name for axis in sweep.axes if len(axis) > 1] or [axis.name for axis in sweep.axes]
    short = _short(names)
    figures = ["accuracy", "95 % interval", "energy", "latency"]
    columns = {name: [short[name]] for name in names} | {name: [name] for name in ("time", *figures)}
    for row in rows:
        told = _figures(row) if row["status"] == "done" else ["failed", "", "", ""]
        cells = [*(_cell(row[name]) for name in names), format_time(row["time_s"]), *told]
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    left_out = []
    for name in (*_LEAVE_OUT, *reversed(names[1:])):
        if sum(max(map(len, column)) + _APART for column in columns.values()) > WIDTH:
            del columns[name]
            left_out.append(name)
    lines = list(zip(*columns.values(), strict=True))
    first = len(columns) - sum(name in columns for name in figures)
    table(lines[0], lines[1:], right=range(first, len(columns)))
    if left_out:
        say(visible(f"In the table too: {', '.join(left_out)}."), "dim")


def _short(names: Sequence[str]) -> dict[str, str]:
    """Headings: the last part of a dotted name, where that is enough to tell it from the others."""
    last = [name.rpartition(".")[2] for name in names]
    return {name: end if last.count(end) == 1 else name for name, end in zip(names, last, strict=True)}


def _figures(row: Mapping[str, Any]) -> list[str]:
    energy, latency = row["energy_joules"], row["latency_s"]
    return [
        per_cent(row["accuracy"]),
        f"{100 * row['accuracy_low']:.2f} .. {per_cent(row['accuracy_high'])}",
        "" if energy is None else format_si(energy, "J"),
        "" if latency is None else format_si(latency, "s"),
    ]


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _errors(rows: Iterable[Mapping[str, Any]]) -> None:
    """What went wrong, each message once, with how many points it befell."""
    title("Failures")
    counted = Counter({row["point"]: row["error"] for row in rows if row["error"]}.values())
    for error, points in counted.most_common(ERRORS):
        say(visible(f"{plural(points, 'point')}: {error[:ERROR_LENGTH]}"))
    if len(counted) > ERRORS:
        say(f"and {len(counted) - ERRORS} more kinds, in the table", "dim")


def _draw(done: SweepResult, plot: str | None) -> None:
    if plot is None:
        if done.sweep.axes:
            say(visible(f"Draw it: neurosim sweep {done.sweep.path} --out {done.folder} --resume --plot "
                        f"{done.sweep.axes[0].name}"), "dim")  # fmt: skip
        return
    from neurosim.reports.sweep_plots import plot_axis
    from neurosim.sweep import read_table

    path = done.folder / f"accuracy_{plot}.png"
    say(visible(f"Picture: {plot_axis(read_table(done.table), plot, path)}"))
