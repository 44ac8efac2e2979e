"""A programmed chip: crossbars, calibrated converters and the references of drift compensation, for life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.crossbar import AgedCrossbar, Converters, Crossbar, Read, Tally
from neurosim.costs import chip_time_s
from neurosim.devices import make_device
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.foundation.errors import NotProgrammedError
from neurosim.foundation.streams import Stream, stream
from neurosim.graph import Network
from neurosim.placement import Placement
from neurosim.programming.calibration import Calibration
from neurosim.programming.ranges import input_codes, output_codes


@dataclass(frozen=True)
class ProgrammedLayer:
    """One matrix layer on its tiles.

    crossbars, converters : one per group
    probes : float32 (groups, vectors, rows), what drift compensation reads
    reference : sum of |response| to the probes right after programming
    """

    name: str
    crossbars: tuple[Crossbar, ...]
    converters: tuple[Converters, ...]
    probes: np.ndarray
    reference: float


@dataclass(frozen=True)
class AgedLayer:
    """A layer at one time: what reads see, the converters, and the drift compensation's scale."""

    name: str
    crossbars: tuple[AgedCrossbar, ...]
    converters: tuple[Converters, ...]
    gain: float


@dataclass(frozen=True)
class AgedChip:
    """A programmed chip at one time, ready to be read; `noise` keys the reads of this chip and time."""

    programmed: ProgrammedChip
    layers: Mapping[str, AgedLayer]
    t_s: float
    noise: Stream


@dataclass(frozen=True)
class ProgrammedChip:
    """One physical chip of a Monte Carlo: the network's weights in sampled devices.

    `instance` numbers the chip; `root` is the run's seed: together they name every random draw.
    """

    chip: Chip
    network: Network
    placement: Placement
    layers: Mapping[str, ProgrammedLayer]
    root: int
    instance: int
    t_chip_s: float

    def age_to(self, t_s: float) -> AgedChip:
        """The chip t_s seconds after programming; absolute, so the order of calls does not matter.

        With drift compensation each layer's probes are read once more, through the same noisy converters.
        """
        with one_blas_thread():
            aged = {name: self._age_layer(layer, t_s) for name, layer in self.layers.items()}
        return AgedChip(self, aged, t_s, chip_stream(self.root, self.instance).child("read", float(t_s)))

    def _age_layer(self, layer: ProgrammedLayer, t_s: float) -> AgedLayer:
        crossbars = tuple(crossbar.age_to(t_s, self.t_chip_s) for crossbar in layer.crossbars)
        gain = 1.0
        if self.chip.compensation.drift == "global":
            key = layer_stream(self.root, self.instance, layer.name).child("compensation", float(t_s))
            now = probe_response(crossbars, layer.converters, layer.probes, key)
            gain = layer.reference / now if now > 0 else 1.0
        return AgedLayer(layer.name, crossbars, layer.converters, gain)

    def read_out(self, t_s: float) -> dict[str, list[dict[str, np.ndarray]]]:
        """Every device of every layer at a time: one dictionary of named arrays per group."""
        return {
            name: [crossbar.read_out(t_s) for crossbar in layer.crossbars]
            for name, layer in self.layers.items()
        }


def programming_counts(placement: Placement) -> Counts:
    """Devices programmed per layer (per chip, not per inference), those of all copies."""
    counts = Counts(tuple(place.name for place in placement.layers), 0)
    for place in placement.layers:
        devices = place.replicas * place.weights * place.devices_per_weight
        counts.set("device_programs", place.name, devices)
    return counts


def calibration_counts(placement: Placement, chip: Chip) -> Counts:
    """Events of one drift compensation, per layer; none without compensation."""
    counts = Counts(tuple(place.name for place in placement.layers), 0)
    if chip.compensation.drift == "none":
        return counts
    for place in placement.layers:
        reads = chip.compensation.vectors * place.groups * place.phases
        driven = reads * place.rows * len(place.column_splits)
        converted = chip.compensation.vectors * place.groups * place.columns * place.conversions
        converted *= len(place.row_splits)
        counts.set("row_activations", place.name, driven)
        counts.set("array_reads", place.name, reads * len(place.row_splits) * len(place.column_splits))
        counts.set("dac_conversions", place.name, driven if chip.dac.bits else 0)
        counts.set("adc_conversions", place.name, converted if chip.adc.bits else 0)
        counts.set("additions", place.name, converted)
    return counts


def require_programmed(candidate: Any) -> ProgrammedChip:
    """The programmed chip itself; NotProgrammedError for anything else."""
    if not isinstance(candidate, ProgrammedChip):
        name = getattr(candidate, "name", type(candidate).__name__)
        raise NotProgrammedError(f"chip {name!r}", "a programmed chip", "one that holds no weights",
                                 "program it first: neurosim.programming.program(...)")  # fmt: skip
    return candidate


def chip_stream(root: int, instance: int) -> Stream:
    """The random stream of one chip instance."""
    return stream(root, "chip", instance)


def layer_stream(root: int, instance: int, layer: str) -> Stream:
    """The random stream of one layer of one chip instance."""
    return chip_stream(root, instance).child("layer", layer)


def program(network: Network, chip: Chip, placement: Placement, calibration: Calibration, root: int,
            instance: int = 0) -> ProgrammedChip:  # fmt: skip
    """Program one chip: sample its devices, calibrate its converters, take the compensation's references.

    network : folded already where the chip folds batch norm
    root, instance : the run's seed and the chip's number, which name every draw

    Raises DataError for weights that are not finite.
    """
    t_chip_s = inference_time_s(placement, chip)
    layers = {}
    for layer in network.weighted:
        key = layer_stream(root, instance, layer.name)
        matrices = layer.matrices(network.params[layer.name])
        vectors = calibration.vectors[layer.name]
        with one_blas_thread():
            layers[layer.name] = _program_layer(
                chip, placement.layer(layer.name), matrices, vectors, key, t_chip_s
            )
    return ProgrammedChip(chip, network, placement, layers, root, instance, t_chip_s)


def inference_time_s(placement: Placement, chip: Chip) -> float:
    """Chip time T of one inference: at least one read, and just that where the chip has no circuit."""
    if chip.periphery is None:
        return chip.read.t_read_s
    return max(chip_time_s(placement.layers, chip), chip.read.t_read_s)


def _program_layer(chip: Chip, place: LayerGeometry, matrices: np.ndarray, vectors: np.ndarray, key: Stream,
                   t_chip_s: float) -> ProgrammedLayer:  # fmt: skip
    device, driven = make_device(chip.device), float(np.mean(vectors != 0))
    crossbars = tuple(
        Crossbar.program(
            matrix,
            device,
            chip.cell,
            chip.read,
            place.row_splits,
            key.child("group", group),
            driven,
            chip.parameters.wires,
            place.column_splits,
            power_in_mean(vectors[group]),
        )
        for group, matrix in enumerate(matrices)
    )
    fresh = tuple(crossbar.age_to(0.0, t_chip_s) for crossbar in crossbars)
    dac = input_codes(chip, vectors, f"{place.name}: dac")
    converters = tuple(
        output_codes(chip, aged, x, dac, place.name, key.child("adc", group))
        for group, (aged, x) in enumerate(zip(fresh, vectors, strict=True))
    )
    step = max(1, vectors.shape[1] // chip.compensation.vectors)
    probes = np.ascontiguousarray(vectors[:, ::step][:, : chip.compensation.vectors])
    reference = 1.0
    if chip.compensation.drift == "global":
        reference = probe_response(fresh, converters, probes, key.child("compensation", "reference"))
    return ProgrammedLayer(place.name, crossbars, converters, probes, reference)


def power_in_mean(vectors: np.ndarray) -> float:
    """Share of the power of input vectors that lies in their mean, (mean x)^2 / mean x^2; 0 where there is none."""
    power = float(np.square(vectors, dtype=np.float64).mean())
    return float(vectors.mean(dtype=np.float64)) ** 2 / power if power else 0.0


def probe_response(crossbars: tuple[AgedCrossbar, ...], converters: tuple[Converters, ...], probes: np.ndarray,
                   key: Stream) -> float:  # fmt: skip
    """Sum of |response| of a layer to its probes, through the noisy converters, before any offset is taken off.

    This is the global drift compensation of Joshi et al. 2020: one number per layer, from a few reads.
    """
    total = 0.0
    for group, (aged, convert, x) in enumerate(zip(crossbars, converters, probes, strict=True)):
        read = Read(0, len(x), key.child(group), Tally(len(x)))
        total += float(np.abs(aged.converted(x, read, convert)).sum(dtype=np.float64))
    return total
