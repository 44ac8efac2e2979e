"""How precise the products of a full tile are, in bits."""

from __future__ import annotations

import math

import numpy as np

from neurosim.chips import Chip
from neurosim.foundation.streams import stream
from neurosim.pipeline.matrix import program_matrix

VECTORS = 1000


def output_bits(chip: Chip, t_s: float, root: int = 0, instance: int = 0) -> float:
    """Equivalent bits of the products of one full tile with random weights and inputs, t_s after programming.

    The effective bits of IEEE Std 1241: those of an ideal quantiser over the range of the outputs whose errors,
    step / sqrt(12), spread as widely. One least-squares gain is taken off, as a calibration would. Weights are uniform
    in [-1, 1], inputs in [0, 1]. Infinite where there is no error.
    """
    key = stream(root, "precision", instance)
    rows, columns = chip.array.rows, chip.array.columns
    weights = (2 * key.child("weights").generator().random((rows, columns)) - 1).astype(np.float32)
    x = key.child("inputs").generator().random((VECTORS, rows)).astype(np.float32)
    exact = x.astype(np.float64) @ weights
    read = program_matrix(weights, chip, x, root, instance).product(x, t_s).astype(np.float64)
    gain = float((read * exact).sum() / (read * read).sum())
    error = float(np.std(gain * read - exact))
    return math.inf if error == 0 else math.log2(float(np.ptp(exact)) / (math.sqrt(12) * error))
