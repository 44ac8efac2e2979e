"""Layers of networks whose neurons spike once: the time of the spike is the value (Mostafa 2017).

H. Mostafa, "Supervised learning based on temporal coding in spiking neural networks", IEEE TNNLS 2017
(arXiv 1606.08165). Between the layers travel times, in units of the synaptic time constant; infinity is a neuron
that never spikes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from neurosim.foundation.errors import ConfigError
from neurosim.graph.layer import Array, Layer, LayerParams, Shape
from neurosim.graph.weighted import FullyConnected

Positive = Annotated[float, Field(gt=0)]


class FirstSpikeEncoder(Layer):
    """One spike per input: at time 0 where the input exceeds `level`, at `late` where it does not."""

    kind: Literal["first_spike_encoder"] = "first_spike_encoder"
    level: float = 0.5
    late: Positive

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's, (features,)."""
        return self._one(shapes, (1,), "(features,)")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """Times: 0 or `late`."""
        return np.where(xs[0] > np.float32(self.level), np.float32(0), np.float32(self.late))


class FirstSpikeDense(FullyConnected):
    """Fully connected non-leaky neurons with exponential synaptic currents, each spiking once at most.

    weight (units, features); no bias. Time is counted in synaptic time constants and the potential in units in
    which a weight of 1 raises it by 1 in the end.
    """

    kind: Literal["first_spike_dense"] = "first_spike_dense"
    has_bias: bool = Field(default=False, alias="bias")
    threshold: Positive = 1.0

    @model_validator(mode="after")
    def _no_bias(self) -> FirstSpikeDense:
        if self.has_bias:
            raise ValueError("bias: a neuron that spikes once has none; leave it out")
        return self

    def unfold(self, x: Array) -> Array:  # noqa: ARG002
        """Times are no factors of a product: ConfigError."""
        raise ConfigError(f"layer {self.name!r}", "an engine that computes with times of spikes",
                          "one that multiplies its inputs by the weights",
                          "run the network with --mode spiking")  # fmt: skip

    def forward(self, params: LayerParams, *xs: Array) -> Array:
        """Times of the spikes, float32 (N, units), from times (N, features)."""
        return first_spikes(xs[0], self.matrices(params)[0], self.threshold).astype(np.float32)


class FirstSpikeScores(Layer):
    """Scores of the classes: the earlier the spike, the higher; minus infinity where there is none."""

    kind: Literal["first_spike_scores"] = "first_spike_scores"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's, (classes,)."""
        return self._one(shapes, (1,), "(classes,)")

    def forward(self, params: LayerParams, *xs: Array) -> Array:  # noqa: ARG002
        """The negative times."""
        return -xs[0]


def first_spikes(times: np.ndarray, weights: np.ndarray, threshold: float | np.ndarray,
                 stop: bool = False) -> np.ndarray:  # fmt: skip
    """Spike times, float64 (N, neurons), of neurons whose inputs spike at `times` (N, inputs).

    weights : float32 or float64 (inputs, neurons)
    threshold : one for all neurons, or (neurons,)
    stop : stop each image at the first spike of a neuron; see `kernels.first_spike.any_times`

    Raises ConfigError for a threshold that is not above zero (such a neuron would spike without any input).
    Inputs that spike at one or two times only, as after FirstSpikeEncoder, take two products and no sorting.
    """
    from neurosim.kernels import first_spike as kernel  # Numba is not for those who only read a network
    from neurosim.kernels import reads

    thresholds = checked_thresholds(threshold, weights.shape[1])
    out = np.empty((len(times), weights.shape[1]))
    first, last = float(times.min(initial=np.inf)), float(times.max(initial=-np.inf))
    early = times == first
    if not stop and first < np.inf and bool((early | (times == last)).all()):
        sums = np.empty(out.shape, weights.dtype)
        reads.event_product(early.astype(weights.dtype), weights, sums)
        kernel.two_times(sums, weights.sum(axis=0) - sums, last - first, thresholds, out)
        return out + first
    kernel.any_times(times.astype(np.float64), np.ascontiguousarray(weights)[None], thresholds, stop, out)
    return out


def checked_thresholds(threshold: float | np.ndarray, neurons: int) -> np.ndarray:
    """Thresholds float64 (neurons,); ConfigError unless all are above zero and finite."""
    thresholds = np.broadcast_to(np.asarray(threshold, np.float64), (neurons,)).copy()
    if not ((thresholds > 0) & np.isfinite(thresholds)).all():
        worst = float(thresholds[~((thresholds > 0) & np.isfinite(thresholds))][0])
        raise ConfigError("threshold", "a finite number above zero", str(worst),
                          "a neuron at or above its threshold without input would spike at once")  # fmt: skip
    return thresholds
