"""A placed network as tables: layer by layer, chips, expected energy, speed beside the chip's peak."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from neurosim.cli.terminal import WIDEST, WIDTH, out, per_cent, plural, say, table, title, visible
from neurosim.foundation.units import format_area, format_si

if TYPE_CHECKING:
    from neurosim.chips import Chip
    from neurosim.costs import ChipFigures, Ledger
    from neurosim.graph import Architecture
    from neurosim.pipeline.placed import Placed, PlacedLayer

TERA, SQUARE_MM = 1e12, 1e-6
_GAP = 3  # characters between two columns of a table
_DISPENSABLE = ("vectors", "ADCs", "matrix")  # columns, in the order in which a narrow terminal loses them


def show_placed(placed: Placed) -> None:
    """Print where a network lies and what an inference is expected to cost."""
    chip = placed.chip
    heading(placed.network, chip)
    _layers(placed)
    _places(placed)
    if placed.ledger.priced:
        _energy(placed)
        _speed(placed)
        _merit(placed)
    else:
        title("Energy, time, area")
        say(visible(f"none: {chip.name} has no circuit, so nothing is timed or priced"))


def heading(network: Architecture, chip: Chip) -> None:
    """What is placed on what."""
    say(visible(f"{network.name} on {chip.name}, from its shapes alone"), "bold")
    macs = f"{format_si(network.macs, '').strip()} multiply-accumulates an image"
    say(f"{network.weights:,} weights, {macs}")
    say(visible(f"The chip: {chip.label}"))
    say()


def energy_table(ledger: Ledger) -> None:
    """Energy by component, the largest first."""
    rows = [
        (name, format_si(joules, "J"), per_cent(joules / ledger.total, 1))
        for name, joules in sorted(ledger.by_component().items(), key=lambda item: -item[1])
        if joules
    ]
    rows.append(("total", format_si(ledger.total, "J"), ""))
    table(["component", "per image", "share"], rows, right=(1, 2), total=True)


def explain_unpriced(ledger: Ledger) -> None:
    """What the total leaves out."""
    for component, reason in ledger.unpriced.items():
        explain(f"Without {component}: {reason.removeprefix('not priced: ')}.")


def warn_of_nodes(ledger: Ledger) -> None:
    """Prices of several technology nodes are told."""
    if ledger.mixed_nodes:
        nodes = ", ".join(ledger.nodes)
        say(visible(f"Mixed technology nodes ({nodes}): read sums and shares with care."), "yellow")


def explain(text: str) -> None:
    """A remark, wrapped where it is no terminal that does so."""
    for line in textwrap.wrap(visible(text), min(out().width, WIDTH)):
        say(line, "dim")


def _layers(placed: Placed) -> None:
    """One row per layer; columns that a narrow terminal has no room for are left out, and named."""
    layers = placed.layers()
    columns = _columns(layers, placed.ledger.total or 1.0)
    priced, spread = placed.ledger.priced, placed.spread
    needed = {
        "cells": placed.cells_used is not None,
        "copies": any(layer.copies > 1 for layer in layers),
        "chip": spread.chips > 1,
        "round": spread.rounds > 1,
        "ADCs": any(layer.conversions_used is not None for layer in layers),
        "latency": priced,
        "energy": priced,
    }
    shown = {name: cells for name, cells in columns.items() if needed.get(name, True)}
    dropped = [name for name in _DISPENSABLE if name in shown and _too_wide(shown) and shown.pop(name)]
    right = [number for number, name in enumerate(shown) if name not in ("layer", "matrix")]
    rows = zip(*shown.values(), strict=True)
    table(list(shown), rows, right=right, whole=range(len(shown)), width=WIDEST)
    if "cells" in shown:
        explain("Cells: share of its tiles' cells that hold a weight.")
    if "ADCs" in shown:
        explain("ADCs: share of the time between two images in which they convert.")
    if dropped:
        explain(f"No room for {' and '.join(dropped)}: --out place.json has them.")


def _columns(layers: list[PlacedLayer], joules: float) -> dict[str, list[str]]:
    return {
        "layer": [layer.name for layer in layers],
        "matrix": [matrix(layer.rows, layer.columns, layer.groups) for layer in layers],
        "vectors": [f"{layer.positions:,}" for layer in layers],
        "tiles": [f"{layer.tiles:,}" for layer in layers],
        "copies": [f"{layer.copies:,}" for layer in layers],
        "chip": [_span(layer.chips) for layer in layers],
        "round": [_span(layer.rounds) for layer in layers],
        "cells": [per_cent(layer.cells_used or 0.0, 1) for layer in layers],
        "ADCs": [per_cent(layer.conversions_used or 0.0, 1) for layer in layers],
        "latency": [format_si(layer.seconds or 0.0, "s") for layer in layers],
        "energy": [per_cent((layer.joules or 0.0) / joules, 1) for layer in layers],
    }


def _too_wide(columns: dict[str, list[str]]) -> bool:
    gaps = _GAP * (len(columns) - 1)
    cells = sum(max(map(len, (name, *cells))) for name, cells in columns.items())
    return cells + gaps > min(out().width, WIDEST)


def matrix(rows: int, columns: int, groups: int) -> str:
    """The size of a layer's matrices: "2 x 1200 x 128" for two groups."""
    return f"{groups} x {rows} x {columns}" if groups > 1 else f"{rows} x {columns}"


def _span(numbers: tuple[int, int]) -> str:
    """First and last of a range, counted from 1."""
    first, last = numbers
    return str(first + 1) if first == last else f"{first + 1}-{last + 1}"


def _places(placed: Placed) -> None:
    where, sent = placed.spread, placed.traffic
    used = placed.cells_used
    held = "of any size" if used is None else f"{per_cent(used, 1)} of their cells hold a weight"
    rows = [("tiles", f"{placed.tiles:,}", held)]
    rows.append(
        ("devices", f"{placed.devices:,}", "programmed, copies included" if _copied(placed) else "programmed")
    )
    if where.capacity is None:
        rows.append(("chips", "?", "the chip does not say how many tiles it has"))
    else:
        share = f"of {where.capacity:,} tiles each; {per_cent(placed.chips_used, 1)} of them are occupied"
        rows.append(("chips", f"{where.chips:,}", share))
    if where.rounds > 1:
        rows.append(("rounds", f"{where.rounds:,}", "the chips are programmed anew for each"))
        rows.append(("kept", _bytes(sum(sent.kept.values())), "an image, from one round to a later one"))
    if where.chips > 1:
        rows.append(("links", _bytes(sum(sent.links.values())), "an image, between chips"))
    rows.append(("outside", _bytes(sent.outside), "an image, its pixels in and its scores out"))
    capacity, whole = placed.chip.parameters.capacity, plural(where.chips, "whole chip")
    if capacity is not None and capacity.area_square_metres is not None:
        rows.append(
            ("area", format_area(capacity.area_square_metres * where.chips), f"{whole}, as published")
        )
    if capacity is not None and capacity.power_watts is not None:
        rows.append(("power", format_si(capacity.power_watts * where.chips, "W"), f"{whole}, as published"))
    title("Place")
    table(["", "", ""], rows)


def _copied(placed: Placed) -> bool:
    return any(layer.replicas > 1 for layer in placed.placement.layers)


def _bytes(count: float) -> str:
    return format_si(float(count), "B")


def _energy(placed: Placed) -> None:
    ledger = placed.ledger
    title(f"Expected energy of one image alone ({visible(ledger.label)})")
    energy_table(ledger)
    explain(f"Expected, assumed: no data were run. {_stands_in(placed)}")
    explain_unpriced(ledger)
    for row in placed.beside:
        if row.joules:
            explain(
                f"Beside it, {row.component}: {format_si(row.joules, 'J')} ({row.events:,.0f} {row.item})."
            )
        else:
            explain(f"Without {row.component}: {row.note.removeprefix('not priced: ')}.")
    warn_of_nodes(ledger)


def _stands_in(placed: Placed) -> str:
    """What stands in for weights and images."""
    from neurosim.costs.tags import covered

    if covered(placed.chip, "array"):
        return "The array's energy is a published figure, the same for all data."
    shares = placed.assumed
    return (f"Mean conductance {shares.mean_conductance:g} of the devices' range, input activity "
            f"{shares.input_activity:g}: they decide the energy of the array.")  # fmt: skip


def _speed(placed: Placed) -> None:
    pace, ledger = placed.pace, placed.ledger
    assert pace is not None  # a priced ledger is timed
    slowest = max(placed.layers(), key=lambda layer: layer.seconds or 0.0)
    if placed.spread.rounds > 1:
        alone, behind, energy = (
            "of a batch, all rounds",
            "batch after batch",
            "an image, programming anew included",
        )
    else:
        alone, limit = "of one image", f"{slowest.name} is the slowest layer"
        if pace.interval_s > (slowest.seconds or 0.0):
            limit = "links are slower than any layer"
        behind = f"one behind the other; {limit}"
        energy = "an image at that rate: chips leak for less time"
    rows = [
        ("latency", format_si(pace.image_s, "s"), alone),
        ("images/s", format_si(1 / pace.interval_s, ""), behind),
        ("energy", format_si(placed.joules_at_pace, "J"), energy),
        ("area", format_area(ledger.square_metres), "of the tiles used, with their converters"),
    ]
    title(f"Speed and area ({visible(ledger.label)})")
    table(["", "", ""], rows)
    if placed.programs:
        devices = f"{placed.programs:,.0f} devices an image"
        explain(f"Without the time of programming {devices} anew, which the chip does not give.")
    if pace.link_s is None:
        explain("Without the time of links between chips: the chip does not say how fast they are.")


def _merit(placed: Placed) -> None:
    """Figures of merit of the tiles used, and of whole chips beside those of chips that are full and busy."""
    title("Achieved at that rate, 2 operations per multiply-accumulate")
    whole, peak = placed.whole_chips, placed.whole_peak
    names = ("ops_per_second", "ops_per_joule", "ops_per_second_per_square_metre")
    rows = [
        (text, *_tera([getattr(of, name, None) for of in (placed, whole, peak)], scale), _share(whole, peak, name))
        for text, name, scale in zip(("TOP/s", "TOP/s/W", "TOP/s/mm2"), names, (1.0, 1.0, SQUARE_MM), strict=True)
    ]  # fmt: skip
    columns = ["", "tiles used", "whole chips", "peak", "share of peak"]
    kept = range(len(columns)) if peak is not None else range(2)
    table([columns[k] for k in kept], [[row[k] for k in kept] for row in rows], right=range(1, len(columns)))
    if peak is None:
        explain("No peak: the chip does not say how many tiles it has.")
        return
    explain("Tiles used: over the energy and area above. Whole chips: over published power and area.")
    explain("Peak: every tile full and busy; it restates the chip's table.")


def _tera(values: list[float | None], scale: float) -> list[str]:
    return ["" if value is None or math.isnan(value) else f"{value * scale / TERA:.3g}" for value in values]


def _share(whole: ChipFigures | None, peak: ChipFigures | None, name: str) -> str:
    mine, most = getattr(whole, name, None), getattr(peak, name, None)
    return "" if mine is None or most is None else per_cent(mine / most, 1)
