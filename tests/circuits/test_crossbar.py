"""The crossbar against closed forms: matrix products, variances, quantisation, tiles."""

import itertools

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.circuits.converters import calibrate, uniform
from neurosim.circuits.crossbar import AgedCrossbar, Converters, Crossbar, Read, Tally
from neurosim.circuits.parameters import CellParameters, ConverterParameters, ReadParameters
from neurosim.devices import IdealParameters, make_device
from neurosim.foundation.errors import DataError
from neurosim.foundation.streams import stream

G_MAX, G_MIN = 25e-6, 1e-6
WIRE = ConverterParameters()
RNG = np.random.default_rng(0)
W = RNG.standard_normal((40, 70)).astype(np.float32)
X = RNG.random((12, 40)).astype(np.float32)


def read_parameters(**changes):
    return ReadParameters(v_read_volts=0.2, t_read_s=250e-9, **changes)


def build(cell=None, read=None, splits=(16, 16, 8), device=None, weights=W, driven=1.0, key=0):
    device = device or make_device(IdealParameters(g_min_siemens=G_MIN, g_max_siemens=G_MAX))
    cell, read = cell or CellParameters(), read or read_parameters()
    return Crossbar.program(weights, device, cell, read, splits, stream(key, "crossbar"), driven)


def wires(aged, x, bits=None):
    adc = ConverterParameters(bits=bits)
    signed = not aged.converts_apart and aged.crossbar.cell.kind == "differential"
    adcs = tuple(calibrate(c, adc, signed or x.min() < 0, "adc") for c in aged.adc_inputs(x))
    return Converters(calibrate(x, WIRE, bool(x.min() < 0), "dac"), adcs)


def reading(n, key="noise", first=0):
    return Read(first, n, stream(0, key), Tally(n))


CELLS = [
    CellParameters(kind=kind, subtraction=subtraction, devices_per_weight=devices)
    for kind, subtraction, devices in [
        ("differential", "analog", 1), ("differential", "digital", 1), ("differential", "analog", 3),
        ("offset", "analog", 1), ("offset", "analog", 2),
    ]
]  # fmt: skip
SPLITS = [(40,), (16, 16, 8), (1,) * 40]


@pytest.mark.parametrize(("cell", "splits"), list(itertools.product(CELLS, SPLITS)))
@pytest.mark.parametrize("signed", [None, "bipolar", "two_phase"])
@pytest.mark.parametrize("driven", [1.0, 0.1])
def test_ideal_crossbar_is_the_matrix_product(cell, splits, signed, driven):
    x = X if signed is None else X - np.float32(0.5)
    aged = build(cell, read_parameters(signed_inputs=signed or "bipolar"), splits, driven=driven).age_to(
        5.0, 1e-6
    )
    product = aged.forward(x, reading(len(x)), wires(aged, x))
    np.testing.assert_allclose(product, x.astype(float) @ W, atol=1e-4 if cell.kind == "offset" else 3e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_conductances_stay_in_the_range_and_both_devices_live(cell):
    crossbar = build(cell)
    g = crossbar.state.g_siemens
    assert g.shape == (2 if cell.kind == "differential" else 1, cell.devices_per_weight, 40, 70)
    assert g.min() >= np.float32(G_MIN)
    assert G_MAX in (
        pytest.approx(g.max()),
        pytest.approx(G_MAX + G_MIN - g.min()),
    )  # the largest |w| is at an end
    if cell.kind == "differential":
        assert (np.minimum(g[0], g[1]) == np.float32(G_MIN)).all()


def test_adc_rounds_each_row_tile_then_adds():
    aged = build(splits=(16, 24)).age_to(0.0, 1e-6)
    converters = wires(aged, X, bits=5)
    product = aged.forward(X, reading(len(X)), converters)
    d = np.concatenate(aged.d).astype(float)
    expected = np.zeros((12, 70))
    for rows, adc in zip((slice(0, 16), slice(16, 40)), converters.adcs, strict=True):
        code = np.clip(np.floor(X[:, rows].astype(float) @ d[rows] / adc.lsb + 0.5), adc.low, adc.high)
        expected += code * adc.lsb
    step = max(adc.lsb for adc in converters.adcs) * aged.crossbar.scale.per_unit
    off = np.abs(product - expected * aged.crossbar.scale.per_unit)
    assert np.median(off) < 1e-4  # a current on the edge of two codes may fall either way in float32
    assert (off < 1e-4).mean() > 0.995
    assert off.max() < 1.01 * step


def test_saturations_and_array_siemens_are_counted_per_image():
    aged = build(splits=(40,)).age_to(0.0, 1e-6)
    converters = Converters(uniform(0.5, 8, False, "dac"), (uniform(1.0, 8, True, "adc"),))
    read = Read(0, 6, stream(0), Tally(6))
    aged.forward(X, read, converters)  # two vectors per image
    clipped = np.clip(np.floor(X / np.float32(0.5 / 255) + 0.5), 0, 255)
    over = (np.floor(X / np.float32(0.5 / 255) + 0.5) > 255).sum(axis=1).reshape(6, 2).sum(axis=1)
    np.testing.assert_array_equal(read.tally.dac_saturations, over)
    duty = (clipped / 255.0) ** 2
    load = aged.g_siemens.astype(float).sum(axis=(0, 1, 3))
    np.testing.assert_allclose(read.tally.array_siemens, (duty @ load).reshape(6, 2).sum(axis=1), rtol=1e-5)
    assert read.tally.adc_saturations.sum() > 0


def pcm_crossbar(noise="split", key=0, x=0.5, shape=(30, 64)):
    chip = load_chip("joshi_2020")
    weights = np.full(shape, x, np.float32)
    weights[0] = 1
    return build(read=read_parameters(noise=noise), splits=(shape[0],), device=make_device(chip.device),
                 weights=weights, key=key)  # fmt: skip


def many_reads(aged, x, n, key="noise"):
    converters = Converters(uniform(1.0, None, False, "dac"), (uniform(1.0, None, True, "adc"),))
    return aged.forward(np.repeat(x[None], n, axis=0), reading(n, key), converters)


def test_output_noise_has_the_variance_of_all_devices():
    aged = pcm_crossbar().age_to(86400.0, 1e-4)
    x = np.linspace(0.1, 1, 30).astype(np.float32)
    n = 40_000
    reads = many_reads(aged, x, n).astype(float) / aged.crossbar.scale.per_unit
    per_device = aged.crossbar.device.aged(aged.crossbar.state, 86400.0, 1e-4, stream(1))[1] / G_MAX**2
    expected = (x.astype(float) ** 2) @ per_device.sum(axis=(0, 1))
    assert np.abs(reads.var(axis=0) / expected - 1).mean() < 3 * np.sqrt(2 / n)
    assert abs(reads.var(axis=0).sum() / expected.sum() - 1) < 6 * np.sqrt(2 / (n * 64))
    assert 6 * np.sqrt(2 / (n * 64)) < 0.05  # so 5 % of variance would be seen
    correlation = np.corrcoef(reads.T)
    assert np.abs(correlation[~np.eye(64, dtype=bool)]).max() < 6 / np.sqrt(n)


def test_output_noise_agrees_with_noise_drawn_for_every_device():
    aged = pcm_crossbar(shape=(30, 4)).age_to(86400.0, 1e-4)
    x = np.linspace(0.1, 1, 30).astype(np.float32)
    n = 20_000
    sigma = np.sqrt(aged.crossbar.device.aged(aged.crossbar.state, 86400.0, 1e-4, stream(1))[1][:, 0]) / G_MAX
    rng = np.random.default_rng(5)
    drawn = np.zeros((n, 4))
    for side, sign in ((0, 1), (1, -1)):
        drawn += sign * np.einsum("nrc,rc,r->nc", rng.standard_normal((n, 30, 4)), sigma[side], x)
    reads = many_reads(aged, x, n).astype(float) / aged.crossbar.scale.per_unit
    spread = (reads - reads.mean(axis=0)).std(axis=0)
    np.testing.assert_allclose(spread, drawn.std(axis=0), rtol=6 / np.sqrt(n))


def variance_of_the_mean(noise, reads_averaged=64):
    """Spread over chips of the mean of N reads, over that of one read; both about the drifted product."""
    chips, x = 60, np.ones(30, np.float32)
    one, averaged = [], []
    for key in range(chips):
        crossbar = pcm_crossbar(noise, key)
        aged = crossbar.age_to(86400.0, 1e-4)
        mean = crossbar.device.conductance(crossbar.state, 86400.0)
        still = (mean[0, 0] - mean[1, 0]).sum(axis=0) / G_MAX * crossbar.scale.per_unit
        reads = many_reads(aged, x, reads_averaged, f"chip {key}") - still
        one.append(reads[0, 1:])
        averaged.append(reads.mean(axis=0)[1:])
    return np.var(averaged) / np.var(one)


def test_mean_of_many_reads_keeps_the_frozen_noise():
    # T = 100 us after a day: ln(T / t_read) = 6.0 of 25.9 is redrawn at each read, 77 % is frozen
    frozen = 1 - np.log(1e-4 / 250e-9) / np.log((86400 + 20) / (2 * 250e-9))
    assert frozen == pytest.approx(0.77, abs=0.005)
    assert variance_of_the_mean("split") == pytest.approx(frozen + (1 - frozen) / 64, rel=0.1)
    assert variance_of_the_mean("independent") == pytest.approx(1 / 64, rel=0.15)


def test_no_read_noise_where_switched_off():
    aged = pcm_crossbar("none").age_to(86400.0, 1e-4)
    reads = many_reads(aged, np.ones(30, np.float32), 3)
    assert (reads[0] == reads[1]).all()


@pytest.mark.parametrize("cell", CELLS)
def test_transposed_read_is_the_product_with_the_transpose(cell):
    turned = build(cell).age_to(0.0, 1e-6).transposed((50, 20))
    d = np.random.default_rng(1).random((9, 70)).astype(np.float32)
    product = turned.forward(d, reading(9), wires(turned, d))
    np.testing.assert_allclose(product, d.astype(float) @ W.T, atol=1e-4)


def test_transposed_read_has_the_noise_of_the_same_devices():
    aged = pcm_crossbar(shape=(30, 8)).age_to(86400.0, 1e-4)
    turned, n = aged.transposed((8,)), 40_000
    reads = many_reads(turned, np.ones(8, np.float32), n) / aged.crossbar.scale.per_unit
    expected = aged.variance.sum(axis=(0, 1, 3)) / G_MAX**2
    assert abs(reads.var(axis=0).sum() / expected.sum() - 1) < 6 * np.sqrt(2 / (n * 30))


def test_reading_changes_nothing_but_the_tally():
    aged = pcm_crossbar().age_to(3600.0, 1e-6)
    before = [a.copy() for a in (*aged.d, aged.g_siemens, aged.crossbar.state.g_siemens)]
    first = many_reads(aged, np.ones(30, np.float32), 3)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(before, (*aged.d, aged.g_siemens, aged.crossbar.state.g_siemens), strict=True)
    )
    np.testing.assert_array_equal(many_reads(aged, np.ones(30, np.float32), 3), first)


def test_read_out_gives_every_device():
    crossbar = pcm_crossbar()
    arrays = crossbar.read_out(3600.0)
    assert {"g_siemens", "nu", "conductance"} <= arrays.keys()
    assert arrays["conductance"].shape == (2, 1, 30, 64)
    assert (arrays["conductance"] <= arrays["g_siemens"]).all()


def test_all_zero_weights_are_held():
    aged = build(weights=np.zeros((40, 5), np.float32)).age_to(0.0, 1e-6)
    product = aged.forward(X, reading(len(X)), wires(aged, X))
    np.testing.assert_allclose(product, 0, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    weights = W.copy()
    weights[3, 4] = bad
    with pytest.raises(DataError, match="weights: expected finite numbers, got 1 NaN or infinite"):
        build(weights=weights)


def test_alignment_of_tiles():
    aged = build().age_to(0.0, 1e-6)
    assert isinstance(aged, AgedCrossbar)
    assert all(d.ctypes.data % 64 == 0 and d.flags.c_contiguous for d in aged.d)
