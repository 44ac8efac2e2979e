"""Small runs in steps, written without any engine: what tests of recording, reports and the command line share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, Segment, Spikes
from neurosim.engines.inference.counting import count_inference
from neurosim.engines.layout import Classification, FileRecorder, plan
from neurosim.engines.steps import Steps
from neurosim.graph import load_network
from neurosim.placement import place
from neurosim.recording import RunWriter

IMAGES, STEPS, CLASSES = 12, 8, 10
POPULATIONS = {"input": 64, "dense1": 20, "dense2": CLASSES}
LAYERS = 2
Alter = Callable[[int, int, Segment], Segment]


def steps_of(**changes: Any) -> Steps:
    """The steps of these runs."""
    fields: dict[str, Any] = {
        "count": STEPS, "score_dtype": "uint16", "counters": ("spikes", "synaptic_events"), "most": {"spikes": 64},
        "per_step": {"neuron_updates": {"dense1": 20, "dense2": 10}}, "populations": POPULATIONS,
        "traced": {"dense2": (3, 7)},
    }  # fmt: skip
    return Steps(**(fields | changes))


def described(record: tuple[str, ...], instances: int = 1, times_s: tuple[float, ...] = (25.0,),
              images: int = IMAGES, steps: Steps | None = None, **changes: Any) -> Classification:  # fmt: skip
    """All that is known of such a run before it begins."""
    net, chip = load_network("digits_mlp"), load_chip("joshi_2020")
    placement = place(net, chip)
    inputs = Inputs(np.zeros((images, 1), np.float32), times_s)
    labels = np.arange(images) % CLASSES
    attributes = {"network": net.name, "chip": chip.name, "seed": 0, "mode": "spiking", "steps": STEPS,
                  "kind": "classification", **changes.pop("attributes", {})}  # fmt: skip
    fields: dict[str, Any] = {
        "network": net, "chip": chip, "placement": placement, "inputs": inputs, "labels": labels,
        "class_names": [str(k) for k in range(CLASSES)], "float_predictions": labels,
        "counts": count_inference(net, chip, placement, images), "instances": instances,
        "record": frozenset(record), "attributes": attributes, "provenance": {}, "devices": False,
        "varying": ("array_siemens", "spikes", "synaptic_events"), "steps": steps or steps_of(),
    }  # fmt: skip
    return Classification(**(fields | changes))


def segment_of(run: Classification, chip: int, time: int, where: slice) -> Segment:
    """What an engine might give for some images; the same for the same images, however they are cut."""
    assert run.steps is not None
    trains, stop = {}, min(where.stop, len(run.labels))
    for depth, (name, neurons) in enumerate(run.steps.populations.items()):
        fired = np.stack([
            np.random.Generator(np.random.Philox(key=depth + 10 * (chip + 10 * (time + 10 * image))))
            .random((run.steps.count, neurons)) < 0.1 for image in range(where.start, stop)
        ])  # fmt: skip
        image, step, neuron = np.nonzero(fired)
        trains[name] = Spikes(image + where.start, step, neuron)
    images, steps = stop - where.start, run.steps.count
    scores = np.zeros((images, steps, CLASSES), np.float32)
    out = trains["dense2"]
    np.add.at(scores, (out.image - where.start, out.step, out.neuron), 1)
    counts = np.zeros((LAYERS, images, steps), np.float32)
    for row, name in enumerate(("dense1", "dense2")):
        np.add.at(counts[row], (trains[name].image - where.start, trains[name].step), 1)
    membrane = np.sin(np.arange(where.start, stop)[:, None] + np.arange(steps))[..., None]
    traces = {name: membrane + np.arange(len(chosen)) for name, chosen in run.steps.traced.items()}
    varying = {
        "spikes": counts.sum(axis=2, dtype=np.float64),
        "array_siemens": np.full((LAYERS, images), 1e-3),
    }
    varying["synaptic_events"] = 20 * varying["spikes"]
    step_counts = {"spikes": counts, "synaptic_events": 20 * counts}
    summed = scores.cumsum(axis=1)
    return Segment(
        time, slice(where.start, stop), summed[:, -1], varying, summed, step_counts, trains, traces
    )


def write(path: Path, record: tuple[str, ...] = ("outputs", "spikes", "traces"), alter: Alter | None = None,
          cut: int = 5, stop: int | None = None, config: Mapping[str, Any] | None = None, resume: bool = False,
          **changes: Any) -> Path:  # fmt: skip
    """A run file; `alter` may change the segments on their way, `cut` says how many images a unit holds."""
    run = described(record, **changes)
    run = _recut(run, cut)
    units = 0
    with RunWriter.open(path, plan(run), config or {}, resume=resume, min_seconds=60) as writer:
        done = writer.completed
        for chip in range(run.instances):
            recorder = FileRecorder(run, writer, chip, done)
            for time in range(len(run.inputs.times_s)):
                for number, where in enumerate(run.inputs.segments):
                    units += 1
                    if stop is not None and units > stop:
                        writer.flush()
                        return path
                    if number == 0:
                        recorder.aged(time, None)
                    if recorder.wanted(time, number):
                        segment = segment_of(run, chip, time, where)
                        recorder.put(alter(chip, time, segment) if alter else segment)
        writer.seal()
    return path


class _CutInputs(Inputs):
    """Inputs recorded so many images at a time."""

    cut = 5

    @property
    def segments(self) -> list[slice]:
        """The parts that are recorded one by one."""
        n = len(self.images)
        return [slice(a, min(a + self.cut, n)) for a in range(0, n, self.cut)]


def _recut(run: Classification, cut: int) -> Classification:
    from dataclasses import replace

    inputs = _CutInputs(run.inputs.images, run.inputs.times_s)
    object.__setattr__(inputs, "cut", cut)
    return replace(run, inputs=inputs)
