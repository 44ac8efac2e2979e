"""Resistances of wires, drivers and sense circuits around the cells of a tile (IR drop).

The circuit, with one node of each wire at every cell (row i, physical column j):

    driver i - driver_ohms - row_ohms - (i,0) - row_ohms - (i,1) - ... - (i,N-1), open
    open, (0,j) - column_ohms - (1,j) - ... - (M-1,j) - column_ohms - sense_ohms - sense j, held at zero volts

so that a row has as many segments as cells, and so has a column. As long as cells are linear, the currents are a
matrix times the drivers' voltages: `transfer_matrix`, exact. The network is reciprocal: driven at its columns and
sensed at its rows it is the same matrix, transposed.
"""

from __future__ import annotations

import math

import numpy as np

from neurosim.circuits.cell_arrays import checked_array, lay_back, physical_arrays, side_by_side
from neurosim.circuits.ladders import column_ladders, turned
from neurosim.circuits.merging import Conductances, merged_transfer, merging_bytes
from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.single_reads import cell_voltages, reading_bytes
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import ConfigError, SolveError

ORDERS = 1e12  # between conductances that are solved together
# Share of the inputs' power that lies in their mean, (mean of x)^2 / mean of x^2, where no other is given: that of
# normal values with the negative half set to zero.
POWER_IN_MEAN = 1 / math.pi


def effective(g_siemens: np.ndarray, variance: np.ndarray, wires: WireParameters, row_splits: tuple[int, ...],
              column_splits: tuple[int, ...] | None, power_in_mean: float = POWER_IN_MEAN,
              ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Effective conductances of every cell: what a volt at its row's driver gives at its column's sense circuit.

    g_siemens, variance : float32 (polarities, devices, rows, columns), and so is what comes back; the devices of a
        weight stand in physical columns of their own, side by side
    row_splits, column_splits : lengths of the tiles, each solved on its own; None: one column tile
    power_in_mean : share of the inputs' power that is in their mean, for the per-read noise

    The conductances are exact for ohmic cells whose rows stay connected (`wires.undriven` "held"). The variances are
    first order in the noise (`noise_transfer`), so that a read's variance at a sense circuit is the sum of x^2 times
    them.

    Raises ConfigError for rows that inputs cut off, DataError for conductances that are negative or not finite,
    LimitError for an array that does not fit into memory, SolveError when the network cannot be solved.
    """
    if wires.undriven == "cut":
        raise ConfigError("wires.undriven", "'held' where whole matrices are read", "'cut'",
                          "solve single reads with neurosim.circuits.single_reads.column_currents")  # fmt: skip
    g, spread = np.empty_like(g_siemens), np.empty_like(variance)
    noisy = bool(variance.any())
    for part in physical_arrays(g_siemens.shape, wires, row_splits, column_splits):
        cells = side_by_side(g_siemens[part])
        lay_back(transfer_matrix(cells, wires), g[part])
        if noisy:
            share = noise_transfer(cells, wires, power_in_mean)
            lay_back(side_by_side(variance[part]) * share, spread[part])
    return g, spread if noisy else np.zeros_like(variance)


def transfer_matrix(g_siemens: np.ndarray, wires: WireParameters) -> np.ndarray:
    """Current at every sense circuit per volt at every driver, the others at zero volts: float64 (rows, columns).

    g_siemens : (rows, columns) of one physical array, of any size; every wire may have no resistance at all

    Exact up to rounding (about 1e-12 relative at 256 x 256). Raises as `effective`.
    """
    g = checked_array(g_siemens, merging_bytes)
    _refuse_orders(g, wires)
    if wires.row_ohms > 0 and wires.column_ohms > 0:
        driver, sense = wires.driver_ohms + wires.row_ohms, wires.sense_ohms + wires.column_ohms
        lines = Conductances(1 / wires.row_ohms, 1 / wires.column_ohms, 1 / driver, 1 / sense)
        with one_blas_thread():
            transfer = merged_transfer(g, lines)
    elif wires.row_ohms == 0:
        transfer = _transfer_of_ideal_rows(g, wires.driver_ohms, wires.column_ohms, wires.sense_ohms)
    else:
        rows = _transfer_of_ideal_rows(turned(g), wires.sense_ohms, wires.row_ohms, wires.driver_ohms)
        transfer = turned(rows)
    return transfer


def noise_transfer(g_siemens: np.ndarray, wires: WireParameters, power_in_mean: float) -> np.ndarray:
    """What the variance of a cell's conductance becomes at its sense circuit, per square volt at its driver.

    To first order the current at sense j changes by u a dg, with u the voltage across the cell in the read, and a the
    voltage across it with one volt at sense j and no other source (the adjoint network, which is the network itself).
    Of a, only the cells of column j count; the others are smaller by the share of a current that crosses over between
    columns, squared. u depends on all inputs: for inputs that are drawn alike, with m their mean and q their mean
    square, the mean of u^2 over x^2 of the cell's own row is (1 - m^2/q) of what its row alone gives, and m^2/q
    (`power_in_mean`) of what all rows at one volt give.

    Returns float64 (rows, columns), at most one.
    """
    g = checked_array(g_siemens, reading_bytes)
    if not any((wires.row_ohms, wires.column_ohms, wires.driver_ohms, wires.sense_ohms)):
        return np.ones_like(g)
    row_end, column_end = wires.driver_ohms + wires.row_ohms, wires.sense_ohms + wires.column_ohms
    sensed = _own_voltages(g, (wires.column_ohms, column_end), (wires.row_ohms, row_end))
    driven = turned(_own_voltages(turned(g), (wires.row_ohms, row_end), (wires.column_ohms, column_end)))
    alike = cell_voltages(g, np.ones(len(g)), wires)
    return np.asarray(sensed**2 * ((1 - power_in_mean) * driven**2 + power_in_mean * alike**2))


def _refuse_orders(g: np.ndarray, wires: WireParameters) -> None:
    """SolveError where double precision would lose the wires beside the cells, or some wires beside others.

    Cells may be as small as they like: what they add is then small too.
    """
    ends = (wires.driver_ohms + wires.row_ohms, wires.sense_ohms + wires.column_ohms)
    ohms = [r for r in (wires.row_ohms, wires.column_ohms, *ends) if r > 0]
    if ohms and (spread := max(ohms) * max(float(g.max()), 1 / min(ohms))) > ORDERS:
        raise SolveError("wires of an array", f"conductances of wires and cells within a factor of {ORDERS:g}",
                         f"{spread:.3g}", "use resistances nearer to each other and to the cells'")  # fmt: skip


def _own_voltages(g: np.ndarray, own: tuple[float, float], other: tuple[float, float]) -> np.ndarray:
    """Voltage across each cell of a column whose end has one volt, each cell ending in the wire that crosses it.

    own, other : ohms of a segment and of the end, of the columns and of the rows
    """
    crossing = turned(column_ladders(turned(g), *other).resistances)
    share = 1 / (1 + g * crossing)
    return np.asarray(column_ladders(g * share, *own).potentials * share)


def _transfer_of_ideal_rows(g: np.ndarray, driver: float, column: float, sense: float) -> np.ndarray:
    """The transfer matrix where a row is one node behind its driver, and columns are ladders between them.

    Eliminating a column leaves, between rows i <= k, the conductance g_i g_k R_ik, with R_ik the voltage at i per
    ampere at k; then one dense system of the rows' nodes is left.
    """
    ladder = column_ladders(g, column, column + sense)
    transfer = g * ladder.potentials
    if driver == 0:
        return np.asarray(transfer)
    own = ladder.resistances / (1 + g * ladder.resistances)
    upper = np.triu(transfer @ (g * own / ladder.potentials).T)
    between = upper + np.triu(upper, 1).T
    nodes = np.diag(1 + driver * g.sum(axis=1)) - driver * between
    return np.asarray(np.linalg.solve(nodes, transfer))
