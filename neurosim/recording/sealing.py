"""From parts to the one run file: dimension scales, units, text; the parts' boundaries leave no trace."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.recording.blocks import Pieces
from neurosim.recording.drafting import Draft, drafted
from neurosim.recording.parts import Content, Layout, Part, count_spikes, read_part, read_spikes
from neurosim.recording.schema import FORMAT, PROVENANCE, Plan, Variable, clean
from neurosim.recording.streams import BARE, Piece, fill_populations
from neurosim.recording.values import as_stored, set_attribute, stored_dtype

_CHUNK_BYTES = 1 << 20
_SPIKE_BYTES = 16  # of one spike in the sealed file
_MAX_CHUNK_BYTES = 1 << 30  # HDF5 takes chunks below 4 GiB


def seal_file(
    path: Path, temporary: Path, plan: Plan, parts: Sequence[Part], provenance: Mapping[str, Any], pending: Content,
) -> None:  # fmt: skip
    """Make the run file from its parts and what is pending in memory, under a temporary name first; the parts stay.

    Raises LimitError when the disk is full (nothing is left at `path` then), DataError when a part is damaged,
    the parts do not hold every cell exactly once or spikes are out of order.
    """
    layout = Layout.of(plan)
    counts = [count_spikes(part.path) for part in parts] if plan.streams else []
    counts.append({name: sum(len(ids) for _, ids in pieces) for name, pieces in pending.spikes.items()})
    lengths = {name: sum(count.get(name, 0) for count in counts) for name in layout.streams}
    with drafted(path, temporary, plan.nbytes() + _SPIKE_BYTES * sum(lengths.values())) as draft:
        write_frame(draft.file, plan, provenance)
        recorded = chain.from_iterable(read_part(part.path, layout) for part in parts)
        _fill(draft, layout, plan, chain(recorded, pending.variables.items()))
        fill_populations(draft, plan.streams, lengths, _spikes(layout, parts, pending))


def _spikes(layout: Layout, parts: Sequence[Part], pending: Content) -> Iterator[tuple[str, Piece]]:
    """All spikes, part after part, and what is pending last."""
    for part in parts if layout.streams else ():
        yield from read_spikes(part.path, layout)
    for name, pieces in pending.spikes.items():
        yield from ((name, piece) for piece in pieces)


def write_frame(file: h5py.File, plan: Plan, provenance: Mapping[str, Any]) -> None:
    """Everything but the variables' values: attributes, dimensions, fixed data, empty datasets."""
    set_attribute(file, "format", FORMAT)
    for name, value in plan.attributes.items():
        set_attribute(file, name, value)
    _scales(file, plan)
    for path, fixed in plan.static.items():
        array = as_stored(fixed.data, path)
        dataset = file.create_dataset(
            clean(path), data=array, dtype=stored_dtype(array), **_storage(array, ())
        )
        _describe(dataset, "" if array.dtype == object else fixed.units, fixed.description)
        _attach(file, dataset, plan.dimensions(path, fixed.dims))
    for variable in plan.variables:
        dataset = _empty(file, plan, variable)
        _describe(dataset, variable.units, variable.description)
        _attach(file, dataset, plan.dimensions(variable.path, variable.dims))
    group = file.create_group(PROVENANCE)
    for name, value in provenance.items():
        set_attribute(group, name, value)


def _scales(file: h5py.File, plan: Plan) -> None:
    coordinates = {clean(name): coordinate for name, coordinate in plan.coordinates.items()}
    for path, length in plan.lengths.items():
        name = path.rsplit("/", 1)[1]
        if path not in coordinates:
            file.create_dataset(path, shape=(length,), dtype=">f4").make_scale(BARE % length)
            continue
        array = as_stored(coordinates[path].values, path)
        dataset = file.create_dataset(path, data=array, dtype=stored_dtype(array), **_storage(array, ()))
        dataset.make_scale(name)
        _describe(
            dataset, "" if array.dtype == object else coordinates[path].units, coordinates[path].description
        )


def _empty(file: h5py.File, plan: Plan, variable: Variable) -> h5py.Dataset:
    shape, dtype = plan.shape(variable.path, variable.dims), np.dtype(variable.dtype)
    if not shape:
        return file.create_dataset(clean(variable.path), shape=shape, dtype=dtype)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if variable.fill is not None:
        # cells never put take their place too: a reader distrusts a file smaller than what it claims to hold
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    single = tuple(name in variable.snapshot for name in variable.dims)
    return file.create_dataset(
        clean(variable.path), shape=shape, dtype=dtype, chunks=chunk_shape(shape, dtype.itemsize, single),
        fletcher32=True, fillvalue=variable.fill, dcpl=properties,
    )  # fmt: skip


def chunk_shape(shape: tuple[int, ...], itemsize: int, single: tuple[bool, ...] = ()) -> tuple[int, ...]:
    """Shape of a chunk: one snapshot (one index along each `single` axis, the others whole), or without such
    axes about a megabyte of neighbouring cells.
    """
    limit = _MAX_CHUNK_BYTES if any(single) else _CHUNK_BYTES
    chunk, left = [], limit // itemsize
    for axis in reversed(range(len(shape))):
        length = 1 if any(single) and single[axis] else max(1, min(shape[axis], left))
        left //= length
        chunk.append(length)
    return tuple(reversed(chunk))


def _storage(array: np.ndarray, single: tuple[bool, ...]) -> dict[str, Any]:
    if not array.size or not array.shape or array.dtype == object:
        return {}
    return {"chunks": chunk_shape(array.shape, array.itemsize, single), "fletcher32": True}


def _describe(holder: Any, units: str, description: str) -> None:
    if units:
        set_attribute(holder, "units", units)
    if description:
        set_attribute(holder, "long_name", description)


def _attach(file: h5py.File, dataset: h5py.Dataset, dimensions: tuple[str, ...]) -> None:
    for axis, dimension in enumerate(dimensions):
        dataset.dims[axis].attach_scale(file[dimension])


def _fill(draft: Draft, layout: Layout, plan: Plan, content: Iterable[tuple[str, Pieces]]) -> None:
    put = dict.fromkeys(layout.variables, 0)
    for path, pieces in content:
        _place(draft.file[path], pieces)
        draft.check()
        put[path] += pieces.cells
    for variable in plan.variables:
        path = clean(variable.path)
        whole = math.prod(layout.variables[path][0])
        if put[path] > whole or (variable.fill is None and put[path] < whole):
            remedy = "every cell must be put exactly once"
            raise DataError(path, f"{whole} cells put", str(put[path]), remedy)


def _place(dataset: h5py.Dataset, pieces: Pieces) -> None:
    for box, block in zip(pieces.boxes.tolist(), pieces.blocks, strict=True):
        dataset[tuple(slice(start, stop) for start, stop in box)] = block
