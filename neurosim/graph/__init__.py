"""Networks in memory: layers and their plain float forward, network folders, folding of batch norm."""

from neurosim.graph.architecture import Architecture
from neurosim.graph.binary import (
    Binarise,
    Block,
    Fire,
    Ternary,
    TernaryConv2d,
    TernaryDense,
    TernaryWindows,
    Votes,
)
from neurosim.graph.boosting import Boosting, Comparator, PairVotes
from neurosim.graph.description import Description, InputSpec, Measured, Recipe
from neurosim.graph.elementwise import Add, BatchNorm, BiasInput, Flatten, RectifiedTanh, ReLU, Softmax
from neurosim.graph.first_spike import FirstSpikeDense, FirstSpikeEncoder, FirstSpikeScores
from neurosim.graph.folding import fold_batch_norm, fold_shapes
from neurosim.graph.layer import INPUT, Layer
from neurosim.graph.network import Network
from neurosim.graph.plastic import Learning, WinnerTakeAll
from neurosim.graph.pooling import AvgPool, GlobalAvgPool, MaxPool
from neurosim.graph.reading import (
    find_network,
    load_architecture,
    load_network,
    network_names,
    read_description,
    read_measured,
)
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
    "Architecture",
    "AvgPool",
    "AxonDelay",
    "BatchNorm",
    "BiasInput",
    "Binarise",
    "Block",
    "Boosting",
    "Comparator",
    "Conv2d",
    "Dense",
    "Description",
    "Fire",
    "FirstSpikeDense",
    "FirstSpikeEncoder",
    "FirstSpikeScores",
    "Flatten",
    "GlobalAvgPool",
    "InputSpec",
    "Layer",
    "Learning",
    "MaxPool",
    "Measured",
    "Network",
    "NeuronModel",
    "Operation",
    "PairVotes",
    "Population",
    "ReLU",
    "Recipe",
    "RectifiedTanh",
    "Softmax",
    "Source",
    "SpikingGraph",
    "Ternary",
    "TernaryConv2d",
    "TernaryDense",
    "TernaryWindows",
    "Votes",
    "Weighted",
    "WinnerTakeAll",
    "find_network",
    "fold_batch_norm",
    "fold_shapes",
    "load_architecture",
    "load_network",
    "network_names",
    "read_description",
    "read_measured",
]
