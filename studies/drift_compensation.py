"""Drift with and without compensation, on a convolutional network whose batch norm stays digital.

    python studies/drift_compensation.py fashion_cnn --chips 5 --png drift_compensation.png

Drift shrinks every product by the same mean factor. A perceptron hardly minds (the largest score stays the
largest), but digital batch norm subtracts means that no longer fit: without compensation the network breaks
down, as Joshi et al. 2020 report for their ResNet. Both runs are of the same sampled chips.
"""

from __future__ import annotations

import argparse

import neurosim as ns
from neurosim.foundation.units import format_time

TIMES = ("25 s", "1000 s", "1 h", "1 day", "1 month", "1 year")


def compare(network, chips, times, limit=None):
    """(Accuracy with compensation, Accuracy without, float accuracy); one entry per time, several chips."""
    shared = {"chip": "joshi_2020", "instances": chips, "times": times, "limit": limit, "record": ["none"]}
    with_gain = ns.run(network, **shared, drift_compensation="global").summary
    without = ns.run(network, **shared, drift_compensation="none").summary
    return with_gain.accuracy, without.accuracy, with_gain.float_accuracy


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="fashion_cnn")
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--png")
    options = parser.parse_args()
    gain, none, reference = compare(options.network, options.chips, TIMES, options.limit)
    print(f"{options.network} on joshi_2020, {options.chips} chips; float network {reference:.2%}")
    print(f"{'time':>9} {'compensated':>24} {'not compensated':>24}")
    for k, t_s in enumerate(gain.times_s):
        columns = [f"{a.mean[k]:7.2%} [{a.low[k]:6.2%}, {a.high[k]:6.2%}]" for a in (gain, none)]
        print(f"{format_time(t_s):>9} {columns[0]:>24} {columns[1]:>24}")
    if options.png:
        plot(options.network, gain, none, reference, options.png)


def plot(network, gain, none, reference, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for accuracy, label in ((gain, "global drift compensation"), (none, "no compensation")):
        line = axes.semilogx(accuracy.times_s, 100 * accuracy.mean, "o-", label=label)[0]
        axes.fill_between(
            accuracy.times_s, 100 * accuracy.low, 100 * accuracy.high, alpha=0.2, color=line.get_color()
        )
    axes.axhline(100 * reference, color="black", linestyle=":", label="float network")
    axes.set(xlabel="time since programming (s)", ylabel="accuracy (%)", title=f"{network} on joshi_2020")
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
