"""Loops over phase-change devices: ageing. Their pulses are in `plastic`, beside those of other technologies."""

from __future__ import annotations

import numpy as np
from numba import njit

_F32 = np.float32


@njit(fastmath=True, nogil=True, cache=True)
def age(g, nu, q, log_time, frozen, z, per_read, aged, variance):  # type: ignore[no-untyped-def]
    """Drift every device and freeze its slow noise; all arrays flat float32 of one length.

    aged = max(g exp(-nu log_time) (1 + q frozen z), 0); variance = (g exp(-nu log_time) q per_read)^2.
    """
    for i in range(g.size):
        drifted = g[i] * np.exp(-nu[i] * log_time)
        aged[i] = max(drifted + drifted * q[i] * frozen * z[i], _F32(0))
        spread = drifted * q[i] * per_read
        variance[i] = spread * spread
