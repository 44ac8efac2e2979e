"""A chip of mismatched analog neurons and bistable synapses on Brian2, as ROLLS (Qiao et al., Front. Neurosci. 9, 141,
2015) has them: the spread of its neurons' rates, and synapses that drift to one of their two weights.

Neurons: dv/dt = I - v / tau (no leak where the chip gives no tau), spike at v > threshold, reset to zero. Synapses:
Brader, Senn and Fusi (Neural Comput. 19, 2881, 2007) without the window of calcium that stops learning: at an input
spike the state x jumps up where the neuron is depolarised and down where it is not, and drifts to 1 from above the
middle, to 0 from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.neurons import relative_thresholds
from neurosim.circuits.parameters import BistableParameters, NeuronParameters
from neurosim.engines.spiking.brian import brian
from neurosim.engines.spiking.plastic.interpreted import interpreted
from neurosim.foundation.errors import ConfigError, DataError
from neurosim.programming.chip import chip_stream

NEURONS = 256  # of one chip, each with 256 of its learning synapses


@dataclass(frozen=True, eq=False)
class Rates:
    """Firing rates of all neurons under the same input current.

    rates_hertz : float64 (neurons,); thresholds : float64 (neurons,), what they should be is 1
    """

    rates_hertz: np.ndarray
    thresholds: np.ndarray

    @property
    def coefficient_of_variation(self) -> float:
        """Standard deviation of the rates over their mean."""
        return float(self.rates_hertz.std(ddof=1) / self.rates_hertz.mean())


@dataclass(frozen=True, eq=False)
class Trace:
    """States of synapses over time.

    t_s : float64 (steps,); state : float64 (steps, synapses), at the end of each step; high : bool (synapses,), the
    weight that each holds at the end
    """

    t_s: np.ndarray
    state: np.ndarray
    high: np.ndarray


def firing_rates(
    chip: Chip, current_hertz: float, duration_s: float, root: int = 0, instance: int = 0
) -> Rates:
    """Let all neurons integrate the same current and count their spikes.

    current_hertz : thresholds per second, the rate of a perfect neuron but for its leak and refractory time

    Raises ConfigError for a chip without such neurons or a current too large for the step.
    """
    neuron, _, dt_s = _tables(chip)
    if not 0 < current_hertz * dt_s < 0.5:
        raise ConfigError("current", f"between 0 and {0.5 / dt_s:g} thresholds per second", f"{current_hertz:g}",
                          "half a threshold in a step is too coarse: lower the current")  # fmt: skip
    thresholds = relative_thresholds(
        neuron.threshold_mismatch, NEURONS, chip_stream(root, instance).child("rolls", "thresholds")
    )
    module = brian()
    group = _neurons(neuron, NEURONS, dt_s)
    group.variables["threshold"].get_value()[:] = thresholds
    group.variables["current"].get_value()[:] = current_hertz
    monitor = module.SpikeMonitor(group, record=False, **interpreted())
    module.Network(group, monitor).run(duration_s * module.second)
    return Rates(np.asarray(monitor.count, np.float64) / duration_s, thresholds)


def bistability(
    chip: Chip, start: np.ndarray, spikes: np.ndarray, depolarised: np.ndarray, duration_s: float
) -> Trace:
    """Follow synapses through given input spikes.

    start : (synapses,), states at the beginning, 0 to 1
    spikes : bool (steps, synapses), input spikes; steps as many as `duration_s` holds, or fewer
    depolarised : bool (synapses,), whether the neuron of each synapse is held just below threshold, or at rest

    Raises ConfigError for a chip without bistable synapses, DataError for arrays that do not fit.
    """
    _, synapse, dt_s = _tables(chip)
    steps, dt = round(duration_s / dt_s), dt_s * brian().second
    _check(start, spikes, depolarised, steps)
    module, count = brian(), len(start)
    sources = module.NeuronGroup(
        count, "firing : 1", threshold="firing > 0", reset="", dt=dt, **interpreted()
    )
    sources.thresholder["spike"].when = "start"
    held = module.NeuronGroup(count, "v : 1", dt=dt, **interpreted())
    held.variables["v"].get_value()[:] = np.where(depolarised, 0.99, 0.0)
    synapses = _synapses(synapse, sources, held, dt)
    synapses.connect(i=np.arange(count), j=np.arange(count))
    state = synapses.variables["x"].get_value()
    state[:] = start
    firing, seen, step = sources.variables["firing"].get_value(), np.empty((steps, count)), [0]

    def feed() -> None:
        firing[:] = spikes[step[0]] if step[0] < len(spikes) else 0

    def keep() -> None:
        seen[step[0]] = state
        step[0] += 1

    operations = [module.NetworkOperation(feed, dt=dt, when="start", order=-1),
                  module.NetworkOperation(keep, dt=dt, when="end", order=2)]  # fmt: skip
    network = module.Network(sources, held, synapses, *operations)
    network.run(steps * dt)
    return Trace((np.arange(steps) + 1) * dt_s, seen, seen[-1] > synapse.middle)


def _tables(chip: Chip) -> tuple[NeuronParameters, BistableParameters, float]:
    if chip.neuron is None or chip.bistable is None or chip.neuron.t_tick_s is None:
        raise ConfigError(f"chip {chip.name!r}", "[neuron] with a t_tick, and [bistable]", "one that lacks them",
                          "choose a chip with bistable synapses: rolls")  # fmt: skip
    return chip.neuron, chip.bistable, chip.neuron.t_tick_s


def _neurons(neuron: NeuronParameters, count: int, dt_s: float) -> Any:
    """Leaky integrate-and-fire neurons under a constant current, solved exactly within a step."""
    second = brian().second
    leak = "-v / tau + " if neuron.leak_tau_s else ""
    return brian().NeuronGroup(
        count,
        f"dv/dt = {leak}current / second : 1 (unless refractory)\nthreshold : 1\ncurrent : 1",
        threshold="v > threshold",
        reset="v = 0",
        refractory=neuron.refractory_s * second,
        method="exact" if neuron.leak_tau_s else "euler",  # without a leak Euler is exact
        dt=dt_s * second,
        namespace={"tau": (neuron.leak_tau_s or 1.0) * second, "second": second},
        **interpreted(),
    )


def _synapses(synapse: BistableParameters, sources: Any, targets: Any, dt: Any) -> Any:
    numbers = {name: getattr(synapse, name) for name in ("middle", "jump_up", "jump_down", "v_up")}
    seconds = float(dt / brian().second)
    numbers |= {"up_step": synapse.drift_up_hertz * seconds, "down_step": synapse.drift_down_hertz * seconds}
    made = brian().Synapses(
        sources,
        targets,
        "x : 1",
        on_pre="x = clip(x + jump_up * int(v_post > v_up) - jump_down * int(v_post <= v_up), 0, 1)",
        dt=dt,
        namespace=numbers,
        **interpreted(),
    )
    made.run_regularly(
        "x = clip(x + up_step * int(x > middle) - down_step * int(x <= middle), 0, 1)",
        dt=dt,
        when="end",
        **interpreted(),
    )
    return made


def _check(start: np.ndarray, spikes: np.ndarray, depolarised: np.ndarray, steps: int) -> None:
    if start.ndim != 1 or start.min(initial=0) < 0 or start.max(initial=0) > 1 or len(start) == 0:
        raise DataError(
            "start", "states from 0 to 1, one per synapse", f"{start.shape}", "scale them to the two weights"
        )
    if (
        spikes.ndim != 2
        or spikes.shape[1] != len(start)
        or len(spikes) > steps
        or depolarised.shape != start.shape
    ):
        raise DataError("spikes", f"at most {steps} steps of {len(start)} synapses, and a flag for each",
                        f"{spikes.shape}, {depolarised.shape}", "give one column per synapse")  # fmt: skip
