"""The PCM kernels against plain NumPy twins."""

import numpy as np

from neurosim.kernels import pcm


def test_age_equals_the_twin():
    rng = np.random.default_rng(0)
    g, nu, q = (rng.random(999).astype(np.float32) for _ in range(3))
    z = rng.standard_normal(999).astype(np.float32)
    aged, variance = np.empty_like(g), np.empty_like(g)
    pcm.age(g, nu, q, np.float32(3.0), np.float32(1.5), z, np.float32(0.7), aged, variance)
    drifted = g.astype(float) * np.exp(-3.0 * nu)
    np.testing.assert_allclose(aged, np.maximum(drifted * (1 + 1.5 * q * z), 0), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(variance, (0.7 * q * drifted) ** 2, rtol=2e-5)
    assert (aged == 0).any()


def test_crystallise_equals_the_twin():
    rng = np.random.default_rng(1)
    g, p = rng.random(50) * 1e-5, rng.random(50)
    pulses = rng.integers(0, 6, 50)
    z = rng.standard_normal((50, 5)).astype(np.float32)
    mu, sd = np.array([-0.084, 0.88e-6, 1.4e-6]), np.array([0.091, 0.26e-6, 2.15e-6])
    g32, p32 = g.astype(np.float32), p.astype(np.float32)
    pcm.crystallise(g32, p32, pulses, z, 0.68, mu, sd, 1.2e-5)
    for i in range(50):
        value, memory = float(np.float32(g[i])), float(np.float32(p[i]))
        for k in range(pulses[i]):
            memory *= 0.68
            spread = sd[0] * value + sd[1] + sd[2] * memory
            value = np.clip(value + mu[0] * value + mu[1] + mu[2] * memory + spread * z[i, k], 0, 1.2e-5)
        np.testing.assert_allclose([g32[i], p32[i]], [value, memory], rtol=1e-5, atol=1e-12)
