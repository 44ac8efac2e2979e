"""The summary of a run as tables: accuracy over time, energy by component, speed and area."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from neurosim.cli.terminal import per_cent, plural, say, table, title, visible
from neurosim.foundation.units import format_area, format_si, format_time

if TYPE_CHECKING:
    from neurosim.costs import Ledger
    from neurosim.reports import Stepwise, Summary
    from neurosim.reports.activity import Activity

GIGA = 1e9
_TOLD = ("network", "chip", "mode", "inputs", "seed")
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of which the accuracy is shown
SQUARE_MM = 1e-6  # in square metres


def show_summary(summary: Summary) -> None:
    """Print all that a run came to."""
    of = {name: summary.attributes.get(name, "?") for name in _TOLD}
    say(visible(f"{of['network']} on {of['chip']} ({of['mode']})"), "bold")
    work = f"{plural(summary.images, 'image')} of {of['inputs']}, {plural(summary.chips, 'chip')}, seed {of['seed']}"
    say(visible(", ".join([work, *_how(summary.attributes)])))
    _accuracy(summary)
    if summary.ledger.priced:
        _energy(summary.ledger)
        _speed(summary.ledger)
    else:
        title("Energy, time, area")
        say(visible(f"none: {of['chip']} has no circuit, so nothing is timed or priced"))
    _saturation(summary)
    if summary.activity is not None:
        _activity(summary.activity)


def _how(attributes: Mapping[str, Any]) -> Iterator[str]:
    """What a run was told beside its network and chip."""
    if "drift_compensation" in attributes:
        yield f"drift compensation {attributes['drift_compensation']}"
    if "steps" in attributes:
        yield f"{attributes['steps']} steps"
    if "arithmetic" in attributes:
        yield f"arithmetic {attributes['arithmetic']}"
    if "encoding" in attributes:
        yield f"input {attributes['encoding']}"


def _accuracy(summary: Summary) -> None:
    accuracy, several = summary.accuracy, summary.chips > 1
    compared = not math.isnan(summary.float_accuracy)  # a network that learns on the chip has no float twin
    title(f"Accuracy (float network: {per_cent(summary.float_accuracy)})" if compared else "Accuracy")
    columns = ["time", "mean", "95 % interval", *(["to float"] if compared else [])]
    columns += ["worst .. best chip"] if several else []
    columns += ["energy"] if summary.ledger.priced else []
    rows = []
    for time, seconds in enumerate(accuracy.times_s):
        chips = accuracy.per_chip[:, time]
        row = [
            format_time(seconds),
            per_cent(accuracy.mean[time]),
            f"{100 * accuracy.low[time]:.2f} .. {per_cent(accuracy.high[time])}",
        ]
        row += [f"{100 * summary.difference_to_float[time]:+.2f}"] if compared else []
        row += [f"{100 * chips.min():.2f} .. {per_cent(chips.max())}"] if several else []
        row += [format_si(float(summary.joules[time]), "J")] if summary.ledger.priced else []
        rows.append(row)
    table(columns, rows, right=range(1, len(columns)))
    say(f"Interval: {accuracy.method}.", "dim")
    if compared:
        say("To float: difference to the float network, in percentage points.", "dim")


def show_steps(stepwise: Stepwise) -> None:
    """Print how good the answers are after how many steps, at the first time."""
    title("Accuracy after so many steps")
    shown = sorted({*(n for n in _STEPS if n < stepwise.steps), stepwise.steps})
    accuracy = stepwise.mean[0]
    table([f"{n:,}" for n in shown], [[per_cent(accuracy[n - 1]) for n in shown]], right=range(len(shown)))
    say(f"From {plural(stepwise.settled(), 'step')} on it stays within 0.5 points of the last one.", "dim")


def _energy(ledger: Ledger) -> None:
    title(f"Energy of one inference ({visible(ledger.label)})")
    rows = [
        (name, format_si(joules, "J"), per_cent(joules / ledger.total, 1), *_priced(ledger, name))
        for name, joules in sorted(ledger.by_component().items(), key=lambda item: -item[1])
        if joules
    ]
    rows.append(("total", format_si(ledger.total, "J"), "", "", ""))
    table(["component", "per inference", "share", "node", "prices"], rows, right=(1, 2), total=True)
    if learned := math.fsum(row.joules for row in ledger.learning):
        say(f"Apart from this, learning took {format_si(learned, 'J')}, once.", "dim")
    guessed = sum(joules for status, joules in ledger.statuses.items() if status in ("assumed", "recalled"))
    say(f"Of this, {per_cent(guessed / ledger.total, 0)} rests on assumed or recalled prices.", "dim")
    for component, reason in ledger.unpriced.items():
        say(visible(f"Without {component}: {reason.removeprefix('not priced: ')}."), "dim")
    if ledger.mixed_nodes:
        nodes = ", ".join(ledger.nodes)
        say(visible(f"Mixed technology nodes ({nodes}): read sums and shares with care."), "yellow")


def _priced(ledger: Ledger, component: str) -> tuple[str, str]:
    """Technology nodes of a component's prices, and how sure they are, the least sure first."""
    from neurosim.foundation.records import STATUSES  # from sure to guessed

    tags = [row.price for row in ledger.rows if row.component == component and row.joules and row.price]
    nodes = sorted({tag.node for tag in tags if tag.node}, key=ledger.nodes.index)
    statuses = {tag.status for tag in tags}
    return ", ".join(nodes), ", ".join(status for status in reversed(STATUSES) if status in statuses)


def _speed(ledger: Ledger) -> None:
    times = ledger.times
    assert times is not None  # a priced ledger is timed
    slowest = max(times.layers, key=lambda name: times.layers[name])
    in_order = f"{plural(len(times.layers), 'layer')}, one after the other"
    if times.steps:
        in_order = f"{plural(times.steps, 'step')} of {format_si(times.step_s, 's')}, {times.fill} to fill"
    paced, extent = f"all layers at work, {slowest} the slowest", "of the tiles used, with their converters"
    together = f"batch of {times.batch}" if times.batch > 1 else "image"
    if times.batch:
        paced = f"batches of {times.batch}, one layer at a time, {slowest} the slowest"
        extent = "of the whole chip"
    per_second = format_si(1 / times.interval_s, "").rstrip()
    density = ledger.ops_per_second_per_square_metre * SQUARE_MM / GIGA
    rows = [
        ("latency", f"{format_si(times.image_s, 's')} per {together}", in_order),
        ("throughput", f"{per_second} images/s", paced),
        ("area", format_area(ledger.square_metres), extent),
        (
            "efficiency",
            f"{_number(ledger.ops_per_joule / GIGA)} GOP/s/W",
            f"{ledger.ops:,} operations an image",
        ),
        ("density", f"{_number(density)} GOP/s/mm2", "at full throughput"),
    ]
    title(f"Speed and area ({visible(ledger.label)})")
    table(["", "", ""], rows)


def _activity(activity: Activity) -> None:
    title("Spikes")
    rows = [
        (name, f"{spikes:,.1f}", f"{rate:.3f}")
        for name, spikes, rate in zip(activity.layers, activity.per_image, activity.rate, strict=True)
    ]
    table(["neurons after", "per image", "per neuron and step"], rows, right=(1, 2))
    for flag in activity.flags:
        say(visible(f"Note: {flag}."), "yellow")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _saturation(summary: Summary) -> None:
    if not summary.saturation:
        return
    parts = []
    for converter, fractions in summary.saturation.items():
        worst = fractions.max(axis=0)
        layer = summary.layers[int(worst.argmax())]
        parts.append(
            f"{converter} {per_cent(float(worst.max()), 3)}" + (f" ({layer})" if worst.max() else "")
        )
    title("Saturated conversions, worst layer")
    say(visible(", ".join(parts)))
    if summary.narrow_adc:
        _narrow(summary)


def _narrow(summary: Summary) -> None:
    """A warning: the ADC cannot tell all sums apart, and this is how often it ran against its end."""
    worst = dict(zip(summary.layers, summary.saturation["ADC"].max(axis=0), strict=True))
    rows = [
        (visible(layer), str(bits), str(needed), per_cent(float(worst[layer]), 3))
        for layer, (bits, needed) in summary.narrow_adc.items()
    ]
    title("Warning: ADCs with fewer bits than the sums of their columns need")
    table(["ADC of", "bits", "needed", "saturated"], rows, right=(1, 2, 3))
