"""Nodal analysis under any bias: Kirchhoff, energy, superposition, floating lines, cells that are not ohmic."""

import numpy as np
import pytest
from dense_arrays import dense_transfer
from scipy.optimize import brentq

from neurosim.circuits import cell_arrays, nodal
from neurosim.circuits.nodal import Bias, solve_array
from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.selectors import HyperbolicSine, SeriesSelector
from neurosim.foundation.errors import DataError, LimitError, SolveError

NAN = np.nan


def wires(row=2.0, column=3.0, **changes):
    return WireParameters(row_ohms=row, column_ohms=column, cell="passive", **changes)


def conductances(shape, key=0):
    return np.random.default_rng([key, *shape]).uniform(1e-6, 25e-6, shape)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 3), (20, 24)])
def test_currents_are_those_of_the_dense_equations(shape):
    g, volts = conductances(shape), np.random.default_rng(1).uniform(-0.2, 0.2, shape[0])
    circuit = wires(driver_ohms=20.0, sense_ohms=9.0)
    solution = solve_array(g, circuit, Bias(volts, np.zeros(shape[1])))
    np.testing.assert_allclose(
        solution.column_amperes, volts @ dense_transfer(g, circuit), rtol=1e-10, atol=1e-18
    )
    assert solution.residual < 1e-12
    assert solution.steps == 1


LAWS = [None, HyperbolicSine(4.0), SeriesSelector(1e-9, 0.05)]


@pytest.mark.parametrize("law", LAWS, ids=["ohmic", "sine", "selector"])
@pytest.mark.parametrize("ohms", [0.0, 30.0])
def test_what_enters_leaves_and_power_is_spent_in_cells_and_wires(law, ohms):
    rng = np.random.default_rng(2)
    g, circuit = conductances((7, 9)), wires(ohms, 2 * ohms, driver_ohms=100.0)
    bias = Bias(rng.uniform(-1, 1, 7), rng.uniform(-1, 1, 9))
    bias.row_volts[3], bias.column_volts[[2, 8]] = NAN, NAN
    s = solve_array(g, circuit, bias, law)
    scale = np.abs(s.row_amperes).max()
    assert abs(s.row_amperes.sum() - s.column_amperes.sum()) < 1e-9 * scale
    assert abs(s.row_amperes[3]) < 1e-9 * scale  # a floating line carries nothing away
    assert np.abs(s.column_amperes[[2, 8]]).max() < 1e-9 * scale
    cells = (law or nodal.Ohmic()).current(g, s.cell_volts)[0]
    along = np.cumsum(cells[:, ::-1], axis=1)[:, ::-1]  # in every segment of a row, from its driver on
    down = np.cumsum(cells, axis=0)
    lost = ohms * (along[:, 1:] ** 2).sum() + 2 * ohms * (down[:-1] ** 2).sum()
    lost += (100 + ohms) * (s.row_amperes**2).sum() + 2 * ohms * (s.column_amperes**2).sum()
    assert s.watts(bias) == pytest.approx((cells * s.cell_volts).sum() + lost, rel=1e-8)


def test_ohmic_arrays_superpose():
    g, circuit = conductances((6, 5)), wires(40.0, 10.0)
    rng = np.random.default_rng(3)
    a, b = (Bias(rng.random(6), rng.random(5)) for _ in range(2))
    both = Bias(a.row_volts + 2 * b.row_volts, a.column_volts + 2 * b.column_volts)
    expected = solve_array(g, circuit, a).column_amperes + 2 * solve_array(g, circuit, b).column_amperes
    np.testing.assert_allclose(solve_array(g, circuit, both).column_amperes, expected, rtol=1e-9)


@pytest.mark.parametrize("law", LAWS[1:], ids=["sine", "selector"])
@pytest.mark.parametrize("volts", [-1.2, 0.05, 0.9])
def test_one_cell_that_is_not_ohmic_in_series_with_a_resistance(law, volts):
    g, circuit = np.array([[1e-5]]), wires(1e4, 1.5e4, driver_ohms=5e3)
    found = solve_array(g, circuit, Bias(np.array([volts]), np.zeros(1)), law)
    root = brentq(
        lambda v: float(law.current(g[0, 0], np.array(v))[0]) - (volts - v) / 3e4, -2, 2, xtol=1e-15
    )
    assert found.cell_volts[0, 0] == pytest.approx(root, rel=1e-8)
    assert found.residual <= nodal.RESIDUAL
    assert found.steps > 1


def test_drops_far_below_the_rounding_of_the_voltages_are_kept():
    """1 nS cells behind 1 milliohm wires: the drops are a millionth of the rounding of one volt times ten."""
    g = conductances((12, 12)) * 1e-4
    volts = np.ones(12)
    found = solve_array(g, wires(1e-3, 1e-3), Bias(volts, np.zeros(12)))
    np.testing.assert_allclose(found.column_amperes, volts @ g, rtol=1e-9)
    assert found.residual < 1e-12


@pytest.mark.parametrize("ohms", [0.0, 2.0])
def test_a_floating_node_is_named(ohms):
    g = conductances((4, 5))
    g[2] = 0.0
    rows, columns = np.array([1.0, 1.0, NAN, 1.0]), np.zeros(5)
    with pytest.raises(
        SolveError, match="a singular network: row 2 floats, with no conducting cell to a held line"
    ):
        solve_array(g, wires(ohms, ohms), Bias(rows, columns))
    solve_array(g, wires(ohms, ohms), Bias(np.ones(4), columns))
    g[2, 3], g[:2, 3], g[3, 3] = 1e-6, 0.0, 0.0
    columns[3] = NAN
    with pytest.raises(SolveError, match="row 2 and 1 more floats"):
        solve_array(g, wires(ohms, ohms), Bias(rows, columns))


def test_an_array_with_nothing_held_floats_whole():
    with pytest.raises(SolveError, match="row 0 and 8 more floats"):
        solve_array(conductances((4, 5)), wires(), Bias(np.full(4, NAN), np.full(5, NAN)))


@pytest.mark.parametrize(("volts", "residual"), [(1e4, "nan"), (3.0, r"[\d.e+-]+")])
def test_what_does_not_converge_is_an_error_with_its_residual(volts, residual, monkeypatch):
    monkeypatch.setattr(nodal, "NEWTON_STEPS", 2)
    bias = Bias(np.full(4, volts), np.zeros(5))
    with pytest.raises(
        SolveError, match=rf"a residual below 1e-10, got {residual} after \d steps; use smaller"
    ):
        solve_array(conductances((4, 5)), wires(100.0, 100.0), bias, HyperbolicSine(6.0))


@pytest.mark.parametrize(
    "bias",
    [Bias(np.ones(3), np.zeros(5)), Bias(np.ones(4), np.zeros(4)), Bias(np.full(4, np.inf), np.zeros(5))],
)
def test_a_bias_that_does_not_fit(bias):
    with pytest.raises(DataError, match=r"of 4 rows and 5 columns, got shapes"):
        solve_array(conductances((4, 5)), wires(), bias)


def test_memory_for_a_factorisation(monkeypatch):
    monkeypatch.setattr(cell_arrays, "available_bytes", lambda: 2**30)
    g = np.broadcast_to(1e-6, (10_000, 10_000))
    with pytest.raises(
        LimitError, match=r"10000 x 10000 cells: expected \d+\.\d GiB of memory, got 1\.0 GiB"
    ):
        solve_array(g, wires(), Bias(np.ones(10_000), np.zeros(10_000)))
