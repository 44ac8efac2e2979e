"""Published chips as data: one folder each (chip.toml, citation.bib, claims.toml), and what reads them."""

from __future__ import annotations

from neurosim.chips.chip import Chip, chip_names, load_chip, parse_chip
from neurosim.chips.claims import Claim, load_claims
from neurosim.chips.parameters import (
    ChipParameters,
    CompensationParameters,
    DigitalParameters,
    PeripheryParameters,
)
from neurosim.chips.prices import Price, Prices
from neurosim.chips.processor import ProcessorParameters

__all__ = [
    "Chip",
    "ChipParameters",
    "Claim",
    "CompensationParameters",
    "DigitalParameters",
    "PeripheryParameters",
    "Price",
    "Prices",
    "ProcessorParameters",
    "chip_names",
    "load_chip",
    "load_claims",
    "parse_chip",
]
