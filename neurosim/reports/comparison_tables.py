"""A comparison as tables of text: what the command line shows, and `Comparison.table()`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.costs import LEARNING, SPIKING_COMPONENTS, Ledger
from neurosim.foundation.units import format_area, format_si, format_time
from neurosim.reports.compared import Compared
from neurosim.reports.crossover import Crossover, StepCourse

if TYPE_CHECKING:
    from neurosim.reports.comparison import Comparison, Equal, Meeting

SHOWN_STEPS = (1, 2, 5)  # times powers of ten, and the last
SHARES = 3  # so many runs have room for per cents beside their energies
NONE = "-"


@dataclass(frozen=True)
class Section:
    """A heading, a table (first column flush left, the others right) and sentences below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def sections(comparison: Comparison) -> Iterator[Section]:
    """All tables of a comparison, in order."""
    yield _side_by_side(comparison)
    if any(run.ledger.priced for run in comparison.runs):
        yield _components(comparison)
    for meeting in comparison.meetings:
        yield _paired(meeting)
        if meeting.crossover:
            yield _crossing(meeting, meeting.crossover)
    for run in comparison.runs:
        if run.course:
            yield _course(run, run.course)
    if comparison.equal:
        yield _equal(comparison)
    yield Section("To know before reading the totals", (), (), comparison.flags or ("nothing",))


def plain_text(comparison: Comparison) -> str:
    """All tables as plain text."""
    lines: list[str] = []
    for section in sections(comparison):
        lines += ["", section.title, *_aligned(section), *(f"  {note}" for note in section.notes)]
    return "\n".join(lines[1:])


def _aligned(section: Section) -> list[str]:
    table = [section.columns, *section.rows] if section.columns else []
    widths = [max(len(row[k]) for row in table) for k in range(len(section.columns))]
    lines = []
    for row in table:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(["  " + row[0].ljust(widths[0]), *cells]).rstrip())
    return lines


def _side_by_side(comparison: Comparison) -> Section:
    runs = comparison.runs
    rows = [
        ("network", *(str(run.attributes.get("network", "?")) for run in runs)),
        ("chip", *(str(run.attributes.get("chip", "?")) for run in runs)),
        ("mode", *(str(run.attributes.get("mode", "rate")) for run in runs)),
        ("steps", *(str(run.steps or NONE) for run in runs)),
        ("chips x images", *(f"{run.correct.shape[0]} x {run.correct.shape[1]:,}" for run in runs)),
        ("age", *(format_time(run.t_s) for run in runs)),
        ("accuracy", *(per_cent(float(run.accuracy.mean[0])) for run in runs)),
        ("95 % interval", *(_interval(run) for run in runs)),
        *((name, *(told(run.ledger) for run in runs)) for name, told in _FIGURES),
    ]
    notes = [f"{run.letter}: {text}" for run in runs for text in _whole(run.ledger)]
    return Section(
        "Side by side, per inference", ("", *(run.letter for run in runs)), tuple(rows), tuple(notes)
    )


def _whole(ledger: Ledger) -> Iterator[str]:
    for row in ledger.whole_chip:
        watts = f" of {format_si(row.price.value, 'W')}" if row.price else ""
        text = f"the whole chip's static power{watts} takes {format_si(row.joules, 'J')} per inference, used or not"
        yield f"{text}; the sums hold the used cores' share alone"


def _priced(text: str) -> str:
    return NONE if "nan" in text else text


_EQUAL = ("energy", "latency", "power", "area", "energy x delay")


def _energy(ledger: Ledger) -> str:
    return format_si(ledger.total, "J") if ledger.priced else NONE


def _latency(ledger: Ledger) -> str:
    return format_si(ledger.times.image_s, "s") if ledger.times else NONE


def _area(ledger: Ledger) -> str:
    return format_area(ledger.square_metres) if ledger.priced else NONE


_FIGURES: tuple[tuple[str, Callable[[Ledger], str]], ...] = (
    ("energy", _energy),
    ("latency", _latency),
    ("images/s", lambda ledger: _priced(format_si(ledger.images_per_second, ""))),
    ("power", lambda ledger: _priced(format_si(ledger.watts, "W"))),
    ("area", _area),
    ("energy x delay", lambda ledger: _priced(format_si(energy_delay(ledger), "J s"))),
    ("nodes", lambda ledger: " + ".join(ledger.nodes) or NONE),
)


def energy_delay(ledger: Ledger) -> float:
    """Joule seconds of one inference."""
    return ledger.total * ledger.times.image_s if ledger.times else float("nan")


def per_cent(fraction: float, digits: int = 2) -> str:
    """A fraction in per cent."""
    return f"{100 * fraction:.{digits}f} %"


def _interval(run: Compared) -> str:
    accuracy = run.accuracy
    return f"{100 * accuracy.low[0]:.2f}..{100 * accuracy.high[0]:.2f}"


def _components(comparison: Comparison) -> Section:
    runs = [run for run in comparison.runs if run.ledger.priced]
    parts = {run.letter: run.ledger.by_component() for run in runs}
    known = [*SPIKING_COMPONENTS, LEARNING]
    named = dict.fromkeys(name for joules in parts.values() for name in joules)
    order = sorted(named, key=lambda name: known.index(name) if name in known else -1)
    shown = [name for name in order if any(joules.get(name, 0) for joules in parts.values())]
    shares = len(runs) <= SHARES
    rows = [
        (name, *(_component(parts[run.letter].get(name, 0), run.ledger.total, shares) for run in runs))
        for name in shown
    ]
    rows.append(("total", *(format_si(run.ledger.total, "J") for run in runs)))
    return Section(
        "Energy by component", ("", *(run.letter for run in runs)), tuple(rows), tuple(_zeros(runs, shown))
    )


def _component(joules: float, total: float, share: bool) -> str:
    if not joules:
        return "0"
    return format_si(joules, "J") + (f" ({100 * joules / total:.1f} %)" if share else "")


def _zeros(runs: list[Compared], shown: list[str]) -> Iterator[str]:
    """Why what costs another run something costs this one nothing."""
    for name in shown:
        for run in runs:
            reasons = [row.note for row in run.ledger.rows if row.component == name and not row.joules]
            if reasons and not run.ledger.by_component()[name]:
                yield f"{run.letter}, {name} 0: {reasons[0]}"


def _paired(meeting: Meeting) -> Section:
    pairing, a, b = meeting.pairing, meeting.first, meeting.second
    kinds = (
        ("both right", pairing.both),
        (f"only {a} right", pairing.only_first),
        (f"only {b} right", pairing.only_second),
        ("neither", pairing.neither),
    )
    columns = ("images", *(f"chip {k}" for k in range(min(pairing.chips, 4))))
    rows = tuple((name, *(f"{int(n):,}" for n in counts[:4])) for name, counts in kinds)
    points = f"{100 * pairing.difference:+.2f} points"
    if pairing.half_width is not None:
        points += f" +- {100 * pairing.half_width:.2f} (95 %, {pairing.chips} pairs of chips)"
    notes = (
        f"{b} less {a}: {points}; McNemar's exact test, chip 0: p = {pairing.p_value:.3g}",
        f"{a} and {b}: {meeting.devices}",
    )
    return Section(f"{a} and {b}, image by image", columns, rows, notes)


def _crossing(meeting: Meeting, crossover: Crossover) -> Section:
    spiking = meeting.spiking
    rival = meeting.first if meeting.second == spiking else meeting.second
    tolerance = f"{100 * crossover.tolerance:g} points"
    reached = crossover.accuracy_steps
    rows = [
        ("steps that cost no more than " + rival, _steps(crossover.energy_steps, crossover.steps)),
        (
            f"steps to {rival}'s accuracy, within {tolerance}",
            "never reached" if reached is None else str(reached),
        ),
        (f"energy at {crossover.at_steps} steps", format_si(crossover.joules, "J")),
        ("of it, what no spike would save", format_si(crossover.quiet_joules, "J")),
        (f"energy of {rival}", format_si(crossover.rival_joules, "J")),
        ("synaptic events per image", f"{crossover.events:,.0f}"),
        ("events per synapse and step", f"{crossover.rate:.3g}"),
        ("events at which the energies meet", _meeting_events(crossover)),
        ("rate at which they meet", _meeting_rate(crossover)),
    ]
    if crossover.image_steps is not None and crossover.images_won is not None:
        low, middle, high = crossover.image_steps
        rows.append(
            (f"images that cost less, at {crossover.at_steps} steps", per_cent(crossover.images_won, 1))
        )
        rows.append(("affordable steps, image by image", f"{middle:g} ({low:g}..{high:g})"))
    return Section(
        f"Where {spiking} stops winning over {rival}",
        ("", spiking),
        tuple(rows),
        (_verdict(crossover, spiking, rival),),
    )


def _steps(affordable: int, steps: int) -> str:
    if affordable == 0:
        return "none: one step costs more"
    return f"all {steps}" if affordable == steps else str(affordable)


def _meeting_events(crossover: Crossover) -> str:
    events = crossover.crossing_events
    if events is None:
        return "no energy grows with events"
    return "none: without a spike it costs more" if events < 0 else f"{events:,.0f}"


def _meeting_rate(crossover: Crossover) -> str:
    rate = crossover.crossing_rate
    if rate is None or rate < 0:
        return NONE
    return f"{rate:.3g}" + (" (above 1: it wins at any rate)" if rate > 1 else "")


def _verdict(crossover: Crossover, spiking: str, rival: str) -> str:
    reached, affordable = crossover.accuracy_steps, crossover.energy_steps
    if reached is None:
        return f"{spiking} never is as accurate as {rival}, within {100 * crossover.tolerance:g} points"
    if crossover.wins:
        return (
            f"{spiking} wins from {reached} to {affordable} steps: as accurate as {rival}, at no more energy"
        )
    factor = crossover.joules / crossover.rival_joules
    return f"{spiking} never wins: as accurate as {rival} from {reached} steps on, at {factor:.3g} times its energy"


def _course(run: Compared, course: StepCourse) -> Section:
    times = run.ledger.times
    fill = times.fill if times else 0
    rows = []
    for steps in shown_steps(course.steps):
        latency = format_si((steps + fill) * times.step_s, "s") if times else NONE
        joules = format_si(float(course.joules[steps - 1]), "J") if run.ledger.priced else NONE
        events = f"{course.events[steps - 1]:,.0f}"
        rows.append((str(steps), per_cent(float(course.accuracy[steps - 1])), joules, latency, events))
    columns = ("steps", "accuracy", "energy", "latency", "events")
    return Section(f"{run.letter} step by step", columns, tuple(rows))


def shown_steps(steps: int) -> list[int]:
    """1, 2, 5, 10, ... and the last."""
    chosen = [base * 10**power for power in range(len(str(steps))) for base in SHOWN_STEPS]
    return sorted({n for n in chosen if n < steps} | {steps})


def _equal(comparison: Comparison) -> Section:
    assert comparison.equal_accuracy is not None
    pairs = tuple(zip(comparison.equal, comparison.runs, strict=True))
    told = dict(_FIGURES)
    rows = [
        ("network", *(str(run.attributes.get("network", "?")) for _, run in pairs)),
        ("chip", *(str(run.attributes.get("chip", "?")) for _, run in pairs)),
        ("steps", *(_fewest(entry, run) for entry, run in pairs)),
        ("accuracy", *(per_cent(entry.accuracy) for entry, _ in pairs)),
        *((name, *(told[name](entry.ledger) for entry, _ in pairs)) for name in _EQUAL),
    ]
    unreached = [entry.letter for entry in comparison.equal if entry.steps is None]
    notes = tuple(f"{letter} does not reach it: shown with all its steps" for letter in unreached)
    title = f"At equal accuracy, {per_cent(comparison.equal_accuracy)} or better, each with its own network"
    return Section(title, ("", *(entry.letter for entry, _ in pairs)), tuple(rows), notes)


def _fewest(entry: Equal, run: Compared) -> str:
    return NONE if entry.steps == 0 else str(entry.steps or run.steps)
