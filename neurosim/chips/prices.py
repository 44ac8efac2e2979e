"""What a chip's [prices] table may say: energy, area and leakage per unit of each component.

An event is what the engines count; a unit is one physical copy of the component. Which technology node a
price was found at stands beside it in the TOML (`node = "32 nm"`) and is kept in the chip's sources.

A published figure of several components together (a core's conversion, a synaptic event, a core's static
power) names what it covers; what is covered is not priced again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.foundation.records import Record

Amount = Annotated[float, Field(ge=0)]

Covered = Literal["dac", "driver", "array", "adc"]
# what the figure of a synaptic event, or the static power of a core, may cover
Shared = Literal[
    "encoder",
    "dac",
    "driver",
    "array",
    "comparator",
    "neuron",
    "spike",
    "hop",
    "random",
    "buffer",
    "digital",
    "clock",
]

# what one price is per: (event that costs the energy, unit that has the area and the leakage)
PER: dict[str, tuple[str, str]] = {
    "dac": ("conversion", "DAC, one per row of a tile"),
    "driver": ("word line pulsed across one tile", "row of a tile"),
    "cell": ("", "device"),
    "adc": ("conversion", "ADC"),
    "shift_add": ("addition of a partial sum", "unit, one per ADC"),
    "multiply": ("multiplication", ""),
    "add": ("addition", ""),
    "compare": ("comparison", ""),
    "alu": ("", "arithmetic unit (multiplier, adder, comparator), one per tile"),
    "buffer": ("byte read or written", "byte"),
    "program": ("device programmed", ""),
    "sample_hold": ("conversion", "sample and hold, one per column of cells"),
    "tile": ("read of one tile, everything that `covers` names included", ""),
    "shared": ("", "tile; its share of memories, buses and routers that serve several"),
    "core": ("conversion, everything that `covers` names included", "tile, converters included"),
    "encoder": ("update of an input encoder's state", "encoder, one per input"),
    "neuron": ("update of a neuron's state", "neuron; its leakage is an analog neuron's bias power"),
    "comparator": ("decision of a comparator", "comparator, one per neuron"),
    "spike": ("spike sent", ""),
    "hop": ("router hop", ""),
    "random": ("pseudo-random number drawn", ""),
    "pulse": ("programming pulse on one device", ""),
    "device_read": ("read of one device, apart from products", ""),
    "event": ("synaptic event, everything that `covers` names included", ""),
    "core_static": ("", "core used"),
    "chip_static": ("", "whole chip"),
    "chip_busy": ("", "whole chip at work; its leakage is the power it then draws"),
    "mac": ("digital multiply-accumulate", "arithmetic unit"),
    "registers": ("byte read or written", "byte"),
    "scratchpad": ("byte moved", "byte"),
    "global_buffer": ("byte read or written", "byte"),
    "dram": ("byte read or written", "byte"),
    "link": ("byte sent over a link between chips", ""),
}


class Price(Record):
    """Joules per event, square metres and watts of leakage per unit; absent where no figure is known."""

    energy_joules: Amount | None = None
    area_square_metres: Amount | None = None
    leakage_watts: Amount | None = None


class CorePrice(Price):
    """A published figure for a whole core, which replaces the prices of the components it covers."""

    covers: tuple[Covered, ...] = Field(min_length=1)


class TilePrice(Record):
    """A published figure of one read of a whole tile, however many of its rows are driven.

    It replaces the prices of what it covers: the array, and what else is named.
    """

    energy_joules: Amount
    covers: tuple[Covered, ...] = ("array",)


class AdcPrice(Price):
    """An ADC; its energy may be given by the figure of merit of Walden (IEEE JSAC 17, 539, 1999): joules per
    conversion step, so that a conversion of b bits costs 2^b of them.

    reference_bits : bits of the converter whose energy, area and leakage are given; a chip whose [adc] has others
        pays 2^(bits - reference_bits) times these, in the same proportion as the figure of merit. None: they hold
        whatever the bits.
    """

    figure_of_merit_joules: Amount | None = None
    reference_bits: Annotated[int, Field(ge=1, le=24)] | None = None

    def amount(self, quantity: str, bits: int | None) -> float | None:
        """energy_joules, area_square_metres or leakage_watts of a converter of so many bits; None: no figure."""
        if quantity == "energy_joules" and self.figure_of_merit_joules is not None:
            return None if bits is None else self.figure_of_merit_joules * 2.0**bits
        value: float | None = getattr(self, quantity)
        return value if value is None else value * 2.0 ** self.steps_beyond(bits)

    def steps_beyond(self, bits: int | None) -> int:
        """How many bits more than the reference; 0 without one."""
        return 0 if bits is None or self.reference_bits is None else bits - self.reference_bits

    @model_validator(mode="after")
    def _one_energy(self) -> AdcPrice:
        if self.energy_joules is not None and self.figure_of_merit_joules is not None:
            raise ValueError(
                "energy and figure_of_merit both give the energy of a conversion: give one of them"
            )
        return self


class SharedPrice(Price):
    """A published figure of several components together: of one synaptic event, or of a core's static power."""

    covers: tuple[Shared, ...] = ()


class Prices(Record):
    """Prices of a chip's components.

    `array` physical: the array's energy is the sum of V^2 G t over its devices; published: it is part of the
    published figure of a core, of a read of a tile or of a synaptic event. Never both: with "physical", the figure
    of an event is kept for comparison and not charged. `core_static` is charged for the cores used, `chip_static`
    is reported apart, for the whole chip. `basis`, of digital processors: the sum of components, or the published
    power of the whole chip at work, `chip_busy`, for as long as it works. Never both.
    """

    array: Literal["physical", "published"] = "physical"
    dac: Price | None = None
    driver: Price | None = None
    cell: Price | None = None
    adc: AdcPrice | None = None
    shift_add: Price | None = None
    multiply: Price | None = None
    add: Price | None = None
    compare: Price | None = None
    alu: Price | None = None
    buffer: Price | None = None
    program: Price | None = None
    sample_hold: Price | None = None
    tile: TilePrice | None = None
    shared: Price | None = None
    core: CorePrice | None = None
    encoder: Price | None = None
    neuron: Price | None = None
    comparator: Price | None = None
    spike: Price | None = None
    hop: Price | None = None
    random: Price | None = None
    pulse: Price | None = None
    device_read: Price | None = None
    event: SharedPrice | None = None
    core_static: SharedPrice | None = None
    chip_static: Price | None = None
    chip_busy: Price | None = None
    basis: Literal["components", "published"] = "components"
    mac: Price | None = None
    registers: Price | None = None
    scratchpad: Price | None = None
    global_buffer: Price | None = None
    dram: Price | None = None
    link: Price | None = None

    @property
    def published(self) -> dict[str, tuple[str, ...]]:
        """The figures of several components that are charged, and what each covers."""
        found: dict[str, tuple[str, ...]] = {}
        if self.core is not None:
            found["core"] = self.core.covers
        if self.tile is not None:
            found["tile"] = self.tile.covers
        if self.event is not None and self.array == "published":
            found["event"] = self.event.covers
        if self.core_static is not None:
            found["core_static"] = self.core_static.covers
        return found

    @model_validator(mode="after")
    def _one_array_energy(self) -> Prices:
        if self.event is not None and "array" not in self.event.covers:
            raise ValueError(
                '[prices.event] is the figure of a whole synaptic event: its `covers` names "array"'
            )
        covered = self.core is not None and "array" in self.core.covers
        if covered and self.event is not None:
            raise ValueError("[prices.core] and [prices.event] both cover the array: give one of them")
        if self.tile is not None and "array" not in self.tile.covers:
            raise ValueError(
                '[prices.tile] is the figure of a read of a whole tile: its `covers` names "array"'
            )
        covered = covered or self.tile is not None
        if covered != (self.array == "published") and self.event is None:
            raise ValueError(
                'array = "published" goes with a [prices.core] that covers "array" or a [prices.tile], and only '
                "with one of them"
            )
        return self

    @model_validator(mode="after")
    def _known_power(self) -> Prices:
        power = None if self.chip_busy is None else self.chip_busy.leakage_watts
        if self.basis == "published" and power is None:
            raise ValueError('basis = "published" needs the power of a [prices.chip_busy], as its leakage')
        return self

    @model_validator(mode="after")
    def _covered_once(self) -> Prices:
        parts = [part for covers in self.published.values() for part in covers]
        for part in sorted(set(parts)):
            if parts.count(part) > 1:
                raise ValueError(f"{part!r} is covered by two published figures: leave it to one of them")
        return self
