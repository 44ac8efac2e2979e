"""The same neurons clocked on Brian2, in steps of dt: what the closed form is compared with.

dI/dt = -I and dV/dt = I are solved exactly over a step. Brian2's exact method refuses that pair, whose matrix is
singular, so V is written as U - I: an input of weight w adds w to both I and U, and U stands still between inputs.

Time is counted in steps from 0. In each step, in this order: inputs that spike at its beginning arrive; currents
decay to its end; then, layer after layer, thresholds are compared at the end of the step (V >= theta), and the
spikes found go to the next layer within the same step. On the grid a spike falls on the end of its step. Solved, it
falls where V crossed the threshold, t + ln(I / (U - theta)) seen from the end t of the step, and arrives at the next
layer at that time. That is exact for a layer whose inputs fall on the grid; where inputs arrive within the step, it
takes them as if they had all come before the crossing, and does not see V cross the threshold up and down again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.engines.spiking.brian import SCHEDULE, brian
from neurosim.engines.spiking.first_spike.drives import Drives
from neurosim.engines.spiking.first_spike.solving import Times, ended

EQUATIONS = """
dI/dt = -I / tau : 1
U : 1
theta : 1
waiting : 1
"""


@dataclass(frozen=True)
class Group:
    """One layer's neurons for all images side by side: neuron j of image b is b * size + j."""

    neurons: Any
    images: int

    def view(self, name: str) -> np.ndarray:
        """A state variable as (images, size), the group's own memory."""
        return np.asarray(self.neurons.variables[name].get_value()).reshape(self.images, -1)

    def spiking(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and neurons that reached the threshold in this step, sorted by image."""
        space = np.asarray(self.neurons.variables["_spikespace"].get_value())
        return np.divmod(space[: space[-1]], self.neurons.N // self.images)


class Clocked:
    """Neurons of all layers on Brian2, built once for blocks of so many images.

    sizes : neurons of each layer; steps : of dt, from 0 to `gap`, the time of the late inputs
    solved : whether crossings are solved inside the step
    t_end : time at which a run stops at the latest
    """

    def __init__(
        self, sizes: tuple[int, ...], images: int, steps: int, gap: float, solved: bool, t_end: float
    ) -> None:
        module = brian()
        self.images, self.steps, self.dt, self.solved, self.t_end = images, steps, gap / steps, solved, t_end
        dt = self.dt * module.second  # the synaptic time constant counts as one second
        self.groups = [self._group(module, size, number, dt) for number, size in enumerate(sizes)]
        inputs = module.NetworkOperation(self._inputs, dt=dt, when="start", order=0)
        hand_over = [
            module.NetworkOperation(self._operation(number), dt=dt, when="thresholds", order=2 * number + 1)
            for number in range(len(sizes))
        ]
        stop = module.NetworkOperation(self._end, dt=dt, when="end", order=0)
        self.network = module.Network([group.neurons for group in self.groups], inputs, hand_over, stop)
        self.network.schedule = list(SCHEDULE)

    def _group(self, module: Any, size: int, number: int, dt: Any) -> Group:
        neurons = module.NeuronGroup(
            size * self.images, EQUATIONS, threshold="U - I >= theta and waiting > 0.5", reset="waiting = 0",
            method="exact", namespace={"tau": 1 * module.second}, dt=dt, order=2 * number, name="first_spike*",
        )  # fmt: skip
        return Group(neurons, self.images)

    def times(self, drives: Drives, stop: bool) -> Times:
        """Times of every layer's spikes, as `closed_form` gives them, infinity for those after t_end."""
        self.drives, self.stop, self.step, self.shown = drives, stop, 0, len(drives)
        self.found = [np.full((self.images, group.view("U").shape[1]), np.inf) for group in self.groups]
        for group, threshold in zip(self.groups, drives.thresholds, strict=True):
            group.view("I")[:], group.view("U")[:] = 0, 0
            group.view("theta")[:] = threshold
            group.view("waiting")[:] = np.arange(self.images)[:, None] < self.shown
        self.network.run(self.t_end * brian().second)
        times = tuple(found[: self.shown] for found in self.found)
        return ended(times) if stop else times

    def _inputs(self) -> None:
        """The inputs that spike at the beginning of this step."""
        arriving = {0: self.drives.early, self.steps: self.drives.late}.get(self.step)
        if arriving is not None:
            for name in ("I", "U"):
                self.groups[0].view(name)[: self.shown] += arriving

    def _operation(self, number: int) -> Any:
        def hand_over() -> None:
            self._spikes(number)

        return hand_over

    def _spikes(self, number: int) -> None:
        """Note when the neurons of a layer spiked, and pass that on to the next one."""
        group = self.groups[number]
        image, neuron = group.spiking()
        if len(image) == 0:
            return
        end = (self.step + 1) * self.dt
        before = np.zeros(len(image))  # time from the crossing to the end of the step
        if self.solved:
            spare = group.view("U")[image, neuron] - group.view("theta")[image, neuron]
            with np.errstate(divide="ignore", invalid="ignore"):
                since = np.log(spare / group.view("I")[image, neuron])
            # where V fell below what it was, or all came after the crossing, the step's ends bound it
            before = np.clip(np.nan_to_num(since, nan=0.0), 0.0, self.dt)
        self.found[number][image, neuron] = end - before
        if number + 1 < len(self.groups):
            weights = self.drives.rows[number].weights
            arriving = weights[image if len(weights) > 1 else 0, neuron].astype(np.float64)
            first = np.flatnonzero(np.diff(image, prepend=-1))
            following, into = self.groups[number + 1], image[first]
            following.view("U")[into] += np.add.reduceat(arriving, first, axis=0)
            following.view("I")[into] += np.add.reduceat(arriving * np.exp(-before)[:, None], first, axis=0)

    def _end(self) -> None:
        """Stop when all is decided, or when no neuron can spike any more."""
        self.step += 1
        decided = not (self.groups[-1].view("waiting")[: self.shown] > 0.5).all(axis=1).any()
        over = self.step > self.steps and not any(self._may_spike(group) for group in self.groups)
        if over or (self.stop and decided):
            self.network.stop()

    def _may_spike(self, group: Group) -> bool:
        """Whether a neuron is left that its inputs so far lift above the threshold in the end."""
        above = group.view("U")[: self.shown] > group.view("theta")[: self.shown]
        return bool((above & (group.view("waiting")[: self.shown] > 0.5)).any())
