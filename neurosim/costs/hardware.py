"""How many copies of each component a network's layers occupy, their area and their leakage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurosim.chips import Chip
from neurosim.circuits.cells import reference_columns
from neurosim.costs.ledger import AreaRow, PriceTag, Row
from neurosim.costs.rules import RATE, SPIKING
from neurosim.costs.tags import built_in, covered, covering, price_amount
from neurosim.costs.timing import adcs_per_tile
from neurosim.foundation.counts import Counts, LayerGeometry

# price -> (name in tables, what of a published core covers it)
_UNITS = {
    "core": ("core (published)", ""),
    "cell": ("devices", "array"),
    "dac": ("DACs", "dac"),
    "adc": ("ADCs", "adc"),
    "shift_add": ("shift-and-add units", "digital"),
    "alu": ("arithmetic units", "digital"),
    "buffer": ("activation buffers", "buffer"),
    "sample_hold": ("sample and hold", "adc"),
    "shared": ("memories, buses and routers", ""),
}
_SPIKING_UNITS = _UNITS | {
    "core_static": ("cores used", ""),
    "encoder": ("input encoders", "encoder"),
    "neuron": ("neurons", "neuron"),
    "comparator": ("comparators", "comparator"),
}
# figures of everything in a core, and of what not every chip has: no figure of them is no gap
_WHOLE = ("core", "core_static", "sample_hold", "shared")


@dataclass(frozen=True)
class Units:
    """Copies of each priced component in one layer, by the name of the price."""

    layer: str
    copies: Mapping[str, float]


def layer_units(layer: LayerGeometry, chip: Chip, buffer_bytes: float) -> Units:
    """Copies in one layer. Tiles are occupied whole, however little of them holds weights.

    buffer_bytes : bytes the layer writes per inference; its buffer holds all of them at once
    """
    adcs = adcs_per_tile(chip, chip.periphery) * layer.tiles if chip.periphery else 0
    references = chip.array.rows * reference_columns(chip.cell, None)
    devices = (chip.array.rows * chip.array.columns * layer.devices_per_weight + references) * layer.tiles
    copies = {
        "core": layer.tiles,
        "core_static": layer.tiles,
        "cell": devices,
        "dac": chip.array.rows * layer.tiles if chip.dac.bits else 0,
        "adc": adcs if chip.adc.bits else 0,
        "shift_add": adcs,
        "alu": layer.tiles,
        "buffer": buffer_bytes,
        "sample_hold": chip.array.columns * layer.polarities * layer.tiles if chip.adc.bits else 0,
        "shared": layer.tiles,
    }
    return Units(layer.name, copies)


def network_units(geometries: Sequence[LayerGeometry], counts: Counts, chip: Chip, steps: int) -> list[Units]:
    """Copies in every layer; of a spiking run (steps > 0) neurons and encoders too, and buffers of one step.

    An encoder or a digital neuron is updated once per step, and so counted; a neuron that only compares is
    found by its decisions, one that does neither by its column, at every position of a convolution.
    """
    most = max(steps, 1)
    written, encoders, updates, decisions = (
        dict(zip(counts.layers, counts.mean(counter) / most, strict=True))
        for counter in ("buffer_writes", "encoder_updates", "neuron_updates", "threshold_decisions")
    )
    found = []
    for layer in geometries:
        units = layer_units(layer, chip, written[layer.name])
        if steps:
            neurons = max(updates[layer.name], decisions[layer.name])
            neurons = neurons or layer.columns * layer.groups * layer.positions
            more = {"encoder": encoders[layer.name], "neuron": neurons, "comparator": neurons}
            units = Units(layer.name, {**units.copies, **more})
        found.append(units)
    return found


def area_rows(units: Sequence[Units], chip: Chip, mode: str = RATE) -> tuple[AreaRow, ...]:
    """Area of each component in each layer; what has no figure is there with zero and a note."""
    rows = [
        AreaRow(name, layer, copies, copies * tag.value, tag)
        for name, layer, copies, tag in _priced(units, chip, "area_square_metres", mode)
    ]
    for price, (name, part) in _kinds(mode).items():
        if built_in(chip, part):
            rows.append(AreaRow(name, "", 0, 0.0, note=_inside(chip, part)))
            continue
        needed = mode == RATE or any(layer.copies[price] for layer in units)
        if needed and price not in _WHOLE and price_amount(chip, price, "area_square_metres") is None:
            rows.append(AreaRow(name, "", 0, 0.0, note="not priced: no figure of its area"))
    for name, part in (("drivers and lines", "driver"), ("clock", "clock"), ("control", "clock")):
        inside = built_in(chip, part)
        note = _inside(chip, part) if inside else "not priced: no figure of its area"
        rows.append(AreaRow(name, "", 0, 0.0, note=note))
    return tuple(rows)


def leakage_rows(units: Sequence[Units], chip: Chip, image_s: float, mode: str = RATE) -> tuple[Row, ...]:
    """Leakage of everything the network occupies, for the time of one image through all layers.

    The bias power of analog neurons is no leakage: it stands under the state of the neurons, that of their
    comparators under the comparator.
    """
    rows = []
    for price, name, layer, copies, tag in _leaking(units, chip, mode):
        joules = copies * image_s * tag.value
        component, item = _account(chip, price, name)
        if component != "leakage" and covered(chip, price):
            continue  # a published figure of an event holds the bias of its neuron
        note = "" if joules else f"its price is 0: {tag.source}"
        rows.append(Row(component, item, layer, copies * image_s, joules, tag, note))
    if not math.fsum(row.joules for row in rows if row.component == "leakage"):
        rows.append(Row("leakage", "", "", 0, 0.0, note="not priced: no figure of any leakage"))
    return tuple(rows)


def whole_chip_rows(chip: Chip, image_s: float) -> tuple[Row, ...]:
    """Static energy of the whole chip over one inference, whatever the network uses of it."""
    tag = price_amount(chip, "chip_static", "leakage_watts")
    if tag is None:
        return ()
    note = "" if image_s * tag.value else tag.source
    return (Row("whole chip", "static power", "", image_s, image_s * tag.value, tag, note),)


def _account(chip: Chip, price: str, name: str) -> tuple[str, str]:
    """Component and item that the steady power of a unit goes to."""
    analog = chip.neuron is not None and chip.neuron.kind == "analog"
    if analog and price in ("neuron", "comparator"):
        return {"neuron": "neuron state", "comparator": "comparator"}[price], "bias power"
    return "leakage", name


def _leaking(
    units: Sequence[Units], chip: Chip, mode: str
) -> Iterator[tuple[str, str, str, float, PriceTag]]:
    names = {name: price for price, (name, _) in _kinds(mode).items()}
    for name, layer, copies, tag in _priced(units, chip, "leakage_watts", mode):
        yield names[name], name, layer, copies, tag


def _priced(
    units: Sequence[Units], chip: Chip, quantity: str, mode: str
) -> Iterator[tuple[str, str, float, PriceTag]]:
    for layer in units:
        for price, (name, part) in _kinds(mode).items():
            tag = price_amount(chip, price, quantity)
            copies = layer.copies[price]
            if tag is not None and copies and not built_in(chip, part):
                yield name, layer.layer, copies, tag


def _kinds(mode: str) -> dict[str, tuple[str, str]]:
    return _SPIKING_UNITS if mode == SPIKING else _UNITS


def _inside(chip: Chip, part: str) -> str:
    return {"core": "part of the core's published area"}.get(covering(chip, part), "part of the cores' area")
