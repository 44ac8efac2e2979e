"""The study of spiking against analog: its runs and tables, on a few images."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import neurosim as ns

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))
import rate_or_spiking as study


@pytest.mark.data
def test_every_run_is_in_the_tables(data_folder, tmp_path):
    assert data_folder.is_dir()
    same, own = (study.runs(tmp_path, wanted, limit=20) for wanted in (study.SAME, study.OWN))
    assert all(path.exists() for path in (*same, *own))
    assert study.runs(tmp_path, study.SAME, limit=20) == same  # those that are there are used
    one = ns.compare(*same)
    assert [run.steps for run in one.runs] == [0, 100, 100]
    assert "the same sampled devices, frozen noise included" in one.table()
    every = ns.compare(*same, *own, equal_accuracy=True)
    assert len(every.equal) == 5
    assert "each with its own network" in every.table()
