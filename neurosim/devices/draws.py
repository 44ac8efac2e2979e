"""Standard normals of a stream, as the devices draw them."""

from __future__ import annotations

import math

import numpy as np

from neurosim.foundation.streams import Stream
from neurosim.kernels.reads import fill_normals


def normals(shape: tuple[int, ...], rng: Stream) -> np.ndarray:
    """Standard normals, float32, of any shape; the same stream always gives the same."""
    flat = np.empty(math.prod(shape), np.float32)
    word0, word1 = rng.words()
    fill_normals(flat, np.uint64(word0), np.uint64(word1))
    return flat.reshape(shape)
