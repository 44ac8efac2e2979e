"""Run files of four images whose energies and accuracies after every step are round numbers.

The chip charges 3 pJ per conversion, 2 pJ per update of a neuron and 1 pJ per word line, and nothing leaks.

rate: 40 conversions and 2.5 mS x 4 nJ/S = 10 pJ of the array: 130 pJ per image; images 0, 1 and 2 right.
spiking, eight steps: 5 updates (10 pJ) a step; images 0 and 1 pulse 10 lines a step, 2 and 3 pulse 30, each line
making 3 synaptic events: 20 and 40 pJ a step, 30 pJ on average, 60 events a step of 120 possible ones.
Right after step k: see RIGHT.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from neurosim.foundation.counts import LayerGeometry
from neurosim.recording import Coordinate, Plan, RunWriter, Static, Variable

LAYER = LayerGeometry("a", 40, 3, 1, 1, 1, 1, 2, (40,), (3,), 120)
LABELS = np.array([0, 1, 0, 1], np.int16)
STEPS, LINES = 8, np.array([10, 10, 30, 30])
# images right after each step: 1, 2, 3, 2, 3, 4, 4, 4 of four
RIGHT = np.array(
    [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
    ],
    bool,
)
RATE_JOULES, STEP_JOULES = 130e-12, 30e-12


def q(value: float, unit: str = "1", node: str = "32 nm") -> str:
    return (
        f'{{value = {value}, unit = "{unit}", source = "round number", status = "assumed", node = "{node}"}}'
    )


def chip_text(label: str = "toy", node: str = "32 nm") -> str:
    return f"""
format = 1
name = "toy"
title = "round prices"
node = "{node}"
label = "{label}"
[device]
kind = "ideal"
g_max = {q(10, "uS")}
[array]
rows = {q(40)}
columns = {q(8)}
[adc]
bits = {q(8)}
[read]
v_read = {q(0.2, "V", node)}
t_read = {q(100, "ns", node)}
noise = "none"
[neuron]
kind = "digital"
[periphery]
columns_per_adc = {q(8)}
t_conversion = {q(10, "ns")}
t_digital = {q(5, "ns")}
[prices.driver]
energy = {q(1, "pJ", node)}
[prices.adc]
energy = {q(3, "pJ", node)}
area = {q(100, "um2", node)}
[prices.neuron]
energy = {q(2, "pJ", node)}
"""


COUNTED = {"row_activations": 1, "synaptic_events": 3}  # per line pulsed
AXES, EVERY = ("chip", "time", "layer", "image"), slice(None)


def write(
    path: Path,
    *,
    mode: str,
    chips: int = 1,
    chip: str | None = None,
    labels: np.ndarray = LABELS,
    states: float | None = 1.0,
    said: bool = True,
    recorded: bool = True,
    **attributes: object,
) -> Path:
    """A run file; `states` is one device's conductance, None records none; `said` says how many steps there are,
    `recorded` keeps scores and counts of each."""
    known = {"network": "toy_net", "chip": "toy", "mode": mode, "inputs": "toys/test", "seed": 0}
    if mode == "spiking" and said:
        known |= {"steps": STEPS, "step_s": 135e-9}
    variables = _variables(mode, recorded, states is not None)
    static = _static(mode, chip or chip_text(), labels)
    sizes = {"states/a/row": 1, "states/a/column": 1} if states is not None else {}
    plan = Plan(variables, 1, sizes, _coordinates(chips, len(labels)), static, known | attributes)
    right = RIGHT if mode == "spiking" else RIGHT[4:5]  # of as many images as there are
    answers = np.where(np.resize(right, (len(right), len(labels))), labels, 1 - labels)
    with RunWriter.open(path, plan, {}) as writer:
        predictions = np.broadcast_to(answers[-1], (chips, 1, len(labels)))
        writer.put("/outputs/predictions", (EVERY,) * 3, predictions.astype(np.int16))
        if mode == "spiking":
            _put_events(writer, chips, len(labels), recorded)
        else:
            siemens = np.full((chips, 1, 1, len(labels)), 2.5e-3, np.float32)
            writer.put("/counts/inference/array_siemens", (EVERY,) * 4, siemens)
        if mode == "spiking" and recorded:
            scores = np.eye(2, dtype=np.float32)[answers.T]  # image, step, class
            writer.put("/outputs/step_scores", (EVERY,) * 5, np.tile(scores, (chips, 1, 1, 1, 1)))
        if states is not None:
            writer.put("/states/a/g_plus", (EVERY,) * 4, np.full((1, 1, 1, 1), states, np.float32))
        writer.finish_unit()
        writer.seal()
    return path


def _variables(mode: str, recorded: bool, states: bool) -> tuple[Variable, ...]:
    made = [Variable("/outputs/predictions", ("chip", "time", "image"), "int16")]
    if mode == "spiking":
        made += [Variable(f"/counts/inference/{name}", AXES, "int64") for name in COUNTED]
    else:
        made.append(Variable("/counts/inference/array_siemens", AXES, "float32", "S"))
    if mode == "spiking" and recorded:
        made.append(Variable("/outputs/step_scores", ("chip", "time", "image", "step", "class"), "float32"))
        made += [Variable(f"/counts/steps/{name}", (*AXES, "step"), "uint16") for name in COUNTED]
    if states:
        dims = ("state_chip", "state_time", "row", "column")
        made.append(Variable("/states/a/g_plus", dims, "float32", "S"))
    return tuple(made)


def _static(mode: str, chip: str, labels: np.ndarray) -> dict[str, Static]:
    if mode == "spiking":
        fixed = {"inference/neuron_updates": 5 * STEPS, "per_step/neuron_updates": 5}
    else:
        fixed = {"inference/adc_conversions": 40}
    return {
        "/description/chip_toml": Static(chip),
        "/description/geometry": Static(json.dumps([asdict(LAYER)])),
        "/outputs/labels": Static(labels, ("image",)),
        "/outputs/float_predictions": Static(labels, ("image",)),
        **{f"/counts/{name}": Static(np.array([number]), ("layer",)) for name, number in fixed.items()},
    }


def _coordinates(chips: int, images: int) -> dict[str, Coordinate]:
    return {
        "chip": Coordinate(np.arange(chips)),
        "time": Coordinate(np.array([25.0]), "s"),
        "image": Coordinate(np.arange(images)),
        "class": Coordinate(["zero", "one"]),
        "layer": Coordinate(["a"]),
        "step": Coordinate(np.arange(STEPS)),
        "state_chip": Coordinate(np.arange(1)),
        "state_time": Coordinate(np.array([25.0]), "s"),
    }


def _put_events(writer: RunWriter, chips: int, images: int, recorded: bool) -> None:
    lines = np.resize(LINES, images)
    for name, factor in COUNTED.items():
        each = np.broadcast_to((factor * lines)[:, None], (chips, 1, 1, images, STEPS))
        writer.put(f"/counts/inference/{name}", (EVERY,) * 4, each.sum(axis=4).astype(np.int64))
        if recorded:
            writer.put(f"/counts/steps/{name}", (EVERY,) * 5, each.astype(np.uint16))
