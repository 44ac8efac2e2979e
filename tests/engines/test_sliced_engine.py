"""Networks on sliced chips: what every engine promises, and the arithmetic of whole numbers, to the last bit."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conformance import EngineConformance
from test_rate_engine import digits, residual_network

from neurosim.chips import load_chip
from neurosim.circuits.cells import whole_weights
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import OneImage, RateEngine
from neurosim.engines.inference.counting import count_inference
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Weighted, load_network
from neurosim.placement import place
from neurosim.programming import calibrate_network, load_chip_state, program, save_chip

# joshi_2020's devices behind isaac's way of counting: noise and drift in every slice
NOISY = {
    "cell__kind": "offset", "cell__weight_bits": 8, "cell__slices": 4, "cell__bits_per_cell": 2,
    "cell__encoding": "flipped", "read__input_bits": 8, "read__phases": 8, "read__signed_inputs": "twos_complement",
    "dac__bits": 1, "array__rows": 40,
}  # fmt: skip
CHIPS = {
    "noisy": ("joshi_2020", NOISY), "isaac": ("isaac", {}), "prime": ("prime", {}),
    "isaac_plain": ("isaac", {"cell__encoding": "plain"}), "isaac_wide": ("isaac", {"adc__bits": 16}),
    "isaac_wide_plain": ("isaac", {"adc__bits": 16, "cell__encoding": "plain"}),
    "isaac_narrow": ("isaac", {"adc__bits": 5}),
    "isaac_long": ("isaac", {"cell__weight_bits": 24, "cell__slices": 12, "read__input_bits": 24, "read__phases": 24,
                             "adc__bits": 16, "dac__margin": 1.5}),
    "fine": ("isaac", {"adc__range": "calibrated", "adc__bits": 16}),
}  # fmt: skip


def chip_of(name):
    shipped, options = CHIPS[name]
    return load_chip(shipped).with_options(**options)


def network_of(kind):
    return load_network("digits_mlp") if kind == "mlp" else residual_network()


@cache
def built(kind, chip_name, seed=0, instance=0):
    network, chip = network_of(kind), chip_of(chip_name)
    x = digits().reshape(-1, *network.input.shape)
    calibration = calibrate_network(network, x[:100])
    return program(network, chip, place(network, chip, calibration.signed), calibration, seed, instance)


class TestSliced(EngineConformance):
    chip = "noisy"
    exact_chip = "isaac_long"  # 16 bits round the float network's scores by some 1e-4

    def engine(self):
        return RateEngine()

    def programmed(self, chip, seed, instance):
        return built("mlp", chip, seed, instance)

    def images(self):
        return digits()[:260]

    def float_scores(self):
        return load_network("digits_mlp").forward(self.images())


class TestSlicedConvolutions(TestSliced):
    def programmed(self, chip, seed, instance):
        return built("conv", chip, seed, instance)

    def images(self):
        return digits()[:260].reshape(-1, 1, 8, 8)

    def float_scores(self):
        return residual_network().forward(self.images())


def run(programmed, images):
    recorder = MemoryRecorder()
    outcome = RateEngine().run(programmed, Inputs(images, (25.0,)), recorder, lambda n: None, Settings())
    return recorder, outcome


def fixed_point(programmed, x):
    """The network in 16-bit whole numbers: inputs and weights rounded, products exact, the rest in float32."""
    network, live = programmed.network, {"input": x}
    for layer in network.layers:
        sources, params = [live[name] for name in layer.inputs], network.layer_params(layer.name)
        if not isinstance(layer, Weighted):
            live[layer.name] = layer.forward(params, *sources)
            continue
        step = np.float32(programmed.layers[layer.name].converters[0].dac.lsb)
        vectors = layer.unfold(sources[0])
        codes = np.floor(vectors * (np.float32(1) / step) + np.float32(0.5))
        codes = codes.clip(-(2**15), 2**15 - 1).astype(np.int64)
        products = np.empty((*vectors.shape[:3], layer.columns), np.float32)
        for group, matrix in enumerate(layer.matrices(network.params[layer.name])):
            whole, worth = whole_weights(matrix, 16)
            products[group] = (codes[group] @ whole) * (float(step) * worth)
        bias = layer.bias(params)
        live[layer.name] = layer.assemble(products if bias is None else products + bias[:, None, None, :])
    return live[network.layers[-1].name]


@pytest.mark.parametrize("kind", ["mlp", "conv"])
@pytest.mark.parametrize("chip", ["isaac", "isaac_wide", "isaac_wide_plain"])
def test_isaac_is_the_sixteen_bit_network_bit_for_bit(kind, chip):
    # the published 8-bit ADC with flipped columns, and wide ADCs with and without
    programmed, images = built(kind, chip), digits()[:250].reshape(-1, *network_of(kind).input.shape)
    recorder, _ = run(programmed, images)
    assert recorder.varying(0, "adc_saturations").sum() == 0
    np.testing.assert_array_equal(recorder.scores(0), fixed_point(programmed, images))


def test_a_narrow_adc_saturates_and_misses():
    recorder, _ = run(built("mlp", "isaac_narrow"), digits()[:250])
    assert recorder.varying(0, "adc_saturations").sum() > 0
    assert (recorder.scores(0) != fixed_point(built("mlp", "isaac_narrow"), digits()[:250])).any()


def test_steps_need_not_be_levels():
    scores = run(built("mlp", "fine"), digits()[:250])[0].scores(0)
    np.testing.assert_allclose(scores, fixed_point(built("mlp", "fine"), digits()[:250]), atol=0.02)


@pytest.mark.parametrize("chip", ["noisy", "isaac", "prime"])
def test_a_saved_chip_reads_the_same_bits(chip, tmp_path):
    programmed = built("conv", chip)
    loaded = load_chip_state(save_chip(programmed, tmp_path / "chip.h5"))
    images = digits()[:40].reshape(-1, 1, 8, 8)
    np.testing.assert_array_equal(run(programmed, images)[0].scores(0), run(loaded, images)[0].scores(0))
    own, back = (p.layers["head"].crossbars[0].flips for p in (programmed, loaded))
    assert (own is None and back is None) or np.array_equal(own, back)


def test_one_image_takes_the_block_path():
    aged = built("mlp", "isaac").age_to(25.0)
    one = OneImage(aged)
    assert not one.fused
    np.testing.assert_array_equal(
        one.scores(digits()[7], 7), run(built("mlp", "isaac"), digits()[:8])[0].scores(0)[7]
    )


def test_wires_weaken_every_slice():
    network, scores = load_network("digits_mlp"), []
    for ohms in (0.0, 0.02):
        chip = load_chip("isaac").with_options(wires__row_ohms=ohms, wires__column_ohms=ohms)
        calibration = calibrate_network(network, digits()[:100])
        programmed = program(network, chip, place(network, chip, calibration.signed), calibration, 0)
        aged = programmed.age_to(25.0).layers["dense1"].crossbars[0]
        scores.append(np.concatenate(aged.d))
    assert scores[1].shape == scores[0].shape
    assert (scores[1] < scores[0] + 1e-6).all()
    assert scores[0].sum() * 0.5 < scores[1].sum() < scores[0].sum() * 0.99


def test_counts_of_slices_and_phases():
    network, chip = load_network("digits_mlp"), load_chip("isaac")
    placement = place(network, chip)
    first = placement.layers[0]
    rows, columns = first.rows, first.columns
    assert (first.phases, first.polarities, first.devices_per_weight) == (16, 8, 8)
    assert first.column_splits == (16,) * (columns // 16) + ((columns % 16,) if columns % 16 else ())
    counts = count_inference(network, chip, placement, 1)

    def of(name):
        return counts.fixed[name][first.name]

    assert of("adc_conversions") == 16 * 8 * columns
    assert of("dac_conversions") == 16 * rows * len(first.column_splits)
    assert of("array_reads") == 16 * len(first.column_splits)
    # shift and add; inputs summed up; complements turned back
    assert of("partial_sums") == 16 * 8 * columns - columns + rows + 8 * columns
    assert of("buffer_reads") == 2 * rows
    summed = chip.with_options(read__accumulate="analog")
    once = count_inference(network, summed, place(network, summed), 1)
    assert once.fixed["adc_conversions"][first.name] == 8 * columns
    apart = summed.with_options(read__signed_inputs="two_phase")
    twice = count_inference(network, apart, place(network, apart, [first.name]), 1)
    assert twice.fixed["adc_conversions"][first.name] == 2 * 8 * columns
    pair = load_chip("prime").with_options(subtraction="digital")
    assert place(network, pair).layers[0].polarities == 4


def test_cells_at_the_bottom_are_counted_where_no_reference_takes_them_off():
    network, chip = load_network("digits_mlp"), load_chip("isaac").with_options(cell__encoding="plain")
    first = place(network, chip).layers[0]
    plain, counted = (
        count_inference(network, own, place(network, own), 1).fixed["partial_sums"][first.name]
        for own in (chip, chip.with_options(cell__baseline="count"))
    )
    assert counted - plain == 8 * first.columns - first.columns


def test_a_dac_of_other_bits_than_a_phase_is_refused():
    network, chip = load_network("digits_mlp"), load_chip("isaac").with_options(dac__bits=2)
    with pytest.raises(
        ConfigError, match="chip isaac: dac.bits: expected 1: 16 bits in 16 phases, got 2; change dac"
    ):
        place(network, chip)


def test_steps_of_one_level_need_levels():
    network, chip = load_network("digits_mlp"), load_chip("joshi_2020").with_options(adc__range="levels")
    calibration = calibrate_network(network, digits()[:20])
    with pytest.raises(
        ConfigError, match="chip joshi_2020: adc.range: expected cells with levels: weight_bits"
    ):
        program(network, chip, place(network, chip), calibration, 0)
