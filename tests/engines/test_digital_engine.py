"""The digital engine: the conformance suite in three arithmetics, and each arithmetic against a plain twin."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conformance import EngineConformance
from test_rate_engine import digits, residual_network

from neurosim.chips import load_chip
from neurosim.engines.digital import DigitalEngine, prepare_network
from neurosim.engines.digital.arithmetic import BOOK, fixed16_format, int8_format, shared_weights
from neurosim.engines.digital.sparse import stored_entries
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.foundation.errors import ConfigError, LimitError, NotProgrammedError
from neurosim.graph import load_network
from neurosim.programming import calibrate_network


def network_of(kind):
    return load_network("digits_mlp") if kind == "mlp" else residual_network()


def ranges_of(network, images):
    fed = calibrate_network(network, images)
    return {name: (float(x.min()), float(x.max())) for name, x in fed.vectors.items()}


@cache
def prepared(kind, chip, options=()):
    network = network_of(kind)
    images = digits()[:100].reshape(-1, *network.input.shape)
    return prepare_network(network, load_chip(chip).with_options(**dict(options)), ranges_of(network, images))


class DigitalConformance(EngineConformance):
    chip = exact_chip = "v100"
    kind = "mlp"

    def engine(self):
        return DigitalEngine()

    def programmed(self, chip, seed, instance):  # noqa: ARG002
        return prepared(self.kind, chip)

    def images(self):
        return digits()[:520].reshape(-1, *network_of(self.kind).input.shape)

    def float_scores(self):
        return network_of(self.kind).forward(self.images())


class TestFloat(DigitalConformance):
    pass


class TestConvolutionalFloat(DigitalConformance):
    kind = "conv"

    def images(self):
        return super().images()[:270]


class TestInt8(DigitalConformance):
    chip = "tpu_v1"


class TestConvolutionalFixed(DigitalConformance):
    chip, kind = "eyeriss", "conv"

    def images(self):
        return super().images()[:270]


class TestSparse(DigitalConformance):
    chip = "eie"


def run(state, images):
    recorder = MemoryRecorder()
    outcome = DigitalEngine().run(state, Inputs(images, (25.0,)), recorder, lambda n: None, Settings())
    return recorder, outcome


def test_a_chip_alone_is_refused():
    with pytest.raises(NotProgrammedError, match=r"chip 'v100': expected a network placed on a processor"):
        run(load_chip("v100"), digits()[:3])


def test_eight_bits_equal_whole_numbers_in_python():
    network, state = load_network("digits_mlp"), prepared("mlp", "tpu_v1")
    images, x = digits()[:40], digits()[:40].astype(np.float64)
    bounds = ranges_of(network, digits()[:100])
    for number, layer in enumerate(network.weighted):
        weight = network.params[layer.name]["weight"].astype(np.float64)
        step_w, step_x = np.abs(weight).max() / 127, bounds[layer.name][1] / 255  # no input is negative here
        codes_w = np.round(weight / step_w).astype(int).tolist()
        codes_x = np.clip(np.round(x / step_x), 0, 255).astype(int).tolist()
        sums = np.array(
            [[sum(a * b for a, b in zip(row, image, strict=True)) for row in codes_w] for image in codes_x]
        )
        x = sums * step_w * step_x + network.params[layer.name]["bias"]
        x = np.maximum(x, 0) if number == 0 else x
    wanted = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(run(state, images)[0].scores(0), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("chip", "options", "least", "most"),
    [
        ("v100", (), 0.0, 1e-5),
        ("v100", (("processor__arithmetic", "float16"),), 1e-5, 2e-2),
        ("eyeriss", (), 1e-6, 2e-3),
        ("tpu_v1", (), 1e-3, 0.5),
        ("eie", (), 1e-3, 3.0),
    ],
)
def test_fewer_bits_are_farther_from_the_float_network(chip, options, least, most):
    network, images = load_network("digits_mlp"), digits()[:200]
    scores = run(prepared("mlp", chip, options), images)[0].scores(0)
    error = np.abs(scores - network.forward(images)).max()
    assert least <= error <= most


def test_formats_round_to_the_nearest_and_clip():
    signed, unsigned, fixed = int8_format(-2.0, 1.0), int8_format(0.0, 2.55), fixed16_format(-3.0, 1.0)
    assert (signed.step, signed.low, signed.high) == (2 / 127, -127, 127)
    assert (unsigned.low, unsigned.high) == (0, 255)
    assert unsigned.step == pytest.approx(0.01)
    assert fixed.step == 2.0**-13  # 3 needs two bits before the point, of fifteen
    np.testing.assert_array_equal(signed.codes(np.array([-9.0, 0.0, 9.0])), [-127, 0, 127])
    np.testing.assert_array_equal(fixed.codes(np.array([1.0, -4.5])), [8192, -32768])
    assert fixed16_format(-1.0, 4.0).codes(np.array([4.0]))[0] == 16384  # a power of two is not clipped
    assert int8_format(0.0, 0.0).codes(np.zeros(2)).tolist() == [
        0,
        0,
    ]  # nothing was seen: nothing divides by zero


def test_shared_weights_are_few_and_keep_zero():
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((1, 60, 50)).astype(np.float32)
    weights[0, ::3] = 0
    shared = shared_weights(weights)
    assert len(np.unique(shared)) <= BOOK
    np.testing.assert_array_equal(shared == 0, weights == 0)
    spread = np.linspace(weights.min(), weights.max(), BOOK - 1)
    plain = spread[np.abs(weights[..., None] - spread).argmin(axis=-1)]
    kept = weights != 0
    assert (
        np.square(shared - weights)[kept].sum() < np.square(plain - weights)[kept].sum()
    )  # the means settled


def entries_by_hand(column, units, reach):
    """Entries of one column, unit by unit, as a list of (zeros before, value) would hold them."""
    stored = [0] * units
    for unit in range(units):
        zeros = 0
        for value in column[unit::units]:
            if value == 0:
                zeros += 1
                continue
            stored[unit] += zeros // reach + 1
            zeros = 0
    return stored


def test_stored_entries_equal_a_list_per_unit():
    rng = np.random.default_rng(1)
    matrix = np.where(rng.random((12, 200)) < 0.04, 1.0, 0.0)
    found = stored_entries(matrix, 3, 4)
    np.testing.assert_array_equal(found, [entries_by_hand(column, 3, 16) for column in matrix])
    assert (found.sum(axis=1) > (matrix != 0).sum(axis=1)).any()  # some entries of zero fill in


def test_sparse_events_are_those_of_the_inputs_that_are_not_zero():
    state, images = prepared("mlp", "eie"), digits()[:30]
    recorder = run(state, images)[0]
    first = state.layers[state.network.weighted[0].name]
    entries = np.array([entries_by_hand(column, 64, 16) for column in first.matrices[0]])
    driven = first.inputs.codes(images) != 0
    macs = [entries[sent].sum() for sent in driven]
    cycles = [np.maximum(entries, 1)[sent].sum(axis=0).max() for sent in driven]
    np.testing.assert_array_equal(recorder.varying(0, "macs")[0], macs)
    np.testing.assert_array_equal(recorder.varying(0, "cycles")[0], cycles)
    assert len(set(macs)) > 5  # images differ


def test_varying_counts_are_not_fixed_ones_as_well():
    recorder, outcome = run(prepared("mlp", "eie"), digits()[:10])
    assert not set(outcome.counts.fixed) & set(recorder.segments[0].varying)


def test_a_network_that_does_not_fit_or_is_not_computed_is_refused():
    network, images = residual_network(), digits()[:20].reshape(-1, 1, 8, 8)
    with pytest.raises(ConfigError, match=r"layer 'stem': expected a dense layer.*got a convolution"):
        prepare_network(network, load_chip("eie"), ranges_of(network, images))
    small = load_chip("shidiannao").with_options(processor__weight_capacity_bytes=100)
    with pytest.raises(
        LimitError, match=r"network 'residual' on chip shidiannao: expected weights within 100 bytes"
    ):
        prepare_network(network, small, ranges_of(network, images))
    dense = load_network("digits_mlp")
    crowded = load_chip("eie").with_options(
        processor__weight_capacity_bytes=2000
    )  # 2368 weights, none of them zero
    with pytest.raises(
        LimitError, match=r"expected weights within 2,000 bytes on the chip, got 2,3\d\d bytes"
    ):
        prepare_network(dense, crowded, ranges_of(dense, digits()[:20]))
