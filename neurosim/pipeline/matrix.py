"""A plain matrix on a chip: programmed, aged, multiplied; for transforms, studies and measures of precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.chips import Chip
from neurosim.circuits.crossbar import Tally
from neurosim.engines.blocks import padded
from neurosim.engines.engine import BLOCK
from neurosim.engines.inference.rate import forward_block
from neurosim.foundation.blas import one_blas_thread
from neurosim.foundation.errors import DataError
from neurosim.graph import Dense, InputSpec, Network
from neurosim.placement import place
from neurosim.programming import ProgrammedChip, calibrate_network, program

NAME = "matrix"


@dataclass(frozen=True)
class MatrixOnChip:
    """A matrix (rows, columns) in the devices of one programmed chip."""

    programmed: ProgrammedChip

    def product(self, x: np.ndarray, t_s: float) -> np.ndarray:
        """x W as the chip computes it t_s seconds after programming.

        x : float32 (vectors, rows); a vector's index keys its read noise. Returns float32 (vectors, columns).
        Computed in blocks of 250 vectors, so that one vector's result does not depend on how many there are.
        Raises DataError for another shape.
        """
        rows = self.programmed.network.input.shape[0]
        if x.ndim != 2 or x.shape[1] != rows:
            raise DataError("x", f"shape (vectors, {rows})", f"{x.shape}", "one row per input vector")
        aged = self.programmed.age_to(t_s)
        blocks = []
        with one_blas_thread():
            for start in range(0, len(x), BLOCK):
                blocks.append(forward_block(aged, padded(x, start), start, {NAME: Tally(BLOCK)}))
        return np.asarray(np.concatenate(blocks)[: len(x)])


def program_matrix(
    weights: np.ndarray, chip: Chip, calibration: np.ndarray, root: int, instance: int = 0
) -> MatrixOnChip:
    """Program a float32 matrix (rows, columns) into one chip.

    calibration : float32 (vectors, rows), inputs that set the converters' ranges; with negative numbers among them
        the inputs are signed
    root, instance : seed and number of the chip, which name every random draw

    Raises DataError for weights or inputs that are not finite.
    """
    spec = InputSpec(dataset=NAME, shape=(weights.shape[0],))
    layer = Dense(kind="dense", name=NAME, units=weights.shape[1], bias=False)
    network = Network(NAME, spec, (layer,), {NAME: {"weight": np.ascontiguousarray(weights.T, np.float32)}})
    fed = calibrate_network(network, np.ascontiguousarray(calibration, np.float32))
    return MatrixOnChip(program(network, chip, place(network, chip, fed.signed), fed, root, instance))
