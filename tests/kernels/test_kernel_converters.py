"""The kernels of converters with errors against plain NumPy twins written here."""

import numpy as np
import pytest

from neurosim.kernels import converters, reads


def twin_search(v, noise, lowest, weights):
    """Codes of a search, bit by bit: v (images, positions, columns), noise (bits, images, positions, columns)."""
    level = np.full(v.shape, float(lowest))
    code = np.full(v.shape, float(lowest))
    for bit in reversed(range(len(weights))):
        kept = v + noise[bit] >= level + weights[bit]
        level = np.where(kept, level + weights[bit], level)
        code += kept * 2.0**bit
    return code


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_search_equals_the_twin(signed, noisy):
    rng = np.random.default_rng(4)
    images, positions, columns, bits = 5, 3, 17, 5
    lowest, low, high = (-16, -15, 15) if signed else (0, 0, 31)
    # whole numbers of 2^-10: every sum below is exact, so that the twin may add in another order
    v = np.rint(rng.normal((low + high) / 2, 14, (images, positions, columns)) * 1024) / 1024
    weights = np.rint((2.0 ** np.arange(bits)[:, None] + rng.normal(0, 0.3, (bits, columns))) * 1024) / 1024
    noise = noisy * np.rint(rng.normal(0, 0.5, (bits, images, positions, columns)) * 1024) / 1024
    y = ((v - 0.5) * 0.25).astype(np.float32).reshape(images, -1)
    drawn = noise.transpose(1, 0, 2, 3).reshape(images, -1).astype(np.float32) if noisy else np.zeros((0, 0))
    out, saturated = np.ones_like(y), np.full(images, 2.0)
    converters.convert_sar(y, drawn.astype(np.float32), np.float32(0.25), low, high, lowest,
                           weights.astype(np.float32), out, saturated)  # fmt: skip
    codes = np.clip(twin_search(v, noise, lowest, weights), low, high)
    np.testing.assert_array_equal(out, 1 + 0.25 * codes.reshape(images, -1))
    clipped = ((v < low) | (v >= high + 1)).reshape(images, -1).sum(axis=1)
    np.testing.assert_array_equal(saturated, 2 + clipped)
    assert 0 < clipped.sum() < v.size


@pytest.mark.parametrize(("low", "high"), [(0, 15), (-7, 7)])
def test_table_equals_the_twin(low, high):
    rng = np.random.default_rng(5)
    transitions = np.sort(np.arange(low + 1, high + 1) + rng.normal(0, 2.5, high - low)).astype(np.float32)
    v = np.rint(rng.normal((low + high) / 2, 6, (4, 500)) * 1024) / 1024
    v[0, : len(transitions)] = transitions  # reached exactly
    y = ((v - 0.5) * 0.5).astype(np.float32)
    v = y.astype(np.float32) * np.float32(2) + np.float32(0.5)
    out, saturated = np.ones_like(y), np.zeros(4)
    converters.convert_table(y, np.float32(0.5), low, high, transitions, out, saturated)
    codes = low + np.searchsorted(transitions, v, side="right")
    np.testing.assert_array_equal(out, 1 + np.float32(0.5) * codes)
    np.testing.assert_array_equal(saturated, ((v < low) | (v >= high + 1)).sum(axis=1))


@pytest.mark.parametrize(
    ("bits", "signed"), [(1, False), (2, False), (8, False), (12, False), (2, True), (8, True), (12, True)]
)
def test_without_errors_both_give_the_bits_of_the_uniform_kernel(bits, signed):
    half = 2 ** (bits - 1)
    lowest, low, high = (-half, 1 - half, half - 1) if signed else (0, 0, 2**bits - 1)
    lsb = np.float32(0.0123)
    y = np.random.default_rng(6).normal(0, 1.2 * high * lsb, (7, 21 * 1000)).astype(np.float32)
    ties = (np.arange(low - 2, high + 3) - np.float32(0.5)) * lsb  # where rounding decides
    y[0, : len(ties)] = ties
    start = np.random.default_rng(7).normal(0, 1, y.shape).astype(np.float32)
    results = []
    weights = np.repeat(2.0 ** np.arange(bits)[:, None], 21, axis=1).astype(np.float32)
    transitions = np.arange(low + 1, high + 1, dtype=np.float32)
    for kernel, arguments in [
        (reads.convert, (low, high)),
        (converters.convert_sar, (low, high, lowest, weights)),
        (converters.convert_table, (low, high, transitions)),
    ]:
        out, saturated = start.copy(), np.zeros(7)
        noise = (np.zeros((0, 0), np.float32),) if kernel is converters.convert_sar else ()
        kernel(y, *noise, lsb, *arguments, out, saturated)
        results.append((out, saturated))
    for out, saturated in results[1:]:
        np.testing.assert_array_equal(out, results[0][0])
        np.testing.assert_array_equal(saturated, results[0][1])
    assert results[0][1].sum() > 0
