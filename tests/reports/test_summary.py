"""Summaries of a run file whose figures are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.costs import price_run
from neurosim.foundation.errors import DataError
from neurosim.recording import Plan, RunFile, RunWriter, Static, Variable
from neurosim.reports import Summary, summarise


def summary_of(path: Path) -> Summary:
    with RunFile.open(path) as file:
        return summarise(file)


def test_accuracy_and_its_distance_to_float(write_run: Callable[..., Path]) -> None:
    summary = summary_of(write_run())
    # chip c at time t has c + t images wrong of 8
    assert summary.accuracy.per_chip == pytest.approx(1 - np.array([[0, 1], [1, 2], [2, 3]]) / 8)
    assert summary.float_accuracy == pytest.approx(7 / 8)
    assert summary.difference_to_float == pytest.approx([0.0, -1 / 8])
    # every error is on an image that the float network gets right, and its own error the chips get right
    assert summary.agreement == pytest.approx([7 / 8 - 1 / 8, 7 / 8 - 2 / 8])
    assert (summary.chips, summary.images, summary.layers) == (3, 8, ("fc$1", "fc2"))
    assert summary.attributes["network"] == "toy"


def test_saturation_is_per_conversion(write_run: Callable[..., Path]) -> None:
    summary = summary_of(write_run())
    assert summary.saturation["ADC"] == pytest.approx(np.array([[0, 0], [0.01, 0]]))
    # one of four inputs clipped; each is driven on two column tiles but counted once
    assert summary.saturation["DAC"] == pytest.approx(np.array([[0, 0], [0.25, 0]]))


def test_confusion_adds_up_to_images_and_chips(write_run: Callable[..., Path]) -> None:
    summary = summary_of(write_run())
    assert summary.confusion.shape == (2, 3, 3)
    assert summary.confusion.sum(axis=(1, 2)).tolist() == [24, 24]
    assert np.trace(summary.confusion[0]) == 24 - 3


def test_energy_falls_with_the_conductances(write_run: Callable[..., Path]) -> None:
    path = write_run()
    summary = summary_of(path)
    v2t = 0.3**2 * 250e-9
    assert summary.joules[0] - summary.joules[1] == pytest.approx(v2t * 2 * 1e-3, rel=1e-5)
    assert summary.ledger.total == pytest.approx(summary.joules.mean(), rel=1e-6)
    assert summary.ledger.total == price_run(path).total


def test_another_table_of_prices(write_run: Callable[..., Path]) -> None:
    dear = load_chip("joshi_2020").with_options(prices__adc__energy_joules=1e-9)
    with RunFile.open(write_run()) as file:
        assert summarise(file, dear).joules[0] > summarise(file).joules[0] + 1e-6


def test_one_chip_and_a_chip_without_a_circuit(write_run: Callable[..., Path]) -> None:
    summary = summary_of(write_run(1, "ideal_float", states=False))
    assert "Wilson" in summary.accuracy.method
    assert not summary.ledger.priced
    assert summary.saturation == {}


def test_a_file_without_predictions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    plan = Plan(
        (Variable("/x", ("n",), "float32"),), 1, {"n": 1}, static={"/note": Static("no classification")}
    )
    with RunWriter.open(path, plan, {}) as writer:
        writer.put("/x", (slice(None),), np.zeros(1, np.float32))
        writer.finish_unit()
        writer.seal()
    with pytest.raises(DataError, match=r"expected a run with /outputs/predictions, got none"):
        summary_of(path)
