"""What slices hold: bits of weights, flipped columns, the bits that columns need; what does not fit is refused."""

import re

import numpy as np
import pytest
from sliced_samples import isaac_cell, read_parameters

from neurosim.circuits.cells import column_bits, sliced_targets, whole_weights
from neurosim.circuits.parameters import CellParameters, ReadParameters
from neurosim.devices import IdealParameters
from neurosim.foundation.errors import DataError


def test_slices_hold_the_bits_of_the_weights():
    weights = np.array([[1.0, -1.0, 0.25, 0.0]], np.float32)
    whole, step = whole_weights(weights, 8)
    assert whole.tolist() == [[127, -127, 32, 0]]
    assert step == pytest.approx(1 / 127)
    span = IdealParameters(g_max_siemens=3e-6)
    held = sliced_targets(
        weights, CellParameters(kind="offset", weight_bits=8, slices=4, bits_per_cell=2), span, (1,)
    )
    assert np.rint(held.siemens[0, :, 0] * 1e6).T.tolist() == [
        [3, 3, 3, 3],
        [1, 0, 0, 0],
        [0, 0, 2, 2],
        [0, 0, 0, 2],
    ]
    assert held.scale.offset == 128
    pair = sliced_targets(weights, CellParameters(weight_bits=8, slices=4, bits_per_cell=2), span, (1,))
    assert np.rint(pair.siemens[:, :, 0, 1] * 1e6).tolist() == [[0, 0, 0, 0], [3, 3, 3, 1]]
    with pytest.raises(DataError, match="weights: expected finite numbers, got 1 NaN or infinite"):
        sliced_targets(np.array([[np.nan]], np.float32), isaac_cell(), span, (1,))


def test_columns_are_flipped_where_that_lowers_their_sum():
    weights = np.concatenate([np.full((8, 1), 1.0), np.full((8, 1), -1.0)], axis=1)
    cell = isaac_cell(encoding="flipped")
    held = sliced_targets(weights.astype(np.float32), cell, IdealParameters(g_max_siemens=3e-6), (4, 4))
    assert held.flips.shape == (2, 1, 8, 2)
    levels = np.rint(held.siemens[0] * 1e6)
    assert levels.sum(axis=1).max() <= 8 * 3 / 2
    assert held.flips[0, 0, :, 0].all()  # 65535: all ones
    assert not held.flips[0, 0, :, 1].any()  # 1


@pytest.mark.parametrize(("changes", "bits"), [
    ({}, 9), ({"encoding": "flipped"}, 8), ({"kind": "differential"}, 10),
    ({"kind": "differential", "subtraction": "digital"}, 9),
])  # fmt: skip
def test_bits_that_a_column_needs(changes, bits):
    # Shafiee et al. 2016, section V: 128 rows of two bits and inputs of one need 9 bits, 8 with the flipped encoding
    assert column_bits(isaac_cell(**changes), read_parameters(), 128, True) == bits


def test_bits_that_a_column_needs_for_whole_inputs_of_both_signs():
    assert column_bits(isaac_cell(), read_parameters(signed_inputs="bipolar"), 128, True) == 10
    assert column_bits(isaac_cell(), read_parameters(signed_inputs="bipolar"), 128, False) == 9
    assert (
        column_bits(isaac_cell(), read_parameters(accumulate="analog"), 128, True)
        == (384 * 65535).bit_length() + 1
    )
    assert column_bits(CellParameters(), read_parameters(), 128, True) is None


@pytest.mark.parametrize(("table", "changes", "message"), [
    (CellParameters, {"weight_bits": 16, "slices": 7, "bits_per_cell": 2, "kind": "offset"},
     "7 slices of 2 bits do not cover the 16 bits of a weight: give at least 8 slices, or fewer weight_bits"),
    (CellParameters, {"weight_bits": 16, "slices": 7, "bits_per_cell": 2},
     "7 slices of 2 bits do not cover the 15 bits of a weight: give at least 8 slices"),
    (CellParameters, {"slices": 2}, "slices, bits_per_cell, encoding and baseline need weight_bits"),
    (CellParameters, {"baseline": "reference"}, "slices, bits_per_cell, encoding and baseline need weight_bits"),
    (CellParameters, {"weight_bits": 4}, "weight_bits needs bits_per_cell"),
    (CellParameters, {"weight_bits": 4, "slices": 4, "bits_per_cell": 1, "levels": "binary"}, 'levels = "binary"'),
    (CellParameters, {"weight_bits": 4, "slices": 4, "bits_per_cell": 1, "encoding": "flipped"},
     'encoding = "flipped" needs columns that are converted apart'),
    (ReadParameters, {"input_bits": 4, "phases": 5}, "5 phases are more than the 4 bits of an input"),
    (ReadParameters, {"input_bits": 8, "phases": 7}, "7 phases of 2 bits are more than 8 bits need: 4 do"),
    (ReadParameters, {"phases": 2}, "phases, accumulate and twos_complement need input_bits"),
    (ReadParameters, {"input_bits": 8, "phases": 4, "signed_inputs": "twos_complement"},
     "twos_complement needs a phase for every bit"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(table, changes, message):
    needed = {"v_read_volts": 0.2, "t_read_s": 1e-7} if table is ReadParameters else {}
    with pytest.raises(ValueError, match=re.escape(message)):
        table(**needed, **changes)
