"""A picture of a sweep: a figure of its table against one of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.units import format_time
from neurosim.reports.figures import PALETTE, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOG_FROM = 50  # ratio of the ends from which an axis is logarithmic
_TICKS = 12  # whole numbers up to so many are all written
_TIME = "time_s"
_APART = 0.08  # of the place of a word, between the times
_LABELS = {
    "accuracy": "accuracy (%)",
    "energy_joules": "energy of an inference (J)",
    "latency_s": "latency (s)",
}
_PER_CENT = ("accuracy", "agreement_with_float", "adc_saturation", "dac_saturation")


def plot_axis(
    table: Mapping[str, Sequence[Any]], axis: str, path: str | Path, figure: str = "accuracy"
) -> Path:
    """Draw a figure of a sweep against one axis: a line per time, the mean over all other axes, and a band from the
    least to the most that they make of it. Between words points are not joined.

    Parameters
    ----------
    table : columns of the sweep's table, by name, with `time_s` and, where points failed, None as their figure
    axis : a column: numbers, or words, which are set side by side in the order in which they come
    path : PNG or SVG
    figure : the column to draw

    Raises ConfigError for a column that is not there, DataError when no row has the figure.
    """
    for name in (axis, figure):
        if name not in table:
            raise ConfigError("plot", "a column of the table", repr(name), near(name, table))
    kept = [
        row for row, value in enumerate(table[figure]) if value is not None and table[axis][row] is not None
    ]
    if not kept:
        raise DataError(
            f"plot of {figure}", "a point that is done", "none", "look at the errors in the table"
        )
    values = list(dict.fromkeys(table[axis][row] for row in kept))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    values = sorted(values) if numbers else values
    drawn, ((axes,),) = new_figure(6.0, 4.0)
    scale = 100.0 if figure in _PER_CENT else 1.0
    places = np.array(values, float) if numbers else np.arange(len(values), dtype=float)
    ranges = False
    series = _series(table, axis, kept)
    for rank, (label, rows) in enumerate(series.items()):
        spread = _spread(table, axis, figure, rows, values)
        least, mean, most = scale * spread
        there = ~np.isnan(mean)
        colour = PALETTE[rank % len(PALETTE)]
        # between words there is nothing: points are not joined, and stand side by side
        at = (places if numbers else places + _APART * (rank - (len(series) - 1) / 2))[there]
        axes.plot(at, mean[there], "o-" if numbers else "o", color=colour, markersize=4, label=label)
        if numbers:
            axes.fill_between(at, least[there], most[there], color=colour, alpha=0.15, linewidth=0)
        else:
            axes.vlines(at, least[there], most[there], color=colour, alpha=0.3, linewidth=4)
        ranges = ranges or bool(np.any(most[there] > least[there]))
    _ticks(axes, values, places, numbers)
    axes.set_xlabel(plain(axis))
    axes.set_ylabel(_LABELS.get(figure, plain(figure)))
    if ranges:
        axes.set_title("mean over all other axes, and their range", fontsize=9)
    if axis != _TIME:
        axes.legend(title="after programming", fontsize=8, title_fontsize=8, frameon=False)
    return save(drawn, path)


def _ticks(axes: Axes, values: Sequence[Any], places: np.ndarray, numbers: bool) -> None:
    """Words and few whole numbers are all written; numbers far apart stand on a logarithmic axis."""
    if not numbers:
        axes.set_xticks(places, [plain(str(value)) for value in values])
    elif all(isinstance(value, int) for value in values) and len(values) <= _TICKS:
        axes.set_xticks(places, [str(value) for value in values])
    elif min(places) > 0 and max(places) / min(places) >= _LOG_FROM:
        axes.set_xscale("log")


def _series(table: Mapping[str, Sequence[Any]], axis: str, kept: Sequence[int]) -> dict[str, list[int]]:
    """Rows by time, which is what the lines stand for; one line against the time itself."""
    if axis == _TIME:
        return {"": list(kept)}
    times = sorted({table[_TIME][row] for row in kept})
    return {format_time(time): [row for row in kept if table[_TIME][row] == time] for time in times}


def _spread(
    table: Mapping[str, Sequence[Any]], axis: str, figure: str, rows: Sequence[int], values: Sequence[Any]
) -> np.ndarray:
    """Least, mean and most of a figure at every value of an axis, float64 (3, values); NaN where there is none."""
    found = np.full((3, len(values)), np.nan)
    for place, value in enumerate(values):
        figures = [table[figure][row] for row in rows if table[axis][row] == value]
        if figures:
            found[:, place] = min(figures), float(np.mean(figures)), max(figures)
    return found
