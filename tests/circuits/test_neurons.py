"""Thresholds of a chip's neurons: their spread, and that none is at or below zero."""

import numpy as np
import pytest
from scipy import stats

from neurosim.circuits.neurons import LEAST_THRESHOLD, relative_thresholds
from neurosim.foundation.streams import stream

KEY = stream(3, "chip", 0, "neurons")


def test_thresholds_are_normal_about_one():
    found = relative_thresholds(0.1, (400, 500), KEY)
    assert found.shape == (400, 500)
    assert found.mean() == pytest.approx(1, abs=5 * 0.1 / np.sqrt(found.size))
    assert found.std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * found.size))
    assert stats.kstest(found.ravel(), stats.norm(1, 0.1).cdf).pvalue > 1e-6
    for wrong in (0.095, 0.105):  # five per cent of the spread are seen
        assert stats.kstest(found.ravel(), stats.norm(1, wrong).cdf).pvalue < 1e-6


def test_a_neuron_keeps_its_threshold_and_another_chip_has_others():
    np.testing.assert_array_equal(relative_thresholds(0.1, 50, KEY), relative_thresholds(0.1, 50, KEY))
    assert (relative_thresholds(0.1, 50, KEY) != relative_thresholds(0.1, 50, KEY.child(1))).all()
    assert (relative_thresholds(0.0, 50, KEY) == 1).all()


def test_no_threshold_reaches_zero():
    found = relative_thresholds(0.9, 10_000, KEY)
    assert found.min() == LEAST_THRESHOLD
