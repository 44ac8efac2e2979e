"""Arrays with wires solved the long way: every node's equation in one dense matrix, written down cell by cell."""

from __future__ import annotations

import numpy as np


def dense_equations(g, wires, connected=None):
    """(A, B, C): A x = B v for the potentials x of all nodes, and column currents C x; all resistances positive."""
    rows, columns = g.shape
    count = rows * columns
    a, b, c = np.zeros((2 * count, 2 * count)), np.zeros((2 * count, rows)), np.zeros((columns, 2 * count))

    def join(p, q, siemens):
        a[p, p] += siemens
        a[q, q] += siemens
        a[p, q] -= siemens
        a[q, p] -= siemens

    for i in range(rows):
        for j in range(columns):
            w, u = i * columns + j, count + i * columns + j
            if connected is None or connected[i]:
                join(w, u, g[i, j])
            if j == 0:
                siemens = 1 / (wires.driver_ohms + wires.row_ohms)
                a[w, w] += siemens
                b[w, i] = siemens
            else:
                join(w - 1, w, 1 / wires.row_ohms)
            if i == rows - 1:
                siemens = 1 / (wires.sense_ohms + wires.column_ohms)
                a[u, u] += siemens
                c[j, u] = siemens
            else:
                join(u, u + columns, 1 / wires.column_ohms)
    return a, b, c


def dense_transfer(g, wires, connected=None):
    """Current at every column's end per volt at every row's driver: (rows, columns)."""
    a, b, c = dense_equations(g, wires, connected)
    return (c @ np.linalg.solve(a, b)).T


def dense_voltages(g, wires, volts):
    """Across every cell, rows driven at `volts` (inputs, rows): (inputs, rows, columns)."""
    a, b, _ = dense_equations(g, wires)
    row, column = np.linalg.solve(a, b @ volts.T).T.reshape(len(volts), 2, *g.shape).swapaxes(0, 1)
    return row - column


def dense_adjoint(g, wires):
    """Across every cell, one volt behind each sense circuit in turn, no other source: (columns, rows, columns)."""
    a, _, c = dense_equations(g, wires)
    row, column = np.linalg.solve(a, c.T).T.reshape(g.shape[1], 2, *g.shape).swapaxes(0, 1)
    return row - column


# what stands for no resistance in dense equations, which need one and lose digits where it is small
LITTLE = 1e-5


def with_little(wires):
    """The same wires, with a trace of resistance where there is none."""
    changes = {name: LITTLE for name in ("row_ohms", "column_ohms") if getattr(wires, name) == 0}
    return wires.model_copy(update=changes)
