"""The rate engine: the conformance suite on a dense and a convolutional network, and its own promises."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conformance import EngineConformance

from neurosim.chips import load_chip
from neurosim.engines import blocks
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import RateEngine, rate
from neurosim.engines.inference.counting import count_inference
from neurosim.foundation.errors import ConfigError
from neurosim.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    InputSpec,
    MaxPool,
    Network,
    ReLU,
    Softmax,
    fold_batch_norm,
    load_network,
)  # fmt: skip
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import calibrate_network, program


@cache
def digits():
    test = load_dataset("digits", "test")
    return prepare(test.images, test.max_level, (64,))


def residual_network():
    """Every layer kind: strided, padded and grouped convolutions, both norms' places, a residual sum, all pools."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    layers = (
        Conv2d(name="stem", channels=8, kernel=3, padding=1),
        BatchNorm(name="norm"),
        ReLU(name="relu"),
        Conv2d(name="grouped", channels=8, kernel=3, padding=1, groups=4, bias=False),
        Add(name="sum", inputs=("grouped", "relu")),
        MaxPool(name="max", kernel=2),
        Conv2d(name="strided", channels=12, kernel=2, stride=(2, 1)),
        AvgPool(name="avg", kernel=(1, 3), stride=(1, 1)),
        ReLU(name="relu2"),
        GlobalAvgPool(name="global"),
        Flatten(name="flat"),
        Dense(name="head", units=5),
        Softmax(name="softmax"),
    )
    params = {
        "stem": {"weight": normal(8, 1, 3, 3), "bias": normal(8, 1).ravel()},
        "norm": {"weight": np.ones(8, np.float32), "bias": np.zeros(8, np.float32) + 0.1,
                 "mean": normal(8, 1).ravel() * 0.1, "variance": np.full(8, 0.5, np.float32)},
        "grouped": {"weight": normal(8, 2, 3, 3)},
        "strided": {"weight": normal(12, 8, 2, 2), "bias": normal(12, 1).ravel()},
        "head": {"weight": normal(5, 12), "bias": normal(5, 1).ravel()},
    }  # fmt: skip
    return Network("residual", InputSpec(dataset="digits", shape=(1, 8, 8)), layers, params)


@cache
def built(kind, chip_name, seed, instance):
    network = load_network("digits_mlp") if kind == "mlp" else residual_network()
    chip = load_chip(chip_name)
    x = digits().reshape(-1, *network.input.shape)
    calibration = calibrate_network(network, x[:100])
    return program(network, chip, place(network, chip, calibration.signed), calibration, seed, instance)


class TestDense(EngineConformance):
    def engine(self):
        return RateEngine()

    def programmed(self, chip, seed, instance):
        return built("mlp", chip, seed, instance)

    def images(self):
        return digits()

    def float_scores(self):
        return load_network("digits_mlp").forward(self.images())


class TestConvolutional(TestDense):
    def programmed(self, chip, seed, instance):
        return built("conv", chip, seed, instance)

    def images(self):
        return digits()[:270].reshape(-1, 1, 8, 8)

    def float_scores(self):
        return residual_network().forward(self.images())


def scores(programmed, images):
    recorder = MemoryRecorder()
    RateEngine().run(programmed, Inputs(images, (25.0,)), recorder, lambda n: None, Settings())
    return recorder.scores(0)


def test_chunks_of_a_convolution_change_nothing(monkeypatch):
    images = digits()[:20].reshape(-1, 1, 8, 8)
    base = scores(built("conv", "joshi_2020", 0, 0), images)
    monkeypatch.setattr(blocks, "CHUNK_FLOATS", 5000)
    np.testing.assert_allclose(scores(built("conv", "joshi_2020", 0, 0), images), base, atol=0.02)


def test_chunks_stay_within_the_working_set():
    layer = residual_network().weighted[0]
    sizes = [c.stop - c.start for c in blocks.chunks(layer, 10_000)]
    assert sum(sizes) == 10_000
    assert max(sizes) * layer.positions * layer.rows <= blocks.CHUNK_FLOATS


def test_fewer_images_keep_their_answers():
    programmed = built("mlp", "joshi_2020", 0, 0)
    np.testing.assert_array_equal(scores(programmed, digits()[:13]), scores(programmed, digits())[:13])


@pytest.mark.parametrize("option", ["folded", "digital"])
def test_batch_norm_folded_or_digital_is_exact_on_an_ideal_chip(option):
    network = residual_network()
    net = fold_batch_norm(network) if option == "folded" else network
    chip = load_chip("ideal_float")
    x = digits()[:40].reshape(-1, 1, 8, 8)
    calibration = calibrate_network(net, x)
    programmed = program(net, chip, place(net, chip, calibration.signed), calibration, 0)
    np.testing.assert_allclose(scores(programmed, x), network.forward(x), atol=1e-4)


def test_counts_of_a_dense_layer_by_hand():
    network, chip = load_network("digits_mlp"), load_chip("joshi_2020")
    small = chip.with_options(array__rows=40, array__columns=20)
    counts = count_inference(network, small, place(network, small), 1).fixed
    first, second = (layer.name for layer in network.weighted)
    # 64 x 32 on tiles of 40 x 20: two row tiles by two column tiles; 32 x 10: one tile
    assert counts["array_reads"] == {first: 4, second: 1}
    assert counts["dac_conversions"] == {first: 128, second: 32}
    assert counts["adc_conversions"] == {first: 64, second: 10}
    assert counts["partial_sums"] == {first: 32, second: 0}
    assert counts["scalings"] == counts["bias_adds"] == {first: 32, second: 10}
    assert counts["buffer_reads"] == {first: 64, second: 32}
    assert counts["buffer_writes"] == {first: 32, second: 10}
    assert counts["comparisons"] == {first: 32, second: 9}


def test_counts_of_convolutions_and_digital_layers_by_hand():
    network, chip = residual_network(), load_chip("joshi_2020")
    counts = count_inference(network, chip, place(network, chip), 1).fixed
    pixels = 64
    assert counts["array_reads"]["grouped"] == pixels * 4
    assert counts["adc_conversions"]["grouped"] == pixels * 8
    assert counts["dac_conversions"]["stem"] == pixels * 9
    assert counts["multiplications"]["stem"] == pixels * 8  # digital batch norm
    assert counts["additions"]["grouped"] == pixels * 8  # the residual sum
    assert counts["comparisons"]["grouped"] == 16 * 8 * 3  # max pooling 2 x 2
    assert counts["bias_adds"]["grouped"] == 0
    # avg pooling 1 x 3 of 12 x 2 x 3 to 12 x 2 x 1, then the global average of two
    assert counts["additions"]["strided"] == 24 * 2 + 12
    assert counts["comparisons"]["head"] == 4


def test_two_phases_double_the_conversions():
    network, chip = (
        load_network("digits_mlp"),
        load_chip("joshi_2020").with_options(signed_inputs="two_phase"),
    )
    first = network.weighted[0].name
    one = count_inference(network, chip, place(network, chip), 1).fixed["adc_conversions"][first]
    two = count_inference(network, chip, place(network, chip, [first]), 1).fixed["adc_conversions"][first]
    assert two == 2 * one


def test_a_layer_the_engine_lacks_is_named():
    class Strange:
        name = "mystery"

    class Net:
        layers = (Strange(),)

    with pytest.raises(ConfigError, match="layer 'mystery'"):
        rate.check_layers(Net())
