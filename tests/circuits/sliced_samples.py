"""Sliced crossbars that several tests build, read, and hold against whole numbers."""

import numpy as np

from neurosim.circuits.converters import Converter
from neurosim.circuits.crossbar import Converters, Crossbar, Read, Tally
from neurosim.circuits.parameters import CellParameters, ReadParameters
from neurosim.devices import IdealParameters, make_device
from neurosim.foundation.streams import stream

G_MAX = 750e-6
RNG = np.random.default_rng(0)
ROWS, COLUMNS, SPLITS = 70, 9, (32, 32, 6)


def sixteen_bits(shape):
    """Weights whose sixteen-bit values are known: the largest is there, so that a step is 1."""
    whole = RNG.integers(-(2**15) + 1, 2**15, shape)
    whole.flat[0] = 2**15 - 1
    return whole


WHOLE = sixteen_bits((ROWS, COLUMNS))
SIGNED = RNG.integers(-(2**15), 2**15, (12, ROWS))


def rng():
    return np.random.default_rng(1)  # anew for every draw, so that no test depends on another


def read_parameters(**changes):
    serial = {"input_bits": 16, "phases": 16, "signed_inputs": "twos_complement"}
    return ReadParameters(v_read_volts=0.2, t_read_s=1e-7, **(serial | changes))


def isaac_cell(**changes):
    sliced = {"kind": "offset", "weight_bits": 16, "slices": 8, "bits_per_cell": 2}
    return CellParameters(**(sliced | changes))


def build(cell=None, read=None, weights=None, splits=SPLITS, device=None, key=0, **device_options):
    device = device or make_device(IdealParameters(g_max_siemens=G_MAX, **device_options))
    weights = np.asarray(WHOLE if weights is None else weights, np.float32)
    cell, read = cell or isaac_cell(), read or read_parameters()
    return Crossbar.program(weights, device, cell, read, splits, stream(key, "sliced"))


def converters(aged, adc, bits=16, low=None):
    """Inputs in steps of 1, and one ADC for all tiles."""
    low = -(2 ** (bits - 1)) if low is None else low
    high = (
        2 ** (bits - 1) - 1
        if low < 0 and aged.crossbar.read.signed_inputs == "twos_complement"
        else 2**bits - 1
    )
    return Converters(Converter(1.0, low, high), (adc,) * len(aged.d))


def reading(n, key="noise", first=0):
    return Read(first, n, stream(0, key), Tally(n))


def product(aged, x, adc, **more):
    read = reading(len(x))
    out = aged.forward(np.asarray(x, np.float32), read, converters(aged, adc, **more))
    return out, read.tally


def levels(bits):
    """An unsigned ADC whose step is one level."""
    return Converter(1.0, 0, 2**bits - 1)


def expect_products(out, x, whole=WHOLE):
    """The product is the whole-number one, to the last bit of the float32 it is given in."""
    np.testing.assert_array_equal(out, (x.astype(np.int64) @ whole).astype(np.float32))
