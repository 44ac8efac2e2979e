"""Cores stepped by Brian2: a group of integer neurons, and one operation per tick that calls the kernel.

The group holds V and who fired, so that Brian2's monitors see what any group shows them. The crossbars,
the rings of delayed spikes and the random numbers are the kernel's: nothing in Brian2 draws one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.engines.spiking.brian import SCHEDULE, brian
from neurosim.engines.spiking.truenorth.tables import Tables
from neurosim.foundation.streams import Stream
from neurosim.kernels import ticks

T_TICK_MS = 1.0  # of the simulation's clock; what a tick lasts on a chip is the chip's own

# sums and arrivals of a tick, index of the first image, number of the tick
Perturb = Callable[[np.ndarray, np.ndarray, int, int], None]
# number of a tick -> images and flat axons that spikes from outside reach in it
Source = Callable[[int], tuple[np.ndarray, np.ndarray]]


class CoreClock:
    """`images` copies of a core network side by side, on Brian2's clock.

    v_initial : int, V of every neuron before the first tick, in the tables' unit
    draws : names every random number, together with an image's index and the tick
    perturb : called with the sums acc, int32 (images, neurons), before they are added: read noise of analog synapses
    watched : whether Brian2's own monitors can see the spikes, for which it has to compile a threshold

    Attributes, as they stand after each tick: v int32 and fired uint8 (images, neurons), outputs uint8 (images,
    outputs); events, spikes, hops float64 (images, cores), of that tick alone.
    """

    def __init__(self, tables: Tables, v_initial: np.ndarray, draws: Stream, images: int = 1,
                 perturb: Perturb | None = None, watched: bool = False) -> None:  # fmt: skip
        self.tables, self.images, self._perturb = tables, images, perturb
        self._source: Source | None = None
        self._start = np.asarray(v_initial, np.int32).ravel()
        self._words = tuple(np.uint64(word) for word in draws.words())
        size = self._start.size
        self.group = brian().NeuronGroup(
            images * size,
            "v : integer\nfired : boolean",
            threshold="fired" if watched else None,
            dt=T_TICK_MS * brian().ms,
            name="cores*",
        )
        self.operation = brian().NetworkOperation(
            self._tick, dt=T_TICK_MS * brian().ms, when="groups", name="tick*"
        )
        self.network = brian().Network(self.group, self.operation)
        self.network.schedule = list(SCHEDULE)
        self.network.run(0 * brian().ms)  # builds the code
        self.v = self.group.variables["v"].get_value().reshape(images, size)
        self.fired = self.group.variables["fired"].get_value().view(np.uint8).reshape(images, size)
        self._acc = np.empty((images, size), np.int32)
        self.rings = np.zeros((images, tables.slots, tables.cores * tables.axons), np.uint8)
        self.outputs = np.zeros((images, max(1, tables.outputs)), np.uint8)
        self.events, self.spikes, self.hops = (np.zeros((images, tables.cores)) for _ in range(3))
        self.restart(0)

    def restart(self, first_image: int, first_tick: int = 0) -> None:
        """Back to before `first_tick`, for images from `first_image` on: V at its start, nothing under way."""
        self.first_image, self.tick = first_image, first_tick
        self.v[:] = self._start
        self.rings[:] = 0

    def arrive(self, image: np.ndarray, axon: np.ndarray, ticks_ahead: int = 0) -> None:
        """Spikes from outside, at flat axons, integrated `ticks_ahead` ticks after the next one."""
        self.rings[image, (self.tick + ticks_ahead) % self.tables.slots, axon] = 1

    def step(self) -> None:
        """One tick, without the cost of a `run`: the group's and the operation's own objects, in their order."""
        self.operation.run()

    def run(self, ticks_: int, *others: Any, source: Source | None = None) -> None:
        """So many ticks by Brian2's own loop, fed by `source`; `others` are monitors or operations that take part."""
        self.network.add(*others)
        self._source = source
        try:
            self.network.run(ticks_ * T_TICK_MS * brian().ms)
        finally:
            self._source = None
            self.network.remove(*others)

    def _tick(self) -> None:
        neurons, key = self.tables.neurons, (self.first_image, *self._words)
        if self._source is not None:
            self.arrive(*self._source(self.tick))
        for counts in (self.events, self.spikes, self.hops):
            counts[:] = 0
        arrivals = self.rings[:, self.tick % self.tables.slots].copy() if self._perturb else None
        ticks.integrate(self.tables.synapses, neurons, self.rings, self.tick, self._acc, self.events, *key)
        if self._perturb is not None and arrivals is not None:
            self._perturb(self._acc, arrivals, self.first_image, self.tick)
        ticks.update(neurons, self._acc, self.v, self.fired, self.tick, *key)
        ticks.deliver(neurons, self.fired, self.rings, self.tick, self.outputs, self.spikes, self.hops)
        self.tick += 1
