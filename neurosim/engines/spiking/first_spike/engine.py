"""Networks whose neurons spike once, on programmed crossbars: the class is the first output neuron to spike."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from neurosim.engines.engine import BLOCK, Inputs, Outcome, Progress, Recorder, Segment, Settings
from neurosim.engines.layout import Extra
from neurosim.engines.spiking.first_spike.clocked import Clocked
from neurosim.engines.spiking.first_spike.counting import count_events, count_first_spike, varying_counters
from neurosim.engines.spiking.first_spike.drives import Drives, chip_thresholds, drives, images_at_once
from neurosim.engines.spiking.first_spike.options import Chain, FirstSpikeOptions, check_neurons
from neurosim.engines.spiking.first_spike.solving import Times, closed_form, decisions
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import DataError
from neurosim.programming import AgedChip, ProgrammedChip, require_programmed
from neurosim.recording import Variable

DECISION_TIME = "/outputs/decision_time"
EXTRA = Extra((
    Variable(DECISION_TIME, ("chip", "time", "image"), "float32", "1",
             "time of the first output spike in synaptic time constants; infinity where no output neuron spiked"),
))  # fmt: skip


@dataclass(frozen=True)
class FirstSpikeEngine:
    """Runs networks with coding = "first_spike" on crossbars, in closed form or clocked on Brian2.

    Scores are the negative times of the output spikes in synaptic time constants; minus infinity for a neuron that
    never spikes or, with `options.stop`, not before the decision. An image in which no output neuron spikes has
    minus infinity everywhere, the first class as its prediction, and an infinite decision time.

    The thresholds are the network's, with the chip's mismatch; membranes neither leak nor saturate.
    """

    options: FirstSpikeOptions = field(default_factory=FirstSpikeOptions)
    name: str = "first_spike"
    capabilities: frozenset[str] = frozenset({"classifies", "reads devices", "exact"})

    def run(self, programmed: ProgrammedChip, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Classify all images at all times; see `Engine.run`."""
        chip = require_programmed(programmed)
        chain = Chain.of(chip.network)
        check_neurons(chip.chip)
        expected = chip.network.input.shape
        if inputs.images.shape[1:] != expected:
            raise DataError("inputs", f"images of shape {expected}", f"{inputs.images.shape[1:]}",
                            f"network {chip.network.name!r} takes {chip.network.input.dataset!r}")  # fmt: skip
        solver = _Solver.of(chain, self.options)
        with one_blas_thread(), ThreadPoolExecutor(solver.threads(settings)) as pool:
            for index, t_s in enumerate(inputs.times_s):
                wanted = [where for k, where in enumerate(inputs.segments) if recorder.wanted(index, k)]
                if not wanted:
                    continue
                aged = chip.age_to(t_s)
                recorder.aged(index, aged)
                for where in wanted:
                    recorder.put(_segment(aged, chain, solver, inputs.images, index, where, pool, progress))
        return Outcome(count_first_spike(chain, chip.placement, len(inputs.images)))


@dataclass(frozen=True)
class _Solver:
    """How the times are found; `clocked` is None for the closed form."""

    options: FirstSpikeOptions
    clocked: Clocked | None

    @staticmethod
    def of(chain: Chain, options: FirstSpikeOptions) -> _Solver:
        """Refuses a step that does not fit before anything is computed."""
        if options.solver == "closed_form":
            return _Solver(options, None)
        sizes = tuple(layer.units for layer in chain.layers)
        clock = Clocked(sizes, images_at_once(chain, BLOCK), options.steps_to(chain.encoder.late), chain.encoder.late,
                        options.solver == "clock_solved", options.t_end)  # fmt: skip
        return _Solver(options, clock)

    def threads(self, settings: Settings) -> int:
        """Brian2's objects serve one block at a time."""
        return settings.threads if self.clocked is None else 1

    def times(self, given: Drives) -> Times:
        """Times of all layers."""
        if self.clocked is None:
            return closed_form(given, self.options.stop)
        return self.clocked.times(given, self.options.stop)


def _segment(aged: AgedChip, chain: Chain, solver: _Solver, images: np.ndarray, time: int, where: slice,
             pool: ThreadPoolExecutor, progress: Progress) -> Segment:  # fmt: skip
    count, chip = where.stop - where.start, aged.programmed.chip
    scores = np.empty((count, chain.layers[-1].units), np.float32)
    ends = np.empty(count, np.float32)
    varying = {name: np.zeros((len(chain.layers), count)) for name in varying_counters(chip)}
    thresholds = chip_thresholds(aged, chain)

    def block(start: int) -> list[tuple[slice, Times, dict[str, np.ndarray]]]:
        return list(_block(aged, chain, solver, thresholds, images[: where.stop], start))

    for parts in pool.map(block, range(where.start, where.stop, BLOCK)):
        for at, times, events in parts:
            inside = slice(at.start - where.start, at.stop - where.start)
            scores[inside], ends[inside] = -times[-1], decisions(times)
            for name, array in varying.items():
                array[:, inside] = events[name]
            progress(at.stop - at.start)
    return Segment(time, where, scores, varying, extra={DECISION_TIME: ends})


def _block(aged: AgedChip, chain: Chain, solver: _Solver, thresholds: tuple[np.ndarray, ...], images: np.ndarray,
           start: int) -> Iterator[tuple[slice, Times, dict[str, np.ndarray]]]:  # fmt: skip
    """Images, times and events of one block, in parts of a size that follows from the network alone: products of
    another size would round otherwise, so the last part is filled up with black images, which are dropped."""
    size = images_at_once(chain, BLOCK)
    for first in range(start, min(start + BLOCK, len(images)), size):
        part = images[first : min(first + size, start + BLOCK)]
        filled = np.zeros((size, *images.shape[1:]), np.float32)
        filled[: len(part)] = part
        given = drives(aged, chain, thresholds, filled, first).head(len(part))
        times = solver.times(given)
        chip = aged.programmed
        events = count_events(chip.chip, chip.placement, given, times, solver.options.stop)
        yield slice(first, first + len(part)), times, events
