"""A spiking network as nested dictionaries in NIR form; what they mean is in `nir_files`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError
from neurosim.graph.elementwise import Flatten
from neurosim.graph.layer import Layer, LayerParams, Shape
from neurosim.graph.nir_nodes import MARK, NEURONS
from neurosim.graph.nir_wiring import loop_delays
from neurosim.graph.pooling import AvgPool, SumPool
from neurosim.graph.spiking import AxonDelay, NeuronModel, Node, Operation, Population, SpikingGraph
from neurosim.graph.spiking_layers import Conv1d, Merge, Scale
from neurosim.graph.weighted import Conv2d, Dense

Tree = dict[str, Any]
_TYPES = {kind: name for name, (kind, _) in NEURONS.items()}
# what a population of a NIR file has: the rest goes into the metadata
_PLAIN: dict[str, Any] = {
    "reset": "value", "comparison": ">", "refractory_steps": 0, "bias": 0.0, "v_initial": 0.0, "low": None,
    "high": None,
}  # fmt: skip


def nir_tree(graph: SpikingGraph) -> Tree:
    """The network as a NIR file holds it: {"version": text, "node": {...}}.

    What lies under "node" is what `nir.NIRGraph.to_dict` would give; `nir.dict2NIRNode` takes it.

    Raises ConfigError for a layer that NIR has no node for, and for delays in a network without a dt.
    """
    where = f"network {graph.name!r}"
    longer = loop_delays(graph)
    nodes: Tree = {}
    for node in graph.nodes:
        if isinstance(node, AxonDelay):
            nodes[node.name] = _delay(node, graph.dt_s, node.name in longer, where)
        else:
            nodes[node.name] = _node(node, where)
    output = "output"
    while output in nodes:
        output += "_"
    shape = graph.by_name[graph.output].shape
    nodes[output] = {"type": "Output", "shape": np.array(shape, np.int64)}
    edges = [*graph.edges, (graph.output, output)]
    root: Tree = {"type": "NIRGraph", "nodes": nodes, "edges": edges}
    if graph.dt_s is not None:
        root["metadata"] = {f"{MARK}dt_s": graph.dt_s}
    return {"version": version("nir"), "node": root}


def _node(node: Node, where: str) -> Tree:
    if isinstance(node, Population):
        return _population(node)
    if not isinstance(node, Operation):
        return {"type": "Input", "shape": np.array(node.shape, np.int64)}
    write = _LAYERS.get(type(node.layer))
    if write is None:
        raise ConfigError(
            f"{where}: layer {node.name!r}", "a layer that NIR has a node for",
            type(node.layer).__name__, "use average pooling, fold batch norms, or leave the layer out",
        )  # fmt: skip
    return write(node.layer, node.params, node.layer.input_shapes[0])


def _population(node: Population) -> Tree:
    model, kind = node.neurons, _TYPES[node.neurons.kind]
    written: Tree = {"type": kind}
    for key, field in NEURONS[kind][1].items():
        written[key] = _compact(np.broadcast_to(np.asarray(getattr(model, field), np.float64), node.shape))
    metadata = _metadata(model)
    return written | ({"metadata": metadata} if metadata else {})


def _metadata(model: NeuronModel) -> Tree:
    """What NIR has no word for, where it differs from what NIR says."""
    if not model.spikes:
        plain = {key: value for key, value in _PLAIN.items() if key not in ("reset", "comparison")}
    elif model.kind == "threshold":
        plain = {key: value for key, value in _PLAIN.items() if key != "reset"}
    else:
        plain = _PLAIN
    own = {key: getattr(model, key) for key in plain}
    differing = {key: value for key, value in own.items() if not np.array_equal(value, plain[key])}
    return {f"{MARK}{key}": value for key, value in differing.items()}


def _delay(node: AxonDelay, dt_s: float | None, in_loop: bool, where: str) -> Tree:
    if dt_s is None:
        raise ConfigError(f"{where}: delay {node.name!r}", "a dt, as NIR counts delays in seconds", "none",
                          "give the network a dt_s")  # fmt: skip
    steps = np.broadcast_to(np.asarray(node.steps) + int(in_loop), node.shape)
    return {"type": "Delay", "delay": steps * dt_s}


def _compact(array: np.ndarray) -> np.ndarray:
    """In float32 where nothing is lost."""
    single = array.astype(np.float32)
    return single if np.array_equal(single, array) else np.ascontiguousarray(array)


def _pair(numbers: Shape) -> np.ndarray:
    return np.array(numbers, np.int64)


def _dense(layer: Any, params: LayerParams, shape: Shape) -> Tree:  # noqa: ARG001
    weight = np.asarray(params["weight"])
    if not layer.has_bias:
        return {"type": "Linear", "weight": weight}
    return {"type": "Affine", "weight": weight, "bias": np.asarray(params["bias"])}


def _conv(layer: Any, params: LayerParams, shape: Shape) -> Tree:
    bias = np.asarray(params["bias"]) if layer.has_bias else np.zeros(layer.channels, np.float32)
    common: Tree = {"weight": np.asarray(params["weight"]), "groups": layer.groups, "bias": bias}
    if isinstance(layer, Conv1d):
        sizes: Tree = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        return {"type": "Conv1d", "input_shape": shape[1]} | sizes | common
    sizes = {key: _pair(getattr(layer, key)) for key in ("stride", "padding", "dilation")}
    return {"type": "Conv2d", "input_shape": _pair(shape[1:])} | sizes | common


def _pool(layer: Any, params: LayerParams, shape: Shape) -> Tree:  # noqa: ARG001
    kind = "SumPool2d" if isinstance(layer, SumPool) else "AvgPool2d"
    return {"type": kind, "kernel_size": _pair(layer.kernel), "stride": _pair(layer.steps),
            "padding": _pair(layer.padding)}  # fmt: skip


def _flatten(layer: Any, params: LayerParams, shape: Shape) -> Tree:  # noqa: ARG001
    first, last = (layer.first, layer.last) if isinstance(layer, Merge) else (0, -1)
    return {"type": "Flatten", "input_type": _pair(shape), "start_dim": first, "end_dim": last}


def _scale(layer: Any, params: LayerParams, shape: Shape) -> Tree:  # noqa: ARG001
    return {"type": "Scale", "scale": np.asarray(params["scale"])}


_LAYERS: dict[type[Layer], Callable[[Any, LayerParams, Shape], Tree]] = {
    Dense: _dense, Conv2d: _conv, Conv1d: _conv, SumPool: _pool, AvgPool: _pool, Flatten: _flatten,
    Merge: _flatten, Scale: _scale,
}  # fmt: skip
