"""The exact transfer matrix of an array with wires, by joining blocks of cells pairwise.

A cell is a network with four ports: left and right on its row's wire, top and bottom on its column's. It owns the
segment of wire on its left and the one below it. Two blocks side by side share their inner ports; adding the
admittance matrices there and eliminating those nodes (a Schur complement) gives the admittance matrix of both
together. All eliminations are Cholesky factors of positive definite matrices, so nothing is lost but rounding.
Nested dissection with the ordering known beforehand: O(n^3) operations for n x n cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dgemm, dsyrk, dtrsm
from scipy.linalg.lapack import dpotrf

from neurosim.foundation.errors import SolveError
from neurosim.kernels.wires import join_blocks

# Cells on a side of the blocks that the compiled loop makes; larger ones are left to BLAS, which pays from there on.
LEAF, LARGE_LEAF, LARGE_ARRAY = 16, 32, 160
LEFT, RIGHT, TOP, BOTTOM = range(4)


@dataclass(frozen=True)
class Conductances:
    """Of the wires, in siemens: of a segment, and of the one that ends at a driver or a sense circuit."""

    row: float
    column: float
    driver: float  # first segment of a row and its driver in series
    sense: float  # last segment of a column and its sense circuit in series


@dataclass(frozen=True)
class Block:
    """Admittances between a block's ports: left, right, top, bottom; `sizes` says how many of each.

    y : float64 (ports, ports) in Fortran order, symmetric, the lower triangle kept
    """

    y: np.ndarray
    sizes: tuple[int, int, int, int]

    def side(self, side: int) -> slice:
        """The ports of one side."""
        start = sum(self.sizes[:side])
        return slice(start, start + self.sizes[side])

    def between(self, rows: int, columns: int) -> np.ndarray:
        """Admittances of one side's ports to another's, from the lower triangle."""
        if rows >= columns:
            return self.y[self.side(rows), self.side(columns)]
        return self.y[self.side(columns), self.side(rows)].T


def merged_transfer(g: np.ndarray, wires: Conductances) -> np.ndarray:
    """Current at each column's end per volt at each row's driver: float64 (rows, columns), siemens.

    g : float64 (rows, columns), siemens, not negative; any size
    wires : all positive

    Raises SolveError when the network cannot be eliminated in double precision; `transfer_matrix` asks before.
    """
    transfer = _merged(_leaves(g, wires, leaf_size(g.shape)))
    if not np.isfinite(transfer).all():
        raise _lost("NaN or infinity")
    return transfer


def _merged(grid: list[list[Block]]) -> np.ndarray:
    """Blocks joined until two are left, the shorter sides first, so that blocks stay nearly square."""
    while len(grid) > 1 or len(grid[0]) > 1:
        last = len(grid) * len(grid[0]) == 2
        wide = grid[-1][0].sizes[BOTTOM] > grid[-1][0].sizes[LEFT]
        if len(grid[0]) > 1 and (len(grid) == 1 or not wide):
            if last:
                return _last_across(grid[0][0], grid[0][1])
            grid = [_pairwise(row, _joined_across) for row in grid]
        else:
            if last:
                return _last_down(grid[0][0], grid[1][0])
            columns = [_pairwise(list(column), _joined_down) for column in zip(*grid, strict=True)]
            grid = [list(row) for row in zip(*columns, strict=True)]
    return np.ascontiguousarray(-grid[0][0].between(BOTTOM, LEFT).T)


def merging_bytes(rows: int, columns: int) -> int:
    """About how much memory `merged_transfer` takes at most.

    Square blocks hold 16 numbers per cell, whatever their size; two generations of them and what joins them are there.
    """
    leaf = leaf_size((rows, columns))
    cells = (-(-rows // leaf) * leaf) * (-(-columns // leaf) * leaf)
    return 8 * 16 * 4 * cells


def leaf_size(shape: tuple[int, ...]) -> int:
    """Cells on a side of the smallest blocks that BLAS gets."""
    return LARGE_LEAF if max(shape) > LARGE_ARRAY else LEAF


def _leaves(g: np.ndarray, wires: Conductances, leaf: int) -> list[list[Block]]:
    """The array as a grid of blocks of up to leaf x leaf cells, a strip of rows at a time."""
    rows, columns = g.shape
    grid = []
    # empty cells above the array and to its right, where the wires end anyway, change nothing
    for start in range(-(-rows % leaf), rows, leaf):
        top, bottom = max(0, start), start + leaf
        height = bottom - top
        strip = np.zeros((leaf, -(-columns // leaf) * leaf))
        strip[leaf - height :, :columns] = g[top:bottom]
        ends = wires.sense if bottom == rows else wires.column
        leaves = _strip_of_leaves(strip, wires, ends)
        row = []
        for k, y in enumerate(leaves):
            width = min(leaf, columns - k * leaf)
            row.append(_trimmed(y, height, width, right=k + 1 == len(leaves), top=top == 0))
        grid.append(row)
    return grid


def _strip_of_leaves(g: np.ndarray, wires: Conductances, ends: float) -> list[np.ndarray]:
    """Blocks of as many columns as g has rows: admittances in Fortran order, lower triangles."""
    rows, columns = g.shape
    leaf = rows
    left, below = np.full(g.shape, wires.row), np.full(g.shape, wires.column)
    left[:, 0], below[-1] = wires.driver, ends
    y = np.zeros((4, 4, g.size))
    cell, row, column = g.ravel(), left.ravel(), below.ravel()
    y[LEFT, LEFT], y[RIGHT, LEFT], y[RIGHT, RIGHT] = row, -row, row + cell
    y[TOP, TOP], y[TOP, RIGHT] = column + cell, -cell
    y[BOTTOM, TOP], y[BOTTOM, BOTTOM] = -column, column
    h = w = 1
    while h < leaf:
        number = np.arange(rows * columns).reshape(rows, columns)
        y = _joined_level(y, number[:, 0::2], number[:, 1::2], _across(h, w), h)
        w, columns = 2 * w, columns // 2
        number = np.arange(rows * columns).reshape(rows, columns)
        y = _joined_level(y, number[0::2], number[1::2], _down(h, w), w)
        h, rows = 2 * h, rows // 2
    return [block.T for block in np.ascontiguousarray(y.transpose(2, 1, 0))]


def _joined_level(y: np.ndarray, first: np.ndarray, second: np.ndarray, ports: tuple[np.ndarray, np.ndarray],
                  glued: int) -> np.ndarray:  # fmt: skip
    kept = len(ports[0]) - glued
    out = np.empty((kept, kept, first.size))
    join_blocks(y, first.ravel(), second.ravel(), *ports, glued, out)
    return out


def _across(h: int, w: int) -> tuple[np.ndarray, np.ndarray]:
    """Port of the left and of the right block behind each node of two blocks (h rows, w columns) side by side."""
    left, right, top, bottom, none_h, none_w = _sides(h, w)
    first = (right, left, none_h, top, none_w, bottom, none_w)
    second = (left, none_h, right, none_w, top, none_w, bottom)
    return np.concatenate(first), np.concatenate(second)


def _down(h: int, w: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_across`, of an upper and a lower block."""
    left, right, top, bottom, none_h, none_w = _sides(h, w)
    first = (bottom, left, none_h, right, none_h, top, none_w)
    second = (top, none_h, left, none_h, right, none_w, bottom)
    return np.concatenate(first), np.concatenate(second)


def _sides(h: int, w: int) -> tuple[np.ndarray, ...]:
    ports = np.arange(2 * h + 2 * w)
    left, right, top, bottom = np.split(ports, np.cumsum((h, h, w)))
    return left, right, top, bottom, np.full(h, -1), np.full(w, -1)


def _trimmed(y: np.ndarray, height: int, width: int, right: bool, top: bool) -> Block:
    """A leaf without the ports of its empty cells, and without those at which the array's wires just end."""
    leaf = len(y) // 4
    if height < leaf or width < leaf:
        sides = np.split(np.arange(4 * leaf), 4)
        rows, columns = slice(leaf - height, None), slice(0, width)
        kept = (sides[LEFT][rows], sides[RIGHT][rows], sides[TOP][columns], sides[BOTTOM][columns])
        ports = np.concatenate(kept)
        y = np.asfortranarray(y[np.ix_(ports, ports)])
    block = Block(y, (height, height, width, width))
    ending = [side for side, ends in ((RIGHT, right), (TOP, top)) if ends]
    return _without(block, ending) if ending else block


def _without(block: Block, ending: list[int]) -> Block:
    """The block with the open ports of some sides eliminated."""
    staying = [side for side in range(4) if side not in ending]
    open_ports = np.block([[block.between(a, b) for b in ending] for a in ending])
    coupling = np.block([[block.between(a, b) for b in ending] for a in staying])
    kept = np.block([[block.between(a, b) for b in staying] for a in staying])
    factor = _half(np.asfortranarray(open_ports), np.asfortranarray(coupling))
    y = dsyrk(-1.0, factor, beta=1.0, c=np.asfortranarray(kept), lower=1, overwrite_c=1)
    left, right, top, bottom = (0 if side in ending else block.sizes[side] for side in range(4))
    return Block(y, (left, right, top, bottom))


def _half(shared: np.ndarray, coupling: np.ndarray) -> np.ndarray:
    """W with W W^T = C S^-1 C^T, for the shared nodes S (lower triangle) and their coupling C."""
    lower, info = dpotrf(shared, lower=1, clean=0, overwrite_a=1)
    if info != 0:
        raise _lost(f"a pivot of zero at node {info} of {len(shared)}")
    return np.asarray(dtrsm(1.0, lower, coupling, side=1, lower=1, trans_a=1, overwrite_b=1))


def _lost(got: str) -> SolveError:
    return SolveError("wires of an array", "a network with a path to ground from every node", got,
                      "use resistances nearer to each other and to the cells'")  # fmt: skip


def _pairwise(blocks: list[Block], joined: Callable[[Block, Block], Block]) -> list[Block]:
    pairs = [joined(a, b) for a, b in zip(blocks[0::2], blocks[1::2], strict=False)]
    return pairs + blocks[len(blocks) - len(blocks) % 2 :]


def _joined_across(a: Block, b: Block) -> Block:
    """A left and a right block: the left one's right ports are the right one's left ports."""
    places = ((a, LEFT), (b, RIGHT), (a, TOP), (b, TOP), (a, BOTTOM), (b, BOTTOM))
    return _joined(a, b, RIGHT, LEFT, places)


def _joined_down(a: Block, b: Block) -> Block:
    """An upper and a lower block."""
    places = ((a, LEFT), (b, LEFT), (a, RIGHT), (b, RIGHT), (a, TOP), (b, BOTTOM))
    return _joined(a, b, BOTTOM, TOP, places)


def _joined(a: Block, b: Block, glue_a: int, glue_b: int, places: tuple[tuple[Block, int], ...]) -> Block:
    lengths = [block.sizes[side] for block, side in places]
    edges = np.cumsum([0, *lengths])
    y = np.zeros((edges[-1], edges[-1]), order="F")
    coupling = np.empty((edges[-1], a.sizes[glue_a]), order="F")
    for i, (block, side) in enumerate(places):
        rows = slice(edges[i], edges[i + 1])
        coupling[rows] = block.between(side, glue_a if block is a else glue_b)
        for j, (other, far) in enumerate(places[: i + 1]):
            if other is block:
                y[rows, edges[j] : edges[j + 1]] = block.between(side, far)
    factor = _half(_shared(a, b, glue_a, glue_b), coupling)
    y = dsyrk(-1.0, factor, beta=1.0, c=y, lower=1, overwrite_c=1)
    sizes = [sum(n for n, (_, at) in zip(lengths, places, strict=True) if at == side) for side in range(4)]
    return Block(y, (sizes[0], sizes[1], sizes[2], sizes[3]))


def _shared(a: Block, b: Block, glue_a: int, glue_b: int) -> np.ndarray:
    return np.asfortranarray(a.between(glue_a, glue_a) + b.between(glue_b, glue_b))


def _last_across(a: Block, b: Block) -> np.ndarray:
    """The transfer of the last two blocks, side by side: only what lies between rows and columns is made."""
    driven = _half(_shared(a, b, RIGHT, LEFT), np.asfortranarray(_stacked(a, b, RIGHT, LEFT)))
    rows = a.sizes[LEFT]
    transfer = dgemm(1.0, driven[:rows], driven[rows:], trans_b=1)
    transfer[:, : a.sizes[BOTTOM]] -= a.between(LEFT, BOTTOM)
    return np.ascontiguousarray(transfer)


def _last_down(a: Block, b: Block) -> np.ndarray:
    """As `_last_across`, of an upper and a lower block."""
    coupling = np.concatenate([a.between(LEFT, BOTTOM), b.between(LEFT, TOP), b.between(BOTTOM, TOP)])
    driven = _half(_shared(a, b, BOTTOM, TOP), np.asfortranarray(coupling))
    rows = a.sizes[LEFT] + b.sizes[LEFT]
    transfer = dgemm(1.0, driven[:rows], driven[rows:], trans_b=1)
    transfer[a.sizes[LEFT] :] -= b.between(LEFT, BOTTOM)
    return np.ascontiguousarray(transfer)


def _stacked(a: Block, b: Block, glue_a: int, glue_b: int) -> np.ndarray:
    return np.concatenate([a.between(LEFT, glue_a), a.between(BOTTOM, glue_a), b.between(BOTTOM, glue_b)])
