"""Look up one price of a chip, with its source; say which one is missing."""

from __future__ import annotations

from neurosim.chips import Chip, Prices
from neurosim.chips.prices import PER, AdcPrice
from neurosim.costs.ledger import PriceTag
from neurosim.foundation.errors import ConfigError

_SUFFIXES = {"energy_joules": "energy", "area_square_metres": "area", "leakage_watts": "leakage"}


def require_prices(chip: Chip) -> Prices:
    """The chip's [prices]; ConfigError when it has none."""
    if chip.prices is None:
        remedy = "add [periphery] and [prices] to its chip.toml, or choose a chip that has them"
        raise ConfigError(f"chip {chip.name}", "a [prices] table", f"none ({chip.label})", remedy)
    return chip.prices


def price_amount(chip: Chip, name: str, quantity: str) -> PriceTag | None:
    """The price `name` (of PER), as a tag; None where the chip gives no figure.

    quantity : energy_joules, area_square_metres or leakage_watts
    """
    entry = getattr(require_prices(chip), name)
    if isinstance(entry, AdcPrice):
        return _adc_amount(chip, entry, quantity)
    value = None if entry is None else getattr(entry, quantity)
    if value is None:
        return None
    source = chip.sources[f"prices.{name}.{quantity}"]
    event, unit = PER[name]
    per = event if quantity == "energy_joules" else unit
    return PriceTag(f"{name}.{_SUFFIXES[quantity]}", value, per, source.node, source.source, source.status)


def _adc_amount(chip: Chip, entry: AdcPrice, quantity: str) -> PriceTag | None:
    """The ADC's price at the chip's bits: as given, by the figure of merit, or scaled from other bits."""
    bits = chip.adc.bits
    value = entry.amount(quantity, bits)
    if value is None:
        return None
    by_merit = quantity == "energy_joules" and entry.figure_of_merit_joules is not None
    source = chip.sources["prices.adc.figure_of_merit_joules" if by_merit else f"prices.adc.{quantity}"]
    text, status = source.source, source.status
    if by_merit:
        text = f"{entry.figure_of_merit_joules:g} J per step x 2^{bits} (Walden 1999); {text}"
    elif entry.steps_beyond(bits):
        text = f"x 2^{entry.steps_beyond(bits)}, from {entry.reference_bits} to {bits} bits; {text}"
    if text != source.source and status == "found":
        status = "derived"
    event, unit = PER["adc"]
    per = event if quantity == "energy_joules" else unit
    return PriceTag(f"adc.{_SUFFIXES[quantity]}", value, per, source.node, text, status)


def energy_price(chip: Chip, name: str, needed_for: str) -> PriceTag:
    """The energy of one event; ConfigError naming the missing key when the chip gives none."""
    tag = price_amount(chip, name, "energy_joules")
    if tag is None:
        key = f"prices.{name}.energy"
        expected = f"an energy per {PER[name][0]}"
        raise ConfigError(
            f"chip {chip.name}: {key}", expected, "none", f"the run counted {needed_for}; add it"
        )
    return tag


def published(chip: Chip) -> dict[str, tuple[str, ...]]:
    """Figures of several components together that this chip charges, and what each covers."""
    return require_prices(chip).published


def covering(chip: Chip, part: str) -> str:
    """The published figure that includes this part: core, event, core_static, or "" for none."""
    figures = published(chip).items()
    return next((figure for figure, covers in figures if part and part in covers), "")


def covered(chip: Chip, part: str) -> bool:
    """Whether the energy of this part is included in a published figure."""
    return bool(covering(chip, part))


def built_in(chip: Chip, part: str) -> bool:
    """Whether the area and leakage of this part are included too: an event has neither."""
    return covering(chip, part) in ("core", "core_static")
