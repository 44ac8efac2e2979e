"""Pictures of recorded devices: how the conductances of each layer are spread, and how that ages."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosim.foundation.errors import DataError
from neurosim.foundation.units import format_time
from neurosim.recording import RunFile
from neurosim.reports.figures import BLUE, ORANGE, new_figure, plain, save
from neurosim.reports.stored import Stored

MOST_TIMES = 4  # columns of the picture
BINS = 80
LEAST = 0.7  # devices at the foot of the axis: one device then shows, and levels are seen from their foot
_SIDES = (("plus", "G+", BLUE), ("minus", "G-", ORANGE))


def plot_conductances(run: RunFile, path: str | Path) -> Path:
    """Histograms of G+ and G- of the first recorded chip: one row per layer, one column per recorded time.

    Of more than four times the first, the last and two between are shown. The number of devices is drawn on a
    logarithmic axis: most devices of a trained network are near zero.

    Raises DataError when the run recorded no devices.
    """
    stored = Stored(run)
    layers, times = stored.state_layers, stored.state_times_s
    if not layers:
        raise DataError(str(run.path), "recorded devices", "none", "run again without --record none")
    chosen = sorted({round(i) for i in np.linspace(0, len(times) - 1, min(MOST_TIMES, len(times)))})
    figure, grid = new_figure(3.2 * len(chosen) + 0.8, 2.0 * len(layers) + 0.8, len(layers), len(chosen))
    for layer, row in zip(layers, grid, strict=True):
        drawn = {time: _values(stored, layer, time) for time in chosen}
        highest = max(float(values.max()) for sides in drawn.values() for values in sides.values())
        edges = np.linspace(0, highest, BINS + 1).tolist()
        for time, axes in zip(chosen, row, strict=True):
            for side, label, colour in _SIDES:
                if side in drawn[time]:
                    axes.hist(
                        drawn[time][side], edges, histtype="step", color=colour, linewidth=1.3, label=label
                    )
            axes.set_yscale("log")
            axes.set_ylim(bottom=LEAST)
            axes.sharey(row[0])
        row[0].set_ylabel(f"{plain(layer)}\ndevices", fontsize=9)
    for time, axes in zip(chosen, grid[0], strict=True):
        axes.set_title(format_time(times[time]), fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("conductance (uS)", fontsize=9)
    grid[0][-1].legend(fontsize=8, frameon=False)
    names = stored.attributes
    figure.suptitle(plain(f"{names.get('network', '?')} on {names.get('chip', '?')}, chip 0"), fontsize=10)
    return save(figure, path)


def _values(stored: Stored, layer: str, time: int) -> dict[str, np.ndarray]:
    """Microsiemens by side; sides that the cell does not have are left out."""
    values = {side: 1e6 * stored.conductances(layer, side, time) for side, _, _ in _SIDES}
    return {side: array for side, array in values.items() if array.size}
