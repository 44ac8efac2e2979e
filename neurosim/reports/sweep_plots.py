"""A picture of a sweep: a figure of its table against one of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.units import format_time
from neurosim.reports.figures import PALETTE, new_figure, plain, save

_LOG_FROM = 50  # ratio of the ends from which an axis is logarithmic
_TICKS = 12  # whole numbers up to so many are all written
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
    for rank, time_s in enumerate(sorted({table["time_s"][row] for row in kept})):
        spread = _spread(table, axis, figure, [row for row in kept if table["time_s"][row] == time_s], values)
        least, mean, most = scale * spread
        there = ~np.isnan(mean)
        colour = PALETTE[rank % len(PALETTE)]
        line = "o-" if numbers else "o"  # between words there is nothing
        axes.plot(places[there], mean[there], line, color=colour, markersize=4, label=format_time(time_s))
        if numbers:
            axes.fill_between(places[there], least[there], most[there], color=colour, alpha=0.15, linewidth=0)
        else:
            axes.vlines(places[there], least[there], most[there], color=colour, alpha=0.3, linewidth=4)
        ranges = ranges or bool(np.any(most[there] > least[there]))
    if not numbers:
        axes.set_xticks(places, [plain(str(value)) for value in values])
    elif all(isinstance(value, int) for value in values) and len(values) <= _TICKS:
        axes.set_xticks(places, [str(value) for value in values])
    elif min(places) > 0 and max(places) / min(places) >= _LOG_FROM:
        axes.set_xscale("log")
    axes.set_xlabel(plain(axis))
    axes.set_ylabel(_LABELS.get(figure, plain(figure)))
    if ranges:
        axes.set_title("mean over all other axes, and their range", fontsize=9)
    axes.legend(title="after programming", fontsize=8, title_fontsize=8, frameon=False)
    return save(drawn, path)


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
