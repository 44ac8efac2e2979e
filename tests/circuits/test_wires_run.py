"""Wires all the way: a network is run on a chip that has them; and what wires or floating columns do not go with."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.chips import load_chip
from neurosim.chips.chip import parse_chip
from neurosim.foundation.errors import ConfigError, ConfigErrors
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


def test_recorded_devices_are_those_without_wires(tmp_path):
    """What lies around a device does not change it: conductance and frozen noise are those of the bare array."""
    kept = {}
    wires = {"wires__row_ohms": 300, "wires__column_ohms": 300}
    for name, options in (("bare", {}), ("wired", wires)):
        path = tmp_path / f"{name}.h5"
        ns.run("digits_mlp", threads=1, limit=20, out=path, record="states", **options)
        with RunFile.open(path) as run:
            kept[name] = {p: run.read(p) for p in run.paths if p.startswith("/states/dense1/")}
    assert kept["bare"].keys() == kept["wired"].keys()
    for path, values in kept["bare"].items():
        np.testing.assert_array_equal(kept["wired"][path], values, err_msg=path)


@pytest.mark.parametrize(
    ("network", "chip"), [("mnist_stdp", "rram_pairs"), ("mnist_truenorth", "truenorth_pcm")]
)
def test_wires_that_would_be_passed_over_are_refused(network, chip):
    with pytest.raises(ConfigError, match=r"wires.*(none for a network that learns|unknown)"):
        ns.run(network, chip, mode="spiking", limit=2, wires__row_ohms=2, wires__column_ohms=2)


def test_wires_in_a_chip_of_cores_are_refused():
    with pytest.raises(ConfigErrors, match=r"\[wires\] lie around the cells of tiles .* leave them out"):
        parse_chip(load_chip("truenorth_pcm").text + TABLE)


def test_rows_that_inputs_cut_off_are_refused():
    with pytest.raises(ConfigError, match=r"wires\.undriven: expected 'held'"):
        ns.run("digits_mlp", limit=50, wires__row_ohms=2, wires__column_ohms=2, wires__undriven="cut")


@pytest.mark.parametrize(
    ("network", "chip"),
    [
        ("mnist_valentian", "valentian_2019"),
        ("mnist_truenorth", "truenorth_pcm"),
        ("mnist_stdp", "rram_pairs"),
        ("mnist_stdp", "joshi_2020"),
    ],
)
def test_columns_do_not_float_where_neurons_take_their_currents(network, chip):
    with pytest.raises(ConfigError, match=r"read\.sensing: expected 'current'.*got 'voltage'"):
        ns.run(network, chip, mode="spiking", limit=2, read__sensing="voltage")
