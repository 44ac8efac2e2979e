"""What a report reads from a run file, under the names that the pipeline gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.recording import RunFile


@dataclass(frozen=True)
class Stored:
    """An open run file of a classification, read by meaning instead of by path."""

    run: RunFile

    def __post_init__(self) -> None:
        if "/outputs/predictions" not in self.run:
            expected, remedy = "a run with /outputs/predictions", "this file holds no classification"
            raise DataError(str(self.run.path), expected, "none", remedy)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the whole file: network, chip, seed, ..."""
        return self.run.attributes()

    @property
    def times_s(self) -> tuple[float, ...]:
        """Seconds after programming."""
        return tuple(float(t) for t in self.run.read("/time"))

    @property
    def layers(self) -> tuple[str, ...]:
        """Weighted layers, in order."""
        return tuple(str(name) for name in self.run.read("/layer"))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(str(name) for name in self.run.read("/class"))

    @property
    def labels(self) -> np.ndarray:
        """True classes, (images,)."""
        return self.run.read("/outputs/labels")

    @property
    def predictions(self) -> np.ndarray:
        """Classes that the chips gave, (chips, times, images)."""
        return self.run.read("/outputs/predictions")

    @property
    def float_predictions(self) -> np.ndarray:
        """Classes that the float network gave, (images,)."""
        return self.run.read("/outputs/float_predictions")

    def count(self, counter: str) -> np.ndarray | None:
        """A count per inference: (layers,) where fixed, (times, layers), mean over chips and images, where it
        varies; None where the run does not have it."""
        path = f"/counts/inference/{counter}"
        if path not in self.run:
            return None
        if "image" not in self.run.dims(path):
            return np.asarray(self.run.read(path), np.float64)
        times = range(self.run.sizes["/time"])
        # one time after another: all images of all chips and times need not fit in memory
        every = slice(None)
        parts = (self.run.read(path, (every, time, every, every)) for time in times)
        return np.array([part.mean(axis=(0, 2), dtype=np.float64) for part in parts])

    @property
    def state_layers(self) -> tuple[str, ...]:
        """Layers whose devices were recorded."""
        return tuple(name for name in self.layers if f"/states/{name}/g_plus" in self.run)

    @property
    def state_times_s(self) -> tuple[float, ...]:
        """Times at which devices were recorded."""
        return tuple(float(t) for t in self.run.read("/state_time")) if self.state_layers else ()

    def conductances(self, layer: str, side: str, time: int) -> np.ndarray:
        """Siemens of all devices of one side ("plus", "minus") of the first recorded chip, flat."""
        path = f"/states/{layer}/g_{side}"
        return self.run.read(path, (0, time)).ravel() if path in self.run else np.empty(0)
