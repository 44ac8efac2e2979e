"""A network that spikes by itself, from a NIR file: on recorded events, or on images encoded as spikes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.chips import Chip, load_chip
from neurosim.engines.engine import BLOCK, SEGMENT, Inputs
from neurosim.engines.spiking.counting import count_spiking
from neurosim.engines.spiking.engine import SpikingEngine
from neurosim.engines.spiking.feeding import calibrate_on_recordings
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.foundation.streams import stream
from neurosim.graph import SpikingGraph
from neurosim.graph.crossbar_network import on_crossbars
from neurosim.inputs import Dataset, dataset_card, load_dataset, load_events, load_inputs, prepare, split_spec
from neurosim.inputs.encoding import check_encoding, encode
from neurosim.inputs.event_arrays import load_event_arrays
from neurosim.pipeline.loading import require_mode
from neurosim.pipeline.progress import Progress
from neurosim.pipeline.spiking import engine_options, step_layout
from neurosim.pipeline.work import Labelled, Request, SpikingOptions, Work
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, inference_time_s, program, save_chip
from neurosim.recording.nir_file import read_nir

CALIBRATION_RECORDINGS = 20  # recordings are long: every step of them is a vector


@dataclass(frozen=True)
class Recordings:
    """Whose events they are; see `work.Labelled`."""

    name: str
    split: str
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class _Shown:
    """What a network is shown: recordings (N, steps, *shape) or images (N, *shape), and what they are."""

    dataset: Labelled
    images: np.ndarray
    calibration: np.ndarray
    encoding: str
    steps: int


def prepare_work(request: Request, shown: Progress) -> Work:
    """Read the graph, load what it is shown, calibrate and place its matrices; nothing is programmed yet."""
    chip = _chip(request)
    require_mode(chip, "spiking")
    shown.stage(f"loading {request.network}", 0)
    given, graph = _load(request, shown)
    net = on_crossbars(graph, given.dataset.name)
    shown.stage("calibrating", 0)
    fed = calibrate_on_recordings(graph, given.calibration)
    placement = place(net.network, chip, fed.signed)
    wanted = SpikingOptions(given.steps, given.encoding, request.spiking.route, traced=request.spiking.traced)
    options = engine_options(request, graph, wanted)
    engine = SpikingEngine(net, options)

    def programmed(root: int, instance: int) -> ProgrammedChip:
        return program(net.network, chip, placement, fed, root, instance)

    attributes: dict[str, Any] = {
        "drift_compensation": chip.compensation.drift, "read_noise": chip.read.noise,
        "t_chip_s": inference_time_s(placement, chip), **engine.semantics(), "steps": options.steps,
    }  # fmt: skip
    count = len(given.images)
    counts = count_spiking(graph, chip, placement, count, options.steps, check_encoding(options.encoding))
    layout = step_layout(net, chip, placement, options)
    long = BLOCK if given.encoding == "events" or request.record & {"spikes", "traces"} else SEGMENT
    inputs = Inputs(given.images, request.times_s, long)
    unknown = np.full(count, -1)  # a spiking network has no float twin
    return Work(net.network, chip, placement, given.dataset, inputs, unknown, counts, engine, programmed, save_chip,
                attributes, layout, outputs=graph.by_name[graph.output].shape)  # fmt: skip


def _chip(request: Request) -> Chip:
    chip = load_chip(request.chip) if isinstance(request.chip, str) else request.chip
    return chip.with_options(**request.options)


def _load(request: Request, shown: Progress) -> tuple[_Shown, SpikingGraph]:
    """The network with its step, and what it is shown; the width of time bins is the step."""
    wanted = request.inputs
    if wanted is None:
        raise ConfigError("inputs", "what the network is shown", "none",
                          "give --inputs nmnist/test, or a .npz file of yours")  # fmt: skip
    path, dt_s = Path(str(request.network)), request.spiking.dt_s
    if (
        isinstance(wanted, str)
        and wanted.endswith(".npz")
        and (arrays := load_event_arrays(wanted, request.limit))
    ):
        recordings, labels, names = arrays
        data = Recordings(Path(wanted).stem, "file", labels, names)
        return _recorded(data, recordings, recordings, request), read_nir(path, dt_s)
    if isinstance(wanted, str) and not wanted.endswith(".npz") and _is_events(wanted):
        return _events(request, wanted, path, shown)
    graph = read_nir(path, dt_s)
    return _images(request, wanted, graph, shown), graph


def _is_events(wanted: str) -> bool:
    return dataset_card(split_spec(wanted)[0]).reader == "events"


def _events(request: Request, wanted: str, path: Path, shown: Progress) -> tuple[_Shown, SpikingGraph]:
    name, split = split_spec(wanted)
    data = load_events(name, split, request.limit, request.watch(shown))
    dt_s, steps = data.binning(request.spiking.dt_s, request.spiking.steps)
    graph = read_nir(path, dt_s)
    recordings = data.frames(slice(None), dt_s, steps)
    train = load_events(name, "train", CALIBRATION_RECORDINGS, request.watch(shown))
    described = Recordings(name, split, data.labels, data.class_names)
    return _recorded(described, recordings, train.frames(slice(None), dt_s, steps), request), graph


def _recorded(data: Recordings, recordings: np.ndarray, calibration: np.ndarray, request: Request) -> _Shown:
    steps = recordings.shape[1]
    if request.spiking.encoding not in (None, "events"):
        raise ConfigError("encoding", "none: recordings are spikes already", repr(request.spiking.encoding),
                          "leave it out")  # fmt: skip
    if request.spiking.steps not in (None, steps):
        raise ConfigError(
            "steps", f"{steps}, those of the recordings", str(request.spiking.steps), "leave it out"
        )
    return _Shown(data, recordings.astype(np.float32), calibration[:CALIBRATION_RECORDINGS], "events", steps)


def _images(request: Request, wanted: str | Dataset, graph: SpikingGraph, shown: Progress) -> _Shown:
    data = wanted if isinstance(wanted, Dataset) else load_inputs(wanted, request.limit, request.watch(shown))
    encoding, steps = request.spiking.encoding or "deterministic", request.spiking.steps or 100
    shape = graph.source.shape
    images = prepare(data.images, data.max_level, shape, None)
    train = data if data.split == "file" else load_dataset(data.name, "train", CALIBRATION_RECORDINGS)
    some = prepare(train.images[:CALIBRATION_RECORDINGS], train.max_level, shape, None)
    if encoding == "direct":
        spikes = np.repeat(some[:, None], steps, axis=1)
    else:
        spikes = encode(some, encoding, steps, stream(0, "spiking calibration", "images"))
    if not np.isfinite(images).all():
        raise DataError("inputs", "finite numbers", "NaN or infinity", "repair the data")
    return _Shown(data, images, spikes, encoding, steps)
