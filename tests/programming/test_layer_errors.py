"""Errors of whole layers against the closed form: within 2 %, and a 5 % error of one coefficient is seen."""

import sys
from pathlib import Path

import pytest

from neurosim.chips import load_chip

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))
from layer_errors import layer_errors


@pytest.mark.parametrize("t_s", [25.0, 365 * 86400.0])
def test_layers_of_the_digits_network(t_s):
    for row in layer_errors("digits_mlp", [t_s], chips=400, images=100):
        assert row.ratio == pytest.approx(1, abs=0.02), row


@pytest.mark.usefixtures("data_folder")
def test_layers_of_the_mnist_network():
    rows = layer_errors("mnist_mlp", [86400.0], chips=25, images=100)
    for row in rows[:2]:  # the last has ten columns: too few for 25 chips
        assert row.ratio == pytest.approx(1, abs=0.02), row


@pytest.mark.usefixtures("data_folder")
@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_five_percent_of_programming_noise_is_seen(factor):
    chip = load_chip("joshi_2020")
    sigma = [factor * value for value in chip.device.programming.sigma_siemens]
    wrong = chip.with_options(device__programming__sigma_siemens=sigma)
    rows = layer_errors("mnist_mlp", [25.0], chips=15, images=100, chip=wrong)
    assert abs(rows[0].ratio - 1) > 0.02
    assert (rows[0].ratio > 1) == (factor > 1)
