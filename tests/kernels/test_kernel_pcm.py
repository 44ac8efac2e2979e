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
