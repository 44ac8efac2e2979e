"""A network of ternary weights on neurosynaptic cores, tick by tick."""

from __future__ import annotations

from typing import Any

from neurosim.engines.spiking.brian import semantics
from neurosim.engines.spiking.truenorth.engine import VARYING, TrueNorthEngine, count_cores, populations
from neurosim.engines.steps import Steps
from neurosim.foundation.counts import Counts
from neurosim.pipeline.loading import float_classes, load, require_mode
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request, Work, refuse_options
from neurosim.placement import Placement
from neurosim.placement.cores import CorePlacement, place_cores
from neurosim.programming.cores import (
    ProgrammedCores,
    core_calibration_counts,
    core_programming_counts,
    program_cores,
)


def prepare_work(request: Request, shown: Progress) -> Work:
    """Place the network on cores. Of the spiking options `steps` is the number of frames of an image."""
    wanted = request.spiking
    refuse_options(request, "a network of ticks", "steps", "encoding", "traced")
    loaded = load(request, shown)
    net, chip = loaded.network, loaded.chip
    require_mode(chip, "spiking", cores=True)
    cores = place_cores(net, chip)
    engine = TrueNorthEngine(frames=1 if wanted.steps is None else wanted.steps, encoding=wanted.encoding or "binary",
                             record_spikes="spikes" in request.record, traced=wanted.traced)  # fmt: skip

    def programmed(root: int, instance: int) -> ProgrammedCores:
        return program_cores(net, chip, cores, root, instance)

    ticks = engine.ticks(cores)
    aged = {"drift_compensation": chip.compensation.drift} if chip.parameters.device is not None else {}
    attributes: dict[str, Any] = {
        **aged, **semantics(), "steps": ticks, "fill_steps": 0, "interval_steps": engine.frames,
        "frames": engine.frames, "encoding": engine.encoding,
        "cores": len(cores.layer_of_core), "step": "a tick: synapses, leak, threshold; a layer a tick",
    }  # fmt: skip
    counts = count_cores(cores, len(loaded.dataset), engine.frames)
    layout = {
        "varying": VARYING,
        "devices": chip.parameters.device is not None,
        "once": {
            "programming": core_programming_counts(cores, chip),
            "calibration": core_calibration_counts(cores, chip),
        },
        "steps": _steps(engine, cores, chip.core.t_tick_s, counts),
    }
    reference = float_classes(net, loaded.inputs.images, shown)
    placed = Placement(cores.layers)
    return Work(net, chip, placed, loaded.dataset, loaded.inputs, reference, counts, engine, programmed, None,
                attributes, layout)  # fmt: skip


def _steps(engine: TrueNorthEngine, cores: CorePlacement, t_tick_s: float, counts: Counts) -> Steps:
    neurons = max(layer.groups * layer.columns for layer in cores.layers)
    return Steps(
        count=engine.ticks(cores),
        step_s=t_tick_s,
        score_dtype="uint16",
        counters=VARYING,
        most={"spikes": neurons, "input_spikes": len(cores.entry_axon)},
        per_step={counter: dict.fromkeys(counts.layers, 0) for counter in counts.fixed},
        populations=populations(cores),
        traced=engine.traced,
    )
