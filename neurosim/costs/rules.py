"""Which events cost what: one table for every engine, and the reasons of the zeros."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neurosim.chips import Chip
from neurosim.costs.ledger import CORE, EVENT, PriceTag
from neurosim.costs.tags import covered, covering, energy_price, published, require_prices
from neurosim.foundation.errors import ConfigError

RATE, SPIKING, DIGITAL = "rate", "spiking", "digital"


@dataclass(frozen=True)
class Rule:
    """Events of `counter` cost the energy of `price`, on account of `component`.

    part : what of a published figure may cover it
    optional : a chip without this price does not pay for these events; `zero_reason` says why
    """

    counter: str
    component: str
    item: str
    price: str
    part: str = ""
    optional: bool = False


# prices that are products of the chip's own figures
ARRAY_HEAT, MEMBRANE_CHARGE = "array", "membrane"

RULES = (
    Rule("encoder_updates", "input encoding", "encoder updates", "encoder", "encoder"),
    Rule("dac_conversions", "input encoding", "DAC conversions", "dac", "dac"),
    Rule("row_activations", "drivers and lines", "word lines", "driver", "driver"),
    Rule("array_siemens", "array", "devices", ARRAY_HEAT, "array"),
    Rule("adc_conversions", "ADC", "conversions", "adc", "adc"),
    Rule("adc_conversions", "ADC", "samples held", "sample_hold", "adc", optional=True),
    Rule("threshold_decisions", "comparator", "decisions", "comparator", "comparator", optional=True),
    Rule("neuron_updates", "neuron state", "updates", "neuron", "neuron", optional=True),
    Rule("spikes", "neuron state", "membrane charge", MEMBRANE_CHARGE, "neuron", optional=True),
    Rule("buffer_reads", "activation buffers", "bytes read", "buffer", "buffer"),
    Rule("buffer_writes", "activation buffers", "bytes written", "buffer", "buffer"),
    Rule("input_spikes", "routing", "input spikes", "spike", "spike", optional=True),
    Rule("spikes", "routing", "spikes", "spike", "spike", optional=True),
    Rule("register_bytes", "registers", "bytes moved", "registers"),
    Rule("scratchpad_bytes", "scratchpads", "bytes moved", "scratchpad"),
    Rule("global_buffer_bytes", "global buffer", "bytes moved", "global_buffer"),
    Rule("dram_bytes", "off-chip memory", "bytes moved", "dram"),
    Rule("hops", "routing", "router hops", "hop", "hop"),
    Rule("macs", "digital units", "multiply-accumulates", "mac"),
    Rule("partial_sums", "digital units", "partial sums", "shift_add", "digital"),
    Rule("scalings", "digital units", "scalings", "multiply", "digital"),
    Rule("bias_adds", "digital units", "biases", "add", "digital"),
    Rule("multiplications", "digital units", "multiplications", "multiply", "digital"),
    Rule("additions", "digital units", "additions", "add", "digital"),
    Rule("comparisons", "digital units", "comparisons", "compare", "digital"),
    Rule("random_draws", "digital units", "random numbers", "random", "random"),
    Rule("cell_pulses", "learning", "programming pulses", "pulse"),
    Rule("device_reads", "learning", "device reads", "device_read"),
)
PROGRAM = Rule("device_programs", "programming", "devices programmed", "program")
_CORE_RULE = Rule("adc_conversions", CORE, "conversions", "core")
_TILE_RULE = Rule("array_reads", "array", "reads of a tile", "tile")
_EVENT_RULE = Rule("synaptic_events", EVENT, "synaptic events", "event")


def charged(chip: Chip) -> Iterator[Rule]:
    """The rules that hold on a chip: published figures first, then what they do not cover. None on a processor that
    is charged with the published power of the whole chip."""
    if require_prices(chip).basis == "published":
        return
    figures = published(chip)
    if "core" in figures:
        yield _CORE_RULE
    if "tile" in figures:
        yield _TILE_RULE
    if "event" in figures:
        yield _EVENT_RULE
    for rule in RULES:
        if not covered(chip, rule.part) and not (rule.optional and not _has_price(chip, rule)):
            yield rule


def rule_price(rule: Rule, chip: Chip, needed_for: str) -> PriceTag:
    """What one event of a rule costs. ConfigError naming the price that is missing."""
    if rule.price == ARRAY_HEAT:
        return array_price(chip)
    if rule.price == MEMBRANE_CHARGE:
        return membrane_price(chip)
    return energy_price(chip, rule.price, needed_for)


def array_price(chip: Chip) -> PriceTag:
    """Joules per siemens driven at full read voltage for one read: V_read^2 t_read."""
    text = f"V_read^2 t_read, {chip.read.v_read_volts:g} V and {chip.read.t_read_s:g} s"
    value = chip.read.v_read_volts**2 * chip.read.t_read_s
    return _product(
        chip,
        "array",
        value,
        "siemens driven at V_read for one read",
        text,
        ("read.v_read_volts", "read.t_read_s"),
    )


def membrane_price(chip: Chip) -> PriceTag:
    """Joules per spike of an analog neuron: the charge C V that its reset moves, from a supply of V."""
    neuron = chip.neuron
    if neuron is None or neuron.c_membrane_farads is None or neuron.v_threshold_volts is None:
        raise ConfigError(f"chip {chip.name}: [neuron]", "c_membrane and v_threshold", "none", "add both")
    farads, volts = neuron.c_membrane_farads, neuron.v_threshold_volts
    text = f"C V^2 of the membrane, {farads:g} F and {volts:g} V"
    keys = ("neuron.c_membrane_farads", "neuron.v_threshold_volts")
    return _product(chip, "membrane", farads * volts**2, "spike", text, keys)


def zero_reason(component: str, chip: Chip, mode: str = RATE) -> str:
    """Why a component costs nothing on this chip in this mode."""
    parts = {rule.part for rule in RULES if rule.component == component} | _ALONE.get(component, set())
    figures = {figure for part in parts if (figure := covering(chip, part))}
    if figures:
        return _COVERED[sorted(figures)[0]]
    if mode == DIGITAL:
        whole = require_prices(chip).basis == "published"
        return _WHOLE if whole else _DIGITAL[component]
    return _spiking_reason(component, chip) if mode == SPIKING else _RATE[component]


def _spiking_reason(component: str, chip: Chip) -> str:
    analog = chip.neuron is not None and chip.neuron.kind == "analog"
    if component == "neuron state" and analog:
        return "not priced: no figure of the analog neurons' bias or charge"
    if component == "ADC" and chip.adc.bits is not None:
        return "no conversion was counted"
    if component == "ADC" and analog:
        return "no ADC: charge lands on the neurons, whose comparators decide"
    return _SPIKING[component]


def _has_price(chip: Chip, rule: Rule) -> bool:
    if rule.price == MEMBRANE_CHARGE:
        neuron = chip.neuron
        return neuron is not None and neuron.kind == "analog" and neuron.c_membrane_farads is not None
    entry = getattr(require_prices(chip), rule.price)
    if entry is not None and entry.energy_joules is not None:
        return True
    # an analog neuron and its comparator may draw a steady bias instead
    analog = chip.neuron is not None and chip.neuron.kind == "analog"
    biased = entry is not None and entry.leakage_watts is not None
    return rule.price not in ("spike", "sample_hold") and not (analog and (biased or rule.price == "neuron"))


def _product(chip: Chip, name: str, value: float, per: str, text: str, keys: tuple[str, ...]) -> PriceTag:
    """A price that is a product of figures of the chip: as sure as the least sure of them."""
    sources = [chip.sources[key] for key in keys if key in chip.sources]
    statuses = {source.status for source in sources}
    worst = next((s for s in ("assumed", "recalled", "derived", "found") if s in statuses), "assumed")
    node = next((source.node for source in sources if source.node), "")
    return PriceTag(name, value, per, node, text, worst)


_COVERED = {
    "core": "part of the core's published figure",
    "core_static": "part of the cores' static power",
    "tile": "part of the published energy of a tile's read",
    "event": "part of the published energy of a synaptic event",
}
# components of which a published figure may cover a part that no event has
_ALONE = {"clock": {"clock"}}
_RATE = {
    "input encoding": "no DAC: inputs are driven as they are",
    "drivers and lines": "no word line was pulsed",
    "array": "no current flowed",
    "ADC": "no ADC: currents are taken as they are",
    "comparator": "rate-coded inference decides nothing by a comparator",
    "neuron state": "rate-coded inference keeps no neuron state",
    "activation buffers": "nothing was written or read",
    "routing": "one chip: activations stay in its buffers, none is sent over a network",
    "digital units": "no digital operation was counted",
    "clock": "not priced: no published figure of the clock's distribution",
}
_SPIKING = _RATE | {
    "input encoding": "the input comes as spikes, nothing was encoded",
    "drivers and lines": "no spike reached a word line",
    "array": "no spike drove a current",
    "ADC": "no ADC: the neurons add up digitally what the synapses send",
    "comparator": "no comparator: thresholds are compared digitally, in the neurons' updates",
    "neuron state": "no neuron was updated",
    "routing": "one chip: a spike is a bit on the wire to the next array, none is sent over a network",
    "digital units": "no digital operation was counted: membranes hold sums, thresholds hold scales",
}
_WHOLE = "part of the chip's published power"
_DIGITAL = _RATE | {
    "input encoding": "a digital processor: inputs are words",
    "drivers and lines": "a digital processor has no word lines of its own",
    "array": "no weight is a conductance: weights are words in the memories below",
    "ADC": "nothing is analog",
    "neuron state": "no neuron state is kept: sums lie in the registers",
    "activation buffers": "activations lie in the memories below",
    "registers": "no byte of a register was moved",
    "scratchpads": "no byte moved between units or local memories",
    "global buffer": "the chip has no global buffer",
    "off-chip memory": "nothing crosses the border of the chip",
    "routing": "not priced: no figure of the network between units and memories",
    "digital units": "no operation was counted",
    "clock": "not priced: no figure of control and of the clock's distribution",
    "leakage": "not priced: no figure of any leakage",
}
