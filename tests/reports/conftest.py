"""A small run file, written without any engine, whose figures are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.foundation.counts import LayerGeometry
from neurosim.recording import Coordinate, Plan, RunWriter, Static, Variable

LABELS = np.array([0, 0, 1, 1, 2, 2, 0, 1], np.int16)
FLOAT = np.array([0, 0, 1, 1, 2, 2, 0, 2], np.int16)  # one wrong
# image 9 % 8 of chip c at time t is wrong when its number is below c + t
WRONG = np.array([[[image < chip + time for image in range(8)] for time in range(2)] for chip in range(3)])
PREDICTIONS = np.where(WRONG, (LABELS + 1) % 3, LABELS).astype(np.int16)

GEOMETRY = (
    # inputs shared by two column tiles: each is driven twice
    LayerGeometry("fc$1", 4, 2000, 1, 1, 1, 1, 2, (4,), (1024, 976), 8000),
    LayerGeometry("fc2", 3, 3, 1, 1, 1, 1, 2, (3,), (3,), 9),
)
FIXED = {
    "dac_conversions": (8, 3),
    "adc_conversions": (2000, 3),
    "scalings": (2000, 3),
    "buffer_writes": (2000, 3),
}


def _plan(chips: int, chip: str, states: bool) -> Plan:
    axes = ("chip", "time", "layer", "image")
    variables = [
        Variable("/outputs/predictions", ("chip", "time", "image"), "int16"),
        Variable("/counts/inference/array_siemens", axes, "float32", "S"),
        Variable("/counts/inference/adc_saturations", axes, "float32"),
        Variable("/counts/inference/dac_saturations", axes, "float32"),
    ]
    coordinates = {
        "chip": Coordinate(np.arange(chips)),
        "time": Coordinate(np.array([25.0, 86400.0]), "s"),
        "image": Coordinate(np.arange(8)),
        "class": Coordinate(["zero", "one", "$two"]),
        "layer": Coordinate([layer.name for layer in GEOMETRY]),
    }
    sizes = {}
    if states:
        coordinates["state_chip"] = Coordinate(np.arange(1))
        coordinates["state_time"] = Coordinate(np.array([25.0, 86400.0]), "s")
        for layer in GEOMETRY:
            sizes |= {f"states/{layer.name}/row": layer.rows, f"states/{layer.name}/column": layer.columns}
            for side in ("plus", "minus"):
                dims = ("state_chip", "state_time", "row", "column")
                variables.append(Variable(f"/states/{layer.name}/g_{side}", dims, "float32", "S"))
    static = {
        "/description/chip_toml": Static(load_chip(chip).toml),
        "/description/geometry": Static(json.dumps([asdict(layer) for layer in GEOMETRY])),
        "/outputs/labels": Static(LABELS, ("image",)),
        "/outputs/float_predictions": Static(FLOAT, ("image",)),
    }
    if chip != "ideal_float":
        static |= {f"/counts/inference/{name}": Static(np.array(n), ("layer",)) for name, n in FIXED.items()}
    attributes = {"network": "toy", "chip": chip, "seed": 0}
    return Plan(tuple(variables), 1, sizes, coordinates, static, attributes)


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a run file of `chips` chips, two times and eight images of three classes."""

    def write(chips: int = 3, chip: str = "joshi_2020", states: bool = True) -> Path:
        path = tmp_path / f"{chip}_{chips}_{states}.h5"
        with RunWriter.open(path, _plan(chips, chip, states), {}) as writer:
            every = slice(None)
            writer.put("/outputs/predictions", (every,) * 3, PREDICTIONS[:chips])
            shape = (chips, 2, 2, 8)
            siemens = np.broadcast_to(np.array([2.0, 1.0])[:, None, None], shape).astype(np.float32) * 1e-3
            writer.put("/counts/inference/array_siemens", (every,) * 4, siemens)
            ends = np.zeros(shape, np.float32)
            ends[:, 1, 0] = 20  # of the first layer at the second time: 20 of 2,000, 1 %
            writer.put("/counts/inference/adc_saturations", (every,) * 4, ends)
            writer.put("/counts/inference/dac_saturations", (every,) * 4, (ends > 0).astype(np.float32))
            if states:
                rng = np.random.default_rng(0)
                for layer in GEOMETRY:
                    for side in ("plus", "minus"):
                        g = rng.exponential(5e-6, (1, 2, layer.rows, layer.columns)).astype(np.float32)
                        writer.put(f"/states/{layer.name}/g_{side}", (every,) * 4, g)
            writer.finish_unit()
            writer.seal()
        return path

    return write
