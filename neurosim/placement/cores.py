"""Put a network of ternary layers onto neurosynaptic cores.

A ternary input takes two axons of a core: type 0, which its neurons weigh with +1, and type 1, which they weigh with
-1; the binary crossbar says which of the two, or neither, a neuron listens to. A neuron reaches one axon only, so a
feature stands on its core as often as axons want it: twice for every core that sees it. Layers are placed from the
last to the first, because a layer's copies are what the next one's cores want. Products of a layer that see the same
inputs share a core as long as axons and neurons last; a product whose neurons do not fit into one core is shared out
over several, which then all want its inputs. Nothing else is used: no splitter cores, which would save copies and cost
a tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.parameters import CoreParameters
from neurosim.foundation.counts import LayerGeometry
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.graph import Binarise, Fire, Flatten, Layer, Network, Ternary, Votes
from neurosim.graph.binary import MOST_BIAS, OUTSIDE, Block
from neurosim.graph.core_network import OUTPUT, CoreNetwork, CoreNeurons

EXCITE, INHIBIT = 0, 1  # axon types of the two axons of an input

Target = tuple[int, int]  # core (numbered within its layer) and axon; OUTPUT and its number


@dataclass(frozen=True, eq=False)
class CorePlacement:
    """A network on cores.

    layers : where each ternary layer sits; `groups` is its number of cores
    cores : the cores, those of the first layer first
    layer_of_core : int64 (cores,), place of its layer in `layers`
    copies : most copies of a feature, per layer
    inputs : how many there are
    entry_input, entry_axon : int64, every axon that the input reaches: which input (flat), which flat axon
    classes : class that each output votes for, int64 (outputs,)
    level : an input above it makes a spike
    """

    layers: tuple[LayerGeometry, ...]
    cores: CoreNetwork
    layer_of_core: np.ndarray
    copies: tuple[int, ...]
    inputs: int
    entry_input: np.ndarray
    entry_axon: np.ndarray
    classes: np.ndarray
    level: float

    @property
    def depth(self) -> int:
        """Ticks from a frame at the input to its answer, counting both."""
        return len(self.layers)

    def layer(self, name: str) -> LayerGeometry:
        """The geometry of one layer; KeyError when it holds no matrix."""
        return {layer.name: layer for layer in self.layers}[name]


def place_cores(network: Network, chip: Chip) -> CorePlacement:
    """Place a network with `coding = "ticks"` on the cores of a chip.

    Raises ConfigError, with the remedy, for a chip without cores, layers that cores do not compute, sums of too many
    inputs, more cores than the chip has; DataError for weights that are not -1, 0 or 1 and biases that are not whole
    or do not fit.
    """
    core = chip.core
    level, stages, classes = _stages(network)
    wanted: list[list[Target]] = [[(OUTPUT, k)] for k in range(int(np.prod(stages[-1].own_output_shape)))]
    placed: list[_LayerCores] = []
    for layer in reversed(stages):
        stage = _place_layer(layer, network, core, wanted)
        wanted = stage.wanted
        placed.insert(0, stage)
    total = sum(len(stage.cores) for stage in placed)
    if total > core.cores:
        raise ConfigError(f"network {network.name!r} on {chip.name}", f"at most {core.cores} cores", str(total),
                          "use fewer features, or fewer and smaller windows")  # fmt: skip
    entries = np.array([(k, c, a) for k, targets in enumerate(wanted) for c, a in targets], np.int64).reshape(
        -1, 3
    )
    return CorePlacement(
        layers=tuple(_geometry(stage, core, chip) for stage in placed),
        cores=_assemble(network, placed, core),
        layer_of_core=np.repeat(np.arange(len(placed)), [len(stage.cores) for stage in placed]),
        copies=tuple(stage.copies for stage in placed),
        inputs=len(wanted),
        entry_input=entries[:, 0],
        entry_axon=entries[:, 1] * core.axons + entries[:, 2],
        classes=np.arange(int(np.prod(stages[-1].own_output_shape))) % classes,
        level=level,
    )


def _stages(network: Network) -> tuple[float, list[Ternary], int]:
    """The level of the frames, the ternary layers in order, the number of classes."""
    where, layers = f"network {network.name!r}", network.layers
    remedy = "cores take binarise, then ternary layers, each with fire after it, then votes"
    for before, layer in pairwise(layers):
        if layer.inputs != (before.name,):
            raise ConfigError(f"{where}: layer {layer.name!r}", "the layer before it as its only input",
                              ", ".join(layer.inputs), remedy)  # fmt: skip
    if not (isinstance(layers[0], Binarise) and isinstance(layers[-1], Votes)):
        raise ConfigError(
            where, "binarise first and votes last", f"{_kind(layers[0])} and {_kind(layers[-1])}", remedy
        )
    inner = [layer for layer in layers[1:-1] if not isinstance(layer, Flatten)]
    for k, layer in enumerate(inner):
        if not isinstance(layer, Fire if k % 2 else Ternary):
            raise ConfigError(
                f"{where}: layer {layer.name!r}", "a ternary layer, or fire after one", _kind(layer), remedy
            )
    stages = [layer for layer in inner if isinstance(layer, Ternary)]
    if not stages or len(inner) % 2:
        raise ConfigError(where, "fire after every ternary layer", "none after the last one", remedy)
    return layers[0].level, stages, layers[-1].classes


def _kind(layer: Layer) -> str:
    return str(layer.model_dump()["kind"])


@dataclass
class _Core:
    """One core while it is filled: its inputs in order of their axons, and its neurons."""

    inputs: dict[int, int] = field(default_factory=dict)  # flat input -> its number on this core
    neurons: list[tuple[Block, int, Target]] = field(default_factory=list)  # product, column, where it sends


@dataclass
class _LayerCores:
    layer: Ternary
    cores: list[_Core]
    wanted: list[list[Target]]  # for every input: the axons that want it
    copies: int


def _place_layer(
    layer: Ternary, network: Network, core: CoreParameters, wanted: list[list[Target]]
) -> _LayerCores:
    """Fill cores with a layer's products, in order."""
    cores = [_Core()]
    for block in layer.blocks():
        inputs = [int(k) for k in block.inputs if k != OUTSIDE]
        _fits(layer, network, len(inputs), core)
        neurons = [(block, column, target) for column, k in enumerate(block.outputs) for target in wanted[k]]
        while neurons:
            room = core.neurons - len(cores[-1].neurons)
            axons = 2 * len(cores[-1].inputs.keys() | set(inputs))
            # a product is cut only where it needs more than one core anyway
            if cores[-1].neurons and (len(neurons) > room or axons > core.axons):
                cores.append(_Core())
                continue
            for k in inputs:
                cores[-1].inputs.setdefault(k, len(cores[-1].inputs))
            cores[-1].neurons += neurons[:room]
            neurons = neurons[room:]
    reached: list[list[Target]] = [[] for _ in range(int(np.prod(layer.input_shapes[0])))]
    for number, filled in enumerate(cores):
        for k, place in filled.inputs.items():
            reached[k] += [(number, 2 * place + EXCITE), (number, 2 * place + INHIBIT)]
    return _LayerCores(layer, cores, reached, max(len(targets) for targets in wanted))


def _fits(layer: Ternary, network: Network, inputs: int, core: CoreParameters) -> None:
    if 2 * inputs > core.axons:
        raise ConfigError(f"network {network.name!r}: layer {layer.name!r}",
                          f"at most {core.axons // 2} inputs to a sum, two axons each", str(inputs),
                          "cut the layer into parts, or use a smaller kernel")  # fmt: skip


def _assemble(network: Network, placed: Sequence[_LayerCores], core: CoreParameters) -> CoreNetwork:
    """The cores of all layers as one network, laid out on a square in reading order."""
    starts = np.cumsum([0, *(len(stage.cores) for stage in placed)])
    total, side = int(starts[-1]), int(np.ceil(np.sqrt(starts[-1])))
    neurons = CoreNeurons.filled(total, core.neurons, weights=np.array([1, -1, 0, 0]), floor_mode=1)
    connections = np.zeros((total, core.axons, core.neurons), bool)
    for number, stage in enumerate(placed):
        matrices, biases = _whole_numbers(stage.layer, network)
        following = int(starts[number + 1])
        for k, filled in enumerate(stage.cores):
            here = int(starts[number]) + k
            for j, (block, column, (to, axon)) in enumerate(filled.neurons):
                rows = block.inputs != OUTSIDE
                places = np.array([filled.inputs[int(i)] for i in block.inputs[rows]], np.int64)
                weights = matrices[block.group][rows, column]
                connections[here, 2 * places[weights > 0] + EXCITE, j] = True
                connections[here, 2 * places[weights < 0] + INHIBIT, j] = True
                neurons.leak[here, j] = biases[block.group, column]
                neurons.target_core[here, j] = to if to == OUTPUT else following + to
                neurons.target_axon[here, j] = axon
    types = np.tile(np.array([EXCITE, INHIBIT]), (total, core.axons // 2))
    coordinates = np.stack([np.arange(total) % side, np.arange(total) // side], axis=1)
    outputs = int(np.prod(placed[-1].layer.own_output_shape))
    return CoreNetwork(network.name, coordinates, types, connections, neurons, outputs)


def _whole_numbers(layer: Ternary, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Matrices int64 (groups, rows, columns) and biases int64 (groups, columns), checked."""
    params = network.layer_params(layer.name)
    where = f"network {network.name!r}: layer {layer.name!r}"
    matrices, given = layer.matrices(params), layer.bias(params)
    biases = np.zeros((layer.matrix_groups, layer.columns), np.float32) if given is None else given
    bad = matrices[~np.isin(matrices, (-1, 0, 1))]
    if bad.size:
        raise DataError(f"{where}: weights", "-1, 0 and 1", f"{bad.size} others, such as {bad[0]:g}",
                        'train it with [training] ternary = "straight_through"')  # fmt: skip
    bad = biases[(biases != np.rint(biases)) | (np.abs(biases) > MOST_BIAS)]
    if bad.size:
        raise DataError(f"{where}: biases", f"whole numbers from {-MOST_BIAS} to {MOST_BIAS}",
                        f"{bad.size} others, such as {bad[0]:g}", "round them; they become leaks")  # fmt: skip
    return matrices.astype(np.int64), biases.astype(np.int64)


def _geometry(stage: _LayerCores, core: CoreParameters, chip: Chip) -> LayerGeometry:
    layer = stage.layer
    pair = 2 if chip.parameters.device is not None and chip.cell.kind == "differential" else 1
    return LayerGeometry(
        name=layer.name,
        rows=core.axons,
        columns=core.neurons,
        groups=len(stage.cores),
        positions=1,
        phases=1,
        polarities=1,
        devices_per_weight=pair * chip.cell.devices_per_weight,
        row_splits=(core.axons,),
        column_splits=(core.neurons,),
        macs=layer.macs,
    )
