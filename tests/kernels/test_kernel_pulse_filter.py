"""The filter along ramps of pulses: against a plain NumPy twin, and against the exact joint density of its readings."""

import numpy as np
import pytest
from scipy import stats

from neurosim.kernels import plastic, pulse_filter

C = np.array([0.03, 0.05, 0.4, 0.6, 1.5, 2.5, 0.3, 0.01, 0.0, 1.0])
LAWS = {
    "linear_step": lambda c, way, y: (c[way] * (1 - c[2 + way] * y), -c[way] * c[2 + way]),
    "exp_step": lambda c, way, y: (
        c[way] + c[2 + way] * np.exp(-c[4 + way] * y), -c[4 + way] * c[2 + way] * np.exp(-c[4 + way] * y)),
    "power_step": lambda c, way, y: (
        c[way] * (1 - y) ** c[4 + way], -c[4 + way] * c[way] * (1 - y) ** (c[4 + way] - 1)),
}  # fmt: skip


def filtered(x, up, kind, c, r2):
    ramps = np.atleast_2d(x)
    lengths = np.array([np.isfinite(row).sum() for row in ramps])
    error, variance = np.zeros_like(ramps), np.ones_like(ramps)
    pulse_filter.innovations(ramps, lengths, np.atleast_1d(up), plastic.KINDS[kind], c, r2, error, variance)
    return error, variance, lengths


def clipped(mean, variance, low, high):
    """Moments of a normal whose tails are put at the bounds, by adding up over its values."""
    sigma = np.sqrt(variance)
    edges = np.linspace(-9, 9, 40_001)
    weights = np.diff(stats.norm.cdf(edges))
    values = np.clip(mean + sigma * (edges[1:] + edges[:-1]) / 2, low, high)
    first = np.sum(weights * values)
    return first, np.sum(weights * (values - first) ** 2)


def twin(x, up, law, c, r2):
    mean, spread, errors, variances = x[0], r2, [], []
    for reading in x[1:]:
        y = np.clip(mean if up else 1 - mean, 0, 1)
        step, slope = law(c, 0 if up else 1, y)
        spread = (1 + slope) ** 2 * spread + (step * c[6]) ** 2 + c[7] ** 2
        mean, spread = clipped(mean + (step if up else -step), spread, min(0, mean), max(1, mean))
        errors.append(reading - mean)
        variances.append(spread + r2)
        gain = spread / (spread + r2)
        mean, spread = mean + gain * errors[-1], spread * (1 - gain)
    return np.array(errors), np.array(variances)


@pytest.mark.parametrize("kind", LAWS)
def test_filter_equals_the_twin(kind):
    rng = np.random.default_rng(1)
    x = np.full((4, 30), np.nan)
    for row, length in zip(x, (30, 12, 25, 2), strict=True):
        row[:length] = np.linspace(0.1, 1.0, length) + 0.05 * rng.standard_normal(length)
    up = np.array([True, False, True, False])
    error, variance, lengths = filtered(x, up, kind, C, 0.02**2)
    for row in range(4):
        e, v = twin(x[row, : lengths[row]], up[row], LAWS[kind], C, 0.02**2)
        np.testing.assert_allclose(error[row, 1 : lengths[row]], e, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(variance[row, 1 : lengths[row]], v, rtol=1e-5)


def test_likelihood_of_a_linear_law_is_that_of_the_joint_normal_distribution():
    """Given the first reading, the conductance is a linear recursion and all readings are jointly normal."""
    s, a, cn, r, n = 0.05, 1.0, 0.02, 0.03, 8
    c = np.array([s, s, a, a, 0, 0, 0.0, cn, 0.0, 1.0])
    x = np.array([0.2, 0.25, 0.31, 0.3, 0.37, 0.42, 0.39, 0.47])
    factor = 1 - s * a
    mean = [x[0]]
    for _ in range(n - 1):
        mean.append(factor * mean[-1] + s)
    power = factor ** np.arange(n)
    covariance = np.array([[
        power[i] * power[j] * r**2 + cn**2 * sum(factor ** (i - k) * factor ** (j - k) for k in range(1, min(i, j) + 1))
        for j in range(n)] for i in range(n)]) + r**2 * np.eye(n)  # fmt: skip
    exact = stats.multivariate_normal(mean[1:], covariance[1:, 1:]).logpdf(x[1:])
    chosen = np.ones((1, n), bool)
    work = np.empty((2, 1, n))
    found = pulse_filter.log_likelihood(
        x[None], np.array([n]), np.array([True]), plastic.KINDS["linear_step"], c, r**2, chosen, *work
    )
    assert found == pytest.approx(exact, rel=1e-9)
    chosen[0, 4:] = False
    part = pulse_filter.log_likelihood(
        x[None], np.array([n]), np.array([True]), plastic.KINDS["linear_step"], c, r**2, chosen, *work
    )
    assert part == pytest.approx(
        stats.multivariate_normal(mean[1:4], covariance[1:4, 1:4]).logpdf(x[1:4]), rel=1e-9
    )


def test_crystallisation_remembers_the_reset():
    c = np.array([-0.084, 0.05, 0.09, 0.09, 0.02, 0.1, np.exp(-1 / 2.6)])
    x = np.array([0.01, 0.12, 0.2, 0.29])
    error, variance, _ = filtered(x, True, "crystallisation", c, 0.0)
    before = x[:-1]
    memory = c[6] ** np.arange(1, 4)
    np.testing.assert_allclose(
        error[0, 1:], x[1:] - (before + c[0] * before + c[1] + c[2] * memory), rtol=1e-9
    )
    np.testing.assert_allclose(variance[0, 1:], (c[3] * before + c[4] + c[5] * memory) ** 2, rtol=1e-9)
