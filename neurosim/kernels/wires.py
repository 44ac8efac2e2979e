"""Resistive networks of crossbars: blocks of cells joined into larger ones, and one read solved by conjugate gradients.

A block of cells is a network with ports on its four sides, of which only the admittance matrix between the ports is
kept. Joining two blocks adds their matrices at the shared ports and eliminates those (a Schur complement).
"""

from __future__ import annotations

import numpy as np
from numba import njit

CHUNK = 8  # blocks joined side by side in the processor's vector registers


@njit(fastmath=True, nogil=True, cache=True, error_model="numpy")
def join_blocks(y, first, second, port_first, port_second, glued, out):  # type: ignore[no-untyped-def]
    """Join pairs of blocks at their shared ports and eliminate these.

    y : float64 (ports, ports, blocks), symmetric, of which only the lower triangle is read
    first, second : int64 (pairs,), which blocks make a pair
    port_first, port_second : int64 (glued + kept,), the block's port behind each node of the pair, -1 for none;
        the `glued` shared ones stand first
    out : float64 (kept, kept, pairs), lower triangle overwritten
    """
    nodes = port_first.size
    z = np.zeros((nodes, nodes, CHUNK))
    factor = np.zeros(CHUNK)
    for start in range(0, first.size, CHUNK):
        count = min(CHUNK, first.size - start)
        _assemble(y, first[start : start + count], port_first, z, True)
        _assemble(y, second[start : start + count], port_second, z, False)
        for k in range(glued):
            for i in range(k + 1, nodes):
                for t in range(CHUNK):
                    factor[t] = z[i, k, t] / z[k, k, t]
                for j in range(k + 1, i + 1):
                    target, source = z[i, j], z[j, k]
                    for t in range(CHUNK):
                        target[t] -= factor[t] * source[t]
        for i in range(glued, nodes):
            for j in range(glued, i + 1):
                for t in range(count):
                    out[i - glued, j - glued, start + t] = z[i, j, t]


@njit(inline="always")
def _assemble(y, which, ports, z, fresh):  # type: ignore[no-untyped-def]
    """Set (fresh) or add the blocks' admittances at the pair's nodes; places without a block get a diagonal of ones."""
    for i in range(ports.size):
        for j in range(i + 1):
            p, q = ports[i], ports[j]
            if fresh:
                for t in range(CHUNK):
                    z[i, j, t] = 0.0
                if i == j:
                    for t in range(which.size, CHUNK):
                        z[i, j, t] = 1.0
            if p >= 0 and q >= 0:
                source = y[max(p, q), min(p, q)]
                for t in range(which.size):
                    z[i, j, t] += source[which[t]]


@njit(fastmath=True, nogil=True, cache=True, error_model="numpy")
def factor_lines(g, row, column, driver, sense, f):  # type: ignore[no-untyped-def]
    """Factors of the tridiagonal matrices of every row's and every column's nodes, the others' held at zero volts.

    g : float64 (rows, columns), siemens; row, column : of a segment; driver, sense : of the ones at the ends
    f : float64 (4, rows, columns), overwritten: couplings and inverse pivots of the rows, then of the columns
    """
    rows, columns = g.shape
    row_coupling, row_pivot, column_coupling, column_pivot = f[0], f[1], f[2], f[3]
    square = row * row
    for top in range(
        0, rows, 8
    ):  # eight rows at a time, whose chains of divisions do not wait for each other
        for j in range(columns):
            ends = (driver if j == 0 else row) + (row if j < columns - 1 else 0.0)
            for i in range(top, min(top + 8, rows)):
                whole = ends + g[i, j] - (square * row_pivot[i, j - 1] if j > 0 else 0.0)
                row_pivot[i, j] = 1.0 / whole
                row_coupling[i, j] = row * row_pivot[i, j]
    for i in range(rows):
        for j in range(columns):
            whole = (sense if i == rows - 1 else column) + (column if i > 0 else 0.0) + g[i, j]
            whole -= column * column * column_pivot[i - 1, j] if i > 0 else 0.0
            column_pivot[i, j] = 1.0 / whole
            column_coupling[i, j] = column * column_pivot[i, j]


@njit(inline="always")
def _solve_rows(x, coupling, pivot):  # type: ignore[no-untyped-def]
    """In place; four rows at a time, whose chains of additions do not wait for each other."""
    rows, columns = x.shape
    i = 0
    while i + 4 <= rows:
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        p, q, r, s = coupling[i], coupling[i + 1], coupling[i + 2], coupling[i + 3]
        t, u, v, w = pivot[i], pivot[i + 1], pivot[i + 2], pivot[i + 3]
        for j in range(1, columns):
            a[j] += p[j - 1] * a[j - 1]
            b[j] += q[j - 1] * b[j - 1]
            c[j] += r[j - 1] * c[j - 1]
            d[j] += s[j - 1] * d[j - 1]
        a[columns - 1] *= t[columns - 1]
        b[columns - 1] *= u[columns - 1]
        c[columns - 1] *= v[columns - 1]
        d[columns - 1] *= w[columns - 1]
        for j in range(columns - 2, -1, -1):
            a[j] = t[j] * a[j] + p[j] * a[j + 1]
            b[j] = u[j] * b[j] + q[j] * b[j + 1]
            c[j] = v[j] * c[j] + r[j] * c[j + 1]
            d[j] = w[j] * d[j] + s[j] * d[j + 1]
        i += 4
    while i < rows:
        a, p, t = x[i], coupling[i], pivot[i]
        for j in range(1, columns):
            a[j] += p[j - 1] * a[j - 1]
        a[columns - 1] *= t[columns - 1]
        for j in range(columns - 2, -1, -1):
            a[j] = t[j] * a[j] + p[j] * a[j + 1]
        i += 1


@njit(inline="always")
def _solve_columns(x, coupling, pivot):  # type: ignore[no-untyped-def]
    """In place; all columns at a time."""
    rows, columns = x.shape
    for i in range(1, rows):
        for j in range(columns):
            x[i, j] += coupling[i - 1, j] * x[i - 1, j]
    for j in range(columns):
        x[rows - 1, j] *= pivot[rows - 1, j]
    for i in range(rows - 2, -1, -1):
        for j in range(columns):
            x[i, j] = pivot[i, j] * x[i, j] + coupling[i, j] * x[i + 1, j]


@njit(inline="always")
def _apply(p, q, t, g, column, sense, row_coupling, row_pivot):  # type: ignore[no-untyped-def]
    """q = what leaves the columns' nodes at potentials p, the rows' nodes following them; returns the sum of p q."""
    rows, columns = g.shape
    for i in range(rows):
        for j in range(columns):
            t[i, j] = g[i, j] * p[i, j]
    _solve_rows(t, row_coupling, row_pivot)
    total = 0.0
    for i in range(rows):
        below = sense if i == rows - 1 else column
        above = column if i > 0 else 0.0
        for j in range(columns):
            q[i, j] = (below + above + g[i, j]) * p[i, j] - g[i, j] * t[i, j]
        if i > 0:
            for j in range(columns):
                q[i, j] -= column * p[i - 1, j]
        if i < rows - 1:
            for j in range(columns):
                q[i, j] -= column * p[i + 1, j]
        for j in range(columns):
            total += p[i, j] * q[i, j]
    return total


@njit(inline="always")
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j] * b[i, j]
    return total


@njit(inline="always")
def _left_over(g, column, sense, w, b):  # type: ignore[no-untyped-def]
    """Sum of squares of the currents that are left at the columns' nodes, at potentials w of the rows' and b."""
    rows, columns = g.shape
    total = 0.0
    for i in range(rows):
        here, upper, lower = (
            b[i],
            b[max(i - 1, 0)],
            b[min(i + 1, rows - 1)],
        )  # at the ends a node is its own neighbour
        end = sense if i == rows - 1 else 0.0
        for j in range(columns):
            along = column * ((here[j] - upper[j]) + (here[j] - lower[j])) + end * here[j]
            left = g[i, j] * (w[i, j] - here[j]) - along
            total += left * left
    return total


@njit(fastmath=True, nogil=True, cache=True, error_model="numpy")
def solve_read(g, f, lines, volts, tolerance, limit, work, row_nodes, column_nodes):  # type: ignore[no-untyped-def]
    """Potentials of all nodes for one vector of voltages at the drivers, sense circuits at zero volts.

    The rows' nodes are eliminated, and conjugate gradients find the columns', preconditioned by every column alone.

    g : float64 (rows, columns), siemens; f : as `factor_lines` made it of g
    lines : (row, column, driver, sense), siemens; volts : float64 (rows,)
    tolerance : of the preconditioned residual over its first value; limit : iterations at most
    work : float64 (5, rows, columns), scratch; row_nodes, column_nodes : float64 (rows, columns), overwritten

    Returns the iterations done and the residual: what is left of the currents at the columns' nodes, computed from the
    potentials themselves, over what drives them (root sums of squares).
    """
    rows, columns = g.shape
    _, column, driver, sense = lines
    row_coupling, row_pivot, column_coupling, column_pivot = f[0], f[1], f[2], f[3]
    rest, z, p, q, t = work[0], work[1], work[2], work[3], work[4]
    t[:] = 0.0
    for i in range(rows):
        t[i, 0] = driver * volts[i]
    _solve_rows(t, row_coupling, row_pivot)
    for i in range(rows):
        for j in range(columns):
            rest[i, j] = g[i, j] * t[i, j]
            z[i, j] = rest[i, j]
            column_nodes[i, j] = 0.0
    start = _dot(rest, rest)
    _solve_columns(z, column_coupling, column_pivot)
    p[:] = z
    power = _dot(rest, z)
    goal = tolerance * tolerance * power
    done = 0
    while done < limit and power > goal:
        step = power / _apply(p, q, t, g, column, sense, row_coupling, row_pivot)
        for i in range(rows):
            for j in range(columns):
                column_nodes[i, j] += step * p[i, j]
                rest[i, j] -= step * q[i, j]
                z[i, j] = rest[i, j]
        _solve_columns(z, column_coupling, column_pivot)
        after = _dot(rest, z)
        turn = after / power
        power = after
        for i in range(rows):
            for j in range(columns):
                p[i, j] = z[i, j] + turn * p[i, j]
        done += 1
    for i in range(rows):
        for j in range(columns):
            row_nodes[i, j] = g[i, j] * column_nodes[i, j]
        row_nodes[i, 0] += driver * volts[i]
    _solve_rows(row_nodes, row_coupling, row_pivot)
    left = _left_over(g, column, sense, row_nodes, column_nodes)
    return done, np.sqrt(left / start) if start > 0.0 else 0.0
