"""Classifying with a network on neurosynaptic cores: frames of spikes in, votes out.

An image is shown for `frames` ticks and answered after `depth - 1` more, a layer a tick. Layer l works on the image in
ticks l to l + frames - 1 of its presentation. Before and after that it works on the images next to it, when they follow
each other without a gap, as they do on the chip: those ticks are not counted for this image, and so the counts of all
images add up to those of the stream. Neurons start every frame from rest, so that images do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.engines.engine import BLOCK, Inputs, Outcome, Progress, Recorder, Segment, Settings, Spikes
from neurosim.engines.spiking.truenorth.clock import CoreClock
from neurosim.engines.spiking.truenorth.read_noise import ReadNoise
from neurosim.engines.spiking.truenorth.tables import make_tables
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.streams import stream
from neurosim.graph.core_network import NOWHERE
from neurosim.placement.cores import CorePlacement
from neurosim.programming.cores import AgedCores, ProgrammedCores, require_cores

VARYING = ("synaptic_events", "spikes", "input_spikes", "hops")
ENCODINGS = ("binary", "bernoulli")
INPUT = "input"  # population of the frames


@dataclass(frozen=True)
class TrueNorthEngine:
    """Runs networks with `coding = "ticks"` on programmed cores, through Brian2's clock.

    frames : ticks for which an image is shown
    encoding : "binary": every frame is the image with its level as threshold; "bernoulli": a pixel spikes in each
        frame with its value for a probability
    record_spikes : whether segments hold the spikes of every layer
    traced : layer -> neurons whose potentials are recorded, in whole units of weight

    An image's result depends on its index in the data set, on the chip and on nothing else.
    """

    frames: int = 1
    encoding: str = "binary"
    record_spikes: bool = False
    traced: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    name: str = "truenorth"
    capabilities: frozenset[str] = frozenset({"classifies", "reads devices", "exact"})

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(
                "frames", "1 or more", str(self.frames), "show every image for one tick at least"
            )
        if self.encoding not in ENCODINGS:
            remedy = near(self.encoding, ENCODINGS)
            raise ConfigError("encoding", f"one of {', '.join(ENCODINGS)}", repr(self.encoding), remedy)

    def run(self, programmed: ProgrammedCores, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Classify all images at all times; see `Engine.run`."""
        chip = require_cores(programmed)
        expected = chip.network.input.shape
        if inputs.images.shape[1:] != expected:
            raise DataError("inputs", f"images of shape {expected}", f"{inputs.images.shape[1:]}",
                            f"network {chip.network.name!r} takes {chip.network.input.dataset!r}")  # fmt: skip
        self._check_traced(chip.placement)
        for index, t_s in enumerate(inputs.times_s):
            wanted = [where for k, where in enumerate(inputs.segments) if recorder.wanted(index, k)]
            if not wanted:
                continue
            aged = chip.age_to(t_s)
            recorder.aged(index, aged)
            size = min(BLOCK, max(where.stop - where.start for where in wanted))
            show = [_Show(self, aged, size) for _ in range(settings.threads)]
            with one_blas_thread(), ThreadPoolExecutor(settings.threads) as pool:
                for where in wanted:
                    recorder.put(_segment(show, inputs.images, index, where, pool, progress))
        return Outcome(count_cores(chip.placement, len(inputs.images), self.frames))

    def ticks(self, placement: CorePlacement) -> int:
        """Steps of one image: its frames, and the ticks until the last one has passed all layers."""
        return self.frames + placement.depth - 1

    def _check_traced(self, placement: CorePlacement) -> None:
        known = populations(placement)
        for name, neurons in self.traced.items():
            if name not in known or name == INPUT:
                raise ConfigError(
                    f"traces of {name}", "a layer", repr(name), near(name, known.keys() - {INPUT})
                )
            if not all(0 <= neuron < known[name] for neuron in neurons):
                raise ConfigError(f"traces of {name}", f"neurons from 0 to {known[name] - 1}", str(list(neurons)),
                                  "choose other neurons")  # fmt: skip


def populations(placement: CorePlacement) -> dict[str, int]:
    """Neurons of every population whose spikes can be recorded: the frame, then the layers, core by core."""
    return {INPUT: placement.inputs} | {
        layer.name: layer.groups * layer.columns for layer in placement.layers
    }


def count_cores(placement: CorePlacement, images: int, frames: int = 1) -> Counts:
    """Events per inference that are the same for every image.

    Pixels are compared with the level and votes are added up outside the cores.
    """
    names = tuple(layer.name for layer in placement.layers)
    counts = Counts(names, images)
    used = (placement.cores.neurons.target_core != NOWHERE).sum(axis=1)
    draws = placement.cores.draws_per_tick
    for number, name in enumerate(names):
        cores = placement.layer_of_core == number
        counts.set("neuron_updates", name, frames * int(used[cores].sum()))
        counts.set("random_draws", name, frames * int(draws[cores].sum()))
    counts.set("encoder_updates", names[0], frames * len(np.unique(placement.entry_input)))
    counts.set("additions", names[-1], frames * len(placement.classes))
    counts.set("comparisons", names[-1], int(placement.classes.max()) + 1)
    return counts


class _Show:
    """A block of images on one set of aged cores."""

    def __init__(self, engine: TrueNorthEngine, aged: AgedCores, images: int) -> None:
        placement = aged.programmed.placement
        self.engine, self.placement, self.aged = engine, placement, aged
        self.tables = make_tables(placement.cores, aged.strength)
        noise = None if aged.variance is None else ReadNoise(aged, aged.variance, images)
        start = placement.cores.neurons.v_initial * self.tables.unit
        self.clock = CoreClock(self.tables, start, aged.noise.child("ticks"), images, noise)
        self.ticks, self.classes = engine.ticks(placement), int(placement.classes.max()) + 1
        self._starts = np.searchsorted(placement.layer_of_core, np.arange(len(placement.layers)))
        self._pixels = placement.entry_input

    def block(self, images: np.ndarray, first_image: int) -> dict[str, Any]:
        """Votes float32 (images, ticks, classes), counts (layers, images, ticks), spikes and traces of a block."""
        n, engine, clock = len(images), self.engine, self.clock
        clock.restart(first_image)
        votes = np.zeros((n, self.ticks, self.classes), np.float32)
        counts = {name: np.zeros((len(self.placement.layers), n, self.ticks), np.float32) for name in VARYING}
        spikes: list[tuple[str, int, np.ndarray, np.ndarray]] = []
        traces = {
            name: np.zeros((n, self.ticks, len(chosen)), np.float32) for name, chosen in engine.traced.items()
        }
        frames = self._frames(images, first_image)
        for tick in range(self.ticks):
            if tick < engine.frames:
                self._show(frames[:, tick], counts["input_spikes"][0, :, tick], tick, spikes)
            clock.step()
            self._count(counts, tick, n, spikes)
            if tick >= self.placement.depth - 1:  # what comes before is not this image's
                votes[:, tick] = clock.outputs[:n].reshape(n, -1, self.classes).sum(axis=1)
            for name, chosen in engine.traced.items():
                traces[name][:, tick] = self._layer(clock.v, name)[:n, list(chosen)] / self.tables.unit
        return {"votes": votes.cumsum(axis=1), "counts": counts, "spikes": spikes, "traces": traces}

    def _frames(self, images: np.ndarray, first_image: int) -> np.ndarray:
        """Spikes uint8 (images, frames, inputs)."""
        flat, frames = images.reshape(len(images), -1), self.engine.frames
        if self.engine.encoding == "binary":
            return np.repeat(
                (flat > np.float32(self.placement.level)).astype(np.uint8)[:, None], frames, axis=1
            )
        draws = stream(self.aged.programmed.root, "frames")  # all chips of a run see the same frames
        keys = [draws.child(first_image + k) for k in range(len(flat))]
        uniform = [key.generator().random((frames, flat.shape[1]), np.float32) for key in keys]
        return (np.stack(uniform) < flat[:, None]).astype(np.uint8)

    def _show(self, frame: np.ndarray, arriving: np.ndarray, tick: int, spikes: list[Any]) -> None:
        entries = frame[:, self._pixels]
        ring = self.clock.rings[: len(frame), tick % self.tables.slots]
        ring[:, self.placement.entry_axon] = entries
        arriving += entries.sum(axis=1)
        if self.engine.record_spikes:
            image, pixel = np.nonzero(frame)
            spikes.append((INPUT, tick, image, pixel))

    def _count(self, counts: dict[str, np.ndarray], tick: int, n: int, spikes: list[Any]) -> None:
        clock = self.clock
        at_work = [k for k in range(len(self.placement.layers)) if k <= tick < k + self.engine.frames]
        events = {"synaptic_events": clock.events, "spikes": clock.spikes, "hops": clock.hops}
        for name, per_core in events.items():
            per_layer = np.add.reduceat(per_core[:n], self._starts, axis=1)
            counts[name][at_work, :, tick] = per_layer[:, at_work].T
        for layer in at_work if self.engine.record_spikes else ():
            name = self.placement.layers[layer].name
            image, neuron = np.nonzero(self._layer(clock.fired, name)[:n])
            spikes.append((name, tick, image, neuron))

    def _layer(self, values: np.ndarray, name: str) -> np.ndarray:
        """The neurons of one layer, of values (images, neurons)."""
        number = [layer.name for layer in self.placement.layers].index(name)
        width = self.placement.cores.neurons_per_core
        start = int(self._starts[number]) * width
        return values[:, start : start + self.placement.layers[number].groups * width]


def _segment(shows: list[_Show], images: np.ndarray, time: int, where: slice, pool: ThreadPoolExecutor,
             progress: Progress) -> Segment:  # fmt: skip
    starts = list(range(where.start, where.stop, BLOCK))
    blocks: list[dict[str, Any]] = []
    for first in range(0, len(starts), len(shows)):
        part = starts[first : first + len(shows)]
        parts = [images[start : min(start + BLOCK, where.stop)] for start in part]
        for done in pool.map(_Show.block, shows[: len(part)], parts, part):
            blocks.append(done)
            progress(len(done["votes"]))
    votes = np.concatenate([block["votes"] for block in blocks])
    per_step = {name: np.concatenate([block["counts"][name] for block in blocks], axis=1) for name in VARYING}
    show = shows[0]
    traces = {
        name: np.concatenate([block["traces"][name] for block in blocks]) for name in show.engine.traced
    }
    spikes = _spikes(show, blocks, starts) if show.engine.record_spikes else {}
    varying = {name: counted.sum(axis=2, dtype=np.float64) for name, counted in per_step.items()}
    return Segment(time, where, votes[:, -1].copy(), varying, votes, per_step, spikes, traces)


def _spikes(show: _Show, blocks: list[dict[str, Any]], starts: list[int]) -> dict[str, Spikes]:
    """All spikes of a segment, by population; sorted by image, step and neuron."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in populations(show.placement)}
    for block, start in zip(blocks, starts, strict=True):
        for name, tick, image, neuron in block["spikes"]:
            found[name].append(np.stack([image + start, np.full(len(image), tick), neuron]))
    result = {}
    for name, parts in found.items():
        joined = np.concatenate(parts, axis=1).astype(np.int64)
        image, step, neuron = joined[0], joined[1], joined[2]
        order = np.lexsort((neuron, step, image))
        result[name] = Spikes(image[order], step[order], neuron[order])
    return result
