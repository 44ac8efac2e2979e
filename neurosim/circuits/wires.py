"""Resistances of wires, drivers and sense circuits around the cells of a tile (IR drop)."""

from __future__ import annotations

import numpy as np

from neurosim.circuits.parameters import WireParameters


def effective(g_siemens: np.ndarray, variance: np.ndarray, wires: WireParameters, row_splits: tuple[int, ...],
              column_splits: tuple[int, ...] | None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Effective conductances of every cell: what a volt at its row's driver gives at its column's sense circuit.

    g_siemens, variance : float32 (polarities, devices, rows, columns), and so is what comes back
    row_splits, column_splits : lengths of the tiles, each solved on its own; None: one column tile
    """
    raise NotImplementedError
