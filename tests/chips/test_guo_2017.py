"""guo_2017: every cell of the paper, biases included; analog from the pixels to the scores; its two accuracies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim.chips import load_chip, load_claims
from neurosim.graph import load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, calibrate_network, program


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).random((50, 784), np.float32)


def programmed(x: np.ndarray, **options: float) -> ProgrammedChip:
    network, chip = load_network("mnist_guo"), load_chip("guo_2017").with_options(**options)
    calibration = calibrate_network(network, x)
    return program(network, chip, place(network, chip, calibration.signed), calibration, 0)


def test_it_takes_the_cells_of_the_paper():
    network, chip = load_network("mnist_guo"), load_chip("guo_2017")
    layers = place(network, chip).layers
    assert [layer.weights for layer in layers] == [785 * 64, 65 * 10]
    assert sum(layer.weights * layer.devices_per_weight for layer in layers) == 101_780
    assert sum(layer.tiles for layer in layers) == 2  # the two arrays
    assert sum(layer.columns for layer in layers) == 74  # its analog neurons
    cells = next(claim for claim in load_claims(chip)[0] if claim.id == "cells")
    assert (cells.published, cells.tolerance) == (101_780, 0)


def test_nothing_is_converted_timed_or_priced():
    chip = load_chip("guo_2017")
    assert chip.dac.bits is None
    assert chip.adc.bits is None
    assert chip.prices is None
    assert chip.sources["device.tuning_accuracy"].status == "found"
    open_claims = {claim.id for claim in load_claims(chip)[0] if claim.not_simulated}
    assert open_claims == {"latency", "energy"}


def test_cells_are_tuned_to_a_share_of_their_current(x):
    """101,780 cells: what each misses its target by, over the target, is normal with a deviation of 1 %."""
    network = load_network("mnist_guo")
    missed = []
    for name, groups in programmed(x).read_out(25.0).items():
        weight = network.params[name]["weight"].T
        target = np.stack([np.maximum(weight, 0), np.maximum(-weight, 0)]) / np.abs(weight).max() * 10e-6
        g = groups[0]["conductance"][:, 0]
        assert (g[target == 0] == 0).all()  # the other one of a pair is off
        missed.append((g / np.where(target, target, 1) - 1)[target > 0])
    z = np.concatenate(missed).astype(np.float64)
    assert len(z) == 101_780 / 2
    assert stats.kstest(z / 0.01, "norm").pvalue > 1e-6
    assert stats.kstest(z / 0.0105, "norm").pvalue < 1e-6
    assert abs(z.std() / 0.01 - 1) < 5 / np.sqrt(2 * len(z))


@pytest.mark.data
def test_its_accuracy_on_the_first_images(data_folder):
    """A tenth of the test images: about the float network's with cells tuned to 1 %, less with rough ones."""
    assert data_folder.is_dir()
    fine = ns.run("mnist_guo", "guo_2017", limit=1000, instances=3, record=("none",)).summary
    rough = ns.run(
        "mnist_guo", "guo_2017", limit=1000, instances=3, record=("none",), device__tuning_accuracy=0.5
    ).summary
    assert abs(fine.difference_to_float[0]) <= 0.003
    assert -0.12 < rough.difference_to_float[0] < -0.01


@pytest.mark.data
def test_cells_without_an_error_compute_the_float_network(data_folder):
    assert data_folder.is_dir()
    exact = ns.run("mnist_guo", "guo_2017", limit=500, record=("none",), device__tuning_accuracy=0.0).summary
    assert exact.difference_to_float[0] == 0


@pytest.mark.data
def test_grey_levels_do_not_matter(data_folder):
    """The chip sees black and white: pixels that are moved within their half give the same scores."""
    assert data_folder.is_dir()
    network, data = load_network("mnist_guo"), load_dataset("mnist", "test", 50)
    grey = prepare(data.images, data.max_level, (784,))
    black_and_white = (grey > 0.5).astype(np.float32)
    assert not np.array_equal(grey, black_and_white)
    np.testing.assert_array_equal(network.forward(grey), network.forward(black_and_white))
