"""Converters with errors between the sums of spikes and the neurons: both routes alike, ideal ones as before."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from spiking_networks import chip, digits, mlp, programmed, without_compiling

from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions

NOISY = {"adc__kind": "sar", "adc__capacitor_mismatch": 0.1, "adc__comparator_noise": 1.0}


def scores(route="events", images=6, batch=2500, **options):
    spiking = mlp()
    recorder = MemoryRecorder()
    on = programmed(spiking, chip("ideal_float", adc__bits=5, dac__bits=8, array__rows=40, **options))
    engine = SpikingEngine(spiking, SpikingOptions(steps=12, route=route))
    engine.run(on, Inputs(digits()[:images], (3600.0,)), recorder, lambda n: None, Settings(batch))
    return recorder.segments[0].step_scores


def test_a_search_without_errors_changes_no_spike():
    plain = scores()
    assert plain.any()
    np.testing.assert_array_equal(scores(adc__kind="sar"), plain)
    assert (scores(**NOISY) != plain).any()


def test_both_routes_draw_the_same_errors():
    events = scores(**NOISY)
    with without_compiling():
        np.testing.assert_array_equal(scores("synapses", **NOISY), events)
    np.testing.assert_array_equal(scores(images=3, **NOISY), events[:3])
