"""The benchmark of arrays with wires in its short mode: it runs, and its contenders agree. No time is tested here."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


def test_all_contenders_solve_the_same_array():
    import wires

    rows = wires.table(24, 5, 2)
    assert rows[0].ratio == 1
    named = {row.what: row for row in rows}
    assert {
        "transfer matrix and all inputs",
        "one input",
        "one input of many",
        "one input, sparse LU",
    } <= set(named)
    assert all(row.seconds >= 0 for row in rows)
    assert all(row.difference < 1e-9 for row in rows if row.difference is not None)


def test_every_size_is_there():
    import wires

    assert [size for size, _, _ in wires.sizes((8, 20))] == [8, 20]


def test_badcrossbar_finds_the_same_currents():
    pytest.importorskip("badcrossbar", reason="badcrossbar is not installed (extra bench)")
    import wires

    problem = wires.Problem.random(32, 4)
    theirs = wires.badcrossbar_currents(problem, 4)
    ours = problem.volts @ wires.transfer_matrix(problem.g, wires.WIRES)
    assert np.abs(theirs / ours - 1).max() < 1e-9
