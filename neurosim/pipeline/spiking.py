"""A trained rate network run with spikes, on the very crossbars that hold it in rate-coded inference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from neurosim.chips import Chip
from neurosim.costs import step_s
from neurosim.engines.spiking.counting import count_spiking, varying_counters
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions
from neurosim.engines.spiking.simulation import check_route
from neurosim.engines.steps import Steps
from neurosim.foundation.errors import ConfigError
from neurosim.graph import SpikingGraph, fold_batch_norm
from neurosim.graph.nir_files import nir_tree
from neurosim.graph.to_spiking import PERCENTILE, SpikingNetwork, to_spiking
from neurosim.inputs.encoding import check_encoding
from neurosim.pipeline.loading import float_classes, load, require_mode, training_images
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request, Work, refuse_options
from neurosim.pipeline.work import SpikingOptions as Wanted
from neurosim.placement import Placement, place
from neurosim.programming import ProgrammedChip, inference_time_s, program, save_chip
from neurosim.programming.spiking import spiking_calibration

STEPS, ENCODING = 100, "deterministic"


def prepare_work(request: Request, shown: Progress) -> Work:
    """Fold, convert, calibrate and place the network; nothing is programmed yet."""
    refuse_options(request, "a converted network", "steps", "encoding", "route", "percentile", "traced")
    loaded = load(request, shown)
    net, chip = fold_batch_norm(loaded.network), loaded.chip
    require_mode(chip, "spiking")
    shown.stage("converting to spikes", 0)
    training = training_images(request, net, chip.calibration.images, shown)
    percentile = PERCENTILE if request.spiking.percentile is None else request.spiking.percentile
    spiking = to_spiking(net, training, percentile)
    fed, placement = spiking_calibration(spiking, training), place(net, chip)
    options = engine_options(request, spiking.graph, request.spiking)
    engine = SpikingEngine(spiking, options)

    def programmed(root: int, instance: int) -> ProgrammedChip:
        return program(net, chip, placement, fed, root, instance)

    count = len(loaded.dataset)
    attributes: dict[str, Any] = {
        "drift_compensation": chip.compensation.drift, "batch_norm": "folded", "read_noise": chip.read.noise,
        "t_chip_s": inference_time_s(placement, chip), **engine.semantics(), "steps": options.steps,
    }  # fmt: skip
    layout = step_layout(spiking, chip, placement, options)
    reference = float_classes(net, loaded.inputs.images, shown)
    code = check_encoding(options.encoding)
    counts = count_spiking(spiking.graph, chip, placement, count, options.steps, code)
    return Work(net, chip, placement, loaded.dataset, loaded.inputs, reference, counts, engine, programmed, save_chip,
                attributes, layout)  # fmt: skip


def engine_options(request: Request, graph: SpikingGraph, wanted: Wanted) -> SpikingOptions:
    """The engine's options from those that are wanted; every population is recorded where spikes are."""
    names = tuple(population_sizes(graph)) if "spikes" in request.record else ()
    return SpikingOptions(
        steps=STEPS if wanted.steps is None else wanted.steps,
        encoding=wanted.encoding or ENCODING,
        percentile=PERCENTILE if wanted.percentile is None else wanted.percentile,
        route=check_route(wanted.route),
        spikes=names,
        traces=wanted.traced if "traces" in request.record else {},
    )


def population_sizes(graph: SpikingGraph) -> dict[str, int]:
    """Neurons of everything that can spike, from the input on."""
    sizes = {graph.source.name: math.prod(graph.source.shape)}
    return sizes | {population.name: population.size for population in graph.populations}


def step_layout(spiking: SpikingNetwork, chip: Chip, placement: Placement,
                options: SpikingOptions) -> Mapping[str, Any]:  # fmt: skip
    """What the run file records of steps; see `engines.layout.Classification`."""
    counters = varying_counters(chip)
    code = check_encoding(options.encoding)
    once, twice = (count_spiking(spiking.graph, chip, placement, 0, steps, code) for steps in (1, 2))
    steps = Steps(
        count=options.steps,
        step_s=_step_s(spiking.graph, chip, placement),
        score_dtype="uint16",
        counters=tuple(c for c in counters if not c.endswith("_saturations")),
        most=_most(placement),
        per_step={
            counter: {layer: number - once.fixed[counter][layer] for layer, number in row.items()}
            for counter, row in twice.fixed.items()
        },
        populations=population_sizes(spiking.graph),
        traced=options.traces,
    )
    return {"varying": counters, "steps": steps, "nir": _nir(spiking.graph)}


def _step_s(graph: SpikingGraph, chip: Chip, placement: Placement) -> float | None:
    """Length of a step in the file: the network's own where it has one, else the chip's where it is known."""
    if graph.dt_s is not None:
        return graph.dt_s
    return step_s(placement.layers, chip) if chip.prices is not None else None


def _nir(graph: SpikingGraph) -> tuple[Mapping[str, Any], str] | None:
    """The network in NIR form; None for layers that NIR has no node for, such as max pooling."""
    try:
        tree = nir_tree(graph)
    except ConfigError:
        return None
    return tree["node"], str(tree["version"])


def _most(placement: Placement) -> dict[str, int]:
    """The largest number that a counter can reach in one step of one layer: it decides how many bytes it takes."""
    places = placement.layers
    inputs = [p.groups * p.positions * p.rows for p in places]
    outputs = [p.groups * p.positions * p.columns for p in places]
    tiles = [p.tiles * p.positions for p in places]
    return {
        "input_spikes": max(inputs), "spikes": max(outputs),
        "row_activations": max(n * len(p.column_splits) for n, p in zip(inputs, places, strict=True)),
        "dac_conversions": max(n * len(p.column_splits) for n, p in zip(inputs, places, strict=True)),
        "array_reads": max(tiles),
        "adc_conversions": max(n * p.polarities * len(p.row_splits) for n, p in zip(outputs, places, strict=True)),
        "scalings": max(outputs),
        "synaptic_events": max(p.macs for p in places),
        "partial_sums": max(n + p.polarities * len(p.row_splits) * m
                            for n, m, p in zip(inputs, outputs, places, strict=True)),
    }  # fmt: skip
