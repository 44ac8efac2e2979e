"""Spiking networks in NIR form (neuromorphic intermediate representation): to and from nested dictionaries.

A NIR file is such a dictionary in HDF5: `recording.read_nir` reads one, `write_nir` here writes one. What NIR
leaves open is settled like this, and stated in what a run records:

- the time step is the caller's; see `nir_nodes` for how equations become steps
- a spike is made when v > threshold, strictly; it sets v to v_reset, which is 0 where the file has none
- an edge that closes a loop hands over the step before; a delay in that loop gives this step up, so that the
  loop as a whole takes as long as the file says
- potentials and currents begin at 0

What NIR has no word for (reset by subtraction, v >= threshold, refractory time, an initial potential, a bias of
the neurons, limits of v) goes into a node's metadata, under names that begin with "neurosim_". Other simulators
do not read it; here it comes back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.foundation.errors import ConfigError, DataError, FormatError
from neurosim.graph.layer import Shape
from neurosim.graph.nir_nodes import MARK, Reset, needs_no_input, numbers, read_node, whole_numbers
from neurosim.graph.nir_wiring import FlatGraph, flat_graph, layer_names, loop_delays
from neurosim.graph.nir_writing import nir_tree
from neurosim.graph.spiking import AxonDelay, Node, Operation, Source, SpikingGraph
from neurosim.graph.spiking_layers import Merge
from neurosim.graph.weights import replace_file

if TYPE_CHECKING:
    import nir

__all__ = ["Reset", "from_nir", "nir_tree", "spiking_graph", "to_nir", "write_nir"]


def spiking_graph(
    tree: Mapping[str, Any], name: str, dt_s: float | None = None, reset: Reset | None = None
) -> SpikingGraph:
    """The spiking network of a NIR graph.

    Parameters
    ----------
    tree : nested dictionaries: {"version", "node"} as in a file, or the graph's own {"type", "nodes", "edges"}
    name : the network's name, which also begins every message
    dt_s : length of a step, seconds; needed where there is a time constant or a delay
    reset : what a spike does to v, whatever the file says: set it to v_reset, or take the threshold off

    Nested graphs are dissolved: node `lif` of graph `rnn` becomes `rnn_lif`.

    Raises FormatError when it is no NIR graph; ConfigError for unknown nodes, edges that lead nowhere, loops
    that pass no neurons and no delay, and a dt that is missing or does not fit; DataError for parameters that
    are missing, not finite or of shapes that do not fit. Messages name the node.
    """
    where = f"NIR network {name!r}"
    root = tree.get("node", tree)
    if not isinstance(root, Mapping):
        raise FormatError(where, "a NIR graph", type(root).__name__, "write the graph with the nir package")
    dt_s = _checked_dt(_stated_dt(root, where) if dt_s is None else dt_s, where)
    flat = flat_graph(root, where)
    names = layer_names(flat.nodes, flat.source)
    source = Source(names[flat.source], _source_shape(root, flat, where))
    built = _built(flat, names, source, where, dt_s, reset)
    nodes: list[Node] = [source, *built.values()]
    edges = [(names[start], names[end]) for start, end in flat.edges]
    output = _output(flat, nodes, edges, names, where)
    graph = SpikingGraph(name, tuple(nodes), tuple(edges), output, dt_s)
    return _without_loop_steps(graph)


def from_nir(
    graph: nir.NIRGraph, name: str, dt_s: float | None = None, reset: Reset | None = None
) -> SpikingGraph:
    """The spiking network of a graph of the nir package; as `spiking_graph`."""
    return spiking_graph(graph.to_dict(), name, dt_s, reset)


def to_nir(graph: SpikingGraph) -> nir.NIRGraph:
    """The network as a graph of the nir package.

    Its type check is left out: that of nir 1.0.8 takes every kernel for square and every convolution for one
    of a single group. Raises ConfigError for a layer that NIR has no node for.
    """
    import nir

    return nir.dict2NIRNode({**nir_tree(graph)["node"], "type_check": False})


def write_nir(graph: SpikingGraph, path: str | Path) -> None:
    """Write a network as a NIR file, whole or not at all; an older file is replaced.

    Raises ConfigError for a layer that NIR has no node for, DataError and LimitError when it cannot be written.
    """
    import io

    import nir

    content = io.BytesIO()
    nir.write(content, to_nir(graph))
    replace_file(Path(path), content.getvalue())


def _checked_dt(dt_s: float | None, where: str) -> float | None:
    if dt_s is not None and not (math.isfinite(dt_s) and dt_s > 0):
        raise ConfigError(f"{where}: time step", "a time above zero", f"{dt_s:g} s", "write it like 1e-3")
    return dt_s


def _stated_dt(root: Mapping[str, Any], where: str) -> float | None:
    """The dt that neurosim wrote beside a network of its own; files of others do not tell."""
    metadata = root.get("metadata")
    if not isinstance(metadata, Mapping) or f"{MARK}dt_s" not in metadata:
        return None
    return float(numbers(metadata, f"{MARK}dt_s", where))


def _source_shape(root: Mapping[str, Any], flat: FlatGraph, where: str) -> Shape:
    """The shape that the input states; of an input left out, what the node it leads to takes."""
    stated = root["nodes"].get(flat.source, {})
    here = f"{where}: node {flat.source!r}"
    shape: Shape | None
    if "shape" in stated:
        shape = whole_numbers(stated, "shape", here)
    else:
        follower = next(end for start, end in flat.edges if start == flat.source)
        shape = needs_no_input(flat.nodes[follower], f"{where}: node {follower!r}")
    if not shape or min(shape) < 1:
        raise DataError(
            here, "an input of a known shape", f"{shape}", "give the graph an Input node with a shape"
        )
    return shape


def _built(flat: FlatGraph, names: Mapping[str, str], source: Source, where: str, dt_s: float | None,
           reset: Reset | None) -> dict[str, Node]:  # fmt: skip
    """The nodes by path; shapes are handed along the edges for as long as that gets one further."""
    built: dict[str, Node] = {}
    shapes: dict[str, Shape] = {flat.source: source.shape}
    before = {path: [start for start, end in flat.edges if end == path] for path in flat.nodes}
    waiting = list(flat.nodes)
    while waiting:
        left = []
        for path in waiting:
            given = next((shapes[start] for start in before[path] if start in shapes), None)
            node = read_node(flat.nodes[path], names[path], f"{where}: node {path!r}", given, dt_s, reset)
            if node is None:
                left.append(path)
                continue
            built[path] = node
            shapes[path] = node.shape
        if len(left) == len(waiting):
            raise DataError(f"{where}: node {left[0]!r}", "an input whose shape is stated or can be worked out",
                            "neither", "state input_shape or input_type in the file")  # fmt: skip
        waiting = left
    return {path: built[path] for path in flat.nodes}


def _output(flat: FlatGraph, nodes: list[Node], edges: list[tuple[str, str]], names: Mapping[str, str],
            where: str) -> str:  # fmt: skip
    """Name of the node that gives the answer; where several lead to the output, one is added that sums them."""
    given = [names[path] for path in flat.outputs]
    shape = next(node.shape for node in nodes if node.name == given[0])
    if len(given) > 1:
        name = "output"
        while any(node.name == name for node in nodes):
            name += "_"
        layer = Merge(name=name, first=0, last=0).bound((), (shape,))
        nodes.append(Operation(layer, {}))
        edges += [(start, name) for start in given]
        given = [name]
    if flat.stated_output is not None:
        stated = whole_numbers({"shape": flat.stated_output}, "shape", f"{where}: Output node")
        if math.prod(stated) != math.prod(shape):
            raise DataError(f"{where}: Output node", f"the shape {shape} of {given[0]!r}", f"{stated}",
                            "match the shapes of the two nodes")  # fmt: skip
    return given[0]


def _without_loop_steps(graph: SpikingGraph) -> SpikingGraph:
    """Every delay in a loop shorter by the step that the loop's feedback edge takes."""
    shorter = loop_delays(graph)
    nodes = tuple(
        replace(node, steps=node.steps - 1) if isinstance(node, AxonDelay) and node.name in shorter else node
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes) if shorter else graph
