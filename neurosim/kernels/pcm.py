"""Loops over phase-change devices: ageing, and trains of partial SET pulses."""

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


@njit(nogil=True, cache=True)
def crystallise(g, memory, pulses, z, decay, mu, sd, g_max):  # type: ignore[no-untyped-def]
    """Partial SET pulses on each device, in place (Nandakumar et al., J. Appl. Phys. 124, 152135, 2018).

    g : float32 siemens; memory : float32, the state P, 1 after RESET; pulses : integers per device
    z : float32 (devices, most pulses) standard normals; decay = exp(-1 / memory length)
    mu, sd : three coefficients each: of g, constant (siemens), of P (siemens)
    """
    for i in range(g.size):
        value, p = np.float64(g[i]), np.float64(memory[i])
        for k in range(pulses[i]):
            p *= decay
            step = mu[0] * value + mu[1] + mu[2] * p + (sd[0] * value + sd[1] + sd[2] * p) * z[i, k]
            value = min(max(value + step, 0.0), g_max)
        g[i], memory[i] = _F32(value), _F32(p)
