"""Nodal analysis of an array under any bias: lines held at voltages or floating, cells linear or not.

Kirchhoff's current law at every node, solved by a sparse LU factorisation, with Newton's method around it where
cells are not ohmic. Slower than a transfer matrix, and without its assumptions: the reference for it, and what
sneak paths need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurosim.circuits.cell_arrays import checked_array
from neurosim.circuits.parameters import WireParameters
from neurosim.foundation.errors import DataError, SolveError

RESIDUAL = 1e-10  # of the largest node's current sum, over the currents that meet there
NEWTON_STEPS, HALVINGS = 60, 40
ORDERS = "resistances and conductances within twelve orders of magnitude"


class CellLaw(Protocol):
    """What current a cell of a given conductance passes: odd, and rising with the voltage."""

    @property
    def linear(self) -> bool:
        """Whether current is conductance times voltage."""
        ...

    def current(self, g: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amperes, and siemens (dI/dV, positive), of cells of conductance g at small voltages, at v volts."""
        ...


@dataclass(frozen=True)
class Ohmic:
    """I = g V."""

    linear: bool = True

    def current(self, g: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amperes and siemens."""
        return g * v, g


@dataclass(frozen=True)
class Bias:
    """Volts behind every row's driver and every column's sense circuit; NaN: that line floats."""

    row_volts: np.ndarray
    column_volts: np.ndarray


@dataclass(frozen=True)
class Solution:
    """A solved array.

    row_nodes, column_nodes : volts at both sides of every cell (rows, columns)
    row_amperes : into the array at every row's driver; column_amperes : out of it at every column's sense circuit
    residual : largest sum of currents at a node, over the currents that meet there
    steps : of Newton's method; 1 for linear cells
    """

    row_nodes: np.ndarray
    column_nodes: np.ndarray
    row_amperes: np.ndarray
    column_amperes: np.ndarray
    residual: float
    steps: int

    @property
    def cell_volts(self) -> np.ndarray:
        """Across every cell, from its row to its column."""
        return np.asarray(self.row_nodes - self.column_nodes)

    def watts(self, bias: Bias) -> float:
        """What the sources of all held lines deliver together."""
        rows, columns = np.nan_to_num(bias.row_volts), np.nan_to_num(bias.column_volts)
        return float(rows @ self.row_amperes - columns @ self.column_amperes)


def solve_array(
    g_siemens: np.ndarray, wires: WireParameters, bias: Bias, law: CellLaw | None = None
) -> Solution:
    """All voltages and currents of one array.

    g_siemens : (rows, columns); of cells that are not ohmic, the conductance at small voltages
    law : of the cells; None: ohmic

    Solved until the currents that meet at a node sum to less than 1e-10 of the largest there are, else refused.

    Raises DataError for arrays that do not fit together, LimitError where memory is short, SolveError for a network
    with a floating node (which is named), a singular one, or one for which Newton's method does not converge (with
    the residual that it reached).
    """
    g = checked_array(g_siemens, nodal_bytes)
    law = law or Ohmic()
    network = _Network(g, wires, _checked_bias(g, bias), law)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by its residual
        x, residual, steps = network.solve()
    row_nodes, column_nodes = (x.line[at] + x.rest[at] for at in (network.rows, network.columns))
    amperes = law.current(g, network.across(x))[0]
    return Solution(row_nodes, column_nodes, amperes.sum(axis=1), amperes.sum(axis=0), residual, steps)


def nodal_bytes(rows: int, columns: int) -> int:
    """About how much memory a sparse factorisation takes: 10 log2(n) entries for each of n nodes."""
    nodes = 2 * rows * columns
    return 16 * nodes * (20 + 10 * nodes.bit_length())


@dataclass(frozen=True)
class _Potentials:
    """Of every node: that of its whole line, and what it differs by.

    Kept apart, because the drops along a wire, which drive its currents, may be smaller than the rounding of their sum.
    """

    line: np.ndarray
    rest: np.ndarray


class _Network:
    """Nodes and branches. Wires of no resistance join their nodes; held ends are nodes of known potential."""

    def __init__(self, g: np.ndarray, wires: WireParameters, bias: Bias, law: CellLaw) -> None:
        self.g, self.law = g, law
        n_rows, n_columns = g.shape
        row_end, column_end = wires.driver_ohms + wires.row_ohms, wires.sense_ohms + wires.column_ohms
        self.rows = _line_nodes(g.shape, wires.row_ohms > 0, 0)
        self.columns = _line_nodes(g.shape[::-1], wires.column_ohms > 0, g.size).T
        ends = [2 * g.size + np.arange(n_rows), 2 * g.size + n_rows + np.arange(n_columns)]
        nodes = 2 * g.size + n_rows + n_columns
        branches: list[tuple[np.ndarray, np.ndarray, float]] = []
        lines = ((self.rows, wires.row_ohms, row_end, bias.row_volts),
                 (self.columns[::-1].T, wires.column_ohms, column_end, bias.column_volts))  # fmt: skip
        self.known, self.start = np.ones(nodes, bool), np.zeros(nodes)
        self.floating = []
        for at, (wire, ohms, end_ohms, volts) in enumerate(lines):
            self.known[wire] = False
            held = ~np.isnan(volts)
            if end_ohms == 0:
                ends[at] = wire[:, 0]
            elif held.any():
                branches.append((ends[at][held], wire[held, 0], 1 / end_ohms))
            if ohms > 0:
                branches.append((wire[:, :-1].ravel(), wire[:, 1:].ravel(), 1 / ohms))
            self.known[ends[at][held]], self.start[ends[at][held]] = True, volts[held]
            self.start[wire] = np.nan_to_num(volts)[:, None]
            self.floating.append(wire[~held])
        self.lines = _laplacian(branches, nodes)
        self._refuse_floating(nodes)

    def solve(self) -> tuple[_Potentials, float, int]:
        """Potentials of all nodes, the residual and the number of Newton's steps."""
        x = _Potentials(self.start, np.zeros_like(self.start))
        steps = 0
        if self.law.linear:
            x, steps = self._improved(x, self._slope(self.across(x))), 1
        while not (residual := self._residual(x)) <= RESIDUAL:  # NaN too
            stuck = self.law.linear or steps == NEWTON_STEPS or not np.isfinite(residual)
            stepped = None if stuck else self._newton(x)
            if stepped is None:
                raise SolveError("nodal analysis of an array", f"a residual below {RESIDUAL:g}",
                                 f"{residual:.3g} after {steps} steps",
                                 f"use smaller voltages, or {ORDERS}")  # fmt: skip
            x, steps = stepped, steps + 1
        return x, residual, steps

    def _newton(self, x: _Potentials) -> _Potentials | None:
        """One step, halved until the sum of squares of the nodes' currents falls; None where it does not."""
        before, goal = self._sums(x), self._improved(x, self._slope(self.across(x)))
        step = goal.rest - x.rest
        for _ in range(HALVINGS):
            nearer = _Potentials(x.line, x.rest + step)
            if np.linalg.norm(self._sums(nearer)) < np.linalg.norm(before):
                return self._centred(nearer)
            step = step / 2
        return None

    def _improved(self, x: _Potentials, slope: np.ndarray) -> _Potentials:
        """x less what the cells' slopes predict of the currents that are left over; thrice, for linear cells' sake."""
        from scipy.sparse.linalg import splu

        free = np.flatnonzero(~self.known)
        if not free.size:
            return x
        matrix = (self.lines + _laplacian([(self.rows, self.columns, slope)], len(x.rest)))[free][
            :, free
        ].tocsc()
        try:
            factor = splu(
                matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError as problem:
            raise SolveError("nodal analysis of an array", "a network that can be solved", str(problem),
                             f"use {ORDERS}") from None  # fmt: skip
        for _ in range(3 if self.law.linear else 1):
            rest = x.rest.copy()
            rest[free] -= factor.solve(self._sums(x))
            x = _Potentials(x.line, rest)
            x = self._centred(x) if self.law.linear else x
        return x

    def _centred(self, x: _Potentials) -> _Potentials:
        """The same potentials, with those of floating lines counted from their first node."""
        shift = np.zeros_like(x.rest)
        for wires in self.floating:
            shift[wires] = x.rest[wires[:, :1]]
        return _Potentials(x.line + shift, x.rest - shift)

    def across(self, x: _Potentials) -> np.ndarray:
        return np.asarray(
            (x.line[self.rows] - x.line[self.columns]) + (x.rest[self.rows] - x.rest[self.columns])
        )

    def _slope(self, volts: np.ndarray) -> np.ndarray:
        return self.law.current(self.g, volts)[1]

    def _sums(self, x: _Potentials) -> np.ndarray:
        """Current that leaves each free node, amperes."""
        total = self.lines @ x.rest  # no current flows along a wire of one potential
        cells = self.law.current(self.g, self.across(x))[0]
        total += np.bincount(self.rows.ravel(), cells.ravel(), len(total))
        total -= np.bincount(self.columns.ravel(), cells.ravel(), len(total))
        return np.asarray(total[~self.known])

    def _residual(self, x: _Potentials) -> float:
        sums = self._sums(x)
        if not sums.size:
            return 0.0
        cells = np.abs(self.law.current(self.g, self.across(x))[0])
        largest = max(cells.sum(axis=0).max(), cells.sum(axis=1).max())
        left = float(np.abs(sums).max())
        return left / largest if largest > 0 else left

    def _refuse_floating(self, nodes: int) -> None:
        """SolveError naming a line from which no path of conductances leads to a held one."""
        from scipy.sparse.csgraph import connected_components

        slope = self.law.current(self.g, np.zeros_like(self.g))[1]
        joined = self.lines + _laplacian([(self.rows, self.columns, slope)], nodes)
        joined.eliminate_zeros()
        label = connected_components(joined, directed=False)[1]
        floating = ~np.isin(label, label[self.known]) & ~self.known
        names = [f"{kind} {k}" for kind, wire in (("row", self.rows), ("column", self.columns.T))
                 for k in np.flatnonzero(floating[wire].any(axis=1))]  # fmt: skip
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise SolveError("nodal analysis of an array", "a path to a held line from every node",
                             f"a singular network: {names[0]}{more} floats, with no conducting cell to a held line",
                             "hold that line at a voltage, or give its cells a conductance")  # fmt: skip


def _line_nodes(shape: tuple[int, ...], resistive: bool, first: int) -> np.ndarray:
    """Numbers of the nodes on each wire: one per cell, or one per wire where it has no resistance."""
    wires, cells = shape
    if resistive:
        return first + np.arange(wires * cells).reshape(wires, cells)
    return np.repeat(first + np.arange(wires)[:, None], cells, axis=1)


def _laplacian(branches: list[tuple[np.ndarray, np.ndarray, Any]], nodes: int) -> Any:
    """Sparse matrix (nodes, nodes) of branches (from, to, siemens): potentials to the currents that leave nodes."""
    import scipy.sparse as sparse

    p = np.concatenate([a.ravel() for a, _, _ in branches] or [np.zeros(0, int)])
    q = np.concatenate([b.ravel() for _, b, _ in branches] or [np.zeros(0, int)])
    g = np.concatenate([np.broadcast_to(s, a.shape).ravel() for a, _, s in branches] or [np.zeros(0)])
    values = np.concatenate([g, g, -g, -g])
    places = (np.concatenate([p, q, p, q]), np.concatenate([p, q, q, p]))
    return sparse.csr_matrix((values, places), shape=(nodes, nodes))


def _checked_bias(g: np.ndarray, bias: Bias) -> Bias:
    rows, columns = (np.asarray(volts, np.float64) for volts in (bias.row_volts, bias.column_volts))
    if (
        rows.shape != g.shape[:1]
        or columns.shape != g.shape[1:]
        or np.isinf(rows).any()
        or np.isinf(columns).any()
    ):
        raise DataError("bias of an array", f"volts (NaN floats) of {g.shape[0]} rows and {g.shape[1]} columns",
                        f"shapes {rows.shape} and {columns.shape}", "give one voltage, or NaN, per line")  # fmt: skip
    return Bias(rows, columns)
