"""From synaptic time constants to seconds: how fast the neurons may be for the crossbars to keep up with them."""

from __future__ import annotations

from neurosim.chips import Chip
from neurosim.costs import step_s
from neurosim.placement import Placement


def synaptic_tau_s(placement: Placement, chip: Chip) -> float:
    """The shortest synaptic time constant, seconds, that a chip can give the network's neurons.

    Spikes reach a layer one by one, each a read with its conversions. Within one time constant, about the time of a
    decision, the layer with the most inputs can read all its rows one after the other (or the first layer do its two
    reads, if that takes longer). Spikes that come faster than they can be read would have to wait; that they do is
    not modelled. An image's latency is its decision time times this.

    Raises ConfigError for a chip without a circuit or without neurons.
    """
    first, *others = placement.layers
    reads = [2 * step_s([first], chip), *(layer.rows * step_s([layer], chip) for layer in others)]
    return max(reads)
