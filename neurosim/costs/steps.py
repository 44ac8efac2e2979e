"""Energy of a spiking run's first steps, for every number of steps, from its run file alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.chips import Chip
from neurosim.costs.hardware import leakage_rows, network_units
from neurosim.costs.rules import SPIKING, charged, rule_price
from neurosim.costs.runs import StoredRun, per_step_counts, pricing_chip, step_counts, stored_run
from neurosim.foundation.errors import ConfigError
from neurosim.recording import RunFile

IMAGES = 500  # read at a time


@dataclass(frozen=True)
class StepPrices:
    """What the steps of a run cost.

    once : joules of an image, however many steps it is shown; pipeline fill included
    per_step : joules of every step, the same for all images
    per_event : counter -> joules of one event, for the counters that differ from step to step
    step_s : seconds of a step
    steps, fill : as of the run
    """

    once: float
    per_step: float
    per_event: dict[str, float]
    step_s: float
    steps: int
    fill: int


def step_prices(run: RunFile, stored: StoredRun, prices: Chip | str | Path | None = None) -> StepPrices:
    """The prices of a run's steps, of its own chip or with the prices of another.

    Raises ConfigError for a rate run, for a chip without prices and for a missing price.
    """
    if stored.presentation is None:
        raise ConfigError(
            f"{run.path}: mode", "a spiking run", "a rate run", "choose a run with --mode spiking"
        )
    chip, shown, counts = pricing_chip(stored.chip, prices), stored.presentation, stored.inference
    if chip.prices is None:
        return StepPrices(0.0, 0.0, {}, 0.0, shown.steps, shown.fill)
    times = shown.latency(stored.geometries, chip)
    units = network_units(stored.geometries, counts, chip, shown.steps)
    watts = sum(row.joules for row in leakage_rows(units, chip, 1.0, SPIKING))
    once, per_step = shown.fill * times.step_s * watts, times.step_s * watts
    per_event: dict[str, float] = {}
    steady = per_step_counts(run, counts.layers)
    for rule in charged(chip):
        events = float(counts.mean(rule.counter).sum())
        if not events:
            continue
        joules = rule_price(rule, chip, f"{events:g} {rule.item}").value
        if rule.counter in counts.varying:
            per_event[rule.counter] = per_event.get(rule.counter, 0.0) + joules
            continue
        each = float(steady[rule.counter].sum()) if rule.counter in steady else 0.0
        per_step += each * joules
        once += (events - each * shown.steps) * joules
    return StepPrices(once, per_step, per_event, times.step_s, shown.steps, shown.fill)


def energy_by_step(
    run: RunFile,
    prices: Chip | str | Path | None = None,
    chip: int | None = None,
    time: int | None = None,
    images: slice = slice(None),
) -> np.ndarray:
    """Joules of each image when it is stopped after 1, 2, ... steps, float64 (images, steps).

    The last column is the ledger's `per_image`. Arguments as for `price_run`; `images` chooses some of them, so
    that not all need fit in memory.

    Raises ConfigError as `step_prices`, DataError when the run did not keep the counts of its steps.
    """
    return _by_step(run, stored_run(run, chip, time), prices, {"chip": chip, "time": time}, images)


def mean_energy_by_step(
    run: RunFile,
    prices: Chip | str | Path | None = None,
    chip: int | None = None,
    time: int | None = None,
) -> np.ndarray:
    """Mean over images of `energy_by_step`, float64 (steps,), reading some images at a time."""
    stored, chosen = stored_run(run, chip, time), {"chip": chip, "time": time}
    total, images = np.zeros(0), run.sizes["/image"]
    for start in range(0, images, IMAGES):
        part = _by_step(run, stored, prices, chosen, slice(start, min(start + IMAGES, images)))
        total = part.sum(axis=0) + (total if total.size else 0.0)
    return np.asarray(total / images)


def _by_step(
    run: RunFile,
    stored: StoredRun,
    prices: Chip | str | Path | None,
    chosen: dict[str, int | None],
    images: slice,
) -> np.ndarray:
    cost = step_prices(run, stored, prices)
    number = len(range(*images.indices(run.sizes["/image"])))
    joules = np.tile(cost.once + cost.per_step * np.arange(1, cost.steps + 1), (number, 1))
    for counter, each in cost.per_event.items():
        counted = step_counts(run, counter, chosen, slice(None), images).sum(axis=0)
        joules += each * counted.cumsum(axis=1)
    return joules
