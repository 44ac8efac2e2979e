"""Read noise of memristive synapses on cores."""

from __future__ import annotations

import numpy as np

from neurosim.engines.spiking.truenorth.tables import ANALOG_UNIT
from neurosim.kernels import reads
from neurosim.programming.cores import AgedCores


class ReadNoise:
    """Gaussian noise on the sums of analog synapses, drawn per image, tick and neuron with the exact variance.

    variance : float32 (cores, axons, neurons), of a whole synapse per read
    images : side by side
    """

    def __init__(self, aged: AgedCores, variance: np.ndarray, images: int) -> None:
        network = aged.programmed.placement.cores
        self.rows: np.ndarray = np.empty(network.connections.shape, np.float32)
        for core in range(network.cores):
            weights = network.neurons.weights[core][:, network.axon_types[core]].T
            self.rows[core] = weights.astype(np.float32) ** 2 * variance[core]
        word0, word1 = aged.noise.child("synapses").words()
        self._word0, self._word1 = np.uint64(word0), np.uint64(word1)
        shape = (images, network.cores, network.neurons_per_core)
        self._variance, self._noise = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def __call__(self, acc: np.ndarray, arrivals: np.ndarray, first_image: int, tick: int) -> None:
        """Add it to acc, int32 (images, neurons), in place; arrivals uint8 (images, axons) drive the synapses."""
        cores, axons = self.rows.shape[:2]
        spiking = arrivals.reshape(len(acc), cores, axons).astype(np.float32)
        part = np.empty((len(acc), self.rows.shape[2]), np.float32)
        for core in range(cores):
            # driven rows alone, image by image: the sum does not depend on how many images there are
            reads.event_product(np.ascontiguousarray(spiking[:, core]), self.rows[core], part)
            self._variance[:, core] = part
        self._noise[:] = 0
        flat = self._noise.reshape(len(acc), -1)
        variance = self._variance.reshape(len(acc), -1)
        reads.add_normals(flat, variance, len(acc), first_image, self._word0, self._word1, tick)
        acc += np.rint(flat * np.float32(ANALOG_UNIT)).astype(np.int32)
