"""Fixed blocks of images through the layers of a network: what engines that compute layer by layer share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from neurosim.engines.engine import BLOCK
from neurosim.graph import INPUT, Network, Weighted

# Bound on the input vectors of a convolution unfolded at once, per thread. The same images always share a
# chunk, because the chunk follows from the layer's shape alone.
CHUNK_FLOATS = 4_000_000


def padded(images: np.ndarray, start: int) -> np.ndarray:
    """A whole block: products of a shorter one would round otherwise."""
    block = images[start : start + BLOCK]
    if len(block) == BLOCK:
        return block
    full = np.zeros((BLOCK, *images.shape[1:]), np.float32)
    full[: len(block)] = block
    return full


def through_layers(
    network: Network, x: np.ndarray, weighted: Callable[[Weighted, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Scores (images, classes) of images (images, *input shape).

    weighted : the output of a layer with weights, as the engine computes it; all others are the network's own
    An array is let go after its last use.
    """
    last_use = {source: layer.name for layer in network.layers for source in layer.inputs}
    live = {INPUT: x}
    for layer in network.layers:
        sources = [live[name] for name in layer.inputs]
        if isinstance(layer, Weighted):
            live[layer.name] = weighted(layer, sources[0])
        else:
            live[layer.name] = layer.forward(network.layer_params(layer.name), *sources)
        for source in layer.inputs:
            if last_use[source] == layer.name:
                live.pop(source, None)
    return live[network.layers[-1].name]


def chunks(layer: Weighted, images: int) -> Iterator[slice]:
    """Runs of images whose unfolded vectors stay within CHUNK_FLOATS."""
    floats = layer.matrix_groups * layer.positions * layer.rows
    size = max(1, min(images, CHUNK_FLOATS // floats)) if layer.positions > 1 else images
    return (slice(a, min(a + size, images)) for a in range(0, images, size))
