"""The learning network of spiking_learning.py as a Brian2 user would write it, with Brian2's own random numbers.

Neurons, pulses of the devices and refresh are the same equations, and the neuron furthest above its threshold is the
only one to spike; a refreshed device reaches its target at once. With other random numbers spikes agree in number only.

    python benchmarks/stdp_peer.py FILE    # C++ standalone: prints seconds and spikes as JSON
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its import warns of pyparsing's deprecations
    import brian2

from brian2 import ms

NEURON = """
dv/dt = -v / tau : 1 (unless refractory)
theta : 1
excess = (v - 1 - theta) * int(not_refractory) - int(not not_refractory) : 1
beaten_by : 1
"""
BEATEN = "beaten_by_post = int(excess_pre > excess_post) : 1 (summed)"
SYNAPSE = """
g_plus : 1
g_minus : 1
memory_plus : 1
memory_minus : 1
last : second
"""
ON_PRE = """
last = t
v_post += scale * (g_plus - g_minus)
"""
SET = """
memory_{s} = memory_{s} + {on} * (memory_{s} * c6 - memory_{s})
g_{s} = clip(g_{s} + {on} * (c0 * g_{s} + c1 + c2 * memory_{s} + (c3 * g_{s} + c4 + c5 * memory_{s}) * randn()), 0, c8)
"""
REFRESH = """
larger = clip(g_plus - g_minus, 0, inf) + g_minus
due = hit * int(larger >= refresh_high) * int(g_plus + g_minus - larger >= refresh_low)
difference = g_plus - g_minus
g_plus = g_plus + due * (c7 + clip(difference, 0, inf) - g_plus)
g_minus = g_minus + due * (c7 + clip(-difference, 0, inf) - g_minus)
"""
ON_POST = (
    "up = int(t - last < window)\nhit = int(rand() < potentiate * up + depress * (1 - up))\n"
    + SET.format(s="plus", on="hit * up")
    + SET.format(s="minus", on="hit * (1 - up)")
    + REFRESH
)


def build(levels: np.ndarray, plus: np.ndarray, minus: np.ndarray, numbers: dict[str, float]):
    """The network and its count of spikes.

    levels : (images, inputs), probability of an input spike per step; plus, minus : siemens (neurons, inputs)
    numbers : of the neurons, the rule and the devices; see `numbers_of`
    """
    neurons, inputs = plus.shape
    steps = int(numbers["steps"])
    names = {name: value for name, value in numbers.items() if name != "steps"}
    names |= {"window": numbers["window"] * ms, "tau": numbers["tau"] * ms}
    brian2.defaultclock.dt = 1 * ms
    chance = brian2.TimedArray(levels, dt=steps * ms)
    given = brian2.NeuronGroup(inputs, "", threshold="rand() < chance(t, i)", namespace={"chance": chance})
    group = brian2.NeuronGroup(
        neurons, NEURON, threshold="excess > 0 and beaten_by < 0.5",
        reset="v = 0\ntheta += theta_step", refractory=numbers["refractory"] * ms, method="exact", namespace=names,
    )  # fmt: skip
    rest = group.run_regularly("v = 0", when="start", dt=steps * ms)
    floor = group.run_regularly("v = clip(v, floor_v, inf)", when="end")
    synapses = brian2.Synapses(given, group, SYNAPSE, on_pre=ON_PRE, on_post=ON_POST, namespace=names)
    synapses.connect()
    synapses.g_plus, synapses.g_minus = plus.T.ravel(), minus.T.ravel()
    synapses.memory_plus = synapses.memory_minus = 1
    synapses.last = -1 * brian2.second
    lateral = brian2.Synapses(group, group, BEATEN, on_pre="v_post -= inhibition", namespace=names)
    lateral.connect(condition="i != j")
    monitor = brian2.SpikeMonitor(group, record=False)
    return brian2.Network(given, group, rest, floor, synapses, lateral, monitor), monitor


def numbers_of(setup) -> dict[str, float]:
    """What `build` needs of a network on a chip."""
    rule, neurons = setup.rule, setup.neurons
    numbers = {f"c{k}": float(value) for k, value in enumerate(setup.physics.coefficients)}
    return numbers | {
        "steps": setup.learning.steps, "scale": rule.scale, "window": rule.window, "refresh_high": rule.refresh_high,
        "potentiate": rule.potentiate / 2**32, "depress": rule.depress / 2**32, "refresh_low": rule.refresh_low,
        "tau": 1e3 * setup.layer.tau_s, "theta_step": neurons.theta_step, "inhibition": neurons.inhibition,
        "floor_v": neurons.floor, "refractory": float(neurons.refractory),
    }  # fmt: skip


def standalone(path: Path) -> dict[str, float]:
    """Build and run as C++; processor seconds of the run alone, and spikes."""
    with np.load(path) as stored, tempfile.TemporaryDirectory() as folder:
        numbers = dict(zip(stored["names"].tolist(), stored["values"].tolist(), strict=True))
        brian2.set_device("cpp_standalone", directory=folder, build_on_run=False)
        network, monitor = build(stored["levels"], stored["plus"], stored["minus"], numbers)
        network.run(len(stored["levels"]) * numbers["steps"] * ms)
        brian2.device.build(directory=folder, run=False)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        brian2.device.run()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"seconds": seconds, "spikes": int(monitor.num_spikes)}


if __name__ == "__main__":
    print(json.dumps(standalone(Path(sys.argv[1]))))
