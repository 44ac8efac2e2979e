"""A NIR graph made flat: nested graphs dissolved, inputs and outputs found, names that layers may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, FormatError, near
from neurosim.graph.spiking import AxonDelay, Operation, SpikingGraph

Edge = tuple[str, str]
_DEEPEST = 32
_REMEDY = "write the graph again with the nir package"


@dataclass(frozen=True)
class FlatGraph:
    """Nodes of all levels by their dotted path, without the inputs and outputs of nested graphs.

    source : the path of the input; it is none of `nodes` where the file leaves the input out
    outputs : the nodes whose sum is the network's output
    stated_output : the shape that the output node states, if there is such a node
    """

    nodes: Mapping[str, Mapping[str, Any]]
    edges: tuple[Edge, ...]
    source: str
    outputs: tuple[str, ...]
    stated_output: Any = None


def text_of(value: Any) -> str:
    """A string that a file may hold as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def type_of(node: Any) -> str:
    """The type that a node states, or "" when it states none."""
    return text_of(node["type"]) if isinstance(node, Mapping) and "type" in node else ""


def flat_graph(tree: Mapping[str, Any], where: str) -> FlatGraph:
    """The flat form of a NIR graph as nested dictionaries.

    Raises FormatError when it is no graph; ConfigError for an edge to an unknown node, an edge that is there
    twice, and for more or less than one input and one output.
    """
    nodes, edges, entry, leaving = _levelled(tree, where, "", 0)
    kept, joined = dict(nodes), list(edges)
    if type_of(nodes[entry]) != "Input":  # the file leaves it out: the only node without a source
        source = "input"
        while source in nodes:
            source += "_"
        joined.append((source, entry))
        entry = source
    doors = [path for path, node in nodes.items() if type_of(node) in ("Input", "Output") and path != entry]
    outputs: tuple[str, ...] = (leaving,)
    for path in doors:
        before = [start for start, end in joined if end == path]
        after = [end for start, end in joined if start == path]
        joined = [edge for edge in joined if path not in edge]
        joined += [(start, end) for start in before for end in after]
        if path == leaving:
            outputs = tuple(before)
        outputs = tuple(p for out in outputs for p in (before if out == path else [out]))
        del kept[path]
    _check_edges(joined, where)
    if not outputs:
        raise ConfigError(f"{where}: {leaving!r}", "an output that a node leads to", "one that none leads to",
                          "add an edge to it")  # fmt: skip
    kept.pop(entry, None)
    return FlatGraph(kept, tuple(joined), entry, outputs, nodes[leaving].get("shape"))


def layer_names(nodes: Mapping[str, Mapping[str, Any]], source: str) -> dict[str, str]:
    """Names for paths: letters, digits, - and _, not beginning with a digit; each once.

    >>> layer_names({"0": {"type": "Conv2d"}, "rnn.lif": {"type": "LIF"}}, "input")
    {'input': 'input', '0': 'conv2d_0', 'rnn.lif': 'rnn_lif'}
    """
    names: dict[str, str] = {}
    for path in (source, *nodes):
        name = re.sub(r"[^A-Za-z0-9_-]", "_", path)
        if not re.match(r"[A-Za-z_]", name):
            name = f"{type_of(nodes.get(path)).lower()}_{name}"
        while name in names.values():
            name += "_"
        names.setdefault(path, name)
    return names


def _levelled(
    graph: Mapping[str, Any], where: str, prefix: str, depth: int
) -> tuple[dict[str, Mapping[str, Any]], list[Edge], str, str]:
    """Nodes and edges of a graph and of those in it; the paths of its input and of its output."""
    here = f"{where}: graph {prefix[:-1]!r}" if prefix else where
    own = graph.get("nodes") if isinstance(graph, Mapping) else None
    if not isinstance(own, Mapping) or "edges" not in graph:
        raise FormatError(here, "a NIR graph with nodes and edges", "none", _REMEDY)
    if not own or depth > _DEEPEST:
        got = f"graphs nested more than {_DEEPEST} deep" if own else "no nodes"
        raise FormatError(here, "a graph of nodes", got, _REMEDY)
    nodes: dict[str, Mapping[str, Any]] = {}
    edges: list[Edge] = []
    doors: dict[str, Edge] = {}
    for name, node in own.items():
        path = f"{prefix}{name}"
        if type_of(node) == "NIRGraph":
            inner, inner_edges, entry, leaving = _levelled(node, where, f"{path}.", depth + 1)
            nodes |= inner
            edges += inner_edges
            doors[str(name)] = (entry, leaving)
        else:
            if not type_of(node):
                raise FormatError(f"{where}: node {path!r}", "a node with a type", "none", _REMEDY)
            nodes[path] = node
            doors[str(name)] = (path, path)
    pairs = _pairs(graph["edges"], doors, here)
    edges += [(doors[start][1], doors[end][0]) for start, end in pairs]
    entry = doors[_door(own, pairs, "Input", here)][0]
    return nodes, edges, entry, doors[_door(own, pairs, "Output", here)][1]


def _pairs(edges: Any, known: Iterable[str], where: str) -> list[Edge]:
    pairs: list[Edge] = []
    if not _listed(edges) or not all(_listed(edge) and len(edge) == 2 for edge in edges):
        raise FormatError(f"{where}: edges", "pairs of names", f"{edges!r:.60}", _REMEDY)
    for edge in edges:
        start, end = (text_of(name) for name in edge)
        for name in (start, end):
            if name not in known:
                raise ConfigError(f"{where}: edge {start!r} -> {end!r}", "the names of two nodes", repr(name),
                                  near(name, known))  # fmt: skip
        pairs.append((start, end))
    _check_edges(pairs, where)
    return pairs


def _listed(value: Any) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _check_edges(edges: list[Edge], where: str) -> None:
    for edge in edges:
        if edges.count(edge) > 1:
            raise ConfigError(f"{where}: edge {edge[0]!r} -> {edge[1]!r}", "each edge once", "it twice",
                              "leave one out, or double the weights")  # fmt: skip


def _door(nodes: Mapping[str, Any], edges: list[Edge], kind: str, where: str) -> str:
    """The one Input or Output of a graph; where there is none, the one node without sources or targets."""
    side = 1 if kind == "Input" else 0
    taken = {edge[side] for edge in edges}
    found = [name for name, node in nodes.items() if type_of(node) == kind]
    found = found or [name for name in nodes if name not in taken]
    if len(found) != 1:
        got = f"{len(found)} ({', '.join(map(repr, found))})" if found else "none"
        raise ConfigError(f"{where}: {kind} nodes", "one", got,
                          f"give the graph exactly one {kind} node; join several into one vector")  # fmt: skip
    return str(found[0])


def matching(name: str, own: tuple[int, ...] | None, given: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape a node takes: its own where it states one, else what leads to it.

    Raises DataError when neither is known, or both are and differ.
    """
    if own is None and given is None:
        raise DataError(name, "an input whose shape is stated or can be worked out", "neither",
                        "state input_shape or input_type, or write it with nir's type check on")  # fmt: skip
    if own is not None and given is not None and own != given:
        raise DataError(name, f"an input of shape {own}", f"{given}", "match the shapes of the two nodes")
    shape = own if own is not None else given
    assert shape is not None
    return shape


def loop_delays(graph: SpikingGraph) -> frozenset[str]:
    """The delays, one per feedback edge, that lie in its loop alone: those that can give its step up.

    The edge itself takes one step; a delay of n steps that serves this loop only, shortened by one, makes the
    loop take n.
    """
    found = set()
    for start, end in graph.feedback:
        last = graph.by_name[end]
        into = {(source, end) for source in graph.sources_of(end)}
        if isinstance(last, AxonDelay) and into <= graph.feedback:
            found.add(end)
            continue
        name = start
        while sum(source == name for source, _ in graph.edges) == 1:
            node = graph.by_name[name]
            if isinstance(node, AxonDelay):
                found.add(name)
            if not isinstance(node, Operation) or len(graph.sources_of(name)) != 1:
                break
            (name,) = graph.sources_of(name)
    return frozenset(found)
