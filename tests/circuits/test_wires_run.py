"""Wires all the way: a network is run on a chip that has them."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.chips import load_chip
from neurosim.chips.chip import parse_chip
from neurosim.foundation.errors import ConfigError
from neurosim.recording import RunFile

TABLE = """
[wires]
row = {value = 40, unit = "ohm", source = "for this test", status = "assumed"}
column = {value = 40, unit = "ohm", source = "for this test", status = "assumed"}
pair = "apart"
"""


def scores(path, chip, **options):
    ns.run("digits_mlp", chip, threads=1, limit=200, out=path, **options)
    with RunFile.open(path) as run:
        return run.read("/outputs/scores")


def test_a_table_of_the_chip_and_options_are_the_same_run(tmp_path):
    chip = load_chip("joshi_2020")
    wired = parse_chip(chip.text + TABLE)
    assert wired.sources["wires.row_ohms"].source == "for this test"
    options = {"wires__row_ohms": 40, "wires__column_ohms": 40, "wires__pair": "apart"}
    of_table = scores(tmp_path / "table.h5", wired)
    of_options = scores(tmp_path / "options.h5", chip, **options)
    assert np.array_equal(of_table, of_options)
    together = scores(tmp_path / "together.h5", wired, wires__pair="interleaved")
    assert not np.array_equal(of_table, together)
    assert not np.array_equal(of_table, scores(tmp_path / "bare.h5", chip))


def test_strong_wires_cost_accuracy():
    bare = ns.run("digits_mlp", threads=1, limit=500)
    wired = ns.run("digits_mlp", threads=1, limit=500, wires__row_ohms=3000, wires__column_ohms=3000)
    assert wired.summary.accuracy.mean[0] < bare.summary.accuracy.mean[0] - 0.02


def test_rows_that_inputs_cut_off_are_refused():
    with pytest.raises(ConfigError, match=r"wires\.undriven: expected 'held'"):
        ns.run("digits_mlp", limit=50, wires__row_ohms=2, wires__column_ohms=2, wires__undriven="cut")
