"""Sweeps: many runs over a grid or a Monte Carlo, on workers of this machine or a cluster; the only Dask."""

from neurosim.sweep.description import Sweep, read_sweep
from neurosim.sweep.points import Outcome
from neurosim.sweep.running import SweepResult, Watch, run_sweep
from neurosim.sweep.table import read_table

__all__ = ["Outcome", "Sweep", "SweepResult", "Watch", "read_sweep", "read_table", "run_sweep"]
