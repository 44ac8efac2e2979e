"""Weight cells: which conductances hold a weight, and what is left to do digitally."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.circuits.parameters import CellParameters
from neurosim.devices.parameters import ConductanceRange
from neurosim.foundation.errors import DataError


@dataclass(frozen=True)
class WeightScale:
    """How a normalised column current turns back into a product of weights.

    With u = sum_i x_i (G+ - G-)_ij / (n g_max), n devices in parallel, the product is
    `per_unit` * (u - `offset` * sum_i x_i).
    """

    per_unit: float
    offset: float


def cell_targets(
    weights: np.ndarray, cell: CellParameters, span: ConductanceRange
) -> tuple[np.ndarray, WeightScale]:
    """Target conductances of every device that holds a matrix, and the way back.

    weights : float32 (rows, columns); the largest magnitude is put at g_max

    Returns float32 siemens (polarities, devices, rows, columns), polarities 2 (G+, G-) for differential
    cells and 1 for offset cells, and the scale. Raises DataError for weights that are not finite.
    """
    if not np.isfinite(weights).all():
        count = int((~np.isfinite(weights)).sum())
        raise DataError(
            "weights", "finite numbers", f"{count} NaN or infinite", "repair or retrain the network"
        )
    w_max = float(np.abs(weights).max(initial=0)) or 1.0
    width = span.g_max_siemens - span.g_min_siemens
    w = weights.astype(np.float64) / w_max
    if cell.kind == "differential":
        unit = np.stack([np.maximum(w, 0), np.maximum(-w, 0)])
        scale = WeightScale(w_max * span.g_max_siemens / width, 0.0)
    else:
        unit = ((w + 1) / 2)[None]
        middle = (span.g_min_siemens + width / 2) / span.g_max_siemens
        scale = WeightScale(2 * w_max * span.g_max_siemens / width, middle)
    devices = np.arange(cell.devices_per_weight)[:, None, None]
    shares = np.repeat(unit[:, None], cell.devices_per_weight, axis=1)
    if cell.levels == "binary":
        # device k is on where the nearest whole number of devices is above k
        shares = (devices < np.rint(unit * cell.devices_per_weight)[:, None]).astype(np.float64)
    return (span.g_min_siemens + shares * width).astype(np.float32), scale
