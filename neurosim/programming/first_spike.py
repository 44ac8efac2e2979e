"""What drives the matrices of a network whose neurons spike once: ranges of its converters come from it."""

from __future__ import annotations

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.graph import Network
from neurosim.programming.calibration import MOST_VECTORS, Calibration


def calibrate_first_spike(network: Network, images: np.ndarray) -> Calibration:
    """The vectors that reads of the network's crossbars are made of, on calibration images (N, *input shape).

    The first matrix is read twice per image, by the inputs that spike early and by those that spike late; every
    other one by one spike at a time, so that its vectors are the single rows, whatever the images.

    Raises DataError when there are no images.
    """
    if len(images) == 0:
        raise DataError("calibration images", "at least one", "none", "use a data set with a training split")
    first, *others = network.weighted
    encoder = network.layer(first.inputs[0])
    times = encoder.forward({}, images[: MOST_VECTORS // 2])
    early = times == 0
    pairs = np.stack([early, ~early], axis=1).reshape(-1, first.rows)
    vectors = {first.name: pairs[pairs.any(axis=1)].astype(np.float32)[None]}
    return Calibration(vectors | {layer.name: np.eye(layer.rows, dtype=np.float32)[None] for layer in others})
