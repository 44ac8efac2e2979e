"""Pictures of runs in steps: accuracy over steps, the spikes of one image, membranes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.foundation.units import format_time
from neurosim.recording import RunFile
from neurosim.reports.figures import BLUE, GREY, ORANGE, PALETTE, new_figure, plain, save
from neurosim.reports.stepwise import accuracy_by_step, step_length_s
from neurosim.reports.stored import Stored
from neurosim.reports.trains import Train, trains

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")

MOST_POPULATIONS = 10  # rows of a picture
MOST_NEURONS = 8  # lines of a row
_TRACES = "/traces/"


def plot_steps(run: RunFile, path: str | Path) -> Path:
    """Accuracy after each step, mean over chips, at the first and the last time; below it the spikes of each step,
    by layer, where they were counted.

    Raises DataError when the run holds no scores per step.
    """
    stepwise, stored = accuracy_by_step(run), Stored(run)
    counted = "/counts/steps/spikes"
    rows = 2 if counted in run else 1
    figure, grid = new_figure(6.4, 2.2 + 1.9 * rows, rows)
    axes, numbers = grid[0][0], np.arange(1, stepwise.steps + 1)
    float_accuracy = 100 * float((stored.float_predictions == stored.labels).mean())
    axes.axhline(float_accuracy, color=GREY, linestyle="--", linewidth=1.2, label="float network")
    shown = sorted({0, len(stepwise.times_s) - 1})
    for time, colour in zip(shown, (BLUE, ORANGE), strict=False):
        label = f"{format_time(stepwise.times_s[time])} after programming"
        axes.plot(numbers, 100 * stepwise.mean[time], color=colour, linewidth=1.6, label=label)
    axes.set_ylabel("accuracy (%)")
    axes.grid(axis="y", color="0.92")
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    axes.set_title(_title(stored, f"{len(stored.labels):,} images"), fontsize=10)
    if rows == 2:
        below = grid[1][0]
        for name, row, colour in zip(stored.layers, _mean_counts(run, counted), PALETTE * 9, strict=False):
            below.plot(numbers, row, color=colour, linewidth=1.3, label=plain(name))
        below.set_ylabel("spikes in the step")
        below.sharex(axes)
        below.grid(axis="y", color="0.92")
        below.legend(fontsize=8, frameon=False, ncols=2)
    grid[-1][0].set_xlabel(_step_label(run, "steps done"))
    return save(figure, path)


def plot_raster(run: RunFile, path: str | Path, image: int = 0) -> Path:
    """The spikes of one image on the first chip at the first time: one row per population, a dot per spike.

    Of more than ten populations the first nine and the last are shown. Raises DataError when the run recorded no
    spikes, or has no such image.
    """
    stored = Stored(run)
    if not run.populations:
        raise DataError(str(run.path), "recorded spikes", "none", "run again with --record outputs,spikes")
    _check_image(stored, image)
    rows = _some([train for train in trains(run) if (train.chip, train.time) == (0, 0)])
    weights = [0.5 + np.log10(train.neurons) for train in rows]
    figure, grid = new_figure(7.2, 1.1 + 0.55 * sum(weights), len(rows), ratios=weights)
    for train, (axes,) in zip(rows, grid, strict=True):
        events = train.of_image(image)
        size = float(np.clip(160 / train.neurons, 1, 4))
        axes.plot(
            events[:, 0], events[:, 1], "o", color=BLUE, markersize=size, markeredgewidth=0, rasterized=True
        )
        axes.set_ylim(-0.6, train.neurons - 0.4)
        axes.set_xlim(-0.5, train.steps - 0.5)
        axes.set_yticks(sorted({0, train.neurons - 1}))
        axes.set_ylabel(f"{plain(train.population)}\n{len(events):,} spikes", fontsize=8)
        axes.tick_params(labelbottom=axes is grid[-1][0])
    grid[-1][0].set_xlabel(_step_label(run, "step"))
    figure.suptitle(_title(stored, _of_image(stored, image)), fontsize=10)
    return save(figure, path)


def plot_traces(run: RunFile, path: str | Path, image: int = 0) -> Path:
    """The recorded membranes during one image, on the first chip at the first time: one row per population, and at
    the top of it a mark for every spike that was recorded.

    Raises DataError when the run recorded no membranes, or has no such image.
    """
    stored = Stored(run)
    names = _some(traced_populations(run))
    if not names:
        raise DataError(str(run.path), "recorded membranes", "none", "run again with --record outputs,traces")
    _check_image(stored, image)
    spikes = {train.population: train for train in trains(run) if (train.chip, train.time) == (0, 0)}
    figure, grid = new_figure(7.2, 1.0 + 1.9 * len(names), len(names))
    for name, (axes,) in zip(names, grid, strict=True):
        _draw_traces(axes, run, name, image, spikes.get(name))
    grid[-1][0].set_xlabel(_step_label(run, "step"))
    figure.suptitle(_title(stored, _of_image(stored, image)), fontsize=10)
    return save(figure, path)


def traced_populations(run: RunFile) -> list[str]:
    """Populations whose membranes were recorded."""
    ends = "/membrane"
    return [
        p.removeprefix(_TRACES).removesuffix(ends)
        for p in run.paths
        if p.startswith(_TRACES) and p.endswith(ends)
    ]


def _draw_traces(axes: Axes, run: RunFile, name: str, image: int, spikes: Train | None) -> None:
    """Membranes as lines, each neuron's spikes as marks of its colour above them."""
    membranes = run.read(f"{_TRACES}{name}/membrane", (0, 0, image))  # (steps, neurons)
    neurons = run.read(f"{_TRACES}{name}/neuron")[:MOST_NEURONS]
    events = np.empty((0, 2), np.int64) if spikes is None else spikes.of_image(image)
    drawn = membranes[:, : len(neurons)]
    top, height = float(drawn.max()), float(np.ptp(drawn)) or 1.0
    for number, neuron in enumerate(neurons):
        colour = PALETTE[number]
        axes.plot(drawn[:, number], color=colour, linewidth=1.1, label=f"neuron {neuron}")
        fired = events[events[:, 1] == neuron, 0]
        level = np.full(len(fired), top + 0.06 * height * (len(neurons) - number))
        axes.plot(fired, level, "|", color=colour, markersize=5)
    axes.set_ylabel(f"{plain(name)}\nmembrane", fontsize=9)
    axes.legend(fontsize=7, frameon=False, ncols=4, loc="upper left", bbox_to_anchor=(0, 1.16), borderpad=0)


def _mean_counts(run: RunFile, path: str) -> np.ndarray:
    """Mean of a count over chips, times and images, (layers, steps)."""
    sizes = {name: run.sizes[f"/{name}"] for name in ("chip", "time", "layer", "step")}
    summed = np.zeros((sizes["layer"], sizes["step"]))
    for chip in range(sizes["chip"]):
        for time in range(sizes["time"]):
            summed += run.read(path, (chip, time)).mean(axis=1, dtype=np.float64)
    return summed / (sizes["chip"] * sizes["time"])


def _some(rows: list[T]) -> list[T]:
    return rows if len(rows) <= MOST_POPULATIONS else [*rows[: MOST_POPULATIONS - 1], rows[-1]]


def _check_image(stored: Stored, image: int) -> None:
    if not 0 <= image < len(stored.labels):
        where, expected = str(stored.run.path), f"an image from 0 to {len(stored.labels) - 1}"
        raise DataError(where, expected, str(image), "choose another image")


def _of_image(stored: Stored, image: int) -> str:
    names = stored.class_names
    given = int(stored.run.read("/outputs/predictions", (0, 0, image)))
    return f"image {image}: class {names[stored.labels[image]]}, taken for {names[given]}"


def _step_label(run: RunFile, text: str) -> str:
    length = step_length_s(run)
    return text if length is None else f"{text} (of {format_time(length)})"


def _title(stored: Stored, what: str) -> str:
    names = stored.attributes
    return plain(f"{names.get('network', '?')} on {names.get('chip', '?')}, {what}")
