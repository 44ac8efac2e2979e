"""Networks on digital processors: operations and memory accesses, counted by level."""

from neurosim.engines.digital.arithmetic import PreparedNetwork, prepare_network
from neurosim.engines.digital.counting import VARYING, count_digital, without_varying
from neurosim.engines.digital.engine import DigitalEngine
from neurosim.engines.digital.shapes import LayerShape, layer_shapes

__all__ = [
    "VARYING",
    "DigitalEngine",
    "LayerShape",
    "PreparedNetwork",
    "count_digital",
    "layer_shapes",
    "prepare_network",
    "without_varying",
]
