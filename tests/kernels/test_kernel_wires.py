"""The loops of arrays with wires beside plain NumPy."""

import numpy as np
import pytest

from neurosim.kernels.wires import CHUNK, factor_lines, join_blocks, solve_read


def symmetric(rng, ports, blocks):
    """Admittance matrices of connected networks, one per block: (ports, ports, blocks)."""
    off = -rng.random((blocks, ports, ports))
    off = np.tril(off, -1) + np.tril(off, -1).swapaxes(1, 2)
    return (off - np.stack([np.diag(row) for row in off.sum(axis=2) - 0.1])).transpose(1, 2, 0)


def joined_in_numpy(a, b, port_a, port_b, glued):
    """Both matrices put into one at their nodes, and the first nodes eliminated."""
    whole = np.zeros((len(port_a), len(port_a)))
    for y, ports in ((a, port_a), (b, port_b)):
        at = np.flatnonzero(ports >= 0)
        whole[np.ix_(at, at)] += y[np.ix_(ports[at], ports[at])]
    s, c, kept = whole[:glued, :glued], whole[glued:, :glued], whole[glued:, glued:]
    return kept - c @ np.linalg.solve(s, c.T)


@pytest.mark.parametrize("pairs", [1, CHUNK, 2 * CHUNK + 3])
def test_join_blocks(pairs):
    rng = np.random.default_rng(pairs)
    y = symmetric(rng, 5, 2 * pairs)
    lower = np.where(np.tril(np.ones((5, 5), bool))[:, :, None], y, np.nan)  # the upper triangle is not read
    first, second = rng.permutation(2 * pairs).reshape(2, -1)
    port_a, port_b = np.array([3, 1, 0, -1, 2, 4, -1, -1]), np.array([0, 4, -1, 1, -1, -1, 3, 2])
    out = np.full((6, 6, pairs), np.nan)
    join_blocks(lower, first, second, port_a, port_b, 2, out)
    for k in range(pairs):
        expected = joined_in_numpy(y[:, :, first[k]], y[:, :, second[k]], port_a, port_b, 2)
        np.testing.assert_allclose(np.tril(out[:, :, k]), np.tril(expected), rtol=1e-12, atol=1e-14)
    assert np.isnan(out[np.triu_indices(6, 1)]).all()


def lines_in_numpy(g, row, column, driver, sense):
    """Dense matrices of every row's nodes and of every column's, all others at zero volts."""
    rows, columns = g.shape

    def chain(siemens, segment, end):
        n = len(siemens)
        a = np.diag(siemens + segment * (np.arange(n) > 0) + segment * (np.arange(n) < n - 1))
        a -= segment * (np.eye(n, k=1) + np.eye(n, k=-1))
        a[end % n, end % n] += driver if end == 0 else sense
        return a

    return [chain(g[i], row, 0) for i in range(rows)], [chain(g[:, j], column, -1) for j in range(columns)]


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 4), (4, 6), (9, 7)])
def test_factors_and_reads(shape):
    rng = np.random.default_rng(shape)
    g, volts = rng.uniform(1e-6, 25e-6, shape), rng.uniform(-0.2, 0.2, shape[0])
    lines = (0.02, 0.03, 0.007, 0.004)
    f, work = np.empty((4, *shape)), np.empty((5, *shape))
    row_nodes, column_nodes = np.empty(shape), np.empty(shape)
    factor_lines(g, *lines, f)
    done, residual = solve_read(g, f, lines, volts, 1e-13, 200, work, row_nodes, column_nodes)
    assert 0 < done <= 60
    assert residual < 1e-11
    in_rows, in_columns = lines_in_numpy(g, *lines)
    for i, a in enumerate(in_rows):  # the last pivot is that of the whole chain
        assert f[1, i, -1] == pytest.approx(np.linalg.inv(a)[-1, -1])
        source = g[i] * column_nodes[i]
        source[0] += lines[2] * volts[i]
        np.testing.assert_allclose(a @ row_nodes[i], source, rtol=1e-9, atol=1e-15)
    for j, a in enumerate(in_columns):
        assert f[3, -1, j] == pytest.approx(np.linalg.inv(a)[-1, -1])
        np.testing.assert_allclose(a @ column_nodes[:, j], g[:, j] * row_nodes[:, j], rtol=1e-7, atol=1e-15)


def test_no_voltage_no_current():
    g, lines = np.full((3, 4), 1e-5), (1.0, 1.0, 1.0, 1.0)
    f, work = np.empty((4, 3, 4)), np.empty((5, 3, 4))
    row_nodes, column_nodes = np.empty((3, 4)), np.empty((3, 4))
    factor_lines(g, *lines, f)
    assert solve_read(g, f, lines, np.zeros(3), 1e-12, 50, work, row_nodes, column_nodes) == (0, 0.0)
    assert not row_nodes.any()
    assert not column_nodes.any()
