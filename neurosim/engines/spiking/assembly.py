"""A spiking network for a block of images: step objects wired to each other, by one of two routes.

events : everything is built once and stepped by hand; the compiled kernel reads the groups' spike spaces.
synapses : weights are Brian2 `Synapses`, run by `Network.run`; the reference.

Both put the same actions in the same order within one tick, so a spike crosses all layers within a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from neurosim.engines.spiking.brian import SCHEDULE, brian
from neurosim.engines.spiking.matrices import Matrix
from neurosim.engines.spiking.neurons import NO_DT_S, Neurons, build, spread
from neurosim.engines.spiking.signals import Signal
from neurosim.engines.spiking.steps import (
    Action,
    Delay,
    Input,
    Layer,
    MaxPooling,
    Merge,
    Moment,
    Pooling,
    Product,
    Step,
)  # fmt: skip
from neurosim.engines.spiking.synapses import synaptic_actions
from neurosim.foundation.streams import Stream
from neurosim.graph import (
    AxonDelay,
    Flatten,
    MaxPool,
    Operation,
    Population,
    Source,
    SpikingGraph,
    Weighted,
)
from neurosim.graph.spiking_layers import Merge as MergeAxes
from neurosim.inputs.encoding import Encoder, Encoding
from neurosim.kernels import spikes

Route = Literal["events", "synapses"]
ROUTES: tuple[Route, ...] = ("events", "synapses")
EVENTS_ROOM = 4  # given events per input and step, on average over a block, that there is room for


@dataclass
class Assembly:
    """A network of so many images, ready to be stepped.

    products : weighted layer -> its product; layers : population -> its layer; outs : node -> its signal
    """

    graph: SpikingGraph
    images: int
    dt_s: float
    route: Route
    moment: Moment
    source: Input
    steps: list[Step] = field(default_factory=list)
    products: dict[str, Product] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    outs: dict[str, Signal] = field(default_factory=dict)
    objects: list[Any] = field(default_factory=list)  # Brian2's, that actions do not name
    network: Any = None

    def reset(self, first_image: int, block: np.ndarray) -> None:
        """Before a block: no spikes, first membranes, the inputs loaded (see `Input.load`)."""
        self.moment.first_image, self.moment.clock[0] = first_image, 0
        for step in self.steps:
            step.out.clear()
            step.reset()
        for layer in self.layers.values():
            layer.neurons.initialise()
        self.source.load(block)

    @property
    def actions(self) -> list[Action]:
        """All actions of a step, in order."""
        return [action for step in self.steps for action in step.actions]


def assemble(graph: SpikingGraph, matrices: Mapping[str, Matrix], images: int, encoding: Encoding, route: Route,
             stream: Stream, values: bool, steps: int, count: bool = False) -> Assembly:  # fmt: skip
    """Build the network for `images` images at a time.

    matrices : weighted operation -> its weights on the grid
    stream : names the encoder's draws
    values : whether given events are values rather than whole counts
    steps : of one presentation; count : whether arrivals are counted in each of them
    """
    moment = Moment()
    source = _input(graph.source, images, encoding, stream, values, moment)
    made = Assembly(graph, images, graph.dt_s or NO_DT_S, route, moment, source)
    builder = _Builder(made, matrices, steps, count)
    for name in graph.order:
        builder.add(name)
    builder.wire()
    return made


def _input(
    source: Source, images: int, encoding: Encoding, stream: Stream, values: bool, moment: Moment
) -> Input:
    if encoding == "direct" or (encoding == "events" and values):
        return Input(Signal.of_values(source.shape, images), None, encoding == "events", moment)
    if encoding == "events":
        return Input(Signal.of_spikes(source.shape, images, most=EVENTS_ROOM), None, True, moment)
    encoder = Encoder(images, math.prod(source.shape), encoding, stream)
    return Input(Signal(source.shape, images, encoder.spikes), encoder, False, moment)


class _Builder:
    """Makes the signals of all nodes first, feedback needs them, and their actions after that."""

    def __init__(self, made: Assembly, matrices: Mapping[str, Matrix], steps: int, count: bool) -> None:
        self.made, self.matrices, self.counted_steps, self.count = made, matrices, steps, count
        self.pending: list[str] = []
        self.neurons: dict[str, Neurons] = {}
        self.latches: dict[str, Signal] = {}
        self.direct: set[str] = set()  # populations whose currents are written into the group

    def add(self, name: str) -> None:
        """Populations get their groups and every node its place; signals of the others follow in `wire`."""
        node = self.made.graph.by_name[name]
        if isinstance(node, Population):
            label = "population" if self.made.route == "events" else f"population_{len(self.neurons)}"
            neurons = build(node, self.made.images, self.made.dt_s, label)
            self.neurons[name] = neurons
            self.made.outs[name] = Layer(neurons, []).out
        elif isinstance(node, Source):
            self.made.outs[name] = self.made.source.out
        elif isinstance(node, Operation) and isinstance(node.layer, Weighted):
            self.made.outs[name] = Signal.of_values(node.shape, self.made.images)
        self.pending.append(name)

    def wire(self) -> None:
        """Actions of every node, in order."""
        for name in self.pending:
            node = self.made.graph.by_name[name]
            if isinstance(node, Source):
                self.made.steps.append(Step(name, self.made.source.out, self.made.source.actions))
            elif isinstance(node, Population):
                self._population(node)
            elif isinstance(node, AxonDelay):
                given, before = self._given(name)
                delay = Delay(node, given)
                self._append(name, delay.out, [*before, delay.act], delay.reset)
            elif isinstance(node.layer, Weighted):
                self._weighted(node)
            else:
                self._operation(node)
        for name, latch in self.latches.items():
            self.made.steps.append(Step(f"{name} held", latch, [_copy(self.made.outs[name], latch)]))

    def _append(self, name: str, out: Signal, actions: list[Action], reset: Any = None) -> None:
        self.made.outs[name] = out
        self.made.steps.append(Step(name, out, actions, reset or (lambda: None)))

    def _given(self, name: str) -> tuple[Signal, list[Action]]:
        """The one signal that a node takes, and what has to be done first to have it."""
        signals = self._signals(name)
        if len(signals) == 1:
            return signals[0], []
        merge = Merge(signals)
        return merge.out, [merge.act]

    def _signals(self, name: str) -> list[Signal]:
        """Signals of a node's sources. A feedback edge sees what its source left in the step before; where that
        has no buffer of its own yet, a latch keeps it."""
        signals = []
        for source in self.made.graph.sources_of(name):
            if source not in self.made.outs:
                shape = self.made.graph.by_name[source].shape
                self.latches[source] = self.latches.get(source) or Signal.of_values(shape, self.made.images)
            signals.append(self.made.outs.get(source) or self.latches[source])
        return signals

    def _operation(self, node: Operation) -> None:
        given, before = self._given(node.name)
        if isinstance(node.layer, Flatten | MergeAxes):
            out = Signal(node.shape, given.images, given.spikes, given.unit, given.values)
            self._append(node.name, out, before)
        elif isinstance(node.layer, MaxPool) and given.spikes is not None and given.unit == 1:
            pool = MaxPooling(node.layer, given)
            self._append(node.name, pool.out, [*before, pool.act], pool.reset)
        else:
            mean = Pooling(node, given)
            self._append(node.name, mean.out, [*before, mean.act])

    def _weighted(self, node: Operation) -> None:
        given, before = self._given(node.name)
        matrix, taker = self.matrices[node.name], self._taker(node)
        if taker is not None:
            self.made.outs[node.name].values = self.neurons[taker.name].x.reshape(self.made.images, -1)
            self.direct.add(taker.name)
        counts = self.count or matrix.offset is not None  # an offset comes off for every arrival
        steps = self.counted_steps if counts else 0
        product = Product(matrix, given, self.made.moment, self.made.outs[node.name], steps)
        self.made.products[node.name] = product
        counting = product.counting() if counts else []
        if given.spikes is None:
            self._append(node.name, product.out, [*before, product.values])
            return
        if self.made.route == "synapses":
            sender = self._sender(node.name)
            objects, actions = synaptic_actions(product, sender, len(self.made.products), self.made.dt_s)
            self.made.objects += objects
            self._append(node.name, product.out, [*before, *actions, *counting, product.currents])
            return
        if taker is not None and self._fusable(taker, matrix):
            self._fused(node, product, self.neurons[taker.name], [*before, *counting])
            return
        self._append(node.name, product.out, [*before, *product.products(), *counting, product.currents])

    def _sender(self, name: str) -> Any:
        """The group whose spike space is the layer's input, where it is one."""
        sources = self.made.graph.sources_of(name)
        return self.neurons[sources[0]].group if len(sources) == 1 and sources[0] in self.neurons else None

    def _taker(self, node: Operation) -> Population | None:
        """The population that takes this layer, where neither has another partner: its currents are then written
        straight into the group."""
        graph = self.made.graph
        takers = [end for start, end in graph.edges if start == node.name]
        if len(takers) != 1 or (node.name, takers[0]) in graph.feedback:
            return None
        population = graph.by_name[takers[0]]
        alone = graph.sources_of(takers[0]) == (node.name,)
        return population if isinstance(population, Population) and alone else None

    def _fusable(self, population: Population, matrix: Matrix) -> bool:
        """Whether the kernel can do the layer and its neurons at once."""
        neurons = population.neurons
        plain = neurons.kind == "if" and neurons.reset == "subtract" and not neurons.refractory_steps
        plain = plain and neurons.low is None and neurons.high is None
        return plain and matrix.simple and bool(np.all(neurons.resistance == 1) and np.all(neurons.bias == 0))

    def _fused(self, node: Operation, product: Product, neurons: Neurons, before: list[Action]) -> None:
        population, matrix = neurons.population, product.matrix
        v, sent = neurons.v, neurons.sent
        assert v is not None
        assert sent is not None
        threshold = spread(population.neurons.threshold, population, 1)
        strict = population.neurons.comparison == ">"
        call = product.fused(spikes.Fire(matrix.scale, matrix.bias, threshold, strict, v, sent))
        self._append(node.name, product.out, [*before, call])
        self.made.layers[population.name] = Layer(neurons, [], fused=True)

    def _population(self, node: Population) -> None:
        name = node.name
        if name in self.made.layers:  # done by the kernel
            self._append(name, self.made.outs[name], [])
            return
        neurons = self.neurons[name]
        layer = Layer(neurons, self._signals(name))
        layer.out = self.made.outs[name]
        self.made.layers[name] = layer
        gather = [] if name in self.direct else [layer.gather]
        self._append(name, layer.out, [*gather, *neurons.objects])


def _copy(source: Signal, latch: Signal) -> Action:
    def copy() -> None:
        assert latch.values is not None
        latch.values[...] = source.dense()

    return copy


def prepare(made: Assembly, after: list[Action]) -> None:
    """Give the network to Brian2, and let it compile; the route "events" is stepped by hand.

    In the route "synapses" the `Network` runs, Python actions being network operations. `after` ends
    a step.
    """
    module = brian()
    dt = made.dt_s * module.second
    if made.route == "events":
        # what Network.run does for each of its objects before the first step; without a network groups may share
        # a name, and equal populations their compiled code
        for layer in made.layers.values():
            for each in [] if layer.fused else [layer.neurons.group, *layer.neurons.objects]:
                each.before_run({})
        return
    objects = [layer.neurons.group for layer in made.layers.values()] + made.objects
    for order, action in enumerate([*made.actions, *after]):
        if callable(action):
            objects.append(module.NetworkOperation(action, dt=dt, when="groups", order=order))
        else:
            action.when, action.order = "groups", order
    made.network = module.Network(*objects)
    made.network.schedule = list(SCHEDULE)
