"""What a run file holds, declared before the run begins: variables, dimensions, coordinates, fixed data."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError, near
from neurosim.recording.values import Value, as_stored, feed

FORMAT = 1  # of the run file
PROVENANCE = "/provenance"
SPIKES = "/spikes"  # readers of SONATA take every object in it for a population
SPIKE, TIMESTAMPS, NODE_IDS = "spike", "timestamps", "node_ids"  # dimension and datasets of a population
SORTING = "sorting"  # attribute that says by what a population's spikes are sorted
DTYPES = tuple(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
DTYPES = ("bool", *DTYPES, "float32", "float64")  # no float16: the netCDF4 library crashes on it
# units that xarray takes for a duration and converts on reading; SI symbols are left alone
_DURATIONS = {"days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"}


@dataclass(frozen=True)
class Variable:
    """An array filled while the run goes on.

    Parameters
    ----------
    path : "/outputs/logits"; folders are made as needed
    dims : names of its axes, looked up in `Plan.sizes` from the variable's own group up to the root
    dtype : bool, int8 to int64, uint8 to uint64, float32 or float64
    units : unit of its numbers ("1" for none)
    description : one sentence, stored as `long_name`
    snapshot : dims of which one chunk of the file holds a single index (one device state per chunk)
    fill : value of cells that are never put; None demands that every cell is put exactly once
    """

    path: str
    dims: tuple[str, ...]
    dtype: str
    units: str = "1"
    description: str = ""
    snapshot: tuple[str, ...] = ()
    fill: float | None = None


@dataclass(frozen=True, eq=False)
class Static:
    """Data known before the run: labels, text of the chip and network, tables.

    `data` is a string, a sequence of strings, or numbers of the shape that `dims` give.
    """

    data: Value
    dims: tuple[str, ...] = ()
    units: str = "1"
    description: str = ""


@dataclass(frozen=True, eq=False)
class Coordinate:
    """The values along one dimension: numbers or strings, shape (length,)."""

    values: Value
    units: str = "1"
    description: str = ""


@dataclass(frozen=True, eq=False)
class SpikeStream:
    """The spikes of one population, appended while the run goes on, however many come.

    Stored in SONATA's form under /spikes/<population>: `timestamps` (float64, ms), sorted, and `node_ids` (uint64).

    Parameters
    ----------
    population : its name, without slashes
    neurons : how many it has; node ids run from 0 to neurons - 1
    attributes : of the population: strings, numbers, or sequences of either
    """

    population: str
    neurons: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a run file will hold; checked when made.

    Parameters
    ----------
    variables : arrays filled by the run
    n_units : units of work, always done in the order 0, 1, ...
    sizes : length of each dimension; "image" is known everywhere, "states/fc1/row" in that group and below.
        A dimension with a coordinate may be left out.
    coordinates : by dimension, as in `sizes`
    static : by path
    attributes : of the whole file; strings, numbers, or sequences of either
    provenance : host, versions, times, command line; left out of the content hash
    streams : populations whose spikes are recorded; /spikes holds nothing else

    Raises ConfigError for unknown dimensions, shapes that disagree, and paths used twice.
    """

    variables: tuple[Variable, ...]
    n_units: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    coordinates: Mapping[str, Coordinate] = field(default_factory=dict)
    static: Mapping[str, Static] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    streams: tuple[SpikeStream, ...] = ()

    def __post_init__(self) -> None:
        if self.n_units < 1:
            raise ConfigError(
                "n_units", "at least one unit of work", str(self.n_units), "give the number of units of work"
            )
        for name, value in (*self.attributes.items(), *self.provenance.items()):
            as_stored(value, f"attribute {name}")
        _check_lengths(self)
        _check_paths(self)
        _check_streams(self)
        for variable in self.variables:
            _check_variable(variable)
            self.shape(variable.path, variable.dims)
        for path, fixed in self.static.items():
            _check_units(path, fixed.units)
            shape = as_stored(fixed.data, path).shape
            if shape != self.shape(path, fixed.dims):
                expected = f"shape {self.shape(path, fixed.dims)} of dims {fixed.dims}"
                raise ConfigError(path, expected, str(shape), "give the dims in the order of the axes")

    @cached_property
    def lengths(self) -> dict[str, int]:
        """Length of every dimension, by its path ("/image", "/states/fc1/row")."""
        known = {clean(name): len(as_stored(c.values, name)) for name, c in self.coordinates.items()}
        return known | {clean(name): int(length) for name, length in self.sizes.items()}

    def dimensions(self, path: str, dims: Sequence[str]) -> tuple[str, ...]:
        """Paths of the dimensions that `dims` mean for the dataset at `path`."""
        return tuple(_resolve(self.lengths, clean(path), name) for name in dims)

    def shape(self, path: str, dims: Sequence[str]) -> tuple[int, ...]:
        """Shape of a dataset at `path` with these dims."""
        lengths = self.lengths
        return tuple(lengths[_resolve(lengths, clean(path), name)] for name in dims)

    def nbytes(self) -> int:
        """Bytes that the variables will take in the sealed file."""
        return sum(math.prod(self.shape(v.path, v.dims)) * np.dtype(v.dtype).itemsize for v in self.variables)

    def digest(self) -> str:
        """A hash of everything but the provenance: a run may be resumed only under the same one."""
        hasher = hashlib.sha256()
        layout = [
            [v.path, v.dims, v.dtype, v.units, v.description, v.snapshot, v.fill] for v in self.variables
        ]
        feed(hasher, json.dumps([self.n_units, sorted(self.lengths.items()), layout]))
        for name, coordinate in sorted(self.coordinates.items()):
            feed(hasher, name, coordinate.values, coordinate.units, coordinate.description)
        for path, fixed in sorted(self.static.items()):
            feed(hasher, path, fixed.data, json.dumps(fixed.dims), fixed.units, fixed.description)
        for name, value in sorted(self.attributes.items()):
            feed(hasher, name, value)
        for stream in self.streams:
            feed(hasher, stream.population, stream.neurons)
            for name, value in sorted(stream.attributes.items()):
                feed(hasher, name, value)
        return hasher.hexdigest()


def clean(path: str) -> str:
    """A path with one leading slash; ConfigError for empty, relative or unprintable parts."""
    parts = path.removeprefix("/").split("/")
    for part in parts:
        if not part or part in (".", "..") or part != part.strip() or not part.isprintable():
            raise ConfigError(
                "path", "printable names between slashes", repr(path), "rename the layer or variable"
            )
    return "/" + "/".join(parts)


def _resolve(lengths: Mapping[str, int], path: str, name: str) -> str:
    group = path.rsplit("/", 1)[0]
    while True:
        if f"{group}/{name}" in lengths:
            return f"{group}/{name}"
        if not group:
            raise ConfigError(path, "dimensions given in sizes", repr(name), near(name, lengths))
        group = group.rsplit("/", 1)[0]


def _check_lengths(plan: Plan) -> None:
    lengths = plan.lengths
    for name, coordinate in plan.coordinates.items():
        stored = as_stored(coordinate.values, name)
        if stored.shape != (lengths[clean(name)],):
            expected = f"{lengths[clean(name)]} values along one axis"
            raise ConfigError(
                f"coordinate {name}",
                expected,
                f"shape {stored.shape}",
                "give one value per index of the dimension",
            )
        _check_units(name, coordinate.units)
    for path, length in lengths.items():
        if length < 1:
            raise ConfigError(
                f"dimension {path[1:]}",
                "a length of at least 1",
                str(length),
                "leave out dimensions that hold nothing",
            )


def _check_paths(plan: Plan) -> None:
    paths = [*plan.lengths, *(clean(v.path) for v in plan.variables), *(clean(path) for path in plan.static)]
    lengths, taken = plan.lengths, set[str]()
    for path in paths:
        if path in taken:
            raise ConfigError(path, "each path once", "two datasets or dimensions of this path", "rename one")
        for reserved, instead in ((PROVENANCE, "Plan.provenance"), (SPIKES, "Plan.streams")):
            if path == reserved or path.startswith(reserved + "/"):
                raise ConfigError(path, f"a path outside {reserved}", "a reserved one", f"use {instead}")
        taken.add(path)
    for path in paths:
        for group in _groups(path):
            if group in taken:
                raise ConfigError(path, "a group above it", f"{group} is a dataset", "rename one")
        # readers take a dataset for the values of the dimension whose name it bears
        _check_name(path, lengths)
    coordinates = {clean(name) for name in plan.coordinates}
    streams = [f"{SPIKES}/{stream.population}/{SPIKE}" for stream in plan.streams]
    groups = {group for path in (*paths, *streams) for group in _groups(path)}
    for group in sorted(groups):
        # readers hand the coordinates of a group down to all groups in it, where no group may bear their name
        _check_name(group, coordinates)


def _groups(path: str) -> list[str]:
    """The groups that hold what lies at a path, innermost first."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts) - 1, 1, -1)]


def _check_name(path: str, dimensions: Collection[str]) -> None:
    """Refuse the name of a dimension that is known where the path leads through."""
    name = path.rsplit("/", 1)[1]
    for group in _groups(path):
        if f"{group.rsplit('/', 1)[0]}/{name}" in dimensions:
            raise ConfigError(path, "a name unlike the dimensions above it", repr(name), "rename one")


def _check_variable(variable: Variable) -> None:
    if variable.dtype not in DTYPES:
        raise ConfigError(
            f"{variable.path} dtype", "a stored type", repr(variable.dtype), near(variable.dtype, DTYPES)
        )
    if len(set(variable.dims)) != len(variable.dims):
        raise ConfigError(
            f"{variable.path} dims", "each name once", str(variable.dims), "name the second axis apart"
        )
    for name in variable.snapshot:
        if name not in variable.dims:
            raise ConfigError(
                f"{variable.path} snapshot", "names from dims", repr(name), near(name, variable.dims)
            )
    _check_units(variable.path, variable.units)


def _check_streams(plan: Plan) -> None:
    names = [stream.population for stream in plan.streams]
    for stream in plan.streams:
        where = f"population {stream.population!r}"
        if clean(stream.population).count("/") > 1:
            raise ConfigError(where, "a name without slashes", "one with", "rename it, with dots for example")
        if names.count(stream.population) > 1:
            raise ConfigError(where, "each population once", "two of this name", "rename one")
        if stream.neurons < 1:
            raise ConfigError(
                where, "at least one neuron", str(stream.neurons), "leave out empty populations"
            )
        for name, value in stream.attributes.items():
            if name == SORTING:
                raise ConfigError(where, "attributes of other names", repr(name), "leave it out: it is set")
            as_stored(value, f"{where}: attribute {name}")
    for name in (SPIKE, TIMESTAMPS, NODE_IDS) if names else ():
        if f"/{name}" in plan.lengths:
            raise ConfigError(f"dimension {name}", "a name that no population uses", repr(name), "rename it")


def _check_units(path: str, units: str) -> None:
    if units in _DURATIONS or " since " in units:
        raise ConfigError(
            f"{path} units", "an SI symbol", repr(units), "write 's': readers convert the longer names"
        )
