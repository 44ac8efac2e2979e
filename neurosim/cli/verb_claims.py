"""neurosim claims: what papers say of their chips, and what we find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.stopping import Stopped
from neurosim.cli.terminal import WIDEST, note, plural, room, say, table, title, visible
from neurosim.foundation.errors import ConfigError, near
from neurosim.foundation.units import format_si

if TYPE_CHECKING:
    from neurosim.claims import Verdict

EPILOG = """
**Examples**

Every claim of every chip, in about a minute

`neurosim claims`

One chip, a quick look at 500 images

`neurosim claims guo_2017 --limit 500`

Found in a primary source only, with the run files and the table kept

`neurosim claims --found --out claims`
"""

Chips = Annotated[
    list[str] | None,
    typer.Argument(metavar="CHIP", help="Chips, or paths of chip.toml; all of them by default."),
]
Found = Annotated[
    bool,
    typer.Option(
        "--found", metavar="", help="Only figures that were found in a source, not recalled or assumed."
    ),
]
Limit = Annotated[
    int | None, typer.Option(metavar="N", help="Only the first N images: a preview, not a verdict.")
]
Instances = Annotated[
    int | None, typer.Option(metavar="N", help="Chips to program, in place of what a claim says.")
]
Seed = Annotated[int, typer.Option(metavar="S", help="Root of every random draw.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Keep the run files and claims.csv in this folder.")
]

RELATIONS = {"equal": "", "at_least": ">= ", "at_most": "<= "}
_UNSURE = "*"
_FIGURES, _APART = 5, 3  # columns that every terminal gets, and the characters between two of them
_WITH_WORDS = 120  # characters from which on there is room for what the paper says
_REASONS = {
    "failed": "Failed",
    "missed": "Why missed",
    "not simulated": "Why not simulated",
    "met": "To know about claims that are met",
}
_FRACTIONS = ("accuracy", "difference_to_float", "neuron_mismatch")
_UNITS = {"energy_per_inference": "J", "energy_per_event": "J", "power": "W", "images_per_second": "/s"}


def claims_verb(
    chips: Chips = None,
    found: Found = False,
    limit: Limit = None,
    instances: Instances = None,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Run what papers claim of their chips: published, ours, the ratio, and whether the claim is met."""
    from neurosim.chips import chip_names
    from neurosim.claims import Options, check_claims, verdict_table
    from neurosim.recording.durable import write_durably

    names = chips or chip_names()
    _check(names, limit, instances, out)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    try:
        with Bar("images") as bar:
            for verdict in check_claims(names, Options(limit, instances, seed, out), bar, only_found=found):
                verdicts.append(verdict)
                if out is not None:
                    write_durably(out / "claims.csv", verdict_table(verdicts).encode(), "free some space")
    except (KeyboardInterrupt, Stopped):
        _say_how_far(verdicts, out)
        raise
    show_verdicts(verdicts)
    if out is not None:
        note(f"kept: {visible(out / 'claims.csv')}")
    if any(verdict.status == "failed" for verdict in verdicts):
        raise typer.Exit(1)


def _say_how_far(verdicts: Sequence[Verdict], folder: Path | None) -> None:
    """After a signal: what has been checked, and where it is."""
    kept = f", in {visible(folder / 'claims.csv')}" if folder is not None and verdicts else ""
    note(f"stopped; {plural(len(verdicts), 'claim')} checked until then{kept}")


def _check(names: Sequence[str], limit: int | None, instances: int | None, folder: Path | None) -> None:
    """Refuse what no claim could be run with, before any is."""
    from neurosim.chips import load_chip, load_claims

    for option, value in (("--limit", limit), ("--instances", instances)):
        if value is not None and value < 1:
            raise ConfigError(option, "at least 1", str(value), "leave it out for all")
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise ConfigError("chips", "each chip once", f"{double!r} twice", near(double, names))
    chips = [load_chip(name) for name in names]
    for chip in chips:
        load_claims(chip)
    called = [chip.name for chip in chips]
    if folder is not None and len(set(called)) < len(called):
        double = next(name for name in called if called.count(name) > 1)
        raise ConfigError("--out", "chips of different names: run files are called after them", f"two {double!r}",
                          "change the name in one chip.toml, or check them one by one")  # fmt: skip


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """The table of all verdicts, chip by chip, and below it the reasons."""
    _table(verdicts)
    if any(verdict.source.status != "found" for verdict in verdicts):
        say(f"{_UNSURE} not found in a source at hand: recalled, derived or assumed", "dim")
    for preview in dict.fromkeys(verdict.preview for verdict in verdicts if verdict.preview):
        say(f"Where images are classified: {preview}, not a verdict.", "dim")
    for status, heading in _REASONS.items():
        _reasons(heading, [verdict for verdict in verdicts if verdict.status == status])
    statuses = [verdict.status for verdict in verdicts]
    counted = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
    say()
    say(f"{plural(len(verdicts), 'claim')}: {counted or 'none to check'}", "bold")


def _table(verdicts: Sequence[Verdict]) -> None:
    """One row per claim; where the terminal is wide enough, with what the paper says."""
    columns = ["claim", "published", "ours", "ratio", "status"]
    says = room() >= _WITH_WORDS
    rows = [columns + ["what the paper says"] * says]
    for number, verdict in enumerate(verdicts):
        if number == 0 or verdicts[number - 1].chip != verdict.chip:
            rows.append([verdict.chip] + [""] * (len(rows[0]) - 1))
        rows.append(_row(verdict) + [verdict.claim.says] * says)
    table(rows[0], rows[1:], (1, 2, 3), whole=_unbroken(rows), width=WIDEST)


def _unbroken(rows: Sequence[Sequence[str]]) -> Sequence[int]:
    """The columns that are never broken over lines: all of the first five, but the names where they are so long that
    figures would be lost."""
    wanted = sum(max(len(row[column]) for row in rows) + _APART for column in range(_FIGURES)) - _APART
    return range(wanted > min(room(), WIDEST), _FIGURES)


def _row(verdict: Verdict) -> list[str]:
    """Name, published, ours, ratio, status. Without a value of ours, the status stands in its place."""
    claim = verdict.claim
    mark = "" if verdict.source.status == "found" else _UNSURE
    published = RELATIONS[claim.relation] + quantity(claim.metric, claim.published) + mark
    if verdict.ours is None:
        return [f"  {claim.id}", published, verdict.status, "", ""]
    ratio = "" if math.isnan(verdict.ratio) else f"{verdict.ratio:.3g}"
    return [f"  {claim.id}", published, quantity(claim.metric, verdict.ours), ratio, verdict.status]


def _reasons(heading: str, verdicts: Sequence[Verdict]) -> None:
    """What is known of the reasons of claims of one status, chip by chip; a reason shared by claims is told once."""
    rows: list[tuple[str, str]] = []
    chip, last = "", ""
    for verdict in verdicts:
        reason = _reason(verdict)
        if not reason:
            continue
        if verdict.chip != chip:
            rows.append((verdict.chip, ""))
            chip, last = verdict.chip, ""
        rows.append((f"  {verdict.claim.id}", "as above" if reason == last else reason))
        last = reason
    if rows:
        title(heading)
        short = max(len(name) for name, _ in rows) <= min(room(), WIDEST) // 2
        table(["", ""], rows, whole=(0,) * short, width=WIDEST)


def _reason(verdict: Verdict) -> str:
    """Why; of a missed claim first by how much."""
    if verdict.status != "missed" or verdict.ours is None:
        return verdict.reason
    claim = verdict.claim
    difference = verdict.ours - claim.published
    by = f"{amount(claim.metric, abs(difference))} {'above' if difference > 0 else 'below'}"
    allowed = f"{amount(claim.metric, claim.tolerance)} allowed" if claim.tolerance else "nothing allowed"
    return "; ".join(filter(None, (f"{by}, {allowed}", verdict.reason)))


def amount(metric: str, difference: float) -> str:
    """A difference between two values of a metric."""
    return f"{100 * difference:.2g} points" if metric in _FRACTIONS else quantity(metric, difference)


def quantity(metric: str, value: float) -> str:
    """A value of a metric as people write it."""
    if metric == "difference_to_float":
        return f"{100 * value:+.2f} points"
    if metric in _FRACTIONS:
        return f"{100 * value:.2f} %"
    if metric == "ratio":
        return f"{value:g} times"
    if metric == "latency":
        return format_si(value, "s")
    if metric == "output_bits":
        return f"{value:.2f} bit"
    if metric in ("weights", "devices"):
        return f"{value:,.0f}"
    if metric.endswith("per_second_per_square_metre"):
        return format_si(value * 1e-6, "OP/s/mm2")
    if metric.endswith("ops_per_second"):
        return format_si(value, "OP/s")
    if metric.endswith("ops_per_joule"):
        return format_si(value, "OP/s/W")
    return format_si(value, _UNITS[metric])
