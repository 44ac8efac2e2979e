"""The summary of a run file: accuracy over times, costs, saturation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.circuits.cells import column_bits
from neurosim.costs import Ledger, StoredRun, price_run, price_stored, stored_run
from neurosim.recording import RunFile
from neurosim.reports.accuracy import Accuracy
from neurosim.reports.activity import Activity, activity
from neurosim.reports.stored import Stored


@dataclass(frozen=True)
class Summary:
    """What a classification run came to.

    attributes : of the run file (network, chip, chip_label, mode, inputs, seed, ...)
    accuracy : over chips, per time
    float_accuracy : of the plain float network on the same images; NaN where there is none
    agreement : fraction of images that chip and float network class alike, mean over chips, (times,)
    saturation : "ADC" and "DAC" -> fraction of conversions at the end of the range, (times, layers); what
        the chip does not have is left out
    narrow_adc : of layers whose ADC has fewer bits than the sums of a column need: layer -> (bits, bits needed)
    confusion : int64 (times, true class, given class), summed over chips
    ledger : costs per inference, mean over chips and times
    joules : energy per inference at each time, (times,): conductances drift, and with them the array's
    activity : how much the neurons spiked; None for rates
    """

    attributes: Mapping[str, Any]
    images: int
    layers: tuple[str, ...]
    class_names: tuple[str, ...]
    accuracy: Accuracy
    float_accuracy: float
    agreement: np.ndarray
    saturation: Mapping[str, np.ndarray]
    confusion: np.ndarray = field(repr=False)
    ledger: Ledger = field(repr=False)
    joules: np.ndarray
    activity: Activity | None = None
    narrow_adc: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def chips(self) -> int:
        """Programmed chips."""
        return len(self.accuracy.per_chip)

    @property
    def difference_to_float(self) -> np.ndarray:
        """Mean accuracy minus that of the float network, (times,)."""
        return self.accuracy.mean - self.float_accuracy


def summarise(run: RunFile, prices: Any = None) -> Summary:
    """Summary of an open run file; `prices` as for `neurosim.costs.price_run`.

    Raises DataError when the file holds no classification.
    """
    stored = Stored(run)
    labels, predictions, reference = stored.labels, stored.predictions, stored.float_predictions
    first = stored_run(run, time=0)
    times, classes = range(len(stored.times_s)), len(stored.class_names)
    return Summary(
        attributes=stored.attributes,
        images=len(labels),
        layers=stored.layers,
        class_names=stored.class_names,
        accuracy=Accuracy.of(predictions == labels, stored.times_s),
        float_accuracy=float((reference == labels).mean()) if (reference >= 0).any() else math.nan,
        agreement=(predictions == reference).mean(axis=(0, 2)),
        saturation=_saturation(stored, first),
        confusion=np.stack([confusion_matrix(labels, predictions[:, t], classes) for t in times]),
        ledger=price_run(run, prices),
        activity=activity(run),
        narrow_adc=narrow_adc(first),
        joules=np.array([price_stored(stored_run(run, time=t), prices).total for t in times]),
    )


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Images by true and given class, int64 (classes, classes); predictions (..., images) are summed."""
    flat = np.broadcast_to(labels, predictions.shape).astype(np.int64) * classes + predictions
    return np.bincount(flat.ravel(), minlength=classes * classes).reshape(classes, classes)


def narrow_adc(run: StoredRun) -> dict[str, tuple[int, int]]:
    """Layers whose ADC cannot tell all sums of a column apart: layer -> (its bits, the bits that would)."""
    chip, found = run.chip, {}
    if chip.parameters.read is None or chip.adc.bits is None:
        return {}
    for place in run.geometries:
        needed = column_bits(chip.cell, chip.read, max(place.row_splits), signed=False)
        if needed is not None and needed > chip.adc.bits:
            found[place.name] = (chip.adc.bits, needed)
    return found


def _saturation(stored: Stored, run: StoredRun) -> dict[str, np.ndarray]:
    """Fractions of conversions at the end of the range, by converter, (times, layers)."""
    # an input that several column tiles share is clipped once and counted once, but driven by each tile's DAC
    shared = np.array([len(place.column_splits) for place in run.geometries], float)
    fractions = {}
    for name, counter, repeats in (("ADC", "adc", np.ones_like(shared)), ("DAC", "dac", shared)):
        clipped = stored.count(f"{counter}_saturations")
        converted = stored.count(f"{counter}_conversions")
        if clipped is not None and converted is not None and converted.all():
            fractions[name] = clipped * repeats / converted
    return fractions
