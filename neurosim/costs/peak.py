"""Peak figures: every tile of a chip at work on full products, at once. They restate the chip's own table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neurosim.chips import Chip
from neurosim.costs.ledger import OPS_PER_MAC
from neurosim.costs.timing import latency, require_periphery
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError


@dataclass(frozen=True)
class ChipFigures:
    """A whole chip with every tile busy; watts and square_metres are the published ones, None where there are none."""

    ops_per_second: float
    watts: float | None
    square_metres: float | None

    @property
    def ops_per_joule(self) -> float | None:
        """Operations per joule, two per multiply-accumulate."""
        return None if self.watts is None else self.ops_per_second / self.watts

    @property
    def ops_per_second_per_square_metre(self) -> float | None:
        """Operations per second and square metre."""
        return None if self.square_metres is None else self.ops_per_second / self.square_metres


def full_tile(chip: Chip) -> LayerGeometry:
    """One product on one full tile: all phases of an input vector, conversions of every column."""
    rows, columns = chip.array.rows, chip.array.columns
    phases = chip.read.reads(signed=True)
    polarities = 2 if chip.cell.kind == "differential" else 1
    return LayerGeometry(
        name="tile", rows=rows, columns=columns, groups=1, positions=1, phases=phases,
        polarities=chip.cell.columns_per_weight,
        devices_per_weight=polarities * chip.cell.slices * chip.cell.devices_per_weight,
        row_splits=(rows,), column_splits=(columns,), macs=rows * columns,
        conversions_per_vector=phases // chip.read.phases if chip.read.accumulate == "analog" else 0,
    )  # fmt: skip


def chip_figures(chip: Chip) -> ChipFigures:
    """Peak figures of a chip with a [capacity] table, or of a digital processor.

    Raises ConfigError for a chip without [capacity], without [periphery], or without tiles.
    """
    processor = chip.parameters.processor
    if processor is not None:
        busy = None if chip.prices is None else chip.prices.chip_busy
        return ChipFigures(
            OPS_PER_MAC * processor.macs_per_cycle * processor.clock_hertz,
            None if busy is None else busy.leakage_watts,
            None if busy is None else busy.area_square_metres,
        )
    capacity = chip.parameters.capacity
    if capacity is None:
        raise ConfigError(f"chip {chip.name}", "a [capacity] table", "none", "say how many tiles it has")
    tile = full_tile(chip)
    require_periphery(chip)
    # from one product to the next: what fills the pipeline counts once, not for every product
    seconds = latency([replace(tile, positions=2)], chip).image_s - latency([tile], chip).image_s
    ops = OPS_PER_MAC * tile.macs * capacity.tiles
    return ChipFigures(ops / seconds, capacity.power_watts, capacity.area_square_metres)
