"""A spiking network in memory: populations of neurons, the operations between them, delays and loops.

Both ways to a spiking network end here: `to_spiking` converts a trained rate-coded network, `nir_files` reads a
NIR file. It is pure description; the spiking engine gives it neurons, crossbars and a clock.

One step of dt goes through the nodes in `order`: a node takes the sum of what its sources give *in this step*,
except along feedback edges, which hand over what their source gave in the step before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.graph.layer import Layer, LayerParams, Shape

Value = float | np.ndarray  # one number for a population, or one per neuron (the population's shape)


@dataclass(frozen=True, eq=False)
class NeuronModel:
    """The neurons of one population. Potentials are in units of the network's own; times in steps or seconds.

    kind : "if" dv = R x; "i" the same without a threshold; "lif" tau dv/dt = (v_leak - v) + R x; "li" the same
        without a threshold; "cuba_lif"/"cuba_li" with tau_synapse di/dt = -i + w_in x before it;
        "threshold" spikes when its input exceeds the threshold, without a state
    threshold, reset : a spike sets v to `v_reset` ("value"), or takes the threshold off v ("subtract")
    comparison : spikes at v > threshold or v >= threshold
    v_leak, v_reset, v_initial, resistance, w_in : of the equations above
    tau_s, tau_synapse_s : time constants, seconds
    refractory_steps : steps after a spike in which v is held and no spike is made
    bias : added to the input x in every step
    low, high : v saturates here (None: it does not)
    """

    kind: Literal["if", "i", "lif", "li", "cuba_lif", "cuba_li", "threshold"]
    threshold: Value = 1.0
    reset: Literal["value", "subtract"] = "subtract"
    comparison: Literal[">", ">="] = ">="
    v_leak: Value = 0.0
    v_reset: Value = 0.0
    v_initial: Value = 0.0
    resistance: Value = 1.0
    w_in: Value = 1.0
    tau_s: Value | None = None
    tau_synapse_s: Value | None = None
    refractory_steps: int = 0
    bias: Value = 0.0
    low: float | None = None
    high: float | None = None

    @property
    def spikes(self) -> bool:
        """Whether the population has a threshold; else its output is v."""
        return self.kind not in ("i", "li", "cuba_li")


@dataclass(frozen=True, eq=False)
class Source:
    """Where the input enters: spikes, currents or event counts of this shape in every step."""

    name: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Operation:
    """A stateless layer between populations; a Weighted one is what a crossbar may hold.

    layer : bound to its input's shape
    """

    layer: Layer
    params: LayerParams

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def shape(self) -> Shape:
        """Shape of its output, without the batch axis."""
        return self.layer.own_output_shape


@dataclass(frozen=True, eq=False)
class AxonDelay:
    """Hands its input over so many steps later; `steps` is one integer or one per element, each >= 0."""

    name: str
    shape: Shape
    steps: int | np.ndarray


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons that share a model; `shape` without the batch axis."""

    name: str
    shape: Shape
    neurons: NeuronModel

    @property
    def size(self) -> int:
        """Number of neurons."""
        return int(np.prod(self.shape))


Node = Source | Operation | AxonDelay | Population


@dataclass(frozen=True, eq=False)
class SpikingGraph:
    """A spiking network; immutable.

    nodes : in any order, names unique; exactly one Source
    edges : (from, to); a node with several sources takes their sum
    output : the node whose spikes (or values) are the answer
    dt_s : length of a step; None where no equation has a time constant

    Raises ConfigError for unknown or double names, for no or several sources and for a loop that holds neither
    a population nor a delay; DataError for shapes that do not fit along an edge.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    output: str
    dt_s: float | None = None

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        where = f"spiking network {self.name!r}"
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise ConfigError(where, "each name once", f"{double!r} twice", "rename one of the nodes")
        for name in (self.output, *(name for edge in self.edges for name in edge)):
            if name not in names:
                raise ConfigError(where, "the name of a node", repr(name), near(name, names))
        if sum(isinstance(node, Source) for node in self.nodes) != 1:
            raise ConfigError(where, "one input", f"{sum(isinstance(n, Source) for n in self.nodes)}",
                              "give the network exactly one input node")  # fmt: skip
        self._check_shapes(where)
        self._check_loops(where)

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    @property
    def source(self) -> Source:
        """The input."""
        return next(node for node in self.nodes if isinstance(node, Source))

    @property
    def populations(self) -> tuple[Population, ...]:
        """The populations, in the order of `order`."""
        return tuple(n for name in self.order if isinstance(n := self.by_name[name], Population))

    @cached_property
    def _walk(self) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
        """Order of the nodes and the feedback edges: those that close a loop, walking from the input."""
        after: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for start, end in self.edges:
            after[start].append(end)
        state: dict[str, int] = {}  # 1 on the path walked, 2 done
        finished: list[str] = []
        feedback: set[tuple[str, str]] = set()
        for root in (self.source.name, *after):
            if root in state:
                continue
            state[root] = 1
            path = [(root, iter(after[root]))]
            while path:
                name, rest = path[-1]
                for following in rest:
                    if state.get(following) == 1:
                        feedback.add((name, following))
                    elif following not in state:
                        state[following] = 1
                        path.append((following, iter(after[following])))
                        break
                else:
                    state[name] = 2
                    finished.append(name)
                    path.pop()
        return tuple(reversed(finished)), frozenset(feedback)

    @property
    def order(self) -> tuple[str, ...]:
        """Names in the order of one step; every node after its sources, feedback apart."""
        return self._walk[0]

    @property
    def feedback(self) -> frozenset[tuple[str, str]]:
        """Edges that hand over what their source gave in the step before."""
        return self._walk[1]

    def sources_of(self, name: str) -> tuple[str, ...]:
        """Names of the nodes whose outputs a node takes."""
        return tuple(start for start, end in self.edges if end == name)

    def _check_shapes(self, where: str) -> None:
        for start, end in self.edges:
            target, given = self.by_name[end], self.by_name[start].shape
            wanted = target.layer.input_shapes[0] if isinstance(target, Operation) else target.shape
            if isinstance(target, Source):
                raise ConfigError(
                    where, "an input that nothing leads to", f"{start!r} -> {end!r}", "drop the edge"
                )
            if given != wanted:
                raise DataError(f"{where}: node {end!r}", f"an input of shape {wanted}",
                                f"{given} from {start!r}", "match the shapes of the two nodes")  # fmt: skip

    def _check_loops(self, where: str) -> None:
        """Every loop needs a state: take all populations and delays away, and no loop may be left."""
        stateless = {n.name for n in self.nodes if isinstance(n, Operation)}
        left = {name: {s for s in self.sources_of(name) if s in stateless} for name in stateless}
        while free := [name for name, sources in left.items() if not sources]:
            for name in free:
                del left[name]
            for sources in left.values():
                sources.difference_update(free)
        if left:
            raise ConfigError(f"{where}: {', '.join(sorted(left))}", "a loop that passes neurons or a delay",
                              "a loop without a delay", "put a population or a delay node into the loop")  # fmt: skip
