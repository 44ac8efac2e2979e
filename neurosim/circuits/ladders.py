"""One wire and the cells on it as a ladder of resistors: closed recursions, valid for wires of no resistance too.

Written for columns, whose held end is behind the last row; `turned` makes columns of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ladder:
    """What one wire alone does, its cells ending in ground; arrays (rows, columns), one ladder per column.

    potentials : at every node, for one volt behind the held end; by reciprocity the share of a current injected
        there that reaches that end
    resistances : ohms from every node to ground through the wire and the other cells, without its own cell
    """

    potentials: np.ndarray
    resistances: np.ndarray


def column_ladders(g: np.ndarray, segment_ohms: float, end_ohms: float) -> Ladder:
    """Ladders of the columns of g (float64 siemens, rows x columns).

    end_ohms : between the last node and the held end, its segment of wire included
    """
    rows = len(g)
    above = np.zeros_like(g)  # admittance upwards from each node, its own cell left out
    for i in range(1, rows):
        whole = above[i - 1] + g[i - 1]
        above[i] = whole / (1 + segment_ohms * whole)
    potentials, below = np.empty_like(g), np.empty_like(g)
    below[-1] = end_ohms
    potentials[-1] = 1 / (1 + end_ohms * (above[-1] + g[-1]))
    for i in range(rows - 2, -1, -1):
        below[i] = segment_ohms + below[i + 1] / (1 + g[i + 1] * below[i + 1])
        potentials[i] = potentials[i + 1] / (1 + segment_ohms * (above[i] + g[i]))
    return Ladder(potentials, below / (1 + below * above))


def turned(g: np.ndarray) -> np.ndarray:
    """The array seen from its sense circuits: rows become columns, drivers stand behind the last row.

    Turning twice gives g back; a transfer matrix turns with its array (reciprocity).
    """
    return np.ascontiguousarray(g[::-1, ::-1].T)
