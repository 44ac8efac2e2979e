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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import neurosim
from neurosim.chips import Chip, load_chip
from neurosim.costs import Ledger
from neurosim.engines.engine import SEGMENT, Settings
from neurosim.engines.layout import RECORDS, Classification, FileRecorder, plan
from neurosim.foundation.errors import ConfigError, near
from neurosim.foundation.units import parse_time
from neurosim.graph import Network
from neurosim.graph.crossbar_network import CrossbarNetwork
from neurosim.inputs import Dataset
from neurosim.pipeline.digital import prepare_work as digital_work
from neurosim.pipeline.loading import coding_of
from neurosim.pipeline.progress import Progress, Silent
from neurosim.pipeline.rate import prepare_work as rate_work
from neurosim.pipeline.work import Request, SpikingOptions, Work
from neurosim.recording import RunFile, RunWriter, check_output
from neurosim.reports import Accuracy, Summary, summarise

MODES = ("rate", "spiking", "digital")
# file of this folder, by the network's coding
WAYS = {
    "rate": "spiking",
    "first_spike": "first_spike",
    "ticks": "ticks",
    "plastic": "plastic",
    "native": "native",
}
MOST_INSTANCES, MOST_TIMES = 10_000, 1_000
LARGEST_SEED = 2**63 - 1  # as run files hold it


class _Scratch:
    """A temporary folder, removed with this object; unlike TemporaryDirectory's, without a warning."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="neurosim-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


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


def run(
    network: str | Path | Network,
    chip: str | Chip = "joshi_2020",
    *,
    mode: str | None = None,
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
    steps: int | None = None,
    encoding: str | None = None,
    route: str = "events",
    dt_s: float | None = None,
    percentile: float | None = None,
    traces: Mapping[str, Sequence[int]] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run:
    """Put a network on a chip, classify a data set, and record what happened.

    Parameters
    ----------
    network, chip : shipped names, paths, or objects; a .nir file is a network too
    mode : "rate", "spiking", or "digital"; default "digital" on a digital processor, "rate" on any other chip
    inputs : "mnist/test", an .npz file, or a Dataset; default the test split of the network's data set
    instances : chips to program, each with its own devices
    times : when each chip is read, after programming ("25 s", "1 day"); sorted, one ageing trajectory a chip
    seed : root of every random draw
    out : the run file to make
    record : "outputs" (scores), "states" (every chip's devices at every time), "spikes" (of all populations),
        "traces" (membranes of the neurons that `traces` names), "none" (predictions and counts)
    limit : only the first images
    threads, batch : how to compute; no result depends on them
    resume, overwrite : go on with an interrupted run; replace a finished one
    save_chips : folder for the programmed chips
    steps, encoding, route, dt_s, percentile : of mode spiking: steps of one image; how images become spikes
        (deterministic, bernoulli, poisson, direct); "events", or "synapses" for Brian2's own; seconds of a step in
        networks with time constants; percentile of activations at which thresholds are set
    traces : population -> neurons whose membranes are recorded with record="traces"
    options : of the chip, as for Chip.with_options (drift_compensation="none", batch_norm="folded", ...)

    Raises NeurosimError (Config, Data, Format or Limit) with the field, what was expected and the remedy.
    """
    shown = progress or Silent()
    times = (times,) if isinstance(times, str | float | int) else tuple(times)
    record = frozenset((record,) if isinstance(record, str) else record)
    if mode is None:
        mode = (load_chip(chip) if isinstance(chip, str) else chip).default_mode
    _check(mode, instances, times, record, seed)
    if out is not None:
        check_output(out, resume=resume, overwrite=overwrite)
    settings = Settings(_cores() if threads is None else threads, batch)
    traced = {name: tuple(neurons) for name, neurons in (traces or {}).items()}
    spiking = SpikingOptions(steps, encoding, route, dt_s, percentile, traced)
    request = Request(network, chip, mode, inputs, limit, _seconds(times), seed, record, spiking, options)
    work = _way(request)(request, shown)
    writing = {"resume": resume, "overwrite": overwrite}
    return _recorded(work, request, instances, out, writing, settings, save_chips, shown)


def _recorded(work: Work, request: Request, instances: int, out: str | Path | None, writing: Mapping[str, bool],
              settings: Settings, save_chips: str | Path | None, shown: Progress) -> Run:  # fmt: skip
    """Carry the work out into its run file; without `out` into one that goes with the result."""
    holder = _Scratch() if out is None else None
    path = holder.path / "run.h5" if holder else Path(out or "")
    described, config = _describe(work, request, instances), _config(work, request, instances)
    with RunWriter.open(path, plan(described), config, **writing) as writer:
        _execute(work, described, writer, request.seed, settings, save_chips, shown)
        writer.seal()
    return Run(path, holder)


def _way(request: Request) -> Callable[[Request, Progress], Work]:
    """Who prepares the work: it depends on the mode and on how the network codes its numbers."""
    coding = coding_of(request.network)
    if coding == "native" and request.mode != "spiking":
        raise ConfigError("mode", "'spiking', for a NIR network", repr(request.mode), "give --mode spiking")
    if request.mode != "spiking":
        if coding != "rate":
            remedy = (
                "give --mode spiking"
                if request.mode == "rate"
                else "choose a network of rates, such as mnist_lenet"
            )
            raise ConfigError(
                "mode", f"'spiking', for a network with coding {coding!r}", repr(request.mode), remedy
            )
        return digital_work if request.mode == "digital" else rate_work
    # imported late: Brian2 and what stands on it are not for those without spikes
    module = import_module(f"neurosim.pipeline.{WAYS[coding]}")
    way: Callable[[Request, Progress], Work] = module.prepare_work
    return way


def _check(mode: str, instances: int, times: Sequence[str | float], record: Iterable[str], seed: int) -> None:
    if not -LARGEST_SEED <= seed <= LARGEST_SEED:
        raise ConfigError("seed", f"a whole number within +-{LARGEST_SEED:,}", str(seed), "give --seed 1")
    if mode not in MODES:
        raise ConfigError("mode", "a mode of this version", repr(mode), near(mode, MODES))
    if not 1 <= instances <= MOST_INSTANCES:
        raise ConfigError("instances", f"1 to {MOST_INSTANCES} chips", str(instances), "give --instances 10")
    if mode == "digital" and instances > 1:
        raise ConfigError("instances", "1: digital processors are all alike", str(instances), "leave it out")
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


def _describe(work: Work, request: Request, instances: int) -> Classification:
    net, chip, data = work.network, work.chip, work.dataset
    outputs = int(np.prod(work.outputs or net.output_shape))
    names = [*data.class_names, *(f"output {k}" for k in range(len(data.class_names), outputs))]
    attributes = {
        "title": f"{net.name} on {chip.name}", "kind": "classification", "network": net.name, "chip": chip.name,
        "chip_label": chip.label, "mode": request.mode, "engine": work.engine.name,
        "inputs": f"{data.name}/{data.split}", "seed": request.seed, "weights_sha256": net.checksum, **work.attributes,
    }  # fmt: skip
    provenance = {
        "neurosim": neurosim.__version__, "python": platform.python_version(), "numpy": np.__version__,
        "host": platform.node(), "processor": platform.machine(), "started": datetime.now(UTC).isoformat(),
        "command": " ".join(sys.argv),
    }  # fmt: skip
    described = None if isinstance(net, CrossbarNetwork) else net  # the network is there in NIR form
    return Classification(described, chip, work.placement, work.inputs, data.labels, names, work.reference, work.counts,
                          instances, request.record, attributes, provenance, **work.layout)  # fmt: skip


def _config(work: Work, request: Request, instances: int) -> Mapping[str, Any]:
    """What a resumed run must share with its beginning."""
    return {
        "network": work.network.name, "weights_sha256": work.network.checksum, "chip": work.chip.toml,
        "inputs": f"{work.dataset.name}/{work.dataset.split}", "images": len(work.dataset),
        "instances": instances, "times_s": list(work.inputs.times_s), "seed": request.seed, "mode": request.mode,
        "record": sorted(request.record), **({} if request.mode == "rate" else asdict(request.spiking)),
    }  # fmt: skip


def _execute(work: Work, described: Classification, writer: RunWriter, seed: int, settings: Settings,
             save_chips: str | Path | None, shown: Progress) -> None:  # fmt: skip
    per_chip = described.units // described.instances
    done = writer.completed
    finished = [min(max(done - k * per_chip, 0), per_chip) for k in range(described.instances)]
    images = described.instances * len(work.inputs.times_s) * len(work.dataset)
    text = f"{described.instances} x {work.chip.name}"
    shown.stage(text, images, sum(_images_in(work, units) for units in finished))
    for instance, chip_done in enumerate(finished):
        if chip_done == per_chip and save_chips is None:
            continue
        programmed = work.program(seed, instance)
        if save_chips is not None:
            _save(work, programmed, Path(save_chips), instance)
        recorder = FileRecorder(described, writer, instance, done)
        if work.record_chip is not None:
            work.record_chip(recorder, programmed, instance)
        work.engine.run(programmed, work.inputs, recorder, shown.advance, settings)


def _save(work: Work, programmed: Any, folder: Path, instance: int) -> None:
    if work.save is None:
        raise ConfigError("save_chips", "a chip that can be kept in a file", f"one of engine {work.engine.name!r}",
                          "leave it out")  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    work.save(programmed, folder / f"chip_{instance:04d}.h5")


def _images_in(work: Work, units: int) -> int:
    """Images that the first `units` units of a chip hold, over its times."""
    times, rest = divmod(units, len(work.inputs.segments))
    return times * len(work.dataset) + (work.inputs.segments[rest - 1].stop if rest else 0)
