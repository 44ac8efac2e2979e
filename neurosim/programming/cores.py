"""A programmed chip of neurosynaptic cores: digital synapses, or one pair of devices per synapse.

A memristive core holds its binary crossbar in devices: a synapse that is there puts the pair at g_max, one that is
not leaves it at the bottom, with its noise and drift like any other. All 65,536 pairs of a core are programmed. What a
spike then adds to a neuron is the axon's weight times the pair's relative conductance, no longer exactly 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.crossbar import AgedCrossbar, Crossbar
from neurosim.devices import make_device
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.counts import Counts
from neurosim.foundation.errors import NotProgrammedError
from neurosim.foundation.streams import Stream
from neurosim.graph import Network
from neurosim.placement.cores import CorePlacement
from neurosim.programming.chip import AgedLayer, chip_stream


@dataclass(frozen=True, eq=False)
class AgedCores:
    """The cores at one time.

    strength : float32 (cores, axons, neurons), what a synapse is worth, 1 being a whole one; None where synapses are
        digital
    variance : float32, the same shape, of its noise per read; None where there is none
    gains : drift compensation of each layer, already in the two above
    crossbars : one per core, without the compensation; none where synapses are digital
    noise : keys the reads of this chip and time
    """

    programmed: ProgrammedCores
    t_s: float
    strength: np.ndarray | None
    variance: np.ndarray | None
    gains: tuple[float, ...]
    crossbars: tuple[AgedCrossbar, ...]
    noise: Stream

    @property
    def layers(self) -> dict[str, AgedLayer]:
        """The devices of every layer, one group per core, as those of other chips; without converters."""
        placement, found = self.programmed.placement, {}
        for number, (place, gain) in enumerate(zip(placement.layers, self.gains, strict=True)):
            here = np.flatnonzero(placement.layer_of_core == number) if self.crossbars else ()
            found[place.name] = AgedLayer(place.name, tuple(self.crossbars[k] for k in here), (), gain)
        return found


@dataclass(frozen=True, eq=False)
class ProgrammedCores:
    """One chip of a Monte Carlo that holds a network's cores; `root` and `instance` name every random draw.

    crossbars : one per core; none where synapses are digital
    references : response of each layer to the probe right after programming
    t_chip_s : chip time of one image with one frame
    """

    chip: Chip
    network: Network
    placement: CorePlacement
    crossbars: tuple[Crossbar, ...]
    references: tuple[float, ...]
    root: int
    instance: int
    t_chip_s: float

    def age_to(self, t_s: float) -> AgedCores:
        """The chip t_s seconds after programming; absolute. Digital synapses do not age."""
        noise = chip_stream(self.root, self.instance).child("read", float(t_s))
        if not self.crossbars:
            return AgedCores(self, t_s, None, None, (1.0,) * len(self.placement.layers), (), noise)
        with one_blas_thread():
            aged = [crossbar.age_to(t_s, self.t_chip_s) for crossbar in self.crossbars]
        strength = np.stack([_strength(core) for core in aged])
        gains = tuple(1.0 for _ in self.references)
        if self.chip.compensation.drift == "global":
            now = _responses(strength, self.placement.layer_of_core)
            gains = tuple(
                then / new if new > 0 else 1.0 for then, new in zip(self.references, now, strict=True)
            )
        scale = np.array(gains, np.float32)[self.placement.layer_of_core][:, None, None]
        noisy = any(core.s2 is not None for core in aged)
        variance = np.stack([_variance(core) for core in aged]) * scale**2 if noisy else None
        return AgedCores(self, t_s, strength * scale, variance, gains, tuple(aged), noise)

    def read_out(self, t_s: float) -> dict[str, list[dict[str, np.ndarray]]]:
        """Every device of every layer at a time: one dictionary of named arrays per core; empty where digital."""
        if not self.crossbars:
            return {}
        layers = self.placement.layer_of_core
        return {
            place.name: [self.crossbars[k].read_out(t_s) for k in np.flatnonzero(layers == number)]
            for number, place in enumerate(self.placement.layers)
        }


def program_cores(
    network: Network, chip: Chip, placement: CorePlacement, root: int, instance: int = 0
) -> ProgrammedCores:
    """Put a placed network onto one chip; devices are drawn where the chip has any."""
    t_chip_s = placement.depth * chip.core.t_tick_s
    if chip.parameters.device is None:
        return ProgrammedCores(
            chip, network, placement, (), (1.0,) * len(placement.layers), root, instance, t_chip_s
        )
    device, key = make_device(chip.device), chip_stream(root, instance)
    crossbars = tuple(
        Crossbar.program(
            core.astype(np.float32), device, chip.cell, chip.read, (len(core),), key.child("core", number)
        )
        for number, core in enumerate(placement.cores.connections)
    )
    fresh = np.stack([_strength(crossbar.age_to(0.0, t_chip_s)) for crossbar in crossbars])
    references = _responses(fresh, placement.layer_of_core)
    return ProgrammedCores(chip, network, placement, crossbars, references, root, instance, t_chip_s)


def require_cores(candidate: object) -> ProgrammedCores:
    """The programmed cores themselves; NotProgrammedError for anything else."""
    if not isinstance(candidate, ProgrammedCores):
        name = getattr(candidate, "name", type(candidate).__name__)
        raise NotProgrammedError(f"chip {name!r}", "programmed cores", "something that holds no network",
                                 "program it first: neurosim.programming.program_cores(...)")  # fmt: skip
    return candidate


def core_programming_counts(placement: CorePlacement, chip: Chip) -> Counts:
    """Devices programmed per layer (per chip, not per inference): all of every core used, none where digital."""
    counts = Counts(tuple(place.name for place in placement.layers), 0)
    for place in placement.layers:
        devices = place.weights * place.devices_per_weight if chip.parameters.device is not None else 0
        counts.set("device_programs", place.name, devices)
    return counts


def core_calibration_counts(placement: CorePlacement, chip: Chip) -> Counts:
    """Events of one drift compensation: every core driven once, on all axons."""
    counts = Counts(tuple(place.name for place in placement.layers), 0)
    if chip.parameters.device is None or chip.compensation.drift == "none":
        return counts
    for place in placement.layers:
        counts.set("array_reads", place.name, place.groups)
        counts.set("row_activations", place.name, place.groups * place.rows)
    return counts


def _strength(aged: AgedCrossbar) -> np.ndarray:
    """float32 (axons, neurons), from relative conductances."""
    scale = aged.crossbar.scale
    return np.asarray(scale.per_unit * (aged.d[0] - np.float32(scale.offset)), np.float32)


def _variance(aged: AgedCrossbar) -> np.ndarray:
    """float32 (axons, neurons), of a read."""
    if aged.s2 is None:
        return np.zeros_like(aged.d[0])
    return np.asarray(np.float32(aged.crossbar.scale.per_unit**2) * aged.s2[0], np.float32)


def _responses(strength: np.ndarray, layer_of_core: np.ndarray) -> tuple[float, ...]:
    """Sum of the responses of a layer's cores to one spike on every axon, read without a converter."""
    each = strength.sum(axis=(1, 2), dtype=np.float64)
    return tuple(float(each[layer_of_core == k].sum()) for k in range(int(layer_of_core.max()) + 1))
