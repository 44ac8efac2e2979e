"""Sliced weights and inputs in phases against whole-number products, closed forms and a plain simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sliced_samples import (
    COLUMNS,
    G_MAX,
    ROWS,
    SIGNED,
    SPLITS,
    WHOLE,
    build,
    converters,
    expect_products,
    isaac_cell,
    levels,
    product,
    read_parameters,
    reading,
    rng,
)

from neurosim.chips import load_chip
from neurosim.circuits.converters import Converter, NoisyConverter, uniform
from neurosim.circuits.crossbar import Converters
from neurosim.circuits.parameters import CellParameters, ReadParameters
from neurosim.circuits.sliced import AgedSliced
from neurosim.devices import make_device
from neurosim.devices.parameters import StuckDevices
from neurosim.foundation.errors import ConfigError


def test_isaac_arithmetic_is_exact_with_a_wide_adc():
    out, tally = product(build().age_to(0.0, 1e-6), SIGNED, levels(16))
    expect_products(out, SIGNED)
    assert tally.adc_saturations.sum() == 0


def full_tile(rows=128):
    """Weights near the top of their range: every slice of them is mostly full."""
    whole = rng().integers(2**14, 2**15, (rows, 5))
    whole[0] = 2**15 - 1
    return whole


def test_eight_bits_are_enough_with_flipped_columns_and_too_few_without():
    # 128 rows of levels up to 3 add up to 384, beyond the 255 of eight bits; flipped ones to 192
    whole, x = full_tile(), rng().integers(-(2**15), 2**15, (20, 128)) | 1
    out, tally = product(build(isaac_cell(encoding="flipped"), weights=whole, splits=(128,)).age_to(0.0, 1e-6), x,
                         levels(8))  # fmt: skip
    expect_products(out, x, whole)
    assert tally.adc_saturations.sum() == 0
    x[:, :] = -1  # all bits set: every row is driven in every phase
    plain, tally = product(build(weights=whole, splits=(128,)).age_to(0.0, 1e-6), x, levels(8))
    assert tally.adc_saturations.min() > 0
    assert (plain != x @ whole).any()
    expect_products(product(build(isaac_cell(encoding="flipped"), weights=whole, splits=(128,)).age_to(0.0, 1e-6), x,
                    levels(8))[0], x, whole)  # fmt: skip


def test_saturations_are_those_of_the_columns_sums():
    whole, x = full_tile(), np.full((2, 128), -1)
    aged = build(weights=whole, splits=(128,)).age_to(0.0, 1e-6)
    _, tally = product(aged, x, levels(8))
    sums = np.stack([(whole + 2**15 >> 2 * s & 3).sum(axis=0) for s in range(8)])
    np.testing.assert_array_equal(tally.adc_saturations, [16 * (sums > 255).sum()] * 2)


@pytest.mark.parametrize("cell", [
    isaac_cell(), isaac_cell(encoding="flipped"), isaac_cell(devices_per_weight=3),
    isaac_cell(slices=4, bits_per_cell=4), isaac_cell(slices=6, bits_per_cell=3),
    isaac_cell(kind="differential", slices=5, bits_per_cell=3),
    isaac_cell(kind="differential", subtraction="digital", slices=15, bits_per_cell=1),
    isaac_cell(kind="differential", subtraction="digital", encoding="flipped"),
])  # fmt: skip
@pytest.mark.parametrize("read", [
    {}, {"signed_inputs": "two_phase"}, {"signed_inputs": "bipolar"}, {"signed_inputs": "two_phase", "phases": 8},
    {"signed_inputs": "bipolar", "phases": 4}, {"signed_inputs": "two_phase", "input_bits": 15, "phases": 5},
])  # fmt: skip
def test_every_cell_and_every_phase_gives_the_whole_number_product(cell, read):
    aged = build(cell, read_parameters(**read)).age_to(0.0, 1e-6)
    x = SIGNED if not read else SIGNED.clip(-(2**14), 2**14)
    both = cell.subtracts_currents or read.get("signed_inputs") == "bipolar"
    adc = Converter(1.0, -(2**15) if both else 0, 2**16)
    low = None if not read else -(2**16) + 1
    expect_products(product(aged, x, adc, low=low)[0], x)


def test_unsigned_inputs_need_no_sign():
    x = np.abs(SIGNED)
    aged = build(read=read_parameters(signed_inputs="two_phase")).age_to(0.0, 1e-6)
    expect_products(product(aged, x, levels(12), low=0)[0], x)


@pytest.mark.parametrize("encoding", ["plain", "flipped"])
@pytest.mark.parametrize("baseline", ["count", "reference"])
@pytest.mark.parametrize("kind", ["offset", "differential"])
def test_current_of_cells_at_the_bottom_is_taken_off(encoding, baseline, kind):
    cell = isaac_cell(encoding=encoding, baseline=baseline, kind=kind, subtraction="digital")
    aged = build(cell, g_min_siemens=50e-6).age_to(0.0, 1e-6)
    wire = Converter(0.0, 0, 1e6)
    np.testing.assert_allclose(product(aged, SIGNED, wire)[0], SIGNED @ WHOLE, rtol=0, atol=2e-6 * 2**30 * 70)
    if baseline == "reference":  # whole levels reach the ADC, so nothing is lost in its steps
        expect_products(product(aged, SIGNED, levels(16))[0], SIGNED)
    # nothing taken off would be seen: cells at the bottom are 0.21 levels
    assert 50e-6 / (700e-6 / 3) * 2**15 * np.abs(SIGNED.sum(axis=1)).max() > 1000 * 2e-6 * 2**30 * 70


def test_a_reference_column_draws_its_current():
    x = np.full((1, ROWS), 3)
    drawn = []
    for baseline in ("count", "reference"):
        aged = build(isaac_cell(baseline=baseline), g_min_siemens=50e-6).age_to(0.0, 1e-6)
        drawn.append(product(aged, x, levels(16))[1].array_siemens[0])
    assert drawn[1] - drawn[0] == pytest.approx(
        2 * ROWS * 50e-6, rel=1e-4
    )  # two bits set in each of 70 inputs


def test_pairs_subtracted_as_currents_need_no_reference():
    pair = isaac_cell(kind="differential", baseline="reference")
    drawn = [product(build(own, g_min_siemens=50e-6).age_to(0.0, 1e-6), SIGNED, Converter(1.0, -(2**15), 2**15))
             for own in (pair, isaac_cell(kind="differential"))]  # fmt: skip
    np.testing.assert_array_equal(drawn[0][1].array_siemens, drawn[1][1].array_siemens)
    expect_products(drawn[0][0], SIGNED)


@pytest.mark.parametrize(("coding", "phases"), [("amplitude", 16), ("amplitude", 4), ("pulse_width", 4)])
def test_array_siemens_are_the_duty_of_every_phase(coding, phases):
    read = read_parameters(signed_inputs="two_phase", phases=phases, coding=coding)
    aged = build(read=read).age_to(0.0, 1e-6)
    tally = product(aged, SIGNED.clip(-(2**14), 2**14), Converter(1.0, 0, 2**16), low=-(2**16) + 1)[1]
    bits, left = 16 // phases, np.abs(SIGNED.clip(-(2**14), 2**14))
    duty = np.zeros(SIGNED.shape)
    for k in range(phases):
        share = (left >> bits * k & (2**bits - 1)) / (2**bits - 1)
        duty += share**2 if coding == "amplitude" else share
    load = aged.g_siemens.astype(float).sum(axis=(0, 1, 3))
    np.testing.assert_allclose(tally.array_siemens, duty @ load, rtol=1e-5)


def noisy(read=None, cell=None, splits=(30,), key=0, shape=(30, 6)):
    device = make_device(load_chip("joshi_2020").device)
    weights = rng().standard_normal(shape)
    cell = cell or isaac_cell(weight_bits=8, slices=4)
    return build(cell, read or read_parameters(input_bits=8, phases=8), weights, splits, device, key)


def simulated(aged, x, n, adc, seed=5):
    """Noise drawn for every slice and phase, codes rounded one by one: the slow way, float64."""
    rng, cell = np.random.default_rng(seed), aged.crossbar.cell
    out = np.zeros((n, aged.columns))
    d, s2 = aged.d[0].astype(float), aged.s2[0].astype(float)
    for k in range(8):
        bits = x >> k & 1
        mean, spread = bits @ d, np.sqrt((bits**2) @ s2)
        codes = np.floor((mean + spread * rng.standard_normal((n, d.shape[1]))) / adc.lsb + 0.5)
        codes = np.clip(codes, adc.low, adc.high) * adc.lsb
        weight = -(2**7) if k == 7 else 2**k
        for s in range(cell.slices):
            out += weight * 4**s * codes[:, s * aged.columns : (s + 1) * aged.columns]
    return aged.crossbar.scale.per_unit * (out - 128 * x.sum())


@pytest.mark.parametrize("fused", [True, False])
def test_noise_is_drawn_for_every_slice_and_phase_before_conversion(fused):
    aged = noisy().age_to(86400.0, 1e-4)
    assert aged.s2 is not None
    x, n = rng().integers(-128, 128, 30), 100_000
    adc = Converter(0.5, 0, 511) if fused else NoisyConverter(0.5, 0, 511, 0.0)
    assert aged._selects(converters(aged, adc, bits=8)) is fused
    got = product(aged, np.repeat(x[None], n, axis=0), adc, bits=8)[0].astype(float)
    expected = simulated(aged, x, n, adc)
    assert 6 / np.sqrt(2 * n) < 0.05  # so 5 % of a spread would be seen
    for column in range(aged.columns):
        a, b = got[:, column], expected[:, column]
        assert abs(a.mean() - b.mean()) < 6 * b.std() * np.sqrt(2 / n)
        assert a.std() == pytest.approx(b.std(), rel=6 / np.sqrt(n))
        assert stats.ks_2samp(a, b).pvalue > 1e-6
    wider = got.mean(axis=0) + 1.05 * (got - got.mean(axis=0))
    assert all(stats.ks_2samp(wider[:, c], expected[:, c]).pvalue < 1e-6 for c in range(aged.columns))
    correlation = np.corrcoef(got.T)
    assert np.abs(correlation[~np.eye(aged.columns, dtype=bool)]).max() < 6 / np.sqrt(n)


def test_noise_of_fused_and_plain_reads_has_one_variance_before_the_adc():
    aged = noisy(splits=(20, 10)).age_to(86400.0, 1e-4)
    x, n = rng().integers(0, 128, 30), 40_000
    wide = [Converter(1e-4, -(2**22), 2**22), NoisyConverter(1e-4, -(2**22), 2**22, 0.0)]
    reads = [product(aged, np.repeat(x[None], n, axis=0), adc, bits=8)[0].astype(float) for adc in wide]
    s2 = np.concatenate(aged.s2).astype(float)
    variance = sum(4.0**k * ((x >> k & 1) @ s2) for k in range(7)).reshape(4, 6)
    expected = (16.0 ** np.arange(4)[:, None] * variance).sum(axis=0) * aged.crossbar.scale.per_unit**2
    for own in reads:
        np.testing.assert_allclose(own.var(axis=0), expected, rtol=6 * np.sqrt(2 / n))


def test_analog_accumulation_sums_phases_before_one_conversion():
    read = read_parameters(input_bits=8, phases=8, accumulate="analog", signed_inputs="two_phase")
    aged = noisy(read).age_to(86400.0, 1e-4)
    x, n = rng().integers(0, 256, 30), 40_000
    wide = Converter(1e-2, -(2**22), 2**22)
    got = product(aged, np.repeat(x[None], n, axis=0), wide, bits=8, low=0)[0].astype(float)
    s2 = aged.s2[0].astype(float)
    variance = sum(4.0**k * ((x >> k & 1) @ s2) for k in range(8)).reshape(4, 6)
    per_unit = aged.crossbar.scale.per_unit
    expected = (16.0 ** np.arange(4)[:, None] * variance).sum(axis=0) * per_unit**2
    np.testing.assert_allclose(got.var(axis=0), expected, rtol=6 * np.sqrt(2 / n))
    # one conversion of the whole input: a step of 64 rounds sums of all phases
    coarse = Converter(64.0, 0, 2**16)
    quiet = build(isaac_cell(), read_parameters(accumulate="analog", signed_inputs="two_phase")).age_to(
        0.0, 1e-6
    )
    x = np.abs(SIGNED[:1])
    out = product(quiet, x, coarse, low=0)[0][0]
    sums = np.zeros(COLUMNS)
    for a, b in itertools.pairwise(np.cumsum((0, *SPLITS))):
        for s in range(8):
            own = x[0, a:b] @ (WHOLE[a:b] + 2**15 >> 2 * s & 3)
            sums += 4**s * 64 * np.clip(np.floor(own / 64 + 0.5), 0, 2**16)
    np.testing.assert_allclose(out, sums - 2**15 * x.sum(), rtol=0, atol=1e-6 * sums.max())


def test_weights_without_slices_take_inputs_in_phases():
    cell, read = CellParameters(), read_parameters(signed_inputs="two_phase")
    weights = rng().standard_normal((ROWS, COLUMNS)).astype(np.float32)
    aged = build(cell, read, weights, g_min_siemens=1e-6).age_to(0.0, 1e-6)
    x = SIGNED.clip(-(2**14), 2**14)
    out = product(aged, x, Converter(0.0, -1, 1e6), low=-(2**16) + 1)[0]
    np.testing.assert_allclose(out, x @ weights.astype(float), rtol=0, atol=1e-5 * 2**14 * 70)


def test_sliced_weights_take_inputs_whole():
    read = ReadParameters(v_read_volts=0.2, t_read_s=1e-7)
    aged = build(read=read).age_to(0.0, 1e-6)
    x = rng().random((5, ROWS)).astype(np.float32)
    wires = Converters(Converter(0.0, 0, 1.0), (Converter(0.0, 0, 1e6),) * 3)
    np.testing.assert_allclose(aged.forward(x, reading(5), wires), x @ WHOLE, rtol=0, atol=0.5 * 70)
    steps = Converters(uniform(1.0, 8, False, "dac"), (Converter(0.0, 0, 1e6),) * 3)
    read = reading(5)
    eighth = np.floor(x * 255 + np.float32(0.5)) / 255
    np.testing.assert_allclose(aged.forward(x, read, steps), eighth @ WHOLE, rtol=0, atol=0.5 * 70)
    load = aged.g_siemens.astype(float).sum(axis=(0, 1, 3))
    np.testing.assert_allclose(read.tally.array_siemens, eighth**2 @ load, rtol=1e-5)


def test_stuck_cells_hold_their_level_in_every_slice():
    stuck = StuckDevices(low=0.1, high=0.1)
    crossbar = build(stuck=stuck)
    aged = crossbar.age_to(0.0, 1e-6)
    held = np.rint(crossbar.state.g_siemens[0].astype(float) / (G_MAX / 3)).astype(np.int64)
    flags = crossbar.state.stuck[0]
    biased = WHOLE + 2**15 >> 2 * np.arange(8)[:, None, None] & 3
    np.testing.assert_array_equal(held, np.where(flags == 1, 0, np.where(flags == 2, 3, biased)))
    assert (held != biased).mean() > 0.1
    effective = (4 ** np.arange(8)[:, None, None] * held).sum(axis=0) - 2**15
    expect_products(product(aged, SIGNED, levels(16))[0], SIGNED, effective)


def test_drift_moves_every_slice_and_a_gain_brings_it_back():
    aged = noisy(read_parameters(input_bits=8, phases=8, noise="none")).age_to(86400.0, 1e-4)
    x = rng().integers(-128, 128, (4, 30)).astype(np.float32)
    wire = converters(aged, Converter(0.0, 0, 1e6), bits=8)
    analog = aged.forward(x, reading(4), wire) + aged.crossbar.scale.per_unit * 128 * x.sum(axis=1)[:, None]
    doubled = aged.forward(x, reading(4), wire, gain=2.0)
    doubled += aged.crossbar.scale.per_unit * 128 * x.sum(axis=1)[:, None]
    np.testing.assert_allclose(doubled, 2 * analog, rtol=1e-4)
    now = aged.converted(x, reading(4), wire)
    then = noisy(read_parameters(input_bits=8, phases=8, noise="none")).age_to(0.0, 1e-4)
    assert np.abs(now).sum() < 0.9 * np.abs(then.converted(x, reading(4), wire)).sum()


def test_frozen_noise_is_shared_by_reads_and_phases():
    crossbar = noisy()
    aged = crossbar.age_to(86400.0, 1e-4)
    still = AgedSliced.of(
        crossbar, crossbar.device.conductance(crossbar.state, 86400.0), 0 * aged.variance, 86400.0
    )
    x, n = rng().integers(-128, 128, 30), 20_000
    wire = Converter(1e-3, -(2**22), 2**22)
    mean = product(aged, np.repeat(x[None], n, axis=0), wire, bits=8)[0].astype(float)
    without = product(still, x[None], wire, bits=8)[0][0]
    # what all reads share is left when they are averaged: the devices' conductances of this time, slice by slice
    levels = (aged.g_siemens[0].astype(float) / 25e-6 * 3 * 4.0 ** np.arange(4)[:, None, None]).sum(axis=0)
    frozen = aged.crossbar.scale.per_unit * (x @ levels - 128 * x.sum())
    error = mean.std(axis=0) / np.sqrt(n)
    assert (np.abs(mean.mean(axis=0) - frozen) < 6 * error + 1e-3).all()
    assert (np.abs(mean.mean(axis=0) - without) > 20 * error).any()


def test_images_do_not_disturb_each_other():
    aged = noisy().age_to(86400.0, 1e-4)
    x = rng().integers(-128, 128, (9, 2, 30)).astype(np.float32)
    adc = Converter(0.5, 0, 511)
    whole = aged.forward(x.reshape(18, 30), reading(9), converters(aged, adc, bits=8))
    later = aged.forward(x[4:].reshape(10, 30), reading(5, first=4), converters(aged, adc, bits=8))
    np.testing.assert_array_equal(whole[8:], later)
    assert (
        whole[8:10] != aged.forward(x[4:5].reshape(2, 30), reading(1), converters(aged, adc, bits=8))
    ).any()


def test_transposed_products_read_the_slices_one_after_the_other():
    turned = build(read=read_parameters(signed_inputs="two_phase")).age_to(0.0, 1e-6).transposed((5, 4))
    x = rng().integers(0, 2**16, (7, COLUMNS))
    expect_products(product(turned, x, levels(12), low=0)[0], x, WHOLE.T)
    with pytest.raises(
        ConfigError, match='transposed read: expected cells with encoding = "plain", got flipped'
    ):
        build(isaac_cell(encoding="flipped")).age_to(0.0, 1e-6).transposed((9,))


def test_range_of_the_adcs():
    aged = build(splits=(32, 38)).age_to(0.0, 1e-6)
    assert aged.largest_inputs(1.0) == [32 * 3, 38 * 3]
    serial = read_parameters(signed_inputs="two_phase", phases=8)
    assert build(read=serial).age_to(0.0, 1e-6).largest_inputs(1.0)[0] == 32 * 3 * 3
    summed = read_parameters(signed_inputs="two_phase", accumulate="analog")
    assert build(read=summed).age_to(0.0, 1e-6).largest_inputs(1.0)[0] == 32 * 3 * 65535
    x = np.full((3, ROWS), 2**15 - 1, np.float32)
    seen = aged.adc_inputs(x, Converter(1.0, -(2**15), 2**15 - 1))
    assert [own.shape for own in seen] == [(48, 72)] * 2
    sums = np.stack([(WHOLE[:32] + 2**15 >> 2 * s & 3).sum(axis=0) for s in range(8)]).ravel()
    np.testing.assert_allclose(seen[0][0], sums, rtol=1e-5)
    assert (seen[0][-3:] == 0).all()  # the sign
    with pytest.raises(
        ConfigError, match="adc_inputs: expected the DAC that cuts inputs into phases, got none"
    ):
        aged.adc_inputs(x)


def test_the_kind_of_aged_crossbar():
    assert isinstance(build().age_to(0.0, 1e-6), AgedSliced)
    assert isinstance(build().age_to(0.0, 1e-6).whole, tuple)
    assert noisy().age_to(86400.0, 1e-4).whole is None
