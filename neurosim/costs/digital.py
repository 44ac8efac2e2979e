"""Digital processors: time by the roofline of each layer, energy by level of memory or by the published power."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurosim.chips import Chip
from neurosim.chips.processor import MemoryParameters
from neurosim.costs.energy import event_rows, joules_per_image, with_zeros
from neurosim.costs.ledger import (
    DIGITAL_COMPONENTS,
    WHOLE,
    AreaRow,
    Latency,
    Ledger,
    PriceTag,
    Row,
)
from neurosim.costs.rules import DIGITAL
from neurosim.costs.tags import price_amount, require_prices
from neurosim.foundation.counts import Counts, LayerGeometry

# level of memory -> (counter of its bytes, field of [processor])
LEVELS = {
    "scratchpads": ("scratchpad_bytes", "scratchpad"),
    "global buffer": ("global_buffer_bytes", "global_buffer"),
    "off-chip memory": ("dram_bytes", "dram"),
}
UNITS = "arithmetic units"


def processor_latency(counts: Counts, chip: Chip) -> Latency:
    """Seconds of a batch in each layer, one layer after the other.

    A layer takes as long as the busiest of its resources, all of them working side by side (the roofline of Williams
    et al., Commun. ACM 52, 65, 2009): its cycles, in which the mapping's idle units are counted, and the bytes of each
    memory over its bandwidth; then t_layer passes until the next layer begins.
    """
    processor, seconds = chip.processor, np.zeros(len(counts.layers))
    for demand in layer_demands(counts, chip).values():
        seconds = np.maximum(seconds, demand)
    whole = seconds + processor.t_layer_s
    return Latency(dict(zip(counts.layers, whole.tolist(), strict=True)), batch=processor.batch)


def layer_demands(counts: Counts, chip: Chip) -> dict[str, np.ndarray]:
    """Seconds for which a batch keeps each resource busy, (layers,) each: units, memories of known bandwidth."""
    processor = chip.processor
    demands = {UNITS: counts.mean("cycles") * processor.batch / processor.clock_hertz}
    for name, (counter, field) in LEVELS.items():
        memory: MemoryParameters | None = getattr(processor, field)
        if memory is not None and memory.bandwidth_bytes_per_s is not None:
            demands[name] = counts.mean(counter) * processor.batch / memory.bandwidth_bytes_per_s
    return demands


def layer_limits(counts: Counts, chip: Chip) -> dict[str, str]:
    """What holds up each layer: the resource that is busy longest."""
    demands = layer_demands(counts, chip)
    names, seconds = list(demands), np.stack(list(demands.values()))
    return dict(zip(counts.layers, (names[k] for k in seconds.argmax(axis=0)), strict=True))


def layer_utilisation(counts: Counts, geometries: Sequence[LayerGeometry], chip: Chip) -> dict[str, float]:
    """Products of each layer over those that all units could have made in its time."""
    times = processor_latency(counts, chip)
    peak = chip.processor.macs_per_cycle * chip.processor.clock_hertz / chip.processor.batch
    done = counts.mean("macs")
    return {
        layer.name: float(done[counts.layers.index(layer.name)]) / (peak * times.layers[layer.name])
        for layer in geometries
    }


def price_processor(counts: Counts, geometries: Sequence[LayerGeometry], chip: Chip) -> Ledger:
    """The ledger of one inference on a digital processor; nothing is programmed or calibrated on it.

    Its macs are those of the layers, also where a sparse processor leaves out products with zero.

    Raises ConfigError when a price that the counts need is missing.
    """
    macs = sum(layer.macs for layer in geometries)
    if chip.prices is None:
        note = f"not priced: {chip.label}"
        zeros = tuple(Row(component, "", "", 0, 0.0, note=note) for component in DIGITAL_COMPONENTS)
        return Ledger(chip.name, chip.label, zeros, np.zeros(counts.images), (), (), None, (), macs)
    times = processor_latency(counts, chip)
    if chip.prices.basis == "published":
        rows = _busy_rows(times, chip)
        per_image = np.full(counts.images, sum(row.joules for row in rows))
    else:
        rows, per_image = event_rows(counts, chip), joules_per_image(counts, chip)
    kept = _kept_power(times, chip)
    return Ledger(
        chip.name, chip.label, with_zeros(rows, chip, DIGITAL), per_image, (), (), times, _area(chip), macs, kept
    )  # fmt: skip


def _busy_rows(times: Latency, chip: Chip) -> tuple[Row, ...]:
    """The published power of the whole chip, over each layer's share of an image."""
    tag = _busy(chip)
    assert tag is not None  # a [prices] with basis "published" has it
    shares = {layer: seconds / times.batch for layer, seconds in times.layers.items()}
    return tuple(
        Row(WHOLE, "power at work", layer, seconds, seconds * tag.value, tag, "" if tag.value else tag.source)
        for layer, seconds in shares.items()
    )


def _kept_power(times: Latency, chip: Chip) -> tuple[Row, ...]:
    """The published power over one image, for comparison where it is not charged."""
    tag = _busy(chip)
    if tag is None or require_prices(chip).basis == "published":
        return ()
    joules = times.interval_s * tag.value
    return (
        Row(
            "whole chip",
            "published power at work",
            "",
            times.interval_s,
            joules,
            tag,
            "" if joules else "0 W",
        ),
    )


def _busy(chip: Chip) -> PriceTag | None:
    return price_amount(chip, "chip_busy", "leakage_watts")


def _area(chip: Chip) -> tuple[AreaRow, ...]:
    tag = price_amount(chip, "chip_busy", "area_square_metres")
    if tag is None:
        return (AreaRow("whole chip", "", 0, 0.0, note="not priced: no figure of its area"),)
    return (AreaRow("whole chip", "", 1, tag.value, tag),)
