"""The studies of learning on the chip, in their short mode, and the shipped network on real images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "studies"))
import rolls as rolls_study
import stdp_mnist as study

from neurosim.chips import load_chip
from neurosim.engines.spiking.plastic import at_snapshot
from neurosim.graph import load_network

STUDIES = Path(__file__).parents[3] / "studies"
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of pyparsing, in Brian2 and matplotlib


@pytest.fixture(scope="module")
def short(data_folder):
    return study.course("mnist_stdp", "kim_2015", limit=1000)


@pytest.mark.data
def test_a_thousand_images_are_enough_to_be_far_from_chance(short):
    np.testing.assert_array_equal(short.images, [0, 250, 1000])
    assert short.accuracy[-1] > 0.4
    assert short.accuracy[-1] > short.accuracy[0] + 0.1
    assert short.per_image("cell_pulses") > 10


@pytest.mark.data
def test_a_snapshot_is_the_chip_of_that_moment(short):
    network = load_network("mnist_stdp")
    x, y = study.images_of(network, "train", 1000)
    again = at_snapshot(short.learned, 2, x, y)
    np.testing.assert_array_equal(again.labels, short.learned.labels)
    test_x, test_y = study.images_of(network, "test", 500)
    assert study.accuracy(again, test_x, test_y) == study.accuracy(short.learned, test_x, test_y)


@pytest.mark.data
def test_the_study_writes_its_table_and_picture(short, tmp_path, capsys):
    study.print_course("mnist_stdp", "kim_2015", short)
    study.plot("mnist_stdp", {"kim_2015": short}, tmp_path / "stdp.png")
    out = capsys.readouterr().out
    assert "after 1000 images" in out
    assert "images/s" in out
    assert (tmp_path / "stdp.png").stat().st_size > 20_000


def test_the_study_of_rolls_writes_its_table_and_picture(tmp_path, capsys):
    chip = load_chip("rolls")
    rates, trace = rolls_study.histogram(chip, 1.0), rolls_study.synapse_traces(chip)
    np.testing.assert_array_equal(trace.high, [True, False, False, False, True])
    rolls_study.print_tables(rates, trace)
    rolls_study.plot(rates, trace, tmp_path / "rolls.png")
    assert "published 9.4 %" in capsys.readouterr().out
    assert (tmp_path / "rolls.png").stat().st_size > 10_000


def test_the_studies_tell_what_they_take():
    for name in ("stdp_mnist.py", "rolls.py"):
        told = subprocess.run(
            [sys.executable, STUDIES / name, "--help"], capture_output=True, text=True, check=True
        )
        assert "--png" in told.stdout
