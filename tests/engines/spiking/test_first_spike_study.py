"""The study of convergence: its rows for few images and steps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "studies"))
import first_spike_convergence as study


@pytest.mark.data
def test_errors_shrink_with_the_step_and_vanish_where_crossings_are_solved(data_folder, tmp_path):
    assert data_folder.is_dir()
    rows, ends = study.compare("mnist_ttfs", 10, steps=(7, 14, 28))
    grid, solved = ([row for row in rows if row.solved == kind] for kind in (False, True))
    assert [row.dt for row in grid] == pytest.approx([np.log(6) / n for n in (7, 14, 28)])
    assert 0.8 < study.order(grid, "hidden_mean") < 1.2
    assert all(row.hidden_most < 1e-10 for row in solved)
    assert (ends > 0).all()
    study.plot(rows, tmp_path / "convergence.png")
    assert (tmp_path / "convergence.png").stat().st_size > 5000
