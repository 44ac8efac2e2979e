"""The shipped network of neurons that spike once, on real images: chips, and Brian2's clock, against its float form."""

import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.first_spike import (
    DECISION_TIME,
    FirstSpikeEngine,
    FirstSpikeOptions,
    float_times,
)
from neurosim.graph import load_network
from neurosim.inputs import load_dataset, prepare
from neurosim.placement import place
from neurosim.programming import program
from neurosim.programming.first_spike import calibrate_first_spike

pytestmark = [
    pytest.mark.data,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]  # of pyparsing, in Brian2


def mnist(split, count):
    data = load_dataset("mnist", split, count)
    return prepare(data.images, data.max_level, (784,)), data.labels


def run(chip, options, images):
    network, silicon = load_network("mnist_ttfs"), load_chip(chip)
    fed = calibrate_first_spike(network, mnist("train", 100)[0])
    programmed, recorder = program(network, silicon, place(network, silicon), fed, 0), MemoryRecorder()
    FirstSpikeEngine(options).run(programmed, Inputs(images, (25.0,)), recorder, lambda n: None, Settings())
    return recorder.scores(0), recorder.segments[0].extra[DECISION_TIME]


def test_accuracy_on_phase_change_memory(data_folder):
    assert data_folder.is_dir()
    images, labels = mnist("test", 2000)
    ideal = float_times(load_network("mnist_ttfs"), images)[-1]
    scores, ends = run("joshi_2020", FirstSpikeOptions(), images)
    lost = (ideal.argmin(axis=1) == labels).mean() - (scores.argmax(axis=1) == labels).mean()
    assert -0.005 < lost < 0.015
    assert np.median(ends) == pytest.approx(np.median(ideal.min(axis=1)), rel=0.1)


@pytest.fixture
def numpy_target():
    """Brian2 without compilation, which would take longer than the test."""
    preferences = brian().prefs
    former = preferences.codegen.target
    preferences.codegen.target = "numpy"
    yield
    preferences.codegen.target = former


def test_the_clock_gives_the_same_classes(data_folder, numpy_target):
    assert data_folder.is_dir()
    images = mnist("test", 100)[0]
    exact, ends = run("ideal_float", FirstSpikeOptions(), images)
    found, when = run("ideal_float", FirstSpikeOptions("clock_solved"), images)
    assert (found.argmax(axis=1) == exact.argmax(axis=1)).mean() >= 0.99
    assert np.abs(when - ends).mean() < 2e-3
