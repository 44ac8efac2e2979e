"""A network that learns on the chip by STDP from the training images, and then classifies the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.engines.layout import Extra, FileRecorder
from neurosim.engines.spiking.plastic import (
    LearnedChip,
    PlasticEngine,
    Setup,
    count_presentation,
    learn,
    presentations,
)
from neurosim.engines.spiking.plastic.engine import VARYING
from neurosim.engines.steps import Steps
from neurosim.foundation.counts import COUNTERS, Counts
from neurosim.foundation.errors import ConfigError
from neurosim.inputs import load_dataset, prepare
from neurosim.pipeline.loading import load, require_mode
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.work import Request, Work, refuse_options
from neurosim.placement import Placement, place
from neurosim.programming import programming_counts
from neurosim.recording import Coordinate, Variable

# counts of learning, of the whole chip: a part of the file of its own, since it happens once
LEARNING = ("device_programs", "cell_pulses", "device_reads", "spikes", "input_spikes", "synaptic_events",
            "row_activations", "neuron_updates", "threshold_decisions", "encoder_updates", "random_draws",
            "array_siemens")  # fmt: skip


def prepare_work(request: Request, shown: Progress) -> Work:
    """Load training and test images; each chip then learns when it is its turn."""
    refuse_options(request, "a network that learns on the chip")
    loaded = load(request, shown)
    net, chip = loaded.network, loaded.chip
    require_mode(chip, "spiking")
    if chip.read.sensing == "voltage":
        raise ConfigError(f"chip {chip.name}: read.sensing", "'current' for a network that learns on the chip",
                          "'voltage'", "leave it out: its neurons take currents")  # fmt: skip
    if chip.parameters.wires is not None:
        raise ConfigError(f"chip {chip.name}: wires", "none for a network that learns on the chip", "some",
                          "leave them out: pulses and reads of learning are computed without wires")  # fmt: skip
    setup, placement = Setup(net, chip), place(net, chip)
    train = load_dataset(net.input.dataset, "train", None, request.watch(shown))
    images = prepare(train.images, train.max_level, net.input.shape, net.input.crop)
    count = len(loaded.dataset)

    def programmed(root: int, instance: int) -> LearnedChip:
        shown.stage(f"chip {instance} learns", presentations(net, len(images)))
        learned = learn(net, chip, placement, images, train.labels, root, instance, shown.advance)
        shown.stage(f"{chip.name} classifies", count * len(request.times_s))
        return learned

    steps = setup.learning.steps
    attributes: dict[str, Any] = {
        "steps": steps, "fill_steps": 0, "step_s": setup.layer.dt_s, "encoding": "bernoulli",
        "training_images": len(images),
        "presentations": presentations(net, len(images)), "learning_s": _learning_s(setup, len(images)),
        "read_noise": chip.read.noise,
        "step": "input, membranes, the one neuron furthest above its threshold, inhibition",
    }  # fmt: skip
    counts = count_presentation(setup, placement, count)
    layout = {
        "varying": VARYING,
        "devices": False,
        "once": {"programming": programming_counts(placement)},
        "steps": _steps(setup, placement, counts),
        "extra": _extra(setup, len(images)),
    }
    unknown = np.full(count, -1)  # there is no float network to compare with
    return Work(net, chip, placement, loaded.dataset, loaded.inputs, unknown, counts, PlasticEngine(), programmed,
                None, attributes, layout, record_chip)  # fmt: skip


def _learning_s(setup: Setup, images: int) -> float:
    """Chip time of learning, labelling apart."""
    return _shown(setup, images) * setup.learning.steps * setup.layer.dt_s


def _shown(setup: Setup, images: int) -> int:
    """Presentations of learning, of so many training images that there are."""
    return setup.learning.epochs * min(images, setup.learning.images or images)


def _steps(setup: Setup, placement: Placement, counts: Counts) -> Steps:
    steps = setup.learning.steps
    return Steps(
        count=steps,
        step_s=setup.layer.dt_s,
        counters=VARYING,
        most={
            "spikes": 1,
            "input_spikes": setup.shape[1],
            "synaptic_events": setup.shape[0] * setup.shape[1],
        },
        per_step={
            counter: {layer: number // steps for layer, number in row.items()}
            for counter, row in counts.fixed.items()
            if counter != "comparisons"  # of the class, once
        },
        populations={place.name: place.columns for place in placement.layers},
    )


def _extra(setup: Setup, images: int) -> Extra:
    """The plastic state over time, and what learning took."""
    total = _shown(setup, images)
    moments = sorted({0, total, *(k for k in setup.learning.snapshots if k < total)})
    root, weights = "/learning", ("chip", "snapshot", "input", "neuron")
    variables = [
        Variable(f"{root}/g_plus", weights, "float32", "S", "G+ of every synapse", ("chip", "snapshot")),
        Variable(f"{root}/g_minus", weights, "float32", "S", "G- of every synapse", ("chip", "snapshot")),
        Variable(f"{root}/theta", ("chip", "snapshot", "neuron"), "float64", "1",
                 "threshold above the resting one, in thresholds"),
        Variable(f"{root}/spikes", ("chip", "snapshot", "neuron"), "int64", "1", "spikes since learning began"),
        Variable(f"{root}/labels", ("chip", "neuron"), "int16", "1", "class of a neuron; -1 for none"),
        Variable(f"{root}/refreshes", ("chip",), "int64", "1", "pairs read, reset and written again"),
        Variable(f"{root}/silent_presentations", ("chip",), "int64", "1",
                 "training images at which no neuron spiked, and nothing was learned"),
        *(Variable(f"/counts/learning/{c}", ("chip", "layer"), "float64", COUNTERS[c].unit, COUNTERS[c].meaning)
          for c in LEARNING),
    ]  # fmt: skip
    sizes = {"learning/input": setup.shape[1], "learning/neuron": setup.shape[0]}
    shown = Coordinate(np.array(moments), "1", "training images shown")
    return Extra(tuple(variables), sizes, {"learning/snapshot": shown})


def record_chip(recorder: FileRecorder, learned: LearnedChip, instance: int) -> None:
    """Write what a chip learned, and how, beside its first results."""
    put: Callable[..., None] = recorder.put_extra
    taken, log = learned.log.snapshots, learned.log
    for name in ("g_plus", "g_minus", "theta", "spikes"):
        put(f"/learning/{name}", (instance,), getattr(taken, name))
    put("/learning/labels", (instance,), learned.labels.astype(np.int16))
    put("/learning/refreshes", (instance,), np.int64(log.refreshes))
    put("/learning/silent_presentations", (instance,), np.int64(log.silent_presentations))
    for counter in LEARNING:
        put(f"/counts/learning/{counter}", (instance,), log.totals.mean(counter))
