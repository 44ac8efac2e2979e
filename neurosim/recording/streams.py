"""Spikes: checked when they come, kept in parts, and in the sealed file in the form that SONATA gives them.

The form: https://github.com/AllenInstitute/sonata, "Spike file"; read by libsonata, bmtk and others. No population
is ever held whole: spikes go through in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.recording.drafting import Draft
from neurosim.recording.schema import NODE_IDS, SORTING, SPIKE, SPIKES, TIMESTAMPS, SpikeStream
from neurosim.recording.values import set_attribute

Piece = tuple[np.ndarray, np.ndarray]  # some spikes: time stamps (ms) and node ids, of one length

PIECE = 1 << 20  # spikes read or written at a time
_CHUNK = 1 << 16  # spikes
_BY_TIME = 2
# the values of SONATA's attribute, stored as an enumeration
_SORTINGS = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": _BY_TIME}, basetype="i4")
# how netCDF-4 marks a dimension that has no values of its own
BARE = "This is a netCDF dimension but not a netCDF variable. %10d"


def id_dtype(neurons: int) -> np.dtype[Any]:
    """The smallest type that holds a population's node ids; what parts keep them in."""
    return np.dtype(np.min_scalar_type(neurons - 1))


def checked_spikes(stream: SpikeStream, timestamps: object, node_ids: object, after_ms: float) -> Piece:
    """Copies of some spikes of a population, float64 and the type of its ids.

    Raises DataError unless they are two equally long vectors, the times finite, none before `after_ms` and none
    before the one before it, and the ids those of the population.
    """
    times, ids = np.array(timestamps, np.float64), np.asarray(node_ids)
    where = f"spikes of {stream.population}"
    if times.ndim != 1 or times.shape != ids.shape:
        got = f"shapes {times.shape} and {ids.shape}"
        raise DataError(
            where, "one time stamp and one node id per spike", got, "give two equally long vectors"
        )
    if ids.size and (ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= stream.neurons):
        got = f"{ids.dtype} from {ids.min()} to {ids.max()}"
        raise DataError(where, f"node ids from 0 to {stream.neurons - 1}", got, "count its neurons from 0")
    if not np.isfinite(times).all():
        raise DataError(
            where, "finite time stamps", "NaN or infinity", "give milliseconds since the first image"
        )
    if times.size and (times[0] < after_ms or (times[1:] < times[:-1]).any()):
        raise DataError(
            where, "spikes in the order of time", "one before its forerunner", "sort them by time"
        )
    return times, ids.astype(id_dtype(stream.neurons))


def spike_bytes(pieces: Iterable[Piece]) -> int:
    """Bytes that pieces take in memory."""
    return sum(times.nbytes + ids.nbytes for times, ids in pieces)


def store_pieces(group: h5py.Group, pieces: Sequence[Piece]) -> None:
    """Put pieces of one population, in order, into a part's group."""
    length = sum(len(ids) for _, ids in pieces)
    for column, (name, dtype) in enumerate(((TIMESTAMPS, "f8"), (NODE_IDS, pieces[0][1].dtype))):
        chunks = {"chunks": (min(length, _CHUNK),), "fletcher32": True}
        dataset = group.create_dataset(name, (length,), dtype, **chunks)
        start = 0
        for piece in pieces:
            dataset[start : start + len(piece[column])] = piece[column]
            start += len(piece[column])


def stored_pieces(group: h5py.Group, stream: SpikeStream, where: str, check: bool) -> Iterator[Piece]:
    """The pieces that `store_pieces` put. Raises DataError when they cannot be of this population; `check` looks at
    every spike for that, without it only at what a file that was whole once may have lost since."""
    times, ids = group.get(TIMESTAMPS), group.get(NODE_IDS)
    whole = isinstance(times, h5py.Dataset) and isinstance(ids, h5py.Dataset) and times.shape == ids.shape
    if not whole or times.ndim != 1 or (times.dtype, ids.dtype) != ("f8", id_dtype(stream.neurons)):
        raise DataError(where, "spikes of this run's populations", "others", "begin anew with --overwrite")
    last = -np.inf
    for start in range(0, len(times), PIECE):
        part = slice(start, start + PIECE)
        piece = times[part], ids[part]
        yield checked_spikes(stream, *piece, last) if check else piece
        last = piece[0][-1]


def make_population(file: h5py.File, stream: SpikeStream, length: int) -> h5py.Group:
    """An empty population for so many spikes. None at all is a length like any other."""
    group = file.create_group(f"{SPIKES}/{stream.population}")
    group.attrs.create(SORTING, _BY_TIME, dtype=_SORTINGS)
    for name, value in stream.attributes.items():
        set_attribute(group, name, value)
    # netCDF knows the length 0 only of dimensions that may grow
    growing: dict[str, Any] = {"maxshape": (None,)} if length == 0 else {}
    chunks: dict[str, Any] = {"chunks": (min(max(length, 1), _CHUNK),), **growing}
    scale = group.create_dataset(SPIKE, shape=(length,), dtype=">f4", **(chunks if growing else {}))
    scale.make_scale(BARE % length)
    for name, dtype in ((TIMESTAMPS, "f8"), (NODE_IDS, "u8")):
        dataset = group.create_dataset(name, shape=(length,), dtype=dtype, fletcher32=True, **chunks)
        dataset.dims[0].attach_scale(scale)
    set_attribute(group[TIMESTAMPS], "units", "ms")
    set_attribute(group[NODE_IDS], SORTING, "by_time")
    return group


def fill_populations(
    draft: Draft,
    streams: Sequence[SpikeStream],
    lengths: Mapping[str, int],
    pieces: Iterable[tuple[str, Piece]],
) -> None:
    """Make all populations in a file and fill them with pieces, each population's in order.

    Raises DataError when their times do not follow each other.
    """
    groups = {s.population: make_population(draft.file, s, lengths[s.population]) for s in streams}
    at, last = dict.fromkeys(groups, 0), dict.fromkeys(groups, -np.inf)
    for name, (times, ids) in pieces:
        if not len(times):
            continue
        if times[0] < last[name]:
            got = f"{times[0]} ms after {last[name]} ms"
            raise DataError(
                f"spikes of {name}", "units in the order of time", got, "begin anew with --overwrite"
            )
        part = slice(at[name], at[name] + len(times))
        groups[name][TIMESTAMPS][part] = times
        groups[name][NODE_IDS][part] = ids.astype(np.uint64)
        at[name], last[name] = part.stop, times[-1]
        draft.check()
