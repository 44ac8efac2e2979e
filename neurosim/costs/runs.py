"""Price a run file: what it counted, with the chip it kept or with another table of prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydantic import TypeAdapter, ValidationError

from neurosim.chips import Chip, load_chip, parse_chip
from neurosim.costs.ledger import Ledger
from neurosim.costs.pricing import price
from neurosim.foundation.counts import COUNTERS, Counts, LayerGeometry
from neurosim.foundation.errors import DataError, FormatError
from neurosim.recording import RunFile

# where a run file keeps what costs need
CHIP = "/description/chip_toml"
GEOMETRY = "/description/geometry"
LAYERS = "/layer"
KINDS = ("inference", "programming", "calibration")


@dataclass(frozen=True)
class StoredRun:
    """What a run file holds for pricing: the chip as text read back, geometry and counts."""

    chip: Chip
    geometries: tuple[LayerGeometry, ...]
    inference: Counts
    programming: Counts
    calibration: Counts


def price_run(
    run: RunFile | str | Path,
    prices: Chip | str | Path | None = None,
    chip: int | None = None,
    time: int | None = None,
) -> Ledger:
    """The ledger of a run file.

    Parameters
    ----------
    prices : a chip (name, path or object) whose [prices] and [periphery] replace those of the run's chip;
        read conditions and tile sizes stay the run's. None: the run's own.
    chip, time : index of the chip instance and of the time whose counts to use; None: their mean

    Raises DataError and FormatError for a file that is no complete run, ConfigError for missing prices.
    """
    if isinstance(run, RunFile):
        return price_stored(stored_run(run, chip, time), prices)
    with RunFile.open(run) as file:
        return price_stored(stored_run(file, chip, time), prices)


def price_stored(stored: StoredRun, prices: Chip | str | Path | None = None) -> Ledger:
    """The same, from arrays that have been read already."""
    chip = stored.chip
    if prices is not None:
        chip = priced_like(chip, prices if isinstance(prices, Chip) else load_chip(prices))
    return price(stored.inference, stored.geometries, chip, stored.programming, stored.calibration)


def priced_like(chip: Chip, other: Chip) -> Chip:
    """`chip` with the prices, the periphery, the label and their sources of `other`."""
    update = {"prices": other.prices, "periphery": other.periphery, "label": other.label}
    tables = ("prices.", "periphery.")
    sources = {name: source for name, source in chip.sources.items() if not name.startswith(tables)}
    sources |= {name: source for name, source in other.sources.items() if name.startswith(tables)}
    return replace(
        chip, parameters=chip.parameters.model_copy(update=update), sources=MappingProxyType(sources)
    )


def stored_run(run: RunFile, chip: int | None = None, time: int | None = None) -> StoredRun:
    """Read what pricing needs from an open run file.

    /description/chip_toml and /description/geometry (JSON: a list of LayerGeometry) as text; /layer, the
    layers' names; /counts/<inference|programming|calibration>/<counter> with the dimension `layer`, and for
    counts that vary also chip, time and image in any order (chips and times are averaged unless chosen).

    Raises DataError when something is missing or does not fit, FormatError for a geometry that cannot be
    understood.
    """
    layers = tuple(str(name) for name in run.read(LAYERS))
    geometries = parse_geometry(run.text(GEOMETRY), f"{run.path}: {GEOMETRY}")
    chosen = {"chip": chip, "time": time}
    counts = {kind: _read_counts(run, kind, layers, chosen) for kind in KINDS}
    where = f"{run.path}: {CHIP}"
    return StoredRun(parse_chip(run.text(CHIP), where), geometries, *(counts[kind] for kind in KINDS))


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
