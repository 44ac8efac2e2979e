"""The ledger of a run: counts, geometry and a chip's prices put together. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurosim.chips import Chip
from neurosim.costs.digital import price_processor
from neurosim.costs.energy import event_rows, hops_note, joules_per_image, once_rows, with_zeros
from neurosim.costs.hardware import Units, area_rows, leakage_rows, network_units, whole_chip_rows
from neurosim.costs.ledger import COMPONENTS, OPS_PER_MAC, SPIKING_COMPONENTS, Latency, Ledger, Row
from neurosim.costs.peak import full_tile
from neurosim.costs.rules import RATE, SPIKING
from neurosim.costs.tags import energy_price, price_amount, require_prices
from neurosim.costs.timing import latency, require_periphery, spiking_latency
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.foundation.errors import ConfigError, near


@dataclass(frozen=True)
class Presentation:
    """How long a spiking run shows each image: `steps` time steps, and `fill` more until the last layer has had
    the first of them. A step lasts `step_s` where the network says so, else as long as the chip takes for it. After
    `interval` steps the next image may begin; 0: after all of them."""

    steps: int
    fill: int
    step_s: float | None = None
    interval: int = 0

    def latency(self, geometries: Sequence[LayerGeometry], chip: Chip) -> Latency:
        """The latency of these layers. Raises as `spiking_latency`."""
        if self.step_s is None:
            times = spiking_latency(geometries, chip, self.steps, self.fill)
            return replace(times, interval=self.interval)
        whole = self.steps * self.step_s
        return Latency(
            {layer.name: whole for layer in geometries}, self.steps, self.fill, self.step_s, self.interval
        )


@dataclass(frozen=True)
class Learning:
    """What a chip went through to learn: events of the whole of it, programming apart, and its time."""

    counts: Counts
    seconds: float


def price(
    counts: Counts,
    geometries: Sequence[LayerGeometry],
    chip: Chip,
    programming: Counts | None = None,
    calibration: Counts | None = None,
    presentation: Presentation | None = None,
    learning: Learning | None = None,
) -> Ledger:
    """The ledger of one inference, and of programming, calibrating and teaching the chip once.

    counts : per inference; those that vary may differ from image to image
    geometries : the weighted layers in the order in which they compute
    chip : prices and read conditions
    presentation : of a spiking run; None for rates
    learning : of a chip that learned

    A chip without a circuit gives a ledger of zeros, each with its reason, and no latency.
    Raises ConfigError when a price that the counts need is missing, or a layer counted has no geometry.
    """
    _check_layers(counts, geometries)
    if chip.is_processor:
        return price_processor(counts, geometries, chip)
    shown = presentation
    mode, macs = SPIKING if shown else RATE, sum(layer.macs for layer in geometries)
    if chip.prices is None:
        return _unpriced(counts, chip, macs, mode)
    times = shown.latency(geometries, chip) if shown else latency(geometries, chip)
    units = network_units(geometries, counts, chip, shown.steps if shown else 0)
    standing = leakage_rows(units, chip, times.image_s, mode)
    rows = with_zeros((*event_rows(counts, chip), *hops_note(counts, chip), *standing), chip, mode)
    per_image = sum(row.joules for row in standing) + joules_per_image(counts, chip)
    return Ledger(
        chip.name, chip.label, rows, per_image, _once(programming, chip), _once(calibration, chip),
        times, area_rows(units, chip, mode), macs, whole_chip_rows(chip, times.image_s),
        _taught(learning, chip, units, mode),
    )  # fmt: skip


def _taught(learning: Learning | None, chip: Chip, units: Sequence[Units], mode: str) -> tuple[Row, ...]:
    """Energy of learning: its events, and what stands by meanwhile."""
    if learning is None:
        return ()
    return (*event_rows(learning.counts, chip), *leakage_rows(units, chip, learning.seconds, mode))


def _once(counts: Counts | None, chip: Chip) -> tuple[Row, ...]:
    """Energy of what is done once: programming, or one drift compensation."""
    if counts is None:
        return ()
    rows = once_rows(counts, chip)
    heat_uncounted = counts.mean("array_reads").any() and not counts.mean("array_siemens").any()
    if heat_uncounted and require_prices(chip).array == "physical":
        note = "not priced: currents of these reads were not counted"
        rows = (*rows, Row("array", "", "", 0, 0.0, note=note))
    return rows


def _unpriced(counts: Counts, chip: Chip, macs: int, mode: str) -> Ledger:
    note = f"not priced: {chip.label}"
    components = SPIKING_COMPONENTS if mode == SPIKING else COMPONENTS
    rows = tuple(Row(component, "", "", 0, 0.0, note=note) for component in components)
    return Ledger(chip.name, chip.label, rows, np.zeros(counts.images), (), (), None, (), macs)


def _check_layers(counts: Counts, geometries: Sequence[LayerGeometry]) -> None:
    placed = [layer.name for layer in geometries]
    for name in placed:
        if name not in counts.layers:
            raise ConfigError(f"layer {name!r}", "counts of it", "none", near(name, counts.layers))
    for name in counts.layers:
        if name not in placed:
            raise ConfigError(f"layer {name!r}", "its place on the chip", "none", near(name, placed))


@dataclass(frozen=True)
class CoreFigures:
    """One product on one full tile, all phases: to compare with a paper's peak figures."""

    ops: int
    seconds: float
    joules: float
    square_metres: float

    @property
    def ops_per_second(self) -> float:
        """Operations per second of one core."""
        return self.ops / self.seconds

    @property
    def ops_per_joule(self) -> float:
        """Operations per joule."""
        return self.ops / self.joules

    @property
    def ops_per_second_per_square_metre(self) -> float:
        """Operations per second and square metre."""
        return self.ops_per_second / self.square_metres


def core_figures(chip: Chip) -> CoreFigures:
    """Peak figures of a chip whose cores have published ones; signed inputs, digital units left out.

    Raises ConfigError when the chip has no [prices.core] with an energy and an area.
    """
    periphery = require_periphery(chip)
    joules = energy_price(chip, "core", "a full core").value
    area = price_amount(chip, "core", "area_square_metres")
    if area is None:
        raise ConfigError(f"chip {chip.name}: prices.core.area", "an area per core", "none", "add it")
    layer = full_tile(chip)
    seconds = latency([layer], chip).image_s - periphery.t_digital_s
    conversions = layer.columns * layer.conversions
    return CoreFigures(OPS_PER_MAC * layer.macs, seconds, conversions * joules, area.value)
