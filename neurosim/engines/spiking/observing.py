"""What a simulation notes down after every step: the output, events, spikes, membranes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from neurosim.engines.engine import Spikes
from neurosim.engines.spiking.assembly import Assembly
from neurosim.engines.spiking.steps import Action, Events
from neurosim.foundation.errors import ConfigError, near
from neurosim.graph import Population
from neurosim.kernels import spikes


@dataclass
class Block:
    """Results of one block of images.

    outputs : float32 (images, steps, size), spike counts so far of the output node, or its values in each step
    membranes : float64 (images, size), of the output population at the end; None where it has none
    sent : population or source -> float64 (steps, images), its spikes
    events : weighted layer -> its events
    spikes, traces : as asked for
    """

    outputs: np.ndarray
    membranes: np.ndarray | None
    sent: dict[str, np.ndarray]
    events: dict[str, Events]
    spikes: dict[str, Spikes]
    traces: dict[str, np.ndarray]


@dataclass(frozen=True)
class Watch:
    """What is noted.

    spikes : nodes whose spikes are kept; traces : population -> neurons whose membranes are kept
    events : whether events are counted
    """

    spikes: tuple[str, ...] = ()
    traces: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    events: bool = False


class Observer:
    """Notes one block, step after step; its actions are the last of a step."""

    def __init__(self, made: Assembly, steps: int, watch: Watch) -> None:
        self.made, self.steps, self.watch = made, steps, watch
        _check(made, watch)
        self.output = made.outs[made.graph.output]
        self.counts = np.zeros((made.images, self.output.size), np.float32)
        self.history = np.zeros((steps, made.images, self.output.size), np.float32)
        trains = [name for name in made.outs if _makes_spikes(made, name)] if watch.events else []
        self.sent = {name: np.zeros((steps, made.images)) for name in trains}
        self.begin()

    def begin(self) -> None:
        """Before a block."""
        self.counts.fill(0)
        self.lists: dict[str, list[np.ndarray]] = {name: [] for name in self.watch.spikes}
        self.traces = {
            name: np.zeros((self.made.images, self.steps, len(chosen)), np.float32)
            for name, chosen in self.watch.traces.items()
        }

    @property
    def actions(self) -> list[Action]:
        """What ends a step, and moves time on."""
        clock, watch = self.made.moment.clock, self.watch
        watched: list[Action] = [
            spikes.tally(signal.spikes, signal.size, row, clock)
            for name, row in self.sent.items()
            if (signal := self.made.outs[name]).spikes is not None
        ]
        if watch.events:
            watched += [product.look for product in self.made.products.values() if product.looks]
        if watch.spikes or watch.traces:
            watched.append(self._look)
        if self.output.spikes is None:
            return [*watched, self._keep_values]
        return [*watched, spikes.note(self.output.spikes, self.counts, self.history, clock)]

    def _keep_values(self) -> None:
        clock = self.made.moment.clock
        self.history[clock[0]] = self.output.values
        clock[0] += 1

    def _look(self) -> None:
        """Keep the spikes and membranes that are wanted."""
        step = self.made.moment.step
        for name, lists in self.lists.items():
            if (sent := self.made.outs[name].spikes) is not None:
                lists.append(sent[: sent[-1]].copy())
        for name, trace in self.traces.items():
            v = self.made.layers[name].neurons.v
            assert v is not None
            trace[:, step] = v.reshape(self.made.images, -1)[:, list(self.watch.traces[name])]

    def block(self) -> Block:
        """The results, once all steps are done."""
        layer = self.made.layers.get(self.made.graph.output)
        v = None if layer is None else layer.neurons.v
        membranes = None if v is None else v.reshape(self.made.images, -1).copy()
        first = self.made.moment.first_image
        trains = {
            name: _sorted(lists, self.made.outs[name].size, first) for name, lists in self.lists.items()
        }
        outputs = self.history.transpose(1, 0, 2).copy()  # the buffers are used again
        sent = {name: row.copy() for name, row in self.sent.items()}
        counted = self.made.products.items() if self.watch.events else ()
        events = {name: product.events.copy() for name, product in counted}
        return Block(outputs, membranes, sent, events, trains, self.traces)


def _makes_spikes(made: Assembly, name: str) -> bool:
    node = made.graph.by_name[name]
    is_source = name == made.graph.source.name
    return made.outs[name].spikes is not None and (is_source or isinstance(node, Population))


def _check(made: Assembly, watch: Watch) -> None:
    # a source of currents makes no spikes, but whether it does is a matter of the encoding: none are recorded
    makers = [n for n in made.outs if n == made.graph.source.name or made.outs[n].spikes is not None]
    for name in watch.spikes:
        if name not in makers:
            raise ConfigError("recorded spikes", "a node that makes spikes", repr(name), near(name, makers))
    for name, chosen in watch.traces.items():
        if name not in made.layers or made.layers[name].neurons.v is None:
            raise ConfigError(
                "recorded traces", "a population with membranes", repr(name), near(name, made.layers)
            )
        size = made.outs[name].size
        if not all(0 <= neuron < size for neuron in chosen):
            raise ConfigError(f"recorded traces of {name!r}", f"neurons 0 to {size - 1}", str(tuple(chosen)),
                              "choose neurons of the population")  # fmt: skip


def _sorted(lists: list[np.ndarray], size: int, first_image: int) -> Spikes:
    """Lists of a block's steps, ids ascending in each, as spikes sorted by image, step and neuron."""
    step = np.repeat(np.arange(len(lists)), [len(ids) for ids in lists])
    ids = np.concatenate(lists) if lists else np.zeros(0, np.int32)
    image = ids // size
    # by images alone, and stable: steps and ids are in order; of two bytes, which are sorted in linear time
    order = np.argsort(image.astype(np.uint16), kind="stable")
    neuron = ids[order] - image[order] * size
    return Spikes(image[order].astype(np.int64) + first_image, step[order], neuron.astype(np.int64))
