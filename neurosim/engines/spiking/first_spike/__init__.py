"""Networks whose neurons spike once (temporal coding), in closed form or clocked on Brian2."""

from neurosim.engines.spiking.first_spike.counting import count_first_spike, varying_counters
from neurosim.engines.spiking.first_spike.engine import DECISION_TIME, EXTRA, FirstSpikeEngine
from neurosim.engines.spiking.first_spike.options import Chain, FirstSpikeOptions

__all__ = [
    "DECISION_TIME",
    "EXTRA",
    "Chain",
    "FirstSpikeEngine",
    "FirstSpikeOptions",
    "count_first_spike",
    "varying_counters",
]
