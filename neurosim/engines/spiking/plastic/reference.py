"""The same network on Brian2, synapse by synapse: the reference that the kernel is held against.

Every synapse is a device pair with its own conductances and memories; neurons, spikes, inhibition and pulses are
Brian2 equations. The order within a step: leak, arrivals, the winner, its pulses, inhibition, reset, floor. What is
random comes from the kernel's hashes, so that kernel and reference agree spike by spike and pulse by pulse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.engines.spiking.brian import SCHEDULE, brian
from neurosim.engines.spiking.plastic.interpreted import interpreted
from neurosim.engines.spiking.plastic.setup import Setup
from neurosim.foundation.streams import Stream
from neurosim.kernels import plastic as kernel

_HIT = """
up = int(step_pre - last_pre < window)
hit = int(bits < potentiate * up + depress * (1 - up))
"""
_SIGN = {"plus": "(2 * up - 1)", "minus": "(1 - 2 * up)"}

_GRADUAL = """
way_{s} = int({sign} > 0)
x_{s} = clip(((g_{s} - c8) * way_{s} + (c9 - g_{s}) * (1 - way_{s})) / (c9 - c8), 0, 1)
size_{s} = c0 * way_{s} + c1 * (1 - way_{s})
shape_{s} = c2 * way_{s} + c3 * (1 - way_{s})
gamma_{s} = c4 * way_{s} + c5 * (1 - way_{s})
mean_{s} = memory_{s} * LAW
noise_{s} = sqrt((mean_{s} * c6)**2 + c7**2) * z_{s}
moved_{s} = clip(g_{s} + (2 * way_{s} - 1) * (c9 - c8) * (mean_{s} + noise_{s}), c8, c9)
g_{s} = g_{s} + on_{s} * (moved_{s} - g_{s})
"""

# pulses on one side of a pair, {s} being plus or minus; `on` is 1 where that side gets one
_PULSES = {
    "linear_step": _GRADUAL.replace("LAW", "size_{s} * (1 - shape_{s} * x_{s})"),
    "exp_step": _GRADUAL.replace("LAW", "(size_{s} + shape_{s} * exp(-gamma_{s} * x_{s}))"),
    "power_step": _GRADUAL.replace("LAW", "size_{s} * (1 - x_{s})**gamma_{s}"),
    "linear": "g_{s} = clip(g_{s} + on_{s} * {sign} * c0, 0, c1)",
    "crystallisation": """
memory_{s} = memory_{s} + on_{s} * (memory_{s} * c6 - memory_{s})
g_{s} = clip(g_{s} + on_{s} * (c0 * g_{s} + c1 + c2 * memory_{s} + (c3 * g_{s} + c4 + c5 * memory_{s}) * z_{s}), 0, c8)
""",
    "soft_bounds": """
share_{s} = c0 * (c4 - g_{s}) * int({sign} > 0) - c1 * (g_{s} - c3) * int({sign} < 0)
g_{s} = clip(g_{s} + on_{s} * share_{s} * (1 + c2 * z_{s}), 0, c4)
""",
}


@dataclass(eq=False)
class Reference:
    """The explicit network; `run` shows images and learns from them.

    plus, minus, memory_plus, memory_minus : (neurons, inputs), moved in place as the kernel moves them
    base, theta : (neurons,), parts of the thresholds
    compiled : with Brian2's target of choice; else with NumPy, which needs no compiler
    """

    setup: Setup
    plus: np.ndarray
    minus: np.ndarray
    memory_plus: np.ndarray
    memory_minus: np.ndarray
    base: np.ndarray
    theta: np.ndarray
    compiled: bool = False

    def run(self, levels: np.ndarray, first: int, key: Stream) -> np.ndarray:
        """Winners int16 (images, steps), as `kernel.present` gives them; learns throughout."""
        steps, network = self.setup.learning.steps, _Objects(self, levels, first, key)
        network.net.run(len(levels) * steps * network.dt)
        for name in ("plus", "minus"):
            getattr(self, name)[...] = network.synaptic(f"g_{name}").T
            getattr(self, f"memory_{name}")[...] = network.synaptic(f"memory_{name}").T
        network.decay_thetas()
        self.theta[...] = network.neurons.variables["theta"].get_value()
        winners = np.full(len(levels) * steps, -1, np.int16)
        at = np.rint(np.asarray(network.spikes.t / network.dt)).astype(int)
        winners[at] = np.asarray(network.spikes.i)
        return winners.reshape(len(levels), steps)


class _Objects:
    """Brian2's objects, and the operations that feed them."""

    def __init__(self, owner: Reference, levels: np.ndarray, first: int, key: Stream) -> None:
        module, setup = brian(), owner.setup
        self.setup, self.levels, self.first, self.base = setup, levels, first, owner.base
        self.words = tuple(np.uint64(word) for word in key.words())
        self.dt = setup.layer.dt_s * module.second
        kind: dict[str, Any] = {"dt": self.dt, "namespace": _constants(setup)}
        code = {} if owner.compiled else interpreted()
        kind |= code
        neurons, inputs = setup.shape
        self.inputs = module.NeuronGroup(inputs, "firing : 1\nlast : 1\nstep : 1 (shared)", threshold="firing > 0",
                                         reset="last = step", **kind)  # fmt: skip
        self.inputs.thresholder["spike"].when, self.inputs.resetter["spike"].when = "start", "start"
        self.inputs.thresholder["spike"].order, self.inputs.resetter["spike"].order = 2, 3
        self.neurons = module.NeuronGroup(
            neurons, "v : 1\ntheta : 1\nheld : 1\nwinner : integer (shared)", threshold="i == winner",
            reset="v = 0\ntheta = theta + theta_step\nheld = refractory", **kind,
        )  # fmt: skip
        self.neurons.resetter["spike"].order = 4
        self.neurons.variables["theta"].get_value()[:] = owner.theta
        self.synapses, lateral = self._synapses(owner, kind)
        self.spikes = module.SpikeMonitor(self.neurons, **code)
        regular = [
            self.neurons.run_regularly("v = v * decay", when="start", order=4, dt=self.dt, **code),
            self.neurons.run_regularly("v = clip(v, floor_v, inf)", when="end", dt=self.dt, **code),
        ]
        order = ((self._begin, "start", 1), (self._choose, "groups", 0), (self._draw, "resets", -1),
                 (self._refresh, "resets", 1))  # fmt: skip
        operations = [
            module.NetworkOperation(function, dt=self.dt, when=when, order=place)
            for function, when, place in order
        ]
        self.net = module.Network(
            self.inputs, self.neurons, self.synapses, lateral, self.spikes, *regular, *operations
        )
        self.net.schedule = list(SCHEDULE)
        self.count = 0

    def _synapses(self, owner: Reference, kind: dict[str, Any]) -> tuple[Any, Any]:
        module, setup = brian(), self.setup
        pulsed = {"plus": "hit * up", "minus": "hit * (1 - up)"}
        sides = [
            f"on_{side} = {'hit' if setup.rule.both_ways else when}\n"
            + _PULSES[setup.physics.kind].format(s=side, sign=_SIGN[side])
            for side, when in pulsed.items()
        ]
        model = "\n".join(
            f"{name} : 1"
            for name in ("g_plus", "g_minus", "memory_plus", "memory_minus", "bits", "z_plus", "z_minus")
        )
        synapses = module.Synapses(self.inputs, self.neurons, model, on_pre="v_post += scale * (g_plus - g_minus)",
                                   on_post=_HIT + "\n".join(sides), **kind)  # fmt: skip
        neurons, inputs = setup.shape
        pre, post = np.divmod(np.arange(inputs * neurons), neurons)
        synapses.connect(i=pre, j=post)
        synapses.post.when, synapses.post.order = "resets", 0
        lateral = module.Synapses(self.neurons, self.neurons, "", on_pre="v_post -= inhibition", **kind)
        a, b = np.divmod(np.arange(neurons * neurons), neurons)
        lateral.connect(i=a[a != b], j=b[a != b])
        lateral.pre.when, lateral.pre.order = "resets", 2
        self.synapses = synapses
        for side in ("plus", "minus"):
            self.synaptic(f"g_{side}")[...] = getattr(owner, side).T
            self.synaptic(f"memory_{side}")[...] = getattr(owner, f"memory_{side}").T
        return synapses, lateral

    def synaptic(self, name: str) -> np.ndarray:
        """A synaptic variable, writable, (inputs, neurons)."""
        return np.asarray(self.synapses.variables[name].get_value()).reshape(self.setup.shape[::-1])

    def _state(self, group: Any, name: str) -> np.ndarray:
        return np.asarray(group.variables[name].get_value())

    def _begin(self) -> None:
        """The input spikes of this step; at an image's first step, rest."""
        steps = self.setup.learning.steps
        image, step = divmod(self.count, steps)
        if step == 0:
            self._state(self.inputs, "last")[:] = -self.setup.rule.window
            self._state(self.neurons, "v")[:] = 0
            self._state(self.neurons, "held")[:] = 0
            self.train = kernel.input_spikes(self.levels[image], self.first + image, steps, *self.words)
            if image:
                self.decay_thetas()
        self._state(self.inputs, "step")[...] = step
        self._state(self.inputs, "firing")[:] = self.train[step]
        self.count += 1

    def decay_thetas(self) -> None:
        """At the end of a presentation."""
        self._state(self.neurons, "theta")[:] *= self.setup.neurons.theta_decay

    def _choose(self) -> None:
        """Hold the refractory neurons; the one furthest above its threshold wins."""
        v, held = self._state(self.neurons, "v"), self._state(self.neurons, "held")
        v[held > 0] = 0
        excess = np.where(held > 0, 0.0, v - (self.base + self._state(self.neurons, "theta")))
        held[held > 0] -= 1
        self._state(self.neurons, "winner")[...] = excess.argmax() if excess.max() > 0 else -1

    def _draw(self) -> None:
        """Give the winner's synapses their random bits and normals."""
        winner = int(self._state(self.neurons, "winner"))
        if winner >= 0:
            image, step = divmod(self.count - 1, self.setup.learning.steps)
            neurons, inputs = self.setup.shape
            drawn = kernel.pulse_draws(self.first + image, step, winner, neurons, inputs, *self.words)
            for name, values in zip(("bits", "z_plus", "z_minus"), drawn, strict=True):
                self.synaptic(name)[:, winner] = values

    def _refresh(self) -> None:
        """Read, RESET and re-write the winner's pairs that were pulsed and are due."""
        winner, rule = int(self._state(self.neurons, "winner")), self.setup.rule
        if winner < 0 or rule.both_ways:
            return
        plus, minus = self.synaptic("g_plus")[:, winner], self.synaptic("g_minus")[:, winner]
        step, last = float(self._state(self.inputs, "step")), self._state(self.inputs, "last")
        limit = np.where(step - last < rule.window, rule.potentiate, rule.depress)
        high, low = np.maximum(plus, minus) >= rule.refresh_high, np.minimum(plus, minus) >= rule.refresh_low
        for i in np.flatnonzero((self.synaptic("bits")[:, winner] < limit) & high & low):
            self._rewrite(int(i), winner)

    def _rewrite(self, i: int, j: int) -> None:
        rule, c = self.setup.rule, self.setup.physics.coefficients
        difference = self.synaptic("g_plus")[i, j] - self.synaptic("g_minus")[i, j]
        for side in ("plus", "minus"):
            self.synaptic(f"g_{side}")[i, j] = c[kernel.G_RESET]
            self.synaptic(f"memory_{side}")[i, j] = 1
        side = "plus" if difference >= 0 else "minus"
        g, p = c[kernel.G_RESET], 1.0
        bits = np.array([self.synaptic("bits")[i, j]]).astype(np.uint32)
        for z in kernel.rewrite_draws(bits, rule.tries)[0]:
            if g >= c[kernel.G_RESET] + abs(difference) - rule.tolerance:
                break
            p *= c[6]
            g = np.clip(g + (c[0] * g + c[1] + c[2] * p) + (c[3] * g + c[4] + c[5] * p) * z, 0, c[8])
        self.synaptic(f"g_{side}")[i, j], self.synaptic(f"memory_{side}")[i, j] = g, p


def _constants(setup: Setup) -> dict[str, float]:
    neurons, rule = setup.neurons, setup.rule
    named = {f"c{k}": float(value) for k, value in enumerate(setup.physics.coefficients)}
    return named | {
        "decay": neurons.decay, "theta_step": neurons.theta_step, "inhibition": neurons.inhibition,
        "floor_v": neurons.floor, "refractory": float(neurons.refractory), "window": float(rule.window),
        "potentiate": float(rule.potentiate), "depress": float(rule.depress), "scale": rule.scale,
    }  # fmt: skip
