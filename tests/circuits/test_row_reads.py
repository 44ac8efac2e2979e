"""Reads of single rows against whole reads of vectors that drive one row, and their noise."""

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.circuits.converters import uniform
from neurosim.circuits.crossbar import Converters, Crossbar, Read, Tally
from neurosim.circuits.parameters import CellParameters, ReadParameters
from neurosim.circuits.row_reads import read_rows
from neurosim.devices import make_device
from neurosim.foundation.streams import stream

ROWS, COLUMNS = 50, 12


def aged(noise="none", cell=None, splits=(30, 20), coding="amplitude"):
    chip = load_chip("joshi_2020")
    read = ReadParameters(v_read_volts=0.3, t_read_s=250e-9, coding=coding, noise=noise)
    weights = np.random.default_rng(0).normal(0, 1, (ROWS, COLUMNS)).astype(np.float32)
    bar = Crossbar.program(
        weights, make_device(chip.device), cell or CellParameters(), read, splits, stream(0, "x")
    )
    return bar.age_to(1000.0, 1e-6)


def converters(crossbar, bits):
    """A DAC that passes 1, ADCs of which some single rows saturate."""
    most = max(float(np.abs(d).max()) for d in crossbar.d)
    adc = uniform(0.7 * most, bits, not crossbar.converts_apart, "adc")
    return Converters(uniform(1.25, bits and 8, False, "dac"), (adc,) * len(crossbar.d))


CELLS = [CellParameters(), CellParameters(subtraction="digital"), CellParameters(kind="offset"),
         CellParameters(devices_per_weight=3)]  # fmt: skip


@pytest.mark.parametrize("coding", ["amplitude", "pulse_width"])
@pytest.mark.parametrize("bits", [None, 6])
@pytest.mark.parametrize("cell", CELLS)
def test_rows_equal_whole_reads_of_one_row(cell, bits, coding):
    crossbar = aged(cell=cell, coding=coding)
    own = converters(crossbar, bits)
    single = read_rows(crossbar, own, 1.1, 0, 4, stream(0, "noise"))
    tally = Tally(ROWS)
    whole = crossbar.forward(
        np.eye(ROWS, dtype=np.float32), Read(0, ROWS, stream(0, "noise"), tally), own, 1.1
    )
    assert single.weights.shape == (1, ROWS, COLUMNS)
    np.testing.assert_allclose(single.weights[0], whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(single.siemens, tally.array_siemens, rtol=1e-5)
    if bits is None:
        assert not single.saturated.any()
    elif len(crossbar.d) == 1:
        np.testing.assert_array_equal(single.saturated[0], tally.adc_saturations)
    else:
        assert 0 < single.saturated.sum() < ROWS * COLUMNS


def test_noise_has_the_variance_of_the_devices_and_differs_between_images_rows_and_columns():
    crossbar = aged("independent", splits=(50,))
    reads = read_rows(crossbar, converters(crossbar, None), 1.0, 0, 3000, stream(0, "noise"))
    sigma = np.sqrt(crossbar.s2[0]) * crossbar.crossbar.scale.per_unit
    mean = crossbar.d[0] * crossbar.crossbar.scale.per_unit
    noisy = sigma > 0  # a few devices have drifted to nothing
    assert noisy.mean() > 0.9
    z = ((reads.weights - mean)[:, noisy]) / sigma[noisy]
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert z.std() == pytest.approx(1.0, rel=0.004)  # 1.8 million draws: five per cent would be seen
    assert np.abs(np.corrcoef(z[:, :40], rowvar=False) - np.eye(40)).max() < 0.09
    assert np.abs(np.corrcoef(z[:40]) - np.eye(40)).max() < 0.2


def test_noise_depends_on_the_image_alone():
    crossbar = aged("independent")
    many = read_rows(crossbar, converters(crossbar, 6), 1.0, 10, 5, stream(0, "noise")).weights
    one = read_rows(crossbar, converters(crossbar, 6), 1.0, 12, 1, stream(0, "noise")).weights
    np.testing.assert_array_equal(many[2], one[0])
    other = read_rows(crossbar, converters(crossbar, 6), 1.0, 12, 1, stream(1, "noise")).weights
    assert not np.array_equal(one, other)
