"""Points of a sweep: what one is, and how a worker computes it into a run file of its own and a few figures."""

from __future__ import annotations

import math
import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import neurosim
from neurosim.chips import chip_names, load_chip
from neurosim.foundation.errors import ConfigError, NeurosimError
from neurosim.foundation.units import parse_time
from neurosim.graph.reading import network_names
from neurosim.sweep.description import AXES_OF_RUN, Sweep

if TYPE_CHECKING:
    from neurosim.reports import Summary

MOST_TRIES = 3  # of a point whose worker dies while it computes: the first one and two retries
DONE, FAILED = "done", "failed"
MANIFEST = "sweep.json"
FOLDER = "points"
ARRAYS_SUFFIX = ".npz"


@dataclass(frozen=True)
class Point:
    """One run of a sweep, as a worker is told of it.

    number : from 0, in the order of the table
    arguments : of `neurosim.run`
    options : dotted key of the chip -> value
    """

    number: int
    arguments: Mapping[str, Any]
    options: Mapping[str, Any]

    @property
    def file(self) -> str:
        """Its run file, in the folder of the sweep."""
        return f"{FOLDER}/{self.number:06d}.h5"


@dataclass(frozen=True)
class Outcome:
    """What became of a point.

    status : "done" or "failed"; error says why
    rows : figures per time (columns as in `neurosim.sweep.table`); empty for a failed one
    sha256 : content hash of its run file
    seconds, tries, worker : how long it took, how often it was begun, and where (host:process); these differ from
        time to time and are kept out of the table
    """

    point: int
    status: str
    error: str = ""
    rows: tuple[Mapping[str, Any], ...] = ()
    sha256: str = ""
    seconds: float = 0.0
    tries: int = 1
    worker: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def point_of(sweep: Sweep, number: int) -> Point:
    """A point by its number; nothing else is listed for it."""
    choice = sweep.choice(number)
    arguments = {name: value for name, value in sweep.run.model_dump().items() if value is not None}
    arguments |= {key: value for key, value in choice.items() if key in AXES_OF_RUN}
    if sweep.different_seeds:
        arguments["seed"] += number
    options = {**sweep.options, **{key: value for key, value in choice.items() if key not in AXES_OF_RUN}}
    for name in ("network", "chip", "inputs"):
        if name in arguments:
            arguments[name] = located(name, arguments[name], sweep.path.parent)
    return Point(number, arguments, options)


def located(kind: str, text: str, folder: Path) -> str:
    """A name of something shipped as it is; a path, which counts from the sweep file's folder, made absolute: workers
    have other working folders."""
    shipped = {"chip": chip_names, "network": network_names}.get(kind)
    if (shipped is not None and text in shipped()) or (kind == "inputs" and not text.endswith(ARRAYS_SUFFIX)):
        return text
    path = folder / text
    return str(path.resolve()) if path.exists() else text


def run_batch(folder: str, version: str, points: Sequence[Point]) -> list[Outcome]:
    """Compute points, one after the other; called in a worker.

    Raises ConfigError when the worker has another version of this program or does not see the folder of the sweep.
    """
    if version != neurosim.__version__:
        raise ConfigError(f"worker {_here()}", f"neurosim {version}, as where the sweep was started",
                          f"neurosim {neurosim.__version__}", "install the same version for the workers")  # fmt: skip
    if not (Path(folder) / MANIFEST).is_file():
        raise ConfigError(f"worker {_here()}", f"the folder of the sweep, {folder}", "none there",
                          "give an --out on a file system that all workers share")  # fmt: skip
    return [run_point(Path(folder), point) for point in points]


def run_point(folder: Path, point: Point) -> Outcome:
    """Compute a point into its run file, or go on with one that a dead worker left; failures are recorded.

    A file beside the run file holds a byte for every time that the point was begun: it outlives the worker, and tells
    a point that kills its worker from one that was only waiting behind it.
    """
    path = folder / point.file
    tries = _tries_file(folder, point.number)
    if (begun := _size(tries)) >= MOST_TRIES:
        text = f"its worker died while computing it, {begun} times; it was not tried again"
        return Outcome(point.number, FAILED, text, tries=begun, worker=_here())
    with tries.open("ab") as file:
        file.write(b".")
    start = time.perf_counter()
    try:
        rows, sha256 = _computed(path, point)
    except Exception as problem:
        error = _told(problem, folder)
        outcome = Outcome(point.number, FAILED, error, tries=begun + 1, worker=_here())
    else:
        outcome = Outcome(point.number, DONE, "", rows, sha256, tries=begun + 1, worker=_here())
    tries.unlink(missing_ok=True)
    return Outcome(**{**vars(outcome), "seconds": time.perf_counter() - start})


def forget_tries(folder: Path) -> None:
    """Count anew: what an interrupted sweep had begun did not die of itself."""
    for path in (folder / FOLDER).glob("*.tries"):
        path.unlink(missing_ok=True)


def _tries_file(folder: Path, number: int) -> Path:
    return folder / FOLDER / f"{number:06d}.tries"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _computed(path: Path, point: Point) -> tuple[tuple[Mapping[str, Any], ...], str]:
    from neurosim.pipeline import run
    from neurosim.recording import RunFile
    from neurosim.reports import summarise

    if (
        path.exists()
    ):  # run files appear whole: this one was finished by a worker that died before it could tell
        shutil.rmtree(path.with_suffix(".parts"), ignore_errors=True)
    else:
        run(**_of_its_chip(point.arguments), **point.options, out=path, threads=1, resume=True)
    with RunFile.open(path) as file:
        return tuple(figures(summarise(file))), file.content_hash()


def _of_its_chip(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with the mode of the chip where none is given.

    Digital processors are all alike and do not age: one of them is run, at the first of the times.
    """
    mode = arguments.get("mode") or load_chip(arguments["chip"]).default_mode
    times = sorted(arguments["times"], key=parse_time)
    one = {"times": times[:1], "instances": 1} if mode == "digital" else {"times": times}
    return {**arguments, "mode": mode, **one}


def figures(summary: Summary) -> list[dict[str, Any]]:
    """The figures of a run, one row per time; None where there is nothing to tell (no price, no converter)."""
    accuracy, ledger = summary.accuracy, summary.ledger
    times = ledger.times if ledger.priced else None
    rows = []
    for time_, seconds in enumerate(accuracy.times_s):
        chips = accuracy.per_chip[:, time_]
        joules = float(summary.joules[time_]) if ledger.priced else None
        row = {
            "mode": str(summary.attributes["mode"]),
            "time_s": seconds,
            "chips": summary.chips,
            "images": summary.images,
            "accuracy": accuracy.mean[time_],
            "accuracy_low": accuracy.low[time_],
            "accuracy_high": accuracy.high[time_],
            "accuracy_worst_chip": chips.min(),
            "accuracy_best_chip": chips.max(),
            "accuracy_float": summary.float_accuracy,
            "agreement_with_float": summary.agreement[time_],
            "energy_joules": joules,
            "latency_s": times and times.image_s,
            "images_per_s": times and 1 / times.interval_s,
            "area_square_metres": ledger.square_metres if times else None,
            "ops_per_joule": ledger.ops / joules if joules else None,
            "adc_saturation": _worst(summary, "ADC", time_),
            "dac_saturation": _worst(summary, "DAC", time_),
        }
        rows.append({name: _plain(value) for name, value in row.items()})
    return rows


def _worst(summary: Summary, converter: str, time_: int) -> Any:
    fractions = summary.saturation.get(converter)
    return None if fractions is None else fractions[time_].max()


def _plain(value: Any) -> str | int | float | None:
    if value is None or isinstance(value, int | str):
        return value
    return None if math.isnan(value) else float(value)


def _told(problem: Exception, folder: Path) -> str:
    """A failure in one line that reads the same wherever the sweep is run."""
    if not isinstance(problem, NeurosimError):
        problem = RuntimeError(f"internal error: {type(problem).__name__}: {problem}")
    return " | ".join(str(problem).splitlines()).replace(f"{folder}{os.sep}", "")


def _here() -> str:
    return f"{platform.node()}:{os.getpid()}"
