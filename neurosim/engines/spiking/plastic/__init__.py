"""Networks that learn on the chip: STDP on memristive pairs, and chips of bistable synapses."""

from neurosim.engines.spiking.plastic.engine import PlasticEngine, count_presentation
from neurosim.engines.spiking.plastic.learned import (
    UNASSIGNED,
    AgedLearnedChip,
    LearnedChip,
    LearningLog,
    Snapshots,
)
from neurosim.engines.spiking.plastic.learning import assign_labels, at_snapshot, learn, presentations
from neurosim.engines.spiking.plastic.setup import Setup

__all__ = [
    "UNASSIGNED",
    "AgedLearnedChip",
    "LearnedChip",
    "LearningLog",
    "PlasticEngine",
    "Setup",
    "Snapshots",
    "assign_labels",
    "at_snapshot",
    "count_presentation",
    "learn",
    "presentations",
]
