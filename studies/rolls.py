"""The chip ROLLS: how its neurons' rates spread, and how its synapses keep one of two weights.

    python studies/rolls.py --png rolls.png
    python studies/rolls.py --short

Published: an average mismatch of 9.4 % over 256 neurons (Qiao et al. 2015); weights that drift to the nearer of two
values (Brader, Senn and Fusi 2007).
"""

from __future__ import annotations

import argparse

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.spiking.plastic.rolls import bistability, firing_rates

CURRENT_HERTZ = 20.0
STARTS = (0.0, 0.0, 1.0, 0.45, 0.55)
KINDS = (
    "12 spikes, depolarised",
    "3 spikes, depolarised",
    "12 spikes, at rest",
    "no spike, from 0.45",
    "no spike, from 0.55",
)


def histogram(chip, duration_s):
    """Rates of the 256 neurons of one chip under the same current."""
    return firing_rates(chip, CURRENT_HERTZ, duration_s)


def synapse_traces(chip):
    """Five synapses: switched up, nearly so, switched down, and two that only drift."""
    spikes = np.zeros((200, len(STARTS)), bool)
    spikes[20:200:15, [0, 2]] = True
    spikes[20:60:15, 1] = True
    depolarised = np.array([True, True, False, False, False])
    return bistability(chip, np.array(STARTS), spikes, depolarised, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="two seconds instead of twenty")
    parser.add_argument("--png")
    options = parser.parse_args()
    chip = load_chip("rolls")
    rates, trace = histogram(chip, 2.0 if options.short else 20.0), synapse_traces(chip)
    print_tables(rates, trace)
    if options.png:
        plot(rates, trace, options.png)


def print_tables(rates, trace):
    """Mismatch, histogram and ends of the traces."""
    print(
        f"256 neurons at {CURRENT_HERTZ:g} thresholds per second: {rates.rates_hertz.mean():.2f} Hz on average"
    )
    print(f"coefficient of variation {rates.coefficient_of_variation:.2%}; published 9.4 %, thresholds drawn with it: "
          f"{rates.thresholds.std(ddof=1) / rates.thresholds.mean():.2%}")  # fmt: skip
    counts, edges = np.histogram(rates.rates_hertz, bins=12)
    for count, low, high in zip(counts, edges, edges[1:], strict=False):
        print(f"  {low:5.1f} to {high:5.1f} Hz {count:4d} {'#' * count}")
    for name, start, end, high in zip(KINDS, STARTS, trace.state[-1], trace.high, strict=True):
        print(f"  {name:24} {start:.2f} -> {end:.2f}, {'high' if high else 'low'}")


def plot(rates, trace, path):
    """Histogram of rates; states over time."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.hist(rates.rates_hertz, bins=20, color="0.4")
    left.set(xlabel="firing rate (Hz)", ylabel="neurons",
             title=f"256 neurons, same input: CV {rates.coefficient_of_variation:.1%}")  # fmt: skip
    for name, state in zip(KINDS, trace.state.T, strict=True):
        right.plot(trace.t_s, state, label=name)
    right.axhline(0.5, color="black", linestyle=":")
    right.set(xlabel="time (s)", ylabel="state x of the synapse", title="bistable synapses")
    right.legend(fontsize=7, loc="center right")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
