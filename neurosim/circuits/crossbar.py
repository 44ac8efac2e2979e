"""The crossbar: a weight matrix held by devices on tiles, and the analog product it computes.

It knows no layer type. Programming makes a `Crossbar` (the devices, for life); `age_to` makes an
`AgedCrossbar` (what a read at that time sees), or its counterpart for sliced weights and inputs in phases,
`AgedSliced`. Reading changes nothing but the tally.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurosim.circuits.aged import AgedCrossbar, floating
from neurosim.circuits.cells import cell_targets, sliced_targets
from neurosim.circuits.held import Converters, HeldMatrix, Read, Tally
from neurosim.circuits.parameters import CellParameters, ReadParameters, WireParameters
from neurosim.circuits.sliced import AgedSliced
from neurosim.circuits.wires import POWER_IN_MEAN, effective
from neurosim.devices.device import Device
from neurosim.foundation.streams import Stream

# With a smaller part of the inputs driven, and at least so many columns, visiting the driven rows alone is
# faster than the whole matrix product (benchmarks/speed.py).
SPARSE_INPUTS, SPARSE_COLUMNS = 0.4, 64


@dataclass(frozen=True)
class Crossbar(HeldMatrix):
    """A programmed matrix with the fields of `HeldMatrix`: how it is made, and what becomes of it."""

    @staticmethod
    def program(weights: np.ndarray, device: Device[Any], cell: CellParameters, read: ReadParameters,
                row_splits: tuple[int, ...], stream: Stream, driven: float = 1.0,
                wires: WireParameters | None = None, column_splits: tuple[int, ...] | None = None,
                power_in_mean: float = POWER_IN_MEAN) -> Crossbar:  # fmt: skip
        """Program a float32 matrix (rows, columns) into fresh devices drawn from `stream`.

        driven : part of the inputs that is not zero on calibration data; decides how products are computed
        wires, column_splits : resistances around the cells, and the lengths of the column tiles they act in
        power_in_mean : (mean x)^2 / mean x^2 of calibration data, for the read noise behind wires

        Raises DataError for weights that are not finite.
        """
        flips = None
        if cell.sliced:
            held = sliced_targets(weights, cell, device.parameters, row_splits)
            targets, scale, flips = held.siemens, held.scale, held.flips
        else:
            targets, scale = cell_targets(weights, cell, device.parameters)
        state = device.program(targets, stream.child("devices"))
        sparse = driven < SPARSE_INPUTS and weights.shape[1] >= SPARSE_COLUMNS
        return Crossbar(
            device, cell, read, row_splits, scale, state, stream, sparse, wires, column_splits, flips,
            power_in_mean,
        )  # fmt: skip

    def age_to(self, t_s: float, t_chip_s: float) -> AgedCrossbar:
        """What reads see t_s seconds after programming (absolute: ageing twice is not ageing more).

        t_chip_s, the chip time of one inference, parts the frozen from the per-read noise. Sliced weights and inputs
        in phases give an `AgedSliced`.
        """
        aged = self._aged(t_s, t_chip_s)
        if self.read.sensing == "voltage" and t_s > 0 and not self.cell.sliced:
            return floating(aged, self._aged(0.0, t_chip_s))
        return aged

    def _aged(self, t_s: float, t_chip_s: float) -> AgedCrossbar:
        """The conductances of a time, sensed as currents."""
        split = {"split": t_chip_s, "independent": None, "none": t_chip_s}[self.read.noise]
        g, variance = self.device.aged(self.state, t_s, split, self.stream.child("devices"))
        if self.read.noise == "none":
            g, variance = self.device.conductance(self.state, t_s), np.zeros_like(variance)
        arrange = AgedSliced.of if self.in_parts else AgedCrossbar.of
        if self.wires is None:
            return arrange(self, g, variance, t_s)
        reached, spread = effective(
            g, variance, self.wires, self.row_splits, self.column_splits, self.power_in_mean
        )
        return replace(arrange(self, reached, spread, t_s), own_siemens=g)


__all__ = ["AgedCrossbar", "Converters", "Crossbar", "Read", "Tally"]
