"""The neurons of a chip put into a network: how they reset, leak, saturate and differ from each other."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from neurosim.circuits.neurons import relative_thresholds
from neurosim.circuits.parameters import NeuronParameters
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import Stream
from neurosim.graph import NeuronModel, Population, SpikingGraph

Reset = Literal["value", "subtract"]
_RESETS: dict[str, Reset] = {"subtract": "subtract", "zero": "value"}


def with_chip_neurons(
    graph: SpikingGraph, parameters: NeuronParameters | None, stream: Stream, native: bool = False
) -> SpikingGraph:
    """The network with the chip's neurons in the place of ideal ones of the kind "if".

    stream : the chip's; names the thresholds' mismatch, one draw per neuron and chip
    native : the network says itself how its neurons compare and reset; digital neurons are told so, analog ones
        keep their own way

    A neuron of threshold theta has theta (1 + sigma z). Leak: v -= v dt / tau in each step of dt = t_tick.
    Saturation at `low` and `high` times theta. Raises ConfigError where a time is given without t_tick, the step.
    """
    if parameters is None:
        return graph
    nodes = tuple(
        replace(node, neurons=_on_chip(node, parameters, stream.child("neurons", node.name), native))
        if isinstance(node, Population) else node
        for node in graph.nodes
    )  # fmt: skip
    dt_s = parameters.t_tick_s if parameters.leak_tau_s is not None else graph.dt_s
    return replace(graph, nodes=nodes, dt_s=dt_s)


def _on_chip(node: Population, parameters: NeuronParameters, stream: Stream, native: bool) -> NeuronModel:
    ideal = node.neurons
    told = native and parameters.kind == "digital"
    nominal = np.asarray(ideal.threshold, np.float64)
    threshold: float | np.ndarray = ideal.threshold
    if parameters.threshold_mismatch > 0:
        threshold = nominal * relative_thresholds(parameters.threshold_mismatch, node.shape, stream)
    changed = replace(
        ideal, threshold=threshold,
        comparison=ideal.comparison if told else parameters.comparison,
        reset=ideal.reset if told else _RESETS[parameters.reset],
        low=_level(parameters.low, nominal), high=_level(parameters.high, nominal),
        refractory_steps=_steps(parameters),
    )  # fmt: skip
    if parameters.leak_tau_s is None:
        return changed
    tick = _tick(parameters, "leak_tau")
    # tau / dt times the input, so that one step's input moves v by as much as without a leak
    return replace(changed, kind="lif", tau_s=parameters.leak_tau_s, resistance=parameters.leak_tau_s / tick)


def _level(times: float | None, nominal: np.ndarray) -> float | None:
    return None if times is None else float(times * nominal.max())


def _steps(parameters: NeuronParameters) -> int:
    if parameters.refractory_s == 0:
        return 0
    return math.ceil(parameters.refractory_s / _tick(parameters, "refractory"))


def _tick(parameters: NeuronParameters, field: str) -> float:
    if parameters.t_tick_s is None:
        raise ConfigError(f"chip: neuron.{field}", "neuron.t_tick beside it", "none",
                          "state the length of a step: t_tick = {value = 1, unit = \"us\", ...}")  # fmt: skip
    return parameters.t_tick_s
