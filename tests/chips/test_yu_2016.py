"""yu_2016: weights and neurons of one bit, cells that are on or off, cells that never switch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim.chips import load_chip
from neurosim.graph import load_network
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, calibrate_network, program

G_OFF, G_ON, SHARE = 1e-6, 100e-6, 0.005


@pytest.fixture(scope="module")
def chip() -> ProgrammedChip:
    network, silicon = load_network("mnist_yu"), load_chip("yu_2016")
    x = (np.random.default_rng(0).random((50, 400)) < 0.2).astype(np.float32)
    calibration = calibrate_network(network, x)
    return program(network, silicon, place(network, silicon, calibration.signed), calibration, 0)


def test_the_shipped_weights_are_one_bit_and_the_thresholds_whole():
    network = load_network("mnist_yu")
    assert [layer.units for layer in network.weighted] == [200, 10]
    for layer in network.weighted:
        assert set(np.unique(network.params[layer.name]["weight"])) == {-1, 1}
    bias = network.params["dense1"]["bias"]
    assert (bias == np.rint(bias)).all()
    assert load_chip("yu_2016").cell.levels == "binary"


def test_one_cell_of_every_pair_is_on(chip):
    """164,000 cells: about 1 or 100 uS, but for those that are stuck; which one is on is the weight's sign."""
    network = load_network("mnist_yu")
    spreads, stuck, cells = [], [], 0
    for name, groups in chip.read_out(25.0).items():
        g, flags = groups[0]["conductance"][:, 0], groups[0]["stuck"][:, 0]
        weight = network.params[name]["weight"].T
        on = np.stack([weight > 0, weight < 0])
        free = flags == 0
        target = np.where(on, G_ON, G_OFF)
        # cells that would exceed the range stay at its end: of those that are on, the ones below are compared
        spreads.append(np.abs(g / target - 1)[free & (~on | (g < target * (1 - 1e-6)))])
        stuck.append(flags[flags != 0])
        cells += g.size
    assert cells == 2 * 82_000
    z, flags = np.concatenate(spreads).astype(np.float64), np.concatenate(stuck)
    assert len(z) > 100_000
    assert stats.kstest(z / 0.1, "halfnorm").pvalue > 1e-6
    assert stats.kstest(z / 0.105, "halfnorm").pvalue < 1e-6
    for kind in (1, 2):  # stuck low, stuck high
        expected, sigma = cells * SHARE, math.sqrt(cells * SHARE * (1 - SHARE))
        assert abs((flags == kind).sum() - expected) < 4.9 * sigma


@pytest.mark.data
def test_perfect_cells_compute_the_float_network(data_folder):
    """Sums of one-bit weights and inputs are whole numbers, and the thresholds lie between them."""
    assert data_folder.is_dir()
    perfect = {"device__programming__sigma_siemens": [0.0], "device__read_noise": 0.0}
    working = {"device__stuck__low": 0.0, "device__stuck__high": 0.0}
    exact = ns.run("mnist_yu", "yu_2016", limit=1000, record=("none",), **perfect, **working).summary
    assert exact.difference_to_float[0] == 0
    yields = ns.run(
        "mnist_yu", "yu_2016", limit=1000, record=("none",), **perfect, device__stuck__high=0.1
    ).summary
    assert yields.difference_to_float[0] < -0.005


@pytest.mark.data
def test_its_accuracy_on_the_first_images(data_folder):
    assert data_folder.is_dir()
    summary = ns.run("mnist_yu", "yu_2016", limit=1000, instances=3, record=("none",)).summary
    assert -0.012 < summary.difference_to_float[0] <= 0.003
