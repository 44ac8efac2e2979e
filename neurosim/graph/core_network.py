"""A network of neurosynaptic cores, as TrueNorth has them: axons with a type, a binary crossbar, integer neurons.

The neuron (Cassidy et al., IJCNN 2013; Merolla et al., Science 345, 668, 2014), with A_i the spikes on the axons, w_ij
the crossbar, G_i the type of axon i, s_j the four weights of neuron j, and rho a fresh random number per draw:

- synapse: V += sum_i A_i w_ij [(1 - b) s + b F(s, rho) sgn(s)], s = s_j^{G_i}; F(s, rho) = 1 if |s| >= rho else 0
- leak: W = (1 - e) + e sgn(V); V += W [(1 - c) l + c F(l, rho) sgn(l)]; with e = 1 a leak that crosses zero gives 0
- threshold: eta = rho & (2^TM - 1); at V >= alpha + eta a spike, and by gamma: 0: V = R; 1: V - (alpha + eta); 2: V
- otherwise if V < -[beta kappa + (beta + eta)(1 - kappa)]: kappa = 1: V = -beta; kappa = 0 by gamma: -R,
  V + (beta + eta), V

Assumed, where the sources are silent: rho uniform on 1..256 in F; sgn(0) = 0; V saturates at 20 bits after the synapse
sum and after the leak. The pseudo-random polynomial of the chip is not public, so the random modes agree with it in
distribution only.

`convention` "ranc" is the open emulator RANC (Mack et al., IEEE TCAD 40, 2021): the floor is a signed number of its
own, V < floor (or V <= floor, "ranc_inclusive"), linear reset takes it off V, and nothing saturates.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Literal

import numpy as np

from neurosim.foundation.errors import ConfigError

Convention = Literal["truenorth", "ranc", "ranc_inclusive"]

AXONS = NEURONS = 256  # of a core
AXON_TYPES = 4
V_BITS = 20
NOWHERE, OUTPUT = -1, -2  # in `target_core`
_NINE_BITS = (-256, 255)
_EIGHTEEN_BITS = (0, 2**18 - 1)
_RANC = (-(2**23), 2**23 - 1)  # sums of 256 such weights stay within int32, which RANC computes in


@dataclass(frozen=True, eq=False)
class CoreNeurons:
    """The neurons of all cores: one integer array per parameter, shape (cores, neurons), (..., 4) where said.

    weights : (cores, neurons, 4), one per axon type; 9 bits with sign
    stochastic_synapse : (cores, neurons, 4), b; stochastic_leak : c; leak_reversal : e; each 0 or 1
    leak : l, 9 bits with sign
    threshold : alpha, 18 bits; threshold_bits : TM, 0 to 18
    floor : beta, 18 bits; RANC's negative threshold, with its sign, in its conventions
    reset_value : R; reset_mode : gamma, 0, 1 or 2; floor_mode : kappa, 0 or 1
    v_initial : V before the first tick
    target_core : number of a core, OUTPUT or NOWHERE; target_axon : its axon, or number of the output
    delay : ticks until a spike is integrated, 1 to 15
    """

    weights: np.ndarray
    leak: np.ndarray
    threshold: np.ndarray
    threshold_bits: np.ndarray
    floor: np.ndarray
    reset_value: np.ndarray
    reset_mode: np.ndarray
    floor_mode: np.ndarray
    stochastic_synapse: np.ndarray
    stochastic_leak: np.ndarray
    leak_reversal: np.ndarray
    v_initial: np.ndarray
    target_core: np.ndarray
    target_axon: np.ndarray
    delay: np.ndarray

    @staticmethod
    def filled(cores: int, neurons: int, **values: int | np.ndarray) -> CoreNeurons:
        """Neurons with these parameters (numbers, or arrays that broadcast), the others at rest: threshold 1, floor
        0, delay 1, target nowhere, all else 0. ConfigError for a name that is none."""
        known = {item.name for item in fields(CoreNeurons)}
        for name in values:
            if name not in known:
                raise ConfigError(
                    "neurons", "a parameter of a neuron", repr(name), f"one of {', '.join(sorted(known))}"
                )
        start = dict.fromkeys(known, 0) | {"threshold": 1, "delay": 1, "target_core": NOWHERE} | values
        wide = ("weights", "stochastic_synapse")
        shapes = {name: (cores, neurons, AXON_TYPES) if name in wide else (cores, neurons) for name in known}
        return CoreNeurons(**{
            name: np.broadcast_to(np.asarray(start[name], np.int64), shape).copy() for name, shape in shapes.items()
        })  # fmt: skip


@dataclass(frozen=True, eq=False)
class CoreNetwork:
    """Cores, their neurons and where spikes go; immutable (the arrays given become read-only).

    coordinates : int (cores, 2), x and y of each core on the chip
    axon_types : int (cores, axons), 0 to 3
    connections : bool (cores, axons, neurons)
    outputs : number of outputs that leave the chip

    Raises ConfigError, naming core and neuron, for a number out of range, a core that is too large, a target that
    does not exist, two cores in one place.
    """

    name: str
    coordinates: np.ndarray
    axon_types: np.ndarray
    connections: np.ndarray
    neurons: CoreNeurons
    outputs: int
    convention: Convention = "truenorth"
    _where: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "_where", f"core network {self.name!r}")
        self._check_sizes()
        self._check_range(
            "axon_types", self.axon_types, 0, AXON_TYPES - 1, "axon", "a core has four axon types"
        )
        for name, (low, high) in self._ranges().items():
            self._check_range(name, getattr(self.neurons, name), low, high, "neuron", _REMEDIES.get(name, ""))
        self._check_targets()
        for array in (self.coordinates, self.axon_types, self.connections, *vars(self.neurons).values()):
            array.flags.writeable = False

    @property
    def cores(self) -> int:
        """Number of cores."""
        return len(self.axon_types)

    @property
    def axons(self) -> int:
        """Axons of each core."""
        return int(self.axon_types.shape[1])

    @property
    def neurons_per_core(self) -> int:
        """Neurons of each core."""
        return int(self.connections.shape[2])

    @cached_property
    def hops(self) -> np.ndarray:
        """Routers from each neuron's core to its target's, int64 (cores, neurons): distance along x, then y."""
        target = self.neurons.target_core
        there = self.coordinates[np.maximum(target, 0)]
        distance = np.abs(there - self.coordinates[:, None, :]).sum(axis=2)
        return np.where(target >= 0, distance, 0)

    @property
    def draws_per_tick(self) -> np.ndarray:
        """Random numbers that leaks and thresholds draw in every tick, int64 (cores,); synapses draw on arrival."""
        drawn = (self.neurons.stochastic_leak > 0).astype(np.int64) + (self.neurons.threshold_bits > 0)
        return np.asarray(drawn.sum(axis=1))

    def _ranges(self) -> dict[str, tuple[int, int]]:
        flag, v = (0, 1), (-(2 ** (V_BITS - 1)), 2 ** (V_BITS - 1) - 1)
        ranges = {
            "weights": _NINE_BITS, "leak": _NINE_BITS, "threshold": _EIGHTEEN_BITS, "threshold_bits": (0, 18),
            "floor": _EIGHTEEN_BITS, "reset_value": (-v[1], v[1]), "reset_mode": (0, 2), "floor_mode": flag,
            "stochastic_synapse": flag, "stochastic_leak": flag, "leak_reversal": flag, "v_initial": v,
            "delay": (1, 15),
        }  # fmt: skip
        if self.convention != "truenorth":
            wide = ("weights", "leak", "threshold", "floor", "reset_value", "v_initial")
            ranges |= dict.fromkeys(wide, _RANC)
            ranges |= {
                "reset_mode": flag,
                "floor_mode": (0, 0),
                "threshold_bits": (0, 0),
                "leak_reversal": (0, 0),
            }
            ranges |= {"stochastic_synapse": (0, 0), "stochastic_leak": (0, 0)}
        return ranges

    def _check_sizes(self) -> None:
        cores, axons, neurons = self.connections.shape
        for what, number, most in (("axons", axons, AXONS), ("neurons", neurons, NEURONS)):
            if not 1 <= number <= most:
                raise ConfigError(self._where, f"a core of 1 to {most} {what}", str(number),
                                  "spread them over more cores")  # fmt: skip
        shapes = {"axon_types": (cores, axons), "coordinates": (cores, 2)}
        for name, expected in shapes.items():
            if getattr(self, name).shape != expected:
                raise ConfigError(f"{self._where}: {name}", f"shape {expected}", str(getattr(self, name).shape),
                                  "one entry for every core")  # fmt: skip
        for name, array in vars(self.neurons).items():
            if array.shape[:2] != (cores, neurons):
                raise ConfigError(f"{self._where}: {name}", f"{cores} cores of {neurons} neurons", str(array.shape),
                                  "one entry for every neuron")  # fmt: skip
        if self.neurons.weights.shape[2:] != (AXON_TYPES,):
            raise ConfigError(f"{self._where}: weights", f"one weight for each of {AXON_TYPES} axon types",
                              str(self.neurons.weights.shape[2:]), "a core has four axon types")  # fmt: skip
        if len({(int(x), int(y)) for x, y in self.coordinates}) < cores:
            raise ConfigError(f"{self._where}: coordinates", "a place of its own for every core", "one used twice",
                              "move one of the cores")  # fmt: skip

    def _check_range(
        self, name: str, values: np.ndarray, low: int, high: int, what: str, remedy: str
    ) -> None:
        bad = np.argwhere((values < low) | (values > high))
        if len(bad):
            core, number = (int(k) for k in bad[0][:2])
            raise ConfigError(f"{self._where}: core {core}, {what} {number}: {name}", f"{low} to {high}",
                              str(int(values[tuple(bad[0])])), remedy or "bring it into the range")  # fmt: skip

    def _check_targets(self) -> None:
        targets, axons = self.neurons.target_core, self.neurons.target_axon
        most = np.where(targets == OUTPUT, self.outputs, self.axons)
        for bad, what in (
            ((targets < OUTPUT) | (targets >= self.cores), f"a core from 0 to {self.cores - 1}"),
            ((targets != NOWHERE) & ((axons < 0) | (axons >= most)), "an axon or output that exists"),
        ):
            if bad.any():
                core, neuron = (int(k) for k in np.argwhere(bad)[0])
                got = f"core {int(targets[core, neuron])}, axon {int(axons[core, neuron])}"
                raise ConfigError(f"{self._where}: core {core}, neuron {neuron}: target", what, got,
                                  "every neuron sends to one axon of one core, or to one output")  # fmt: skip
        if self.convention == "truenorth":
            idle = (self.neurons.threshold == 0) & (self.neurons.threshold_bits == 0)
            if idle.any():
                core, neuron = (int(k) for k in np.argwhere(idle)[0])
                raise ConfigError(f"{self._where}: core {core}, neuron {neuron}: threshold", "1 or more, or random",
                                  "0", "a neuron at rest would fire in every tick: raise it")  # fmt: skip


_REMEDIES = {
    "delay": "a spike takes 1 to 15 ticks; longer ways need a neuron in between",
    "threshold": "a threshold is positive and has 18 bits: divide weights, leak and threshold by a common factor",
}
