"""What a run is asked for, and what it then consists of, whichever engine does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from neurosim.chips import Chip
from neurosim.engines.engine import Engine, Inputs
from neurosim.engines.layout import FileRecorder
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import ConfigError
from neurosim.graph import Network
from neurosim.inputs import Dataset
from neurosim.pipeline.progress import Progress, Silent
from neurosim.placement import Placement


@dataclass(frozen=True)
class SpikingOptions:
    """How a network is run with spikes; None leaves the choice to the network or the engine.

    steps : time steps of one image
    encoding : how images become spikes
    route : how spikes reach the neurons: "events" (compiled), "synapses" (Brian2's own)
    dt_s : length of a step, for networks with time constants
    traced : population -> neurons whose membranes are recorded
    """

    steps: int | None = None
    encoding: str | None = None
    route: str = "events"
    dt_s: float | None = None
    percentile: float | None = None
    traced: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """The arguments of a run that decide what is computed."""

    network: str | Path | Network
    chip: str | Chip
    mode: str
    inputs: str | Dataset | None
    limit: int | None
    times_s: tuple[float, ...]
    seed: int
    record: frozenset[str]
    spiking: SpikingOptions
    options: Mapping[str, Any]

    def watch(self, shown: Progress) -> Callable[[str, int, int | None], None] | None:
        """Who is told of downloads: where nobody shows one, the log tells of it."""
        return None if isinstance(shown, Silent) else shown.download


class Labelled(Protocol):
    """What a run file says of what was shown: a data set of images, or of recordings."""

    @property
    def name(self) -> str:
        """Of the data set."""
        ...

    @property
    def split(self) -> str:
        """Which part of it."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """True classes, int64 (N,)."""
        ...

    @property
    def class_names(self) -> Sequence[str]:
        """One per class."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Work:
    """Everything a run needs, before any device is programmed.

    placement : where the network sits
    reference : classes that the plain float network gives, int64 (N,)
    counts : events per inference that are the same for every image
    engine : who computes
    program : seed and number of a chip -> the programmed chip that the engine takes
    save : writes a programmed chip to a file; None where that is not possible
    attributes : of the run file, beside those that every run has
    layout : further arguments of `Classification`
    outputs : shape of the output where it is not the network's
    record_chip : recorder, programmed chip and its number -> writes what is to be kept of the chip
    """

    network: Network
    chip: Chip
    placement: Placement
    dataset: Labelled
    inputs: Inputs
    reference: np.ndarray
    counts: Counts
    engine: Engine
    program: Callable[[int, int], Any]
    save: Callable[[Any, Path], Any] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    record_chip: Callable[[FileRecorder, Any, int], None] | None = None
    outputs: tuple[int, ...] | None = None


def refuse_options(request: Request, what: str, *known: str) -> None:
    """ConfigError for a spiking option that was given and that this way of running does not have."""
    default = SpikingOptions()
    for field_ in fields(SpikingOptions):
        given = getattr(request.spiking, field_.name)
        if field_.name not in known and given != getattr(default, field_.name):
            raise ConfigError(field_.name, f"an option of {what}", f"{field_.name}={given!r}",
                              f"leave it out; it takes {', '.join(known) or 'none of them'}")  # fmt: skip
