"""Networks in memory: layers and their plain float forward, network folders, folding of batch norm."""

from neurosim.graph.description import Description, InputSpec, Measured, Recipe
from neurosim.graph.elementwise import Add, BatchNorm, Flatten, ReLU, Softmax
from neurosim.graph.folding import fold_batch_norm
from neurosim.graph.layer import INPUT, Layer
from neurosim.graph.network import Network
from neurosim.graph.pooling import AvgPool, GlobalAvgPool, MaxPool
from neurosim.graph.reading import find_network, load_network, network_names, read_description, read_measured
from neurosim.graph.spiking import (
    AxonDelay,
    NeuronModel,
    Operation,
    Population,
    Source,
    SpikingGraph,
)
from neurosim.graph.weighted import Conv2d, Dense, Weighted

__all__ = [
    "INPUT",
    "Add",
    "AvgPool",
    "AxonDelay",
    "BatchNorm",
    "Conv2d",
    "Dense",
    "Description",
    "Flatten",
    "GlobalAvgPool",
    "InputSpec",
    "Layer",
    "MaxPool",
    "Measured",
    "Network",
    "NeuronModel",
    "Operation",
    "Population",
    "ReLU",
    "Recipe",
    "Softmax",
    "Source",
    "SpikingGraph",
    "Weighted",
    "find_network",
    "fold_batch_norm",
    "load_network",
    "network_names",
    "read_description",
    "read_measured",
]
