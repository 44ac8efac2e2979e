"""Populations as Brian2 groups: the equations of every neuron model, forward Euler with the step dt.

In a step, in this order (x is the sum of what arrives in it, plus the population's bias):

    if, i           v += R x
    lif, li         v += dt / tau ((v_leak - v) + R x)
    cuba_lif, _li   i += dt / tau_synapse (w_in x - i), then v += dt / tau ((v_leak - v) + R i), with the new i
    threshold       no state: spikes where x exceeds the threshold
    then            v is kept within low and high
    then            spikes where v > threshold (or >=), and there v = v_reset, or v -= threshold
    refractory      for so many steps after a spike v is held and no spike is made; i goes on

The forms of lif and li are those of NIR's reference; using the new i is what snnTorch's Synaptic does (Norse uses
the old one, which is one step later). Images lie side by side: neuron j of image b has index b * size + j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.engines.spiking.brian import brian
from neurosim.foundation.errors import ConfigError
from neurosim.graph import NeuronModel, Population
from neurosim.graph.spiking import Value

NO_DT_S = 1e-3  # a clock's step where no equation has a time constant


@dataclass(frozen=True)
class Neurons:
    """A population of so many images on Brian2.

    group : the NeuronGroup; x, v, sent : views of its arrays: inputs and membranes float64 (images * size,), and
        its spike space; v is None without a state, sent None without a threshold
    update, threshold, reset : Brian2's objects that do the step, None where there is nothing to do
    """

    population: Population
    images: int
    group: Any
    update: Any
    threshold: Any
    reset: Any

    @property
    def x(self) -> np.ndarray:
        """Inputs."""
        return np.asarray(self.group.variables["x"].get_value())

    @property
    def v(self) -> np.ndarray | None:
        """Membranes."""
        return np.asarray(self.group.variables["v"].get_value()) if "v" in self.group.variables else None

    @property
    def sent(self) -> np.ndarray | None:
        """The spike list of the last step."""
        spikes = self.population.neurons.spikes
        return np.asarray(self.group.variables["_spikespace"].get_value()) if spikes else None

    @property
    def objects(self) -> list[Any]:
        """What does a step, in order."""
        return [each for each in (self.update, self.threshold, self.reset) if each is not None]

    def initialise(self) -> None:
        """Membranes to their first values, no spikes, no currents."""
        variables = self.group.variables
        for name in ("x", "current", "left", "held"):
            if name in variables:
                variables[name].get_value()[:] = 0
        if (v := self.v) is not None:
            v[:] = spread(self.population.neurons.v_initial, self.population, self.images)
        if (sent := self.sent) is not None:
            sent[-1] = 0


def build(population: Population, images: int, dt_s: float, label: str) -> Neurons:
    """The group of a population for so many images; Brian2 knows it by `label`.

    Raises ConfigError for a threshold that is not positive, a time constant that is not, or a dt too large for it.
    """
    neurons = population.neurons
    check_neurons(population, dt_s)
    module = brian()
    parameters = _parameters(neurons, dt_s)
    equations = ["x : 1"]
    if neurons.kind != "threshold":
        equations.append("v : 1")
    if neurons.kind.startswith("cuba"):
        equations.append("current : 1")
    if neurons.refractory_steps:
        equations += ["left : integer", "held : 1"]
    arrays = {name: value for name, value in parameters.items() if np.ndim(value)}
    equations += [f"{name} : 1 (constant)" for name in arrays]
    namespace = {name: float(value) for name, value in parameters.items() if name not in arrays}
    group = module.NeuronGroup(
        images * population.size, "\n".join(equations), threshold=_threshold(neurons), reset=_reset(neurons),
        namespace=namespace, dt=dt_s * module.second, name=label,
    )  # fmt: skip
    for name, value in arrays.items():
        group.variables[name].get_value()[:] = spread(value, population, images)
    code = _update(neurons, parameters)
    update = group.run_regularly(code, dt=dt_s * module.second, name=f"{label}_update") if code else None
    threshold = group.thresholder["spike"] if neurons.spikes else None
    reset = group.resetter["spike"] if neurons.spikes and neurons.kind != "threshold" else None
    return Neurons(population, images, group, update, threshold, reset)


def spread(value: Value, population: Population, images: int) -> np.ndarray:
    """A value per neuron and image, float64 (images * size,)."""
    each = np.broadcast_to(np.asarray(value, np.float64), population.shape)
    return np.tile(each.ravel(), images)


def check_neurons(population: Population, dt_s: float) -> None:
    """Raises ConfigError for parameters that have no meaning, or make Euler's steps unstable."""
    neurons, where = population.neurons, f"population {population.name!r}"
    if neurons.spikes and neurons.kind != "threshold" and np.min(neurons.threshold) <= 0:
        raise ConfigError(f"{where}: threshold", "above zero", f"{np.min(neurons.threshold):g}",
                          "a neuron with that threshold would spike without input")  # fmt: skip
    if neurons.refractory_steps < 0:
        raise ConfigError(f"{where}: refractory_steps", "0 or more", str(neurons.refractory_steps), "use 0")
    taus = {"tau": neurons.tau_s} if "li" in neurons.kind else {}
    taus |= {"tau_synapse": neurons.tau_synapse_s} if neurons.kind.startswith("cuba") else {}
    for name, tau in taus.items():
        if tau is None or np.min(tau) <= 0:
            raise ConfigError(f"{where}: {name}", "a time above zero", str(tau), "state it in seconds")
        if dt_s > np.min(tau):
            raise ConfigError(f"{where}: dt", f"at most {name} = {np.min(tau):g} s", f"{dt_s:g} s",
                              f"choose dt of {np.min(tau) / 10:g} s, a tenth of {name}, or less")  # fmt: skip


def _parameters(neurons: NeuronModel, dt_s: float) -> dict[str, Value]:
    parameters: dict[str, Value] = {"resistance": neurons.resistance, "bias": neurons.bias}
    if neurons.spikes:
        parameters |= {"theta": neurons.threshold, "v_reset": neurons.v_reset}
    if neurons.tau_s is not None:
        parameters |= {"rate": dt_s / np.asarray(neurons.tau_s), "v_leak": neurons.v_leak}
    if neurons.tau_synapse_s is not None:
        parameters |= {"rate_synapse": dt_s / np.asarray(neurons.tau_synapse_s), "w_in": neurons.w_in}
    if neurons.low is not None or neurons.high is not None:
        parameters["low"] = -np.inf if neurons.low is None else neurons.low
        parameters["high"] = np.inf if neurons.high is None else neurons.high
    return parameters


def _is(value: Value, number: float) -> bool:
    return np.ndim(value) == 0 and float(value) == number


def _update(neurons: NeuronModel, parameters: dict[str, Value]) -> str:
    """The dynamics as Brian2 statements; terms that do nothing are left out."""
    given = "x" if _is(neurons.bias, 0) else "(x + bias)"
    if neurons.kind == "threshold":
        return "" if given == "x" else f"x = {given}"
    lines = []
    if neurons.kind.startswith("cuba"):
        lines.append(f"current += rate_synapse * (w_in * {given} - current)")
        given = "current"
    drive = given if _is(neurons.resistance, 1) else f"resistance * {given}"
    change = f"rate * ((v_leak - v) + {drive})" if "li" in neurons.kind else drive
    if neurons.refractory_steps:
        lines += ["held = int(left > 0)", "left -= int(left > 0)", f"v += (1 - held) * ({change})"]
    else:
        lines.append(f"v += {change}")
    if "low" in parameters:
        lines.append("v = clip(v, low, high)")
    return "\n".join(lines)


def _threshold(neurons: NeuronModel) -> str | None:
    if not neurons.spikes:
        return None
    level = f"{'x' if neurons.kind == 'threshold' else 'v'} {neurons.comparison} theta"
    return f"({level}) and held < 0.5" if neurons.refractory_steps else level


def _reset(neurons: NeuronModel) -> str | None:
    if not neurons.spikes or neurons.kind == "threshold":
        return None
    code = "v -= theta" if neurons.reset == "subtract" else "v = v_reset"
    return code + (f"\nleft = {neurons.refractory_steps}" if neurons.refractory_steps else "")
