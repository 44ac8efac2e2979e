"""Converters of a layer: their codes, and ranges from calibration vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.aged import column_totals
from neurosim.circuits.converters import Converter, Site, adc_of_columns, calibrate
from neurosim.circuits.crossbar import AgedCrossbar, Converters
from neurosim.circuits.parameters import ConverterParameters
from neurosim.costs.timing import adcs_per_tile
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import Stream


def input_codes(chip: Chip, vectors: np.ndarray, where: str) -> Converter:
    """The codes of a layer's inputs: those of its DAC, or of inputs in phases those of all phases together.

    vectors : the layer's calibration inputs, which set the full scale
    Inputs in phases have 2^input_bits - 1 codes on either side of zero; as two's complement they have
    -2^(input_bits - 1) ... 2^(input_bits - 1) - 1, and every layer the sign.
    """
    read, signed = chip.read, bool(vectors.min() < 0)
    if read.input_bits is None:
        return calibrate(vectors, chip.dac, signed, where)
    serial = chip.dac.model_copy(update={"bits": read.input_bits})
    if read.signed_inputs == "twos_complement":
        codes = calibrate(vectors, serial, True, where)
        return replace(codes, low=codes.low - 1)
    codes = calibrate(vectors, serial, False, where)
    return replace(codes, low=-int(codes.high)) if signed else codes


def output_codes(
    chip: Chip, fresh: AgedCrossbar, x: np.ndarray, dac: Converter, name: str, key: Stream
) -> Converters:
    """ADC ranges of each row tile, from the currents of the calibration vectors on the fresh chip.

    Raises ConfigError for steps of one level where cells have no levels.
    """
    adcs_here = adcs_per_tile(chip, chip.periphery) if chip.periphery is not None else 1
    splits = fresh.crossbar.column_splits or (fresh.columns,)
    copies = fresh.d[0].shape[1] // fresh.columns
    largest = fresh.largest_inputs(dac.full_scale)
    signed, measured = _both_signs(chip, fresh, dac), chip.adc.range == "calibrated"
    adc_of, totals = adc_of_columns(splits, adcs_here, copies), _column_totals(chip, fresh)
    adcs = tuple(
        calibrate(
            current,
            _ranged(chip, largest[tile], signed, dac),
            signed,
            f"{name}: adc of row tile {tile}",
            _site(
                key.child(tile),
                largest[tile],
                adc_of,
                len(fresh.d[tile]),
                None if totals is None else totals[tile],
            ),
        )
        for tile, current in enumerate(fresh.adc_inputs(x if measured else x[:1], dac))
    )
    return Converters(dac, adcs)


def _column_totals(chip: Chip, fresh: AgedCrossbar) -> list[np.ndarray] | None:
    """Total conductances of the columns, as `column_totals`; None where currents are sensed."""
    if chip.read.sensing == "current":
        return None
    if chip.cell.sliced:
        raise ConfigError(f"chip {chip.name}: read.sensing", 'cells without slices for sensing = "voltage"',
                          f"{chip.cell.slices} slices", 'use sensing = "current"')  # fmt: skip
    return column_totals(fresh)


def _site(stream: Stream, largest: float, adc_of: np.ndarray, rows: int, totals: np.ndarray | None) -> Site:
    """The site of a row tile's ADCs: of columns that float, the largest is that of all rows at full voltage."""
    if totals is None or not totals.any():
        return Site(stream, largest, adc_of)
    mean = totals[totals > 0].mean()
    shares = np.where(totals > 0, totals / mean, 1.0).astype(np.float32)  # an empty column carries no current
    return Site(stream, largest * mean / rows, adc_of, shares)


def _both_signs(chip: Chip, fresh: AgedCrossbar, dac: Converter) -> bool:
    """Whether currents of both signs reach the ADCs."""
    if not fresh.converts_apart and chip.cell.kind == "differential":
        return True
    summed = chip.read.signed_inputs == "twos_complement" and chip.read.accumulate == "analog"
    return summed or (dac.signed and chip.read.signed_inputs == "bipolar")


def _ranged(chip: Chip, largest: float, signed: bool, dac: Converter) -> ConverterParameters:
    """The ADC's parameters, steps of one level as the share of the largest current that they amount to."""
    adc = chip.adc
    if adc.range != "levels":
        return adc
    if not chip.cell.sliced or adc.bits is None:
        raise ConfigError(f"chip {chip.name}: adc.range", "cells with levels: weight_bits and bits_per_cell",
                          'range = "levels" without them', "use another range, or slice the weights")  # fmt: skip
    codes = 2 ** (adc.bits - 1) - 1 if signed else 2**adc.bits - 1
    step = 1.0 if chip.read.serial else dac.lsb or 1.0
    return adc.model_copy(update={"range": "fixed", "full_scale": codes * step / largest})
