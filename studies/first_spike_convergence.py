"""Spike times of a network whose neurons spike once: clocked on Brian2 against the closed form, step by step.

    python studies/first_spike_convergence.py --images 250 --png first_spike_convergence.png

On the grid a spike falls on the end of its step, half a step late on average, so errors shrink with the step. With the
crossing solved inside the step the hidden layer, whose inputs fall on the grid, is exact; the outputs' inputs arrive
within steps, and their error is that of taking them as if they had all come before the crossing. Times are in
synaptic time constants.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.spiking.first_spike.clocked import Clocked
from neurosim.engines.spiking.first_spike.drives import chip_thresholds, drives
from neurosim.engines.spiking.first_spike.options import Chain
from neurosim.engines.spiking.first_spike.solving import closed_form, decisions
from neurosim.graph import load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import program
from neurosim.programming.first_spike import calibrate_first_spike

STEPS = (7, 14, 28, 56, 112, 224)  # from the early to the late inputs


@dataclass(frozen=True)
class Row:
    """Errors of one solver at one step, and how fast it was."""

    solved: bool
    dt: float
    hidden_mean: float
    hidden_most: float
    output_mean: float
    same_class: float
    images_per_second: float


def given(network_name, images):
    """What an ideal chip gives the neurons of the first test images, and their number in each layer."""
    network, chip = load_network(network_name), load_chip("ideal_float")
    data = load_dataset(network.input.dataset, "test", images)
    x = prepare(data.images, data.max_level, network.input.shape, network.input.crop)
    fed = calibrate_first_spike(network, x[:10])
    aged = program(network, chip, place(network, chip), fed, 0).age_to(0.0)
    chain = Chain.of(network)
    return drives(aged, chain, chip_thresholds(aged, chain), x, 0), tuple(
        layer.units for layer in chain.layers
    )


def compare(network, images, steps=STEPS):
    """A row for every solver and step."""
    drive, sizes = given(network, images)
    exact = closed_form(drive, stop=False)
    rows = []
    for solved in (False, True):
        for n in steps:
            clock = Clocked(sizes, images, n, drive.gap, solved, 20.0)
            begun = time.process_time()
            found = clock.times(drive, stop=False)
            took = time.process_time() - begun
            both = [np.isfinite(e) & np.isfinite(f) for e, f in zip(exact, found, strict=True)]
            hidden, output = (np.abs(e[b] - f[b]) for e, f, b in zip(exact, found, both, strict=True))
            same = exact[-1].argmin(axis=1) == found[-1].argmin(axis=1)
            rows.append(Row(solved, drive.gap / n, hidden.mean(), hidden.max(), output.mean(), same.mean(),
                            images / took))  # fmt: skip
    return rows, decisions(exact)


def order(rows, name):
    """Fitted power of the step with which an error shrinks."""
    return np.polyfit(np.log([row.dt for row in rows]), np.log([getattr(row, name) for row in rows]), 1)[0]


def plot(rows, path):
    from neurosim.reports.figures import BLUE, ORANGE, new_figure, save

    figure, ((axes,),) = new_figure(6.0, 4.2)
    for solved, colour, label in ((False, BLUE, "on the grid"), (True, ORANGE, "crossing solved")):
        own = [row for row in rows if row.solved == solved]
        dt = [row.dt for row in own]
        axes.loglog(dt, [row.output_mean for row in own], "o-", color=colour, label=f"outputs, {label}")
        axes.loglog(dt, [row.hidden_mean for row in own], "s--", color=colour, label=f"hidden, {label}")
    axes.set_xlabel("step (synaptic time constants)")
    axes.set_ylabel("mean error of spike times")
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="mnist_ttfs")
    parser.add_argument("--images", type=int, default=250)
    parser.add_argument("--png")
    options = parser.parse_args()
    rows, ends = compare(options.network, options.images)
    print(f"{options.network}, {options.images} images; first output spike at {np.median(ends):.3f} (median)")
    names = ("crossing", "step", "hidden mean", "largest", "output mean", "same class", "images/s")
    print(" ".join(f"{name:>11}" for name in names))
    for row in rows:
        crossing = "solved" if row.solved else "grid"
        print(f"{crossing:>11} {row.dt:11.5f} {row.hidden_mean:11.2e} {row.hidden_most:11.1e} {row.output_mean:11.2e} "
              f"{row.same_class:11.2%} {row.images_per_second:11.0f}")  # fmt: skip
    grid, solved = ([row for row in rows if row.solved == kind] for kind in (False, True))
    print(f"order on the grid: hidden {order(grid, 'hidden_mean'):.2f}, outputs {order(grid, 'output_mean'):.2f}; "
          f"outputs with crossings solved {order(solved, 'output_mean'):.2f}")  # fmt: skip
    if options.png:
        plot(rows, options.png)


if __name__ == "__main__":
    main()
