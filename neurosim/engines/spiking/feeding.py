"""Calibration of a chip for a network that spikes by itself: what its matrices are fed when it runs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from neurosim.engines.spiking.simulation import simulate
from neurosim.foundation.errors import DataError
from neurosim.foundation.streams import stream
from neurosim.graph import Operation, Population, Source, SpikingGraph, Weighted
from neurosim.programming import Calibration
from neurosim.programming.calibration import MOST_VECTORS

_KEY = stream(0, "spiking calibration")  # a chip's ranges do not depend on the run's seed
_SPARE = 4  # times as many moments are looked at: in some nothing arrives
_MOST_MOMENTS = 4096

# what nodes give at moments: (node, images (K,), steps (K,)) -> float32 (K, *shape)
Values = Callable[[str, np.ndarray, np.ndarray], np.ndarray]


def calibrate_on_recordings(graph: SpikingGraph, recordings: np.ndarray) -> Calibration:
    """Run the network with its own weights on recordings, and keep what every matrix is fed in single steps.

    recordings : (N, steps, *source shape), as `simulate` takes events

    Kept are up to 8,192 input vectors per layer, of moments drawn evenly, without those of zeros: a chip does not
    read for them. Raises DataError for a layer that nothing reaches, and what `simulate` raises.
    """
    spiking = [population for population in graph.populations if population.neurons.spikes]
    graded = {p.name: tuple(range(p.size)) for p in graph.populations if not p.neurons.spikes}
    result = simulate(graph, recordings, spikes=tuple(p.name for p in spiking), traces=graded)
    images, steps = recordings.shape[:2]
    given: dict[str, np.ndarray] = {graph.source.name: recordings}
    for population in spiking:
        train, own = result.spikes[population.name], np.zeros((images, steps, population.size), bool)
        own[train.image, train.step, train.neuron] = True
        given[population.name] = own.reshape(images, steps, *population.shape)
    for name, trace in result.traces.items():
        given[name] = trace.reshape(images, steps, *graph.by_name[name].shape)
    values = _values(graph, given)
    draws = _KEY.child("moments").generator()
    vectors = {}
    for name in graph.order:
        node = graph.by_name[name]
        if isinstance(node, Operation) and isinstance(node.layer, Weighted):
            count = min(_MOST_MOMENTS, _SPARE * -(-MOST_VECTORS // node.layer.positions))
            vectors[name] = _vectors(
                graph, node.layer, values, draws.integers((images, steps), size=(count, 2))
            )
    return Calibration(vectors)


def _values(graph: SpikingGraph, given: dict[str, np.ndarray]) -> Values:
    """What every node gives at any moment, worked out from what its populations gave."""

    def value(name: str, image: np.ndarray, step: np.ndarray) -> np.ndarray:
        node = graph.by_name[name]
        if isinstance(node, Source | Population):
            began = (step >= 0).reshape(-1, *[1] * len(node.shape))
            return np.where(began, given[name][image, np.maximum(step, 0)], 0).astype(np.float32)
        if isinstance(node, Operation):
            return node.layer.forward(node.params, _arriving(graph, value, name, image, step))
        out = np.zeros((len(image), *node.shape), np.float32)
        late = np.broadcast_to(np.asarray(node.steps), node.shape)
        for steps in np.unique(late):
            out += np.where(late == steps, _arriving(graph, value, name, image, step - steps), 0)
        return out

    return value


def _arriving(
    graph: SpikingGraph, value: Values, name: str, image: np.ndarray, step: np.ndarray
) -> np.ndarray:
    """The sum of what a node's sources give; along feedback edges, in the step before."""
    parts = (value(s, image, step - ((s, name) in graph.feedback)) for s in graph.sources_of(name))
    return np.asarray(sum(parts, start=np.float32(0)))


def _vectors(graph: SpikingGraph, layer: Weighted, values: Values, moments: np.ndarray) -> np.ndarray:
    x = _arriving(graph, values, layer.name, moments[:, 0], moments[:, 1])
    unfolded = layer.unfold(np.ascontiguousarray(x, np.float32))
    vectors = unfolded.reshape(layer.matrix_groups, -1, layer.rows)
    live = np.flatnonzero(vectors.any(axis=(0, 2)))
    if not live.size:
        raise DataError(f"calibration of layer {layer.name!r}", "inputs that reach it", "none in any step looked at",
                        "use more recordings, or longer ones; or look at its thresholds")  # fmt: skip
    chosen = live[:: math.ceil(live.size / MOST_VECTORS)]
    return np.ascontiguousarray(vectors[:, chosen])
