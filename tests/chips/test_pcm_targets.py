"""burr_2015 and ambrogio_2018: what their papers count, and one published device model at two ranges."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.chips import load_chip, load_claims
from neurosim.devices import PcmParameters
from neurosim.devices.pcm import Pcm
from neurosim.graph import load_network
from neurosim.placement import place

NAMES = ("burr_2015", "ambrogio_2018")


def device_of(name: str) -> PcmParameters:
    device = load_chip(name).device
    assert isinstance(device, PcmParameters)
    return device


def test_the_weights_of_the_paper_but_for_its_biases():
    network = load_network("mnist_burr")
    assert network.weights + 250 + 125 + 10 == 164_885
    layers = place(network, load_chip("burr_2015")).layers
    assert (
        sum(layer.weights * layer.devices_per_weight for layer in layers) == 2 * (164_885 - 385) <= 500 * 661
    )


def test_the_array_holds_the_perceptron_row_by_row():
    """529 + 126 rows, and the last layer's weights in 6 more: 661 rows of 250 pairs."""
    array = load_chip("burr_2015").array
    assert (array.rows, 2 * array.columns) == (661, 500)
    assert 529 + 126 + -(-126 * 10 // array.columns) == array.rows


def test_ambrogio_2018_has_the_devices_of_joshi_2020_on_a_smaller_range():
    """The same relative spread, drift and noise at every share of g_max."""
    ours, theirs = Pcm(device_of("ambrogio_2018")), Pcm(device_of("joshi_2020"))
    assert (ours.parameters.g_max_siemens, theirs.parameters.g_max_siemens) == (20e-6, 25e-6)
    x = np.array([0, 0.1, 0.25, 0.5, 1.0])
    np.testing.assert_allclose(
        ours.programming_sigma(x) / 20e-6, theirs.programming_sigma(x) / 25e-6, rtol=1e-4
    )
    for one, two in zip(ours.drift_moments(x), theirs.drift_moments(x), strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(
        ours.noise_amplitude((x * 20e-6).astype(np.float32)), theirs.noise_amplitude((x * 25e-6).astype(np.float32)),
        rtol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_simulated_says_why(name):
    chip = load_chip(name)
    assert chip.prices is None
    claims = {claim.id: claim for claim in load_claims(chip)[0]}
    learned = {
        "training_accuracy",
        "generalisation_accuracy",
        "mnist_trained_on_chip",
        "efficiency",
        "density",
    }
    assert all(claims[name].not_simulated for name in learned & claims.keys())
    assert any(not claim.not_simulated for claim in claims.values())


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_programmed_it_is_as_accurate_as_in_software(name, data_folder):
    assert data_folder.is_dir()
    summary = ns.run("mnist_burr", name, limit=1000, times=["25 s", "1 year"], record=("none",)).summary
    fresh, old = summary.difference_to_float
    assert abs(fresh) < 0.005
    assert old < fresh - 0.003  # nothing compensates the drift
