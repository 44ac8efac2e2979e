"""How many copies of each component a network's layers occupy, their area and their leakage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurosim.chips import Chip
from neurosim.costs.ledger import AreaRow, PriceTag, Row
from neurosim.costs.tags import covered, price_amount
from neurosim.costs.timing import adcs_per_tile, require_periphery
from neurosim.foundation.counts import LayerGeometry

# price -> (name in tables, what of a published core covers it)
_UNITS = {
    "core": ("core (published)", ""),
    "cell": ("devices", "array"),
    "dac": ("DACs", "dac"),
    "adc": ("ADCs", "adc"),
    "shift_add": ("shift-and-add units", ""),
    "alu": ("arithmetic units", ""),
    "buffer": ("activation buffers", ""),
}


@dataclass(frozen=True)
class Units:
    """Copies of each priced component in one layer, by the name of the price."""

    layer: str
    copies: Mapping[str, float]


def layer_units(layer: LayerGeometry, chip: Chip, buffer_bytes: float) -> Units:
    """Copies in one layer. Tiles are occupied whole, however little of them holds weights.

    buffer_bytes : bytes the layer writes per inference; its buffer holds all of them at once
    """
    adcs = adcs_per_tile(chip, require_periphery(chip)) * layer.tiles
    devices = chip.array.rows * chip.array.columns * layer.devices_per_weight * layer.tiles
    copies = {
        "core": layer.tiles,
        "cell": devices,
        "dac": chip.array.rows * layer.tiles if chip.dac.bits else 0,
        "adc": adcs if chip.adc.bits else 0,
        "shift_add": adcs,
        "alu": layer.tiles,
        "buffer": buffer_bytes,
    }
    return Units(layer.name, copies)


def area_rows(units: Sequence[Units], chip: Chip) -> tuple[AreaRow, ...]:
    """Area of each component in each layer; what has no figure is there with zero and a note."""
    rows = [
        AreaRow(name, layer, copies, copies * tag.value, tag)
        for name, layer, copies, tag in _priced(units, chip, "area_square_metres")
    ]
    for price, (name, part) in _UNITS.items():
        if covered(chip, part):
            rows.append(AreaRow(name, "", 0, 0.0, note="part of the core's published area"))
        elif price != "core" and price_amount(chip, price, "area_square_metres") is None:
            rows.append(AreaRow(name, "", 0, 0.0, note="not priced: no figure of its area"))
    for name in ("drivers and lines", "clock", "control"):
        part = "driver" if name == "drivers and lines" and covered(chip, "driver") else ""
        note = "part of the core's published area" if part else "not priced: no figure of its area"
        rows.append(AreaRow(name, "", 0, 0.0, note=note))
    return tuple(rows)


def leakage_rows(units: Sequence[Units], chip: Chip, image_s: float) -> tuple[Row, ...]:
    """Leakage of everything the network occupies, for the time of one image through all layers."""
    rows = tuple(
        Row("leakage", name, layer, copies * image_s, copies * image_s * tag.value, tag,
            "" if copies * image_s * tag.value else tag.source)
        for name, layer, copies, tag in _priced(units, chip, "leakage_watts")
    )  # fmt: skip
    if not math.fsum(row.joules for row in rows):
        return (*rows, Row("leakage", "", "", 0, 0.0, note="not priced: no figure of any leakage"))
    return rows


def _priced(units: Sequence[Units], chip: Chip, quantity: str) -> Iterator[tuple[str, str, float, PriceTag]]:
    for layer in units:
        for price, (name, part) in _UNITS.items():
            tag = price_amount(chip, price, quantity)
            copies = layer.copies[price]
            if tag is not None and copies and not covered(chip, part):
                yield name, layer.layer, copies, tag
