"""What the float network feeds each matrix on calibration images: the converters' ranges come from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import DataError
from neurosim.graph import Network

MOST_VECTORS = 8192  # per layer; a convolution has many more, of which evenly spaced ones are kept


@dataclass(frozen=True)
class Calibration:
    """Input vectors of every weighted layer, float32 (groups, vectors, rows), and which are signed."""

    vectors: Mapping[str, np.ndarray]

    @property
    def signed(self) -> tuple[str, ...]:
        """Layers whose inputs go below zero."""
        return tuple(name for name, x in self.vectors.items() if float(x.min()) < 0)


def calibrate_network(network: Network, images: np.ndarray) -> Calibration:
    """Run the float network on calibration images (N, *input shape) and keep what each matrix is fed.

    Raises DataError when there are no images.
    """
    if len(images) == 0:
        raise DataError("calibration images", "at least one", "none", "use a data set with a training split")
    wanted = {layer.name: layer.inputs[0] for layer in network.weighted}
    with one_blas_thread():
        kept = network.trace(images, {name for name in wanted.values() if name != "input"})[1]
    kept = {**kept, "input": images}
    vectors = {}
    for layer in network.weighted:
        # a convolution's vectors are spread over few images, so that unfolding stays small
        most = max(1, -(-MOST_VECTORS // layer.positions)) if layer.positions > 1 else MOST_VECTORS
        unfolded = layer.unfold(np.ascontiguousarray(kept[wanted[layer.name]][:most]))
        groups, _, _, rows = unfolded.shape
        flat = unfolded.reshape(groups, -1, rows)
        step = max(1, flat.shape[1] // MOST_VECTORS)
        vectors[layer.name] = np.ascontiguousarray(flat[:, ::step][:, :MOST_VECTORS])
    return Calibration(vectors)
