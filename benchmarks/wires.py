"""How fast arrays with wires are solved, beside badcrossbar, a sparse LU factorisation and a plain matrix product.

    python benchmarks/wires.py            # 128 x 128 cells, 1,000 inputs, and larger arrays; half a minute
    python benchmarks/wires.py --short    # small, as the tests do: figures mean nothing

One thread and one process; processor seconds, medians. Every contender solves the same array of 1 to 25 uS cells with
1 ohm between cells, and the largest relative difference of its currents from the transfer matrix's stands beside. Where
badcrossbar is installed (extra `bench`) it runs too, asked for output currents alone.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy loads its BLAS

import argparse
import importlib.util
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurosim.circuits.nodal import Bias, solve_array
from neurosim.circuits.parameters import WireParameters
from neurosim.circuits.single_reads import column_currents
from neurosim.circuits.wires import transfer_matrix

WIRES = WireParameters(row_ohms=1.0, column_ohms=1.0, cell="passive")


@dataclass(frozen=True)
class Row:
    """One line of the table: seconds, over those of one plain product, and how far the currents are off."""

    what: str
    seconds: float
    ratio: float
    difference: float | None = None


@dataclass(frozen=True)
class Problem:
    """An array and its inputs: conductances (rows, columns) in siemens, volts (inputs, rows)."""

    g: np.ndarray
    volts: np.ndarray

    @staticmethod
    def random(size: int, inputs: int) -> Problem:
        rng = np.random.default_rng(size)
        return Problem(rng.uniform(1e-6, 25e-6, (size, size)), rng.uniform(0.01, 0.2, (inputs, size)))


def median_s(action: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Median processor seconds after one warm-up, and what the action returned."""
    result = action()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = action()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), result


def plain_product_s(problem: Problem, repeats: int) -> float:
    """One float32 product of all inputs with the conductances, into an array that is there."""
    x, d = problem.volts.astype(np.float32), problem.g.astype(np.float32)
    y = np.empty((len(x), d.shape[1]), np.float32)
    loops = 20  # a clock's step is longer than one product

    def products() -> np.ndarray:
        for _ in range(loops):
            np.matmul(x, d, out=y)
        return y

    return median_s(products, repeats)[0] / loops


def table(size: int = 128, inputs: int = 1000, repeats: int = 7) -> list[Row]:
    """All contenders on one array; the first row is the plain product."""
    problem = Problem.random(size, inputs)
    g, volts = problem.g, problem.volts
    one = volts[:1]
    plain = plain_product_s(problem, repeats)
    transfer_s, transfer = median_s(lambda: transfer_matrix(g, WIRES), repeats)
    rows = [Row("one plain float32 product of all inputs", plain, 1.0)]

    def add(what: str, seconds: float, currents: np.ndarray, x: np.ndarray) -> None:
        off = float(np.abs(currents / (x @ transfer) - 1).max())
        rows.append(Row(what, seconds, seconds / plain, off))

    rows.append(Row("transfer matrix", transfer_s, transfer_s / plain))
    seconds, currents = median_s(lambda: volts @ transfer_matrix(g, WIRES), repeats)
    add("transfer matrix and all inputs", seconds, currents, volts)
    add("one input", *median_s(lambda: column_currents(g, one, WIRES), repeats), one)
    few = volts[:100]
    seconds, currents = median_s(lambda: column_currents(g, few, WIRES), 3)
    add("one input of many", seconds / len(few), currents, few)
    bias = Bias(one[0], np.zeros(size))
    add("one input, sparse LU", *median_s(lambda: solve_array(g, WIRES, bias).column_amperes[None], 1), one)
    if importlib.util.find_spec("badcrossbar") is not None:
        add("one input, badcrossbar", *median_s(lambda: badcrossbar_currents(problem, 1), 3), one)
        add("all inputs, badcrossbar", *median_s(lambda: badcrossbar_currents(problem, inputs), 1), volts)
    return rows


def badcrossbar_currents(problem: Problem, inputs: int) -> np.ndarray:
    """badcrossbar's output currents for the first inputs, (inputs, columns)."""
    import badcrossbar

    logging.getLogger("badcrossbar").setLevel(logging.WARNING)
    solution = badcrossbar.compute(
        problem.volts[:inputs].T, 1 / problem.g, r_i=WIRES.row_ohms, node_voltages=False, all_currents=False
    )
    return np.asarray(solution.currents.output)


def sizes(largest: tuple[int, ...] = (64, 128, 256, 512)) -> list[tuple[int, float, float]]:
    """(size, seconds of a transfer matrix, seconds of one input)."""
    found = []
    for size in largest:
        problem = Problem.random(size, 1)
        repeats = 5 if size < 512 else 1
        whole, one = (
            median_s(lambda p=problem: transfer_matrix(p.g, WIRES), repeats)[0],
            median_s(lambda p=problem: column_currents(p.g, p.volts, WIRES), repeats)[0],
        )
        found.append((size, whole, one))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    rows = table(24, 5, 2) if options.short else table()
    print(f"{'contender':42} {'ms':>10} {'x product':>10} {'difference':>11}")
    for row in rows:
        off = "" if row.difference is None else f"{row.difference:.1e}"
        print(f"{row.what:42} {row.seconds * 1e3:10.3f} {row.ratio:10.1f} {off:>11}")
    named = {row.what: row.seconds for row in rows}
    if "one input, badcrossbar" in named:
        ratio = named["one input, badcrossbar"] / named["one input"]
        many = named["all inputs, badcrossbar"] / named["transfer matrix and all inputs"]
        print(f"badcrossbar takes {ratio:.0f} times as long for one input, {many:.0f} times for all of them")
    print(f"\n{'cells':>12} {'matrix ms':>10} {'input ms':>10}")
    for size, whole, one in sizes((16, 24) if options.short else (64, 128, 256, 512)):
        print(f"{size:5} x {size:4} {whole * 1e3:10.2f} {one * 1e3:10.3f}")


if __name__ == "__main__":
    main()
