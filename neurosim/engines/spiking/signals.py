"""What flows along an edge of a spiking network in one step: a list of spikes, or values."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from neurosim.foundation.errors import LimitError
from neurosim.graph.layer import Shape
from neurosim.kernels import spike_loops


@dataclass
class Signal:
    """What a node gives in a step, for all images of a block; its arrays stay the same and are overwritten.

    shape : of one image's part; images : of a block
    spikes : a spike list (see kernels.spikes), repeats standing for several in one step; or None
    unit : what one entry of the list stands for
    values : float64 (images, size), where there is no list
    """

    shape: Shape
    images: int
    spikes: np.ndarray | None = None
    unit: float = 1.0
    values: np.ndarray | None = None
    _scratch: np.ndarray | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Elements of one image."""
        return int(np.prod(self.shape))

    @staticmethod
    def of_spikes(shape: Shape, images: int, unit: float = 1.0, most: int = 1) -> Signal:
        """An empty list with room for `most` spikes per element."""
        size = int(np.prod(shape))
        return Signal(shape, images, np.zeros(images * size * most + 1, np.int32), unit)

    @staticmethod
    def of_values(shape: Shape, images: int) -> Signal:
        """Values, all zero."""
        return Signal(shape, images, values=np.zeros((images, int(np.prod(shape)))))

    def dense(self) -> np.ndarray:
        """The step's values, float64 (images, size); an array that the next step overwrites."""
        if self.spikes is None:
            assert self.values is not None
            return self.values
        if self._scratch is None:
            self._scratch = np.zeros((self.images, self.size))
        self._scratch.fill(0)
        spike_loops.count_neurons(self.spikes, self._scratch)
        if self.unit != 1:
            self._scratch *= self.unit
        return self._scratch

    def clear(self) -> None:
        """As before the first step."""
        if self.spikes is not None:
            self.spikes[-1] = 0
        if self.values is not None:
            self.values.fill(0)

    def set_counts(self, counts: np.ndarray) -> None:
        """Make the list of integer counts (images, size). Raises LimitError when there are too many spikes."""
        flat = counts.ravel()
        places = np.flatnonzero(flat).astype(np.int32)
        ids = np.repeat(places, flat[places])
        assert self.spikes is not None
        if ids.size >= len(self.spikes):
            room = (len(self.spikes) - 1) // (self.images * self.size)
            raise LimitError("spikes of one step", f"at most {room} per input on average", f"{ids.size} in all",
                             "use shorter steps")  # fmt: skip
        self.spikes[: ids.size] = ids
        self.spikes[-1] = ids.size
