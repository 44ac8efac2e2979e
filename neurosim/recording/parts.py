"""Immutable parts: one HDF5 file for the units finished since the last one, whole or not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.foundation.errors import DataError, NeurosimError
from neurosim.recording.blocks import Pieces
from neurosim.recording.drafting import drafted
from neurosim.recording.durable import TEMPORARY
from neurosim.recording.safety import opened, undamaged
from neurosim.recording.schema import NODE_IDS, Plan, SpikeStream, clean
from neurosim.recording.streams import Piece, spike_bytes, store_pieces, stored_pieces

_CHUNK_BYTES = 1 << 20
_SPIKES = "spikes"  # group of a part that holds a group per population, numbered; the others are variables


@dataclass(frozen=True)
class Part:
    """A part on disk: units `first` to `stop - 1`."""

    path: Path
    first: int
    stop: int


@dataclass(frozen=True)
class Layout:
    """What parts of a run hold: shape and type of each variable by path, the populations by name."""

    variables: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
    streams: Mapping[str, SpikeStream]

    @classmethod
    def of(cls, plan: Plan) -> Layout:
        """The layout that a plan gives."""
        variables = {clean(v.path): (plan.shape(v.path, v.dims), np.dtype(v.dtype)) for v in plan.variables}
        return cls(variables, {stream.population: stream for stream in plan.streams})


@dataclass(frozen=True)
class Content:
    """What goes into one part: pieces of variables by path, and of spikes by population."""

    variables: Mapping[str, Pieces]
    spikes: Mapping[str, Sequence[Piece]]

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        blocks = sum(block.nbytes for pieces in self.variables.values() for block in pieces.blocks)
        return blocks + sum(spike_bytes(pieces) for pieces in self.spikes.values())


def part_path(folder: Path, number: int) -> Path:
    """Where the part with this running number lies."""
    return folder / f"{number:08d}.h5"


def write_part(path: Path, run_id: str, first: int, stop: int, content: Content) -> Part:
    """Write a part durably. Raises LimitError when the disk is full; then no file is left."""
    with drafted(path, path.with_name(path.name + TEMPORARY), content.nbytes) as draft:
        draft.file.attrs["run_id"], draft.file.attrs["units"] = run_id, (first, stop)
        for number, (name, pieces) in enumerate(sorted(content.variables.items())):
            group = draft.file.create_group(f"{number:06d}")
            group.attrs["path"] = name
            boxes = pieces.boxes.reshape(len(pieces.blocks), -1)
            group.create_dataset("boxes", data=boxes, **_checked(boxes))
            values = np.concatenate([block.reshape(-1) for block in pieces.blocks])
            group.create_dataset("values", data=values, **_checked(values))
            draft.check()
        for number, (name, spikes) in enumerate(sorted(content.spikes.items())):
            group = draft.file.create_group(f"{_SPIKES}/{number:06d}")
            group.attrs["population"] = name
            store_pieces(group, spikes)
            draft.check()
    return Part(path, first, stop)


def find_parts(folder: Path, run_id: str, layout: Layout) -> list[Part]:
    """The whole parts of a run, in order, up to the first that is missing, damaged or foreign."""
    found: list[Part] = []
    while True:
        path = part_path(folder, len(found))
        try:
            part = _verified(path, run_id, layout)
        except NeurosimError:
            return found
        if part.first != (found[-1].stop if found else 0):
            return found
        found.append(part)


def read_part(path: Path, layout: Layout) -> Iterator[tuple[str, Pieces]]:
    """The pieces of a part, variable by variable. Raises DataError when it does not hold what it should."""
    with opened(path) as file:
        for key, group in file.items():
            if key == _SPIKES:
                continue
            name = str(group.attrs.get("path", ""))
            with undamaged(path, name):
                boxes, values = group["boxes"][...], group["values"][...]
            if name not in layout.variables:
                raise DataError(str(path), "variables of this run", repr(name), "begin anew with --overwrite")
            yield name, _pieces(f"{path}: {name}", boxes, values, *layout.variables[name])


def read_spikes(path: Path, layout: Layout, check: bool = False) -> Iterator[tuple[str, Piece]]:
    """The spikes of a part, population by population, in pieces; `check` looks at every one of them.

    Raises DataError as `read_part`.
    """
    with opened(path) as file:
        for name, group in _populations(file):
            if name not in layout.streams:
                raise DataError(
                    str(path), "populations of this run", repr(name), "begin anew with --overwrite"
                )
            with undamaged(path, name):
                for piece in stored_pieces(group, layout.streams[name], f"{path}: {name}", check):
                    yield name, piece


def count_spikes(path: Path) -> dict[str, int]:
    """How many spikes of each population a part holds."""
    with opened(path) as file:
        return {name: len(group[NODE_IDS]) for name, group in _populations(file)}


def _populations(file: Any) -> Iterator[tuple[str, Any]]:
    for group in file[_SPIKES].values() if _SPIKES in file else ():
        yield str(group.attrs.get("population", "")), group


def _pieces(
    where: str, boxes: np.ndarray, values: np.ndarray, shape: tuple[int, ...], dtype: np.dtype
) -> Pieces:
    """The blocks of one variable; DataError unless they are what this variable can hold."""
    boxes = boxes.reshape(-1, len(shape), 2) if shape else np.zeros((values.size, 0, 2), np.int64)
    extents = boxes[:, :, 1] - boxes[:, :, 0]
    sizes = extents.prod(axis=1)
    inside = (boxes[:, :, 0] >= 0).all() and (boxes[:, :, 1] <= np.array(shape, int)).all()
    if values.dtype != dtype or not inside or (extents < 1).any() or sizes.sum() != values.size:
        raise DataError(where, "blocks of this run's variables", "others", "begin anew with --overwrite")
    cuts = np.split(values, np.cumsum(sizes)[:-1])
    return Pieces(boxes, [cut.reshape(extent) for cut, extent in zip(cuts, extents, strict=True)])


def _verified(path: Path, run_id: str, layout: Layout) -> Part:
    with opened(path) as file:
        units = np.asarray(file.attrs.get("units", ()))
        if file.attrs.get("run_id") != run_id or units.shape != (2,) or units[0] >= units[1]:
            raise DataError(str(path), "a part of this run", "another file", "begin anew with --overwrite")
    for _ in chain(read_part(path, layout), read_spikes(path, layout, check=True)):
        pass  # reading checks the checksum of every chunk
    return Part(path, int(units[0]), int(units[1]))


def _checked(array: np.ndarray) -> dict[str, Any]:
    """Storage options: a checksum per chunk, which needs at least one cell."""
    if array.size == 0:
        return {}
    rows = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    return {"chunks": (min(len(array), rows), *array.shape[1:]), "fletcher32": True}
