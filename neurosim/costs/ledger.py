"""The ledger: rows of energy, time and area, and the sums that are made of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from neurosim.foundation.units import format_area, format_si, format_time

OPS_PER_MAC = 2  # a multiplication and an addition

# the components of every engine's inference energy; a zero among them has a reason
COMPONENTS = (
    "input encoding",
    "drivers and lines",
    "array",
    "ADC",
    "neuron state",
    "activation buffers",
    "routing",
    "digital units",
    "clock",
    "leakage",
)
SPIKING_COMPONENTS = (*COMPONENTS[:4], "comparator", *COMPONENTS[4:])
MEMORIES = ("registers", "scratchpads", "global buffer", "off-chip memory")
DIGITAL_COMPONENTS = (*COMPONENTS[:6], *MEMORIES, *COMPONENTS[6:])
WHOLE = "whole chip (published)"  # replaces every component of a digital processor
LEARNING = "learning"  # there where devices are written during a run
CORE = "core (published)"  # replaces the components that a published figure of a whole core covers
EVENT = "synaptic events (published)"  # replaces the components that the figure of a synaptic event covers


@dataclass(frozen=True)
class PriceTag:
    """A price as used: SI value, what it is per, technology node, source and status of the figure."""

    name: str
    value: float
    per: str
    node: str
    source: str
    status: str


@dataclass(frozen=True)
class Row:
    """Energy of one component (and item of it) in one layer.

    layer : "" where the row is the whole chip's
    events : how often it happened per inference (seconds x units for leakage)
    joules : mean energy per inference
    price : None when the row is zero
    note : why it is zero; what to know about it otherwise
    """

    component: str
    item: str
    layer: str
    events: float
    joules: float
    price: PriceTag | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.joules == 0 and not self.note:
            raise ValueError(f"the zero of {self.component}, {self.item or 'all'} needs a reason")


@dataclass(frozen=True)
class AreaRow:
    """Area of one component in one layer; `units` copies of it."""

    component: str
    layer: str
    units: float
    square_metres: float
    price: PriceTag | None = None
    note: str = ""


@dataclass(frozen=True)
class Latency:
    """Seconds of one image in each layer, in the order in which they compute.

    steps, fill, step_s : of a spiking run, whose layers work in step: steps per image, steps until the last
        layer has the first one, seconds of a step
    interval : steps after which the next image may begin; 0: all of an image's
    batch : of a processor that computes one layer after the other for so many images together; `layers` then holds
        the seconds of the whole batch. 0: every layer has hardware of its own
    """

    layers: dict[str, float]
    steps: int = 0
    fill: int = 0
    step_s: float = 0.0
    interval: int = 0
    batch: int = 0

    @property
    def image_s(self) -> float:
        """Seconds from an image's first read to its class: the sum over layers, or all steps and the fill."""
        if self.steps:
            return (self.steps + self.fill) * self.step_s
        return math.fsum(self.layers.values())

    @property
    def interval_s(self) -> float:
        """Seconds between two images when every layer works on another one: the slowest layer's; of a processor,
        which has one layer at a time, the batch's share."""
        if self.batch:
            return self.image_s / self.batch
        return (self.interval or self.steps) * self.step_s if self.steps else max(self.layers.values())


@dataclass(frozen=True)
class Ledger:
    """What a run costs.

    label : the chip's own label, to be shown with every figure ("hypothetical periphery")
    rows : energy of one inference; programming, calibration : of programming the chip once, and of one
        drift compensation
    per_image : joules of each image, float64 (images,); empty when there are no images
    times : None for a chip without a circuit
    areas : rows of area
    macs : multiply-accumulates of one inference
    whole_chip : static energy of the whole chip over one inference, used or not, or of a processor priced by
        components its published power over that time: apart, in no sum
    learning : of all that a chip went through to learn
    """

    chip: str
    label: str
    rows: tuple[Row, ...]
    per_image: np.ndarray = field(repr=False)
    programming: tuple[Row, ...]
    calibration: tuple[Row, ...]
    times: Latency | None
    areas: tuple[AreaRow, ...]
    macs: int
    whole_chip: tuple[Row, ...] = ()
    learning: tuple[Row, ...] = ()

    @property
    def priced(self) -> bool:
        """False for a chip without a circuit: its zeros mean that nothing is known, not that it is free."""
        return self.times is not None

    @property
    def total(self) -> float:
        """Joules per inference, mean over images."""
        return total(self.rows)

    def by_component(self) -> dict[str, float]:
        """Joules per inference of each component, in the ledger's order; zeros are there too."""
        return _sums((row.component, row.joules) for row in self.rows)

    def by_layer(self) -> dict[str, float]:
        """Joules per inference of each layer."""
        return _sums((row.layer, row.joules) for row in self.rows if row.layer)

    def area_by_component(self) -> dict[str, float]:
        """Square metres of each component."""
        return _sums((row.component, row.square_metres) for row in self.areas)

    @property
    def square_metres(self) -> float:
        """Area of everything that was priced, for this network's tiles alone."""
        return math.fsum(row.square_metres for row in self.areas)

    @property
    def watts(self) -> float:
        """Mean power of what the network uses while one image, or one batch of them, passes through."""
        if self.times is None:
            return math.nan
        return max(self.times.batch, 1) * self.total / self.times.image_s

    @property
    def images_per_second(self) -> float:
        """Images per second when they follow each other as fast as the slowest layer allows."""
        return 1 / self.times.interval_s if self.times else math.nan

    @property
    def ops(self) -> int:
        """Operations of one inference, two per multiply-accumulate of the weighted layers."""
        return OPS_PER_MAC * self.macs

    @property
    def ops_per_second(self) -> float:
        """Operations per second when images follow each other as fast as the slowest layer allows."""
        return self.ops / self.times.interval_s if self.times else math.nan

    @property
    def ops_per_joule(self) -> float:
        """Operations per joule (operations per second and watt)."""
        return self.ops / self.total if self.total else math.nan

    @property
    def ops_per_second_per_square_metre(self) -> float:
        """Operations per second and square metre."""
        return self.ops_per_second / self.square_metres if self.square_metres else math.nan

    @property
    def nodes(self) -> tuple[str, ...]:
        """Technology nodes of all prices used, sorted by size."""
        tags = [row.price for row in self.rows if row.price] + [row.price for row in self.areas if row.price]
        return tuple(sorted({tag.node for tag in tags if tag.node}, key=_nanometres))

    @property
    def mixed_nodes(self) -> bool:
        """True when prices of several technology nodes are added: read the totals with care."""
        return len(self.nodes) > 1

    @property
    def unpriced(self) -> dict[str, str]:
        """Components whose zero is not physics but a missing figure, with the reason."""
        return {row.component: row.note for row in self.rows if row.joules == 0 and "not priced" in row.note}

    def table(self) -> str:
        """Plain text: energy by component with the sources of the prices, latency, area, figures of merit."""
        return _table(self)

    @property
    def statuses(self) -> dict[str, float]:
        """Joules per inference by the status of the price: found, derived, recalled, assumed."""
        return _sums((row.price.status, row.joules) for row in self.rows if row.price)


def total(rows: Iterable[Row]) -> float:
    """Joules of rows together."""
    return math.fsum(row.joules for row in rows)


def _sums(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    parts: dict[str, list[float]] = {}
    for name, amount in pairs:
        parts.setdefault(name, []).append(amount)
    return {name: math.fsum(amounts) for name, amounts in parts.items()}


def _nanometres(node: str) -> float:
    found = re.match(r"[\d.]+", node)
    return float(found[0]) if found else math.inf


def _table(ledger: Ledger) -> str:
    if not ledger.priced:
        return f"{ledger.chip}: {ledger.label}, nothing is priced"
    lines = [f"energy per inference on {ledger.chip} ({ledger.label}): {format_si(ledger.total, 'J')}"]
    for component, joules in ledger.by_component().items():
        rows = [row for row in ledger.rows if row.component == component]
        if joules == 0:
            lines.append(f"  {component:18} {'0':>9}          {rows[0].note}")
            continue
        tags = dict.fromkeys(_cite(row.price) for row in rows if row.price and row.joules)
        share = f"{100 * joules / ledger.total:5.1f} %"
        lines.append(f"  {component:18} {format_si(joules, 'J'):>9} {share}  {'; '.join(tags)}")
    return "\n".join([*lines, *_totals(ledger)])


def _cite(tag: PriceTag) -> str:
    return f"{tag.name} [{tag.node or 'no node'}, {tag.status}] {tag.source}"


def _totals(ledger: Ledger) -> list[str]:
    times = ledger.times
    assert times is not None  # priced ledgers are timed
    merit = [
        f"{format_si(ledger.ops_per_second, 'OP/s')}",
        f"{format_si(ledger.ops_per_joule, 'OP/s/W')}",
        f"{format_si(ledger.ops_per_second_per_square_metre * 1e-6, 'OP/s/mm2')}",
    ]
    paced = f"batches of {times.batch}" if times.batch else "when pipelined"
    extent = "the whole chip" if times.batch else "tiles of this network, whole"
    lines = [
        f"latency {format_time(times.image_s)}, one image per {format_time(times.interval_s)} {paced}",
        f"area {format_area(ledger.square_metres)} ({extent})",
        f"{', '.join(merit)} (2 operations per multiply-accumulate)",
    ]
    if times.steps:
        lines[0] += f" ({times.steps} steps of {format_si(times.step_s, 's')}, {times.fill} more to fill)"
    for row in ledger.whole_chip:
        told = "static over one inference, in place of the used cores' share"
        told = f"at its {row.item}, over the time of one inference" if times.batch else told
        text = f"{format_si(row.joules, 'J')} {told}"
        lines.append(f"whole chip: {text}")
    once = {
        "programming once": ledger.programming,
        "one calibration": ledger.calibration,
        "learning": ledger.learning,
    }
    for name, rows in once.items():
        joules = math.fsum(row.joules for row in rows)
        if joules:
            lines.append(f"{name}: {format_si(joules, 'J')}")
    if ledger.mixed_nodes:
        lines.append(f"mixed technology nodes: {', '.join(ledger.nodes)}; read the totals with care")
    return lines
