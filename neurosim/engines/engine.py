"""What every engine takes and gives, so that one conformance suite serves them all.

Engines count events and record what happened; they never multiply by prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError, DataError

BLOCK = 250  # images computed together, always: by data-set index, whatever the batch or the threads
SEGMENT = 10 * BLOCK  # images between two records: what a killed run loses at most, beside the open part

Progress = Callable[[int], None]  # told how many more images were done


@dataclass(frozen=True)
class Inputs:
    """What a run shows the chip.

    images : float32 (N, *input shape), index 0 being the data set's first image
    times_s : seconds after programming at which the chip is read, each on one ageing trajectory
    segment : images between two records; fewer where every spike is recorded, which takes much memory
    """

    images: np.ndarray
    times_s: tuple[float, ...]
    segment: int = SEGMENT

    def __post_init__(self) -> None:
        if len(self.images) == 0:
            raise DataError("inputs", "at least one image", "none", "choose another split or limit")
        if self.images.dtype != np.float32:
            raise DataError(
                "inputs", "float32 images", str(self.images.dtype), "prepare them with neurosim.inputs"
            )
        if not np.isfinite(self.images).all():
            raise DataError("inputs", "finite numbers", "NaN or infinity", "repair the data")
        if not self.times_s or min(self.times_s) < 0:
            raise ConfigError(
                "times", "at least one time, none negative", str(self.times_s), "give --times '25 s'"
            )

    @property
    def segments(self) -> list[slice]:
        """The parts of the data set that are recorded one by one."""
        starts = range(0, len(self.images), self.segment)
        return [slice(a, min(a + self.segment, len(self.images))) for a in starts]


@dataclass(frozen=True)
class Settings:
    """How to compute, not what: none of these changes a result.

    threads : blocks computed at a time
    batch : images held at a time, rounded up to whole blocks
    """

    threads: int = 1
    batch: int = SEGMENT

    def __post_init__(self) -> None:
        for name, value in (("threads", self.threads), ("batch", self.batch)):
            if value < 1:
                raise ConfigError(name, "at least 1", str(value), f"give --{name} 1 or more")


@dataclass(frozen=True)
class Spikes:
    """Spikes of one population, sorted by image, then step, then neuron; int64 arrays of one length.

    image : index in the data set; step : from 0 within the image's presentation; neuron : index in the population
    """

    image: np.ndarray
    step: np.ndarray
    neuron: np.ndarray


@dataclass(frozen=True)
class Segment:
    """Scores and counts of the images `where` at one time: what an engine hands to a recorder.

    scores : float32 (images, classes)
    varying : counter -> float64 (layers, images)

    Engines that compute in steps give more:
    step_scores : float32 (images, steps, classes), the scores as they stand after each step
    step_counts : counter -> float32 (layers, images, steps), of the same names as in `varying`; they add up to it
    spikes : population -> its spikes, where they are recorded
    traces : population -> float32 (images, steps, chosen neurons), membranes at the end of each step

    extra : path of an extra variable of the run file, with the dimensions chip, time and image first -> its values
    """

    time: int
    where: slice
    scores: np.ndarray
    varying: dict[str, np.ndarray]
    step_scores: np.ndarray | None = None
    step_counts: dict[str, np.ndarray] = field(default_factory=dict)
    spikes: dict[str, Spikes] = field(default_factory=dict)
    traces: dict[str, np.ndarray] = field(default_factory=dict)
    extra: dict[str, np.ndarray] = field(default_factory=dict)


class Recorder(Protocol):
    """Where an engine's results go, segment by segment, in the order of times and then of images."""

    def wanted(self, time: int, segment: int) -> bool:
        """False when this segment is safely recorded already (a resumed run)."""
        ...

    def aged(self, time: int, chip: object) -> None:
        """Called once per time that has wanted segments, before them, with the aged chip."""
        ...

    def put(self, segment: Segment) -> None:
        """Take the results of one segment."""
        ...


@dataclass
class MemoryRecorder:
    """Keeps everything in memory; for use without a run file."""

    segments: list[Segment] = field(default_factory=list)

    def wanted(self, time: int, segment: int) -> bool:  # noqa: ARG002
        """Everything is wanted."""
        return True

    def aged(self, time: int, chip: object) -> None:
        """Nothing to keep."""

    def put(self, segment: Segment) -> None:
        """Keep the segment."""
        self.segments.append(segment)

    def scores(self, time: int) -> np.ndarray:
        """Scores of all images at one time, float32 (N, classes)."""
        return np.concatenate([s.scores for s in self.segments if s.time == time])

    def varying(self, time: int, counter: str) -> np.ndarray:
        """A varying count of all images at one time, (layers, N)."""
        return np.concatenate([s.varying[counter] for s in self.segments if s.time == time], axis=1)


@dataclass(frozen=True)
class Outcome:
    """What holds for the whole run of one chip: the counts that are the same for every image."""

    counts: Counts


class Engine(Protocol):
    """An engine; stateless, so that one object serves many runs."""

    @property
    def name(self) -> str:
        """Its name in the run file."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """Of: classifies, reads devices, exact, trains, solves."""
        ...

    def run(self, programmed: Any, inputs: Inputs, recorder: Recorder, progress: Progress,
            settings: Settings) -> Outcome:  # fmt: skip
        """Run one programmed chip on the inputs at every time.

        All randomness comes from the chip's own streams. Raises NotProgrammedError for a chip without
        weights and DataError for inputs of another shape than the network's.
        """
        ...
