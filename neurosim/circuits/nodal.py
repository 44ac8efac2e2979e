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
    g = checked_array(g_siemens, nodal_bytes(*np.shape(g_siemens)))
    law = law or Ohmic()
    network = _Network(g, wires, _checked_bias(g, bias), law)
    x, residual, steps = network.solve()
    row_nodes, column_nodes = x[network.rows], x[network.columns]
    amperes = law.current(g, row_nodes - column_nodes)[0]
    return Solution(row_nodes, column_nodes, amperes.sum(axis=1), amperes.sum(axis=0), residual, steps)


def nodal_bytes(rows: int, columns: int) -> int:
    """About how much memory a sparse factorisation takes: 10 log2(n) entries for each of n nodes."""
    nodes = 2 * rows * columns
    return 16 * nodes * (20 + 10 * nodes.bit_length())


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
        self.lines = _laplacian(branches, nodes)
        self._refuse_floating(nodes)

    def solve(self) -> tuple[np.ndarray, float, int]:
        """Potentials of all nodes, the residual and the number of Newton's steps."""
        x = self._improved(self.start, self.law.current(self.g, np.zeros_like(self.g))[1])
        steps, residual = 1, self._residual(x)
        while not self.law.linear and not residual <= RESIDUAL and steps < NEWTON_STEPS:
            x, after = self._newton(x)
            steps += 1
            if not after < residual:
                break
            residual = after
        if not residual <= RESIDUAL:  # NaN too
            raise SolveError("nodal analysis of an array", f"a residual below {RESIDUAL:g}",
                             f"{residual:.3g} after {steps} steps",
                             f"use smaller voltages, or {ORDERS}")  # fmt: skip
        return x, residual, steps

    def _newton(self, x: np.ndarray) -> tuple[np.ndarray, float]:
        """One step, halved until the largest sum of currents falls."""
        slope = self.law.current(self.g, x[self.rows] - x[self.columns])[1]
        before, step = np.abs(self._sums(x)).max(), self._improved(x, slope) - x
        for _ in range(HALVINGS):
            if np.abs(self._sums(x + step)).max() < before:
                break
            step = step / 2
        return x + step, self._residual(x + step)

    def _improved(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """x less what the cells' slopes predict of the currents that are left over; twice, for linear cells' sake."""
        from scipy.sparse.linalg import splu

        free = np.flatnonzero(~self.known)
        x = x.copy()
        if not free.size:
            return x
        matrix = (self.lines + _laplacian([(self.rows, self.columns, slope)], len(x)))[free][:, free].tocsc()
        try:
            factor = splu(
                matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError as problem:
            raise SolveError("nodal analysis of an array", "a network that can be solved", str(problem),
                             ORDERS) from None  # fmt: skip
        for _ in range(2 if self.law.linear else 1):
            x[free] -= factor.solve(self._sums(x))
        return x

    def _sums(self, x: np.ndarray) -> np.ndarray:
        """Current that leaves each free node, amperes."""
        total = self.lines @ x
        cells = self.law.current(self.g, x[self.rows] - x[self.columns])[0]
        total += np.bincount(self.rows.ravel(), cells.ravel(), len(x))
        total -= np.bincount(self.columns.ravel(), cells.ravel(), len(x))
        return np.asarray(total[~self.known])

    def _residual(self, x: np.ndarray) -> float:
        sums = self._sums(x)
        if not sums.size:
            return 0.0
        cells = np.abs(self.law.current(self.g, x[self.rows] - x[self.columns])[0])
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
