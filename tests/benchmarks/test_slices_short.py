"""The benchmark's short mode: it runs, and what it times is right. No time or ratio is tested here."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
pytestmark = pytest.mark.usefixtures("data_folder")


def test_every_row_is_there_and_classifies():
    import slices

    rows = slices.table(short=True)
    assert [row.case for row in rows] == list(slices.CASES)
    assert all(min(row.seconds, row.own_s, row.plain_s) > 0 for row in rows)
    assert min(row.accuracy for row in rows) > 0.95


def test_own_products_are_those_of_every_phase_and_slice():
    import slices

    network, chip = slices.CASES[2].build()
    images = np.random.default_rng(0).random((20, 784), np.float32)
    calibration = slices.calibrate_network(network, images)
    programmed = slices.program(network, chip, slices.place(network, chip), calibration, 0)
    work = slices.own_products(programmed, images)
    work()
    done = next(cell.cell_contents for cell in work.__closure__)
    assert sum(d.size for _, d, _ in done) == 16 * 8 * sum(
        layer.rows * layer.columns for layer in network.weighted
    )
    assert all((out == x @ d).all() for x, d, out in done[:3])
