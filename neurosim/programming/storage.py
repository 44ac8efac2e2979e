"""Save and load programmed chips: every device's state, the converters' ranges, the network and the chip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.chips import Chip, parse_chip
from neurosim.circuits.cells import WeightScale
from neurosim.circuits.converters import Converter, with_errors
from neurosim.circuits.crossbar import Converters, Crossbar
from neurosim.circuits.wires import POWER_IN_MEAN
from neurosim.devices import make_device
from neurosim.foundation.records import build_record
from neurosim.foundation.toml_lines import parse_toml
from neurosim.graph import Description, Network
from neurosim.placement import Placement
from neurosim.programming.chip import ProgrammedChip, ProgrammedLayer, layer_stream
from neurosim.recording import load_arrays, save_arrays

KIND = "programmed chip"


def save_chip(programmed: ProgrammedChip, path: str | Path) -> Path:
    """Write a programmed chip to one file (atomically); `load_chip_state` gives it back bit for bit."""
    network = programmed.network
    tree = {
        "chip": programmed.chip.toml,
        "network": network.description(),
        "params": {layer: dict(own) for layer, own in network.params.items()},
        "placement": programmed.placement.to_json(),
        "root": programmed.root,
        "instance": programmed.instance,
        "t_chip_s": programmed.t_chip_s,
        "layers": {name: _layer_tree(layer) for name, layer in programmed.layers.items()},
    }
    return save_arrays(path, tree, KIND)


def load_chip_state(path: str | Path) -> ProgrammedChip:
    """A programmed chip from its file.

    Raises FormatError for a file of another kind or of a newer format, DataError when it is damaged.
    """
    tree = load_arrays(path, KIND)
    chip = parse_chip(tree["chip"], f"{path}: chip")
    network = _network(tree["network"], tree["params"], str(path))
    placement = Placement.from_json(tree["placement"])
    root, instance = int(tree["root"]), int(tree["instance"])
    layers = {
        name: _layer(name, tree["layers"][name], chip, placement, root, instance)
        for name in (p.name for p in placement.layers)
    }
    return ProgrammedChip(chip, network, placement, layers, root, instance, float(tree["t_chip_s"]))


def _network(text: str, params: Mapping[str, Any], where: str) -> Network:
    content, lines = parse_toml(text, where)
    description, _ = build_record(content, lines, where, Description)
    return Network(description.name, description.input, tuple(description.layers), params, description.title,
                   description.training, text, description.coding, description.learning)  # fmt: skip


def _layer_tree(layer: ProgrammedLayer) -> dict[str, Any]:
    groups = {}
    for group, (crossbar, converters) in enumerate(zip(layer.crossbars, layer.converters, strict=True)):
        groups[str(group)] = {
            "devices": crossbar.device.to_arrays(crossbar.state),
            "scale": np.array([crossbar.scale.per_unit, crossbar.scale.offset]),
            "sparse": crossbar.sparse,
            "power_in_mean": crossbar.power_in_mean,
            "flips": crossbar.flips,
            "dac": _converter_row(converters.dac),
            "adcs": np.stack([_converter_row(adc) for adc in converters.adcs]),
            "adc_errors": {
                str(tile): adc.errors() for tile, adc in enumerate(converters.adcs) if not adc.plain
            },
        }
    return {"probes": layer.probes, "reference": layer.reference, "groups": groups}


def _converter_row(converter: Converter) -> np.ndarray:
    return np.array([converter.lsb, converter.low, converter.high], np.float64)


def _layer(name: str, tree: Mapping[str, Any], chip: Chip, placement: Placement, root: int,
           instance: int) -> ProgrammedLayer:  # fmt: skip
    device, place = make_device(chip.device), placement.layer(name)
    crossbars, converters = [], []
    for group in range(place.groups):
        own = tree["groups"][str(group)]
        per_unit, offset = (float(number) for number in own["scale"])
        key = layer_stream(root, instance, name).child("group", group)
        state = device.from_arrays(own["devices"])
        scale = WeightScale(per_unit, offset)
        crossbars.append(
            Crossbar(
                device,
                chip.cell,
                chip.read,
                place.row_splits,
                scale,
                state,
                key,
                bool(own["sparse"]),
                chip.parameters.wires,
                place.column_splits,
                own.get("flips"),  # files of chips without slices may lack it
                float(own.get("power_in_mean", POWER_IN_MEAN)),  # files from before it was kept lack it
            )
        )
        errors = own.get("adc_errors", {})  # files of chips with plain converters may lack it
        adcs = tuple(
            with_errors(_converter(row), errors.get(str(tile), {})) for tile, row in enumerate(own["adcs"])
        )
        converters.append(Converters(_converter(own["dac"]), adcs))
    return ProgrammedLayer(
        name, tuple(crossbars), tuple(converters), tree["probes"], float(tree["reference"])
    )


def _converter(row: np.ndarray) -> Converter:
    lsb, low, high = (float(number) for number in row)
    return Converter(lsb, int(low), int(high) if lsb else high)


__all__ = ["KIND", "load_chip_state", "save_chip"]
