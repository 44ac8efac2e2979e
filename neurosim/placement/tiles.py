"""Cut every weight matrix into tiles of the chip's size."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from neurosim.chips import Chip
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Architecture


@dataclass(frozen=True)
class Placement:
    """Where each weighted layer of a network sits, in the network's order."""

    layers: tuple[LayerGeometry, ...]

    @property
    def tiles(self) -> int:
        """Tiles occupied on the chip."""
        return sum(layer.tiles for layer in self.layers)

    def layer(self, name: str) -> LayerGeometry:
        """The geometry of one layer; KeyError when it holds no matrix."""
        return {layer.name: layer for layer in self.layers}[name]

    def to_json(self) -> str:
        """Text for the run file."""
        return json.dumps([asdict(layer) for layer in self.layers])

    @staticmethod
    def from_json(text: str) -> Placement:
        """The placement back from `to_json`."""
        rows = json.loads(text)
        lists = ("row_splits", "column_splits")
        return Placement(
            tuple(LayerGeometry(**row | {name: tuple(row[name]) for name in lists}) for row in rows)
        )


def splits(length: int, tile: int) -> tuple[int, ...]:
    """Lengths of the pieces of `length` on tiles of `tile`: as even as full tiles allow, the rest last.

    >>> splits(784, 512)
    (512, 272)
    """
    full, rest = divmod(length, tile)
    return (tile,) * full + ((rest,) if rest else ())


def place(network: Architecture, chip: Chip, signed: Iterable[str] = ()) -> Placement:
    """Place a network's weighted layers on the tiles of a chip.

    signed : names of the layers whose inputs may be negative (two phases where the chip reads so)

    Raises ConfigError when the network holds no matrix, and where the chip's DAC and phases do not fit.
    """
    _check_phases(chip)
    if not network.weighted:
        raise ConfigError(f"network {network.name!r}", "at least one dense or convolution layer", "none",
                          "a chip without weights has nothing to hold")  # fmt: skip
    negative = set(signed)
    polarities = 2 if chip.cell.kind == "differential" else 1
    layers = []
    for layer in network.weighted:
        layers.append(
            LayerGeometry(
                name=layer.name,
                rows=layer.rows,
                columns=layer.columns,
                groups=layer.matrix_groups,
                positions=layer.positions,
                phases=chip.read.reads(layer.name in negative),
                polarities=chip.cell.columns_per_weight,
                devices_per_weight=polarities * chip.cell.slices * chip.cell.devices_per_weight,
                row_splits=splits(layer.rows, chip.array.rows),
                column_splits=splits(layer.columns, chip.array.columns),
                macs=layer.macs,
                conversions_per_vector=_conversions(chip, layer.name in negative),
            )
        )
    return Placement(tuple(layers))


def _conversions(chip: Chip, signed: bool) -> int:
    """Conversions of a column for one input vector where phases are summed before; 0: one in every phase."""
    if chip.read.accumulate == "digital":
        return 0
    return chip.read.reads(signed) // chip.read.phases


def _check_phases(chip: Chip) -> None:
    """Refuse a DAC of other bits than a phase shows."""
    if chip.read.serial and chip.dac.bits not in (None, chip.read.bits_per_phase):
        shown = f"{chip.read.bits_per_phase}: {chip.read.input_bits} bits in {chip.read.phases} phases"
        raise ConfigError(f"chip {chip.name}: dac.bits", shown, str(chip.dac.bits),
                          "change dac.bits, or read.phases and read.input_bits")  # fmt: skip
