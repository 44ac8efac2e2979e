"""Pictures of a comparison: accuracy against energy, and energy by component side by side."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurosim.costs import LEARNING, SPIKING_COMPONENTS
from neurosim.foundation.errors import ConfigError, LimitError
from neurosim.foundation.units import format_si
from neurosim.reports.comparison import Comparison
from neurosim.reports.comparison_tables import shown_steps
from neurosim.reports.figures import PALETTE, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from neurosim.reports.compared import Compared

PER_CENT = 100


def plot_comparison(comparison: Comparison, folder: str | Path) -> list[Path]:
    """Draw both pictures as PNG into a folder, which is made; what no chip prices is left out.

    Raises ConfigError when no run is priced, LimitError when a file cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise LimitError(
            str(target), "a folder for pictures", str(problem), "choose another folder"
        ) from None
    return [
        plot_accuracy_energy(comparison, target / "accuracy_energy.png"),
        plot_components(comparison, target / "energy_components.png"),
    ]


def plot_accuracy_energy(comparison: Comparison, path: str | Path) -> Path:
    """Accuracy against energy: a spiking run is a curve over its steps, a rate run a point with its interval."""
    runs = _priced(comparison)
    figure, ((axes,),) = new_figure(7.2, 4.4 + 0.2 * len(runs))
    for run, colour in zip(runs, PALETTE, strict=False):
        if run.course is not None:
            _curve(axes, run, colour)
        else:
            _point(axes, run, colour)
    _energy_axis(axes)
    axes.margins(x=0.12)
    axes.set_ylabel("accuracy (%)")
    axes.grid(color="0.92")
    figure.legend(loc="outside lower center", ncols=1, fontsize=8, frameon=False)
    images = len(comparison.runs[0].labels)
    data = comparison.runs[0].attributes.get("inputs", "?")
    axes.set_title(plain(f"accuracy and energy, {images:,} images of {data}"), fontsize=10)
    return save(figure, path)


def plot_components(comparison: Comparison, path: str | Path) -> Path:
    """Energy by component, the runs' bars side by side, on a logarithmic scale; zeros keep their place."""
    runs = _priced(comparison)
    parts = [run.ledger.by_component() for run in runs]
    names = _components(parts)
    joules = np.array([[energies.get(name, 0.0) for name in names] for energies in parts])
    figure, ((axes,),) = new_figure(8.0, 0.3 * len(names) * max(len(runs), 2) * 0.62 + 1.6)
    places = np.arange(len(names))[::-1].astype(float)
    height = 0.84 / len(runs)
    floor = float(joules[joules > 0].min()) / 3
    for k, (run, row, colour) in enumerate(zip(runs, joules, PALETTE, strict=False)):
        at = places + height * ((len(runs) - 1) / 2 - k)
        axes.barh(at, np.maximum(row - floor, 0), height * 0.92, left=floor, color=colour, label=_named(run))
        for y, amount in zip(at, row, strict=True):
            share = (
                f"{format_si(amount, 'J')} ({PER_CENT * amount / run.ledger.total:.3g} %)" if amount else "0"
            )
            axes.text(max(amount, floor) * 1.12, y, share, va="center", fontsize=7.5)
    _energy_axis(axes)
    axes.set_xlim(floor, float(joules.max()) * 30)
    axes.set_yticks(places, names)
    figure.legend(loc="outside lower center", ncols=1, fontsize=8, frameon=False)
    axes.set_title("energy by component", fontsize=10)
    return save(figure, path)


def _energy_axis(axes: Axes) -> None:
    """Logarithmic, with prefixes in place of powers of ten."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda joules, _: format_si(joules, "J"))
    axes.xaxis.set_minor_formatter(lambda joules, _: _between(axes, joules))
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.set_xlabel("energy per inference")


def _between(axes: Axes, joules: float) -> str:
    """The text of a tick between powers of ten: at 2 and 5, where the axis spans little and would else be bare."""
    low, high = axes.get_xlim()
    mantissa = joules / 10 ** math.floor(math.log10(joules) + 1e-9)
    return format_si(joules, "J") if high < 30 * low and round(mantissa) in (2, 5) else ""


def _priced(comparison: Comparison) -> list[Compared]:
    runs = [run for run in comparison.runs if run.ledger.priced]
    if not runs:
        raise ConfigError("pictures", "a run on a chip with prices", "none", "compare runs on other chips")
    return runs


def _components(parts: list[dict[str, float]]) -> list[str]:
    """Components that cost some run something, in the ledger's order, published figures first."""
    known = [*SPIKING_COMPONENTS, LEARNING]
    named = dict.fromkeys(name for energies in parts for name in energies)
    order = sorted(named, key=lambda name: known.index(name) if name in known else -1)
    return [name for name in order if any(energies.get(name) for energies in parts)]


def _curve(axes: Axes, run: Compared, colour: str) -> None:
    course = run.course
    assert course is not None
    accuracy = PER_CENT * course.accuracy
    axes.plot(course.joules, accuracy, color=colour, linewidth=1.6, label=_named(run))
    for steps in shown_steps(course.steps):
        x, y = float(course.joules[steps - 1]), float(accuracy[steps - 1])
        axes.plot([x], [y], "o", color=colour, markersize=3.5)
        unit = " steps" if steps == course.steps else ""
        axes.annotate(
            f"{steps}{unit}", (x, y), (4, -10), textcoords="offset points", fontsize=7, color=colour
        )


def _point(axes: Axes, run: Compared, colour: str) -> None:
    accuracy = run.accuracy
    mean = PER_CENT * float(accuracy.mean[0])
    ends = [[mean - PER_CENT * float(accuracy.low[0])], [PER_CENT * float(accuracy.high[0]) - mean]]
    axes.errorbar([run.ledger.total], [mean], np.maximum(ends, 0), color=colour, marker="s", markersize=6,
                  capsize=4, linestyle="none", label=_named(run))  # fmt: skip


def _named(run: Compared) -> str:
    return plain(f"{run.letter}: {run.title}, {format_si(run.ledger.total, 'J')}")
