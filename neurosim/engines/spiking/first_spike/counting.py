"""Events of an inference whose neurons spike once; what comes after the decision is not counted."""

from __future__ import annotations

import numpy as np

from neurosim.chips import Chip
from neurosim.engines.spiking.first_spike.drives import Drives
from neurosim.engines.spiking.first_spike.options import Chain
from neurosim.engines.spiking.first_spike.solving import Times, decisions
from neurosim.foundation.counts import Counts
from neurosim.placement import Placement

PIXEL_BYTES = 1  # of an input in the buffer that the encoder reads

ALWAYS = ("array_siemens", "row_activations", "array_reads", "input_spikes", "spikes", "synaptic_events")


def varying_counters(chip: Chip) -> tuple[str, ...]:
    """Counters that differ from image to image on a chip."""
    adc = ("adc_conversions", "adc_saturations") if chip.adc.bits is not None else ()
    dac = ("dac_conversions", "dac_saturations") if chip.dac.bits is not None else ()
    analog = chip.neuron is not None and chip.neuron.kind == "analog"
    return (*ALWAYS, *adc, *dac, "threshold_decisions" if analog else "neuron_updates")


def count_first_spike(chain: Chain, placement: Placement, images: int) -> Counts:
    """Events that are the same for every image: each input is read from its buffer and compared once."""
    counts = Counts(tuple(layer.name for layer in placement.layers), images)
    first = chain.layers[0]
    counts.set("encoder_updates", first.name, first.rows)
    counts.set("buffer_reads", first.name, first.rows * PIXEL_BYTES)
    return counts


def count_events(
    chip: Chip, placement: Placement, drives: Drives, times: Times, stop: bool
) -> dict[str, np.ndarray]:
    """Events per layer and image, float64 (layers, images), by counter; with `stop`, up to the decision.

    A spike drives its row in every column tile. The first layer is read twice at most, all its tiles at once;
    further layers once per spike. After each read every neuron of the layer takes what its column gave.
    """
    counted = {name: np.zeros((len(times), len(drives))) for name in varying_counters(chip)}
    end = decisions(times) if stop else np.full(len(drives), np.inf)
    happened = np.stack([np.full(len(end), True), drives.gap <= end], axis=1) & (drives.inputs > 0)
    for number, place in enumerate(placement.layers):
        if number == 0:
            spikes, reads = (drives.inputs * happened).sum(axis=1), happened.sum(axis=1)
            row_tiles = len(place.row_splits)
            tallies = zip(drives.tallies, happened.T, strict=True)
            measured = [(t.array_siemens, t.adc_saturations, t.dac_saturations, on) for t, on in tallies]
            siemens, adc, dac = (sum(m[k] * m[3] for m in measured) for k in range(3))
        else:
            arrived = times[number - 1] <= end[:, None]
            arrived &= np.isfinite(times[number - 1])
            spikes = reads = arrived.sum(axis=1)
            row_tiles, own = 1, drives.rows[number - 1]
            siemens, adc, dac = (
                arrived @ own.siemens,
                (arrived * own.saturated).sum(axis=1),
                np.zeros(len(end)),
            )
        sent = (np.isfinite(times[number]) & (times[number] <= end[:, None])).sum(axis=1)
        converted = reads * row_tiles * place.columns * place.polarities
        events = {
            "array_siemens": siemens,
            "row_activations": spikes * len(place.column_splits),
            "dac_conversions": spikes * len(place.column_splits),
            "array_reads": reads * row_tiles * len(place.column_splits),
            "adc_conversions": converted,
            "adc_saturations": adc,
            "dac_saturations": dac,
            "input_spikes": spikes if number == 0 else np.zeros(len(end)),
            "spikes": sent,
            "synaptic_events": spikes * place.columns,
            "neuron_updates": reads * place.columns,
            "threshold_decisions": reads * place.columns,
        }
        for name, array in counted.items():
            array[number] = events[name]
    return counted
