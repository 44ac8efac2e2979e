"""The benchmark's short mode: it runs, and what it times is right. No time or ratio is tested here."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
pytestmark = pytest.mark.usefixtures("data_folder")


def test_every_row_is_there():
    import speed

    rows = speed.table(short=True, peers=False)
    names = [row.what for row in rows]
    assert names[0] == "plain float32 products"
    assert rows[0].ratio == 1
    assert sum("Monte Carlo" in name for name in names) == 1
    assert all(row.seconds >= 0 for row in rows)


def test_the_timed_work_classifies():
    import speed

    bench = speed.prepared(short=True)
    chip = speed.programmed(bench)
    scores = speed.read(chip, speed.Inputs(bench.images, (speed.DAY_S,))).scores(0)
    assert (scores.argmax(axis=1) == bench.labels).mean() > 0.95
    one = speed.OneImage(chip.age_to(speed.DAY_S))
    single = np.stack([one.scores(image, index) for index, image in enumerate(bench.images[:50])])
    assert (single.argmax(axis=1) == scores[:50].argmax(axis=1)).mean() > 0.95
