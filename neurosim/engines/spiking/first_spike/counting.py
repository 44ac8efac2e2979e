"""Events of an inference whose neurons spike once; what comes after the decision is not counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.row_reads import RowReads
from neurosim.engines.spiking.first_spike.drives import Drives
from neurosim.engines.spiking.first_spike.options import Chain
from neurosim.engines.spiking.first_spike.solving import Times, decisions
from neurosim.foundation.counts import Counts, LayerGeometry
from neurosim.placement import Placement

ALWAYS = ("array_siemens", "row_activations", "array_reads", "input_spikes", "spikes", "synaptic_events")


def varying_counters(chip: Chip) -> tuple[str, ...]:
    """Counters that differ from image to image on a chip."""
    adc = ("adc_conversions", "adc_saturations") if chip.adc.bits is not None else ()
    dac = ("dac_conversions", "dac_saturations") if chip.dac.bits is not None else ()
    digital = ("neuron_updates", "partial_sums", "scalings")
    return (*ALWAYS, *adc, *dac, *(digital if _is_digital(chip) else ("threshold_decisions",)))


def count_first_spike(chain: Chain, placement: Placement, images: int) -> Counts:
    """Events that are the same for every image: each input is compared with its level once."""
    counts = Counts(tuple(layer.name for layer in placement.layers), images)
    counts.set("encoder_updates", chain.layers[0].name, chain.layers[0].rows)
    return counts


def count_events(
    chip: Chip, placement: Placement, drives: Drives, times: Times, stop: bool
) -> dict[str, np.ndarray]:
    """Events per layer and image, float64 (layers, images), by counter; with `stop`, up to the decision.

    A spike drives its row in every column tile. The first layer is read twice at most, all its tiles at once;
    further layers once per spike. After each read every neuron of the layer takes what its column gave.
    """
    end = decisions(times) if stop else np.full(len(drives), np.inf)
    counted = {name: np.zeros((len(times), len(drives))) for name in varying_counters(chip)}
    for number, place in enumerate(placement.layers):
        seen = (
            _by_inputs(drives, end)
            if number == 0
            else _by_spikes(drives.rows[number - 1], times[number - 1], end)
        )
        tiles = len(place.row_splits) if number == 0 else 1
        events = _events(seen, place, tiles, chip.cell.kind == "offset")
        events["input_spikes"] = seen.arrived * (number == 0)
        events["spikes"] = _until(times[number], end).sum(axis=1)
        for name, array in counted.items():
            array[number] = events[name]
    return counted


@dataclass(frozen=True)
class _Seen:
    """What reaches a layer, per image: spikes, reads they make, conductance driven, saturated conversions."""

    arrived: np.ndarray
    reads: np.ndarray
    siemens: np.ndarray
    adc: np.ndarray
    dac: np.ndarray


def _by_inputs(drives: Drives, end: np.ndarray) -> _Seen:
    happened = np.stack([np.full(len(end), True), drives.gap <= end], axis=1) & (drives.inputs > 0)
    tallies = drives.tallies
    siemens, adc, dac = (
        sum(getattr(tally, name) * on for tally, on in zip(tallies, happened.T, strict=True))
        for name in ("array_siemens", "adc_saturations", "dac_saturations")
    )
    return _Seen((drives.inputs * happened).sum(axis=1), happened.sum(axis=1), siemens, adc, dac)


def _by_spikes(rows: RowReads, times: np.ndarray, end: np.ndarray) -> _Seen:
    arrived = _until(times, end)
    count = arrived.sum(axis=1)
    return _Seen(
        count, count, arrived @ rows.siemens, (arrived * rows.saturated).sum(axis=1), np.zeros(len(end))
    )


def _until(times: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(times) & (times <= end[:, None]))


def _events(seen: _Seen, place: LayerGeometry, tiles: int, offset: bool) -> dict[str, np.ndarray]:
    """Events of one layer per image; `tiles` row tiles take part in each of its reads."""
    across, sums = len(place.column_splits), seen.reads * place.columns
    converted = sums * tiles * place.polarities
    return {
        "array_siemens": seen.siemens,
        "row_activations": seen.arrived * across,
        "dac_conversions": seen.arrived * across,
        "dac_saturations": seen.dac,
        "array_reads": seen.reads * tiles * across,
        "adc_conversions": converted,
        "adc_saturations": seen.adc,
        "partial_sums": converted - sums + (seen.arrived + sums if offset else 0),
        "scalings": sums,
        "synaptic_events": seen.arrived * place.columns,
        "neuron_updates": sums,
        "threshold_decisions": sums,
    }


def _is_digital(chip: Chip) -> bool:
    return chip.neuron is None or chip.neuron.kind == "digital"
