"""What each node of a spiking network does in a step: the objects that both routes put in order.

A step object holds a list of actions, each a Python call or one of Brian2's own objects; a node's actions come after
those of all its sources, feedback apart, so a spike crosses the whole network within one step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from neurosim.circuits.crossbar import Read, Tally
from neurosim.engines.spiking.matrices import Matrix, Sums
from neurosim.engines.spiking.neurons import Neurons
from neurosim.engines.spiking.signals import Signal
from neurosim.foundation.errors import DataError
from neurosim.graph import AvgPool, AxonDelay, GlobalAvgPool, MaxPool, Operation
from neurosim.graph.layer import Shape, padded
from neurosim.graph.pooling import SumPool
from neurosim.inputs.encoding import Encoder
from neurosim.kernels import spike_loops, spikes

Action = Any  # a Callable[[], None], or an object of Brian2 with run()


@dataclass
class Moment:
    """Where a simulation is: the block's first image, and the step from 0, int64 (1,), which a kernel moves on.
    Shared by all step objects."""

    first_image: int = 0
    clock: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))

    @property
    def step(self) -> int:
        """The step."""
        return int(self.clock[0])


@dataclass
class Events:
    """Events of one weighted layer in each step, float64 (steps, images) each.

    arrivals : spikes at rows; reads : reads of row tiles, over all positions; driven : positions with any read
    siemens : of the rows driven; adc, dac : conversions at the ends of their ranges
    """

    arrivals: np.ndarray
    reads: np.ndarray
    driven: np.ndarray
    siemens: np.ndarray
    adc: np.ndarray
    dac: np.ndarray

    @staticmethod
    def none(images: int, steps: int) -> Events:
        """All zero."""
        return Events(*(np.zeros((steps, images)) for _ in range(6)))

    def copy(self) -> Events:
        """Arrays of its own."""
        return Events(*(each.copy() for each in vars(self).values()))


@dataclass
class Step:
    """One node's part of a step.

    name : the node's; out : what it gives; actions : in order; reset : called before every block
    """

    name: str
    out: Signal
    actions: list[Action] = field(default_factory=list)
    reset: Callable[[], None] = lambda: None


class Input:
    """The source: encodes a block of images, or hands over events and currents that are given per step."""

    def __init__(self, signal: Signal, encoder: Encoder | None, given: bool, moment: Moment) -> None:
        self.out, self.encoder, self.given, self.moment = signal, encoder, given, moment
        self._block = np.zeros(0)

    @property
    def actions(self) -> list[Action]:
        """What a step does."""
        if self.encoder is not None:
            return [self.encoder.advance]
        return [self._hand_over] if self.given else []

    def load(self, block: np.ndarray) -> None:
        """Take a block: (images, size) for an encoding, (images, steps, size) for events or currents."""
        self.out.clear()
        if self.encoder is not None:
            self.encoder.load(block, self.moment.first_image)
        elif self.given:
            self._block = block
        else:
            assert self.out.values is not None
            self.out.values[...] = block

    def _hand_over(self) -> None:
        now = self._block[:, self.moment.step]
        if self.out.spikes is not None:
            self.out.set_counts(now)
        else:
            assert self.out.values is not None
            self.out.values[...] = now


class Merge:
    """The sum of several signals: one list where all are spikes of one unit, else values."""

    def __init__(self, sources: list[Signal]) -> None:
        first = sources[0]
        self.sources = sources
        if all(s.spikes is not None and s.unit == first.unit for s in sources):
            room = sum(len(s.spikes) - 1 for s in sources if s.spikes is not None)
            self.out = Signal(first.shape, first.images, np.zeros(room + 1, np.int32), first.unit)
        else:
            self.out = Signal.of_values(first.shape, first.images)

    def act(self) -> None:
        """Add up."""
        if self.out.values is not None:
            self.out.values.fill(0)
            for source in self.sources:
                self.out.values += source.dense()
            return
        assert self.out.spikes is not None
        lists = [s.spikes[: s.spikes[-1]] for s in self.sources if s.spikes is not None]
        ids = np.sort(np.concatenate(lists), kind="stable")
        self.out.spikes[: ids.size] = ids
        self.out.spikes[-1] = ids.size


class Product:
    """A weighted layer: the sums of the rows that spikes drive, then `Sums.currents`.

    steps : in which its events are counted, 0 for none
    """

    def __init__(self, matrix: Matrix, given: Signal, moment: Moment, out: Signal, steps: int = 0) -> None:
        self.matrix, self.given, self.moment, self.out = matrix, given, moment, out
        self.events = Events.none(given.images, steps)
        self.sums = Sums(matrix, given.images)
        self.arrivals = np.zeros((given.images, matrix.wiring.tiles * matrix.wiring.vectors), np.int32)
        self.siemens = np.zeros(given.images)
        self.saturations_in = np.zeros(given.images)

    def products(self) -> list[Action]:
        """The calls of the event route that fill the sums."""
        assert self.given.spikes is not None
        pairs = [(self.matrix.rows, self.sums.sums)]
        if self.sums.squares is not None:
            assert self.matrix.analog is not None
            assert self.matrix.analog.variances is not None
            pairs.append((self.matrix.analog.variances, self.sums.squares))
        return [self._call(rows, out) for rows, out in pairs]

    def _call(self, rows: spikes.Rows, out: np.ndarray) -> Action:
        wiring, given = self.matrix.wiring, self.given
        assert given.spikes is not None
        if wiring.dense:
            return spikes.dense(given.spikes, given.images, wiring.edges, rows, out)
        return spikes.table(given.spikes, self.along, rows, out.reshape(-1))

    @property
    def along(self) -> spikes.Table:
        """Where the inputs of a convolution go among the sums."""
        wiring, width = self.matrix.wiring, self.sums.width
        block = wiring.vectors * width
        tile, vector = np.divmod(wiring.slots, wiring.vectors)
        return spikes.Table(
            wiring.first, tile * (self.given.images * block) + vector * width, wiring.rows, block
        )

    def fused(self, fire: spikes.Fire) -> Action:
        """One call for the layer and its neurons; for a matrix that is `simple`."""
        given = self.given
        assert given.spikes is not None
        if self.matrix.wiring.dense:
            return spikes.fused(given.spikes, given.images, self.matrix.rows, fire)
        place = self.sums.place.astype(np.int32)
        return spikes.fused_table(given.spikes, given.images, self.along, self.matrix.rows, place, fire)

    def counting(self) -> list[Action]:
        """The call that counts where the step's spikes arrive, and what they drive."""
        wiring, events = self.matrix.wiring, self.events
        if self.given.spikes is None:
            return []
        to = spikes.Arrivals(wiring.first, wiring.slots, self.matrix.siemens_of, wiring.tiles, wiring.vectors,
                             self.arrivals)  # fmt: skip
        return [spikes.arrive(self.given.spikes, to, self.moment.clock, events.arrivals, events.reads, events.driven,
                              events.siemens)]  # fmt: skip

    @property
    def looks(self) -> bool:
        """Whether `look` has anything to note."""
        return self.given.spikes is None or self.matrix.analog is not None

    def look(self) -> None:
        """Note the events of this step that no kernel notes: saturations, and reads by values that are no spikes."""
        events, wiring, step = self.events, self.matrix.wiring, self.moment.step
        events.adc[step] = self.sums.saturations
        if self.given.spikes is None:  # every row is driven by a current of its own
            events.siemens[step], events.dac[step] = self.siemens, self.saturations_in
            events.arrivals[step], events.reads[step] = len(wiring.slots), wiring.tiles * wiring.vectors
            events.driven[step] = wiring.vectors

    def currents(self) -> None:
        """From sums to currents."""
        assert self.out.values is not None
        self.sums.currents(self.moment.first_image, self.moment.step, self.arrivals, self.out.values)

    def values(self) -> None:
        """The product of values that are no spikes: by the chip's own crossbars, DAC included, or in float64."""
        assert self.out.values is not None
        matrix, x = self.matrix, self.given.dense()
        layer = matrix.layer_of
        shaped = x.reshape(len(x), *layer.input_shapes[0])
        out = self._on_crossbars(shaped) if matrix.layer is not None else self._in_float(shaped)
        self.out.values[...] = out.reshape(len(x), -1)
        bias = layer.bias(matrix.operation.params)
        if bias is not None:
            self.out.values += matrix.bias

    def _in_float(self, x: np.ndarray) -> np.ndarray:
        layer = self.matrix.layer_of
        vectors = layer.unfold(x)
        groups, images, positions, rows = vectors.shape
        weights = layer.matrices(self.matrix.operation.params).astype(np.float64)
        products = np.empty((groups, images, positions, layer.columns))
        for group in range(groups):
            part = np.empty((images * positions, layer.columns))
            spike_loops.value_product(vectors[group].reshape(-1, rows), weights[group], part)
            products[group] = part.reshape(images, positions, -1)
        return layer.assemble(products)

    def _on_crossbars(self, x: np.ndarray) -> np.ndarray:
        layer, aged, noise = self.matrix.layer_of, self.matrix.layer, self.matrix.noise
        assert aged is not None
        assert noise is not None
        vectors = layer.unfold(x.astype(np.float32))
        groups, images, positions, rows = vectors.shape
        products = np.empty((groups, images, positions, layer.columns), np.float32)
        self.siemens.fill(0)
        self.sums.saturations.fill(0)
        self.saturations_in.fill(0)
        for group, (crossbar, converters) in enumerate(zip(aged.crossbars, aged.converters, strict=True)):
            key = noise.child(group, "direct", self.moment.step)
            read = Read(self.moment.first_image, images, key, Tally(images))
            flat = np.ascontiguousarray(vectors[group].reshape(-1, rows))
            product = crossbar.forward(flat, read, converters, aged.gain)
            products[group] = product.reshape(images, positions, -1)
            self.siemens += read.tally.array_siemens
            self.sums.saturations += read.tally.adc_saturations
            self.saturations_in += read.tally.dac_saturations
        return layer.assemble(products)


class MaxPooling:
    """Passes the spikes of each window's neuron with the most spikes so far."""

    def __init__(self, layer: MaxPool, given: Signal) -> None:
        self.given, self.out = given, Signal.of_spikes(layer.own_output_shape, given.images)
        index = np.arange(given.size, dtype=np.float32).reshape(1, *given.shape)  # exact below 2^24
        every = sliding_window_view(padded(index, layer.padding, -1), layer.kernel, axis=(2, 3))  # type: ignore[call-overload]
        (down, right) = layer.steps
        self.taps = every[:, :, ::down, ::right].reshape(-1, int(np.prod(layer.kernel))).astype(np.int32)
        window, place = np.nonzero(self.taps >= 0)
        source = self.taps[window, place]
        order = np.argsort(source, kind="stable")
        first = np.searchsorted(source[order], np.arange(given.size + 1)).astype(np.int64)
        windows = spikes.Table(first, np.zeros(0, np.int64), window[order].astype(np.int32), 0)
        self.counts = np.zeros((given.images, given.size), np.int32)
        assert given.spikes is not None
        assert self.out.spikes is not None
        self.act = spikes.winners(given.spikes, windows, self.taps, self.counts, self.out.spikes)

    def reset(self) -> None:
        """No spikes so far."""
        self.counts.fill(0)


class Pooling:
    """A mean or sum over windows: whole counts of spikes stay whole, in units of the window's share."""

    def __init__(self, operation: Operation, given: Signal) -> None:
        self.operation, self.given = operation, given
        window, overlap = _window(operation, given.shape)
        if given.spikes is None or window == 0:
            self.out = Signal.of_values(operation.shape, given.images)
        else:
            room = np.zeros((len(given.spikes) - 1) * overlap + 1, np.int32)
            self.out = Signal(operation.shape, given.images, room, given.unit / window)

    def act(self) -> None:
        """One step."""
        x = self.given.dense().astype(np.float32).reshape(self.given.images, *self.given.shape)
        y = self.operation.layer.forward(self.operation.params, x).reshape(self.given.images, -1)
        if self.out.values is not None:
            self.out.values[...] = y
        else:
            self.out.set_counts(np.rint(y / np.float32(self.out.unit)).astype(np.int64))


def _window(operation: Operation, shape: Shape) -> tuple[int, int]:
    """What a mean divides by (1 for a sum), and how many windows an element is in at most; 0 for other operations."""
    layer = operation.layer
    if isinstance(layer, AvgPool | SumPool):
        overlaps = (-(-k // s) for k, s in zip(layer.kernel, layer.steps, strict=True))
        return math.prod(layer.kernel) if isinstance(layer, AvgPool) else 1, math.prod(overlaps)
    return (math.prod(shape[1:]), 1) if isinstance(layer, GlobalAvgPool) else (0, 0)


class Delay:
    """Hands its input over some steps later, per element."""

    def __init__(self, node: AxonDelay, given: Signal) -> None:
        steps = np.broadcast_to(np.asarray(node.steps, np.int64), node.shape).ravel()
        if steps.min(initial=0) < 0:
            raise DataError(
                f"delay {node.name!r}", "0 steps or more", str(steps.min()), "state delays in steps"
            )
        self.given, self.steps = given, steps
        self.past = np.zeros((int(steps.max(initial=0)) + 1, given.images, given.size))
        self.now = 0
        if given.spikes is None:
            self.out = Signal.of_values(node.shape, given.images)
        else:
            self.out = Signal(node.shape, given.images, np.zeros_like(given.spikes), given.unit)

    def reset(self) -> None:
        """Nothing on the way."""
        self.past.fill(0)
        self.now = 0

    def act(self) -> None:
        """One step."""
        length = len(self.past)
        self.past[self.now] = self.given.dense()
        late = self.past[(self.now - self.steps) % length, :, np.arange(len(self.steps))].T
        self.now = (self.now + 1) % length
        if self.out.values is not None:
            self.out.values[...] = late
        else:
            self.out.set_counts(np.rint(late / self.out.unit).astype(np.int64))


class Layer:
    """A population; where `fused`, the kernel does its product, thresholds and resets in one pass."""

    def __init__(self, neurons: Neurons, given: list[Signal], fused: bool = False) -> None:
        self.neurons, self.given, self.fused = neurons, given, fused
        shape, images = neurons.population.shape, neurons.images
        if (sent := neurons.sent) is not None:
            self.out = Signal(shape, images, sent)
        else:
            v = neurons.v
            assert v is not None
            self.out = Signal(shape, images, values=v.reshape(images, -1))

    def gather(self) -> None:
        """The sum of what arrives, into the group's x."""
        x = self.neurons.x.reshape(self.neurons.images, -1)
        x[...] = self.given[0].dense() if self.given else 0
        for signal in self.given[1:]:
            x += signal.dense()
