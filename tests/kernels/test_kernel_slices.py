"""The kernels of sliced reads against plain NumPy twins, the noise's hash and all."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from test_kernel_reads import mix32, mix64

from neurosim.foundation.streams import stream
from neurosim.kernels import slices

U64, MASK = np.uint64, (1 << 64) - 1


def rng():
    return np.random.default_rng(2)


def listed(codes, phases, bits=1):
    groups = -(-codes.shape[1] // slices.group_rows(bits))
    entries = np.full((len(codes), phases, groups), 65535, np.uint16)
    counts = np.empty((len(codes), phases), np.uint16)
    slices.select(codes, phases, bits, entries, counts)
    return entries, counts


@pytest.mark.parametrize("rows", [1, 3, 4, 29])
def test_selections_name_the_driven_rows(rows):
    codes = rng().integers(-(2**15), 2**15, (17, rows)).astype(np.int32)
    codes[:, : rows // 2] *= rng().random((17, rows // 2)) < 0.2
    entries, counts = listed(codes, 16)
    for v, k in np.ndindex(17, 16):
        own = entries[v, k, : counts[v, k]].astype(int)
        assert (np.diff(own >> 4) > 0).all()  # every group once, in order
        assert (own & 15 > 0).all()
        driven = sorted(4 * (e >> 4) + bit for e in own for bit in range(4) if e >> bit & 1)
        assert driven == np.flatnonzero(codes[v] >> k & 1).tolist()


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_entries_hold_the_digits(bits):
    codes = rng().integers(0, 2 ** (3 * bits), (17, 11)).astype(np.int32) * (rng().random((17, 11)) < 0.5)
    entries, counts = listed(codes.astype(np.int32), 3, bits)
    together = slices.group_rows(bits)
    for v, k in np.ndindex(17, 3):
        shown = np.zeros(12, int)
        for e in entries[v, k, : counts[v, k]].astype(int):
            for place in range(together):
                shown[together * (e >> 4) + place] = (e & 15) >> bits * place & (2**bits - 1)
        np.testing.assert_array_equal(shown[:11], codes[v] >> bits * k & (2**bits - 1))


@pytest.mark.parametrize(("phases", "bits", "amplitude", "mask"), [
    (16, 1, True, 2**16 - 1), (5, 3, True, 0), (5, 3, False, 0), (1, 12, True, 0),
])  # fmt: skip
def test_encode_equals_the_twin(phases, bits, amplitude, mask):
    x = (3 * rng().standard_normal((8, 30))).astype(np.float32)
    low, high, lsb = (-(2**15), 2**15 - 1, 2**-13) if mask else (-4095, 4095, 2**-10)
    codes, siemens, clipped = np.empty(x.shape, np.int32), np.zeros(4), np.zeros(4)
    load = rng().random(30).astype(np.float32)
    slices.encode(
        x, np.float32(lsb), low, high, phases, bits, amplitude, mask, load, 2, codes, siemens, clipped
    )
    exact = np.floor(x / np.float32(lsb) + np.float32(0.5))
    np.testing.assert_array_equal(codes, np.clip(exact, low, high))
    over = ((exact < low) | (exact > high)).sum(axis=1).reshape(4, 2).sum(axis=1)
    assert over.sum() > 0
    np.testing.assert_array_equal(clipped, over)
    shown = codes & mask if mask else np.abs(codes)
    digits = np.stack([shown >> bits * k & (2**bits - 1) for k in range(phases)]) / (2**bits - 1)
    duty = (digits**2 if amplitude else digits).sum(axis=0)
    np.testing.assert_allclose(siemens, (duty @ load.astype(float)).reshape(4, 2).sum(axis=1), rtol=1e-12)


def twin_noise(n, word0, word1, image, read, first):
    key = mix64((word0 + image * 0x9E3779B97F4A7C15) & MASK)
    key = mix64(((key ^ word1) + read * 0xD1B54A32D192ED03) & MASK)
    k1, k2 = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    i = np.arange(first, first + (n + 1) // 2, dtype=np.uint32)
    a = mix32(mix32(i + k1) ^ k2)
    b = mix32(a ^ np.uint32(0x68BC21EB))
    r = np.sqrt(-2 * np.log(((a >> np.uint32(8)) + 0.5) / 2**24))
    angle = np.pi * b.view(np.int32) / 2**31
    return np.concatenate([r * np.cos(angle), r * np.sin(angle)])[:n]


def twin_read(
    codes, size, d, s2, parts, weights, factors, adc, width, per_image, first_image, words, first_read, apart
):
    """One vector, phase and block of columns after the other, float64."""
    vectors, columns = len(codes), d.shape[1] // parts
    lsb, low, high = adc
    total, clipped = np.zeros((vectors, columns)), np.zeros(-(-vectors // per_image))
    for n in range(vectors):
        image, position = divmod(n, per_image)
        for a in range(0, columns, width):
            wide = min(width, columns - a)
            block = np.concatenate([np.arange(s * columns + a, s * columns + a + wide) for s in range(parts)])
            acc = np.zeros(parts * wide)
            for k, weight in enumerate(weights):
                bits = codes[n] >> size * k & (2**size - 1)
                if not bits.any():
                    continue
                y = bits @ d[:, block].astype(float)
                if s2.size:
                    z = twin_noise(parts * wide, *words, first_image + image, first_read + k * apart,
                                   (position * columns + a) * parts)  # fmt: skip
                    y = y + np.sqrt(bits**2 @ s2[:, block].astype(float)) * z
                code = np.floor(y / lsb + 0.5)
                clipped[image] += ((code < low) | (code > high)).sum()
                acc += weight * np.clip(code, low, high)
            total[n, a : a + wide] += (factors[:, a : a + wide] * acc.reshape(parts, wide)).sum(axis=0)
    return total, clipped


@pytest.mark.parametrize(("kind", "weight", "noisy"), [
    (np.int16, np.int32, False), (np.int16, np.int64, False), (np.float32, np.int32, False),
    (np.float32, np.int64, True),
])  # fmt: skip
@pytest.mark.parametrize(
    ("rows", "columns", "parts", "width"), [(29, 7, 3, 4), (64, 5, 1, 128), (3, 1, 8, 1)]
)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_read_equals_the_twin(kind, weight, noisy, rows, columns, parts, width, size):
    draw, words = rng(), tuple(int(word) for word in stream(0, "slices").words())
    d = draw.integers(-1, 4, (rows, parts * columns)).astype(kind)
    if kind is np.float32:
        d += np.float32(2**-6) * draw.integers(-31, 32, d.shape).astype(
            np.float32
        )  # sums are exact in float32
    s2 = draw.random(d.shape).astype(np.float32) if noisy else np.zeros((0, 0), np.float32)
    codes = draw.integers(-128, 128, (6, rows)).astype(np.int32)
    codes[3] = 0
    codes[4, : rows // 2] = 0
    phases = 8 // size
    weights = 2 ** (size * np.arange(phases)).astype(weight)
    weights[-1] *= -1
    factors = draw.standard_normal((parts, columns))
    adc = (0.75, -2, 20)
    total, clipped = np.ones((6, columns)), np.zeros(3)
    entries, counts = listed(codes, phases, size)
    slices.read_bits(entries, counts, size, d, s2, parts, weights, factors, *adc, width, 0, 2, 40, U64(words[0]),
                     U64(words[1]), 5, 3, np.zeros(1, kind), total, clipped)  # fmt: skip
    expected, over = twin_read(codes, size, d, s2, parts, weights, factors, adc, width, 2, 40, words, 5, 3)
    if (
        noisy
    ):  # the library's logarithm and sines differ in the last bits: a code on an edge may fall either way
        assert np.isclose(total - 1, expected, rtol=1e-9, atol=1e-9).mean() > 0.9
        assert abs(clipped - over).max() <= 1
    else:
        np.testing.assert_allclose(total - 1, expected, rtol=1e-12, atol=1e-9)
        np.testing.assert_array_equal(clipped, over)
        assert over.sum() > 0


def test_vectors_may_come_in_pieces():
    draw = rng()
    d, codes = draw.random((20, 12)).astype(np.float32), draw.integers(0, 256, (9, 20)).astype(np.int32)
    s2, factors = draw.random((20, 12)).astype(np.float32), np.ones((3, 4))
    weights, kind = (1 << np.arange(8)).astype(np.int32), np.zeros(1, np.float32)
    entries, counts = listed(codes, 8)
    results = []
    for cuts in ((0, 9), (0, 4, 5, 9)):
        total, clipped = np.zeros((9, 4)), np.zeros(3)
        for a, b in pairwise(cuts):
            slices.read_bits(entries[a:b], counts[a:b], 1, d, s2, 3, weights, factors, 0.01, 0, 999, 2, a, 3, 7, U64(1),
                             U64(2), 0, 1, kind, total[a:b], clipped)  # fmt: skip
        results.append((total, clipped))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_noise_of_a_read_is_normal_and_independent_over_columns_and_phases():
    n, columns, lsb = 60_000, 4, 1e-5
    d, s2 = np.zeros((4, columns), np.float32), np.full((4, columns), 0.25, np.float32)
    codes = np.full((n, 4), 3, np.int32)  # two phases of four rows: each a variance of 1
    entries, counts = listed(codes, 2)
    weights = np.array([1, 1 << 24], np.int64)
    total, clipped = np.zeros((n, columns)), np.zeros(n)
    slices.read_bits(entries, counts, 1, d, s2, 1, weights, np.ones((1, columns)), lsb, -(2**22), 2**22, 128, 0, 1, 0,
                     U64(3), U64(4), 0, 1, np.zeros(1, np.float32), total, clipped)  # fmt: skip
    whole = total.astype(np.int64)
    second = np.rint(whole / 2**24).astype(np.int64)
    z = np.concatenate([whole - (second << 24), second], axis=1) * lsb
    for column in z.T:
        assert abs(column.mean()) < 6 / np.sqrt(n)
        assert column.std() == pytest.approx(1, abs=6 / np.sqrt(2 * n))
        assert stats.kstest(column, "norm").pvalue > 1e-6
        assert stats.kstest(1.05 * column, "norm").pvalue < 1e-6  # 5 % would be seen
    correlation = np.corrcoef(z.T)
    assert np.abs(correlation[~np.eye(8, dtype=bool)]).max() < 6 / np.sqrt(n)
