"""What a chip.toml may say of a digital processor: its arithmetic, its units, its memories and its dataflow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurosim.foundation.records import Record

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Time = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, le=1)]

Arithmetic = Literal["float32", "float16", "int8", "fixed16", "shared4"]
"""float32; float16 with sums of float32; int8 and 16-bit fixed point with exact sums; 16-bit activations with
weights out of a code book of 16 entries."""

# bytes of a weight, of an activation, of a sum as it moves between units
WORD_BYTES: dict[str, tuple[int, int, int]] = {
    "float32": (4, 4, 4),
    "float16": (2, 2, 4),
    "int8": (1, 1, 4),
    "fixed16": (2, 2, 2),
    "shared4": (1, 2, 2),  # a 4-bit code and the 4 bits that tell how many zeros come before it
}


class MemoryParameters(Record):
    """One level of memory. No capacity: as large as need be; no bandwidth: it never holds up the units."""

    capacity_bytes: Positive | None = None
    bandwidth_bytes_per_s: Positive | None = None


class Processor(Record):
    """What every processor has.

    clock_hertz : of the arithmetic units
    batch : images computed together; what is read once for all of them is shared out
    t_layer_s : seconds from one layer's last result to the next layer's first operation
    weights : "streamed" from outside the chip for every batch, or "resident" on it: the network has to fit
    activations : "streamed" out and back in between layers, or "resident" in the global buffer as long as they fit
    weight_capacity_bytes : of resident weights
    scratchpad, global_buffer, dram : memories between the units' registers and the outside
    """

    arithmetic: Arithmetic
    clock_hertz: Positive
    batch: Count = 1
    t_layer_s: Time = 0.0
    weights: Literal["streamed", "resident"] = "streamed"
    activations: Literal["streamed", "resident"] = "streamed"
    weight_capacity_bytes: Positive | None = None
    scratchpad: MemoryParameters | None = None
    global_buffer: MemoryParameters | None = None
    dram: MemoryParameters | None = None

    @property
    def weight_bytes(self) -> int:
        """Of one weight."""
        return WORD_BYTES[self.arithmetic][0]

    @property
    def activation_bytes(self) -> int:
        """Of one activation."""
        return WORD_BYTES[self.arithmetic][1]

    @property
    def sum_bytes(self) -> int:
        """Of one partial sum."""
        return WORD_BYTES[self.arithmetic][2]

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates per cycle when all units work."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _somewhere(self) -> Processor:
        if self.weights == "resident" and self.weight_capacity_bytes is None:
            raise ValueError('weights = "resident" needs a weight_capacity')
        if self.weights == "streamed" and self.dram is None:
            raise ValueError('weights = "streamed" needs a [processor.dram] to come from')
        if self.activations == "streamed" and self.dram is None:
            raise ValueError('activations = "streamed" needs a [processor.dram] to go to')
        return self


class SimtProcessor(Processor):
    """A graphics processor: a matrix product cut into square tiles, each computed by one multiprocessor.

    multiprocessors, lanes : how many there are, and arithmetic units of all of them together
    float32_rate, float16_rate : multiply-accumulates per lane and cycle; none: it has no such arithmetic
    tiles : sides of the tiles its library offers
    thread_tile : side of the part of a tile that one thread keeps in its registers
    """

    kind: Literal["simt"] = "simt"
    multiprocessors: Count
    lanes: Count
    float32_rate: Positive | None = None
    float16_rate: Positive | None = None
    tiles: tuple[Count, ...] = Field(min_length=1)
    thread_tile: Count

    @property
    def macs_per_cycle(self) -> float:
        """Lanes times the rate of this arithmetic."""
        rate = {"float32": self.float32_rate, "float16": self.float16_rate}.get(self.arithmetic)
        return self.lanes * (rate or 0.0)

    @model_validator(mode="after")
    def _rate_is_known(self) -> SimtProcessor:
        if not self.macs_per_cycle:
            known = [name for name in ("float32", "float16") if getattr(self, f"{name}_rate") is not None]
            raise ValueError(
                f"this processor has no arithmetic {self.arithmetic!r}; choose {' or '.join(known) or 'another one'}"
            )
        return self


class SystolicProcessor(Processor):
    """A weight-stationary systolic array: a tile of weights stays while input vectors stream through it.

    rows, columns : of the array, inputs and outputs of a tile of weights
    accumulators : input vectors whose sums are kept at a time, for all columns
    """

    kind: Literal["systolic"] = "systolic"
    rows: Count
    columns: Count
    accumulators: Count

    @property
    def macs_per_cycle(self) -> float:
        """One per cell of the array."""
        return self.rows * self.columns


class RowStationaryProcessor(Processor):
    """Row-stationary arrays (Chen et al. 2016): one-dimensional convolutions of a filter's row and an image's.

    nodes : arrays that share out output channels
    rows, columns : units of one array
    filter_words, input_words, sum_words : entries of the three memories beside every unit
    filter_bus_words : weights sent into the array per cycle before a pass; the units wait meanwhile
    """

    kind: Literal["row_stationary"] = "row_stationary"
    nodes: Count = 1
    rows: Count
    columns: Count
    filter_words: Count
    input_words: Count
    sum_words: Count
    filter_bus_words: Count

    @property
    def macs_per_cycle(self) -> float:
        """One per unit."""
        return self.nodes * self.rows * self.columns


class OutputStationaryProcessor(Processor):
    """Every unit keeps the sum of one output; weights are broadcast, inputs move between neighbours.

    nodes : arrays that share out output channels
    rows, columns : units of one array
    neighbours : whether inputs come from the neighbouring unit where it has them
    """

    kind: Literal["output_stationary"] = "output_stationary"
    nodes: Count = 1
    rows: Count
    columns: Count
    neighbours: bool

    @property
    def macs_per_cycle(self) -> float:
        """One per unit."""
        return self.nodes * self.rows * self.columns


class TreeProcessor(Processor):
    """Multipliers with adder trees: every tile takes the same inputs and its own weights.

    tiles : how many there are; neurons, synapses : outputs of a tile, and inputs of each output, per cycle
    """

    kind: Literal["tree"] = "tree"
    tiles: Count
    neurons: Count
    synapses: Count

    @property
    def macs_per_cycle(self) -> float:
        """One per multiplier."""
        return self.tiles * self.neurons * self.synapses


class SparseProcessor(Processor):
    """Compressed sparse columns shared out over units, row by row; zero weights and zero inputs cost nothing.

    units : how many there are, one multiply-accumulate per cycle each
    index_bits : of the number of zeros before an entry; where there are more, entries of zero fill in
    weight_density, activation_density : parts that are not zero, for a network that is only known by its shapes;
        a network with weights counts its own
    """

    kind: Literal["sparse"] = "sparse"
    units: Count
    index_bits: Count
    weight_density: Fraction
    activation_density: Fraction

    @property
    def macs_per_cycle(self) -> float:
        """One per unit, none of them by zero."""
        return self.units


ProcessorParameters = Annotated[
    SimtProcessor
    | SystolicProcessor
    | RowStationaryProcessor
    | OutputStationaryProcessor
    | TreeProcessor
    | SparseProcessor,
    Field(discriminator="kind"),
]
