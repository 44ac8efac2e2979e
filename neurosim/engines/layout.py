"""The run file of a classification: what it holds, and the recorder that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.chips import Chip
from neurosim.devices import make_device
from neurosim.engines.engine import Inputs, Segment
from neurosim.foundation.counts import COUNTERS, Counts, LayerGeometry
from neurosim.graph import Network
from neurosim.placement import Placement
from neurosim.programming import AgedChip, calibration_counts, programming_counts
from neurosim.recording import Coordinate, Plan, RunWriter, Static, Variable

RECORDS = ("outputs", "states", "none")  # what --record may name
SIDES = ("plus", "minus")


@dataclass(frozen=True)
class Classification:
    """All that is known of a run before it begins.

    labels, float_predictions : int64 (N,)
    record : of RECORDS; "states" keeps every chip at every time, else chip 0 at the first time is kept
    """

    network: Network
    chip: Chip
    placement: Placement
    inputs: Inputs
    labels: np.ndarray
    class_names: Sequence[str]
    float_predictions: np.ndarray
    counts: Counts
    instances: int
    record: frozenset[str]
    attributes: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @property
    def varying(self) -> tuple[str, ...]:
        """Counters that differ from image to image on this chip."""
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


def plan(run: Classification) -> Plan:
    """The run file of a classification."""
    sizes, variables = _state_variables(run)
    axes = ("chip", "time", "image")
    variables.append(Variable("/outputs/predictions", axes, "int16", "1", "class with the largest score"))
    if "outputs" in run.record:
        scores = Variable("/outputs/scores", (*axes, "class"), "float32", "1", "outputs of the network")
        variables.append(scores)
    for counter in run.varying:
        entry = COUNTERS[counter]
        dims = ("chip", "time", "layer", "image")
        dtype = _counter_dtype(run.counts, counter)
        variables.append(Variable(f"/counts/inference/{counter}", dims, dtype, entry.unit, entry.meaning))
    gain = Variable(
        "/compensation/gain", ("chip", "time", "layer"), "float64", "1", "drift compensation, after the ADC"
    )
    return Plan(
        variables=(*variables, gain),
        n_units=run.units,
        sizes=sizes,
        coordinates=_coordinates(run),
        static=_static(run),
        attributes=run.attributes,
        provenance=run.provenance,
    )


def _counter_dtype(counts: Counts, counter: str) -> str:
    """Saturations are whole numbers, of which no image has more than conversions: two bytes are mostly enough."""
    conversions = {"adc_saturations": "adc_conversions", "dac_saturations": "dac_conversions"}
    if counter not in conversions:
        return "float32"
    most = max(counts.fixed[conversions[counter]].values())
    return "uint16" if most < 2**16 else "uint32"


def _coordinates(run: Classification) -> dict[str, Coordinate]:
    times = np.asarray(run.inputs.times_s)
    return {
        "chip": Coordinate(np.arange(run.instances), "1", "number of the programmed chip"),
        "time": Coordinate(times, "s", "time since the end of programming"),
        "image": Coordinate(np.arange(len(run.labels)), "1", "index in the data set"),
        "class": Coordinate(list(run.class_names), "1", "name of the class"),
        "layer": Coordinate([layer.name for layer in run.placement.layers], "1", "layer that holds a matrix"),
        "state_chip": Coordinate(np.array(run.state_chips), "1", "chip whose devices are recorded"),
        "state_time": Coordinate(times[list(run.state_times)], "s", "time at which devices are recorded"),
    }


def _static(run: Classification) -> dict[str, Static]:
    text = {
        "/description/chip_toml": Static(run.chip.toml, description="the chip, as TOML"),
        "/description/network_toml": Static(run.network.description(), description="the network, as TOML"),
        "/description/geometry": Static(run.placement.to_json(), description="tiles of every layer, as JSON"),
    }
    answers = {
        "/outputs/labels": Static(run.labels.astype(np.int16), ("image",), "1", "true class"),
        "/outputs/float_predictions": Static(run.float_predictions.astype(np.int16), ("image",), "1",
                                             "class the float network gives"),
    }  # fmt: skip
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
    return text | answers | tables


def _sides(chip: Chip) -> tuple[str, ...]:
    return SIDES if chip.cell.kind == "differential" else SIDES[:1]


def _state_variables(run: Classification) -> tuple[dict[str, int], list[Variable]]:
    sizes: dict[str, int] = {}
    variables: list[Variable] = []
    if "none" in run.record:
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
    """Dimensions of one device array of a layer; groups and parallel devices only where there are several."""
    parallel = chip.cell.devices_per_weight
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

    def aged(self, time: int, chip: object) -> None:
        """Record the compensation and, where chosen, the devices, with the first segment of this time."""
        assert isinstance(chip, AgedChip)
        if not self.wanted(time, 0):
            return
        for row, layer in enumerate(chip.layers.values()):
            self.writer.put("/compensation/gain", (self.instance, time, row), layer.gain)
        chosen = self.instance in self.run.state_chips and time in self.run.state_times
        if chosen and "none" not in self.run.record:
            for place in self.run.placement.layers:
                self._put_states(time, place, chip)

    def _put_states(self, time: int, place: LayerGeometry, chip: AgedChip) -> None:
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
            aged = stacked(lambda c: c.g_siemens)
            mean = stacked(lambda c: device.conductance(c.crossbar.state, chip.t_s))
            when = (at, self.run.state_times.index(time))
            self.writer.put(f"{root}/g_{side}", when, aged)
            self.writer.put(f"{root}/frozen_noise_{side}", when, aged - mean)

    def put(self, segment: Segment) -> None:
        """Record one segment and end its unit of work."""
        at = (self.instance, segment.time, segment.where)
        self.writer.put("/outputs/predictions", at, segment.scores.argmax(axis=1).astype(np.int16))
        if "outputs" in self.run.record:
            self.writer.put("/outputs/scores", at, segment.scores)
        for counter, numbers in segment.varying.items():
            where = (self.instance, segment.time, slice(None), segment.where)
            dtype = _counter_dtype(self.run.counts, counter)
            self.writer.put(f"/counts/inference/{counter}", where, numbers.astype(dtype))
        self.writer.finish_unit()
