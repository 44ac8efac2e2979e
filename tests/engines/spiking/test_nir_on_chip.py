"""Networks that spike by themselves on crossbars: what the matrices are fed, and the engine on recordings."""

from __future__ import annotations

from collections.abc import Iterator

import nir
import numpy as np
import pytest

from neurosim.chips import load_chip
from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.engine import SpikingEngine, SpikingOptions
from neurosim.engines.spiking.feeding import calibrate_on_recordings
from neurosim.engines.spiking.simulation import simulate
from neurosim.foundation.errors import DataError
from neurosim.graph import SpikingGraph
from neurosim.graph.crossbar_network import on_crossbars
from neurosim.graph.nir_files import from_nir
from neurosim.placement import place
from neurosim.programming import program

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2

STEPS = 12
RNG = np.random.default_rng(4)
RECORDINGS = RNG.poisson(0.4, (5, STEPS, 2, 6, 6))


@pytest.fixture(autouse=True)
def without_compiling() -> Iterator[None]:
    """Brian2's NumPy target: small models, each used once."""
    preferences = brian().prefs.codegen
    former, preferences.target = preferences.target, "numpy"
    yield
    preferences.target = former


def whole(*shape: int) -> np.ndarray:
    """Weights of eighths, so that sums have no rounding."""
    return (RNG.integers(-8, 9, shape) / 8).astype(np.float32)


@pytest.fixture(scope="module")
def graph() -> SpikingGraph:
    """Convolution, neurons, sum pool, dense layer with a recurrent one that comes back two steps later."""
    nodes = {
        "input": nir.Input({"input": np.array([2, 6, 6])}),
        "conv": nir.Conv2d((6, 6), whole(4, 1, 3, 3), 1, 1, 1, 2, np.zeros(4, np.float32)),
        "first": nir.IF(np.ones((4, 6, 6)), np.full((4, 6, 6), 0.75)),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([4, 3, 3])}, 0), "dense": nir.Linear(whole(3, 36)),
        "out": nir.IF(np.ones(3), np.ones(3)), "rec": nir.Linear(whole(3, 3)), "late": nir.Delay(np.full(3, 2e-3)),
        "output": nir.Output({"output": np.array([3])}),
    }  # fmt: skip
    edges = [("input", "conv"), ("conv", "first"), ("first", "pool"), ("pool", "flat"), ("flat", "dense"),
             ("dense", "out"), ("out", "output"), ("out", "late"), ("late", "rec"), ("rec", "out")]  # fmt: skip
    return from_nir(nir.NIRGraph(nodes, edges, type_check=False), "net", 1e-3, reset="subtract")


def test_layers_and_the_populations_they_drive(graph: SpikingGraph) -> None:
    network = on_crossbars(graph, "events")
    assert [layer.name for layer in network.network.weighted] == ["conv", "dense", "rec"]
    assert network.population_of == {"conv": "first", "dense": "out"}  # its spikes are counted once


def test_what_the_matrices_are_fed(graph: SpikingGraph) -> None:
    """Every vector that is kept is one that a plain pass over the recorded spikes gives, and most of those are."""
    fed = calibrate_on_recordings(graph, RECORDINGS)
    result = simulate(graph, RECORDINGS, spikes=("first", "out"))
    trains = {}
    for name, shape in (("first", (4, 6, 6)), ("out", (3,))):
        dense = np.zeros((5, STEPS, int(np.prod(shape))))
        train = result.spikes[name]
        dense[train.image, train.step, train.neuron] = 1
        trains[name] = dense.reshape(5, STEPS, *shape)
    pooled = trains["first"].reshape(5, STEPS, 4, 3, 2, 3, 2).sum(axis=(4, 6)).reshape(-1, 36)
    late = np.zeros((5, STEPS, 3))
    late[:, 2:] = trains["out"][:, :-2]
    padded = np.pad(RECORDINGS, ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1)))
    patches = [padded[..., i : i + 3, j : j + 3].reshape(5 * STEPS, 2, 9) for i in range(6) for j in range(6)]
    wanted = {
        "dense": pooled[None],
        "rec": late.reshape(1, -1, 3),
        "conv": np.concatenate(patches).transpose(1, 0, 2),
    }
    for name, every in wanted.items():
        known = {tuple(np.concatenate(row)) for row in every.transpose(1, 0, 2) if row.any()}
        got = {tuple(np.concatenate(row)) for row in fed.vectors[name].transpose(1, 0, 2)}
        assert got <= known
        assert len(got) > 0.9 * len(known)


def test_recordings_on_ideal_crossbars_give_the_network_s_spikes(graph: SpikingGraph) -> None:
    chip, network = load_chip("ideal_float"), on_crossbars(graph, "events")
    fed = calibrate_on_recordings(graph, RECORDINGS)
    programmed = program(network.network, chip, place(network.network, chip, fed.signed), fed, root=0)
    options = SpikingOptions(steps=STEPS, encoding="events", spikes=("first", "out"))
    engine, recorder = SpikingEngine(network, options), MemoryRecorder()
    inputs = Inputs(RECORDINGS.astype(np.float32), (0.0,))
    outcome = engine.run(programmed, inputs, recorder, lambda images: None, Settings())
    assert outcome.counts.fixed["additions"]["conv"] == STEPS * 36 * 3  # 36 sums of four spikes, of the pool
    assert outcome.counts.fixed["neuron_updates"] == {"conv": STEPS * 4 * 36, "dense": STEPS * 3, "rec": 0}
    (segment,) = recorder.segments
    alone = simulate(graph, RECORDINGS)  # digital neurons reset and compare as the network says
    assert segment.step_scores.sum() > 0
    np.testing.assert_array_equal(segment.step_scores, alone.outputs)
    assert segment.varying["input_spikes"][0].sum() == RECORDINGS.sum()
    assert segment.varying["spikes"][:, :].sum(axis=1).tolist()[2] == 0
    said = engine.semantics()
    assert (said["encoding"], said["network_comparison"], said["network_reset"], said["dt_s"]) == (
        "events", ">", "subtract", "0.001"
    )  # fmt: skip
    assert said["first_membrane"] == "0"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            RECORDINGS[:, :3].astype(np.float32),
            r"inputs: expected images of shape \(12, 2, 6, 6\), got \(3, 2, 6, 6\)",
        ),
        (RECORDINGS.astype(np.float32) / 2, "inputs: expected counts of events, whole and not negative"),
    ],
)
def test_recordings_that_do_not_fit(graph: SpikingGraph, images: np.ndarray, message: str) -> None:
    chip, network = load_chip("ideal_float"), on_crossbars(graph, "events")
    fed = calibrate_on_recordings(graph, RECORDINGS)
    programmed = program(network.network, chip, place(network.network, chip), fed, root=0)
    engine = SpikingEngine(network, SpikingOptions(steps=STEPS, encoding="events"))
    with pytest.raises(DataError, match=message):
        engine.run(programmed, Inputs(images, (0.0,)), MemoryRecorder(), lambda n: None, Settings())


def test_a_layer_that_nothing_reaches(graph: SpikingGraph) -> None:
    with pytest.raises(
        DataError, match="calibration of layer 'conv': expected inputs that reach it, got none"
    ):
        calibrate_on_recordings(graph, np.zeros((2, 3, 2, 6, 6), np.int64))
