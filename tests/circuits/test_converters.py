"""Converters: ranges, codes, errors."""

import numpy as np
import pytest

from neurosim.circuits.converters import calibrate, uniform
from neurosim.circuits.parameters import ConverterParameters
from neurosim.foundation.errors import ConfigError, DataError


def test_codes_cover_the_range():
    signed, unsigned = uniform(2.0, 8, True, "adc"), uniform(2.0, 8, False, "dac")
    assert (signed.low, signed.high, unsigned.low, unsigned.high) == (-127, 127, 0, 255)
    assert signed.full_scale == pytest.approx(2.0)
    assert unsigned.full_scale == pytest.approx(2.0)
    assert signed.signed
    assert not unsigned.signed


def test_range_is_the_percentile_times_the_margin():
    values = np.linspace(-1, 1, 2001)
    made = calibrate(values, ConverterParameters(bits=6, percentile=50, margin=1.5), True, "adc")
    assert made.full_scale == pytest.approx(0.75, rel=1e-3)


def test_no_bits_is_a_wire():
    assert calibrate(np.array([3.0]), ConverterParameters(), False, "adc").lsb == 0


def test_all_zero_values_still_give_a_range():
    assert calibrate(np.zeros(5), ConverterParameters(bits=8), False, "dac").full_scale == pytest.approx(1.0)


def test_bad_calibration_is_refused():
    with pytest.raises(ConfigError, match="at least 2 bits"):
        uniform(1.0, 1, True, "adc")
    with pytest.raises(DataError, match="give calibration images"):
        calibrate(np.empty(0), ConverterParameters(bits=8), True, "adc")
    with pytest.raises(DataError, match="NaN or infinity"):
        calibrate(np.array([np.nan]), ConverterParameters(bits=8), True, "adc")


@pytest.mark.parametrize("bits", [0, -1, 25])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(ValueError, match="bits"):
        ConverterParameters(bits=bits)
