"""Networks whose neurons spike once (temporal coding), in closed form or clocked on Brian2."""

from neurosim.engines.spiking.first_spike.counting import count_first_spike, varying_counters
from neurosim.engines.spiking.first_spike.engine import DECISION_TIME, EXTRA, FirstSpikeEngine
from neurosim.engines.spiking.first_spike.latency import synaptic_tau_s
from neurosim.engines.spiking.first_spike.options import Chain, FirstSpikeOptions
from neurosim.engines.spiking.first_spike.solving import float_times

__all__ = [
    "DECISION_TIME",
    "EXTRA",
    "Chain",
    "FirstSpikeEngine",
    "FirstSpikeOptions",
    "count_first_spike",
    "float_times",
    "synaptic_tau_s",
    "varying_counters",
]
