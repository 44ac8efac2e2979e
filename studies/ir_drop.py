"""What the resistance of wires does: to currents by their place, to reads past sneak paths, and to a network.

    python studies/ir_drop.py --png ir_drop.png          # all of it but ngspice
    python studies/ir_drop.py --only accuracy --chips 5
    python studies/ir_drop.py --only ngspice             # 128 x 128 cells, some minutes

Accuracy: a network on joshi_2020, whose wires are given one resistance per segment, on tiles of two sizes. Position:
the error of column currents in one array. Cut off: what changes where rows at zero volts are cut off by their cells'
transistors, as single reads can have it, in place of held at zero. Margin: one cell read among conducting ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from array_deck import spice_currents

import neurosim as ns
from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.selectors import SeriesSelector, read_margin
from neurosim.circuits.single_reads import column_currents
from neurosim.circuits.wires import transfer_matrix

PARTS = ("accuracy", "position", "cutoff", "margin", "ngspice")
OHMS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
TILES = ((512, 1024), (128, 64))  # rows and weight columns: joshi_2020's own, and 128 x 128 devices


def wires(ohms: float, **changes) -> WireParameters:
    """One resistance for every segment, none at the ends."""
    return WireParameters(row_ohms=ohms, column_ohms=ohms, **changes)


def random_array(size: int) -> np.ndarray:
    """Conductances of 1 to 25 uS."""
    return np.random.default_rng(size).uniform(1e-6, 25e-6, (size, size))


def accuracies(network, chips, limit, ohms=OHMS, tiles=TILES):
    """{(rows, columns): [(ohms, mean, low, high)]} of freshly programmed chips."""
    found = {}
    for rows, columns in tiles:
        for r in ohms:
            given = {"wires__row_ohms": r, "wires__column_ohms": r} if r else {}
            run = ns.run(network, "joshi_2020", instances=chips, limit=limit, record=["none"], threads=1,
                         array__rows=rows, array__columns=columns, **given)  # fmt: skip
            a = run.summary.accuracy
            found.setdefault((rows, columns), []).append((r, a.mean[0], a.low[0], a.high[0]))
    return found


def position_errors(size, ohms):
    """Share of its ideal current that each column loses with all rows driven alike, and each cell of its own: arrays
    (columns,) and (rows, columns)."""
    g = random_array(size)
    transfer = transfer_matrix(g, wires(ohms))
    return 1 - transfer.sum(axis=0) / g.sum(axis=0), 1 - transfer / g


def cutoff_changes(size, ohms, driven=0.2, inputs=20):
    """Relative change of column currents, cut-off rows over held ones: mean and largest."""
    g, rng = random_array(size), np.random.default_rng(0)
    volts = np.where(rng.random((inputs, size)) < driven, rng.uniform(0.05, 0.2, (inputs, size)), 0.0)
    held = column_currents(g, volts, wires(ohms))
    change = np.abs(column_currents(g, volts, wires(ohms, undriven="cut")) / held - 1)
    return change.mean(), change.max(), np.abs(held / (volts @ g) - 1).mean()


def margins(sizes=(16, 64), ohms=2.0, volts=1.2):
    """(size, cells, scheme, margin, on over off, watts) of the farthest of 25 uS cells, 1 uS when off."""
    rows = []
    for size in sizes:
        for name, law in (("ohmic", None), ("selector", SeriesSelector(1e-9, 0.03))):
            for scheme in ("half", "third", "floating", "grounded"):
                m = read_margin((size, size), 25e-6, 1e-6, wires(ohms, cell="passive"), volts, scheme, law)
                rows.append((size, name, scheme, m.margin, m.ratio, m.watts))
    return rows


def beside_ngspice(size, ohms):
    """Largest relative difference of the currents of one read, and the seconds that both took."""
    g, volts = random_array(size), np.random.default_rng(1).uniform(0.01, 0.2, size)
    start = time.perf_counter()
    ours = volts @ transfer_matrix(g, wires(ohms))
    middle = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        theirs = spice_currents(g, volts, wires(ohms), Path(folder), timeout_s=7200)
    return np.abs(ours / theirs - 1).max(), middle - start, time.perf_counter() - middle


def print_accuracy(found, network, chips):
    print(f"{network} on joshi_2020, {chips} chip(s), 25 s after programming: accuracy and 95 % interval")
    print(f"{'ohms':>6}" + "".join(f"{f'{rows} x {columns} weights':>32}" for rows, columns in found))
    for row in zip(*found.values(), strict=True):
        cells = [f"{mean:8.2%} [{low:7.2%}, {high:7.2%}]" for _, mean, low, high in row]
        print(f"{row[0][0]:6.1f}" + "".join(f"{cell:>32}" for cell in cells))


def print_position(size, ohms):
    columns, cells = position_errors(size, ohms)
    at = np.linspace(0, size - 1, 5).astype(int)
    print(f"{size} x {size} cells, {ohms:g} ohm per segment, all rows driven: current lost, by column")
    print("  ".join(f"{j}: {columns[j]:.2%}" for j in at))
    print(f"one cell alone: nearest {cells[-1, 0]:.3%}, farthest {cells[0, -1]:.2%}")


def print_rest(only, size):
    if "cutoff" in only:
        print(
            "rows at zero volts cut off, a fifth of the rows driven: change of column currents, and IR drop itself"
        )
        for ohms in (1.0, 2.0, 5.0):
            mean, largest, drop = cutoff_changes(size, ohms)
            print(f"{ohms:4.1f} ohm: mean {mean:.3%}, largest {largest:.3%}; drop {drop:.2%}")
    if "margin" in only:
        print(f"{'cells':>9} {'law':>9} {'scheme':>9} {'margin':>8} {'on/off':>8} {'watts':>10}")
        for side, law, scheme, margin, ratio, watts in margins():
            print(f"{side:4} x {side:<3} {law:>9} {scheme:>9} {margin:8.4f} {ratio:8.3f} {watts:10.2e}")
    if "ngspice" in only:
        off, ours, theirs = beside_ngspice(size, 5.0)
        print(f"{size} x {size}, 5 ohm: {off:.1e} from ngspice; {ours:.3f} s and {theirs:.1f} s")


def plot(found, size, ohms, network, path):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    for (rows, columns), values in found.items():
        r, mean, low, high = np.array(values).T
        line = left.plot(r, 100 * mean, "o-", label=f"tiles of {rows} x {columns} weights")[0]
        left.fill_between(r, 100 * low, 100 * high, alpha=0.2, color=line.get_color())
    left.set_xscale("symlog", linthresh=0.1, linscale=0.5)
    left.set_xlim(left=0)
    left.set_xticks(OHMS, [f"{r:g}" for r in OHMS])
    left.set(xlabel="resistance of a segment (ohm)", ylabel="accuracy (%)", title=f"{network} on joshi_2020")
    left.legend(fontsize=8)
    for r in (1.0, ohms, 5.0):
        right.plot(100 * position_errors(size, r)[0], label=f"{r:g} ohm")
    right.set(xlabel="column, counted from the drivers", ylabel="current lost (%)",
              title=f"{size} x {size} cells of 1 to 25 uS, all rows driven")  # fmt: skip
    right.set_ylim(bottom=0)
    right.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="mnist_mlp")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS[:-1])
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--png")
    options = parser.parse_args()
    found = {}
    if "accuracy" in options.only:
        found = accuracies(options.network, options.chips, options.limit)
        print_accuracy(found, options.network, options.chips)
    if "position" in options.only:
        print_position(options.size, 2.0)
    print_rest(options.only, options.size)
    if options.png:
        plot(found, options.size, 2.0, options.network, options.png)


if __name__ == "__main__":
    main()
