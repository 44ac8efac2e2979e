"""Blocks of images through an assembled network; and `simulate`, a network without a chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from neurosim.engines.engine import Spikes
from neurosim.engines.spiking.assembly import ROUTES, Assembly, Route, assemble, prepare
from neurosim.engines.spiking.brian import brian, quiet
from neurosim.engines.spiking.matrices import GRIDS, Grid, Matrix, ideal_matrix
from neurosim.engines.spiking.observing import Block, Observer, Watch
from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.streams import Stream, stream
from neurosim.graph import Operation, SpikingGraph, Weighted
from neurosim.inputs.encoding import check_encoding, check_steps
from neurosim.kernels.spikes import chained, repeated

_BUILDING = Lock()  # Brian2's construction is not made for threads


@dataclass(frozen=True)
class Setup:
    """How a network is simulated, whatever the images.

    steps : of one presentation; encoding : see inputs.encoding; route : events or synapses
    images : simulated side by side; encoder : names the encoder's draws; values : given events are no whole counts
    """

    steps: int
    encoding: str
    route: Route
    images: int
    encoder: Stream
    watch: Watch = field(default_factory=Watch)
    values: bool = False

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_encoding(self.encoding)
        check_route(self.route)


class Simulation:
    """An assembled network that serves block after block; not for two threads at once."""

    def __init__(self, graph: SpikingGraph, matrices: Mapping[str, Matrix], setup: Setup) -> None:
        self.setup = setup
        with _BUILDING, quiet():
            self.made: Assembly = assemble(graph, matrices, setup.images, check_encoding(setup.encoding), setup.route,
                                           setup.encoder, setup.values, setup.steps, setup.watch.events)  # fmt: skip
            self.observer = Observer(self.made, setup.steps, setup.watch)
            prepare(self.made, self.observer.actions)
        actions = [*self.made.actions, *self.observer.actions]
        calls = chained(action if callable(action) else action.run for action in actions)
        self._rounds = repeated(calls, setup.steps) or calls * setup.steps

    def run(self, first_image: int, block: np.ndarray) -> Block:
        """Results of a block: (images, *source shape) for an encoding, (images, steps, *source shape) as events;
        `first_image` is its first image's index in the data set."""
        size = self.made.source.out.size
        given = (
            block.reshape(len(block), -1, size)
            if self.setup.encoding == "events"
            else block.reshape(-1, size)
        )
        self.observer.begin()
        self.made.reset(first_image, given)
        if self.setup.route == "events":
            for call in self._rounds:
                call()
        else:
            module = brian()
            with quiet():
                self.made.network.run(self.setup.steps * self.made.dt_s * module.second, namespace={})
        return self.observer.block()


@dataclass(frozen=True)
class Result:
    """What a network gave.

    outputs : float32 (images, steps, *output shape): spike counts so far, or the output's values in each step
    spikes, traces : of the nodes asked for; traces float32 (images, steps, chosen neurons)
    """

    outputs: np.ndarray
    spikes: dict[str, Spikes]
    traces: dict[str, np.ndarray]


def simulate(graph: SpikingGraph, inputs: np.ndarray, *, steps: int | None = None, encoding: str = "events",
             route: Route = "events", grid: Grid = "int32", batch: int | None = None, seed: int = 0,
             spikes: tuple[str, ...] = (), traces: Mapping[str, tuple[int, ...]] | None = None) -> Result:  # fmt: skip
    """Run a spiking network without a chip.

    Parameters
    ----------
    graph : its dt_s is the step where equations have time constants
    inputs : for encoding "events" (N, steps, *source shape) or (steps, *source shape): whole counts of spikes, or
        floats that are not all whole: currents; else (N, *source shape) in units of the largest input
    steps : of an encoding; given by the inputs for events
    route, grid : see Assembly and matrices; batch : images side by side, no result depends on it
    seed : of random encodings
    spikes, traces : nodes whose spikes, and population -> neurons whose membranes, are kept

    Raises ConfigError for unknown names and steps < 1, for a dt too large for a time constant and for thresholds
    that are not positive; DataError for inputs of another shape or that are not finite.
    """
    check_route(route)
    if grid not in GRIDS:
        raise ConfigError("grid", f"one of {', '.join(GRIDS)}", repr(grid), near(grid, GRIDS))
    shape = graph.source.shape
    x = np.asarray(inputs)
    x = x[None] if encoding == "events" and x.ndim == len(shape) + 1 else x
    _check_inputs(x, shape, encoding)
    number = x.shape[1] if encoding == "events" else steps
    if number is None:
        raise ConfigError("steps", "a number of steps", "none", "give steps=100")
    images = min(batch or images_at_once(graph), len(x))
    values = encoding == "events" and bool((x < 0).any() or (x != np.rint(x)).any())
    whole = x.astype(np.int64) if encoding == "events" and not values else x
    setup = Setup(
        number, encoding, route, images, stream(seed, "encoder"), Watch(spikes, traces or {}), values
    )
    simulation = Simulation(graph, ideal_matrices(graph, grid), setup)
    blocks = [simulation.run(start, padded(whole[start : start + images], images))
              for start in range(0, len(x), images)]  # fmt: skip
    return _join(blocks, len(x), graph)


def ideal_matrices(graph: SpikingGraph, grid: Grid) -> dict[str, Matrix]:
    """The weighted operations of a network without a chip."""
    return {
        node.name: ideal_matrix(node, grid)
        for node in graph.nodes
        if isinstance(node, Operation) and isinstance(node.layer, Weighted)
    }


WORKING_SET = 150_000  # elements of the widest node, over the images of a block


def images_at_once(graph: SpikingGraph, most: int = 250) -> int:
    """Images side by side that keep the widest node within the processor's cache; no result depends on it."""
    widest = max(int(np.prod(node.shape)) for node in graph.nodes)
    return max(1, min(most, WORKING_SET // widest))


def check_route(route: str) -> Route:
    """The route itself; ConfigError, with near names, for an unknown one."""
    for known in ROUTES:
        if route == known:
            return known
    raise ConfigError("route", f"one of {', '.join(ROUTES)}", repr(route), near(route, ROUTES))


def padded(block: np.ndarray, images: int) -> np.ndarray:
    """A block of `images` images, the missing ones blank."""
    if len(block) == images:
        return block
    full = np.zeros((images, *block.shape[1:]), block.dtype)
    full[: len(block)] = block
    return full


def _check_inputs(x: np.ndarray, shape: tuple[int, ...], encoding: str) -> None:
    check_encoding(encoding)
    own = x.shape[2:] if encoding == "events" else x.shape[1:]
    form = "(images, steps, *shape)" if encoding == "events" else "(images, *shape)"
    if own != shape or len(x) == 0:
        raise DataError("inputs", f"{form} with shape {shape}", str(x.shape), "match the network's input")
    if not np.isfinite(x).all():
        raise DataError("inputs", "finite numbers", "NaN or infinity", "repair the data")


def _join(blocks: list[Block], n: int, graph: SpikingGraph) -> Result:
    outputs = np.concatenate([block.outputs for block in blocks])[:n]
    shaped = outputs.reshape(*outputs.shape[:2], *graph.by_name[graph.output].shape)
    spikes = {name: join_spikes([block.spikes[name] for block in blocks], n) for name in blocks[0].spikes}
    traces = {name: np.concatenate([block.traces[name] for block in blocks])[:n] for name in blocks[0].traces}
    return Result(shaped, spikes, traces)


def join_spikes(parts: list[Spikes], end: int) -> Spikes:
    """Spikes of consecutive blocks, without those of images from `end` on."""
    kept = [int(np.searchsorted(part.image, end)) for part in parts]
    image, step, neuron = (
        np.concatenate([getattr(part, name)[:stop] for part, stop in zip(parts, kept, strict=True)])
        for name in ("image", "step", "neuron")
    )
    return Spikes(image, step, neuron)
