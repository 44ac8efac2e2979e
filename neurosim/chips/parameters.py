"""What a chip.toml may say, beside the tables of the devices and circuits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from neurosim.chips.prices import Prices
from neurosim.chips.processor import ProcessorParameters
from neurosim.circuits.parameters import (
    ArrayParameters,
    BistableParameters,
    CapacityParameters,
    CellParameters,
    ConverterParameters,
    CoreParameters,
    DacParameters,
    NeuronParameters,
    ReadParameters,
    WireParameters,
)
from neurosim.devices.parameters import DeviceParameters
from neurosim.foundation.records import Record

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Time = Annotated[float, Field(ge=0)]


class CompensationParameters(Record):
    """Drift compensation: none, or a digital scale per layer from reads of `vectors` calibration vectors."""

    drift: Literal["global", "none"] = "none"
    vectors: Count = 1


class DigitalParameters(Record):
    """What is digital: batch norm (or folded into the crossbar), and biases, added after the ADC."""

    batch_norm: Literal["folded", "digital"] = "folded"
    bias: Literal["digital"] = "digital"


class CalibrationParameters(Record):
    """How many calibration images set the converters' ranges."""

    images: Count = 1


class PeripheryParameters(Record):
    """Sharing and timing of what surrounds the tiles.

    columns_per_adc : weight columns of a tile per ADC; a column whose G+ and G- are converted apart has both
        converted by the same ADC, one after the other
    t_conversion_s : seconds from one conversion of an ADC to its next; [adc].t_clock, where given, replaces it
    t_digital_s : seconds from the last conversion of a layer to its last activation in the buffer
    """

    columns_per_adc: Count
    t_conversion_s: Positive | None = None
    t_digital_s: Time


class ChipParameters(Record):
    """A chip.toml. Without [periphery] and [prices] there is no circuit: nothing is timed or priced.

    A chip of neurons with a tick and without converters needs no [periphery]. One with a [core] table needs no
    [device], [array] and [read] either: its synapses are digital, unless it gives both a device and how it is read.
    So does one with a [bistable] table, whose synapses are capacitors, and one with a [processor] table, whose
    weights are words in memories.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    node: str
    label: str
    device: DeviceParameters | None = None
    cell: CellParameters = CellParameters()
    array: ArrayParameters | None = None
    dac: DacParameters = DacParameters()
    adc: ConverterParameters = ConverterParameters()
    read: ReadParameters | None = None
    wires: WireParameters | None = None
    capacity: CapacityParameters | None = None
    compensation: CompensationParameters = CompensationParameters()
    digital: DigitalParameters = DigitalParameters()
    calibration: CalibrationParameters = CalibrationParameters()
    neuron: NeuronParameters | None = None
    core: CoreParameters | None = None
    bistable: BistableParameters | None = None
    processor: ProcessorParameters | None = None
    periphery: PeripheryParameters | None = None
    prices: Prices | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def modes(self) -> tuple[str, ...]:
        """What the chip can run: "rate" unless its neurons take the place of the ADC, "spiking" with [neuron].

        A chip of bistable synapses learns in a study of its own; a processor knows "digital" alone."""
        if self.processor is not None:
            return ("digital",)
        if self.bistable is not None:
            return ()
        converts = self.neuron is None or self.adc.bits is not None or self.prices is None
        return (*(("rate",) if converts else ()), *(("spiking",) if self.neuron is not None else ()))

    @model_validator(mode="before")
    @classmethod
    def _tables_of_devices(cls, content: Any) -> Any:
        """What holds the weights is told: only a chip of cores may leave these tables out, or give just two."""
        if not isinstance(content, dict):
            return content
        needed: tuple[str, ...] = ("device", "array", "read")
        if "bistable" in content or "processor" in content:
            needed = ()
        if "core" in content:
            needed = ("device", "read") if {"device", "read"} & content.keys() else ()
        return {name: {} for name in needed} | content

    @model_validator(mode="after")
    def _time_of_a_conversion(self) -> ChipParameters:
        timed = self.periphery is not None and self.adc.bits is not None
        if timed and self.periphery.t_conversion_s is None and self.adc.t_clock_s is None:  # type: ignore[union-attr]
            raise ValueError("periphery.t_conversion is missing; add it, or t_clock to an [adc] with a clock")
        return self

    @model_validator(mode="after")
    def _one_kind_of_chip(self) -> ChipParameters:
        if self.processor is not None and (self.device is not None or self.periphery is not None):
            raise ValueError(
                "a [processor] has no [device] and no [periphery]: leave them out, or leave it out"
            )
        if self.wires is not None and (self.processor or self.core or self.bistable):
            raise ValueError("[wires] lie around the cells of tiles that are read whole; chips with [core], [bistable] "
                             "or [processor] are computed without them: leave them out")  # fmt: skip
        if self.processor is None and self.prices is not None and self.prices.basis == "published":
            raise ValueError('prices.basis = "published" is of digital processors: leave it out')
        return self

    @model_validator(mode="after")
    def _states_hold_the_weights(self) -> ChipParameters:
        """Two states hold no analog weight, and a cell of slices no more levels than its device has states."""
        states = None if self.device is None else self.device.states
        if states is None or self.cell.levels == "binary":
            return self
        levels = 2**self.cell.bits_per_cell if self.cell.bits_per_cell is not None else 0
        if levels > states or (not self.cell.sliced and states == 2):
            raise ValueError(f"a device of {states} states cannot hold such weights: give [cell] levels = \"binary\", "
                             "or weight_bits with as few bits_per_cell as the device has")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _whole_circuit(self) -> ChipParameters:
        ticking = self.neuron is not None and self.neuron.t_tick_s is not None and self.adc.bits is None
        if self.prices is not None and self.periphery is None and (ticking or self.processor is not None):
            return self  # nothing is converted: a step takes the tick's time, a processor's layer its cycles
        if (self.periphery is None) != (self.prices is None):
            raise ValueError("[periphery] and [prices] go together: give both, or neither")
        return self
