"""The run file of a classification: what it holds, and the recorder that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from neurosim.chips import Chip
from neurosim.devices import make_device
from neurosim.engines.engine import Inputs, Segment
from neurosim.engines.steps import Steps, whole
from neurosim.foundation.counts import COUNTERS, Counts, LayerGeometry
from neurosim.foundation.errors import ConfigError
from neurosim.placement import Placement
from neurosim.programming import calibration_counts, programming_counts
from neurosim.recording import Coordinate, Plan, RunWriter, Static, Variable, nir_static

RECORDS = ("outputs", "states", "spikes", "traces", "none")  # what --record may name
SIDES = ("plus", "minus")


class Described(Protocol):
    """A network, as far as a run file tells of it."""

    def description(self) -> str:
        """Its TOML text."""
        ...


class Placed(Protocol):
    """Where a network sits, whichever kind of chip it is."""

    @property
    def layers(self) -> Sequence[LayerGeometry]:
        """The layers that are placed, in order."""
        ...

    def to_json(self) -> str:
        """The layers as JSON."""
        ...


@dataclass(frozen=True, eq=False)
class Extra:
    """What an engine records beside all that is planned here; as for `Plan`. Filled by `FileRecorder.put_extra`."""

    variables: tuple[Variable, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    coordinates: Mapping[str, Coordinate] = field(default_factory=dict)
    static: Mapping[str, Static] = field(default_factory=dict)


@dataclass(frozen=True)
class Classification:
    """All that is known of a run before it begins.

    network : None where there is no text of it, only the NIR form
    labels, float_predictions : int64 (N,)
    counts : what is the same for every image, by the layers of the placement
    record : of RECORDS; "states" keeps every chip at every time, else chip 0 at the first time is kept; "none"
        keeps neither devices nor scores, nor scores and counts per step
    varying : counters that differ from image to image; None: those of rate-coded inference on this chip
    steps : of engines that compute in steps
    devices : whether the chip is made of devices, whose states and drift compensation are recorded
    once : "programming" and "calibration" -> counts of each; None: those of crossbars
    nir : the network in NIR form, as nested dictionaries, and NIR's version
    """

    network: Described | None
    chip: Chip
    placement: Placed
    inputs: Inputs
    labels: np.ndarray
    class_names: Sequence[str]
    float_predictions: np.ndarray
    counts: Counts
    instances: int
    record: frozenset[str]
    attributes: Mapping[str, Any]
    provenance: Mapping[str, Any]
    varying: tuple[str, ...] | None = None
    steps: Steps | None = None
    extra: Extra = field(default_factory=Extra)
    devices: bool = True
    once: Mapping[str, Counts] | None = None
    nir: tuple[Mapping[str, Any], str] | None = None

    @property
    def counters(self) -> tuple[str, ...]:
        """Counters that differ from image to image on this chip."""
        if self.varying is not None:
            return self.varying
        names = ["array_siemens"]
        if self.chip.adc.bits is not None:
            names.append("adc_saturations")
        if self.chip.dac.bits is not None:
            names.append("dac_saturations")
        return tuple(names)

    @property
    def state_chips(self) -> tuple[int, ...]:
        """Chips whose devices are recorded."""
        return tuple(range(self.instances)) if "states" in self.record else (0,)

    @property
    def state_times(self) -> tuple[int, ...]:
        """Numbers of the times at which devices are recorded."""
        return tuple(range(len(self.inputs.times_s))) if "states" in self.record else (0,)

    @property
    def units(self) -> int:
        """Units of work: chip by chip, time by time, segment by segment."""
        return self.instances * len(self.inputs.times_s) * len(self.inputs.segments)

    @property
    def single(self) -> bool:
        """Whether there is one chip at one time."""
        return self.instances * len(self.inputs.times_s) == 1


def plan(run: Classification) -> Plan:
    """The run file of a classification.

    Raises ConfigError where spikes or membranes are to be recorded that this run does not have.
    """
    _check_record(run)
    sizes, variables = _state_variables(run)
    axes = ("chip", "time", "image")
    variables.append(Variable("/outputs/predictions", axes, "int16", "1", "class with the largest score"))
    if "outputs" in run.record:
        scores = Variable("/outputs/scores", (*axes, "class"), "float32", "1", "outputs of the network")
        variables.append(scores)
    for counter in run.counters:
        entry = COUNTERS[counter]
        dims = ("chip", "time", "layer", "image")
        dtype = _counter_dtype(run, counter)
        variables.append(Variable(f"/counts/inference/{counter}", dims, dtype, entry.unit, entry.meaning))
    if run.devices:
        gain = ("chip", "time", "layer")
        text = "drift compensation, after the ADC"
        variables.append(Variable("/compensation/gain", gain, "float64", "1", text))
    steps = run.steps
    nir_sizes, nir = nir_static(*run.nir) if run.nir else ({}, {})
    return Plan(
        variables=(*variables, *(steps.variables(run.record) if steps else ()), *run.extra.variables),
        n_units=run.units,
        sizes={**sizes, **nir_sizes, **run.extra.sizes},
        coordinates={**_coordinates(run), **run.extra.coordinates},
        static={**_static(run), **nir, **run.extra.static},
        attributes=run.attributes,
        provenance=run.provenance,
        streams=steps.streams(run.record, run.instances, run.inputs.times_s) if steps else (),
    )


def _check_record(run: Classification) -> None:
    if "spikes" in run.record and not (run.steps and run.steps.populations):
        expected, remedy = (
            "what this run can record: outputs, states or none",
            "use --mode spiking, or leave it out",
        )
        raise ConfigError("record", expected, "spikes", remedy)
    if "traces" in run.record and not (run.steps and run.steps.traced):
        expected, remedy = (
            "neurons whose membranes are recorded",
            "name them, as in --trace dense1_neurons:0,5",
        )
        raise ConfigError("record traces", expected, "none", remedy)


def _counter_dtype(run: Classification, counter: str) -> str:
    """Saturations are whole numbers, of which no image has more than conversions: two bytes are mostly enough."""
    if COUNTERS[counter].unit == "S":
        return "float32"
    conversions = run.counts.fixed.get({"adc_saturations": "adc_conversions", "dac_saturations": "dac_conversions"}
                                       .get(counter, ""))  # fmt: skip
    if not conversions:
        return "int64"
    return "uint16" if max(conversions.values()) < 2**16 else "uint32"


def _coordinates(run: Classification) -> dict[str, Coordinate]:
    times = np.asarray(run.inputs.times_s)
    made = {
        "chip": Coordinate(np.arange(run.instances), "1", "number of the programmed chip"),
        "time": Coordinate(times, "s", "time since the end of programming"),
        "image": Coordinate(np.arange(len(run.labels)), "1", "index in the data set"),
        "class": Coordinate(list(run.class_names), "1", "name of the class"),
        "layer": Coordinate([layer.name for layer in run.placement.layers], "1", "layer that holds a matrix"),
    }
    if run.devices:
        chips, chosen = np.array(run.state_chips), times[list(run.state_times)]
        made["state_chip"] = Coordinate(chips, "1", "chip whose devices are recorded")
        made["state_time"] = Coordinate(chosen, "s", "time at which devices are recorded")
    return made | (run.steps.coordinates(run.record) if run.steps else {})


def _static(run: Classification) -> dict[str, Static]:
    text = {
        "/description/chip_toml": Static(run.chip.toml, description="the chip, as TOML"),
        "/description/geometry": Static(run.placement.to_json(), description="tiles of every layer, as JSON"),
    }
    if run.network is not None:
        described = Static(run.network.description(), description="the network, as TOML")
        text["/description/network_toml"] = described
    answers = {
        "/outputs/labels": Static(run.labels.astype(np.int16), ("image",), "1", "true class"),
        "/outputs/float_predictions": Static(run.float_predictions.astype(np.int16), ("image",), "1",
                                             "class the float network gives"),
    }  # fmt: skip
    per_step = run.steps.static([layer.name for layer in run.placement.layers]) if run.steps else {}
    return text | answers | _fixed_counts(run) | per_step


def _fixed_counts(run: Classification) -> dict[str, Static]:
    once = run.once
    if once is None:
        assert isinstance(run.placement, Placement)
        once = {
            "programming": programming_counts(run.placement),
            "calibration": calibration_counts(run.placement, run.chip),
        }
    tables = {}
    for phase, counts in {"inference": run.counts, **once}.items():
        for counter, per_layer in counts.fixed.items():
            entry = COUNTERS[counter]
            numbers = np.array([per_layer[name] for name in counts.layers], np.int64)
            tables[f"/counts/{phase}/{counter}"] = Static(numbers, ("layer",), entry.unit, entry.meaning)
    return tables


def _sides(chip: Chip) -> tuple[str, ...]:
    return SIDES if chip.cell.kind == "differential" else SIDES[:1]


def _state_variables(run: Classification) -> tuple[dict[str, int], list[Variable]]:
    sizes: dict[str, int] = {}
    variables: list[Variable] = []
    if "none" in run.record or not run.devices:
        return sizes, variables
    constants = make_device(run.chip.device).constants
    for place in run.placement.layers:
        group = f"states/{place.name}"
        shape = state_shape(place, run.chip)
        sizes |= {f"{group}/{dim}": length for dim, length in shape.items()}
        dims, snapshot = tuple(shape), ("state_chip", "state_time")
        for side in _sides(run.chip):
            for name, (unit, meaning) in constants.items():
                path = f"/{group}/{name}_{side}"
                variables.append(
                    Variable(path, ("state_chip", *dims), "float32", unit, meaning, ("state_chip",))
                )
            texts = {
                "g": "conductance, frozen noise included",
                "frozen_noise": "frozen part of the read noise",
            }
            for name, meaning in texts.items():
                path = f"/{group}/{name}_{side}"
                variables.append(Variable(path, (*snapshot, *dims), "float32", "S", meaning, snapshot))
    return sizes, variables


def state_shape(place: LayerGeometry, chip: Chip) -> dict[str, int]:
    """Dimensions of one device array of a layer; groups and devices only where there are several: those of all slices,
    the least significant first, and in parallel."""
    parallel = chip.cell.slices * chip.cell.devices_per_weight
    shape = {"group": place.groups} if place.groups > 1 else {}
    shape |= {"device": parallel} if parallel > 1 else {}
    return shape | {"row": place.rows, "column": place.columns}


@dataclass
class FileRecorder:
    """Writes one chip's segments to the run's writer; units done before a resume are not wanted again."""

    run: Classification
    writer: RunWriter
    instance: int
    first_wanted: int

    def unit(self, time: int, segment: int) -> int:
        """Number of a unit of work."""
        times, segments = len(self.run.inputs.times_s), len(self.run.inputs.segments)
        return (self.instance * times + time) * segments + segment

    def wanted(self, time: int, segment: int) -> bool:
        """Whether a segment is still to be computed."""
        return self.unit(time, segment) >= self.first_wanted

    def aged(self, time: int, chip: Any) -> None:
        """Record the compensation and, where chosen, the devices, with the first segment of this time."""
        if not self.run.devices or not self.wanted(time, 0):
            return
        for row, layer in enumerate(chip.layers.values()):
            self.writer.put("/compensation/gain", (self.instance, time, row), layer.gain)
        chosen = self.instance in self.run.state_chips and time in self.run.state_times
        if chosen and "none" not in self.run.record:
            for place in self.run.placement.layers:
                self._put_states(time, place, chip)

    def _put_states(self, time: int, place: LayerGeometry, chip: Any) -> None:
        crossbars = chip.layers[place.name].crossbars
        shape = tuple(state_shape(place, self.run.chip).values())
        at = self.run.state_chips.index(self.instance)
        first = time == self.run.state_times[0]
        device = crossbars[0].crossbar.device
        for number, side in enumerate(_sides(self.run.chip)):

            def stacked(pick: Any, number: int = number) -> np.ndarray:
                return np.stack([pick(c)[number] for c in crossbars]).reshape(shape)

            root = f"/states/{place.name}"
            for name in device.constants if first else ():
                values = stacked(lambda c, name=name: device.constant(c.crossbar.state, name))
                self.writer.put(f"{root}/{name}_{side}", (at,), values)
            aged = stacked(lambda c: c.device_siemens)
            mean = stacked(lambda c: device.conductance(c.crossbar.state, chip.t_s))
            when = (at, self.run.state_times.index(time))
            self.writer.put(f"{root}/g_{side}", when, aged)
            self.writer.put(f"{root}/frozen_noise_{side}", when, aged - mean)

    def put_extra(
        self, path: str, index: Sequence[int | slice], array: np.ndarray, time: int = 0, segment: int = 0
    ) -> None:
        """Record part of an extra variable, with the segment of this time (index) that is put next."""
        if self.wanted(time, segment):
            self.writer.put(path, index, array)

    def put(self, segment: Segment) -> None:
        """Record one segment and end its unit of work."""
        at = (self.instance, segment.time, segment.where)
        self.writer.put("/outputs/predictions", at, segment.scores.argmax(axis=1).astype(np.int16))
        if "outputs" in self.run.record:
            self.writer.put("/outputs/scores", at, segment.scores)
        for counter in self.run.counters:
            where, path = (
                (self.instance, segment.time, slice(None), segment.where),
                f"/counts/inference/{counter}",
            )
            self.writer.put(
                path, where, whole(path, segment.varying[counter], _counter_dtype(self.run, counter))
            )
        for path, values in segment.extra.items():
            self.writer.put(path, at, values)
        if self.run.steps is not None:
            self.run.steps.put(self.writer, segment, self.instance, self.run.record, self.run.single)
        self.writer.finish_unit()
