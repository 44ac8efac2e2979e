"""Spike times of all neurons for a block of images, from spike to spike in closed form."""

from __future__ import annotations

import numpy as np

from neurosim.engines.spiking.first_spike.drives import Drives
from neurosim.engines.spiking.first_spike.options import Chain
from neurosim.graph import Network
from neurosim.graph.first_spike import first_spikes
from neurosim.kernels import first_spike as kernel

Times = tuple[
    np.ndarray, ...
]  # of every layer, float64 (images, neurons), synaptic time constants; infinity: never


def closed_form(drives: Drives, stop: bool) -> Times:
    """Times of every layer's spikes. With `stop`, an image ends with the first spike of the last layer."""
    times = [np.empty(drives.early.shape)]
    kernel.two_times(drives.early, drives.late, drives.gap, drives.thresholds[0], times[0])
    for number, (rows, threshold) in enumerate(zip(drives.rows, drives.thresholds[1:], strict=True), 1):
        last = number == len(drives.rows)
        times.append(np.empty((len(drives), len(threshold))))
        kernel.any_times(times[-2], rows.weights, threshold, stop and last, times[-1])
    return ended(tuple(times)) if stop else tuple(times)


def decisions(times: Times) -> np.ndarray:
    """Time of each image's first spike in the last layer, float64 (images,); infinity where there is none."""
    return np.asarray(times[-1].min(axis=1))


def ended(times: Times) -> Times:
    """The times with all spikes after the decision taken away: they do not happen."""
    end = decisions(times)[:, None]
    return tuple(np.where(own <= end, own, np.inf) for own in times)


def float_times(network: Network, images: np.ndarray, stop: bool = True) -> Times:
    """Times of every layer's spikes in the network itself, without a chip: closed form, with its float weights.

    images : float32 (N, features)
    stop : as in `closed_form`; stopped at the decision, most inputs of a later layer are never sorted

    Raises ConfigError for a network whose neurons do not spike once.
    """
    chain = Chain.of(network)
    times = chain.encoder.forward({}, images)
    found: list[np.ndarray] = []
    for layer in chain.layers:
        weights = layer.matrices(network.params[layer.name])[0]
        last = layer is chain.layers[-1]
        found.append(first_spikes(times, weights, layer.threshold, stop and last))
        times = found[-1]
    return ended(tuple(found)) if stop else tuple(found)
