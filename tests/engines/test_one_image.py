"""The latency path against the block path: before the ADC within 1e-5, the same noise, the same classes."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_rate_engine import built, digits

from neurosim.chips import load_chip
from neurosim.circuits.crossbar import Tally
from neurosim.engines.inference import OneImage
from neurosim.engines.inference.rate import forward_block
from neurosim.graph import Dense, InputSpec, Network, ReLU, load_network
from neurosim.placement import place
from neurosim.programming import calibrate_network, program


def block_scores(aged, images):
    return forward_block(aged, images, 0, {name: Tally(len(images)) for name in aged.layers})


@pytest.mark.parametrize("adc_bits", [8, None])
def test_equals_the_block_path(adc_bits):
    network, chip = load_network("digits_mlp"), load_chip("joshi_2020").with_options(array__rows=40)
    if adc_bits is None:
        chip = chip.with_options(adc__margin=1000.0, adc__bits=24)  # as good as no converter
    calibration = calibrate_network(network, digits()[:100])
    aged = program(network, chip, place(network, chip, calibration.signed), calibration, 0).age_to(3600.0)
    one, x = OneImage(aged), digits()[:100]
    assert one.fused
    single = np.stack([one.scores(image, index) for index, image in enumerate(x)])
    blocks = block_scores(aged, x)
    if adc_bits is None:
        np.testing.assert_allclose(single, blocks, atol=1e-5)
    else:
        assert (
            np.abs(single - blocks) < 1e-5
        ).mean() > 0.98  # a current between two codes may fall either way
    assert (single.argmax(axis=1) == blocks.argmax(axis=1)).mean() > 0.99


def test_the_order_of_images_changes_nothing():
    aged = built("mlp", "joshi_2020", 0, 0).age_to(25.0)
    one = OneImage(aged)
    forward = [one.scores(digits()[i], i) for i in range(5)]
    backward = [one.scores(digits()[i], i) for i in reversed(range(5))]
    np.testing.assert_array_equal(forward, backward[::-1])
    assert not np.array_equal(one.scores(digits()[0], 0), one.scores(digits()[0], 1))


@pytest.mark.parametrize("chip", ["ideal_float", "joshi_2020"])
def test_other_networks_take_the_block_path(chip):
    aged = built("conv", chip, 0, 0).age_to(25.0)
    one = OneImage(aged)
    assert not one.fused
    x = digits()[:3].reshape(-1, 1, 8, 8)
    assert one.scores(x[1], 1).shape == (5,)


def test_cells_with_digital_subtraction_take_the_block_path():
    network, chip = load_network("digits_mlp"), load_chip("joshi_2020").with_options(subtraction="digital")
    calibration = calibrate_network(network, digits()[:100])
    aged = program(network, chip, place(network, chip), calibration, 0).age_to(25.0)
    assert not OneImage(aged).fused


def test_a_chain_without_noise_or_bias_is_exact():
    rng = np.random.default_rng(0)
    weights = {name: {"weight": rng.standard_normal(shape).astype(np.float32)}
               for name, shape in {"a": (7, 64), "b": (3, 7)}.items()}  # fmt: skip
    layers = (Dense(name="a", units=7, bias=False), ReLU(name="r"), Dense(name="b", units=3, bias=False))
    network = Network("chain", InputSpec(dataset="digits", shape=(64,)), layers, weights)
    chip = load_chip("ideal_float")
    calibration = calibrate_network(network, digits()[:50])
    aged = program(network, chip, place(network, chip), calibration, 0).age_to(1.0)
    one = OneImage(aged)
    assert one.fused
    expected = network.forward(digits()[:10])
    np.testing.assert_allclose(
        [one.scores(x, i) for i, x in enumerate(digits()[:10])], expected, rtol=1e-4, atol=1e-4
    )
