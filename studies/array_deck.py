"""Arrays with wires as ngspice decks: an independent program solves the same circuit from a netlist of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np


def deck(g, volts, wires, out: Path, cell=None) -> str:
    """A deck that writes the voltage over every sense resistance to `out`; all resistances but the driver's positive.

    cell : the element line of a cell between two nodes, or None for a resistor
    """
    rows, columns = g.shape
    lines = ["* array with wires"]
    driver, sense = wires.driver_ohms + wires.row_ohms, wires.sense_ohms + wires.column_ohms
    for i in range(rows):
        # a source of current beside the driver's resistance: the same circuit, without a node for the source
        lines += [f"I{i} 0 w{i}_0 {volts[i] / driver!r}", f"RD{i} w{i}_0 0 {driver!r}"]
        lines += [f"RW{i}_{j} w{i}_{j - 1} w{i}_{j} {wires.row_ohms!r}" for j in range(1, columns)]
        for j in range(columns):
            name, nodes = f"{i}_{j}", f"w{i}_{j} b{i}_{j}"
            lines.append(
                f"R{name} {nodes} {float(1 / g[i, j])!r}" if cell is None else cell(name, nodes, g[i, j])
            )
        lines += [f"RB{i}_{j} b{i - 1}_{j} b{i}_{j} {wires.column_ohms!r}" for j in range(columns) if i]
    lines += [f"RS{j} b{rows - 1}_{j} 0 {sense!r}" for j in range(columns)]
    probes = " ".join(f"b{rows - 1}_{j}" for j in range(columns))
    lines += [".options reltol=1e-12 abstol=1e-18 vntol=1e-15 gmin=1e-18 itl1=500",
              ".control", "op", "set numdgt=15", f"wrdata {out} {probes}", "quit", ".endc", ".end"]  # fmt: skip
    return "\n".join(lines) + "\n"


def spice_currents(g, volts, wires, folder: Path, cell=None, timeout_s=600) -> np.ndarray:
    """Amperes at every sense circuit, as ngspice finds them."""
    source, out = folder / "array.cir", folder / "currents.txt"
    source.write_text(deck(g, [float(v) for v in volts], wires, out, cell))
    done = subprocess.run(
        ["ngspice", "-b", str(source)], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if not out.exists():
        raise RuntimeError(f"ngspice wrote nothing: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    # each probe comes with a scale column before it
    return np.loadtxt(out, ndmin=2)[0, 1::2] / (wires.sense_ohms + wires.column_ohms)
