"""The read kernels against plain NumPy twins written here, and the statistics of their random numbers."""

import numpy as np
import pytest
from scipy import stats

from neurosim.foundation.streams import stream
from neurosim.kernels import reads

P_MIN = 1e-6
U64 = np.uint64


def mix32(z):
    z = z.astype(np.uint32)
    z = (z ^ (z >> np.uint32(16))) * np.uint32(0x7FEB352D)
    z = (z ^ (z >> np.uint32(15))) * np.uint32(0x846CA68B)
    return z ^ (z >> np.uint32(16))


def mix64(z):
    mask = (1 << 64) - 1
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def twin_normals(n, word0, word1, image=0, read=0):
    """The same hash and transform in float64 with the library's logarithm and sines."""
    mask = (1 << 64) - 1
    key = mix64((word0 + image * 0x9E3779B97F4A7C15) & mask)
    key = mix64(((key ^ word1) + read * 0xD1B54A32D192ED03) & mask)
    k1, k2 = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    half = (n + 1) // 2
    i = np.arange(half, dtype=np.uint32)
    a = mix32(mix32(i + k1) ^ k2)
    b = mix32(a ^ np.uint32(0x68BC21EB))
    r = np.sqrt(-2 * np.log(((a >> np.uint32(8)) + 0.5) / 2**24))
    angle = np.pi * b.view(np.int32) / 2**31
    return np.concatenate([r * np.cos(angle), r * np.sin(angle)])[:n]


def normals(n, *key):
    z = np.empty(n, np.float32)
    reads.fill_normals(z, *(U64(word) for word in stream(0, *key).words()))
    return z


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1001])
def test_normals_equal_the_twin(n):
    z = np.empty(n, np.float32)
    reads.fill_normals(z, U64(12345), U64(678910))
    np.testing.assert_allclose(z, twin_normals(n, 12345, 678910), atol=3e-6)


def test_normals_are_normal():
    z = normals(1 << 22, "normality").astype(float)
    n = len(z)
    assert stats.kstest(z[:400_000], "norm").pvalue > P_MIN
    assert abs(z.mean()) < 6 / np.sqrt(n)
    assert abs(z.var() - 1) < 6 * np.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 6 * np.sqrt(96 / n)
    assert abs((z[1:] * z[:-1]).mean()) < 6 / np.sqrt(n)
    assert abs((z[: n // 2] * z[n // 2 :]).mean()) < 6 / np.sqrt(n / 2)
    assert abs(((z[: n // 2] ** 2 - 1) * (z[n // 2 :] ** 2 - 1)).mean()) < 6 * 2 / np.sqrt(n / 2)
    assert stats.kstest(1.05 * z[:400_000], "norm").pvalue < P_MIN  # a sigma 5 % off is caught


def test_neighbouring_keys_are_unrelated():
    rows = np.stack([normals(256, "key", k) for k in range(1000)]).astype(float)
    assert abs((rows[1:] * rows[:-1]).mean()) < 6 / np.sqrt(rows.size)
    assert abs(rows.mean(axis=0)).max() < 6 / np.sqrt(1000)
    assert stats.kstest(rows.sum(axis=0) / np.sqrt(1000), "norm").pvalue > P_MIN


def test_noise_depends_on_image_read_and_place_alone():
    word0, word1 = (U64(w) for w in stream(3, "read").words())
    v = np.random.default_rng(0).random((5, 33)).astype(np.float32)
    whole = np.zeros((5, 33), np.float32)
    reads.add_normals(whole, v, 5, 10, word0, word1, 2)
    for row in range(5):
        one = np.zeros((1, 33), np.float32)
        reads.add_normals(one, v[row : row + 1], 1, 10 + row, word0, word1, 2)
        np.testing.assert_array_equal(one[0], whole[row])
        twin = np.sqrt(v[row]) * twin_normals(33, int(word0), int(word1), 10 + row, 2)
        np.testing.assert_allclose(whole[row], twin, atol=5e-6)
    other = np.zeros((5, 33), np.float32)
    reads.add_normals(other, v, 5, 10, word0, word1, 3)
    assert np.abs(np.corrcoef(other.ravel(), whole.ravel())[0, 1]) < 0.4


@pytest.mark.parametrize(("low", "high"), [(-127, 127), (0, 255), (-1, 1)])
def test_converter_equals_the_twin(low, high):
    y = (np.random.default_rng(1).standard_normal((6, 50)) * 40).astype(np.float32)
    out, saturated = np.ones((6, 50), np.float32), np.full(6, 2.0)
    reads.convert(y, np.float32(0.5), low, high, out, saturated)
    codes = np.floor(y.astype(float) / 0.5 + 0.5)
    np.testing.assert_allclose(out, 1 + 0.5 * np.clip(codes, low, high), rtol=1e-6)
    np.testing.assert_array_equal(saturated, 2 + ((codes < low) | (codes > high)).sum(axis=1))


@pytest.mark.parametrize("amplitude", [True, False])
@pytest.mark.parametrize("lsb", [0.0, 2.0 / 255])
def test_encoder_equals_the_twin(amplitude, lsb):
    rng = np.random.default_rng(2)
    x = (rng.random((8, 31)) * 2.2).astype(np.float32)
    load = rng.random(31).astype(np.float32)
    high = 255.0 if lsb else 2.0
    xq, x2, siemens, saturated = np.empty_like(x), np.empty_like(x), np.zeros(4), np.zeros(4)
    reads.encode(
        x, np.float32(lsb), np.float32(0), np.float32(high), amplitude, load, 2, xq, x2, siemens, saturated
    )
    codes = np.floor(x / np.float32(lsb) + 0.5) if lsb else x
    expected = np.clip(codes, 0, high) * lsb if lsb else x
    np.testing.assert_allclose(xq, expected, rtol=1e-6)
    np.testing.assert_allclose(x2, expected**2, rtol=1e-6)
    duty = (expected / 2.0) ** 2 if amplitude else np.abs(expected) / 2.0
    np.testing.assert_allclose(siemens, (duty @ load).reshape(4, 2).sum(axis=1), rtol=1e-5)
    clipped = (codes > high).sum(axis=1) if lsb else np.zeros(8)
    np.testing.assert_array_equal(saturated, clipped.reshape(4, 2).sum(axis=1))


@pytest.mark.parametrize("density", [0.0, 0.05, 0.3, 1.0])
def test_event_product_equals_the_matrix_product(density):
    rng = np.random.default_rng(3)
    x = (rng.standard_normal((9, 77)) * (rng.random((9, 77)) < density)).astype(np.float32)
    d = rng.standard_normal((77, 65)).astype(np.float32)
    y = np.full((9, 65), np.nan, np.float32)
    reads.event_product(x, d, y)
    np.testing.assert_allclose(y, x.astype(float) @ d, atol=2e-5)
