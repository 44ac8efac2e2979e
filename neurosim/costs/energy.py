"""Rows of energy: each count times its price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from neurosim.chips import Chip
from neurosim.costs.ledger import COMPONENTS, CORE, PriceTag, Row
from neurosim.costs.tags import covered, energy_price, require_prices
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError


@dataclass(frozen=True)
class Rule:
    """Events of `counter` cost the energy of `price`, on account of `component`."""

    counter: str
    component: str
    item: str
    price: str
    part: str = ""  # of a core whose published figure may cover it


RULES = (
    Rule("dac_conversions", "input encoding", "DAC conversions", "dac", "dac"),
    Rule("row_activations", "drivers and lines", "word lines", "driver", "driver"),
    Rule("adc_conversions", "ADC", "conversions", "adc", "adc"),
    Rule("buffer_reads", "activation buffers", "bytes read", "buffer"),
    Rule("buffer_writes", "activation buffers", "bytes written", "buffer"),
    Rule("partial_sums", "digital units", "partial sums", "shift_add"),
    Rule("scalings", "digital units", "scalings", "multiply"),
    Rule("bias_adds", "digital units", "biases", "add"),
    Rule("multiplications", "digital units", "multiplications", "multiply"),
    Rule("additions", "digital units", "additions", "add"),
    Rule("comparisons", "digital units", "comparisons", "compare"),
)
PROGRAM = Rule("device_programs", "programming", "devices programmed", "program")

# counters that no price of the inference chips covers yet: better refused than given away
_WITHOUT_PRICE = {
    "spikes": "routing",
    "synaptic_events": "array",
    "neuron_updates": "neuron state",
    "hops": "routing",
}

_PART = {"input encoding": "dac", "drivers and lines": "driver", "array": "array", "ADC": "adc"}
_REASONS = {
    "input encoding": "no DAC: inputs are driven as they are",
    "drivers and lines": "no word line was pulsed",
    "array": "no current flowed",
    "ADC": "no ADC: currents are taken as they are",
    "neuron state": "rate-coded inference keeps no neuron state",
    "activation buffers": "nothing was written or read",
    "routing": "one chip: activations stay in its buffers, none is sent over a network",
    "digital units": "no digital operation was counted",
    "clock": "not priced: no published figure of the clock's distribution",
}


def event_rows(counts: Counts, chip: Chip, rules: Iterable[Rule] = RULES) -> tuple[Row, ...]:
    """One row per rule and layer with events; what a published core covers is left to `core_rows`.

    Raises ConfigError naming the price that is missing.
    """
    rows = []
    for rule in rules:
        if covered(chip, rule.part):
            continue
        for layer, events in zip(counts.layers, counts.mean(rule.counter), strict=True):
            if events:
                tag = energy_price(chip, rule.price, f"{events:g} {rule.item} in layer {layer}")
                rows.append(_row(rule.component, rule.item, layer, events, tag))
    return tuple(rows)


def array_price(chip: Chip) -> PriceTag:
    """Joules per siemens driven at full read voltage for one read: V_read^2 t_read."""
    volts, seconds = chip.sources.get("read.v_read_volts"), chip.sources.get("read.t_read_s")
    statuses = {source.status for source in (volts, seconds) if source}
    worst = next((s for s in ("assumed", "recalled", "derived", "found") if s in statuses), "assumed")
    text = f"V_read^2 t_read, {chip.read.v_read_volts:g} V and {chip.read.t_read_s:g} s"
    node = next((source.node for source in (volts, seconds) if source and source.node), "")
    value = chip.read.v_read_volts**2 * chip.read.t_read_s
    return PriceTag("array", value, "siemens driven at V_read for one read", node, text, worst)


def array_rows(counts: Counts, chip: Chip) -> tuple[Row, ...]:
    """Joule heat of the devices, from the conductances and voltages that were counted."""
    if covered(chip, "array"):
        return ()
    tag = array_price(chip)
    siemens = counts.mean("array_siemens")
    return tuple(
        _row("array", "devices", layer, amount, tag)
        for layer, amount in zip(counts.layers, siemens, strict=True)
        if amount
    )


def core_rows(counts: Counts, chip: Chip) -> tuple[Row, ...]:
    """The published energy of whole cores, per conversion, in place of the components it covers."""
    if require_prices(chip).core is None:
        return ()
    return event_rows(counts, chip, (Rule("adc_conversions", CORE, "conversions", "core"),))


def array_per_image(counts: Counts, chip: Chip) -> np.ndarray:
    """Joules of the array for each image, float64 (images,): the part that depends on the data."""
    siemens = counts.varying.get("array_siemens")
    if siemens is None or covered(chip, "array"):
        return np.full(counts.images, sum(row.joules for row in array_rows(counts, chip)))
    return np.asarray(siemens.sum(axis=0) * array_price(chip).value)


def with_zeros(rows: tuple[Row, ...], chip: Chip) -> tuple[Row, ...]:
    """The rows in the ledger's order, and a zero with its reason for each component that has none."""
    present = {row.component for row in rows}
    zeros = [Row(c, "", "", 0, 0.0, note=zero_reason(c, chip)) for c in COMPONENTS if c not in present]
    order = {name: rank for rank, name in enumerate((CORE, *COMPONENTS))}
    return tuple(sorted((*rows, *zeros), key=lambda row: order.get(row.component, -1)))


def zero_reason(component: str, chip: Chip) -> str:
    """Why a component costs nothing on this chip."""
    if component in _PART and covered(chip, _PART[component]):
        return "part of the core's published figure"
    return _REASONS[component]


def refuse_unpriced(counts: Counts, chip: Chip) -> None:
    """ConfigError when the run counted events for which there is no price at all."""
    for counter, component in _WITHOUT_PRICE.items():
        events = float(counts.mean(counter).sum())
        if events:
            raise ConfigError(f"chip {chip.name}: {component}", f"a price for {counter}", "none",
                              f"the run counted {events:g} per inference")  # fmt: skip


def _row(component: str, item: str, layer: str, events: float, tag: PriceTag) -> Row:
    joules = float(events) * tag.value
    return Row(
        component, item, layer, float(events), joules, tag, "" if joules else f"its price is 0: {tag.source}"
    )
