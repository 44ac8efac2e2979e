"""The whole way on one page: load, place, program, execute, record, price.

`run` is what `neurosim.run` and the command line call. Every result is read back from a run file.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import neurosim
from neurosim.chips import Chip, load_chip
from neurosim.costs import Ledger
from neurosim.engines.engine import BLOCK, SEGMENT, Inputs, Settings
from neurosim.engines.inference import RateEngine
from neurosim.engines.inference.counting import count_inference
from neurosim.engines.layout import RECORDS, Classification, FileRecorder, plan
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.units import parse_time
from neurosim.graph import Network, fold_batch_norm, load_network
from neurosim.inputs import Dataset, load_dataset, load_inputs, prepare
from neurosim.placement import Placement, place
from neurosim.programming import Calibration, calibrate_network, inference_time_s, program, save_chip
from neurosim.recording import RunFile, RunWriter, check_output
from neurosim.reports import Accuracy, Summary, summarise

MODES = ("rate",)
MOST_INSTANCES, MOST_TIMES = 10_000, 1_000


class Progress(Protocol):
    """Told how far a run is; the command line shows it as a bar."""

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """A stage of `total` images begins, `done` of them done by the run that is resumed."""
        ...

    def advance(self, images: int) -> None:
        """So many more are done."""
        ...

    def download(self, name: str, received: int, size: int | None) -> None:
        """A file of the data set is under way: bytes so far, and in all where that is known."""
        ...


class _Scratch:
    """A temporary folder, removed with this object; unlike TemporaryDirectory's, without a warning."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="neurosim-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Silent:
    """No progress shown."""

    def stage(self, text: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def advance(self, images: int) -> None:
        """Nothing."""

    def download(self, name: str, received: int, size: int | None) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Run:
    """A finished run, read from its run file.

    path : the run file; in a temporary folder, gone with this object, when no `out` was given
    """

    path: Path
    _keep: Any = field(default=None, repr=False, compare=False)

    @cached_property
    def summary(self) -> Summary:
        """Accuracy per time, costs and saturation, computed from the run file."""
        with RunFile.open(self.path) as file:
            return summarise(file)

    @property
    def accuracy(self) -> Accuracy:
        """Accuracy per time: mean over chips, 95 % interval, each chip's own."""
        return self.summary.accuracy

    @property
    def costs(self) -> Ledger:
        """Energy, latency and area of one inference, with their sources."""
        return self.summary.ledger

    @property
    def predictions(self) -> np.ndarray:
        """Classes given, int16 (chips, times, images)."""
        with RunFile.open(self.path) as file:
            return file.read("/outputs/predictions")


@dataclass(frozen=True)
class _Loaded:
    """Everything a run needs, before any device is programmed."""

    network: Network
    chip: Chip
    placement: Placement
    calibration: Calibration
    dataset: Dataset
    inputs: Inputs


def run(
    network: str | Network,
    chip: str | Chip = "joshi_2020",
    *,
    mode: str = "rate",
    inputs: str | Dataset | None = None,
    instances: int = 1,
    times: str | float | Sequence[str | float] = ("25 s",),
    seed: int = 0,
    out: str | Path | None = None,
    record: str | Iterable[str] = ("outputs",),
    limit: int | None = None,
    threads: int | None = None,
    batch: int = SEGMENT,
    resume: bool = False,
    overwrite: bool = False,
    save_chips: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run:
    """Put a network on a chip, classify a data set, and record what happened.

    Parameters
    ----------
    network, chip : shipped names, paths, or objects
    mode : "rate"
    inputs : "mnist/test", an .npz file, or a Dataset; default the test split of the network's data set
    instances : chips to program, each with its own devices
    times : when each chip is read, after programming ("25 s", "1 day"); sorted, one ageing trajectory a chip
    seed : root of every random draw
    out : the run file to make
    record : "outputs" (scores), "states" (every chip's devices at every time), "none" (predictions and counts)
    limit : only the first images
    threads, batch : how to compute; no result depends on them
    resume, overwrite : go on with an interrupted run; replace a finished one
    save_chips : folder for the programmed chips
    options : of the chip, as for Chip.with_options (drift_compensation="none", batch_norm="folded", ...)

    Raises NeurosimError (Config, Data, Format or Limit) with the field, what was expected and the remedy.
    """
    shown = progress or Silent()
    times = (times,) if isinstance(times, str | float | int) else tuple(times)
    record = frozenset((record,) if isinstance(record, str) else record)
    _check(mode, instances, times, record)
    if out is not None:
        check_output(out, resume=resume, overwrite=overwrite)
    settings = Settings(_cores() if threads is None else threads, batch)
    loaded = _load(network, chip, inputs, limit, _seconds(times), options, shown)
    reference = _float_reference(loaded, shown)
    holder = _Scratch() if out is None else None
    path = holder.path / "run.h5" if holder else Path(out or "")
    described = _describe(loaded, reference, instances, record, mode, seed)
    config = _config(loaded, instances, seed, mode, record)
    with RunWriter.open(path, plan(described), config, resume=resume, overwrite=overwrite) as writer:
        _execute(loaded, described, writer, seed, settings, save_chips, shown)
        writer.seal()
    return Run(path, holder)


def _check(mode: str, instances: int, times: Sequence[str | float], record: Iterable[str]) -> None:
    if mode not in MODES:
        raise ConfigError("mode", "a mode of this version", repr(mode), near(mode, MODES))
    if not 1 <= instances <= MOST_INSTANCES:
        raise ConfigError("instances", f"1 to {MOST_INSTANCES} chips", str(instances), "give --instances 10")
    if not 1 <= len(times) <= MOST_TIMES:
        raise ConfigError("times", f"1 to {MOST_TIMES} times", str(len(times)), "give --times '25 s'")
    for name in record:
        if name not in RECORDS:
            raise ConfigError("record", f"some of {', '.join(RECORDS)}", repr(name), near(name, RECORDS))


def _cores() -> int:
    """Cores this process may use; not every system tells them apart from all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _seconds(times: Sequence[str | float]) -> tuple[float, ...]:
    seconds = sorted(parse_time(text) for text in times)
    if len(set(seconds)) < len(seconds):
        raise ConfigError("times", "each time once", ", ".join(map(str, times)), "drop the double one")
    return tuple(seconds)


def _load(network: str | Network, chip: str | Chip, inputs: str | Dataset | None, limit: int | None,
          times_s: tuple[float, ...], options: dict[str, Any], shown: Progress) -> _Loaded:  # fmt: skip
    net = load_network(network) if isinstance(network, str) else network
    silicon = (load_chip(chip) if isinstance(chip, str) else chip).with_options(**options)
    shown.stage(f"loading {net.input.dataset}", 0)
    # where nobody shows a download, the log tells of it
    watch = None if isinstance(shown, Silent) else shown.download
    wanted = inputs or f"{net.input.dataset}/test"
    data = wanted if isinstance(wanted, Dataset) else load_inputs(wanted, limit, watch)
    outputs = int(np.prod(net.output_shape))
    if len(data.class_names) > outputs:
        raise DataError(f"inputs {data.name}", f"at most {outputs} classes, the outputs of {net.name}",
                        f"{len(data.class_names)} classes", "use the network's own data set")  # fmt: skip
    images = prepare(data.images, data.max_level, net.input.shape, net.input.crop)
    train = load_dataset(net.input.dataset, "train", silicon.calibration.images, watch)
    if silicon.digital.batch_norm == "folded":
        net = fold_batch_norm(net)
    fed = calibrate_network(net, prepare(train.images, train.max_level, net.input.shape, net.input.crop))
    return _Loaded(net, silicon, place(net, silicon, fed.signed), fed, data, Inputs(images, times_s))


def _float_reference(loaded: _Loaded, shown: Progress) -> np.ndarray:
    """Classes that the plain float network gives, by the same blocks as the chip."""
    images = loaded.inputs.images
    shown.stage("float network", len(images))
    classes = np.empty(len(images), np.int64)
    for start in range(0, len(images), 4 * BLOCK):
        part = slice(start, start + 4 * BLOCK)
        with one_blas_thread():
            classes[part] = loaded.network.forward(images[part]).argmax(axis=1)
        shown.advance(len(classes[part]))
    return classes


def _describe(loaded: _Loaded, reference: np.ndarray, instances: int, record: frozenset[str], mode: str,
              seed: int) -> Classification:  # fmt: skip
    net, chip, data = loaded.network, loaded.chip, loaded.dataset
    counts = count_inference(net, chip, loaded.placement, len(data))
    outputs = int(np.prod(net.output_shape))
    names = [*data.class_names, *(f"output {k}" for k in range(len(data.class_names), outputs))]
    attributes = {
        "title": f"{net.name} on {chip.name}", "kind": "classification", "network": net.name, "chip": chip.name,
        "chip_label": chip.label, "mode": mode, "engine": RateEngine().name, "inputs": f"{data.name}/{data.split}",
        "seed": seed, "weights_sha256": net.checksum, "drift_compensation": chip.compensation.drift,
        "batch_norm": chip.digital.batch_norm, "read_noise": chip.read.noise,
        "t_chip_s": inference_time_s(loaded.placement, chip),
    }  # fmt: skip
    provenance = {
        "neurosim": neurosim.__version__, "python": platform.python_version(), "numpy": np.__version__,
        "host": platform.node(), "processor": platform.machine(), "started": datetime.now(UTC).isoformat(),
        "command": " ".join(sys.argv),
    }  # fmt: skip
    return Classification(net, chip, loaded.placement, loaded.inputs, data.labels, names, reference, counts, instances,
                          record, attributes, provenance)  # fmt: skip


def _config(loaded: _Loaded, instances: int, seed: int, mode: str, record: Iterable[str]) -> dict[str, Any]:
    """What a resumed run must share with its beginning."""
    return {
        "network": loaded.network.name, "weights_sha256": loaded.network.checksum, "chip": loaded.chip.toml,
        "inputs": f"{loaded.dataset.name}/{loaded.dataset.split}", "images": len(loaded.dataset),
        "instances": instances, "times_s": list(loaded.inputs.times_s), "seed": seed, "mode": mode,
        "record": sorted(record),
    }  # fmt: skip


def _execute(loaded: _Loaded, described: Classification, writer: RunWriter, seed: int, settings: Settings,
             save_chips: str | Path | None, shown: Progress) -> None:  # fmt: skip
    engine, per_chip = RateEngine(), described.units // described.instances
    done = writer.completed
    finished = [min(max(done - k * per_chip, 0), per_chip) for k in range(described.instances)]
    images = described.instances * len(loaded.inputs.times_s) * len(loaded.dataset)
    text = f"{described.instances} x {loaded.chip.name}"
    shown.stage(text, images, sum(_images_in(loaded, units) for units in finished))
    for instance, chip_done in enumerate(finished):
        if chip_done == per_chip and save_chips is None:
            continue
        programmed = program(
            loaded.network, loaded.chip, loaded.placement, loaded.calibration, seed, instance
        )
        if save_chips is not None:
            Path(save_chips).mkdir(parents=True, exist_ok=True)
            save_chip(programmed, Path(save_chips) / f"chip_{instance:04d}.h5")
        recorder = FileRecorder(described, writer, instance, done)
        engine.run(programmed, loaded.inputs, recorder, shown.advance, settings)


def _images_in(loaded: _Loaded, units: int) -> int:
    """Images that the first `units` units of a chip hold, over its times."""
    times, rest = divmod(units, len(loaded.inputs.segments))
    return times * len(loaded.dataset) + min(rest * SEGMENT, len(loaded.dataset))
