"""A network's shapes on a digital processor: what an inference costs there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurosim.chips import Chip
from neurosim.costs import ChipFigures, Latency, Ledger, chip_figures
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.graph import Architecture
from neurosim.pipeline.digital import place_digital
from neurosim.pipeline.placed import FORMAT

MOVED = ("register_bytes", "scratchpad_bytes", "global_buffer_bytes", "dram_bytes")


@dataclass(frozen=True)
class PlacedDigital:
    """A network on a processor, from its shapes alone."""

    network: Architecture
    chip: Chip
    layers: Sequence[LayerGeometry]
    counts: Counts
    ledger: Ledger
    peak: ChipFigures

    @property
    def times(self) -> Latency:
        """Seconds per layer: a processor is always timed."""
        assert self.ledger.times is not None
        return self.ledger.times

    @property
    def batch(self) -> int:
        """Images that are computed together."""
        return self.chip.processor.batch

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values, SI units in the names."""
        ledger, joules = self.ledger, self.ledger.by_layer()
        moved = {name: dict(zip(self.counts.layers, self.counts.mean(name), strict=True)) for name in MOVED}
        return {
            "format": FORMAT,
            "network": self.network.name,
            "chip": self.chip.name,
            "label": self.chip.label,
            "weights": self.network.weights,
            "macs": self.network.macs,
            "image_s": self.times.image_s,
            "interval_s": self.times.interval_s,
            "joules": ledger.total,
            "joules_by_component": ledger.by_component(),
            "not_priced": dict(ledger.unpriced),
            "square_metres": ledger.square_metres or None,
            "ops_per_second": ledger.ops_per_second,
            "ops_per_joule": ledger.ops_per_joule if ledger.total else None,
            "peak_ops_per_second": self.peak.ops_per_second,
            "peak_ops_per_joule": self.peak.ops_per_joule,
            "layers": [
                {
                    "name": layer.name, "rows": layer.rows, "columns": layer.columns, "groups": layer.groups,
                    "positions": layer.positions, "macs": layer.macs, "seconds": self.times.layers[layer.name],
                    "joules": joules.get(layer.name), **{name: moved[name][layer.name] for name in MOVED},
                }
                for layer in self.layers
            ],
        }  # fmt: skip


def place_on_processor(network: Architecture, chip: Chip) -> PlacedDigital:
    """A network, or its shapes without weights, on a processor. Errors as `place_digital`."""
    placement, counts, ledger = place_digital(network, chip)
    return PlacedDigital(network, chip, placement.layers, counts, ledger, chip_figures(chip))
