"""A small run that the tests of recording share: fixed values, nested groups, text, two kinds of dims."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosim.recording import Coordinate, Plan, RunFile, RunWriter, Static, Variable

CHIPS, TIMES, IMAGES, CLASSES, ROWS, COLUMNS = 3, 2, 21, 5, 7, 4
N_UNITS = CHIPS * TIMES
CONFIG = {
    "network": "digits_mlp",
    "chip": {"name": "joshi_2020", "adc_bits": 8},
    "times": (25.0, 3600.0),
    "seed": 0,
}


def sample_plan(**changes: object) -> Plan:
    """What the sample run records."""
    variables = (
        Variable(
            "/outputs/logits",
            ("chip", "time_s", "image", "class"),
            "float32",
            "1",
            "output of the last layer",
        ),
        Variable(
            "/outputs/predictions", ("chip", "time_s", "image"), "int16", "1", "class of the largest output"
        ),
        Variable(
            "/states/fc1/g_plus",
            ("chip", "time_s", "row", "column"),
            "float32",
            "S",
            "conductance",
            ("chip", "time_s"),
        ),
        Variable(
            "/counts/adc_saturations", ("layer", "image"), "float64", "1", "conversions at the range's end"
        ),
    )
    fields: dict[str, object] = {
        "variables": variables,
        "n_units": N_UNITS,
        "sizes": {"chip": CHIPS, "image": IMAGES, "states/fc1/row": ROWS, "states/fc1/column": COLUMNS},
        "coordinates": {
            "time_s": Coordinate(np.array([25.0, 3600.0]), "s", "time after programming"),
            "layer": Coordinate(("fc1", "fc2", "fc3")),
            "class": Coordinate(np.arange(CLASSES), "1", "class index"),
        },
        "static": {
            "/labels": Static(np.arange(IMAGES) % CLASSES, ("image",), "1", "true class"),
            "/text/chip_toml": Static('format = 1\nname = "żółw"\n', description="the chip"),
            "/class_names": Static(tuple("abcde"), ("class",)),
        },
        "attributes": {"seed": 0, "network": "digits_mlp", "times_s": (25.0, 3600.0)},
        "provenance": {"host": "here", "started": "2026-01-01"},
    }
    return Plan(**(fields | changes))  # type: ignore[arg-type]


def sample_values() -> dict[str, np.ndarray]:
    """What the sample run measures."""
    draw = np.random.Generator(np.random.Philox(7))
    logits = draw.normal(size=(CHIPS, TIMES, IMAGES, CLASSES)).astype(np.float32)
    return {
        "/outputs/logits": logits,
        "/outputs/predictions": logits.argmax(-1).astype(np.int16),
        "/states/fc1/g_plus": draw.random((CHIPS, TIMES, ROWS, COLUMNS), dtype=np.float32),
        "/counts/adc_saturations": draw.integers(0, 9, (3, IMAGES)).astype(float),
    }


def put_unit(writer: RunWriter, unit: int, batch: int = 6) -> None:
    """Put all values of one unit, the images in batches."""
    values = sample_values()
    at = divmod(unit, TIMES)
    for start in range(0, IMAGES, batch):
        images = slice(start, min(IMAGES, start + batch))
        for name in ("/outputs/logits", "/outputs/predictions"):
            writer.put(name, (*at, images), values[name][at][images])
        if unit == 0:
            counts = values["/counts/adc_saturations"]
            writer.put("/counts/adc_saturations", (slice(None), images), counts[:, images])
    writer.put("/states/fc1/g_plus", at, values["/states/fc1/g_plus"][at])


def run_sample(
    path: Path, plan: Plan | None = None, stop: int = N_UNITS, batch: int = 6, **options: object
) -> Path:
    """Run the sample from where it stands to unit `stop`; sealed when that is the last."""
    with RunWriter.open(path, plan or sample_plan(), CONFIG, **options) as writer:  # type: ignore[arg-type]
        for unit in range(writer.completed, stop):
            put_unit(writer, unit, batch)
            writer.finish_unit()
        if stop == N_UNITS:
            writer.seal()
        else:
            writer.flush()
    return path


def hash_of(path: Path) -> str:
    """Content hash of a run file."""
    with RunFile.open(path) as run:
        return run.content_hash()
