"""Running a network of RANC's, with the rows that its simulator would print."""

from __future__ import annotations

import numpy as np

from neurosim.engines.spiking.truenorth.clock import CoreClock
from neurosim.engines.spiking.truenorth.ranc_files import RancCase
from neurosim.engines.spiking.truenorth.tables import make_tables
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.streams import stream


def run_ranc(case: RancCase, ticks: int) -> np.ndarray:
    """Rows bool (ticks, outputs): row r is what left on the output bus in tick r, ticks counted from 1.

    Row 0 is empty but for packets sent straight to the bus; as in RANC, what the last tick sends is not printed.
    Raises ConfigError for fewer than one tick.
    """
    if ticks < 1:
        raise ConfigError("ticks", "1 or more", str(ticks), "give the number of ticks to run")
    rows = np.zeros((ticks, case.network.outputs), bool)
    clock = CoreClock(make_tables(case.network), case.network.neurons.v_initial, stream(0))
    clock.restart(0, first_tick=1)
    for tick in range(1, ticks):
        axons = case.arrivals.get(tick, np.zeros(0, np.int64))
        clock.arrive(np.zeros(len(axons), np.int64), axons)
        clock.step()
        rows[tick] = clock.outputs[0, : rows.shape[1]]
    for tick, outputs in case.direct.items():
        if tick < ticks:
            rows[tick, outputs] = True
    return rows
