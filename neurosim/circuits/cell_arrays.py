"""Physical arrays of cells: which devices of a crossbar share one, and what may be solved."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from neurosim.circuits.parameters import WireParameters
from neurosim.foundation.errors import DataError, LimitError

ALWAYS_THERE = 2**24  # bytes that are not worth asking for
Part = tuple[slice, slice, slice, slice]


def physical_arrays(shape: tuple[int, ...], wires: WireParameters, row_splits: tuple[int, ...],
                    column_splits: tuple[int, ...] | None) -> list[Part]:  # fmt: skip
    """The physical arrays among devices (polarities, devices, rows, columns): every tile, and every polarity apart."""
    together = wires.pair == "interleaved"
    pairs = [slice(0, shape[0])] if together else [slice(p, p + 1) for p in range(shape[0])]
    rows = [slice(a, b) for a, b in pairwise(np.cumsum((0, *row_splits)).tolist())]
    columns = [slice(a, b) for a, b in pairwise(np.cumsum((0, *(column_splits or shape[3:]))).tolist())]
    return [(pair, slice(None), row, column) for pair in pairs for row in rows for column in columns]


def side_by_side(cells: np.ndarray) -> np.ndarray:
    """(polarities, devices, rows, columns) as one array, float64, the devices of a weight in neighbouring columns."""
    rows = cells.shape[2]
    return np.ascontiguousarray(cells.transpose(2, 3, 0, 1)).reshape(rows, -1).astype(np.float64)


def lay_back(array: np.ndarray, cells: np.ndarray) -> None:
    """The reverse of `side_by_side`, into `cells`."""
    polarities, devices, rows, columns = cells.shape
    cells[...] = array.reshape(rows, columns, polarities, devices).transpose(2, 3, 0, 1)


def checked_array(g_siemens: np.ndarray, needed_bytes: Callable[[int, int], int]) -> np.ndarray:
    """The conductances of one physical array as float64 (rows, columns).

    needed_bytes : how much memory solving an array of so many rows and columns takes

    Raises DataError for conductances that are negative or not finite, LimitError where the memory is not there.
    """
    shape = np.shape(g_siemens)
    if len(shape) != 2 or 0 in shape:
        raise DataError("conductances of an array", "(rows, columns), at least one of each", f"shape {shape}",
                        "give one physical array")  # fmt: skip
    _require_memory(shape, needed_bytes(*shape))
    g = np.ascontiguousarray(g_siemens, np.float64)
    wrong = np.argwhere(~((g >= 0) & np.isfinite(g)))
    if len(wrong):
        row, column = wrong[0]
        raise DataError("conductances of an array", "finite values, zero or positive",
                        f"{g[row, column]} S at row {row}, column {column}", "check the devices")  # fmt: skip
    return g


def _require_memory(shape: tuple[int, ...], needed_bytes: int) -> None:
    """LimitError where solving an array takes more memory than there is."""
    if needed_bytes < ALWAYS_THERE:
        return
    there = available_bytes()
    if needed_bytes > there:
        raise LimitError(
            f"wires of an array of {shape[0]} x {shape[1]} cells",
            f"{_size(needed_bytes)} of memory",
            f"{_size(there)} available",
            "use smaller tiles, or a machine with more memory",
        )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def available_bytes() -> int:
    """Memory that can be had now, where the system says it (Linux); else all that the machine has."""
    report = Path("/proc/meminfo")
    if report.exists():
        for line in report.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
