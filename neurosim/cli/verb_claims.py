"""neurosim claims: what papers say of their chips, and what we find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.cli.bars import Bar
from neurosim.cli.terminal import WIDEST, note, plural, say, table, title, visible
from neurosim.foundation.errors import ConfigError, near
from neurosim.foundation.units import format_si, format_time

if TYPE_CHECKING:
    from neurosim.claims import Verdict

EPILOG = """
**Examples**

Every claim of every chip: the longest take minutes

`neurosim claims`

One chip, a quick look at 500 images

`neurosim claims guo_2017 --limit 500`

Found in a primary source only, with the run files and the table kept

`neurosim claims --found --out claims`
"""

Chips = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CHIP]...", help="Chips, or paths of chip.toml; all of them by default."),
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

    names = chips or chip_names()
    _check(names, limit, instances)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    with Bar("images") as bar:
        for verdict in check_claims(names, Options(limit, instances, seed, out), bar, only_found=found):
            verdicts.append(verdict)
            if out is not None:
                (out / "claims.csv").write_text(verdict_table(verdicts), encoding="utf-8")
    show_verdicts(verdicts)
    if out is not None:
        note(f"kept: {visible(out / 'claims.csv')}")
    if any(verdict.status == "failed" for verdict in verdicts):
        raise typer.Exit(1)


def _check(names: Sequence[str], limit: int | None, instances: int | None) -> None:
    """Refuse what no claim could be run with, before any is."""
    from neurosim.chips import load_chip

    for option, value in (("--limit", limit), ("--instances", instances)):
        if value is not None and value < 1:
            raise ConfigError(option, "at least 1", str(value), "leave it out for all")
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise ConfigError("chips", "each chip once", f"{double!r} twice", near(double, names))
    for name in names:
        load_chip(name)


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """The table of all verdicts, chip by chip, and below it the reasons."""
    rows: list[tuple[str, ...]] = []
    for number, verdict in enumerate(verdicts):
        if number == 0 or verdicts[number - 1].chip != verdict.chip:
            rows.append((verdict.chip, "", "", "", ""))
        rows.append(_row(verdict))
    table(["claim", "published", "ours", "ratio", "status"], rows, (1, 2, 3), whole=(1, 2, 4), width=WIDEST)
    if any(verdict.source.status != "found" for verdict in verdicts):
        say(f"{_UNSURE} not found in a source at hand: recalled, derived or assumed", "dim")
    reasons: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        if verdict.reason:
            reasons.setdefault((verdict.chip, verdict.reason), []).append(verdict.claim.id)
    if reasons:
        title("Why")
        for (chip, reason), names in reasons.items():
            say(visible(f"{chip} {', '.join(names)}: {reason}"))
    statuses = [verdict.status for verdict in verdicts]
    counted = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
    say()
    say(f"{plural(len(verdicts), 'claim')}: {counted or 'none to check'}", "bold")


def _row(verdict: Verdict) -> tuple[str, ...]:
    claim = verdict.claim
    mark = "" if verdict.source.status == "found" else _UNSURE
    return (
        f"  {claim.id}",
        RELATIONS[claim.relation] + quantity(claim.metric, claim.published) + mark,
        "" if verdict.ours is None else quantity(claim.metric, verdict.ours),
        "" if math.isnan(verdict.ratio) else f"{verdict.ratio:.3g}",
        verdict.status,
    )


def quantity(metric: str, value: float) -> str:
    """A value of a metric as people write it."""
    if metric in _FRACTIONS:
        return f"{100 * value:.2f} %"
    if metric == "ratio":
        return f"{value:g} times"
    if metric == "latency":
        return format_time(value)
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
