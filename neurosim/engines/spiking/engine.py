"""Spiking inference: a converted network on a programmed chip, image by image and step by step."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import numpy as np

from neurosim.engines.engine import (
    Inputs,
    Outcome,
    Progress,
    Recorder,
    Segment,
    Settings,
)  # fmt: skip
from neurosim.engines.spiking.assembly import Route
from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.brian import semantics as brian_semantics
from neurosim.engines.spiking.chip_neurons import with_chip_neurons
from neurosim.engines.spiking.counting import count_spiking, is_digital, layer_counts
from neurosim.engines.spiking.matrices import GRIDS, Grid, chip_matrix
from neurosim.engines.spiking.observing import Block, Watch
from neurosim.engines.spiking.simulation import (
    Setup,
    Simulation,
    check_route,
    images_at_once,
    join_spikes,
    padded,
)  # fmt: skip
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.streams import stream
from neurosim.graph import SpikingGraph
from neurosim.graph.to_spiking import SpikingNetwork
from neurosim.inputs.encoding import check_encoding, check_steps
from neurosim.kernels.compiled import description
from neurosim.programming import AgedChip, ProgrammedChip, require_programmed
from neurosim.programming.chip import chip_stream

MEMBRANE_SHARE = 1 / 3  # of a spike that a membrane at its threshold counts for, so that it only decides ties
SYNAPSES_IMAGES = 2  # side by side in the reference route, whose synapses are copied for each


@dataclass(frozen=True)
class SpikingOptions:
    """How a converted network is run; unlike `Settings`, these change results.

    steps : of one image
    encoding : deterministic, bernoulli, poisson or direct (see inputs.encoding); or events, where the images are
        recordings: counts (steps, *input shape)
    percentile : of the activations, for the conversion (kept here for the record)
    route : events (fast) or synapses (the reference); both give the same spikes
    grid : what a layer's conductances are rounded to: int16 (steps of 2^-13 g_max, or the next power of two with
        which all fit), int8 (127 steps of the largest), int32 (the finest power of two that fits 2^30 steps)
    spikes : nodes whose spikes are recorded; traces : population -> neurons whose membranes are recorded
    """

    steps: int = 100
    encoding: str = "deterministic"
    percentile: float = 99.9
    route: Route = "events"
    grid: Grid = "int16"
    spikes: tuple[str, ...] = ()
    traces: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_encoding(self.encoding)
        check_route(self.route)
        if self.grid not in GRIDS:
            raise ConfigError("grid", f"one of {', '.join(GRIDS)}", repr(self.grid), near(self.grid, GRIDS))


@dataclass(frozen=True)
class SpikingEngine:
    """Runs a converted network with the spiking neurons of a chip, on its crossbars.

    spiking : the converted network, or one from a NIR file; the chip must be programmed with `spiking.network`

    Scores are the output population's spike counts. Where neurons are digital, their membranes can be read: a third
    of (membrane / threshold), kept within -1..1, is added, which decides between equal counts and changes nothing
    else. An image's result depends on its index in the data set and on nothing else.
    """

    spiking: SpikingNetwork
    options: SpikingOptions = SpikingOptions()
    name: str = "spiking"
    capabilities: frozenset[str] = frozenset({"classifies", "reads devices"})

    def run(self, programmed: ProgrammedChip, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Classify all images at all times; see `Engine.run`.

        Raises ConfigError for a chip programmed with another network.
        """
        chip = require_programmed(programmed)
        self._check(chip, inputs)
        brian()  # its import belongs to the main thread
        options = self.options
        for index, t_s in enumerate(inputs.times_s):
            wanted = [where for k, where in enumerate(inputs.segments) if recorder.wanted(index, k)]
            if not wanted:
                continue
            aged = chip.age_to(t_s)
            recorder.aged(index, aged)
            with one_blas_thread(), ThreadPoolExecutor(settings.threads) as pool:
                work = _Work(self, aged, settings, pool)
                for where in wanted:
                    recorder.put(work.segment(inputs.images, index, where, progress))
        counts = count_spiking(self.spiking.graph, chip.chip, chip.placement, len(inputs.images), options.steps,
                               check_encoding(options.encoding))  # fmt: skip
        return Outcome(counts)

    def semantics(self) -> dict[str, str]:
        """What a run file says of how spikes were computed."""
        return {
            **brian_semantics(), "spike_kernels": description("spikes"), "route": self.options.route,
            "grid": self.options.grid,
            "int16_step": "2^-13 g_max", "encoding": self.options.encoding, "steps": str(self.options.steps),
            "percentile": repr(self.spiking.percentile), **_conventions(self.spiking.graph),
            "step": "input, then layer after layer; feedback of the step before",
        }  # fmt: skip

    def _check(self, chip: ProgrammedChip, inputs: Inputs) -> None:
        network = self.spiking.network
        if chip.network.checksum != network.checksum:
            raise ConfigError("programmed chip", f"one that holds the weights of {network.name!r}",
                              f"{chip.network.name!r} with other weights",
                              "program it with SpikingNetwork.network (batch norm folded)")  # fmt: skip
        events = (self.options.steps,) if self.options.encoding == "events" else ()
        expected = (*events, *network.input.shape)
        if inputs.images.shape[1:] != expected:
            raise DataError("inputs", f"images of shape {expected}", f"{inputs.images.shape[1:]}",
                            f"network {network.name!r} takes {network.input.dataset!r}")  # fmt: skip
        if events and ((inputs.images < 0).any() or (inputs.images != np.rint(inputs.images)).any()):
            raise DataError("inputs", "counts of events, whole and not negative", "other numbers",
                            "encode currents as 'direct'")  # fmt: skip


class _Work:
    """One chip at one time: simulations that threads share, and segments made of their blocks."""

    def __init__(
        self, engine: SpikingEngine, aged: AgedChip, settings: Settings, pool: ThreadPoolExecutor
    ) -> None:
        self.engine, self.aged, self.settings, self.pool = engine, aged, settings, pool
        chip = aged.programmed
        options, spiking = engine.options, engine.spiking
        key = chip_stream(chip.root, chip.instance)
        self.graph: SpikingGraph = with_chip_neurons(spiking.graph, chip.chip.neuron, key, spiking.native)
        self.matrices = {
            name: chip_matrix(self.graph.by_name[name], layer, options.grid, aged.noise.child(name))  # type: ignore[arg-type]
            for name, layer in aged.layers.items()
        }
        most = SYNAPSES_IMAGES if options.route == "synapses" else settings.batch
        self.images = images_at_once(self.graph, min(most, 250))
        self.setup = Setup(options.steps, options.encoding, options.route, self.images,
                           stream(chip.root, "encoder"), Watch(options.spikes, options.traces, True))  # fmt: skip
        self.idle: SimpleQueue[Simulation] = SimpleQueue()

    def segment(self, images: np.ndarray, time: int, where: slice, progress: Progress) -> Segment:
        """Simulate the images of a segment and put their results together."""
        count, steps = where.stop - where.start, self.engine.options.steps
        starts = range(where.start, where.stop, self.images)
        parts: list[_Part] = []
        at_once = self.settings.threads
        for first in range(0, len(starts), at_once):
            group = starts[first : first + at_once]
            for start, part in zip(group, self.pool.map(lambda s: self._part(images, s), group), strict=True):
                parts.append(part)
                progress(min(self.images, where.stop - start))
        step_scores = np.concatenate([p.scores for p in parts])[:count]
        step_counts = {
            name: np.concatenate([p.counts[name] for p in parts], axis=1)[:, :count]
            for name in parts[0].counts
        }
        varying = {name: array.sum(axis=2, dtype=np.float64) for name, array in step_counts.items()}
        spikes = {
            name: join_spikes([p.block.spikes[name] for p in parts], where.stop)
            for name in parts[0].block.spikes
        }
        traces = {
            name: np.concatenate([p.block.traces[name] for p in parts])[:count]
            for name in parts[0].block.traces
        }
        scores = np.concatenate([p.final for p in parts])[:count]
        assert step_scores.shape[1] == steps
        return Segment(time, where, scores, varying, step_scores, step_counts, spikes, traces)

    def _part(self, images: np.ndarray, start: int) -> _Part:
        simulation = self._idle_one() or self._build()
        block = padded(images[start : start + self.images], self.images)
        events = self.engine.options.encoding == "events"
        given = block.astype(np.int64) if events else self.engine.spiking.encoder_input(block)
        result = simulation.run(start, given)
        self.idle.put(simulation)
        return _Part(result, *self._scores(result), self._counts(result))

    def _idle_one(self) -> Simulation | None:
        with contextlib.suppress(Empty):  # another thread may take the last one at any moment
            return self.idle.get_nowait()
        return None

    def _build(self) -> Simulation:
        return Simulation(self.graph, self.matrices, self.setup)

    def _scores(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Scores after each step, and at the end with the membranes' share."""
        chip = self.aged.programmed.chip
        final = block.outputs[:, -1].copy()
        if is_digital(chip) and block.membranes is not None:
            threshold = self.graph.by_name[self.graph.output].neurons.threshold  # type: ignore[union-attr]
            share = np.clip(block.membranes / np.asarray(threshold).ravel(), -1, 1) * MEMBRANE_SHARE
            final += share.astype(np.float32)
        return block.outputs, final

    def _counts(self, block: Block) -> dict[str, np.ndarray]:
        """Counter -> float32 (layers, images, steps)."""
        chip, placement = self.aged.programmed.chip, self.aged.programmed.placement
        spiking = self.engine.spiking
        source = block.sent.get(self.graph.source.name)
        rows: dict[str, list[np.ndarray]] = {}
        for number, place in enumerate(placement.layers):
            events = block.events[place.name]
            nothing = np.zeros_like(events.arrivals)  # a layer that only adds to a population of another's
            sent = block.sent.get(spiking.population_of.get(place.name, ""), nothing)
            made = source if number == 0 and source is not None else np.zeros_like(sent)
            for counter, array in layer_counts(place, chip, events, made, sent).items():
                rows.setdefault(counter, []).append(array)
        return {
            counter: np.stack(arrays).transpose(0, 2, 1).astype(np.float32)
            for counter, arrays in rows.items()
        }


@dataclass(frozen=True)
class _Part:
    """A block's results as a segment takes them."""

    block: Block
    scores: np.ndarray
    final: np.ndarray
    counts: dict[str, np.ndarray]


def _conventions(graph: SpikingGraph) -> dict[str, str]:
    """What the network's own neurons do, before a chip's take their place."""
    models = [population.neurons for population in graph.populations]
    firsts = {"threshold / 2" if np.array_equal(m.v_initial, np.asarray(m.threshold) / 2)
              else "0" if np.all(np.asarray(m.v_initial) == 0) else "own values" for m in models}  # fmt: skip
    spiking = [m for m in models if m.spikes]
    return {
        "network_comparison": " and ".join(sorted({m.comparison for m in spiking})),
        "network_reset": " and ".join(sorted({m.reset for m in spiking if m.kind != "threshold"})),
        "first_membrane": " and ".join(sorted(firsts)),
        "dt_s": "none" if graph.dt_s is None else repr(graph.dt_s),
    }
