"""Weights held by devices that are on or off: how many are on is the weight."""

import numpy as np
import pytest

from neurosim.circuits.cells import cell_targets
from neurosim.circuits.parameters import CellParameters
from neurosim.devices.parameters import IdealParameters

SPAN = IdealParameters(g_min_siemens=1e-6, g_max_siemens=101e-6)


def test_a_weight_is_how_many_devices_are_on():
    weights = np.array([[1.0, 0.6, -0.3], [-1.0, 0.1, 0.0]], np.float32)
    cell = CellParameters(devices_per_weight=4, levels="binary")
    g, scale = cell_targets(weights, cell, SPAN)
    assert g.shape == (2, 4, 2, 3)
    assert set(np.unique(g)) == {np.float32(1e-6), np.float32(101e-6)}
    on = (g > 5e-5).sum(axis=1)
    assert on[0].tolist() == [[4, 2, 0], [0, 0, 0]]
    assert on[1].tolist() == [[0, 0, 1], [4, 0, 0]]
    # the way back gives the nearest of nine levels
    u = (g[0] - g[1]).sum(axis=0) / (4 * SPAN.g_max_siemens)
    assert scale.per_unit * u == pytest.approx(np.array([[1, 0.5, -0.25], [-1, 0, 0]]), abs=1e-6)


def test_an_offset_cell_of_binary_devices_counts_from_the_middle():
    cell = CellParameters(kind="offset", devices_per_weight=2, levels="binary")
    g, scale = cell_targets(np.array([[-1.0, 0.0, 1.0]], np.float32), cell, SPAN)
    u = g[0].sum(axis=0) / (2 * SPAN.g_max_siemens)
    assert scale.per_unit * (u - scale.offset) == pytest.approx(np.array([[-1.0, 0.0, 1.0]]), abs=1e-6)


def test_any_level_is_the_default_and_shared_alike():
    g, _ = cell_targets(np.array([[0.37, -1.0]], np.float32), CellParameters(devices_per_weight=3), SPAN)
    assert (g[:, 0] == g[:, 1]).all()
    assert g[0, 0, 0, 0] == pytest.approx(1e-6 + 0.37 * 1e-4)
