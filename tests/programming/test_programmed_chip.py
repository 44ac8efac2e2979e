"""Programmed chips: kept whole in a file, calibrated on calibration data, compensated by one scale per layer."""

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.inference import RateEngine
from neurosim.foundation.errors import DataError, FormatError
from neurosim.graph import Dense, InputSpec, Network, load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import (
    calibrate_network,
    calibration_counts,
    load_chip_state,
    program,
    programming_counts,
    require_programmed,
    save_chip,
)  # fmt: skip
from neurosim.programming.chip import power_in_mean
from neurosim.recording import save_arrays

YEAR_S = 365 * 86400.0


@pytest.fixture(scope="module")
def x():
    data = load_dataset("digits", "train", 500)
    return prepare(data.images, data.max_level, (64,))


def build(x, chip="joshi_2020", root=0, instance=0, **options):
    network, silicon = load_network("digits_mlp"), load_chip(chip).with_options(**options)
    calibration = calibrate_network(network, x)
    return program(network, silicon, place(network, silicon, calibration.signed), calibration, root, instance)


def scores(programmed, x, t_s=3600.0):
    recorder = MemoryRecorder()
    RateEngine().run(programmed, Inputs(x, (t_s,)), recorder, lambda n: None, Settings())
    return recorder.scores(0)


@pytest.mark.parametrize(
    "options", [{}, {"subtraction": "digital", "array__rows": 20}, {"batch_norm": "folded"}]
)
def test_saved_chip_is_the_same_chip_bit_for_bit(x, tmp_path, options):
    programmed = build(x, instance=3, **options)
    loaded = load_chip_state(save_chip(programmed, tmp_path / "chip.h5"))
    assert loaded.chip.toml == programmed.chip.toml
    assert loaded.placement == programmed.placement
    np.testing.assert_array_equal(scores(loaded, x), scores(programmed, x))
    before, after = programmed.read_out(YEAR_S), loaded.read_out(YEAR_S)
    for name, groups in before.items():
        for one, two in zip(groups, after[name], strict=True):
            assert one.keys() == two.keys()
            assert all(np.array_equal(one[key], two[key]) for key in one)


def test_another_file_is_refused(tmp_path):
    path = save_arrays(tmp_path / "other.h5", {"a": np.ones(3)}, "something else")
    with pytest.raises(FormatError, match="programmed chip"):
        load_chip_state(path)
    with pytest.raises(DataError, match="missing"):
        load_chip_state(tmp_path / "missing.h5")


def test_same_seed_same_devices_another_seed_others(x):
    def devices(**kw):
        return build(x, **kw).read_out(0.0)["dense1"][0]["g_siemens"]

    np.testing.assert_array_equal(devices(), devices())
    assert not np.array_equal(devices(), devices(root=1))
    assert not np.array_equal(devices(), devices(instance=1))


def test_both_devices_of_every_pair_live(x):
    arrays = build(x).read_out(0.0)["dense1"][0]
    assert arrays["nu"].shape == (2, 1, 64, 32)
    assert (arrays["nu"] > 0).all()
    off = np.minimum(arrays["g_siemens"][0], arrays["g_siemens"][1])
    assert 0.05e-6 < off.mean() < 0.3e-6  # about +0.105 uS: half of a clamped normal of 0.2635 uS


def test_converter_ranges_come_from_calibration_data_alone(x):
    programmed = build(x)
    first = programmed.layers["dense1"].converters[0]
    assert first.dac.full_scale == pytest.approx(float(x.max()))
    rng = np.random.default_rng(0)
    strange = (rng.random((20, 64)) * 1.0).astype(np.float32)
    alone, beside = scores(programmed, strange[:10]), scores(programmed, strange)
    np.testing.assert_array_equal(alone, beside[:10])


def test_compensation_undoes_the_mean_drift(x):
    chip, without = build(x), build(x, drift_compensation=False)
    gains = [layer.gain for layer in chip.age_to(YEAR_S).layers.values()]
    # strong devices lose (t/t0)^-0.049 = 0.497 in a year, weak ones more
    assert all(1.7 < gain < 2.6 for gain in gains)
    assert all(layer.gain == 1 for layer in without.age_to(YEAR_S).layers.values())
    exact = load_network("digits_mlp").trace(x, ["dense1"])[1]["dense1"]
    network = chip.network
    assert network.layers[0].name == "dense1"

    def slope(programmed):
        aged = programmed.age_to(YEAR_S).layers["dense1"]
        from neurosim.circuits.crossbar import Read, Tally
        from neurosim.foundation.streams import stream

        read = Read(0, len(x), stream(9), Tally(len(x)))
        product = aged.crossbars[0].forward(x, read, aged.converters[0], aged.gain)
        target = exact - network.params["dense1"]["bias"]
        return float((product * target).sum() / (target * target).sum())

    assert slope(chip) == pytest.approx(1, abs=0.06)
    assert slope(without) == pytest.approx(0.48, abs=0.06)


def test_events_of_programming_and_calibration_by_hand(x):
    programmed = build(x)
    assert programming_counts(programmed.placement).fixed["device_programs"] == {
        "dense1": 4096,
        "dense2": 640,
    }
    counts = calibration_counts(programmed.placement, programmed.chip).fixed
    vectors = programmed.chip.compensation.vectors
    assert counts["adc_conversions"] == {"dense1": 32 * vectors, "dense2": 10 * vectors}
    assert counts["dac_conversions"] == {"dense1": 64 * vectors, "dense2": 32 * vectors}
    off = build(x, drift_compensation=False)
    assert calibration_counts(off.placement, off.chip).fixed == {}


def test_no_calibration_images_are_refused(x):
    with pytest.raises(DataError, match="calibration images: expected at least one"):
        calibrate_network(load_network("digits_mlp"), x[:0])


def test_only_programmed_chips_pass(x):
    programmed = build(x)
    assert require_programmed(programmed) is programmed


def test_signed_inputs_are_found_and_read(x):
    rng = np.random.default_rng(0)
    weights = {"a": {"weight": rng.standard_normal((9, 64)).astype(np.float32)},
               "b": {"weight": rng.standard_normal((4, 9)).astype(np.float32)}}  # fmt: skip
    layers = (Dense(name="a", units=9, bias=False), Dense(name="b", units=4, bias=False))
    network = Network("signed", InputSpec(dataset="digits", shape=(64,)), layers, weights)
    calibration = calibrate_network(network, x)
    assert calibration.signed == ("b",)
    for phases in ("bipolar", "two_phase"):
        chip = load_chip("ideal_float").with_options(signed_inputs=phases)
        programmed = program(network, chip, place(network, chip, calibration.signed), calibration, 0)
        np.testing.assert_allclose(scores(programmed, x), network.forward(x), rtol=1e-3, atol=1e-3)


def test_power_of_the_inputs_that_lies_in_their_mean():
    assert power_in_mean(np.full((5, 4), 0.7, np.float32)) == pytest.approx(1)
    rng = np.random.default_rng(0)
    assert power_in_mean(rng.random((1000, 100), np.float32)) == pytest.approx(3 / 4, abs=0.01)
    rectified = np.maximum(rng.standard_normal((1000, 100), np.float32), 0)
    assert power_in_mean(rectified) == pytest.approx(1 / np.pi, abs=0.01)
    assert power_in_mean(np.zeros((2, 3), np.float32)) == 0


def test_layers_keep_it_with_their_matrix(x, tmp_path):
    programmed = build(x, wires__row_ohms=1.0, wires__column_ohms=1.0)
    loaded = load_chip_state(save_chip(programmed, tmp_path / "chip.h5"))
    first, again = programmed.age_to(3600.0).layers, loaded.age_to(3600.0).layers
    for name, layer in programmed.layers.items():
        kept = [crossbar.power_in_mean for crossbar in layer.crossbars]
        assert kept == [crossbar.power_in_mean for crossbar in loaded.layers[name].crossbars]
        assert all(0 < share < 1 for share in kept)
        pairs = zip(first[name].crossbars, again[name].crossbars, strict=True)
        assert all(np.array_equal(a.s2[0], b.s2[0]) for a, b in pairs)
