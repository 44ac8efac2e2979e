"""A small run that records spikes: three populations, one of them silent, cut into units and pieces as wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosim.recording import Plan, RunWriter, SpikeStream, Variable

UNITS, PER_UNIT_MS = 6, 40.0
NEURONS = {"input": 70_000, "hidden": 300, "silent": 5}  # ids of four, two and one byte in parts


def spike_plan(**changes: object) -> Plan:
    """What the run records."""
    streams = tuple(SpikeStream(name, n, {"neurons": n, "step_ms": 0.5}) for name, n in NEURONS.items())
    fields: dict[str, object] = {
        "variables": (Variable("/outputs/predictions", ("image",), "int16"),),
        "n_units": UNITS,
        "sizes": {"image": UNITS},
        "streams": streams,
    }
    return Plan(**(fields | changes))  # type: ignore[arg-type]


def spikes_of(unit: int, population: str) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps and node ids of one unit; unit 3 has no spike."""
    draw = np.random.Generator(np.random.Philox(key=unit + 100 * len(population)))
    count = 0 if population == "silent" or unit == 3 else int(draw.integers(50, 90))
    steps = np.sort(draw.integers(0, 80, count))
    return unit * PER_UNIT_MS + 0.5 * steps, draw.integers(0, NEURONS[population], count)


def all_spikes(population: str) -> tuple[np.ndarray, np.ndarray]:
    """Those of all units."""
    units = [spikes_of(unit, population) for unit in range(UNITS)]
    return np.concatenate([times for times, _ in units]), np.concatenate([ids for _, ids in units])


def put_spikes(writer: RunWriter, unit: int, most: int = 1000) -> None:
    """Put one unit, `most` spikes at a time."""
    for population in NEURONS:
        times, ids = spikes_of(unit, population)
        for start in range(0, len(times), most):
            writer.append(population, times[start : start + most], ids[start : start + most])
    writer.put("/outputs/predictions", (unit,), unit)


def run_spikes(path: Path, stop: int = UNITS, most: int = 1000, **options: object) -> Path:
    """Run the sample from where it stands to unit `stop`; sealed when that is the last."""
    with RunWriter.open(path, spike_plan(), {"seed": 0}, **options) as writer:  # type: ignore[arg-type]
        for unit in range(writer.completed, stop):
            put_spikes(writer, unit, most)
            writer.finish_unit()
        if stop == UNITS:
            writer.seal()
        else:
            writer.flush()
    return path
