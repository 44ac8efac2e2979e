"""Devices of hermes follow the piecewise fit of Le Gallo 2023, as published with aihwkit (hermes.py)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.devices import PcmParameters
from neurosim.devices.pcm import Pcm


@pytest.fixture(scope="module")
def pcm() -> Pcm:
    device = load_chip("hermes").device
    assert isinstance(device, PcmParameters)
    return Pcm(device)


def test_programming_spread(pcm: Pcm) -> None:
    # 0.16603222 + 4.71806468 x - 8.48101252 x^2 + 4.68961419 x^3, in uS
    sigma = pcm.programming_sigma(np.array([0.0, 0.5, 1.0]))
    assert sigma == pytest.approx(np.array([0.16603222, 0.99101321, 1.09269857]) * 1e-6, rel=1e-5)


def test_drift_moments_on_both_sides_of_the_breaks(pcm: Pcm) -> None:
    mu, sigma = pcm.drift_moments(np.array([0.0, 0.05, 0.1, 0.5, 1.0]))
    line = -0.0387 * math.log(0.05) - 0.0182
    polynomial = [0.0736 - 0.0126 * x - 0.0436 * x * x for x in (0.1, 0.5, 1.0)]
    assert mu == pytest.approx(np.array([0.13, line, *polynomial]), rel=1e-5)
    lines = [-0.0117 * math.log(x) - 0.0057 for x in (0.05, 0.1)]
    upper = [0.0073 + 0.0093 * x - 0.0118 * x * x for x in (0.5, 1.0)]
    assert sigma == pytest.approx(np.array([0.04, *lines, *upper]), rel=1e-5)


def test_read_noise_on_both_sides_of_the_break(pcm: Pcm) -> None:
    x = np.array([0.0, 0.05, 0.1, 0.5, 1.0])
    q = pcm.noise_amplitude((x * 20.7e-6).astype(np.float32))
    lines = [-0.0117 * math.log(v) - 0.0069 for v in (0.05, 0.1)]
    upper = [0.0123 + 0.0211 * v - 0.0280 * v**2 + 0.0069 * v**3 for v in (0.5, 1.0)]
    assert q == pytest.approx(np.array([0.04, *lines, *upper]), rel=1e-5)
