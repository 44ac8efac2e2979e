"""The float accuracy of a network: plain NumPy forward, no chip, no PyTorch."""

from __future__ import annotations

import numpy as np

from neurosim.graph import Network
from neurosim.inputs import Dataset, load_dataset, prepare


def float_accuracy(network: Network, split: str = "test", limit: int | None = None) -> tuple[float, int]:
    """Fraction of images of the network's data set classified correctly, and how many there were.

    Raises what `load_dataset` raises.
    """
    data = load_dataset(network.input.dataset, split, limit)
    return accuracy_on(network, data), len(data.labels)


def accuracy_on(network: Network, data: Dataset) -> float:
    """Fraction of the images classified correctly by the float forward."""
    right = 0
    for start in range(0, len(data.labels), network.block_images):
        block = slice(start, start + network.block_images)
        x = prepare(data.images[block], data.max_level, network.input.shape, network.input.crop)
        right += int(np.count_nonzero(network.forward(x).argmax(axis=1) == data.labels[block]))
    return right / len(data.labels)
