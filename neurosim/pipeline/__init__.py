"""The whole way: load, place, program, execute, record, price.

`running.py` is that way on one page; beside it stands one file per way in which a network gets onto a chip
(rates on crossbars, spikes, spike times, ticks of cores, learning on the chip), each of which gives a `Work`.
"""

from neurosim.pipeline.progress import Progress, Silent
from neurosim.pipeline.running import Run, run
from neurosim.pipeline.work import Request, Work

__all__ = ["Progress", "Request", "Run", "Silent", "Work", "run"]
