"""Reads of single rows: what a crossbar gives when each of its inputs drives it alone, at a time of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.circuits.converters import Converter, ReadKey
from neurosim.circuits.crossbar import AgedCrossbar, Converters
from neurosim.foundation.streams import Stream
from neurosim.kernels import reads


@dataclass(frozen=True)
class RowReads:
    """What the reads of all rows give, one row at a time.

    weights : float32 (images, rows, columns), or (1, rows, columns) where every read gives the same
    siemens : float64 (rows,), what one read drives, duty-weighted as `array_siemens`
    saturated : float64 (images or 1, rows), conversions of each read that hit the end of the ADC's range
    """

    weights: np.ndarray
    siemens: np.ndarray
    saturated: np.ndarray


def read_rows(aged: AgedCrossbar, converters: Converters, gain: float, first_image: int, images: int,
              noise: Stream) -> RowReads:  # fmt: skip
    """Read every row of a crossbar on its own, with an input of 1, for each of `images` consecutive images.

    gain : the layer's drift compensation, multiplied after conversion
    noise : keys the reads' noise, together with the image's index, the row and the column

    Each read passes the row tile's own ADC; noise is drawn at its input, as in `AgedCrossbar.forward`. Without
    noise per read, of devices or comparators, all images share one set of reads.
    """
    if aged.s2 is None and not any(adc.noisy for adc in converters.adcs):
        images = 1
    driven, siemens = _driven(aged, converters)
    word0, word1 = (np.uint64(word) for word in noise.words())
    parts, saturated, start = [], np.zeros((images, len(driven))), 0
    for tile, (d, adc) in enumerate(zip(aged.d, converters.adcs, strict=True)):
        rows = slice(start, start + len(d))
        start += len(d)
        x = driven[rows, None]
        current = np.repeat((x * d)[None], images, axis=0)
        if aged.s2 is not None:
            variance = np.broadcast_to((x * x * aged.s2[tile]).reshape(1, -1), (images, d.size))
            reads.add_normals(current.reshape(images, -1), variance, images, first_image, word0, word1, tile)
        current = current.reshape(images, *d.shape)
        converted, clipped = np.zeros_like(current), np.zeros(current.shape[:2])
        if adc.plain:  # alike for all: one call for all reads
            flat = (-1, d.shape[1])
            key = ReadKey(word0, word1, first_image, tile)
            adc.convert_into(current.reshape(flat), converted.reshape(flat), clipped.reshape(-1), key)
        else:
            _convert_rows(adc, current, converted, clipped, (word0, word1), first_image, tile, len(aged.d))
        saturated[:, rows] = clipped
        parts.append(converted)
    return RowReads(_scaled(aged, np.concatenate(parts, axis=1), driven, gain), siemens, saturated)


def _convert_rows(adc: Converter, current: np.ndarray, converted: np.ndarray, clipped: np.ndarray,
                  words: tuple[np.uint64, np.uint64], first_image: int, tile: int, tiles: int) -> None:  # fmt: skip
    """Convert (images, rows, columns), each row a read of its own with the noise of its own comparisons."""
    for row in range(current.shape[1]):
        codes, out_of_range = np.zeros_like(current[:, row]), np.zeros(len(current))
        key = ReadKey(*words, first_image, row * tiles + tile)
        adc.convert_into(np.ascontiguousarray(current[:, row]), codes, out_of_range, key)
        converted[:, row] = codes
        clipped[:, row] = out_of_range


def _driven(aged: AgedCrossbar, converters: Converters) -> tuple[np.ndarray, np.ndarray]:
    """What the DAC makes of an input of 1, float32 (rows,), and the conductance that each row then drives."""
    dac, rows = converters.dac, len(aged.row_siemens)
    one = np.ones((rows, 1), np.float32)
    driven, square, siemens = np.empty_like(one), np.empty_like(one), np.zeros(rows)
    amplitude = aged.crossbar.read.coding == "amplitude"
    for row in range(rows):  # each a vector of its own, so that what it drives is told apart
        at = slice(row, row + 1)
        reads.encode(one[at], np.float32(dac.lsb), np.float32(dac.low), np.float32(dac.high), amplitude,
                     aged.row_siemens[at], 1, driven[at], square[at], siemens[at], np.zeros(1))  # fmt: skip
    return driven[:, 0], siemens


def _scaled(aged: AgedCrossbar, converted: np.ndarray, driven: np.ndarray, gain: float) -> np.ndarray:
    """The digital side of a read: G- taken off where it was converted apart, scale, gain, offset."""
    if aged.converts_apart:
        converted = converted[:, :, : aged.columns] - converted[:, :, aged.columns :]
    scale = aged.crossbar.scale
    weights = converted * np.float32(gain * scale.per_unit)
    if scale.offset:
        weights -= np.float32(scale.per_unit * scale.offset) * driven[:, None]
    return np.ascontiguousarray(weights, np.float32)
