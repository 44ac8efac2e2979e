"""The study of wires, small: its figures are right, not only there."""

import sys
from pathlib import Path

import numpy as np
import pytest
from dense_arrays import dense_transfer

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))

import ir_drop


def test_errors_by_position():
    columns, cells = ir_drop.position_errors(12, 50.0)
    g = ir_drop.random_array(12)
    exact = dense_transfer(g, ir_drop.wires(50.0))
    np.testing.assert_allclose(columns, 1 - exact.sum(axis=0) / g.sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(cells, 1 - exact / g, rtol=1e-6, atol=1e-12)
    assert cells[0, -1] > cells[-1, 0]


def test_rows_cut_off_change_currents_by_less_than_the_drop_itself():
    mean, largest, drop = ir_drop.cutoff_changes(16, 50.0, inputs=3)
    assert 0 < mean < largest
    assert mean < drop


def test_margins_of_every_scheme():
    rows = ir_drop.margins(sizes=(6,))
    assert len(rows) == 8
    ohmic = {scheme: ratio for _, law, scheme, _, ratio, _ in rows if law == "ohmic"}
    assert ohmic["grounded"] > ohmic["third"] > ohmic["half"] > 1


def test_accuracy_against_resistance(capsys):
    found = ir_drop.accuracies("digits_mlp", 1, 300, ohms=(0.0, 5000.0), tiles=((512, 1024),))
    (_, bare, *_), (_, wired, *_) = found[512, 1024]
    assert wired < bare
    ir_drop.print_accuracy(found, "digits_mlp", 1)
    assert "512 x 1024 weights" in capsys.readouterr().out


def test_the_plot_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    found = {(8, 8): [(0.0, 0.9, 0.8, 1.0), (1.0, 0.8, 0.7, 0.9)]}
    ir_drop.plot(found, 12, 2.0, "digits_mlp", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
