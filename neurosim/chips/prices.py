"""What a chip's [prices] table may say: energy, area and leakage per unit of each component.

An event is what the engines count; a unit is one physical copy of the component. Which technology node a
price was found at stands beside it in the TOML (`node = "32 nm"`) and is kept in the chip's sources.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.foundation.records import Record

Amount = Annotated[float, Field(ge=0)]

Covered = Literal["dac", "driver", "array", "adc"]

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
    "core": ("conversion, everything that `covers` names included", "tile, converters included"),
}


class Price(Record):
    """Joules per event, square metres and watts of leakage per unit; absent where no figure is known."""

    energy_joules: Amount | None = None
    area_square_metres: Amount | None = None
    leakage_watts: Amount | None = None


class CorePrice(Price):
    """A published figure for a whole core, which replaces the prices of the components it covers."""

    covers: tuple[Covered, ...] = Field(min_length=1)


class Prices(Record):
    """Prices of a chip's components.

    `array` physical: the array's energy is the sum of V^2 G t over its devices; published: it is part of
    the core's published figure. Never both.
    """

    array: Literal["physical", "published"] = "physical"
    dac: Price | None = None
    driver: Price | None = None
    cell: Price | None = None
    adc: Price | None = None
    shift_add: Price | None = None
    multiply: Price | None = None
    add: Price | None = None
    compare: Price | None = None
    alu: Price | None = None
    buffer: Price | None = None
    program: Price | None = None
    core: CorePrice | None = None

    @model_validator(mode="after")
    def _one_array_energy(self) -> Prices:
        covered = self.core is not None and "array" in self.core.covers
        if covered != (self.array == "published"):
            raise ValueError(
                'array = "published" goes with a [prices.core] that covers "array", and only with it'
            )
        return self
