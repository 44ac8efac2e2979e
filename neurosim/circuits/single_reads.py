"""One read at a time of an array with wires: exact for its own input, without a matrix for all inputs.

This is what a transfer matrix cannot give: voltages inside the array, and arrays that the input changes. Where inputs
act on the gates of a 1T1R array, rows at zero are cut off, and every input meets a network of its own.
"""

from __future__ import annotations

import numpy as np

from neurosim.circuits.cell_arrays import checked_array
from neurosim.circuits.nodal import Bias, solve_array
from neurosim.circuits.parameters import WireParameters
from neurosim.foundation.errors import DataError, SolveError
from neurosim.kernels.wires import factor_lines, solve_read

TOLERANCE = 1e-12  # of the residual over its first value: currents then miss by less than 1e-11
ACCEPTED = 1e-9  # residual of the equations above which a solution is refused
LIMIT = 500  # iterations; 3 to 15 are usual


def column_currents(g_siemens: np.ndarray, volts: np.ndarray, wires: WireParameters,
                    selected: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """Currents at the sense circuits, every input solved on its own: float64 (inputs, columns), amperes.

    g_siemens : (rows, columns) of one physical array
    volts : (inputs, rows) at the drivers; with `wires.undriven` "cut" the cells of rows at exactly zero are cut off
    selected : bool (rows,), rows of a 1T1R array whose transistors conduct; None: all

    Raises DataError for arrays that do not fit together, SolveError, with the residual, where a solution is not exact.
    """
    g = checked_array(g_siemens, reading_bytes)
    inputs = _checked_inputs(g, volts)
    if selected is not None:
        g = np.where(_checked_selection(g, selected, wires)[:, None], g, 0.0)
    reads = _Reads(g, wires)
    currents = np.empty((len(inputs), g.shape[1]))
    for number, v in enumerate(inputs):
        if wires.undriven == "cut":
            reads.connect(v != 0)
        currents[number] = reads.solve(v)[2]
    return currents


def cell_voltages(g_siemens: np.ndarray, volts: np.ndarray, wires: WireParameters) -> np.ndarray:
    """Voltage across every cell for one vector (rows,) of voltages at the drivers, all rows connected.

    Returns float64 (rows, columns), volts. Raises as `column_currents`.
    """
    g = checked_array(g_siemens, reading_bytes)
    rows, columns, _ = _Reads(g, wires).solve(_checked_inputs(g, volts[None])[0])
    return np.asarray(rows - columns)


def reading_bytes(rows: int, columns: int) -> int:
    """About how much memory a single read takes."""
    return 8 * 12 * rows * columns


class _Reads:
    """Solves one array for one input after another; keeps its factors and its scratch arrays."""

    def __init__(self, g: np.ndarray, wires: WireParameters) -> None:
        self.all, self.g, self.wires = g, g, wires
        self.iterative = wires.row_ohms > 0 and wires.column_ohms > 0
        if self.iterative:
            row_end, column_end = wires.driver_ohms + wires.row_ohms, wires.sense_ohms + wires.column_ohms
            self.lines = (1 / wires.row_ohms, 1 / wires.column_ohms, 1 / row_end, 1 / column_end)
            self.factors, self.work = np.empty((4, *g.shape)), np.empty((5, *g.shape))
            factor_lines(g, *self.lines, self.factors)

    def connect(self, rows: np.ndarray) -> None:
        """Cut off the cells of all other rows."""
        self.g = np.where(rows[:, None], self.all, 0.0)
        if self.iterative:
            factor_lines(self.g, *self.lines, self.factors)

    def solve(self, volts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Potentials of the rows' nodes and of the columns' (rows, columns), currents at the sense circuits."""
        if not self.iterative:
            found = solve_array(self.g, self.wires, Bias(volts, np.zeros(self.g.shape[1])))
            return found.row_nodes, found.column_nodes, found.column_amperes
        rows, columns = np.empty(self.g.shape), np.empty(self.g.shape)
        done, residual = solve_read(
            self.g, self.factors, self.lines, volts, TOLERANCE, LIMIT, self.work, rows, columns
        )
        if not residual < ACCEPTED:  # NaN too
            raise SolveError("a read of an array with wires", f"a residual below {ACCEPTED:g}",
                             f"{residual:.3g} after {done} iterations",
                             "use nodal.solve_array, or check resistances and conductances")  # fmt: skip
        return rows, columns, columns[-1] * self.lines[3]


def _checked_selection(g: np.ndarray, selected: np.ndarray, wires: WireParameters) -> np.ndarray:
    if wires.cell == "passive":
        raise DataError("selected rows", "none, as passive cells have no transistors", "some",
                        'give cell = "1T1R", or leave them out')  # fmt: skip
    rows = np.asarray(selected)
    if rows.shape != (len(g),) or rows.dtype != bool:
        raise DataError(
            "selected rows", f"bool ({len(g)},)", f"{rows.dtype} {rows.shape}", "give one truth per row"
        )
    return rows


def _checked_inputs(g: np.ndarray, volts: np.ndarray) -> np.ndarray:
    inputs = np.ascontiguousarray(volts, np.float64)
    if inputs.ndim != 2 or inputs.shape[1] != len(g) or not np.isfinite(inputs).all():
        raise DataError("voltages at the drivers", f"finite values, (inputs, {len(g)})", f"shape {inputs.shape}"
                        if np.isfinite(inputs).all() else "NaN or infinity", "give one voltage per row")  # fmt: skip
    return inputs
