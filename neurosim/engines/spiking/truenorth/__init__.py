"""Networks of neurosynaptic cores on Brian2's clock: TrueNorth, RANC's files, memristive synapses."""

from neurosim.engines.spiking.truenorth.clock import CoreClock
from neurosim.engines.spiking.truenorth.engine import TrueNorthEngine, count_cores, populations
from neurosim.engines.spiking.truenorth.ranc import run_ranc
from neurosim.engines.spiking.truenorth.ranc_files import (
    RancCase,
    format_rows,
    load_ranc,
    read_rows,
    write_rows,
)
from neurosim.engines.spiking.truenorth.tables import make_tables

__all__ = [
    "CoreClock",
    "RancCase",
    "TrueNorthEngine",
    "count_cores",
    "format_rows",
    "load_ranc",
    "make_tables",
    "populations",
    "read_rows",
    "run_ranc",
    "write_rows",
]
