"""The study of accuracy against cores: its rows on a few images."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))
import truenorth_cores as study

pytestmark = [
    pytest.mark.data,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]  # of pyparsing, in Brian2


def test_rows_state_cores_energy_and_accuracy(data_folder, monkeypatch):
    assert data_folder.is_dir()
    monkeypatch.setattr(study, "COPIES", (1, 2))
    monkeypatch.setattr(study, "POLARISATIONS", (1e-6,))
    monkeypatch.setattr(study, "EVENTS_FROM", 100)
    (row,) = study.widths(1, 400, study.SHAPES[:1])
    # four windows, and two parts of 250 units
    assert (row.cores, row.copies) == (6, 1)
    assert 6 * 15.7e-9 < row.joules < 1e-6  # the cores for a tick, and some events
    assert 0 <= row.accuracy <= 1
    one, two = study.copies(1, 400, study.SHAPES[0])
    assert (one.cores, two.cores) == (6, 12)
    assert one.joules < two.joules < 3 * one.joules
