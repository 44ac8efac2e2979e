"""Trains of pulses against plain NumPy twins."""

import numpy as np

from neurosim.kernels import plastic


def test_crystallise_equals_the_twin():
    rng = np.random.default_rng(1)
    g, p = rng.random(50) * 1e-5, rng.random(50)
    pulses = rng.integers(0, 6, 50)
    z = rng.standard_normal((50, 5)).astype(np.float32)
    mu, sd = np.array([-0.084, 0.88e-6, 1.4e-6]), np.array([0.091, 0.26e-6, 2.15e-6])
    g32, p32 = g.astype(np.float32), p.astype(np.float32)
    plastic.crystallise(g32, p32, pulses, z, np.array([*mu, *sd, 0.68, 1e-7, 1.2e-5]))
    for i in range(50):
        value, memory = float(np.float32(g[i])), float(np.float32(p[i]))
        for k in range(pulses[i]):
            memory *= 0.68
            spread = sd[0] * value + sd[1] + sd[2] * memory
            value = np.clip(value + mu[0] * value + mu[1] + mu[2] * memory + spread * z[i, k], 0, 1.2e-5)
        np.testing.assert_allclose([g32[i], p32[i]], [value, memory], rtol=1e-5, atol=1e-12)


def test_soft_bounds_equal_the_twin():
    rng = np.random.default_rng(2)
    g = (rng.random(60) * 5e-5).astype(np.float32)
    up, down = rng.integers(0, 5, 60), rng.integers(0, 5, 60)
    z = rng.standard_normal((60, 10)).astype(np.float32)
    moved = g.copy()
    plastic.soft_bounds(moved, up, down, z, np.array([0.05, 0.08, 0.4, 1e-6, 5e-5]))
    for i in range(60):
        value = float(g[i])
        for k in range(up[i] + down[i]):
            share = 0.05 * (5e-5 - value) if k < up[i] else -0.08 * (value - 1e-6)
            value = np.clip(value + share * (1 + 0.4 * z[i, k]), 0, 5e-5)
        np.testing.assert_allclose(moved[i], value, rtol=1e-5)
    assert not np.array_equal(moved, g)


def test_gradual_kinds_equal_the_twin():
    rng = np.random.default_rng(3)
    low, high, width = 1e-6, 5e-5, 4.9e-5
    laws = {
        "linear_step": lambda c, way, x: c[way] * (1 - c[2 + way] * x),
        "exp_step": lambda c, way, x: c[way] + c[2 + way] * np.exp(-c[4 + way] * x),
        "power_step": lambda c, way, x: c[way] * (1 - x) ** c[4 + way],
    }
    for kind, law in laws.items():
        g = (low + rng.random(60) * width).astype(np.float32)
        up, down, factor = (
            rng.integers(0, 5, 60),
            rng.integers(0, 5, 60),
            (1 + 0.2 * rng.random(60)).astype(np.float32),
        )
        z = rng.standard_normal((60, 10)).astype(np.float32)
        c = np.array([0.05, 0.08, 0.4, 0.6, 1.5, 2.5, 0.4, 0.01, low, high])
        moved = g.copy()
        plastic.gradual(moved, factor, up, down, z, plastic.KINDS[kind], c)
        for i in range(60):
            value = float(g[i])
            for k in range(up[i] + down[i]):
                way = int(k >= up[i])
                x = np.clip(((high - value) if way else (value - low)) / width, 0, 1)
                step = factor[i] * law(c, way, x)
                change = width * (step + np.hypot(0.4 * step, 0.01) * z[i, k])
                value = np.clip(value - change if way else value + change, low, high)
            np.testing.assert_allclose(moved[i], value, rtol=1e-5)
        assert not np.array_equal(moved, g)
