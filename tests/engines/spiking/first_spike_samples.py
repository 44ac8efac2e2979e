"""A small network whose neurons spike once, its images, and chips programmed with it."""

from functools import cache
from itertools import pairwise

import numpy as np

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.first_spike import DECISION_TIME, FirstSpikeEngine, FirstSpikeOptions
from neurosim.graph import FirstSpikeDense, FirstSpikeEncoder, FirstSpikeScores, InputSpec, Network
from neurosim.placement import place
from neurosim.programming import program
from neurosim.programming.first_spike import calibrate_first_spike

LATE = float(np.log(6))


@cache
def network(sizes=(64, 40, 5), seed=0, gain=1.0, threshold=1.0):
    """Random weights, most neurons spiking; `gain` multiplies them."""
    rng = np.random.default_rng(seed)
    layers, params = [FirstSpikeEncoder(name="encoder", late=LATE)], {}
    for number, (rows, units) in enumerate(pairwise(sizes)):
        layers.append(FirstSpikeDense(name=f"layer{number}", units=units, threshold=threshold))
        weight = gain * rng.normal(5 / rows, 2 / np.sqrt(rows), (units, rows))
        params[f"layer{number}"] = {"weight": weight.astype(np.float32)}
    layers.append(FirstSpikeScores(name="scores"))
    spec = InputSpec(dataset="digits", shape=(sizes[0],))
    return Network("small", spec, tuple(layers), params, coding="first_spike")


@cache
def images(count=300, features=64):
    """Noise, a third of it above one half."""
    return (np.random.default_rng(1).random((count, features)) * 0.75).astype(np.float32)


@cache
def chip_with(net, chip="joshi_2020", seed=0, instance=0, **options):
    """A programmed chip; `options` as for Chip.with_options."""
    silicon = load_chip(chip).with_options(**options)
    fed = calibrate_first_spike(net, images(100, net.input.shape[0]))
    return program(net, silicon, place(net, silicon, fed.signed), fed, seed, instance)


def run(programmed, options=None, shown=None, times=(25.0,), settings=None):
    """The recorder, and the decision times at the first time."""
    recorder = MemoryRecorder()
    shown = images(300, programmed.network.input.shape[0]) if shown is None else shown
    engine = FirstSpikeEngine(options or FirstSpikeOptions())
    engine.run(programmed, Inputs(shown, times), recorder, lambda n: None, settings or Settings())
    first = [segment.extra[DECISION_TIME] for segment in recorder.segments if segment.time == 0]
    return recorder, np.concatenate(first)
