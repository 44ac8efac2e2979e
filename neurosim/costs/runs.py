"""Price a run file: what it counted, with the chip it kept or with another table of prices.

A spiking run also says what it counted in every step, so that its first steps alone can be priced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydantic import TypeAdapter, ValidationError

from neurosim.chips import Chip, load_chip, parse_chip
from neurosim.costs.ledger import Ledger
from neurosim.costs.pricing import Learning, Presentation, price
from neurosim.costs.rules import RULES, SPIKING
from neurosim.foundation.counts import COUNTERS, Counts, LayerGeometry
from neurosim.foundation.errors import ConfigError, DataError, FormatError
from neurosim.recording import RunFile

# where a run file keeps what costs need
CHIP = "/description/chip_toml"
GEOMETRY = "/description/geometry"
LAYERS = "/layer"
LEARNING = "/counts/learning/"
DECISION_TIME = "/outputs/decision_time"
KINDS = ("inference", "programming", "calibration")
STEPS, PER_STEP = "/counts/steps/", "/counts/per_step/"
STEP_DIMS = ("chip", "time", "layer", "image", "step")
PRICED = frozenset(rule.counter for rule in RULES) | {"synaptic_events", "array_reads"}


@dataclass(frozen=True)
class StoredRun:
    """What a run file holds for pricing: the chip as text read back, geometry and counts; of a spiking run
    how long it shows an image."""

    chip: Chip
    geometries: tuple[LayerGeometry, ...]
    inference: Counts
    programming: Counts
    calibration: Counts
    presentation: Presentation | None = None
    learning: Learning | None = None


def price_run(
    run: RunFile | str | Path,
    prices: Chip | str | Path | None = None,
    chip: int | None = None,
    time: int | None = None,
    steps: int | None = None,
) -> Ledger:
    """The ledger of a run file.

    Parameters
    ----------
    prices : a chip (name, path or object) whose [prices] and [periphery] replace those of the run's chip;
        read conditions and tile sizes stay the run's. None: the run's own.
    chip, time : index of the chip instance and of the time whose counts to use; None: their mean
    steps : of a spiking run, as if each image had been stopped after so many; None: all of them

    Raises DataError and FormatError for a file that is no complete run, ConfigError for missing prices and for
    more steps than were run.
    """
    if isinstance(run, RunFile):
        return price_stored(stored_run(run, chip, time, steps), prices)
    with RunFile.open(run) as file:
        return price_stored(stored_run(file, chip, time, steps), prices)


def price_stored(stored: StoredRun, prices: Chip | str | Path | None = None) -> Ledger:
    """The same, from arrays that have been read already."""
    chip = pricing_chip(stored.chip, prices)
    once = (stored.programming, stored.calibration)
    return price(stored.inference, stored.geometries, chip, *once, stored.presentation, stored.learning)


def pricing_chip(chip: Chip, prices: Chip | str | Path | None) -> Chip:
    """The chip with the prices it is to be priced with: its own, or those of another chip."""
    if prices is None:
        return chip
    other = prices if isinstance(prices, Chip) else load_chip(prices)
    if chip.is_processor != other.is_processor:
        kinds = [
            f"a {'digital processor' if one.is_processor else 'chip of devices'}" for one in (chip, other)
        ]
        raise ConfigError(f"prices of chip {other.name}", f"those of {kinds[0]}, as {chip.name} is one",
                          f"those of {kinds[1]}", "choose a chip of the run's kind")  # fmt: skip
    return priced_like(chip, other)


def priced_like(chip: Chip, other: Chip) -> Chip:
    """`chip` with the prices, the periphery, the label and their sources of `other`."""
    update = {"prices": other.prices, "periphery": other.periphery, "label": other.label}
    tables = ("prices.", "periphery.")
    sources = {name: source for name, source in chip.sources.items() if not name.startswith(tables)}
    sources |= {name: source for name, source in other.sources.items() if name.startswith(tables)}
    return replace(
        chip, parameters=chip.parameters.model_copy(update=update), sources=MappingProxyType(sources)
    )


def stored_run(
    run: RunFile, chip: int | None = None, time: int | None = None, steps: int | None = None
) -> StoredRun:
    """Read what pricing needs from an open run file.

    /description/chip_toml and /description/geometry (JSON: a list of LayerGeometry) as text; /layer, the
    layers' names; /counts/<inference|programming|calibration>/<counter> with the dimension `layer`, and for
    counts that vary also chip, time and image in any order (chips and times are averaged unless chosen).
    With `steps`, counts of the first steps alone: /counts/steps/<counter> for those that vary, less
    /counts/per_step/<counter> for those that are the same in every step.

    Raises DataError when something is missing or does not fit, FormatError for a geometry that cannot be
    understood, ConfigError for more steps than were run.
    """
    layers = tuple(str(name) for name in run.read(LAYERS))
    geometries = parse_geometry(run.text(GEOMETRY), f"{run.path}: {GEOMETRY}")
    chosen = {"chip": chip, "time": time}
    counts = {kind: _read_counts(run, kind, layers, chosen) for kind in KINDS}
    shown = run_steps(run, layers)
    if steps is not None:
        shown = _shortened(run, shown, steps, counts["inference"], chosen)
    where = f"{run.path}: {CHIP}"
    inference, programming, calibration = (counts[kind] for kind in KINDS)
    silicon = parse_chip(run.text(CHIP), where)
    return StoredRun(
        silicon, geometries, inference, programming, calibration, shown, _learning(run, layers, chip)
    )


def _learning(run: RunFile, layers: tuple[str, ...], chip: int | None) -> Learning | None:
    """What learning took, the mean over chips unless one is chosen; None for a run without."""
    found = [path for path in run.paths if path.startswith(LEARNING)]
    if not found:
        return None
    counts = Counts(layers, 1)
    for path in found:
        array = np.asarray(run.read(path), np.float64)
        counts.varying[path.removeprefix(LEARNING)] = (array.mean(axis=0) if chip is None else array[chip])[
            :, None
        ]
    return Learning(counts, float(run.attributes().get("learning_s", 0.0)))


def run_steps(run: RunFile, layers: Sequence[str]) -> Presentation | None:
    """How many steps a spiking run shows each image, None for rates.

    Attributes of the file: `mode`, `steps`; `fill_steps`, how many more pass until the last layer has had the first
    one (where that is not said, each layer but the first takes one); `interval_steps`, after which the next image
    may begin; `step_s`, length of a step that the network itself states; `synaptic_tau_s`, where neurons spike once
    and an image takes until the first output spike: the mean decision time, in time constants, times that.
    """
    attributes = run.attributes()
    if attributes.get("mode", "rate") != SPIKING:
        return None
    if DECISION_TIME in run:  # a chip without a circuit has no time constant in seconds, and is not timed
        return Presentation(1, 0, _mean_decision(run) * float(attributes.get("synaptic_tau_s", 0.0)))
    if "steps" not in attributes:
        raise DataError(f"{run.path}: steps", "an attribute of a spiking run", "none", "run it again")
    step_s = float(attributes["step_s"]) if "step_s" in attributes else None
    fill, interval = (
        int(attributes.get("fill_steps", len(layers) - 1)),
        int(attributes.get("interval_steps", 0)),
    )
    return Presentation(int(attributes["steps"]), fill, step_s, interval)


def _mean_decision(run: RunFile) -> float:
    """Mean decision time in synaptic time constants; images without a decision take as long as the longest."""
    times = run.read(DECISION_TIME).astype(np.float64)
    longest = times[np.isfinite(times)].max(initial=0.0)
    return float(np.where(np.isfinite(times), times, longest).mean())


def _shortened(
    run: RunFile, shown: Presentation | None, steps: int, counts: Counts, chosen: Mapping[str, int | None]
) -> Presentation:
    """The steps cut off after `steps`, and the counts with them, in place."""
    if shown is None:
        raise ConfigError(f"{run.path}: steps", "a spiking run", "a rate run", "leave the steps out")
    if not 1 <= steps <= shown.steps:
        raise ConfigError(f"{run.path}: steps", f"1 to {shown.steps}, those that were run", str(steps),
                          "run it again with more steps")  # fmt: skip
    if steps == shown.steps:
        return shown
    for counter in counts.varying:
        if counter in PRICED:
            counts.varying[counter] = step_counts(run, counter, chosen, slice(0, steps)).sum(axis=2)
    for counter, left in per_step_counts(run, counts.layers).items():
        for layer, events in zip(counts.layers, left, strict=True):
            whole = counts.fixed.get(counter, {}).get(layer, 0)
            counts.set(counter, layer, whole - int(events) * (shown.steps - steps))
    return Presentation(steps, shown.fill, shown.step_s, min(shown.interval, steps))


def per_step_counts(run: RunFile, layers: Sequence[str]) -> dict[str, np.ndarray]:
    """Counts that are the same in every step, int64 (layers,), by counter."""
    found = {}
    for path in run.paths:
        counter = path.removeprefix(PER_STEP)
        if counter != path and counter in COUNTERS:
            found[counter] = np.asarray(run.read(path), np.int64)
            if found[counter].shape != (len(layers),):
                raise DataError(
                    f"{run.path}: {path}", f"{len(layers)} layers", str(found[counter].shape), "run again"
                )
    return found


def step_counts(
    run: RunFile, counter: str, chosen: Mapping[str, int | None], steps: slice, images: slice = slice(None)
) -> np.ndarray:
    """Counts of single steps, float64 (layers, images, steps); chips and times averaged unless chosen.

    Raises DataError when the run did not keep them.
    """
    path = STEPS + counter
    if path not in run:
        raise DataError(
            f"{run.path}: {path}", "counts of every step", "none", "run it again, recording steps"
        )
    dims = run.dims(path)
    if dims != STEP_DIMS:
        raise DataError(f"{run.path}: {path}", f"dimensions {STEP_DIMS}", str(dims), "run it again")
    ranges = []
    for name in ("chip", "time"):
        one = chosen.get(name)
        ranges.append(range(run.sizes[f"/{name}"]) if one is None else range(one, one + 1))
    pairs = [(chip, time) for chip in ranges[0] for time in ranges[1]]
    # one chip and time after another: they need not fit in memory together
    read = (run.read(path, (chip, time, slice(None), images, steps)) for chip, time in pairs)
    return np.asarray(sum(part.astype(np.float64) for part in read) / len(pairs))


def parse_geometry(text: str, where: str) -> tuple[LayerGeometry, ...]:
    """Geometries from their JSON text; FormatError when it is something else."""
    try:
        return TypeAdapter(tuple[LayerGeometry, ...]).validate_json(text)
    except ValidationError as problem:
        first = problem.errors()[0]
        got = f"{'.'.join(str(part) for part in first['loc']) or 'text'}: {first['msg']}"
        raise FormatError(where, "a JSON list of layer geometries", got, "run again") from None


def _read_counts(
    run: RunFile, kind: str, layers: tuple[str, ...], chosen: Mapping[str, int | None]
) -> Counts:
    prefix = f"/counts/{kind}/"
    arrays = {path.removeprefix(prefix): path for path in run.paths if path.startswith(prefix)}
    read = {name: _by_layer_and_image(run, path, chosen) for name, path in arrays.items() if name in COUNTERS}
    images = max((array.shape[1] for array in read.values() if array.ndim == 2), default=0)
    counts = Counts(layers, images)
    for name, array in read.items():
        if len(array) != len(layers):
            raise DataError(
                f"{run.path}: {arrays[name]}", f"{len(layers)} layers", str(len(array)), "run again"
            )
        if array.ndim == 2:
            counts.varying[name] = array
        else:
            counts.fixed[name] = {layer: int(n) for layer, n in zip(layers, array, strict=True)}
    return counts


def _by_layer_and_image(run: RunFile, path: str, chosen: Mapping[str, int | None]) -> np.ndarray:
    """A stored count as float64 (layers,) or (layers, images)."""
    dims = run.dims(path)
    unknown = [name for name in dims if name not in ("chip", "time", "layer", "image")]
    if unknown or "layer" not in dims:
        raise DataError(f"{run.path}: {path}", "dimensions chip, time, layer, image", str(dims), "run again")
    index = tuple(slice(None) if chosen.get(name) is None else int(chosen[name] or 0) for name in dims)
    array = np.asarray(run.read(path, index), np.float64)
    left = [name for name, part in zip(dims, index, strict=True) if isinstance(part, slice)]
    array = array.mean(axis=tuple(axis for axis, name in enumerate(left) if name in ("chip", "time")))
    kept = [name for name in left if name in ("layer", "image")]
    return np.asarray(array.T if kept == ["image", "layer"] else array)
