"""Logic in a memory of two-state cells: two rows driven at once, and each column's current against references.

With conductances g of a 0 and G of a 1, a column of two driven rows gives 2g, g + G or 2G. A reference between the
first two tells OR, one between the last two AND, both together XOR; NOT comes from the other side of the sense
amplifier (Jain et al., IEEE Trans. VLSI Syst. 26, 470, 2018, arXiv 1703.02118). Sums of words follow from XOR and AND
with a carry beside the array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.devices.device import Device
from neurosim.devices.draws import normals
from neurosim.foundation.errors import ConfigError, DataError, near
from neurosim.foundation.streams import Stream

OPERATIONS = ("read", "or", "and", "xor", "nor", "nand", "xnor")


@dataclass(frozen=True)
class References:
    """Conductances that column sums are compared with, siemens: of one row for a read, of two for OR and AND."""

    read_siemens: float
    or_siemens: float
    and_siemens: float

    @staticmethod
    def between(low_siemens: float, high_siemens: float) -> References:
        """Half way between the nominal sums."""
        middle = (low_siemens + high_siemens) / 2
        return References(middle, middle + low_siemens, middle + high_siemens)


@dataclass(frozen=True)
class BitwiseArray:
    """Rows of bits in programmed cells; a 1 is the high conductance. Reading changes nothing.

    state : the device technology's struct of arrays, shape (rows, columns)
    """

    device: Device[Any]
    state: Any
    stream: Stream
    rows: int

    @staticmethod
    def program(bits: np.ndarray, device: Device[Any], stream: Stream) -> BitwiseArray:
        """Write bits, bool (rows, columns), into fresh devices. DataError for another shape or type."""
        if bits.ndim != 2 or bits.dtype != np.bool_:
            raise DataError(
                "bits", "a bool array (rows, columns)", f"{bits.dtype} {bits.shape}", "use one row per word"
            )
        span = device.parameters
        targets = np.where(bits, span.g_max_siemens, span.g_min_siemens).astype(np.float32)
        return BitwiseArray(device, device.program(targets, stream.child("devices")), stream, len(bits))

    @property
    def references(self) -> References:
        """Half way between the nominal sums of the device."""
        return References.between(self.device.parameters.g_min_siemens, self.device.parameters.g_max_siemens)

    def compute(
        self, operation: str, first: np.ndarray, second: np.ndarray, t_s: float, read: int = 0
    ) -> np.ndarray:
        """The operation on pairs of rows, bool (pairs, columns).

        first, second : int (pairs,), rows driven together; "read" drives the first alone
        read : number of the read, which keys its noise

        Raises ConfigError for an unknown operation and for a row paired with itself, DataError for rows that are not
        there.
        """
        if operation not in OPERATIONS:
            raise ConfigError(
                "operation", f"one of {', '.join(OPERATIONS)}", repr(operation), near(operation, OPERATIONS)
            )
        self._check_rows(first, second, operation)
        sums = self._sums(first, None if operation == "read" else second, t_s, read)
        limits = self.references
        if operation == "read":
            return sums > limits.read_siemens
        either, both = sums > limits.or_siemens, sums > limits.and_siemens
        plain = {"or": either, "and": both, "xor": either & ~both}
        return plain[operation] if operation in plain else ~plain[_INVERTED[operation]]

    def add(self, first: np.ndarray, second: np.ndarray, t_s: float, read: int = 0) -> np.ndarray:
        """Sums of words of which the first column is the lowest bit: bool (pairs, columns + 1), carry last.

        One access gives AND and XOR of all columns; the carry ripples through gates beside the array. Raises as
        `compute`.
        """
        both = self.compute("and", first, second, t_s, read)
        odd = self.compute("xor", first, second, t_s, read)  # of the same access: the same noise
        total = np.zeros((len(odd), odd.shape[1] + 1), np.bool_)
        carry = np.zeros(len(odd), np.bool_)
        for bit in range(odd.shape[1]):
            total[:, bit] = odd[:, bit] ^ carry
            carry = both[:, bit] | (odd[:, bit] & carry)
        total[:, -1] = carry
        return total

    def _sums(self, first: np.ndarray, second: np.ndarray | None, t_s: float, read: int) -> np.ndarray:
        """Noisy column sums, float32 (pairs, columns), siemens."""
        g, variance = self.device.aged(self.state, t_s, None, self.stream.child("devices"))
        sums, spread = g[first], variance[first]
        if second is not None:
            sums, spread = sums + g[second], spread + variance[second]
        if not spread.any():
            return np.asarray(sums)
        noise = normals(sums.shape, self.stream.child("read", float(t_s), read))
        return np.asarray(sums + np.sqrt(spread) * noise)

    def _check_rows(self, first: np.ndarray, second: np.ndarray, operation: str) -> None:
        for name, rows in (("first", first), ("second", second)):
            if rows.size and not (rows.min() >= 0 and rows.max() < self.rows):
                raise DataError(
                    name,
                    f"rows from 0 to {self.rows - 1}",
                    f"{rows.min()} to {rows.max()}",
                    "choose rows there are",
                )
        if operation != "read" and np.any(first == second):
            row = int(first[first == second][0])
            raise ConfigError(
                "second", "another row than the first", f"row {row} twice", "a row cannot be driven twice"
            )


_INVERTED = {"nor": "or", "nand": "and", "xnor": "xor"}
