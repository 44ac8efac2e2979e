"""What differs between the neurons of a chip: their thresholds, for life."""

from __future__ import annotations

import numpy as np

from neurosim.foundation.streams import Stream

LEAST_THRESHOLD = 0.01  # of the nominal one: below zero a neuron would spike without any input


def relative_thresholds(mismatch: float, shape: int | tuple[int, ...], stream: Stream) -> np.ndarray:
    """Thresholds over their nominal value, float64 of `shape`: 1 + mismatch z, z standard normal.

    mismatch : relative standard deviation
    stream : names the neurons, so that a chip's keep their thresholds
    """
    z = stream.generator().standard_normal(shape)
    return np.asarray(np.maximum(1 + mismatch * z, LEAST_THRESHOLD))
