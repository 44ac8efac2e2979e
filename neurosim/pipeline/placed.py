"""A network in its place: where its layers lie, how well they fill it, what an inference is expected to cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from neurosim.chips import Chip
from neurosim.costs import ChipFigures, Ledger, Row
from neurosim.costs.ledger import OPS_PER_MAC
from neurosim.costs.timing import adcs_per_tile, conversion_s
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.graph import Architecture
from neurosim.pipeline.expecting import Assumed
from neurosim.placement import Placement, Spread, Traffic

FORMAT = 1


@dataclass(frozen=True)
class PlacedLayer:
    """One layer in its place.

    kind : of the layer; chips, rounds : first and last that hold a part of it
    cells_used : weights over cells of its tiles, in weight columns; None where a tile has any size
    conversions_used : its conversions over those that its ADCs could do between two images; None without an ADC
    seconds, joules : of one inference; None on a chip without a circuit
    link_bytes : that its results take over links between chips, per inference
    """

    name: str
    kind: str
    rows: int
    columns: int
    groups: int
    positions: int
    macs: int
    tiles: int
    copies: int
    chips: tuple[int, int]
    rounds: tuple[int, int]
    cells_used: float | None
    conversions_used: float | None
    seconds: float | None
    joules: float | None
    link_bytes: int


@dataclass(frozen=True)
class Pace:
    """How fast images pass.

    image_s : seconds from the first read of an image to its class (of a whole batch, where rounds take one)
    interval_s : seconds between two images when all layers are at work
    link_s : seconds in image_s for what goes over links; None where the chip does not say how fast they are
    """

    image_s: float
    interval_s: float
    link_s: float | None


@dataclass(frozen=True)
class Placed:
    """A network in its place on one chip or several.

    network : as placed, batch norms folded where the chip folds them
    assumed : what stands in for weights and images
    ledger : energy, latency and area of one inference that passes alone; expected, without what stands beside
    beside : energy, per inference, of links between chips and of programming them anew; empty where one holds all
    programs : devices programmed anew per inference
    peak : of one chip, where it says how many tiles it has
    """

    network: Architecture
    chip: Chip
    placement: Placement
    spread: Spread
    traffic: Traffic
    counts: Counts
    assumed: Assumed
    ledger: Ledger
    pace: Pace | None
    beside: tuple[Row, ...] = ()
    programs: float = 0.0
    peak: ChipFigures | None = None

    @property
    def tiles(self) -> int:
        """Tiles occupied, over all rounds."""
        return self.placement.tiles

    @property
    def devices(self) -> int:
        """Devices programmed, those of all copies included."""
        return sum(g.weights * g.devices_per_weight * g.replicas for g in self.placement.layers)

    @property
    def chips_used(self) -> float:
        """Share of the tiles of all chips (and rounds) that is occupied; nan where their number is unknown."""
        capacity = self.spread.capacity
        return self.tiles / (capacity * self.spread.chips * self.spread.rounds) if capacity else math.nan

    @property
    def cells_used(self) -> float | None:
        """Share of the cells of the occupied tiles that hold a weight; None where a tile has any size."""
        return self._cells_used(self.placement.layers)

    def _cells_used(self, layers: Sequence[LayerGeometry]) -> float | None:
        array = self.chip.array
        if array.boundless:
            return None
        cells = sum(layer.tiles for layer in layers) * array.rows * array.columns
        return sum(layer.weights * layer.replicas for layer in layers) / cells

    @property
    def ops(self) -> int:
        """Operations of one inference, two per multiply-accumulate."""
        return OPS_PER_MAC * self.network.macs

    @property
    def joules(self) -> float:
        """Expected energy of one inference that passes alone, with what stands beside."""
        return self.ledger.total + math.fsum(row.joules for row in self.beside)

    @property
    def joules_at_pace(self) -> float:
        """Expected energy of one inference when images follow each other: it leaks for one interval alone."""
        if self.pace is None or self.ledger.times is None:
            return self.joules
        leaking = math.fsum(row.joules for row in self.ledger.rows if row.component == "leakage")
        return self.joules - leaking * (1 - self._leaking_share)

    @property
    def _leaking_share(self) -> float:
        """Time of one interval over that for which the ledger lets the chip leak."""
        if self.pace is None or self.spread.rounds > 1:
            return 1.0  # between rounds nothing overlaps
        return min(1.0, self.pace.interval_s / self.pace.image_s)

    @property
    def ops_per_second(self) -> float:
        """Operations per second when images follow each other; nan for a chip without a circuit."""
        return self.ops / self.pace.interval_s if self.pace else math.nan

    @property
    def ops_per_joule(self) -> float:
        """Operations per joule when images follow each other; nan where nothing is priced."""
        return self.ops / self.joules_at_pace if self.joules_at_pace else math.nan

    @property
    def ops_per_second_per_square_metre(self) -> float:
        """Operations per second and square metre of the tiles used."""
        area = self.ledger.square_metres
        return self.ops_per_second / area if area else math.nan

    @property
    def whole_chips(self) -> ChipFigures | None:
        """The speed achieved, over the published power and area of all chips; None where their tiles are unknown."""
        capacity, count = self.chip.parameters.capacity, self.spread.chips
        if capacity is None or self.pace is None:
            return None
        watts, area = (_times(value, count) for value in (capacity.power_watts, capacity.area_square_metres))
        return ChipFigures(self.ops_per_second, watts, area)

    @property
    def whole_peak(self) -> ChipFigures | None:
        """The same with every tile full and busy."""
        peak, count = self.peak, self.spread.chips
        if peak is None:
            return None
        return ChipFigures(
            peak.ops_per_second * count, _times(peak.watts, count), _times(peak.square_metres, count)
        )

    def layers(self) -> list[PlacedLayer]:
        """Every placed layer, in order."""
        kinds = {layer.name: str(layer.model_dump()["kind"]) for layer in self.network.weighted}
        return [self._layer(layer, kinds[layer.name]) for layer in self.placement.layers]

    def _layer(self, layer: LayerGeometry, kind: str) -> PlacedLayer:
        parts = self.spread.of(layer.name)
        times, priced = self.ledger.times, self.ledger.priced
        return PlacedLayer(
            layer.name, kind, layer.rows, layer.columns, layer.groups, layer.positions, layer.macs,
            layer.tiles, layer.replicas, _range([part.chip for part in parts]), _range([part.round for part in parts]),
            self._cells_used([layer]), self._conversions_used(layer),
            times.layers[layer.name] if times else None,
            self.ledger.by_layer().get(layer.name, 0.0) if priced else None,
            self.traffic.links[layer.name],
        )  # fmt: skip

    def _conversions_used(self, layer: LayerGeometry) -> float | None:
        periphery = self.chip.periphery
        if periphery is None or self.pace is None or self.chip.adc.bits is None:
            return None
        busy_s = conversion_s(self.chip, periphery)
        converted = self.counts.fixed["adc_conversions"][layer.name]
        adcs = adcs_per_tile(self.chip, periphery) * layer.tiles
        if self.chip.adc.kind == "ramp":  # one ramp converts all columns of a read
            converted, adcs = layer.positions_per_copy * (layer.conversions_per_vector or layer.phases), 1
        return converted * busy_s / (adcs * self.pace.interval_s)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values, SI units in the names; None where the chip does not say."""
        ledger, pace = self.ledger, self.pace
        return {
            "format": FORMAT,
            "network": self.network.name,
            "chip": self.chip.name,
            "label": self.chip.label,
            "weights": self.network.weights,
            "macs": self.network.macs,
            "expected": {"assumed": asdict(self.assumed), "note": "energy is expected, not measured on data"},
            "devices": self.devices,
            "tiles": self.tiles,
            "tiles_of_a_chip": self.spread.capacity,
            "chips": self.spread.chips,
            "rounds": self.spread.rounds,
            "chips_used": _number(self.chips_used),
            "cells_used": self.cells_used,
            "link_bytes": sum(self.traffic.links.values()),
            "kept_bytes": sum(self.traffic.kept.values()),
            "outside_bytes": self.traffic.outside,
            "image_s": pace.image_s if pace else None,
            "interval_s": pace.interval_s if pace else None,
            "link_s": pace.link_s if pace else None,
            "joules": self.joules if ledger.priced else None,
            "joules_at_pace": self.joules_at_pace if ledger.priced else None,
            "joules_by_component": ledger.by_component() if ledger.priced else None,
            "not_priced": dict(ledger.unpriced),
            "programs": self.programs,
            "joules_beside": {row.component: row.joules if row.price else None for row in self.beside},
            "square_metres": ledger.square_metres if ledger.priced else None,
            "ops_per_second": _number(self.ops_per_second),
            "ops_per_joule": _number(self.ops_per_joule),
            "ops_per_second_per_square_metre": _number(self.ops_per_second_per_square_metre),
            "whole_chips": _figures(self.whole_chips),
            "peak": _figures(self.whole_peak),
            "layers": [asdict(layer) for layer in self.layers()],
            "parts": [asdict(part) for part in self.spread.parts],
        }  # fmt: skip


def _range(numbers: Sequence[int]) -> tuple[int, int]:
    return min(numbers), max(numbers)


def _figures(figures: ChipFigures | None) -> dict[str, float | None] | None:
    if figures is None:
        return None
    return {
        "watts": figures.watts,
        "square_metres": figures.square_metres,
        "ops_per_second": figures.ops_per_second,
        "ops_per_joule": figures.ops_per_joule,
        "ops_per_second_per_square_metre": figures.ops_per_second_per_square_metre,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _times(value: float | None, count: int) -> float | None:
    return None if value is None else value * count
