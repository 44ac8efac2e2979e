"""What a law of pulses predicts of the next measured conductance: a Kalman filter along ramps of pulses.

The conductance moves by the law's mean step and Gaussian noise, and is read with Gaussian noise. The filter is exact
for laws that are linear in the conductance, and extended (linearised about the filtered mean) for the others.
Conductances are in shares of the width, x = (G - low) / width. Laws and coefficients c as in `plastic`:

kind 3, linear_step  s = c0 (1 - c2 y) up, c1 (1 - c3 y) down; y is the share of the way already gone
kind 4, exp_step     s = c0 + c2 exp(-c4 y) up, c1 + c3 exp(-c5 y) down
kind 5, power_step   s = c0 (1 - y)^c4 up, c1 (1 - y)^c5 down
                     each with noise of variance (s c6)^2 + c7^2; a conductance is clipped to [c8, c9], and the filter
                     goes on with the mean and variance of the clipped normal
kind 1, crystallisation  s = c0 x + c1 + c2 P with P = c6^k at the k-th pulse, noise (c3 x + c4 + c5 P)^2
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_CRYSTALLISATION, _LINEAR_STEP, _EXP_STEP = 1, 3, 4
_FAR = 6.0  # standard deviations from which a bound is not felt
_NARROW = 1e-9  # standard deviation below which a normal is a point
_ROOT_HALF, _DENSITY = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)
_RESOLUTION = 1e-12  # least variance of a prediction: a millionth of the range, finer than instruments read


@njit(inline="always")
def _law(kind, c, way, y):  # type: ignore[no-untyped-def]
    """Mean step after the share y of the way, and its derivative by y."""
    if kind == _LINEAR_STEP:
        return c[way] * (1.0 - c[2 + way] * y), -c[way] * c[2 + way]
    if kind == _EXP_STEP:
        extra = c[2 + way] * np.exp(-c[4 + way] * y)
        return c[way] + extra, -c[4 + way] * extra
    left = max(1.0 - y, 1e-12)
    step = c[way] * left ** c[4 + way]
    return step, -c[4 + way] * step / left


@njit(inline="always")
def _clipped(mean, variance, low, high):  # type: ignore[no-untyped-def]
    """Mean and variance of a normal whose values below `low` and above `high` are put there."""
    sigma = math.sqrt(variance)
    if low + _FAR * sigma < mean < high - _FAR * sigma:
        return mean, variance
    if sigma < _NARROW:
        return min(max(mean, low), high), variance
    a, b = (low - mean) / sigma, (high - mean) / sigma
    below, above = 0.5 * math.erfc(-a * _ROOT_HALF), 0.5 * math.erfc(b * _ROOT_HALF)
    at_a, at_b = _DENSITY * math.exp(-0.5 * a * a), _DENSITY * math.exp(-0.5 * b * b)
    inside = 1.0 - below - above
    first = a * below + (at_a - at_b) + b * above
    second = a * a * below + (inside + a * at_a - b * at_b) + b * b * above
    return mean + sigma * first, max(variance * (second - first * first), _RESOLUTION)


@njit(nogil=True, cache=True)
def innovations(x, lengths, up, kind, c, read_variance, error, variance):  # type: ignore[no-untyped-def]
    """Errors of the one-step-ahead predictions along ramps, and their variances; in place.

    x : float64 (ramps, pulses), measured; lengths : how many of each row count; up : bool per ramp
    error, variance : float64 like x; column 0 stays as it is, for nothing predicts a first value
    """
    for ramp in range(x.shape[0]):
        mean, spread = x[ramp, 0], read_variance
        way, sign = (0, 1.0) if up[ramp] else (1, -1.0)
        memory = 1.0
        for k in range(1, lengths[ramp]):
            if kind == _CRYSTALLISATION:
                memory *= c[6]
                step, slope = c[0] * mean + c[1] + c[2] * memory, 1.0 + c[0]
                noise = (c[3] * mean + c[4] + c[5] * memory) ** 2
                mean += step
            else:
                y = min(max(mean if up[ramp] else 1.0 - mean, 0.0), 1.0)
                step, derivative = _law(kind, c, way, y)
                slope = 1.0 + derivative
                noise = (step * c[6]) ** 2 + c[7] ** 2
                low, high = min(c[8], mean), max(c[9], mean)
                mean += sign * step
            spread = slope * slope * spread + noise
            if kind != _CRYSTALLISATION:
                mean, spread = _clipped(mean, spread, low, high)
            total = max(spread + read_variance, _RESOLUTION)
            error[ramp, k] = x[ramp, k] - mean
            variance[ramp, k] = total
            gain = spread / total
            mean += gain * error[ramp, k]
            spread *= 1.0 - gain


@njit(nogil=True, cache=True)
def log_likelihood(x, lengths, up, kind, c, read_variance, chosen, error, variance):  # type: ignore[no-untyped-def]
    """Sum of the normal log densities of the predictions where `chosen`, bool like x, is; the rest as below."""
    innovations(x, lengths, up, kind, c, read_variance, error, variance)
    total = 0.0
    for ramp in range(x.shape[0]):
        for k in range(1, lengths[ramp]):
            if chosen[ramp, k]:
                total += error[ramp, k] ** 2 / variance[ramp, k] + np.log(2.0 * np.pi * variance[ramp, k])
    return -0.5 * total
