"""Weights before training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neurosim.foundation.streams import Stream
from neurosim.graph import FirstSpikeDense, Layer

_CONSTANTS = {"bias": 0.0, "mean": 0.0, "variance": 1.0}


def initial_tensors(
    layers: Iterable[Layer], draws: Stream, weight_sum: float = 0.0
) -> dict[str, np.ndarray[Any, Any]]:
    """Float32 tensors "<layer>.<parameter>" of bound layers.

    Matrices are Gaussian with variance 2 / fan-in (He et al. 2015, for ReLU networks), each from its own
    stream; those of neurons that spike once are shifted so that the weights of a neuron sum to `weight_sum` on
    average; batch norms start as the identity.
    """
    tensors = {}
    for layer in layers:
        for name, shape in layer.parameter_shapes(*layer.input_shapes).items():
            if name == "weight" and len(shape) > 1:
                scale = np.sqrt(2 / np.prod(shape[1:]))
                array = draws.child(layer.name).generator().standard_normal(shape) * scale
                if isinstance(layer, FirstSpikeDense):
                    array += weight_sum / shape[1]
            else:
                array = np.full(shape, _CONSTANTS.get(name, 1.0))
            tensors[f"{layer.name}.{name}"] = array.astype(np.float32)
    return tensors


def nested(tensors: dict[str, np.ndarray[Any, Any]]) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """Tensors "<layer>.<parameter>" as layer -> parameter -> array, as a Network takes them."""
    params: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    for key, array in tensors.items():
        layer, _, name = key.rpartition(".")
        params.setdefault(layer, {})[name] = array
    return params
