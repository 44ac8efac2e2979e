"""The value of each metric, from the chip alone, from a network's shapes, or from a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from neurosim.chips import Chip
from neurosim.claims.precision import output_bits
from neurosim.costs import Ledger, chip_figures, core_figures, stored_run
from neurosim.foundation.errors import ConfigError
from neurosim.pipeline import Run
from neurosim.pipeline.digital import place_digital
from neurosim.pipeline.placing import load_architecture, place_shapes
from neurosim.recording import RunFile

# what a synaptic event costs, the neuron behind it included
_EVENT_COMPONENTS = (
    "drivers and lines",
    "array",
    "comparator",
    "neuron state",
    "synaptic events (published)",
)

# how the spread of neurons is measured: some hundred spikes each
_RATE_HERTZ, _RATE_SECONDS = 20.0, 20.0

_FROM_LEDGER: dict[str, Callable[[Ledger], float]] = {
    "energy_per_inference": lambda ledger: ledger.total,
    "latency": lambda ledger: _latency(ledger),
    "images_per_second": lambda ledger: ledger.images_per_second,
    "ops_per_second": lambda ledger: ledger.ops_per_second,
    "ops_per_joule": lambda ledger: ledger.ops_per_joule,
    "ops_per_second_per_square_metre": lambda ledger: ledger.ops_per_second_per_square_metre,
    "power": lambda ledger: ledger.watts,
}


def from_chip(metric: str, chip: Chip, times_s: Sequence[float], root: int, instances: int) -> list[float]:
    """core_... of one core, chip_... of the whole chip, output_bits of a full tile at each time, neuron_mismatch.

    instances : chips whose mean is taken, where chips differ

    Raises ConfigError for a chip without the figures that the metric needs.
    """
    if metric == "output_bits":
        return [_mean(output_bits(chip, t_s, root, number) for number in range(instances)) for t_s in times_s]
    if metric == "neuron_mismatch":
        return [_mean(_rate_spread(chip, root, number) for number in range(instances))]
    scope, _, name = metric.partition("_")
    value = getattr(core_figures(chip) if scope == "core" else chip_figures(chip), name)
    if value is None:
        raise ConfigError(
            f"chip {chip.name}", f"published power and area for {metric}", "none", "add them to [capacity]"
        )
    return [float(value)]


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _rate_spread(chip: Chip, root: int, instance: int) -> float:
    from neurosim.engines.spiking.plastic.rolls import firing_rates  # Brian2 is not for those without spikes

    return firing_rates(chip, _RATE_HERTZ, _RATE_SECONDS, root, instance).coefficient_of_variation


def from_shapes(metric: str, network: str, chip: Chip) -> float:
    """weights or devices that a network takes on a chip, from its shapes alone."""
    placed = place_shapes(network, chip).placement.layers
    return float(
        sum(layer.weights * (layer.devices_per_weight if metric == "devices" else 1) for layer in placed)
    )


def from_ledger(metric: str, network: str, chip: Chip) -> float:
    """The metric of one inference of a network that is placed and not run.

    Raises ConfigError for a chip without prices.
    """
    if chip.parameters.processor is not None:
        ledger = place_digital(load_architecture(network), chip)[2]
    else:
        ledger = place_shapes(network, chip).ledger
    return float(_FROM_LEDGER[metric](ledger))


def from_run(metric: str, done: Run, times_s: Sequence[float]) -> list[float]:
    """The metric of a run at each of the times, mean over chips."""
    summary = done.summary
    at = [summary.accuracy.times_s.index(t_s) for t_s in times_s]
    if metric == "accuracy":
        return [float(summary.accuracy.mean[k]) for k in at]
    if metric == "difference_to_float":
        return [float(summary.difference_to_float[k]) for k in at]
    if metric == "energy_per_inference":
        return [float(summary.joules[k]) for k in at]
    if metric == "energy_per_event":
        return [_per_event(done)]
    return [_FROM_LEDGER[metric](done.costs)]


def _per_event(done: Run) -> float:
    """Joules of one synaptic event: array, lines and neurons over the events of one inference."""
    with RunFile.open(done.path) as file:
        events = float(stored_run(file).inference.mean("synaptic_events").sum())
    if events == 0:
        raise ConfigError(
            "energy_per_event", "synaptic events", "none in this run", "claim it of a spiking run"
        )
    parts = done.costs.by_component()
    return sum(parts.get(name, 0.0) for name in _EVENT_COMPONENTS) / events


def _latency(ledger: Ledger) -> float:
    if ledger.times is None:
        raise ConfigError(f"chip {ledger.chip}", "a [periphery] table", "none", "nothing is timed without it")
    return ledger.times.image_s
