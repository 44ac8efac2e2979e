"""Calibration of a chip that computes with spikes: what its matrices are fed are spikes, not activations."""

from __future__ import annotations

import numpy as np

from neurosim.foundation.streams import stream
from neurosim.graph.to_spiking import SpikingNetwork
from neurosim.programming.calibration import Calibration, calibrate_network

# names the draws of calibration spikes; a chip's ranges do not depend on the run's seed
_KEY = stream(0, "spiking calibration")


def spiking_calibration(spiking: SpikingNetwork, images: np.ndarray) -> Calibration:
    """Spike vectors, zeros and ones, of every weighted layer in one step.

    Each input of a layer spikes with probability activation / lambda of the layer before, clipped to 0..1, the
    activations being the rate network's on the calibration images (N, *input shape). So a DAC's full scale is one
    spike, and the ADCs' ranges are those of the currents of one step. Programming a chip with it samples the very
    devices that the rate network's calibration gives: only converters' ranges differ.

    Raises DataError when there are no images.
    """
    rates = calibrate_network(spiking.network, images)
    vectors = {}
    for name, x in rates.vectors.items():
        draws = _KEY.child(name).generator().random(x.shape, dtype=np.float32)
        spikes = (draws < x / np.float32(spiking.scale_before(name))).astype(np.float32)
        if not spikes.any():
            spikes[:, :1] = (
                1  # a layer that is silent on all of them still needs a range: one step of everything
            )
        vectors[name] = spikes
    return Calibration(vectors)
