"""A network's shapes on a digital processor as tables: layer by layer, energy, speed beside the peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.cli.place_tables import (
    TERA,
    energy_table,
    explain,
    explain_unpriced,
    heading,
    matrix,
    warn_of_nodes,
)
from neurosim.cli.terminal import WIDEST, per_cent, table, title, visible
from neurosim.foundation.units import format_area, format_si

if TYPE_CHECKING:
    from neurosim.costs import Ledger
    from neurosim.pipeline.placed_digital import PlacedDigital


def show_placed_digital(placed: PlacedDigital) -> None:
    """Print what an inference costs on a processor."""
    heading(placed.network, placed.chip)
    _layers(placed)
    _energy(placed.ledger)
    _speed(placed)


def _layers(placed: PlacedDigital) -> None:
    outside = dict(zip(placed.counts.layers, placed.counts.mean("dram_bytes"), strict=True))
    seconds = placed.times.layers
    columns = ["layer", "matrix", "vectors", "MAC", "from outside", "latency", "MAC/s"]
    rows = [
        (layer.name, matrix(layer.rows, layer.columns, layer.groups), f"{layer.positions:,}",
         format_si(layer.macs, ""), format_si(float(outside[layer.name]), "B"), format_si(seconds[layer.name], "s"),
         format_si(layer.macs * placed.batch / seconds[layer.name], ""))
        for layer in placed.layers
    ]  # fmt: skip
    table(columns, rows, right=range(2, len(columns)), whole=(0, 1), width=WIDEST)
    batch = placed.batch
    explain("From outside: bytes an image that memory outside the chip gives and takes."
            + (f" Latency: of {batch} images together." if batch > 1 else ""))  # fmt: skip


def _energy(ledger: Ledger) -> None:
    title(f"Energy of one image ({visible(ledger.label)})")
    if not ledger.total:
        explain("none: the chip gives no prices and no power")
        return
    energy_table(ledger)
    explain_unpriced(ledger)
    warn_of_nodes(ledger)


def _speed(placed: PlacedDigital) -> None:
    ledger, peak, batch = placed.ledger, placed.peak, placed.batch
    together = f"of {batch} images, computed together" if batch > 1 else "of one image"
    rows = [
        ("latency", format_si(placed.times.image_s, "s"), together),
        ("images/s", format_si(1 / placed.times.interval_s, ""), "one batch behind the other"),
    ]
    if ledger.square_metres:
        rows.append(("area", format_area(ledger.square_metres), "of the chip, as published"))
    title("Speed and area")
    table(["", "", ""], rows)
    title("Achieved, 2 operations per multiply-accumulate")
    merits = [_compared("TOP/s", ledger.ops_per_second, peak.ops_per_second)]
    if ledger.total:
        merits.append(_compared("TOP/s/W", ledger.ops_per_joule, peak.ops_per_joule))
    table(["", "achieved", "peak", "share"], merits, right=(1, 2, 3))
    explain(
        "Peak: every arithmetic unit busy at every clock, over published power. It restates the chip's table."
    )


def _compared(name: str, value: float, peak: float | None) -> tuple[str, str, str, str]:
    """A figure of merit in tera, the peak's, and the share of it; SI values."""
    if peak is None:
        return name, f"{value / TERA:.3g}", "", ""
    return name, f"{value / TERA:.3g}", f"{peak / TERA:.3g}", per_cent(value / peak, 1)
