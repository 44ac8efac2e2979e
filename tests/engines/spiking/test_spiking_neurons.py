"""Every neuron model on Brian2 against its written equations, and the parameters that are refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from spiking_networks import one_population, trains, without_compiling

from neurosim.engines.spiking.simulation import simulate
from neurosim.foundation.errors import ConfigError
from neurosim.graph import NeuronModel

DT, STEPS, N = 1e-3, 80, 3
TAU, TAU_SYNAPSE = np.array([5e-3, 10e-3, 20e-3]), np.array([2e-3, 4e-3, 8e-3])
LEAKY = {"v_leak": np.array([0.0, 0.1, -0.1]), "resistance": np.array([1.0, 2.0, 0.5])}
CUBA = {"tau_s": TAU, "tau_synapse_s": TAU_SYNAPSE, "w_in": np.array([1.0, 3.0, 2.0]), **LEAKY}


@pytest.fixture(autouse=True)
def _numpy_target():
    with without_compiling():
        yield


def by_hand(model, x):
    """Spikes and membranes (steps, N) of inputs (steps, N): the equations of the module, one step at a time."""

    def each(value):
        return np.broadcast_to(np.asarray(0.0 if value is None else value, float), (N,))

    v, i, left = each(model.v_initial).copy(), np.zeros(N), np.zeros(N, int)
    spikes, membranes = np.zeros((len(x), N), int), np.zeros((len(x), N))
    for step, given in enumerate(x + each(model.bias)):
        held = left > 0
        left = np.maximum(left - 1, 0)
        drive = given
        if model.kind.startswith("cuba"):
            i = i + DT / each(model.tau_synapse_s) * (each(model.w_in) * given - i)
            drive = i
        drive = each(model.resistance) * drive
        change = DT / each(model.tau_s) * (each(model.v_leak) - v + drive) if "li" in model.kind else drive
        v = np.where(held, v, v + change)
        if model.low is not None or model.high is not None:
            v = np.clip(v, model.low, model.high)
        level = given if model.kind == "threshold" else v
        over = level > each(model.threshold) if model.comparison == ">" else level >= each(model.threshold)
        fires = over & ~held & model.spikes
        spikes[step] = fires
        v = np.where(
            fires, v - each(model.threshold) if model.reset == "subtract" else each(model.v_reset), v
        )
        left = np.where(fires, model.refractory_steps, left)
        membranes[step] = v
    return spikes, membranes


MODELS = {
    "if": NeuronModel("if", threshold=1.0, v_initial=0.5),
    "if, thresholds of their own, reset to a value": NeuronModel(
        "if", threshold=np.array([0.8, 1.0, 1.3]), reset="value", v_reset=np.array([0.1, -0.2, 0.0]), bias=0.05,
        comparison=">", resistance=np.array([1.0, 0.7, 1.5])),
    "if, saturated": NeuronModel("if", threshold=1.0, low=-0.25, high=1.2),
    "if, a floor alone": NeuronModel("if", threshold=1.0, low=-0.1),
    "if, refractory": NeuronModel("if", threshold=0.6, refractory_steps=3),
    "i": NeuronModel("i", resistance=np.array([1.0, 2.0, 0.5])),
    "lif": NeuronModel("lif", threshold=0.4, reset="value", tau_s=TAU, comparison=">", **LEAKY),
    "lif, refractory, by subtraction": NeuronModel("lif", threshold=0.3, tau_s=TAU, refractory_steps=2, **LEAKY),
    "li": NeuronModel("li", tau_s=TAU, v_initial=0.3, **LEAKY),
    "cuba_lif": NeuronModel("cuba_lif", threshold=0.5, reset="value", **CUBA),
    "cuba_lif, refractory": NeuronModel("cuba_lif", threshold=0.4, reset="value", refractory_steps=4, **CUBA),
    "cuba_li": NeuronModel("cuba_li", **CUBA),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_follows_its_equations(name):
    model = MODELS[name]
    x = np.random.default_rng(7).normal(0.25, 0.5, (2, STEPS, N))
    kept = ("cells",) if model.spikes else ()
    got = simulate(one_population(model, dt_s=DT), x, spikes=kept, traces={"cells": (0, 1, 2)})
    fired = 0
    for image in range(2):
        spikes, membranes = by_hand(model, x[image])
        np.testing.assert_allclose(got.traces["cells"][image], membranes, atol=1e-6)
        if model.spikes:
            np.testing.assert_array_equal(trains(got.spikes["cells"], 2, STEPS, N)[image], spikes)
            np.testing.assert_array_equal(got.outputs[image], spikes.cumsum(axis=0))
            fired += spikes.sum()
        else:
            np.testing.assert_allclose(got.outputs[image], membranes, atol=1e-6)
    assert not model.spikes or fired > 10


def test_a_threshold_without_state():
    x = np.array([[0.5, 1.0, 1.5], [2.0, 0.0, 1.0]])
    for comparison, expected in ((">", [[0, 0, 1], [1, 0, 0]]), (">=", [[0, 1, 1], [1, 0, 1]])):
        model = NeuronModel("threshold", threshold=1.0, comparison=comparison)
        got = simulate(one_population(model), x, spikes=("cells",))
        np.testing.assert_array_equal(trains(got.spikes["cells"], 1, 2, 3)[0], expected)


def test_the_reference_neuron_of_nir_spikes_where_it_should():
    """LIF, tau 2.5 ms, threshold 0.1, dt 1e-4, strictly greater: NIR paper's first task, input spikes of its own."""
    model = NeuronModel("lif", threshold=0.1, reset="value", comparison=">", tau_s=2.5e-3)
    x = np.zeros((1000, 1))
    x[100:900:7] = 1.0
    got = simulate(one_population(model, size=1, dt_s=1e-4), x, traces={"cells": (0,)}, spikes=("cells",))
    v, membranes, spikes = 0.0, [], []
    for given in x[:, 0]:
        v += 1e-4 / 2.5e-3 * (-v + given)
        spikes.append(v > 0.1)
        v = 0.0 if v > 0.1 else v
        membranes.append(v)
    np.testing.assert_array_equal(got.spikes["cells"].step, np.flatnonzero(spikes))
    np.testing.assert_allclose(got.traces["cells"][0, :, 0], membranes, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (NeuronModel("if", threshold=0.0), "population 'cells': threshold: expected above zero, got 0"),
        (NeuronModel("if", threshold=np.array([1.0, -2.0, 1.0])), "threshold: expected above zero, got -2"),
        (NeuronModel("lif", tau_s=None), "population 'cells': tau: expected a time above zero, got None"),
        (NeuronModel("lif", tau_s=-1.0), "tau: expected a time above zero, got -1.0; state it in seconds"),
        (NeuronModel("lif", tau_s=5e-4),
         "dt: expected at most tau = 0.0005 s, got 0.001 s; choose dt of 5e-05 s, a tenth of tau, or less"),
        (NeuronModel("cuba_lif", tau_s=5e-3, tau_synapse_s=1e-4), "at most tau_synapse = 0.0001 s, got 0.001 s"),
        (NeuronModel("if", refractory_steps=-1), "refractory_steps: expected 0 or more, got -1"),
    ],
)  # fmt: skip
def test_parameters_without_a_meaning(model, message):
    with pytest.raises(ConfigError, match=message):
        simulate(one_population(model, dt_s=DT), np.zeros((5, 3)))
