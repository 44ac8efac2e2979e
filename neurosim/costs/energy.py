"""Rows of energy: each count times its price."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neurosim.chips import Chip
from neurosim.costs.ledger import (
    COMPONENTS,
    CORE,
    DIGITAL_COMPONENTS,
    EVENT,
    LEARNING,
    SPIKING_COMPONENTS,
    WHOLE,
    PriceTag,
    Row,
)
from neurosim.costs.rules import DIGITAL, PROGRAM, RATE, SPIKING, Rule, charged, rule_price, zero_reason
from neurosim.costs.tags import covered
from neurosim.foundation.counts import Counts


def event_rows(counts: Counts, chip: Chip, rules: Iterable[Rule] | None = None) -> tuple[Row, ...]:
    """One row per rule that holds on the chip and layer with events.

    Raises ConfigError naming the price that is missing.
    """
    rows = []
    for rule in charged(chip) if rules is None else rules:
        for layer, events in zip(counts.layers, counts.mean(rule.counter), strict=True):
            if events:
                tag = rule_price(rule, chip, f"{events:g} {rule.item} in layer {layer}")
                rows.append(_row(rule, layer, events, tag))
    return tuple(rows)


def once_rows(counts: Counts, chip: Chip) -> tuple[Row, ...]:
    """Rows of what is done once, programming included."""
    return (*event_rows(counts, chip, (PROGRAM,)), *event_rows(counts, chip))


def joules_per_image(counts: Counts, chip: Chip) -> np.ndarray:
    """Joules of all events for each image, float64 (images,)."""
    joules = np.zeros(counts.images)
    for rule in charged(chip):
        mean = counts.mean(rule.counter)
        if not mean.any():
            continue
        tag = rule_price(rule, chip, f"{mean.sum():g} {rule.item}")
        varying = counts.varying.get(rule.counter)
        joules += tag.value * (mean.sum() if varying is None else varying.sum(axis=0))
    return joules


def with_zeros(rows: tuple[Row, ...], chip: Chip, mode: str = RATE) -> tuple[Row, ...]:
    """The rows in the ledger's order, and a zero with its reason for each component that has none."""
    components = {SPIKING: SPIKING_COMPONENTS, DIGITAL: DIGITAL_COMPONENTS}.get(mode, COMPONENTS)
    present = {row.component for row in rows}
    zeros = [Row(c, "", "", 0, 0.0, note=zero_reason(c, chip, mode)) for c in components if c not in present]
    every = DIGITAL_COMPONENTS if mode == DIGITAL else SPIKING_COMPONENTS
    shown = (WHOLE, CORE, EVENT, *every, LEARNING)
    order = {name: rank for rank, name in enumerate(shown)}
    return tuple(sorted((*rows, *zeros), key=lambda row: order.get(row.component, -1)))


def hops_note(counts: Counts, chip: Chip) -> tuple[Row, ...]:
    """Router hops that a published figure of an event covers: counted, shown, not charged."""
    hops = float(counts.mean("hops").sum())
    if not hops or not covered(chip, "hop"):
        return ()
    note = f"{zero_reason('routing', chip, SPIKING)}: {hops:g} router hops"
    return (Row("routing", "router hops", "", hops, 0.0, note=note),)


def _row(rule: Rule, layer: str, events: float, tag: PriceTag) -> Row:
    joules = float(events) * tag.value
    note = "" if joules else f"its price is 0: {tag.source}"
    return Row(rule.component, rule.item, layer, float(events), joules, tag, note)
