"""Effective bits of a tile's products, against closed forms of the errors that were put in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.chips import Chip, load_chip
from neurosim.claims import output_bits
from neurosim.claims.precision import VECTORS
from neurosim.foundation.streams import stream

ROWS, COLUMNS = 96, 64


def ideal(**options: object) -> Chip:
    return load_chip("ideal_float").with_options(array__rows=ROWS, array__columns=COLUMNS, **options)


def exact_products(root: int = 0) -> np.ndarray:
    """The products of the matrix and vectors that `output_bits` draws, in float64."""
    key = stream(root, "precision", 0)
    weights = 2 * key.child("weights").generator().random((ROWS, COLUMNS)) - 1
    return np.asarray(key.child("inputs").generator().random((VECTORS, ROWS)) @ weights)


def test_without_errors_the_precision_is_that_of_float32() -> None:
    assert output_bits(ideal(), 25.0) > 20


@pytest.mark.parametrize("bits", [6, 8])
def test_a_converter_alone_gives_the_error_of_its_step(bits: int) -> None:
    exact = exact_products()
    full = np.abs(exact).max()
    step = full / (2 ** (bits - 1) - 1)
    expected = math.log2(np.ptp(exact) / step)
    assert output_bits(ideal(adc__bits=bits), 25.0) == pytest.approx(expected, abs=0.05)


def test_five_per_cent_more_error_is_seen() -> None:
    found = output_bits(ideal(adc__bits=8), 25.0)
    coarser = output_bits(ideal(adc__bits=8, adc__margin=1.05), 25.0)
    assert found - coarser == pytest.approx(math.log2(1.05), abs=0.02)


def test_another_chip_has_another_matrix_and_devices() -> None:
    chip = load_chip("joshi_2020").with_options(array__rows=64, array__columns=64)
    assert output_bits(chip, 25.0, 0, 0) == output_bits(chip, 25.0, 0, 0)
    assert output_bits(chip, 25.0, 0, 0) != output_bits(chip, 25.0, 0, 1)
    assert output_bits(chip, 25.0) > output_bits(chip.with_options(read_noise="none", adc__bits=4), 25.0)
