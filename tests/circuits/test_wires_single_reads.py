"""Single reads of arrays with wires: against dense equations, rows cut off, and refusals."""

import numpy as np
import pytest
from dense_arrays import dense_transfer, dense_voltages, with_little

from neurosim.circuits import single_reads
from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.single_reads import cell_voltages, column_currents
from neurosim.circuits.wires import transfer_matrix
from neurosim.foundation.errors import DataError, SolveError


def wires(row=2.0, column=3.0, cell="passive", **changes):
    return WireParameters(row_ohms=row, column_ohms=column, cell=cell, **changes)


def problem(shape, key=0):
    rng = np.random.default_rng([key, *shape])
    return rng.uniform(1e-6, 25e-6, shape), rng.uniform(-0.2, 0.2, (5, shape[0]))


@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (1, 6), (4, 9), (18, 13), (31, 30)])
def test_currents_are_those_of_the_dense_equations(shape):
    g, volts = problem(shape)
    circuit = wires(driver_ohms=20.0, sense_ohms=9.0)
    expected = volts @ dense_transfer(g, circuit)
    assert np.abs(column_currents(g, volts, circuit) - expected).max() < 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize(("row", "column"), [(0.0, 0.0), (2.0, 0.0), (0.0, 3.0)])
def test_wires_without_resistance(row, column):
    g, volts = problem((6, 8))
    circuit = wires(row, column, sense_ohms=5.0)
    expected = volts @ dense_transfer(g, with_little(circuit))
    assert np.abs(column_currents(g, volts, circuit) / expected - 1).max() < 1e-6


@pytest.mark.parametrize("ohms", [0.0, 40.0])
def test_rows_that_are_not_driven_are_cut_off(ohms):
    """Cut: the cells of a row at exactly zero volts are not there; held: they load the columns."""
    g, volts = problem((20, 10))
    volts[:, ::3] = 0.0
    volts[2] = 0.0
    cut, held = wires(ohms, 40.0, cell="1T1R", undriven="cut"), wires(ohms, 40.0)
    got = column_currents(g, volts, cut)
    for current, v in zip(got, volts, strict=True):
        expected = v @ dense_transfer(g, with_little(cut), connected=v != 0)
        np.testing.assert_allclose(current, expected, rtol=1e-6 if ohms == 0 else 1e-9, atol=1e-20)
    everything = volts @ transfer_matrix(g, held)
    np.testing.assert_allclose(column_currents(g, volts, held), everything, rtol=1e-8, atol=1e-20)
    assert np.abs(got[0] / everything[0] - 1).max() > 1e-3


@pytest.mark.parametrize("undriven", ["held", "cut"])
def test_rows_that_are_not_selected_are_not_there(undriven):
    g, volts = problem((12, 9))
    volts[:, 4] = 0.0
    selected = np.arange(12) % 2 == 0
    circuit = wires(30.0, 40.0, cell="1T1R", undriven=undriven)
    connected = selected & (volts[0] != 0) if undriven == "cut" else selected
    expected = volts @ dense_transfer(g, circuit, connected=connected)
    np.testing.assert_allclose(column_currents(g, volts, circuit, selected), expected, rtol=1e-9)
    matrix = transfer_matrix(np.where(connected[:, None], g, 0.0), circuit)
    np.testing.assert_allclose(volts @ matrix, expected, rtol=1e-9)


def test_selections_that_do_not_fit():
    g, volts = problem((4, 5))
    with pytest.raises(DataError, match="none, as passive cells have no transistors"):
        column_currents(g, volts, wires(), np.ones(4, bool))
    with pytest.raises(DataError, match=r"selected rows: expected bool \(4,\), got int64 \(3,\)"):
        column_currents(g, volts, wires(cell="1T1R"), np.ones(3, int))


def test_voltages_across_the_cells():
    g, volts = problem((12, 17))
    circuit = wires(20.0, 30.0)
    across = cell_voltages(g, volts[0], circuit)
    np.testing.assert_allclose(across, dense_voltages(g, circuit, volts[:1])[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose((g * across).sum(axis=0), column_currents(g, volts[:1], circuit)[0], rtol=1e-9)


def test_a_hard_array_converges():
    """1 mS cells behind 5 ohm wires: nearly all of the voltage is lost on the way."""
    g = np.random.default_rng(0).uniform(1e-4, 1e-3, (64, 64))
    circuit, volts = wires(5.0, 5.0), np.full((1, 64), 0.2)
    currents = column_currents(g, volts, circuit)
    assert currents[0, -1] < 0.1 * (volts @ g)[0, -1]
    assert np.abs(currents / (volts @ transfer_matrix(g, circuit)) - 1).max() < 1e-9


def test_what_has_not_converged_is_refused_with_its_residual(monkeypatch):
    g, volts = problem((20, 20))
    monkeypatch.setattr(single_reads, "LIMIT", 1)
    with pytest.raises(SolveError, match=r"residual below 1e-09, got [\d.e-]+ after 1 iterations"):
        column_currents(g, volts, wires(500.0, 500.0))


@pytest.mark.parametrize(
    ("volts", "message"),
    [
        (np.zeros((2, 3)), r"\(inputs, 4\), got shape \(2, 3\)"),
        (np.zeros(4), r"got shape \(4,\)"),
        (np.full((1, 4), np.nan), "got NaN or infinity"),
    ],
)
def test_voltages_that_do_not_fit(volts, message):
    with pytest.raises(DataError, match=message):
        column_currents(np.full((4, 5), 1e-6), volts, wires())
