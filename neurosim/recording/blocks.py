"""Blocks of arrays: an index as a box, and neighbouring boxes merged, so that files hold few large pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.foundation.errors import DataError

Index = Sequence[int | slice]
_LARGE_BYTES = 256 << 10  # mean size of a block from which a write costs more than the call that asks for it
Box = tuple[tuple[int, int], ...]  # start and stop per axis


@dataclass(frozen=True)
class Pieces:
    """Boxes of one variable and their contents.

    boxes : int64 (pieces, axes, 2), start and stop
    blocks : one array per box, of the box's shape
    """

    boxes: np.ndarray
    blocks: list[np.ndarray]

    @property
    def cells(self) -> int:
        """Cells covered, counted with repetition."""
        return sum(block.size for block in self.blocks)


def box_of(path: str, index: Index, shape: tuple[int, ...]) -> tuple[Box, tuple[int, ...]]:
    """The box that an index means, and the shape of an array for it (axes indexed by a number are dropped).

    Axes after the last one indexed are taken whole. Raises DataError for steps and for what lies outside.
    """
    if len(index) > len(shape):
        raise DataError(
            path, f"at most {len(shape)} indices", str(len(index)), "give one index per axis of the variable"
        )
    box: list[tuple[int, int]] = []
    kept: list[int] = []
    for item, length in zip(index, shape, strict=False):
        if isinstance(item, slice):
            start = 0 if item.start is None else int(item.start)
            stop = length if item.stop is None else int(item.stop)
            if item.step not in (None, 1) or not 0 <= start < stop <= length:
                raise DataError(
                    path,
                    f"a slice with step 1 inside 0:{length}",
                    _show(item),
                    "give start and stop within the axis",
                )
            kept.append(stop - start)
        else:
            start, stop = int(item), int(item) + 1
            if not 0 <= start < length:
                raise DataError(path, f"an index from 0 to {length - 1}", str(item), "count from 0")
        box.append((start, stop))
    rest = shape[len(index) :]
    return (*box, *((0, length) for length in rest)), (*kept, *rest)


def block_for(path: str, array: object, dtype: np.dtype, shape: tuple[int, ...], box: Box) -> np.ndarray:
    """A copy of an array in the variable's type and the box's shape.

    Raises DataError for another shape, and for values that the type cannot hold.
    """
    given = np.asarray(array)
    if given.shape != shape:
        raise DataError(
            path,
            f"an array of shape {shape}",
            str(given.shape),
            "cut or reshape the values to what the index selects",
        )
    kinds = given.dtype.kind + dtype.kind
    whole = "biu"
    if given.dtype != dtype and not (np.can_cast(given.dtype, dtype) or kinds == "ff"):
        if kinds[0] not in whole or kinds[1] not in whole:
            raise DataError(path, f"numbers of type {dtype}", str(given.dtype), "convert them first")
        if given.size and not np.array_equal(given.astype(dtype), given):
            raise DataError(
                path,
                f"integers that fit {dtype}",
                f"values from {given.min()} to {given.max()}",
                "declare a wider type in the plan",
            )
    return np.array(given, dtype=dtype, order="C").reshape([stop - start for start, stop in box])


def merge(pieces: Pieces) -> Pieces:
    """Join boxes that touch, one axis after another, until they are large: each step costs a copy.

    Which cells are covered, and by what, does not change.
    """
    boxes, blocks = pieces.boxes, pieces.blocks
    for axis in reversed(range(boxes.shape[1])):
        if sum(block.nbytes for block in blocks) >= _LARGE_BYTES * len(blocks):
            break
        others = np.delete(boxes, axis, axis=1).reshape(len(blocks), -1)
        order = np.lexsort(np.column_stack([others, boxes[:, axis, 0]]).T[::-1])
        boxes, others = boxes[order], others[order]
        touches = (others[1:] == others[:-1]).all(axis=1) & (boxes[1:, axis, 0] == boxes[:-1, axis, 1])
        edges = np.flatnonzero(np.concatenate([[True], ~touches, [True]]))
        runs = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        blocks = [_joined([blocks[i] for i in order[first:end]], axis) for first, end in runs]
        ends = boxes[edges[1:] - 1, axis, 1]
        boxes = boxes[edges[:-1]]
        boxes[:, axis, 1] = ends
    return Pieces(boxes, blocks)


def _joined(blocks: list[np.ndarray], axis: int) -> np.ndarray:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=axis)


def _show(item: slice) -> str:
    ends = ["" if end is None else str(end) for end in (item.start, item.stop)]
    return ":".join(ends if item.step is None else [*ends, str(item.step)])
