"""Where two runs part: the first image, step and neuron at which their run files differ.

The finest record that both runs have is compared first: spikes; then counts, membranes and scores per step; then
counts, scores and predictions per image. Files are read in pieces, so that runs of any size can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError
from neurosim.recording import RunFile
from neurosim.reports.stored import Stored
from neurosim.reports.trains import Train, trains

_TRACES, _PREDICTIONS = "/traces/", "/outputs/predictions"
_RANKS = {"/outputs/step_scores": 1, "/outputs/scores": 2, _PREDICTIONS: 3}  # the others come before these
_UNTOLD = ("title", "format")  # attributes that say nothing of their own
_CELLS = 1 << 22  # of an array read at a time


@dataclass(frozen=True)
class Difference:
    """Something that two descriptions do not share."""

    name: str
    left: str
    right: str


@dataclass(frozen=True)
class Parting:
    """The first place where two runs differ.

    what : the record that differs
    chip, time_s : index of the chip, and seconds after programming
    image : index in the data set; step : None for records per image
    place : population and neuron, layer or class; "" for predictions
    left, right : what each run has there
    """

    what: str
    chip: int
    time_s: float
    image: int
    step: int | None
    place: str
    left: str
    right: str


@dataclass(frozen=True)
class Divergence:
    """Two runs compared.

    differences : of the descriptions; two runs of the same description have none
    compared : the records compared, until one differed
    chips, times_s, images, steps : what both runs have; steps is 0 where no record is per step
    parting : None for runs that are equal in all that was compared
    """

    differences: tuple[Difference, ...]
    compared: tuple[str, ...]
    chips: int
    times_s: tuple[float, ...]
    images: int
    steps: int
    parting: Parting | None


@dataclass(frozen=True)
class _Shared:
    """What two open runs have in common; times as pairs of indices."""

    left: RunFile
    right: RunFile
    chips: int
    times: tuple[tuple[int, int], ...]
    times_s: tuple[float, ...]
    images: int
    steps: int
    alike: bool  # both show an image for as many steps

    def seconds(self, time: int) -> float:
        """The time of this index in the left run."""
        return next(t for (left, _), t in zip(self.times, self.times_s, strict=True) if left == time)

    @property
    def places(self) -> Iterator[tuple[int, int, int]]:
        """Chip, and index of the time in each run."""
        return ((chip, a, b) for chip in range(self.chips) for a, b in self.times)


def find_divergence(left: RunFile, right: RunFile) -> Divergence:
    """Compare two open run files.

    Images and steps that only one of them has are left out. Raises ConfigError when they cannot be compared: other
    inputs, no time in common, other populations; DataError when a file holds no classification or is damaged.
    """
    shared = _shared(left, right)
    compared: list[str] = []
    parting = None
    for what, search in _records(shared):
        compared.append(what)
        parting = search()
        if parting is not None:
            break
    return Divergence(
        differences(left, right),
        tuple(compared),
        shared.chips,
        shared.times_s,
        shared.images,
        shared.steps,
        parting,
    )


def differences(left: RunFile, right: RunFile) -> tuple[Difference, ...]:
    """What two runs' descriptions do not share: attributes, lines of their chip and network, sizes."""
    found = []
    told = [{**run.attributes(), **_sizes(run)} for run in (left, right)]
    for name in sorted(told[0].keys() | told[1].keys()):
        values = [_text(attributes.get(name, "absent")) for attributes in told]
        if name not in _UNTOLD and values[0] != values[1]:
            found.append(Difference(name, *values))
    for path in ("/description/chip_toml", "/description/network_toml"):
        texts = [run.text(path).splitlines() if path in run else [] for run in (left, right)]
        if texts[0] != texts[1]:
            only = [f"{(Counter(a) - Counter(b)).total()} lines of its own" for a, b in (texts, texts[::-1])]
            found.append(Difference(path.rsplit("/", 1)[1], *only))
    return tuple(found)


def _sizes(run: RunFile) -> dict[str, int]:
    names = {"/chip": "chips", "/image": "images", "/step": "steps"}
    return {name: run.sizes[path] for path, name in names.items() if path in run.sizes}


def _text(value: Any) -> str:
    return ", ".join(map(str, value.tolist())) if isinstance(value, np.ndarray) else str(value)


def _shared(left: RunFile, right: RunFile) -> _Shared:
    stored = Stored(left), Stored(right)
    given = [str(s.attributes.get("inputs", "")) for s in stored]
    if given[0] != given[1]:
        raise ConfigError(
            f"{right.path}: inputs", repr(given[0]), repr(given[1]), "compare runs on the same inputs"
        )
    times = [s.times_s for s in stored]
    both = tuple(t for t in times[0] if t in times[1])
    if not both:
        got = f"{times[0]} and {times[1]} s"
        raise ConfigError(
            f"{right.path}: times", "a time that both runs have", got, "run again with the same --times"
        )
    images, chips = (min(_length(run, name) for run in (left, right)) for name in ("image", "chip"))
    if not np.array_equal(stored[0].labels[:images], stored[1].labels[:images]):
        where = f"{right.path}: /outputs/labels"
        raise ConfigError(where, "the labels of the first run", "others", "compare runs on the same inputs")
    steps = [run.sizes.get("/step", 0) for run in (left, right)]
    pairs = tuple((times[0].index(t), times[1].index(t)) for t in both)
    return _Shared(left, right, chips, pairs, both, images, min(steps), steps[0] == steps[1])


def _length(run: RunFile, dimension: str) -> int:
    if f"/{dimension}" not in run.sizes:
        where = f"{run.path}: /{dimension}"
        raise DataError(where, "a dimension of this name", "none", "compare files of `neurosim run`")
    return run.sizes[f"/{dimension}"]


def _records(shared: _Shared) -> Iterator[tuple[str, Callable[[], Parting | None]]]:
    """What is compared, with the search for its first difference; finest first."""
    left, right = shared.left, shared.right
    if left.populations and right.populations:
        yield "spikes", lambda: _first_spike(shared)
    found = []
    for path in (path for path in left.paths if path in right and _of_images(left, path)):
        stepwise = "step" in left.dims(path)
        # without the same steps an image's sums differ; its class still means the same
        comparable = shared.steps > 0 if stepwise else shared.alike or path == _PREDICTIONS
        if comparable and not (path.startswith(_TRACES) and _names(left, path) != _names(right, path)):
            found.append((not stepwise, _RANKS.get(path, 0), path))
    for _, _, path in sorted(found):
        yield _called(path), partial(_first_cell, shared, path)


def _of_images(run: RunFile, path: str) -> bool:
    """Whether an array has a row for every chip, time and image, and one more axis than that and steps at most."""
    dims = run.dims(path)
    return {"chip", "time", "image"} <= set(dims) and len(set(dims) - {"chip", "time", "image", "step"}) <= 1


def _called(path: str) -> str:
    """An array in words."""
    known = {
        "/outputs/step_scores": "scores per step",
        "/outputs/scores": "scores",
        _PREDICTIONS: "predictions",
    }
    parts = path.split("/")
    if path.startswith("/counts/"):
        return f"{parts[-1]} per {'step' if parts[2] == 'steps' else 'image'}"
    return f"membranes of {'/'.join(parts[2:-1])}" if path.startswith(_TRACES) else known.get(path, path)


def _first_spike(shared: _Shared) -> Parting | None:
    """The first spike that only one run has: by chip, time, image, step, depth of the population, neuron."""
    found = [{(t.chip, t.time, t.population): t for t in trains(run)} for run in (shared.left, shared.right)]
    shapes = [sorted({(t.population, t.neurons) for t in by.values()}) for by in found]
    if shapes[0] != shapes[1]:
        got = " and ".join(", ".join(f"{name} ({n})" for name, n in shape) for shape in shapes)
        remedy = "compare runs of the same network, with the same spikes recorded"
        raise ConfigError(f"{shared.right.path}: spikes", "the same populations", got, remedy)
    for chip, a, b in shared.places:
        first: tuple[int, int, Train, int, bool] | None = None
        for train in (t for t in trains(shared.left) if (t.chip, t.time) == (chip, a)):
            other = found[1][chip, b, train.population]
            limit = None if first is None else (first[0], first[1])
            parted = _first_unpaired(_shown(train, shared), _shown(other, shared), limit)
            if parted is not None and (first is None or parted[0][:2] < (first[0], first[1])):
                (image, step, neuron), in_left = parted
                first = image, step, train, neuron, in_left
        if first is not None:
            image, step, train, neuron, in_left = first
            has = ("a spike", "no spike") if in_left else ("no spike", "a spike")
            return Parting(
                "spikes", chip, shared.seconds(a), image, step, f"neuron {neuron} of {train.population}", *has
            )
    return None


def _shown(train: Train, shared: _Shared) -> Iterator[np.ndarray]:
    """A train's spikes within the images and steps that both runs have."""
    for rows in train.events():
        kept = rows[(rows[:, 0] < shared.images) & (rows[:, 1] < shared.steps)]
        if len(kept):
            yield kept
        if rows[-1, 0] >= shared.images:
            return


def _first_unpaired(
    left: Iterator[np.ndarray], right: Iterator[np.ndarray], limit: tuple[int, int] | None
) -> tuple[tuple[int, int, int], bool] | None:
    """The first row (image, step, neuron) that only one of two sorted sequences has, and whether it is the left.

    Rows of a later image and step than `limit` are of no interest.
    """
    a, b = np.empty((0, 3), np.int64), np.empty((0, 3), np.int64)
    while True:
        a, b = (rows if len(rows) else next(rest, rows) for rows, rest in ((a, left), (b, right)))
        n = min(len(a), len(b))
        if n == 0:
            rest = a if len(a) else b
            return (_row(rest[0]), len(a) > 0) if len(rest) else None
        apart = np.flatnonzero((a[:n] != b[:n]).any(axis=1))
        if len(apart):
            first, second = _row(a[apart[0]]), _row(b[apart[0]])
            return min(first, second), first < second
        if limit is not None and _row(a[n - 1])[:2] > limit:
            return None
        a, b = a[n:], b[n:]


def _row(row: np.ndarray) -> tuple[int, int, int]:
    image, step, neuron = (int(n) for n in row)
    return image, step, neuron


def _first_cell(shared: _Shared, path: str) -> Parting | None:
    """The first cell of an array that differs: by chip, time, image, step where it has one, then the last axis."""
    order, names = _same_axes(shared, path)
    last = order[-1] if names else ""
    sizes = {"image": 1, "step": shared.steps}
    most = max(1, _CELLS // int(np.prod([sizes.get(name, len(names)) for name in order], dtype=np.int64)))
    for chip, a, b in shared.places:
        for start in range(0, shared.images, most):
            images = slice(start, min(start + most, shared.images))
            cells = [_cells(shared, run, path, {"chip": chip, "time": time, "image": images}, order)
                     for run, time in ((shared.left, a), (shared.right, b))]  # fmt: skip
            both_nan = (cells[0] != cells[0]) & (cells[1] != cells[1])
            apart = np.flatnonzero((cells[0] != cells[1]) & ~both_nan)
            if len(apart):
                at = tuple(int(n) for n in np.unravel_index(apart[0], cells[0].shape))
                named = dict(zip(order, at, strict=True))
                place = f"{last} {names[named[last]]!r}" if last else ""
                has = (str(cells[0][at]), str(cells[1][at]))
                image, step = start + named["image"], named.get("step")
                return Parting(_called(path), chip, shared.seconds(a), image, step, place, *has)
    return None


def _cells(
    shared: _Shared, run: RunFile, path: str, at: Mapping[str, int | slice], order: Sequence[str]
) -> np.ndarray:
    """Part of an array, with its axes in this order; of its steps those that both runs have."""
    dims = run.dims(path)
    chosen = {"step": slice(0, shared.steps), **at}
    index = tuple(chosen.get(name, slice(None)) for name in dims)
    kept = [name for name in dims if name not in ("chip", "time")]
    return run.read(path, index).transpose([kept.index(name) for name in order])


def _same_axes(shared: _Shared, path: str) -> tuple[list[str], list[str]]:
    """The axes of an array that both runs share, image and step first, and the names along the last one."""
    axes = [run.dims(path) for run in (shared.left, shared.right)]
    names = [_names(run, path) for run in (shared.left, shared.right)]
    if axes[0] != axes[1] or names[0] != names[1]:
        got = f"{' '.join(axes[0])}: {names[0]} and {' '.join(axes[1])}: {names[1]}"
        remedy = "compare runs of the same network on the same classes"
        raise ConfigError(f"{shared.right.path}: {path}", "the same axes in both runs", got, remedy)
    known = [name for name in ("image", "step") if name in axes[0]]
    return known + [name for name in axes[0] if name not in ("chip", "time", "image", "step")], names[0]


def _names(run: RunFile, path: str) -> list[str]:
    """Names along the axis of an array beside chip, time, image and step: of classes, layers or neurons."""
    for name in set(run.dims(path)) - {"chip", "time", "image", "step"}:
        group = path
        while group:
            group = group.rpartition("/")[0]
            here = f"{group}/{name}"
            if here in run.sizes:
                return [str(n) for n in (run.read(here) if here in run else range(run.sizes[here]))]
    return []
