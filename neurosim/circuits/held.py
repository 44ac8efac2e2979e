"""What a read meets, and the matrix that devices hold: the parts that crossbars of every kind share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.circuits.cells import WeightScale
from neurosim.circuits.converters import Converter
from neurosim.circuits.parameters import CellParameters, ReadParameters, WireParameters
from neurosim.circuits.wires import POWER_IN_MEAN
from neurosim.devices.device import Device
from neurosim.foundation.streams import Stream


@dataclass
class Tally:
    """What the data decide, counted per image of a block: float64 (images,) each."""

    images: int
    array_siemens: np.ndarray = field(init=False)
    dac_saturations: np.ndarray = field(init=False)
    adc_saturations: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.array_siemens, self.dac_saturations, self.adc_saturations = (
            np.zeros(self.images) for _ in range(3)
        )


@dataclass(frozen=True)
class Converters:
    """The calibrated converters of a crossbar: one DAC setting, one ADC setting per row tile."""

    dac: Converter
    adcs: tuple[Converter, ...]


@dataclass(frozen=True)
class Read:
    """Which images a read serves, and the key of its noise.

    `first_image` is the data-set index of the first of `images` consecutive images.
    """

    first_image: int
    images: int
    noise: Stream
    tally: Tally

    @staticmethod
    def unseen(images: int) -> Read:
        """A read whose events nobody wants to know, and that draws no noise."""
        return Read(0, images, Stream(0), Tally(images))


@dataclass(frozen=True)
class HeldMatrix:
    """A matrix (rows, columns) programmed into devices, cut into row tiles of the given lengths.

    `state` is the device technology's struct of arrays, shape (polarities, devices, rows, columns), the devices of
    sliced weights slice by slice; `sparse` says that most inputs are zero, and products visit the driven rows alone.
    flips : of sliced weights, columns that hold complements, as `SlicedTargets` has them
    power_in_mean : share of the inputs' power that lies in their mean, which wires make a part of the read noise
    """

    device: Device[Any]
    cell: CellParameters
    read: ReadParameters
    row_splits: tuple[int, ...]
    scale: WeightScale
    state: Any
    stream: Stream
    sparse: bool = False
    wires: WireParameters | None = None
    column_splits: tuple[int, ...] | None = None
    flips: np.ndarray | None = None
    power_in_mean: float = POWER_IN_MEAN

    @property
    def in_parts(self) -> bool:
        """Whether weights come in slices or inputs in phases, so that `age_to` gives an `AgedSliced`."""
        return self.cell.sliced or self.read.serial

    def read_out(self, t_s: float) -> dict[str, np.ndarray]:
        """Every device at a time: mean conductance and the device's own parameters, named arrays."""
        arrays = dict(self.device.to_arrays(self.state))
        arrays["conductance"] = self.device.conductance(self.state, t_s)
        return arrays
