"""What a run of a network whose neurons spike once may choose, and which networks and chips it can take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from neurosim.chips import Chip
from neurosim.foundation.errors import ConfigError, near
from neurosim.graph import FirstSpikeDense, FirstSpikeEncoder, FirstSpikeScores, Network

Solver = Literal["closed_form", "clock", "clock_solved"]
SOLVERS = ("closed_form", "clock", "clock_solved")
STEPS_WANTED = 28  # of the interval between early and late inputs, when no step is given
WHOLE = 1e-9  # steps by which the late inputs may miss the clock


@dataclass(frozen=True)
class FirstSpikeOptions:
    """How to compute, and when to stop.

    solver : "closed_form", from spike to spike; "clock", in steps of `dt` on Brian2, a spike falling on the end
        of its step; "clock_solved", the same with the crossing of the threshold solved inside the step
    dt : step in synaptic time constants, a whole part of the interval between early and late inputs; None: a
        28th of it
    stop : leave an image at the first spike of an output neuron, which is its class; what would come later does
        not happen, and is not counted
    t_end : synaptic time constants after which the clock stops

    Raises ConfigError for a solver that is unknown and for times that are not above zero.
    """

    solver: Solver = "closed_form"
    dt: float | None = None
    stop: bool = True
    t_end: float = 20.0

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise ConfigError(
                "solver", f"one of {', '.join(SOLVERS)}", repr(self.solver), near(self.solver, SOLVERS)
            )
        for name, value in (("dt", self.dt), ("t_end", self.t_end)):
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise ConfigError(name, "a time above zero", str(value), "give it in synaptic time constants")

    def steps_to(self, late: float) -> int:
        """Steps of the clock until the late inputs spike.

        Raises ConfigError, saying which step would do, for a step that is longer than that or no whole part of it.
        """
        if self.dt is None:
            return STEPS_WANTED
        steps = late / self.dt
        if steps < 1 - WHOLE or abs(steps - round(steps)) > WHOLE * max(1, steps):
            fits = late / max(1, math.ceil(steps - WHOLE))
            raise ConfigError("dt", f"a whole part of {late:.6g}, the time between early and late inputs",
                              f"{self.dt:g}", f"a step of {fits:.9g} would do")  # fmt: skip
        return round(steps)


@dataclass(frozen=True)
class Chain:
    """A network of neurons that spike once: what encodes its input, and its layers of neurons in order."""

    encoder: FirstSpikeEncoder
    layers: tuple[FirstSpikeDense, ...]

    @staticmethod
    def of(network: Network) -> Chain:
        """The chain that a network is; ConfigError for any other one."""
        encoder, inner, scores = network.layers[0], network.layers[1:-1], network.layers[-1]
        names = ("input", *(layer.name for layer in network.layers))
        chained = all(layer.inputs == (before,) for layer, before in zip(network.layers, names, strict=False))
        layers = tuple(layer for layer in inner if isinstance(layer, FirstSpikeDense))
        ends = isinstance(encoder, FirstSpikeEncoder) and isinstance(scores, FirstSpikeScores)
        if not (ends and chained and layers and len(layers) == len(inner)):
            raise ConfigError(
                f"network {network.name!r}",
                "a first_spike_encoder, first_spike_dense layers one after the other, and first_spike_scores",
                ", ".join(str(layer.model_dump()["kind"]) for layer in network.layers),
                'choose a network with coding = "first_spike", such as mnist_ttfs',
            )
        assert isinstance(encoder, FirstSpikeEncoder)
        return Chain(encoder, layers)


def check_neurons(chip: Chip) -> None:
    """Refuse neurons whose membranes leak, or saturate below rest: no closed form holds for them.

    A ceiling above the threshold does not matter to neurons that spike once.
    """
    neuron = chip.neuron
    if neuron is None:
        raise ConfigError(
            f"chip {chip.name}", "a [neuron] table", "none", "choose a chip with spiking neurons"
        )
    if neuron.leak_tau_s is not None:
        raise ConfigError(
            f"chip {chip.name}: neuron.leak_tau",
            "neurons without a leak",
            f"{neuron.leak_tau_s:g} s",
            "neurons that spike once must keep their charge: choose a chip such as joshi_2020",
        )
    if neuron.low is not None:
        raise ConfigError(
            f"chip {chip.name}: neuron.low",
            "membranes that follow their inputs below rest",
            f"a floor at {neuron.low:g} thresholds",
            "neurons that spike once add up inhibition first: choose a chip such as joshi_2020",
        )
