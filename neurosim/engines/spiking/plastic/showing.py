"""Show images to the network, through the kernel, and count what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.engines.spiking.plastic.setup import NO_NOISE, Setup
from neurosim.foundation.streams import Stream
from neurosim.kernels import plastic as kernel


@dataclass(frozen=True, eq=False)
class Shown:
    """What presentations brought about.

    winners : int16 (images, steps), the neuron that spiked in each step, -1 where none did
    arrivals : int32, siemens : float64 (images, steps), input spikes and sum of G over the rows they read
    events : int64 (images, kernel.EVENTS)
    """

    winners: np.ndarray
    arrivals: np.ndarray
    siemens: np.ndarray
    events: np.ndarray

    def spike_counts(self, neurons: int) -> np.ndarray:
        """Spikes of every neuron, int64 (images, neurons)."""
        images, _ = np.nonzero(self.winners >= 0)
        flat = images * neurons + self.winners[self.winners >= 0]
        return np.bincount(flat, minlength=len(self.winners) * neurons).reshape(-1, neurons)

    def per_step(self, neurons: int, column_tiles: int) -> dict[str, np.ndarray]:
        """Counter -> float64 (images, steps), of what varies from image to image without learning."""
        arrivals = self.arrivals.astype(np.float64)
        return {
            "array_siemens": self.siemens,
            "input_spikes": arrivals,
            "spikes": (self.winners >= 0).astype(np.float64),
            "synaptic_events": arrivals * neurons,
            "row_activations": arrivals * column_tiles,
        }


@dataclass(eq=False)
class Synapses:
    """What the kernel reads: membrane steps w and siemens of the rows, variance of a read's noise, thresholds."""

    w: np.ndarray
    row: np.ndarray
    noise: np.ndarray
    base: np.ndarray
    theta: np.ndarray

    @staticmethod
    def of(setup: Setup, plus: np.ndarray, minus: np.ndarray, base: np.ndarray, theta: np.ndarray,
           variance: np.ndarray | None = None) -> Synapses:  # fmt: skip
        """From conductances (neurons, inputs) in siemens; variance : of the pairs, S^2, where reads are noisy."""
        w, row = kernel.pair_weights(plus, minus, setup.scale)
        noisy = variance is not None and bool(variance.any())
        noise = np.ascontiguousarray(variance.T * setup.scale**2, np.float64) if noisy else NO_NOISE  # type: ignore[union-attr]
        return Synapses(w, row, noise, base, theta)


NO_DEVICES = (*(np.zeros((0, 0), np.float32),) * 4, np.zeros((2, 0, 0), np.bool_))


def show(setup: Setup, synapses: Synapses, levels: np.ndarray, first: int, key: Stream,
         devices: tuple[np.ndarray, ...] = NO_DEVICES) -> Shown:  # fmt: skip
    """Show images; the network learns where `devices`, from `Pairs.arrays`, are given (then all is moved in place).

    levels : float32 (images, inputs); first : number of the first presentation, which names its draws under `key`
    """
    word0, word1 = (np.uint64(word) for word in key.words())
    images, steps = len(levels), setup.learning.steps
    winners = np.empty((images, steps), np.int16)
    arrivals, siemens = np.empty((images, steps), np.int32), np.empty((images, steps))
    events = np.zeros((images, kernel.EVENTS), np.int64)
    physics, learn = setup.physics, devices is not NO_DEVICES
    kernel.present(  # type: ignore[call-arg]
        levels, first, steps, word0, word1, setup.neurons, setup.rule, kernel.KINDS[physics.kind],
        physics.coefficients, learn, *devices, synapses.w, synapses.row, synapses.noise, synapses.base, synapses.theta,
        winners, arrivals, siemens, events,
    )  # fmt: skip
    return Shown(winners, arrivals, siemens, events)
