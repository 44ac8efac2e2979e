"""Arrays with wires, and cells that are not ohmic, as ngspice solves them from a netlist of its own."""

import numpy as np
import pytest
from spice_deck import needs_ngspice, spice_currents

from neurosim.circuits.nodal import Bias, solve_array
from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.selectors import HyperbolicSine
from neurosim.circuits.single_reads import column_currents
from neurosim.circuits.wires import transfer_matrix

pytestmark = needs_ngspice


def wires(ohms, **changes):
    return WireParameters(row_ohms=ohms, column_ohms=ohms, cell="passive", **changes)


def array(size, key):
    rng = np.random.default_rng(key)
    return rng.uniform(1e-6, 25e-6, (size, size)), rng.uniform(0.01, 0.2, size)


@pytest.mark.parametrize("ohms", [1.0, 2.0, 5.0])
def test_16_by_16(ohms, tmp_path):
    g, volts = array(16, 1)
    expected = spice_currents(g, volts, wires(ohms), tmp_path)
    for currents in (
        volts @ transfer_matrix(g, wires(ohms)),
        column_currents(g, volts[None], wires(ohms))[0],
    ):
        assert np.abs(currents / expected - 1).max() < 1e-6


def test_terminals_and_a_wide_array(tmp_path):
    rng = np.random.default_rng(2)
    g, volts = rng.uniform(1e-6, 25e-6, (7, 19)), rng.uniform(-0.2, 0.2, 7)
    circuit = wires(3.0, driver_ohms=150.0, sense_ohms=60.0)
    expected = spice_currents(g, volts, circuit, tmp_path)
    assert np.abs(volts @ transfer_matrix(g, circuit) - expected).max() < 1e-6 * np.abs(expected).max()


def test_64_by_64(tmp_path):
    g, volts = array(64, 3)
    expected = spice_currents(g, volts, wires(5.0), tmp_path)
    assert np.abs(volts @ transfer_matrix(g, wires(5.0)) / expected - 1).max() < 1e-6
    assert np.abs(volts @ g / expected - 1).max() > 0.1  # the wires matter


def test_cells_of_hyperbolic_sines(tmp_path):
    rng = np.random.default_rng(4)
    g, volts = rng.uniform(1e-6, 25e-6, (6, 5)), rng.uniform(-0.8, 0.8, 6)
    circuit, law = wires(200.0), HyperbolicSine(6.0)

    def source(name, nodes, siemens):
        plus, minus = nodes.split()
        return f"B{name} {nodes} I={float(siemens)!r}*sinh(6*(v({plus})-v({minus})))/6"

    expected = spice_currents(g, volts, circuit, tmp_path, source)
    got = solve_array(g, circuit, Bias(volts, np.zeros(5)), law).column_amperes
    assert np.abs(got - expected).max() < 1e-6 * np.abs(expected).max()
    assert np.abs(volts @ g - expected).max() > 0.1 * np.abs(expected).max()
