"""A placed network as tables: layer by layer, chips, expected energy, speed beside the chip's peak."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurosim.cli.terminal import WIDEST, per_cent, plural, say, table, title, visible
from neurosim.foundation.units import format_area, format_si

if TYPE_CHECKING:
    from neurosim.pipeline.placed import Placed, PlacedLayer

TERA, SQUARE_MM = 1e12, 1e-6
_NOT_TOLD = "not told"


def show_placed(placed: Placed) -> None:
    """Print where a network lies and what an inference is expected to cost."""
    net, chip, where = placed.network, placed.chip, placed.spread
    say(visible(f"{net.name} on {chip.name}, from its shapes alone"), "bold")
    say(
        visible(
            f"{net.weights:,} weights, {net.macs / 1e9:.3g} G multiply-accumulates an image; {chip.label}"
        )
    )
    say()
    _layers(placed)
    _places(placed)
    if placed.ledger.priced:
        _energy(placed)
        _speed(placed)
    else:
        title("Energy, time, area")
        say(visible(f"none: {chip.name} has no circuit, so nothing is timed or priced"))
    if where.rounds > 1:
        _reprogramming(placed)


def _layers(placed: Placed) -> None:
    several, rounds = placed.spread.chips > 1, placed.spread.rounds > 1
    timed = placed.ledger.priced
    columns = ["layer", "matrix", "vectors", "tiles", "copies"]
    columns += ["chip"] if several else []
    columns += ["round"] if rounds else []
    columns += ["cells used", *(["conversions used", "latency", "energy"] if timed else [])]
    rows = [_layer(layer, placed, several, rounds) for layer in placed.layers()]
    table(columns, rows, right=range(2, len(columns)), whole=(0, 1), width=WIDEST)


def _layer(layer: PlacedLayer, placed: Placed, several: bool, rounds: bool) -> list[str]:
    groups = f"{layer.groups} x " if layer.groups > 1 else ""
    row = [layer.name, f"{groups}{layer.rows} x {layer.columns}", f"{layer.positions:,}", f"{layer.tiles:,}",
           f"{layer.copies:,}"]  # fmt: skip
    row += [_span(layer.chips)] if several else []
    row += [_span(layer.rounds)] if rounds else []
    row.append(per_cent(layer.cells_used, 1))
    if layer.seconds is not None and layer.joules is not None:
        used = "" if layer.conversions_used is None else per_cent(layer.conversions_used, 1)
        row += [used, format_si(layer.seconds, "s"), per_cent(layer.joules / placed.ledger.total, 1)]
    return row


def _span(numbers: tuple[int, int]) -> str:
    """First and last of a range, counted from 1."""
    first, last = numbers
    return str(first + 1) if first == last else f"{first + 1} .. {last + 1}"


def _places(placed: Placed) -> None:
    where, sent = placed.spread, placed.traffic
    capacity = placed.chip.parameters.capacity
    used = f"{per_cent(placed.cells_used, 1)} of their cells hold a weight"
    rows = [("tiles", f"{placed.tiles:,}", used)]
    if where.capacity is None:
        rows.append(("chips", _NOT_TOLD, "the chip does not say how many tiles it has"))
    else:
        share = f"{per_cent(placed.chips_used, 1)} of their tiles, of {where.capacity:,} each, are occupied"
        rows.append(("chips", f"{where.chips:,}", share))
    if where.rounds > 1:
        rows.append(("rounds", f"{where.rounds:,}", "the chips are programmed anew for each"))
        rows.append(("kept", _bytes(sum(sent.kept.values())), "of an image, from one round to a later one"))
    if where.chips > 1:
        rows.append(("links", _bytes(sum(sent.links.values())), "of an image, between chips"))
    rows.append(("outside", _bytes(sent.outside), "of an image, to the chips that read it, and its scores"))
    if capacity is not None and capacity.area_square_metres is not None:
        text = f"{plural(where.chips, 'whole chip')}, as published"
        rows.append(("chip area", format_area(capacity.area_square_metres * where.chips), text))
    if capacity is not None and capacity.power_watts is not None:
        text = f"{plural(where.chips, 'whole chip')} at full speed, as published"
        rows.append(("chip power", format_si(capacity.power_watts * where.chips, "W"), text))
    title("Place")
    table(["", "", ""], rows)


def _bytes(count: float) -> str:
    return format_si(float(count), "B")


def _energy(placed: Placed) -> None:
    ledger, shares = placed.ledger, placed.assumed
    title(f"Expected energy of one image ({visible(ledger.label)})")
    rows = [
        (name, format_si(joules, "J"), per_cent(joules / ledger.total, 1))
        for name, joules in sorted(ledger.by_component().items(), key=lambda item: -item[1])
        if joules
    ]
    rows.append(("total", format_si(ledger.total, "J"), ""))
    table(["component", "per image", "share"], rows, right=(1, 2), total=True)
    say(f"Expected, assumed: no data were run. Mean conductance {shares.mean_conductance:g} of the devices' range, "
        f"input activity {shares.input_activity:g}; they decide the array's energy alone.", "dim")  # fmt: skip
    for component, reason in ledger.unpriced.items():
        say(visible(f"Without {component}: {reason.removeprefix('not priced: ')}."), "dim")
    if sum(placed.traffic.links.values()):
        say("Without the energy of links between chips: the chip gives no price of them.", "dim")
    if ledger.mixed_nodes:
        say(
            visible(f"Mixed technology nodes ({', '.join(ledger.nodes)}): read sums and shares with care."),
            "yellow",
        )


def _speed(placed: Placed) -> None:
    pace, ledger = placed.pace, placed.ledger
    assert pace is not None  # a priced ledger is timed
    slowest = max(placed.layers(), key=lambda layer: layer.seconds or 0.0)
    follow = "the whole of it" if placed.spread.rounds > 1 else f"{slowest.name} is the slowest layer"
    rows = [
        (
            "latency",
            format_si(pace.image_s, "s"),
            "of a batch" if placed.spread.rounds > 1 else "of one image alone",
        ),
        ("images/s", format_si(1 / pace.interval_s, ""), f"one behind the other: {follow}"),
        ("energy", format_si(placed.joules_at_pace, "J"), "of an image at that rate: it leaks for less time"),
        ("area", format_area(ledger.square_metres), "of the tiles used, with their converters"),
    ]
    title(f"Speed and area ({visible(ledger.label)})")
    table(["", "", ""], rows)
    if pace.link_s is None:
        say("Without the time of links between chips: the chip does not say how fast they are.", "dim")
    _merit(placed)


def _merit(placed: Placed) -> None:
    """Figures of merit beside those of a chip whose tiles are all full and busy."""
    peak, chips = placed.peak, placed.spread.chips
    rows = [
        _compared("TOP/s", placed.ops_per_second, peak.ops_per_second * chips if peak else None, 1.0),
        _compared("TOP/s/W", placed.ops_per_joule, peak.ops_per_joule if peak else None, 1.0),
        _compared("TOP/s/mm2", placed.ops_per_second_per_square_metre,
                  peak.ops_per_second_per_square_metre if peak else None, SQUARE_MM),
    ]  # fmt: skip
    title("Achieved at that rate, 2 operations per multiply-accumulate")
    table(["", "achieved", "peak", "share"], rows, right=(1, 2, 3))
    if peak is None:
        say("No peak: the chip does not say how many tiles it has.", "dim")
    else:
        say(
            f"Peak: every tile of {plural(chips, 'chip')} full and busy, over published power and area.",
            "dim",
        )


def _compared(name: str, value: float, peak: float | None, scale: float) -> tuple[str, str, str, str]:
    mine = f"{value * scale / TERA:.3g}"
    if peak is None or math.isnan(value):
        return name, mine, "", ""
    return name, mine, f"{peak * scale / TERA:.3g}", per_cent(value / peak, 1)


def _reprogramming(placed: Placed) -> None:
    title("Programming the chips anew")
    say(f"{placed.programs:,.0f} devices an image.")
    for row in placed.reprogramming:
        if row.joules:
            say(f"{format_si(row.joules, 'J')} an image, beside the energy above.")
        else:
            say(visible(f"Energy {row.note}."), "dim")
    say("Without its time, which the chip does not give: the latency is that of the reads alone.", "dim")
