"""Converters with errors: closed forms of their nonlinearity and noise, statistics of their draws, ranges, errors."""

import itertools

import numpy as np
import pytest
from scipy import stats

from neurosim.circuits.converters import (
    COMPARATOR,
    Converter,
    ReadKey,
    Site,
    adc_of_columns,
    calibrate,
    capacitor_weights,
    sar_transitions,
    with_errors,
)
from neurosim.circuits.parameters import ConverterParameters
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import stream
from neurosim.kernels import reads

P_MIN = 1e-6
VALUES = np.array([1.0])  # a full scale of one


def site(columns=1, adcs=1, largest=4.0, key="site"):
    return Site(stream(0, key), largest, adc_of_columns((columns,), adcs))


def made(signed=False, where=None, **parameters):
    return calibrate(VALUES, ConverterParameters(**parameters), signed, "adc", where or site())


def convert(adc: Converter, y, first_image=0, number=0, key="noise"):
    """Codes and clipped conversions of float32 (images, n)."""
    y = np.ascontiguousarray(y, np.float32)
    word0, word1 = (np.uint64(word) for word in stream(0, key).words())
    total, saturated = np.zeros_like(y), np.zeros(len(y))
    adc.convert_into(y, total, saturated, ReadKey(word0, word1, first_image, number))
    return np.rint(total.astype(float) / adc.lsb), saturated


def variance_p(x, sigma):
    """Two-sided p of zero-mean normal x having this sigma."""
    q = stats.chi2.sf((x**2).sum() / sigma**2, len(x))
    return 2 * min(q, 1 - q)


def normal_p(x, sigma):
    return min(stats.kstest(x / sigma, "norm", method="asymp").pvalue, variance_p(x, sigma))


# --- capacitors


@pytest.mark.parametrize("bits", [2, 6, 8])
def test_middle_step_of_a_search_misses_by_sigma_times_the_root_of_its_units(bits):
    """The top capacitor has 2^(b-1) units, all others together 2^(b-1) - 1: their variances add up."""
    sigma, n = 0.002, 200_000
    w = capacitor_weights(n, bits, sigma, stream(0, "dnl"))
    dnl = w[:, -1] - w[:, :-1].sum(axis=1) - 1
    expected = sigma * np.sqrt(
        2**bits - 1 - 2.0**-bits
    )  # the last term: the share of the whole array moves too
    assert normal_p(dnl, expected) > P_MIN
    assert normal_p(1.05 * dnl, expected) < P_MIN  # 5 % too much, and too little, is caught
    assert normal_p(0.95 * dnl, expected) < P_MIN


def test_middle_transition_misses_by_half_the_whole_array():
    """With both ends exact the middle moves by half the difference of two halves: sigma sqrt(2^b) / 2 (INL)."""
    sigma, bits = 0.002, 8
    w = capacitor_weights(200_000, bits, sigma, stream(0, "inl"))
    inl = w[:, -1] - 2 ** (bits - 1)
    expected = sigma * np.sqrt(2**bits) / 2
    assert normal_p(inl, expected) > P_MIN
    assert normal_p(1.05 * inl, expected) < P_MIN


def test_every_capacitor_misses_by_the_root_of_its_own_units():
    """One 8-bit ADC: every weight against the law of its own difference to its share of the rest."""
    sigma, bits, n = 0.002, 8, 100_000
    w = capacitor_weights(n, bits, sigma, stream(1, "each"))
    for bit in range(bits):
        share = 2.0 ** (bit - bits)  # of all capacitors: var = own (1 - share)^2 + others' share^2
        units = 2.0**bit * (1 - share) ** 2 + (2.0**bits - 2.0**bit) * share**2
        assert normal_p(w[:, bit] - 2.0**bit, sigma * np.sqrt(units)) > P_MIN


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_transitions_are_where_the_search_changes_its_code(bits):
    """Against the search itself, on a fine grid, with capacitors so bad that codes are missing."""
    w = capacitor_weights(6, bits, 0.3, stream(2, "transitions"))
    found = sar_transitions(w)
    grid = np.linspace(-1, 2**bits + 1, 4001)
    for adc, weights in enumerate(w):
        code, level = np.zeros(grid.shape, int), np.zeros(grid.shape)
        for bit in reversed(range(bits)):
            kept = grid >= level + weights[bit]
            level += kept * weights[bit]
            code += kept << bit
        np.testing.assert_array_equal(code, (grid[:, None] >= found[adc]).sum(axis=1))
    assert bits < 5 or (np.diff(found) == 0).any()  # missing codes


@pytest.mark.parametrize("signed", [False, True])
def test_search_of_an_adc_converts_at_its_own_transitions(signed):
    bits, where = 6, site(columns=3, adcs=3, key="own")
    adc = made(signed, where, bits=bits, kind="sar", capacitor_mismatch=0.05)
    weights = capacitor_weights(3, bits, 0.05, where.stream)
    shift = -(2 ** (bits - 1)) if signed else 0
    v = np.random.default_rng(0).uniform(adc.low + 0.01, adc.high + 0.99, (1000, 3))
    y = (v - 0.5) * adc.lsb
    t = sar_transitions(weights) + shift
    expected = np.array([shift + np.searchsorted(t[a], v[:, a], side="right") for a in range(3)]).T
    clear = np.min(np.abs(v[:, :, None] - t[None]), axis=2) > 1e-3
    codes, _ = convert(adc, y)
    np.testing.assert_array_equal(codes[clear], np.clip(expected, adc.low, adc.high)[clear])
    assert clear.mean() > 0.99
    assert (expected != np.floor(v)).any()


# --- quantisation


@pytest.mark.parametrize("parameters", [{"kind": "uniform"}, {"kind": "ramp"}, {"kind": "sar"}])
def test_quantisation_error_is_a_twelfth_of_a_step_squared(parameters):
    adc = made(bits=10, **parameters)
    y = np.random.default_rng(1).uniform(0, 1, (1, 200_000)).astype(np.float32)
    codes, saturated = convert(adc, y)
    error = (codes * adc.lsb - y.astype(float)).ravel()
    assert saturated[0] == 0
    n = error.size
    deviation = ((error**2).mean() / (adc.lsb**2 / 12) - 1) / np.sqrt(0.8 / n)  # var of e^2 is lsb^4 / 180
    assert stats.norm.sf(abs(deviation)) > P_MIN
    stretched = ((1.05 * error) ** 2).mean() / (adc.lsb**2 / 12) - 1
    assert stats.norm.sf(stretched / np.sqrt(0.8 / n)) < P_MIN
    assert stats.kstest(error / adc.lsb + 0.5, "uniform", method="asymp").pvalue > P_MIN


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["uniform", "ramp", "table"])
@pytest.mark.parametrize("bits", [8, 11])
def test_effective_bits_of_a_sine(kind, bits, noise):
    """IEEE Std 1241: a sine of full scale leaves an error of lsb^2 (1/12 + sigma^2), and bits by its logarithm."""
    table = {"inl": (0.0,) * (2**bits - 1)} if kind == "table" else {}
    adc = made(True, bits=bits, kind=kind, comparator_noise=noise, **table)
    n = 1 << 17
    phase = 2 * np.pi * 1021 * np.arange(n) / n  # coherent: 1021 periods, prime to n
    y = (1 - 4 * noise * adc.lsb) * np.sin(phase)
    codes, saturated = convert(adc, y[None])
    basis = np.stack([np.sin(phase), np.cos(phase), np.ones(n)])
    fit = basis @ codes[0] / (basis**2).sum(axis=1)
    rest = codes[0] - fit @ basis
    ratio = fit[:2] @ fit[:2] / 2 / (rest**2).mean()
    effective = (10 * np.log10(ratio) - 10 * np.log10(1.5)) / (20 * np.log10(2))
    amplitude = (1 - 4 * noise * adc.lsb) * (2**bits - 2) / 2**bits  # a signed converter leaves out two ends
    expected = bits + np.log2(amplitude) - 0.5 * np.log2(1 + 12 * noise**2)
    assert effective == pytest.approx(expected, abs=0.03)
    assert noise or saturated[0] == 0


# --- comparator noise


@pytest.mark.parametrize("parameters", [{}, {"kind": "ramp"}, {"kind": "table", "inl": (0.0,) * (2**14 - 1)}])
def test_noise_of_one_comparison_is_normal_with_its_sigma(parameters):
    adc = made(
        True, bits=14, comparator_noise=500.0, **parameters
    )  # steps are so fine that codes show the noise
    codes, _ = convert(adc, np.zeros((2, 60_000)))
    x = (codes + np.random.default_rng(2).uniform(-0.5, 0.5, codes.shape)).ravel()
    sigma = np.sqrt(500.0**2 + 2 / 12)  # rounding, and what it is smeared with
    assert normal_p(x, sigma) > P_MIN
    assert normal_p(1.05 * x, sigma) < P_MIN
    a, b = codes
    assert abs((a * b).mean()) < 6 * 500.0**2 / np.sqrt(len(a))


def test_noise_enters_every_comparison_of_a_search():
    """Two bits: the probability of a code is the product of what its two comparisons decide."""
    sigma, n = 0.8, 200_000
    adc = made(bits=2, kind="sar", comparator_noise=sigma)
    for v in (0.7, 2.0, 2.4):
        codes, _ = convert(adc, np.full((1, n), (v - 0.5) * adc.lsb), key=f"search {v}")
        counted = np.bincount(codes[0].astype(int), minlength=4)

        def chances(sigma, v=v):
            high = stats.norm.cdf((v - 2) / sigma)
            one, three = (stats.norm.cdf((v - t) / sigma) for t in (1, 3))
            return np.array([(1 - high) * (1 - one), (1 - high) * one, high * (1 - three), high * three])

        assert stats.chisquare(counted, n * chances(sigma)).pvalue > P_MIN
        assert stats.chisquare(counted, n * chances(1.05 * sigma)).pvalue < P_MIN


@pytest.mark.parametrize(
    "parameters", [{"kind": "uniform"}, {"kind": "sar"}, {"kind": "table", "inl": (0.1,) * 255}]
)
def test_noise_depends_on_image_and_read_alone(parameters):
    adc = made(True, site(columns=30), bits=8, comparator_noise=2.0, **parameters)
    y = np.random.default_rng(3).normal(0, 0.3, (9, 90))
    whole, _ = convert(adc, y, first_image=100)
    parts = np.concatenate([convert(adc, y[a : a + 2], first_image=100 + a)[0] for a in range(0, 9, 2)])
    np.testing.assert_array_equal(parts, whole)
    for other in ({"number": 1}, {"key": "another"}, {"first_image": 200}):
        assert (convert(adc, y, **{"first_image": 100, **other})[0] != whole).mean() > 0.3


def test_a_search_does_not_depend_on_how_many_images_are_held(monkeypatch):
    adc = made(True, site(columns=30), bits=8, comparator_noise=2.0, kind="sar")
    y = np.random.default_rng(3).normal(0, 0.3, (9, 90))
    whole, saturated = convert(adc, y)
    monkeypatch.setattr("neurosim.circuits.converters.NOISE_BUFFER", 1500)  # two images
    again, counted = convert(adc, y)
    np.testing.assert_array_equal(again, whole)
    np.testing.assert_array_equal(counted, saturated)


def test_noise_of_comparators_is_not_that_of_the_currents():
    """The same read draws both; only the comparators' number is another."""
    adc = made(True, bits=14, comparator_noise=500.0)
    n = 50_000
    drawn, _ = convert(adc, np.zeros((1, n)))
    words = (np.uint64(word) for word in stream(0, "noise").words())
    current = np.zeros((1, n), np.float32)
    reads.add_normals(current, np.ones((1, n), np.float32), 1, 0, *words, 0)
    assert abs(np.corrcoef(drawn[0], current[0])[0, 1]) < 6 / np.sqrt(n)
    assert COMPARATOR > 1 << 31


# --- tables


def test_a_table_moves_the_transitions_by_its_nonlinearity():
    """The density of codes under a uniform input gives the widths back (IEEE Std 1241, histogram test)."""
    inl = np.array([0.0, 0.4, -0.3, 0.2, 0.6, -0.2, 0.1])
    adc = made(bits=3, kind="table", inl=tuple(inl))
    y = (np.linspace(0, 8, 800_000, endpoint=False) - 0.5) * adc.lsb
    codes, _ = convert(adc, y[None])
    widths = np.bincount(codes[0].astype(int)) / 100_000
    np.testing.assert_allclose(np.cumsum(widths)[:-1], np.arange(1, 8) + inl, atol=1e-4)
    summed = made(bits=3, kind="table", dnl=tuple(np.diff(inl)))
    shifted = made(bits=3, kind="table", inl=tuple(inl - inl[0]))
    np.testing.assert_allclose(summed.transitions, shifted.transitions, atol=1e-6)


def test_a_signed_table_leaves_out_the_lowest_code():
    inl = (9.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # the first is of a code that is not used
    adc = made(True, bits=3, kind="table", inl=(0.05, *inl[1:]))
    assert (adc.low, adc.high) == (-3, 3)
    np.testing.assert_allclose(adc.transitions, np.arange(-2, 4) + inl[1:], rtol=1e-6)


# --- sites


def test_columns_of_a_tile_take_turns_at_its_adcs():
    np.testing.assert_array_equal(adc_of_columns((5, 2), 3), [0, 1, 2, 0, 1, 3, 4])
    np.testing.assert_array_equal(adc_of_columns((2,), 4, copies=2), [0, 1, 0, 1])
    spread = adc_of_columns((1000,), 8)
    assert np.bincount(spread).max() == -(-1000 // 8)  # what latency is counted with


def test_columns_of_one_adc_share_its_errors_and_others_do_not():
    adc = made(True, site(columns=6, adcs=2), bits=8, kind="sar", capacitor_mismatch=0.1)
    y = np.repeat(np.random.default_rng(4).uniform(-1, 1, (3000, 1)), 6, axis=1)
    codes, _ = convert(adc, y)
    np.testing.assert_array_equal(codes[:, 0], codes[:, 2])
    np.testing.assert_array_equal(codes[:, 1], codes[:, 5])
    assert (codes[:, 0] != codes[:, 1]).any()
    again = made(True, site(columns=6, adcs=2), bits=8, kind="sar", capacitor_mismatch=0.1)
    np.testing.assert_array_equal(again.weights, adc.weights)
    other = made(True, site(columns=6, adcs=2, key="x"), bits=8, kind="sar", capacitor_mismatch=0.1)
    assert (other.weights != adc.weights).all()


# --- ranges


@pytest.mark.parametrize(
    ("parameters", "full"),
    [
        ({"range": "maximum"}, 4.0),
        ({"range": "fixed", "full_scale": 0.375}, 1.5),
        ({"range": "calibrated"}, 1.0),
    ],
)
def test_ranges(parameters, full):
    adc = calibrate(VALUES, ConverterParameters(bits=4, **parameters), False, "adc", site())
    assert adc.lsb == pytest.approx(full / 15, rel=1e-7)
    assert adc.full_scale == pytest.approx(full, rel=1e-7)
    codes, saturated = convert(
        adc, np.array([[full, full + 0.51 * adc.lsb, -0.51 * adc.lsb, -0.49 * adc.lsb]])
    )
    np.testing.assert_array_equal(codes, [[15, 15, 0, 0]])
    assert saturated[0] == 2


@pytest.mark.parametrize(("kind", "more"), [("uniform", {}), ("sar", {}), ("table", {"inl": (0.0,) * 15})])
def test_saturations_are_counted_alike(kind, more):
    adc = made(True, site(columns=5), bits=4, kind=kind, **more)
    y = np.random.default_rng(5).normal(0, 1, (40, 50)).astype(np.float32)
    _, saturated = convert(adc, y)
    beyond = np.abs(y) > adc.full_scale + 0.5 * adc.lsb
    np.testing.assert_array_equal(saturated, beyond.sum(axis=1))
    assert beyond.any()


# --- what is refused


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "sar"}, "add bits"),
        ({"comparator_noise": 0.5}, "add bits"),
        ({"bits": 8, "capacitor_mismatch": 0.1}, 'is of kind = "sar"'),
        ({"bits": 8, "range": "fixed"}, "give both, or neither"),
        ({"bits": 8, "full_scale": 0.5}, "give both, or neither"),
        ({"bits": 2, "kind": "table"}, "one of inl and dnl"),
        ({"bits": 2, "kind": "table", "inl": (0.0,) * 3, "dnl": (0.0,) * 2}, "one of inl and dnl"),
        ({"bits": 2, "kind": "table", "inl": (0.0,) * 4}, "inl of a converter of 2 bits has 3 values, got 4"),
        ({"bits": 3, "kind": "table", "dnl": (0.0,) * 7}, "dnl of a converter of 3 bits has 6 values, got 7"),
        ({"bits": 2, "kind": "table", "inl": (0.0, 1.0, -0.1)}, "DNL is -1 at least"),
        ({"bits": 2, "kind": "table", "dnl": (0.1, -1.1)}, "DNL is -1 at least"),
        ({"bits": 8, "t_clock_s": 1e-9}, "give t_conversion under"),
        ({"bits": 8, "kind": "sar", "capacitor_mismatch": -0.1}, "greater than or equal to 0"),
        ({"bits": 8, "kind": "pipeline"}, "'uniform', 'ramp', 'sar' or 'table'"),
    ],
)
def test_contradictions_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        ConverterParameters(**parameters)


def test_a_converter_without_a_site_is_ideal_and_calibrated():
    with pytest.raises(ConfigError, match="only an ADC knows the largest current of its tile"):
        calibrate(VALUES, ConverterParameters(bits=8, range="maximum"), False, "dac")
    with pytest.raises(ConfigError, match="errors are of ADCs"):
        calibrate(VALUES, ConverterParameters(bits=8, kind="sar"), False, "dac")
    with pytest.raises(DataError, match="NaN or infinity"):
        calibrate(np.array([np.inf]), ConverterParameters(bits=8, kind="sar"), False, "adc", site())


def test_stored_errors_make_the_same_converter():
    for parameters, signed in itertools.product(
        [{}, {"comparator_noise": 0.3}, {"kind": "ramp"}, {"kind": "sar", "capacitor_mismatch": 0.1},
         {"kind": "table", "dnl": (0.1,) * 14, "comparator_noise": 0.3}], (False, True)
    ):  # fmt: skip
        adc = made(signed, site(columns=3), bits=4, **parameters)
        again = with_errors(Converter(adc.lsb, adc.low, adc.high), adc.errors())
        assert type(again) is type(adc)
        assert adc.plain == (not parameters or parameters == {"kind": "ramp"})
        y = np.random.default_rng(6).normal(0, 0.5, (20, 30))
        np.testing.assert_array_equal(convert(again, y)[0], convert(adc, y)[0])


# --- voltages


def test_a_floating_column_is_converted_by_its_voltage():
    """The mean of the rows' voltages, weighted by conductance, in steps; counted as often as the column conducts."""
    rng = np.random.default_rng(8)
    rows, columns = 40, 6
    g = rng.uniform(0, 1, (2, rows, columns)) * np.array([0.1, 0.3, 1, 1, 0.5, 0.01])
    totals = g.sum(axis=(0, 1))
    shares = (totals / totals.mean()).astype(np.float32)
    v = rng.uniform(-1, 1, (500, rows))
    current = (v @ (g[0] - g[1])).astype(np.float32)  # the pair's rows carry opposite voltages
    where = Site(stream(0, "v"), 1.0, adc_of_columns((columns,), 6), shares)
    adc = calibrate(current, ConverterParameters(bits=6), True, "adc", where)
    found = np.zeros_like(current)
    adc.convert_into(current, found, np.zeros(500), ReadKey(np.uint64(0), np.uint64(0), 0, 0))
    voltage = (v @ (g[0] - g[1])) / totals
    step = np.abs(voltage).max() / 31
    clear = np.abs(voltage / step % 1 - 0.5) > 1e-4
    expected = np.rint(voltage / step) * step * totals
    np.testing.assert_allclose(found[clear], expected[clear], rtol=1e-4, atol=1e-5)
    assert clear.mean() > 0.99
    assert not adc.plain
    assert (
        np.unique(np.rint(found[:, -1] / (step * totals[-1]))).size > 10
    )  # a weak column keeps its resolution
    again = with_errors(Converter(adc.lsb, adc.low, adc.high), adc.errors())
    positions = np.tile(current, (1, 3))  # three positions of an image
    one, two = np.zeros_like(positions), np.zeros_like(positions)
    for which, out in ((adc, one), (again, two)):
        which.convert_into(positions, out, np.zeros(500), ReadKey(np.uint64(0), np.uint64(0), 0, 0))
    np.testing.assert_array_equal(one, np.tile(found, (1, 3)))
    np.testing.assert_array_equal(one, two)
